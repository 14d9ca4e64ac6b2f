//! Restarts of a backend: waiting requests and reloaded pages.

use std::time::Duration;

use tokio::time::timeout;

use super::{http_response, route, start};
use crate::support::{backend::Backend, browser::browser, http, socket::Socket};

const PAGE: &str = "<!doctype html><title>app</title><p id=app>the backend's own page";

async fn app() -> Backend {
    Backend::start(|mut wire| async move {
        while let Some(head) = wire.request().await {
            wire.request_body(&head).await;
            wire.send(http_response("200 OK", "Content-Type: text/html\r\n", PAGE)).await;
        }
    })
    .await
}

#[tokio::test]
async fn pages_of_a_backend_reload_after_its_restart() {
    let mut backend = app().await;
    let other = app().await;
    let (livers, _dir) = start([route("/app", &backend), route("/other", &other)]).await;
    let context = browser().await;
    let pages = [
        context.open(&livers.at("/app/a%20b")).await,
        context.open(&livers.at("/other")).await,
        context.open(&livers.at("/")).await,
    ];
    for page in &pages {
        page.wait_for_request(|request| request.kind == "WebSocket" && request.status == Some(101))
            .await;
    }
    backend.stop().await;
    if !cfg!(target_os = "linux") {
        // Without a list of listeners, only a request shows that it is down.
        assert_eq!(http::get(livers.port(), "/app").await.status, 502);
    }
    livers.wait_for_line(|line| line.contains("is down")).await;
    backend.start_again().await;
    pages[0].wait_for_navigation().await;
    pages[0].wait_until("document.querySelector('#app') !== null").await;
    assert_eq!(pages[0].navigations(), 2, "once");
    for page in &pages[1..] {
        assert_eq!(page.navigations(), 1, "another backend");
    }
}

#[tokio::test]
async fn restart_shown_by_a_request_is_reported_once() {
    let mut backend = app().await;
    let (livers, _dir) = start([route("/app", &backend)]).await;
    let page = browser().await.open(&livers.at("/app")).await;
    page.wait_for_request(|request| request.kind == "WebSocket" && request.status == Some(101))
        .await;
    // Several times, because livers observes the listener every half second.
    for times in 1..=5 {
        backend.stop().await;
        assert_eq!(http::get(livers.port(), "/app").await.status, 502);
        let before = livers.lines().len();
        backend.start_again().await;
        page.wait_for_navigation().await;
        page.wait_until("document.querySelector('#app') !== null").await;
        let again = livers.wait_for_line_after(before, |line| line.contains("restarting"));
        let again = timeout(Duration::from_millis(700), again).await;
        assert!(again.is_err(), "{again:?}");
        assert_eq!(page.navigations(), 1 + times, "once each");
    }
}

#[tokio::test]
async fn requests_wait_for_a_restart_with_proxy_wait() {
    let mut backend = app().await;
    backend.stop().await;
    let (livers, _dir) = start([route("/app", &backend), "--proxy-wait=60".to_owned()]).await;
    let port = livers.port();
    let waiting = tokio::spawn(async move { http::get(port, "/app").await });
    livers.wait_for_line(|line| line.contains("is down")).await;
    // Requests to other routes do not wait.
    assert_eq!(http::get(port, "/").await.status, 200);
    backend.start_again().await;
    let response = waiting.await.expect("a response");
    assert_eq!(response.status, 200, "{response:?}");
    livers.wait_for_line(|line| line.contains("is up again")).await;
    let refused = Socket::on(port).path("/app").try_open().await.err().expect("no socket");
    assert_eq!(refused.status, Some(200), "the response of the backend");
}
