//! The injected script element in served pages.

mod runs;
mod tree;
mod xml;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::support::backend::Backend;
use super::support::browser::browser;
use super::support::dir::TempDir;
use super::support::http::{self, Framing, Response};
use super::support::server::Livers;
use super::support::socket::Socket;

const PAGE: (&str, &str) = ("Sec-Fetch-Dest", "document");

/// Returns the names and contents of the documents in `tests/corpus`.
fn corpus() -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus"));
    let entries =
        std::fs::read_dir(folder).expect("the corpus").map(|entry| entry.expect("it").path());
    let pages =
        entries.filter(|path| path.extension().is_some_and(|extension| extension == "html"));
    let name =
        |path: &PathBuf| path.file_name().expect("a name").to_str().expect("UTF-8").to_owned();
    let mut pages: Vec<_> =
        pages.map(|path| (name(&path), std::fs::read(&path).expect("a document"))).collect();
    pages.sort_unstable();
    assert!(pages.len() > 30, "the corpus has {} documents", pages.len());
    pages
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

/// Returns the offset of the element in a page, and the page without it. Panics unless there is
/// exactly one.
fn without_element(page: &[u8]) -> (usize, Vec<u8>) {
    let spell = |text: &str| -> Vec<u8> {
        match page {
            [0xff, 0xfe, ..] => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            [0xfe, 0xff, ..] => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
            _ => text.into(),
        }
    };
    let open = spell("<script src=\"/__livers/early.js?");
    let close =
        spell("\" async=\"\" data-livers=\"\" xmlns=\"http://www.w3.org/1999/xhtml\"></script>");
    let shown = String::from_utf8_lossy(page);
    let start = find(page, &open).unwrap_or_else(|| panic!("no element in {shown}"));
    let end = start + find(&page[start..], &close).expect("the element's end") + close.len();
    let rest = [&page[..start], &page[end..]].concat();
    assert_eq!(find(&rest, &open), None, "a second element in {shown}");
    (start, rest)
}

/// How long a browser's connection may be idle. Less than a test waits for bytes.
const IDLE: Duration = Duration::from_secs(5);

/// Serves documents unchanged, without livers. `?charset=x` sets the charset of the `Content-Type`.
async fn plain(read: impl Fn(&str) -> Option<Vec<u8>> + Send + Sync + 'static) -> Backend {
    let read = Arc::new(read);
    Backend::start(move |mut wire| {
        let read = Arc::clone(&read);
        async move {
            // Browsers also open connections that they do not use.
            while let Ok(Some(head)) = timeout(IDLE, wire.request()).await {
                let (name, query) =
                    head.target[1..].split_once('?').unwrap_or((&head.target[1..], ""));
                let (status, page) = match read(name) {
                    Some(page) => ("200 OK", page),
                    None => ("404 Not Found", Vec::new()),
                };
                let charset =
                    query.strip_prefix("charset=").map(|name| format!("; charset={name}"));
                let kind = match name.rsplit_once('.') {
                    Some((_, "svg")) => "image/svg+xml",
                    Some((_, "xhtml")) => "application/xhtml+xml",
                    _ => "text/html",
                };
                let head = format!(
                    "HTTP/1.1 {status}\r\nContent-Type: {kind}{}\r\nContent-Length: {}\r\n\r\n",
                    charset.unwrap_or_default(),
                    page.len()
                );
                let _ = wire.try_send([head.as_bytes(), &page].concat()).await;
            }
        }
    })
    .await
}

async fn page(livers: &Livers, path: &str) -> Response {
    http::get_with(livers.port(), path, &[PAGE]).await
}

#[tokio::test]
async fn every_document_gets_one_element_and_keeps_its_bytes() {
    let dir = TempDir::copy_of("tests/corpus");
    let livers = Livers::on(dir.path()).start().await;
    for (name, bytes) in corpus() {
        let page = page(&livers, &format!("/{name}")).await;
        assert_eq!(page.status, 200, "{name}");
        assert_eq!(page.framing, Framing::Length(page.body.len()), "{name}");
        let (_, rest) = without_element(&page.body);
        assert!(rest == bytes, "{name}: {} became {}", bytes.escape_ascii(), rest.escape_ascii());
        let plain = http::get_with(livers.port(), &format!("/{name}"), &[FETCH]).await;
        assert!(plain.body == bytes, "{name}, fetched by a script");
        assert_eq!(plain.header("content-type"), page.header("content-type"), "{name}");
    }
}

const FETCH: (&str, &str) = ("Sec-Fetch-Dest", "empty");

#[tokio::test]
async fn the_element_goes_where_it_changes_least() {
    let table = [
        "<!doctype html><html><head>@<meta charset=utf-8>",
        "<!-- <head> --><!doctype html>\n<html lang=en>\n<head data-a='>'>@\n<title>a</title>",
        "<!doctype html>\n@<title>a</title>",
        "<!doctype html>\n\n@text",
        "<!doctype html><html>\n@<body>a",
        "\u{feff}<!doctype html>@<p>a",
        "@<frameset><frame></frameset>",
        "@<svg><head></head></svg>",
        "@",
    ];
    let dir = TempDir::new();
    for (i, document) in table.iter().enumerate() {
        dir.write(format!("{i}.html"), document.replace('@', ""));
    }
    let livers = Livers::on(dir.path()).start().await;
    for (i, document) in table.iter().enumerate() {
        let page = page(&livers, &format!("/{i}.html")).await;
        let (at, _) = without_element(&page.body);
        assert_eq!(Some(at), document.find('@'), "{document}");
    }
}

#[tokio::test]
async fn only_requests_for_documents_get_the_element() {
    let dir = TempDir::with_page("<p>a");
    let livers = Livers::on(dir.path()).start().await;
    let xhr = ("X-Requested-With", "XMLHttpRequest");
    let referer = ("Referer", "http://box.local/");
    let table: &[(&[(&str, &str)], bool)] = &[
        (&[("Sec-Fetch-Dest", "document")], true),
        (&[("Sec-Fetch-Dest", "iframe")], true),
        (&[("Sec-Fetch-Dest", "frame")], true),
        (&[("Sec-Fetch-Dest", "object")], true),
        (&[("Sec-Fetch-Dest", "embed")], true),
        (&[("Sec-Fetch-Dest", "empty")], false),
        (&[("Sec-Fetch-Dest", "empty"), ("Accept", "text/html")], false),
        (&[("Sec-Fetch-Dest", "script")], false),
        (&[("Sec-Fetch-Dest", "style")], false),
        (&[("Sec-Fetch-Dest", "image")], false),
        (&[("Sec-Fetch-Dest", "worker")], false),
        (&[("Sec-Fetch-Dest", "track")], false),
        (&[], true),
        (&[("Accept", "*/*")], true),
        (&[xhr], false),
        (&[("HX-Request", "true"), ("Accept", "text/html")], false),
        (&[referer, ("Accept", "*/*")], false),
        (&[referer, ("Accept", "text/html,*/*;q=0.8")], true),
    ];
    for (headers, element) in table {
        let answer = http::get_with(livers.port(), "/", headers).await;
        let rest = if *element { without_element(&answer.body).1 } else { answer.body.clone() };
        assert_eq!(rest, b"<p>a", "{headers:?}");
        let length = answer.body.len();
        assert_eq!(answer.framing, Framing::Length(length), "{headers:?}");
        assert_eq!(
            answer.header("vary"),
            Some("Sec-Fetch-Dest"),
            "caches must keep the variants apart"
        );
    }
}

#[tokio::test]
async fn files_that_are_no_pages_are_unchanged() {
    let dir = TempDir::new();
    let text = "<html><head><title>a</title></head><body><p>b</p></body></html>";
    let names =
        ["a.svg", "a.xhtml", "a.xml", "a.txt", "a.md", "a.js", "a.css", "a.json", "a", "a.vue"];
    for name in names {
        dir.write(name, text);
    }
    let livers = Livers::on(dir.path()).start().await;
    for name in names {
        assert_eq!(page(&livers, &format!("/{name}")).await.text(), text, "{name}");
    }
    for name in ["a.html", "a.htm", "a.HTML"] {
        dir.write(name, text);
        let page = page(&livers, &format!("/{name}")).await;
        assert_eq!(without_element(&page.body).1, text.as_bytes(), "{name}");
    }
}

/// A page older than the version in `connected` catches up; a current one must not.
#[tokio::test]
async fn the_stamp_equals_the_version_in_connected() {
    let dir = TempDir::with_page("<p>a");
    dir.write("a.css", "a { color: red }");
    let livers = Livers::on(dir.path()).start().await;
    for color in ["tan", "teal"] {
        let connected =
            Socket::on(livers.port()).subprotocol("livers").open().await.next_json().await;
        let stamp = format!(
            "src=\"/__livers/client.js?{}.{}.",
            connected["boot"].as_str().expect("a boot"),
            connected["version"]
        );
        let page = page(&livers, "/").await;
        assert!(page.text().contains(&stamp), "{stamp} in {}", page.text());
        let before = livers.lines().len();
        dir.write("a.css", format!("a {{ color: {color} }}"));
        livers.wait_for_line_after(before, |line| line.starts_with("updated")).await;
    }
}

#[tokio::test]
async fn a_frame_gets_the_element_and_a_fetched_fragment_does_not() {
    let dir = TempDir::with_page("<!doctype html><iframe src=frame.html></iframe>");
    dir.write("frame.html", "<!doctype html><p>frame");
    dir.write("fragment.html", "<p>fragment");
    let livers = Livers::on(dir.path()).start().await;
    let page = browser().await.open(livers.url()).await;
    let both = "fetch('/__livers/status').then(r => r.json()).then(s => s.clients === 2)";
    page.wait_until(both).await;
    let fetched = "fetch('fragment.html').then(r => r.text())";
    assert_eq!(page.eval::<String>(fetched).await, "<p>fragment");
}
