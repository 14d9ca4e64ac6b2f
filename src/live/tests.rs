//! The core with a server that has neither files nor a watcher.

use std::{sync::Arc, time::SystemTime};

use http_body_util::BodyExt;
use hyper::{
    Method,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Live, Options, PageSource, RequestHead, Stamp,
    change_source::NoChanges,
    reload::{
        hub::{Hub, Reload},
        message::Hello,
        tab_handle::TabHandle,
        tab_record::ClientInfo,
    },
};
use crate::{
    change::{Change, ChangeSet, Kind},
    event::Events,
    http::body::{self, Response},
};

fn live() -> Arc<Live> {
    Live::new(Options {
        hub: Hub::new(Reload::Used),
        changes: Arc::new(NoChanges),
        page_errors: None,
        hears_errors: true,
        morph: true,
        events: Events::default(),
        tasks: TaskTracker::new(),
        cancel: CancellationToken::new(),
    })
}

fn headers(name: &'static str, value: &'static str) -> HeaderMap {
    [(HeaderName::from_static(name), HeaderValue::from_static(value))].into_iter().collect()
}

fn html(text: &'static str) -> Response {
    let mut response = Response::new(body::full(text));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
    response
}

async fn answer(live: &Live, headers: &HeaderMap, target: &str) -> Vec<u8> {
    let (path, query) = target.split_once('?').map_or((target, None), |(p, q)| (p, Some(q)));
    let head = RequestHead { method: &Method::GET, headers, host: "localhost", path, query };
    let ticket = live.on_request(head).await;
    let response = html("<!doctype html><title>a</title>");
    let response = live.on_response(&ticket, response, "test").await.unwrap();
    response.into_body().collect().await.unwrap().to_bytes().to_vec()
}

#[tokio::test]
async fn pages_of_any_server_are_instrumented_and_notified() {
    let live = live();
    let page = answer(&live, &headers("sec-fetch-dest", "document"), "/").await;
    let element = live.element(live.context.hub.stamp(), PageSource::None);
    assert_eq!(page, [b"<!doctype html>", &*element, b"<title>a</title>"].concat());
    let part = answer(&live, &headers("referer", "http://localhost/"), "/part.html").await;
    assert_eq!(part, b"<!doctype html><title>a</title>", "a fetched fragment");

    let tab = TabHandle::join(Arc::clone(&live.context.hub), ClientInfo::default());
    let hello = Hello { page: "/".into(), uses: Some(Vec::new()), ..Hello::default() };
    tab.hello(&hello, SystemTime::now());
    let publish = |path: &str| {
        live.publish(&ChangeSet::from_iter([Change { path: path.into(), kind: Kind::Modified }]))
    };
    assert_eq!(publish("/part.html"), (1, 1));
    assert_eq!(publish("/other.html"), (2, 0));
    assert_eq!(live.hub().version(), 2);
}

#[tokio::test]
async fn an_edge_that_was_removed_is_observed_again() {
    let live = live();
    let sheet = headers("referer", "http://localhost/a.css");
    answer(&live, &sheet, "/b.png").await;
    let tab = TabHandle::join(Arc::clone(&live.context.hub), ClientInfo::default());
    let hello = Hello { page: "/".into(), uses: Some(vec!["/a.css".into()]), ..Hello::default() };
    tab.hello(&hello, SystemTime::now());
    let publish = |path: &str| {
        live.publish(&ChangeSet::from_iter([Change { path: path.into(), kind: Kind::Modified }])).1
    };
    // The sheet is swapped in place, so what it used before no longer counts.
    assert_eq!((publish("/a.css"), publish("/b.png")), (1, 0));
    answer(&live, &sheet, "/b.png").await;
    answer(&live, &sheet, "/b.png").await;
    assert_eq!(publish("/b.png"), 1);
}

#[tokio::test]
async fn a_swap_by_the_document_before_is_no_use_by_the_next_one() {
    let live = live();
    let page = headers("referer", "http://localhost/");
    let publish = |path: &str| {
        live.publish(&ChangeSet::from_iter([Change { path: path.into(), kind: Kind::Modified }])).1
    };
    publish("/a.css");
    // Without the sheet from now on, but the client has begun to swap it.
    publish("/");
    answer(&live, &headers("sec-fetch-dest", "document"), "/").await;
    let tab = TabHandle::join(Arc::clone(&live.context.hub), ClientInfo::default());
    let hello =
        Hello { page: "/".into(), uses: Some(Vec::new()), served: Some(2), ..Hello::default() };
    tab.hello(&hello, SystemTime::now());
    answer(&live, &page, "/a.css?livers=1").await;
    assert_eq!(publish("/a.css"), 0);
    answer(&live, &page, "/a.css?other").await;
    assert_eq!(publish("/a.css"), 1);
}

#[test]
fn a_kept_source_is_named_in_the_element() {
    let live = live();
    let source = bytes::Bytes::from_static(b"<p>a");
    let kept = live.keep(0xabc, &source);
    assert_eq!(kept, PageSource::Kept(0xabc));
    let name = format!("{:032x}", 0xabc);
    let element = live.element(Stamp { version: 7, since: 8 }, kept);
    assert!(String::from_utf8_lossy(&element).contains(&format!(".7.8.{name}\" nonce=")));
    assert_eq!(live.source(&name), Some(source));
}
