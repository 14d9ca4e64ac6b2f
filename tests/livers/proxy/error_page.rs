//! The error page of a backend in a browser: it reloads once the backend is up.

use super::{http_response, route, start};
use crate::support::{backend::Backend, browser::browser, dir::TempDir, http};

const PAGE: &str = "<!doctype html><title>app</title><p id=app>the backend's own page";

/// Starts a backend with one page.
async fn app() -> Backend {
    Backend::answering(http_response("200 OK", "Content-Type: text/html\r\n", PAGE)).await
}

const SHOWS_ERROR: &str =
    "document.title.includes('no response') && !document.querySelector('#app')";
const SHOWS_APP: &str = "document.title === 'app' && document.querySelector('#app') !== null";

#[tokio::test]
async fn error_page_reloads_each_time_the_backend_comes_up() {
    let mut backend = app().await;
    backend.stop().await;
    let (livers, _dir) = start([route("/app", &backend)]).await;
    let page = browser().await.open(&livers.at("/app/a%20b/é?x=1#part")).await;
    for times in 1..=3 {
        assert!(page.eval::<bool>(SHOWS_ERROR).await, "{times}");
        let text = page.eval::<String>("document.body.textContent").await;
        assert!(text.contains(&format!("{} is unreachable", backend.url())), "{text}");
        backend.start_again().await;
        page.wait_for_navigation().await;
        page.wait_until(SHOWS_APP).await;
        assert_eq!(page.eval::<String>("location.search + location.hash").await, "?x=1#part");
        assert_eq!(page.navigations(), 2 * times, "one reload");

        backend.stop().await;
        assert!(page.eval::<bool>(SHOWS_APP).await, "the page stays");
        page.reload().await;
    }
    let requests = page.requests();
    let documents: Vec<_> =
        requests.iter().filter(|r| r.kind == "Document").filter_map(|r| r.status).collect();
    assert_eq!(documents, [502, 200, 502, 200, 502, 200, 502]);
}

#[tokio::test]
async fn all_error_pages_reload_and_other_pages_do_not() {
    let mut backend = app().await;
    let other = app().await;
    backend.stop().await;
    let (livers, _dir) = start([route("/app", &backend), route("/other", &other)]).await;
    let context = browser().await;
    let waiting =
        [context.open(&livers.at("/app")).await, context.open(&livers.at("/app/b")).await];
    let others = [context.open(&livers.at("/other")).await, context.open(&livers.at("/")).await];
    backend.start_again().await;
    for page in &waiting {
        page.wait_for_navigation().await;
        page.wait_until(SHOWS_APP).await;
        assert_eq!(page.navigations(), 2);
    }
    for page in &others {
        assert_eq!(page.navigations(), 1);
    }
}

#[tokio::test]
async fn successful_request_reloads_the_error_pages() {
    let mut backend = app().await;
    backend.stop().await;
    let (livers, _dir) = start([route("/app", &backend)]).await;
    let page = browser().await.open(&livers.at("/app")).await;
    backend.start_again().await;
    assert_eq!(http::get(livers.port(), "/app").await.status, 200);
    page.wait_for_navigation().await;
    page.wait_until(SHOWS_APP).await;
}

#[tokio::test]
async fn error_page_reloads_after_a_restart_of_livers() {
    let mut backend = app().await;
    backend.stop().await;
    let (mut livers, _dir) = start([route("/app", &backend), "--verbose".to_owned()]).await;
    let page = browser().await.open(&livers.at("/app")).await;
    livers.wait_for_line(|line| line.contains("tabs     1 open")).await;
    // Advances the page's clock past the time in which it ignores a new connection.
    page.run("(() => { const now = Date.now; Date.now = () => now() + 5000; })()").await;
    let before = livers.lines().len();
    livers.restart().await;
    // The page reloads and shows the error again.
    livers.wait_for_line_after(before, |line| line.contains("is down")).await;
    page.wait_until(SHOWS_ERROR).await;
    backend.start_again().await;
    page.wait_until(SHOWS_APP).await;
}

#[tokio::test]
async fn reload_waits_for_a_backend_that_is_starting() {
    let mut backend = app().await;
    let more = TempDir::new();
    let watch = format!("--watch={}", more.path().display());
    let (livers, _dir) = start([route("/app", &backend), watch]).await;
    let page = browser().await.open(&livers.at("/app")).await;
    page.wait_for_request(|request| request.kind == "WebSocket" && request.status == Some(101))
        .await;
    backend.stop().await;
    for n in 0..2 {
        more.write("main.rs", n.to_string());
        page.wait_for_request(|r| r.method == "HEAD" && r.status == Some(502)).await;
        assert!(page.eval::<bool>(SHOWS_APP).await, "{n}: the page stays");
    }
    backend.start_again().await;
    page.wait_for_navigation().await;
    page.wait_until(SHOWS_APP).await;
    let requests = page.requests();
    let documents: Vec<_> =
        requests.iter().filter(|r| r.kind == "Document").filter_map(|r| r.status).collect();
    assert_eq!(documents, [200, 200], "one reload, and no error page");
}
