//! livers' own pages: folder listings and errors.

use super::FETCH;
use crate::support::browser::browser;
use crate::support::dir::TempDir;
use crate::support::http;
use crate::support::server::Livers;

/// Names that would be interpreted if they were inserted unescaped.
const HOSTILE: [&str; 14] = [
    "<script>document.title='bad'<",
    "<img src=x onerror=document.title='bad'>",
    "\"><svg onload=document.title='bad'>",
    "' onmouseover='document.title=1",
    "javascript:document.title='bad'",
    "data:text&comma;bad",
    "\\\\evil.example",
    "&lt;b&gt;",
    "100%",
    "%2e%2e",
    "a?b#c",
    "a\nb",
    " ",
    "\u{202e}gpj.exe",
];

#[tokio::test]
async fn listing_escapes_all_names() {
    let dir = TempDir::new();
    for name in HOSTILE {
        dir.write(name, name);
    }
    dir.write("sub/a.txt", "a");
    let livers = Livers::on(dir.path()).start().await;
    let page = browser().await.open(livers.url()).await;
    let rows = "[...document.querySelectorAll('tbody a')]";
    let mut names: Vec<String> = page.eval(&format!("{rows}.map(a => a.textContent)")).await;
    assert_eq!(names.remove(0), "sub/", "folders come first");
    names.sort_unstable();
    let mut wanted = HOSTILE.map(str::to_owned);
    wanted.sort_unstable();
    assert_eq!(names, wanted);
    let read = format!(
        "Promise.all({rows}.slice(1).map(async a =>
            new URL(a.href).origin === location.origin
            && await (await fetch(a.href)).text() === a.textContent))"
    );
    assert_eq!(page.eval::<Vec<bool>>(&read).await, [true; HOSTILE.len()]);
    assert_eq!(page.eval::<String>("document.title").await, "/");
    assert_eq!(
        page.eval::<usize>("document.scripts.length").await,
        0,
        "but the client, which leaves"
    );

    let page = http::get(livers.port(), "/sub/").await;
    assert!(page.text().contains("href=\"../\"") && page.text().contains("href=\"/sub/a.txt\""));
    assert!(!http::get(livers.port(), "/").await.text().contains("href=\"../\""));
}

#[tokio::test]
async fn missing_file_is_a_page_for_people_and_a_line_for_scripts() {
    let dir = TempDir::new();
    let livers = Livers::on(dir.path()).start().await;
    let hostile = "/%3Cscript%3Ealert(1)%3C/script%3E&\"'";
    for path in ["/missing.html", "/no/such/folder/", hostile] {
        let page = http::get(livers.port(), path).await;
        assert_eq!(page.status, 404, "{path}");
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
        assert_eq!(page.header("cache-control"), Some("no-cache"));
        assert_eq!(page.text().matches("<script").count(), 2, "the client: {page:?}");
        for dest in ["empty", "script", "style", "image"] {
            let line = http::get_with(livers.port(), path, &[("Sec-Fetch-Dest", dest)]).await;
            assert_eq!((line.status, line.text()), (404, "404 Not Found\n"), "{path}");
            assert_eq!(line.header("content-type"), Some("text/plain; charset=utf-8"));
            assert_eq!(line.header("vary"), Some("Sec-Fetch-Dest"), "{path} {dest}");
            // See missing_imported_sheet_leaves_rules_readable.
            let sniffing = (dest != "style").then_some("nosniff");
            assert_eq!(line.header("x-content-type-options"), sniffing, "{path} {dest}");
        }
        // A browser without Fetch Metadata.
        let referer = format!("{}a.html", livers.url());
        for (accept, sniffing) in [("text/css,*/*;q=0.1", None), ("*/*", Some("nosniff"))] {
            let fields = [("Accept", accept), ("Referer", &referer)];
            let line = http::get_with(livers.port(), path, &fields).await;
            assert_eq!(line.header("x-content-type-options"), sniffing, "{path} {accept}");
        }
    }
    assert!(http::get(livers.port(), "/").await.text().contains("empty"), "an empty folder");
}

/// Chromium treats a missing style sheet with `nosniff` as one of another origin.
#[tokio::test]
async fn missing_imported_sheet_leaves_rules_readable() {
    let dir = TempDir::with_page("<link rel=stylesheet href=a.css>");
    dir.write("a.css", "@import 'missing.css'; p { color: tan }");
    let livers = Livers::on(dir.path()).start().await;
    let page = browser().await.open(livers.url()).await;
    let read = "(() => { const [sheet] = document.styleSheets;
        const [rule] = sheet.cssRules;
        return rule.styleSheet ? rule.styleSheet.cssRules.length : 0; })()";
    assert_eq!(page.eval::<usize>(read).await, 0);
}

#[tokio::test]
async fn listing_is_sorted_and_has_a_summary() {
    let dir = TempDir::new();
    for (name, size) in [("a10.txt", 10), ("a2.txt", 3000), ("B.txt", 7), ("z/in.txt", 1)] {
        dir.write(name, vec![b'a'; size]);
    }
    dir.make_dir("empty");
    let livers = Livers::on(dir.path()).start().await;
    let page = browser().await.open(livers.url()).await;
    let names = "[...document.querySelectorAll('tbody a')].map(a => a.textContent).join(' ')";
    assert_eq!(page.eval::<String>(names).await, "empty/ z/ a2.txt a10.txt B.txt");
    let footer = "document.querySelector('footer').textContent";
    assert_eq!(page.eval::<String>(footer).await, "2 folders, 3 files, 3.0 kB");
    page.run("document.querySelectorAll('thead a')[1].click()").await;
    page.wait_until(&format!("{names} === 'empty/ z/ a2.txt a10.txt B.txt'")).await;
    page.wait_until("document.querySelector('[aria-sort=descending]')?.textContent === 'Size'")
        .await;
    // The links can be reached with the keyboard, in their order.
    let order = "[...document.querySelectorAll('a')].every(a => a.tabIndex === 0 && a.href)";
    assert!(page.eval::<bool>(order).await);
    // The order is kept.
    page.wait_for_request(|r| r.kind == "WebSocket" && r.status == Some(101)).await;
    dir.write("c.txt", vec![b'a'; 5000]);
    page.wait_until(&format!("{names} === 'empty/ z/ c.txt a2.txt a10.txt B.txt'")).await;
    let sub = http::get(livers.port(), "/z/?sort=%3Cscript%3E").await;
    assert_eq!((sub.status, sub.text().matches("<script").count()), (200, 2), "{sub:?}");
    assert!(sub.text().contains("<a href=\"/\">/</a><b>z</b>"), "{}", sub.text());
}

#[tokio::test]
async fn tab_with_a_404_page_shows_the_file_once_it_exists() {
    let dir = TempDir::with_page("<p>");
    let livers = Livers::on(dir.path()).start().await;
    let page = browser().await.open(&livers.at("/new/page.html")).await;
    page.wait_until("document.querySelector('h1').textContent.includes('/new/page.html')").await;
    page.wait_for_request(|r| r.kind == "WebSocket" && r.status == Some(101)).await;
    dir.write("new/page.html", "<!doctype html><title>new</title>");
    page.wait_until("document.title === 'new'").await;
}

#[tokio::test]
async fn listing_shows_a_new_file_at_once() {
    let dir = TempDir::new();
    let livers = Livers::on(dir.path()).start().await;
    let page = browser().await.open(livers.url()).await;
    page.wait_for_request(|r| r.kind == "WebSocket" && r.status == Some(101)).await;
    dir.write("a.txt", "a");
    page.wait_until("document.querySelector('tbody a')?.textContent === 'a.txt'").await;
    let plain = http::get_with(livers.port(), "/", &[FETCH]).await;
    assert!(!plain.text().contains("<script"), "a fetched listing has no element");
}
