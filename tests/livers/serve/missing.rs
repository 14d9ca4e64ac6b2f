//! Missing files that a page needs are reported in the terminal.

use crate::support::browser::browser;
use crate::support::dir::TempDir;
use crate::support::http;
use crate::support::server::Livers;

/// Requests a path as a browser does for a page at `/<user>`.
async fn requested(livers: &Livers, path: &str, destination: &str, user: &str) {
    let referer = format!("{}{user}", livers.at("/"));
    let headers = [("Sec-Fetch-Dest", destination), ("Referer", &referer)];
    http::get_with(livers.port(), path, &headers).await;
}

/// Returns the reports, after a last one.
async fn reports(livers: &Livers) -> Vec<String> {
    requested(livers, "/the-last-one.js", "script", "").await;
    livers.wait_for_line(|line| line.starts_with("missing  /the-last-one.js")).await;
    let lines = livers.stdout().into_iter();
    lines.filter_map(|line| Some(line.strip_prefix("missing  ")?.to_owned())).collect()
}

#[tokio::test]
async fn missing_file_is_reported_once_until_it_appears() {
    let dir = TempDir::with_page("<p>");
    dir.write("_redirects", "/app/* /index.html 200\n");
    let livers = Livers::on(dir.path()).start().await;
    for _ in 0..3 {
        requested(&livers, "/js/none.js", "script", "").await;
        requested(&livers, "/a%20b.png", "image", "css/app.css").await;
        requested(&livers, "/app/one.css", "style", "app/").await;
        requested(&livers, "/api/none", "empty", "").await;
        requested(&livers, "/favicon.ico", "image", "").await;
        requested(&livers, "/none.html", "iframe", "").await;
        requested(&livers, "/app/one", "document", "").await;
        http::get(livers.port(), "/tool.js").await;
    }
    dir.write("js/none.js", "1");
    requested(&livers, "/js/none.js", "script", "").await;
    dir.remove("js/none.js");
    requested(&livers, "/js/none.js", "script", "").await;
    let wanted = [
        "/js/none.js  used by /",
        "/a%20b.png  used by /css/app.css",
        "/app/one.css  used by /app/",
        "/js/none.js  used by /",
        "/the-last-one.js  used by /",
    ];
    assert_eq!(reports(&livers).await, wanted);
}

#[tokio::test]
async fn relative_url_on_a_deep_route_is_reported_with_the_path_that_exists() {
    let dir = TempDir::new();
    dir.write(
        "index.html",
        "<!doctype html><link rel=stylesheet href=css/app.css><script src=js/app.js></script>\
         <script src=none.js></script><script src=/js/there.js></script>",
    );
    dir.write("js/app.js", "");
    dir.write("js/there.js", "");
    dir.write("css/app.css", "");
    let livers = Livers::on(dir.path()).arg("--spa").start().await;
    let context = browser().await;
    let page = context.open(&livers.at("/users/7/edit")).await;
    let mut found = reports(&livers).await;
    found.sort_unstable();
    let wanted = [
        "/the-last-one.js  used by /",
        "/users/7/css/app.css  used by /users/7/edit  (there is /css/app.css: begin the URL with a slash)",
        "/users/7/js/app.js  used by /users/7/edit  (there is /js/app.js: begin the URL with a slash)",
        "/users/7/none.js  used by /users/7/edit",
    ];
    assert_eq!(found, wanted);
    page.close().await;
}
