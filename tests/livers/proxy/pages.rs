//! A backend's pages, and what is none.

use std::{io::Write, sync::Arc};

use flate2::{Compression, write::GzEncoder};
use tokio::sync::Semaphore;

use super::{answer, front, route};
use crate::support::{
    backend::Backend,
    http::{self, Wire},
};

/// The text without livers' element, which must be in it exactly once.
fn without_element(text: &str) -> String {
    let (before, rest) = text.split_once("<script").unwrap_or_else(|| panic!("none in {text}"));
    let (element, after) = rest.split_once("</script>").expect("an end of the element");
    assert!(element.contains(" src=\"/__livers/client.js?"), "{element}");
    assert!(!after.contains("/__livers/"), "a second one in {text}");
    before.to_owned() + after
}

const NAVIGATION: [(&str, &str); 1] = [("Sec-Fetch-Dest", "document")];
const FETCH: [(&str, &str); 1] = [("Sec-Fetch-Dest", "empty")];

#[tokio::test]
async fn a_page_gets_one_element_while_the_backend_still_writes_it() {
    const FIRST: &str = "<!doctype html><html><head><title>x</title></head><body><p>first";
    const SECOND: &str = "<p>second</body></html>";
    let gate = Arc::new(Semaphore::new(0));
    let opened = Arc::clone(&gate);
    let backend = Backend::start(move |mut wire| {
        let gate = Arc::clone(&opened);
        async move {
            let asked = wire.request().await.expect("a request");
            assert_eq!(asked.headers.get("accept-encoding"), Some("identity"));
            let length = FIRST.len() + SECOND.len();
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {length}\r\n\
                 ETag: \"1\"\r\nLast-Modified: Mon, 01 Jan 2024 00:00:00 GMT\r\n\
                 Accept-Ranges: bytes\r\nX-End: kept\r\n\r\n"
            );
            wire.send(head + FIRST).await;
            gate.acquire().await.expect("open").forget();
            wire.send(SECOND).await;
        }
    })
    .await;
    let (livers, _dir) = front([route("/app", &backend)]).await;
    let mut wire = Wire::open(livers.port()).await;
    let fields = [NAVIGATION[0], ("Accept-Encoding", "gzip, br"), ("If-None-Match", "\"1\"")];
    wire.send(http::request_head(livers.port(), "GET", "/app", &fields, 0)).await;
    let head = wire.until(b"\r\n\r\n").await.expect("a head");
    for stale in ["content-length", "etag", "last-modified", "accept-ranges"] {
        assert!(!head.to_ascii_lowercase().contains(stale), "{head}");
    }
    assert!(head.to_ascii_lowercase().contains("x-end: kept"), "{head}");
    let first = wire.until(b"<p>first").await.expect("what the backend has written so far");
    gate.add_permits(1);
    let second = wire.until(b"</html>").await.expect("the rest");
    // In between are only the sizes of chunks, which have no letters of the page.
    let text = without_element(&(first + "<p>first" + &second + "</html>"));
    let page: String = text.split("\r\n").filter(|part| part.contains('<')).collect();
    assert_eq!(page, FIRST.to_owned() + SECOND);
}

#[tokio::test]
async fn a_navigation_gets_the_whole_page_and_no_old_validators() {
    const PAGE: &str = "<!doctype html><title>t</title><p>text";
    let fields = "Content-Type: text/html; charset=utf-8\r\nETag: \"1\"\r\n";
    let backend = Backend::answering(answer("404 Not Found", fields, PAGE)).await;
    let (livers, _dir) = front([route("/app", &backend)]).await;
    for (method, request) in [("GET", &NAVIGATION[..]), ("POST", &NAVIGATION[..]), ("GET", &[])] {
        let got = http::send(livers.port(), method, "/app", request, b"").await;
        assert_eq!(got.status, 404);
        assert_eq!(without_element(got.text()), PAGE, "{method} {request:?}");
        assert_eq!(got.header("etag"), None);
        assert_eq!(got.header("cache-control"), Some("no-cache"));
    }
}

#[tokio::test]
async fn what_is_no_page_passes_byte_for_byte() {
    const PAGE: &[u8] = b"<!doctype html><title>t</title><p>text";
    const GZIP: &[u8] = b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xb3\xb1\xb0\x03\0\x12\x34";
    let table: [(&str, &[(&str, &str)], &str, &[u8]); 8] = [
        ("JSON", &NAVIGATION, "Content-Type: application/json\r\n", b"{\"a\": \"<p>\"}"),
        ("a script", &[], "Content-Type: text/javascript\r\n", b"'<!doctype html>'"),
        ("an image", &NAVIGATION, "Content-Type: image/png\r\n", b"\x89PNG\r\n\x1a\n\0<html>"),
        ("no type", &NAVIGATION, "", PAGE),
        ("fetched HTML", &FETCH, "Content-Type: text/html\r\n", PAGE),
        (
            "compressed HTML that nobody here can read",
            &NAVIGATION,
            "Content-Type: text/html\r\nContent-Encoding: zstd\r\n",
            GZIP,
        ),
        (
            "compressed HTML that a script fetches",
            &FETCH,
            "Content-Type: text/html\r\nContent-Encoding: gzip\r\n",
            GZIP,
        ),
        (
            "a download",
            &NAVIGATION,
            "Content-Type: text/html\r\nContent-Disposition: attachment\r\n",
            PAGE,
        ),
    ];
    for (what, request, fields, body) in table {
        let fields =
            format!("{fields}ETag: \"1\"\r\nLast-Modified: Mon, 01 Jan 2024 00:00:00 GMT\r\n");
        let backend = Backend::answering(answer("200 OK", &fields, body)).await;
        let (livers, _dir) = front([route("/app", &backend)]).await;
        let got = http::get_with(livers.port(), "/app", request).await;
        assert!(got.body == body, "{what}: {got:?}");
        assert_eq!(got.header("content-length"), Some(body.len().to_string().as_str()), "{what}");
        for line in fields.lines() {
            let (name, value) = line.split_once(": ").expect("a field");
            assert_eq!(got.headers.get_all(name), [value], "{what}");
        }
        assert_eq!(got.header("cache-control"), None, "{what}");
    }
}

#[tokio::test]
async fn a_compressed_page_gets_the_element_too() {
    let page = format!("<!doctype html><title>t</title>{}", "<p>text</p>".repeat(10_000));
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(page.as_bytes()).expect("memory");
    let gzip = gzip.finish().expect("memory");
    let fields = "Content-Type: text/html\r\nContent-Encoding: gzip\r\nETag: \"1\"\r\n";
    let backend = Backend::answering(answer("200 OK", fields, &gzip)).await;
    let cut = answer("200 OK", fields, &gzip[..gzip.len() / 2]);
    let broken = Backend::answering(cut).await;
    let (livers, _dir) = front([route("/app", &backend), route("/broken", &broken)]).await;
    let got = http::get_with(livers.port(), "/app", &NAVIGATION).await;
    assert_eq!(without_element(got.text()), page);
    for stale in ["content-encoding", "content-length", "etag"] {
        assert_eq!(got.header(stale), None, "{got:?}");
    }
    let mut wire = Wire::open(livers.port()).await;
    wire.send(http::request_head(livers.port(), "GET", "/broken", &NAVIGATION, 0)).await;
    let got = wire.try_response(false).await;
    assert!(got.is_none_or(|got| !got.complete), "what is half is seen to be half");
}

#[tokio::test]
async fn a_part_or_news_may_be_asked_for() {
    let backend = Backend::start(|mut wire| async move {
        let asked = wire.request().await.expect("a request");
        let answer = match (asked.headers.get("if-none-match"), asked.headers.get("range")) {
            (Some("\"1\""), _) => "HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\n\r\n".into(),
            (_, Some("bytes=0-3")) => {
                let fields = "Content-Type: text/html\r\nContent-Range: bytes 0-3/8\r\n";
                answer("206 Partial Content", fields, "<htm")
            }
            _ => panic!("{asked:?}"),
        };
        wire.send(answer).await;
    })
    .await;
    let (livers, _dir) = front([route("/app", &backend)]).await;
    let got = http::get_with(livers.port(), "/app", &[FETCH[0], ("If-None-Match", "\"1\"")]).await;
    assert_eq!((got.status, got.header("etag")), (304, Some("\"1\"")));
    for request in [&FETCH[..], &NAVIGATION, &[]] {
        let request = [request, &[("Range", "bytes=0-3")]].concat();
        let got = http::get_with(livers.port(), "/app", &request).await;
        assert_eq!((got.status, got.text()), (206, "<htm"), "{request:?}");
    }
}
