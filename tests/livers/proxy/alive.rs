//! The page that stands for a backend, in a browser: it comes alive by itself.

use super::{answer, front, route};
use crate::support::{backend::Backend, browser::browser, dir::TempDir, http};

const PAGE: &str = "<!doctype html><title>app</title><p id=app>the backend's own page";

/// A backend with one page.
async fn app() -> Backend {
    Backend::answering(answer("200 OK", "Content-Type: text/html\r\n", PAGE)).await
}

const WAITS: &str = "document.title.includes('no answer') && !document.querySelector('#app')";
const LIVES: &str = "document.title === 'app' && document.querySelector('#app') !== null";

#[tokio::test]
async fn a_page_comes_alive_whenever_its_backend_does() {
    let mut backend = app().await;
    backend.stop().await;
    let (livers, _dir) = front([route("/app", &backend)]).await;
    let page = browser().await.open(&livers.at("/app/a%20b/é?x=1#part")).await;
    for times in 1..=3 {
        assert!(page.eval::<bool>(WAITS).await, "{times}");
        let text = page.eval::<String>("document.body.textContent").await;
        assert!(text.contains(&format!("{} cannot be reached", backend.url())), "{text}");
        backend.start_again().await;
        page.wait_for_navigation().await;
        page.wait_until(LIVES).await;
        assert_eq!(page.eval::<String>("location.search + location.hash").await, "?x=1#part");
        assert_eq!(page.navigations(), 2 * times, "one reload, and no more");

        backend.stop().await;
        assert!(page.eval::<bool>(LIVES).await, "what is shown stays");
        page.reload().await;
    }
    let requests = page.requests();
    let documents: Vec<_> =
        requests.iter().filter(|r| r.kind == "Document").filter_map(|r| r.status).collect();
    assert_eq!(documents, [502, 200, 502, 200, 502, 200, 502]);
}

#[tokio::test]
async fn all_pages_that_wait_come_alive_and_no_other_is_touched() {
    let mut backend = app().await;
    let other = app().await;
    backend.stop().await;
    let (livers, _dir) = front([route("/app", &backend), route("/other", &other)]).await;
    let context = browser().await;
    let waiting =
        [context.open(&livers.at("/app")).await, context.open(&livers.at("/app/b")).await];
    let others = [context.open(&livers.at("/other")).await, context.open(&livers.at("/")).await];
    backend.start_again().await;
    for page in &waiting {
        page.wait_for_navigation().await;
        page.wait_until(LIVES).await;
        assert_eq!(page.navigations(), 2);
    }
    for page in &others {
        assert_eq!(page.navigations(), 1);
    }
}

#[tokio::test]
async fn a_request_that_finds_the_backend_up_wakes_the_pages_too() {
    let mut backend = app().await;
    backend.stop().await;
    let (livers, _dir) = front([route("/app", &backend)]).await;
    let page = browser().await.open(&livers.at("/app")).await;
    backend.start_again().await;
    assert_eq!(http::get(livers.port(), "/app").await.status, 200);
    page.wait_for_navigation().await;
    page.wait_until(LIVES).await;
}

#[tokio::test]
async fn a_page_that_waits_outlives_livers() {
    let mut backend = app().await;
    backend.stop().await;
    let (mut livers, _dir) = front([route("/app", &backend), "--verbose".to_owned()]).await;
    let page = browser().await.open(&livers.at("/app")).await;
    livers.wait_for_line(|line| line.contains("tabs     1 open")).await;
    // By its own clock it has been connected for a while, and heard all there was.
    page.run("(() => { const now = Date.now; Date.now = () => now() + 5000; })()").await;
    let before = livers.lines().len();
    livers.restart().await;
    // It asks again, and waits again.
    livers.wait_for_line_after(before, |line| line.contains("is down")).await;
    page.wait_until(WAITS).await;
    backend.start_again().await;
    page.wait_until(LIVES).await;
}

#[tokio::test]
async fn a_reload_waits_for_a_backend_that_is_still_starting() {
    let mut backend = app().await;
    let more = TempDir::new();
    let watch = format!("--watch={}", more.path().display());
    let (livers, _dir) = front([route("/app", &backend), watch]).await;
    let page = browser().await.open(&livers.at("/app")).await;
    page.wait_for_request(|request| request.kind == "WebSocket" && request.status == Some(101))
        .await;
    backend.stop().await;
    for n in 0..2 {
        more.write("main.rs", n.to_string());
        page.wait_for_request(|r| r.method == "HEAD" && r.status == Some(502)).await;
        assert!(page.eval::<bool>(LIVES).await, "{n}: what is shown stays");
    }
    backend.start_again().await;
    page.wait_for_navigation().await;
    page.wait_until(LIVES).await;
    let requests = page.requests();
    let documents: Vec<_> =
        requests.iter().filter(|r| r.kind == "Document").filter_map(|r| r.status).collect();
    assert_eq!(documents, [200, 200], "one reload, and never an error page");
}
