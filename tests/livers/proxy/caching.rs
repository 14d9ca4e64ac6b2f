//! Caches between a page and a fetch of the same URL, which get different bytes.

use std::sync::Arc;

use super::{http_response, route, start};
use crate::support::{
    backend::Backend,
    browser::{Page, browser},
    dir::TempDir,
    http,
    server::Livers,
};

const FETCH: (&str, &str) = ("Sec-Fetch-Dest", "empty");
const NAVIGATION: (&str, &str) = ("Sec-Fetch-Dest", "document");

#[tokio::test]
async fn vary_names_the_destination_of_whatever_could_be_a_page() {
    let table: [(&str, &str, &[&str]); 9] = [
        ("200 OK", "Content-Type: text/html\r\n", &["Sec-Fetch-Dest"]),
        (
            "404 Not Found",
            "Content-Type: text/html\r\nVary: Accept-Encoding\r\n",
            &["Accept-Encoding", "Sec-Fetch-Dest"],
        ),
        (
            "200 OK",
            "Content-Type: text/html\r\nVary: Cookie, sec-fetch-dest\r\n",
            &["Cookie, sec-fetch-dest"],
        ),
        ("200 OK", "Content-Type: text/html\r\nVary: *\r\n", &["*"]),
        (
            "206 Partial Content",
            "Content-Type: text/html\r\nContent-Range: bytes 0-0/9\r\n",
            &["Sec-Fetch-Dest"],
        ),
        ("304 Not Modified", "Vary: Cookie\r\n", &["Cookie", "Sec-Fetch-Dest"]),
        ("304 Not Modified", "", &[]),
        ("200 OK", "Content-Type: application/json\r\nVary: Cookie\r\n", &["Cookie"]),
        ("200 OK", "Content-Type: text/html\r\nContent-Disposition: attachment\r\n", &[]),
    ];
    for (status, fields, expected) in table {
        let body = if status.starts_with("304") { "" } else { "<p>text" };
        let backend = Backend::answering(http_response(status, fields, body)).await;
        let (livers, _dir) = start([route("/app", &backend)]).await;
        for request in [&[FETCH][..], &[NAVIGATION], &[]] {
            for method in ["GET", "HEAD"] {
                let mut wire = http::Wire::open(livers.port()).await;
                let head = http::request_head(livers.port(), method, "/app", request, 0);
                wire.send(head).await;
                let response = wire.response(method == "HEAD").await;
                let vary = response.headers.get_all("vary");
                assert_eq!(vary, expected, "{method} {request:?}: {status} {fields}");
            }
        }
    }
}

/// Answers every request with a page that may be cached for an hour.
async fn cacheable() -> Backend {
    let fields = "Content-Type: text/html\r\nCache-Control: max-age=3600\r\nETag: \"1\"\r\n";
    let page: Arc<[u8]> = http_response("200 OK", fields, "<!doctype html><p>page").into();
    Backend::start(move |mut wire| {
        let page = Arc::clone(&page);
        async move {
            while wire.request().await.is_some() {
                wire.send(&page).await;
            }
        }
    })
    .await
}

/// Requests a URL from a page without navigating to it.
async fn fetch(page: &Page, path: &str) {
    let text: String = page.eval(&format!("fetch('{path}').then((page) => page.text())")).await;
    assert!(!text.contains("/__livers/"), "{path} is fetched as it is: {text}");
}

/// Has a page prefetch a URL.
async fn prefetch(page: &Page, path: &str) {
    let script = format!(
        "new Promise((done, failed) => {{
            const link = document.createElement('link');
            Object.assign(link, {{ rel: 'prefetch', href: '{path}', onload: done, onerror: failed }});
            document.head.append(link);
        }}).then(() => true)"
    );
    assert!(page.eval::<bool>(&script).await);
}

/// Navigates to a path and expects a page that loads the client.
async fn expect_live(page: &Page, livers: &Livers, path: &str) {
    page.goto(&livers.at(path)).await;
    let loads = "performance.getEntriesByType('resource')
        .some(({ name }) => name.includes('/__livers/client.js'))";
    page.wait_until(loads).await;
}

#[tokio::test]
async fn page_that_was_fetched_or_prefetched_before_is_live() {
    let backend = cacheable().await;
    let dir = TempDir::with_page("<!doctype html><title>file</title><p>file");
    for name in ["fetched.html", "prefetched.html", "shown.html"] {
        dir.write(name, "<!doctype html><p>file");
    }
    let livers = Livers::on(dir.path()).arg(route("/app", &backend)).start().await;
    let context = browser().await;
    let page = context.open(&livers.at("/")).await;
    for folder in ["/app/", "/"] {
        let at = |name: &str| format!("{folder}{name}.html");
        fetch(&page, &at("fetched")).await;
        prefetch(&page, &at("prefetched")).await;
        expect_live(&page, &livers, &at("fetched")).await;
        expect_live(&page, &livers, &at("prefetched")).await;
        // The other way round.
        expect_live(&page, &livers, &at("shown")).await;
        fetch(&page, &at("shown")).await;
        // From the history, which may use the cache without validation.
        expect_live(&page, &livers, "/").await;
        fetch(&page, &at("shown")).await;
    }
}
