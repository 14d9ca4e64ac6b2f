//! Backends that are started again: who waits, and which tabs reload.

use std::time::Duration;

use tokio::time::timeout;

use super::{answer, front, route};
use crate::support::{backend::Backend, browser::browser, http, socket::Socket};

const PAGE: &str = "<!doctype html><title>app</title><p id=app>the backend's own page";

async fn app() -> Backend {
    Backend::start(|mut wire| async move {
        while let Some(head) = wire.request().await {
            wire.request_body(&head).await;
            wire.send(answer("200 OK", "Content-Type: text/html\r\n", PAGE)).await;
        }
    })
    .await
}

#[tokio::test]
async fn pages_of_a_backend_reload_when_it_is_started_again() {
    let mut backend = app().await;
    let other = app().await;
    let (livers, _dir) = front([route("/app", &backend), route("/other", &other)]).await;
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
        // Where the system does not tell, somebody has to ask.
        assert_eq!(http::get(livers.port(), "/app").await.status, 502);
    }
    livers.wait_for_line(|line| line.contains("is down")).await;
    backend.start_again().await;
    pages[0].wait_for_navigation().await;
    pages[0].wait_until("document.querySelector('#app') !== null").await;
    assert_eq!(pages[0].navigations(), 2, "once");
    for page in &pages[1..] {
        assert_eq!(page.navigations(), 1, "not meant");
    }
}

#[tokio::test]
async fn a_restart_that_a_request_has_noticed_is_not_noticed_again() {
    let mut backend = app().await;
    let (livers, _dir) = front([route("/app", &backend)]).await;
    let page = browser().await.open(&livers.at("/app")).await;
    page.wait_for_request(|request| request.kind == "WebSocket" && request.status == Some(101))
        .await;
    // It may be in the middle of the second when livers looks who listens.
    for times in 1..=5 {
        backend.stop().await;
        assert_eq!(http::get(livers.port(), "/app").await.status, 502);
        let before = livers.lines().len();
        backend.start_again().await;
        page.wait_for_navigation().await;
        page.wait_until("document.querySelector('#app') !== null").await;
        let again = livers.wait_for_line_after(before, |line| line.contains("started again"));
        let again = timeout(Duration::from_millis(700), again).await;
        assert!(again.is_err(), "{again:?}");
        assert_eq!(page.navigations(), 1 + times, "once each");
    }
}

#[tokio::test]
async fn requests_wait_for_a_restart_where_they_are_told_to() {
    let mut backend = app().await;
    backend.stop().await;
    let (livers, _dir) = front([route("/app", &backend), "--proxy-wait=60".to_owned()]).await;
    let port = livers.port();
    let waiting = tokio::spawn(async move { http::get(port, "/app").await });
    livers.wait_for_line(|line| line.contains("is down")).await;
    // Nobody else waits.
    assert_eq!(http::get(port, "/").await.status, 200);
    backend.start_again().await;
    let got = waiting.await.expect("an answer");
    assert_eq!(got.status, 200, "{got:?}");
    livers.wait_for_line(|line| line.contains("is up again")).await;
    let refused = Socket::on(port).path("/app").try_open().await.err().expect("no socket");
    assert_eq!(refused.status, Some(200), "and the backend is quoted as ever");
}
