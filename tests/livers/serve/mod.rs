//! Serving files and folders over HTTP.

#[cfg(unix)]
mod cache;
mod closing;
mod confine;
mod encodings;
mod hosts;
mod large;
mod missing;
mod mounts;
mod pages;
mod protocol;
mod ranges;
mod send;

use super::support::dir::TempDir;
use super::support::http::{self, Response};
use super::support::server::Livers;

/// The header field that marks a request as one by `fetch`.
const FETCH: (&str, &str) = ("Sec-Fetch-Dest", "empty");

/// Returns all fields except those that differ between two equal responses.
fn fields(response: &Response) -> Vec<(String, String)> {
    let passing = |name: &str| matches!(name, "date" | "transfer-encoding");
    let kept = response.headers.0.iter().filter(|(name, _)| !passing(name)).cloned();
    let mut kept: Vec<_> = kept.collect();
    kept.sort_unstable();
    kept
}

#[tokio::test]
async fn head_has_the_fields_of_get_and_no_body() {
    let dir = TempDir::with_page("<!doctype html><title>a</title>");
    dir.write("a.css", "a { color: red }");
    dir.write("empty.txt", "");
    dir.write("large.bin", vec![7; 3 << 20]);
    dir.write("large.html", format!("<p>{}", "a".repeat(2 << 20)));
    dir.write("folder/a.txt", "a");
    let livers = Livers::on(dir.path()).start().await;
    for path in [
        "/",
        "/index.html",
        "/a.css",
        "/empty.txt",
        "/large.bin",
        "/large.html",
        "/folder",
        "/folder/",
        "/missing",
        "/.env",
        "/%zz",
        "/../a",
        "/__livers/client.js",
        "/__livers/status",
        "/__livers/missing",
        "/__livers/socket",
    ] {
        for headers in [&[][..], &[FETCH]] {
            let get = http::get_with(livers.port(), path, headers).await;
            let head = http::send(livers.port(), "HEAD", path, headers, b"").await;
            assert_eq!((head.status, fields(&head)), (get.status, fields(&get)), "{path}");
            let length = get.header("content-length").map(|length| length.parse().unwrap());
            assert_eq!(length.unwrap_or(get.body.len()), get.body.len(), "{path}");
            assert_eq!(head.body, b"", "{path}");
        }
    }
}

#[tokio::test]
async fn folder_serves_its_index_and_redirects_to_its_slash() {
    let dir = TempDir::new();
    dir.write("index.html", "the root");
    for folder in ["a", "a/b", "a b", "\u{fc}", "q?#", "\\evil.example", "cr\r\nX-Bad: yes"] {
        dir.write(format!("{folder}/index.html"), folder);
    }
    let livers = Livers::on(dir.path()).start().await;
    for (path, folder) in [("/", "the root"), ("/a/", "a"), ("/a/b/?x", "a/b"), ("/%61/", "a")] {
        let shown = http::get_with(livers.port(), path, &[FETCH]).await;
        assert_eq!((shown.status, shown.text()), (200, folder), "{path}");
    }
    let table = [
        ("/a", Some("/a/")),
        ("/a?", Some("/a/?")),
        ("/a?x=1&y=//evil.example/", Some("/a/?x=1&y=//evil.example/")),
        ("/a/b", Some("/a/b/")),
        ("/%61%20b", Some("/a%20b/")),
        ("/%c3%bc", Some("/%C3%BC/")),
        ("/q%3f%23?x", Some("/q%3F%23/?x")),
        ("/%5cevil.example", Some("/%5Cevil.example/")),
        ("/\\evil.example", Some("/%5Cevil.example/")),
        ("/cr%0d%0aX-Bad:%20yes", Some("/cr%0D%0AX-Bad:%20yes/")),
        ("//a", None),
        ("//evil.example/..", None),
        ("//evil.example/%2e%2e", None),
        ("/.//evil.example/../a", None),
        ("/%2fevil.example", None),
        ("/a/index.html/", None),
    ];
    for (path, location) in table {
        let answer = http::get(livers.port(), path).await;
        assert_eq!(answer.header("location"), location, "{path}");
        assert_eq!(answer.status, if location.is_some() { 302 } else { 404 }, "{path}");
        assert_eq!(answer.header("x-bad"), None);
    }
}

#[tokio::test]
async fn content_type_follows_the_name_and_the_first_bytes() {
    let dir = TempDir::new();
    let table: &[(&str, &[u8], &str)] = &[
        ("a.html", b"", "text/html; charset=utf-8"),
        ("b.html", "\u{fc}".as_bytes(), "text/html; charset=utf-8"),
        ("c.html", b"<meta charset=shift_jis>\x83\x5c", "text/html"),
        ("d.HTM", b"<p>\xfc", "text/html"),
        ("a.css", b"", "text/css; charset=utf-8"),
        ("a.js", b"", "text/javascript; charset=utf-8"),
        ("a.mjs", b"", "text/javascript; charset=utf-8"),
        ("a.txt", b"", "text/plain; charset=utf-8"),
        ("a.md", b"", "text/markdown; charset=utf-8"),
        ("a.ts", b"", "text/plain; charset=utf-8"),
        ("a.json", b"", "application/json"),
        ("a.map", b"", "application/json"),
        ("a.xhtml", b"", "application/xhtml+xml"),
        ("a.xml", b"", "text/xml"),
        ("a.svg", b"", "image/svg+xml"),
        ("a.png", b"", "image/png"),
        ("a.woff2", b"", "font/woff2"),
        ("a.wasm", b"", "application/wasm"),
        ("a.mp4", b"", "video/mp4"),
        ("a.cjs", b"", "text/javascript; charset=utf-8"),
        ("a.webmanifest", b"", "application/manifest+json"),
        ("a.avif", b"", "image/avif"),
        ("a.jxl", b"", "image/jxl"),
        ("a.jsonld", b"", "application/ld+json"),
        ("a.gltf", b"", "model/gltf+json"),
        ("latin.css", b"/* \xfc */", "text/css"),
        ("end.txt", b"caf\xe9", "text/plain"),
        ("end.html", b"<p>caf\xe9", "text/html"),
        ("video.ts", &[0x47; 188], "video/mp2t"),
        ("a", b"", "application/octet-stream"),
    ];
    for (name, bytes, _) in table {
        dir.write(name, bytes);
    }
    let livers = Livers::on(dir.path()).start().await;
    for (name, bytes, content_type) in table {
        let answer = http::get_with(livers.port(), &format!("/{name}"), &[FETCH]).await;
        assert_eq!(answer.header("content-type"), Some(*content_type), "{name}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{name}");
        assert_eq!(answer.body, *bytes, "{name}");
    }
}

#[tokio::test]
async fn known_entity_tag_is_304_until_the_file_changes() {
    let dir = TempDir::with_page("<p>one");
    dir.write("a.css", "a { color: red }");
    dir.write("large.bin", vec![1; 2 << 20]);
    let livers = Livers::on(dir.path()).start().await;
    let large = vec![2; (2 << 20) + 1];
    for (path, changed) in
        [("/a.css", &b"a { color: tan }"[..]), ("/", b"<p>two"), ("/large.bin", &large)]
    {
        for page in [&[][..], &[FETCH]] {
            let first = http::get_with(livers.port(), path, page).await;
            assert_eq!(first.header("cache-control"), Some("no-cache"), "{path}");
            let tag = first.header("etag").expect("a tag").to_owned();
            assert!(tag.starts_with('"') && tag.ends_with('"'), "{tag}");
            let weak = format!("\"x\", W/{tag}");
            for (known, status) in
                [(tag.as_str(), 304), (&weak, 304), ("*", 304), ("\"x\"", 200), ("x", 200)]
            {
                let headers = [page, &[("If-None-Match", known)]].concat();
                for method in ["GET", "HEAD"] {
                    let again = http::send(livers.port(), method, path, &headers, b"").await;
                    assert_eq!(again.status, status, "{method} {path} {known}");
                    assert_eq!(again.header("etag"), Some(tag.as_str()), "{path}");
                    assert_eq!(again.header("cache-control"), Some("no-cache"), "{path}");
                    assert_eq!(again.header("content-type").is_some(), status == 200, "{path}");
                }
            }
        }
        let before = http::get_with(livers.port(), path, &[FETCH]).await;
        let tag = before.header("etag").expect("a tag");
        let name = path.strip_prefix('/').filter(|p| !p.is_empty()).unwrap_or("index.html");
        dir.replace(name, changed);
        let headers = [FETCH, ("If-None-Match", tag)];
        let after = http::get_with(livers.port(), path, &headers).await;
        assert_eq!((after.status, &after.body[..]), (200, changed), "{path}");
        assert_ne!(after.header("etag"), Some(tag), "{path}");
        // The tag of a page depends on the version, which moves when the change is published.
        livers.wait_for_line(|line| line.starts_with("updated") && line.contains(name)).await;
    }
}

/// A 304 would revive the stamp of an old version, and the page would reload forever.
#[tokio::test]
async fn page_has_another_entity_tag_at_another_version() {
    let dir = TempDir::with_page("<p>one");
    dir.write("a.css", "a { color: red }");
    let livers = Livers::on(dir.path()).start().await;
    let first = http::get(livers.port(), "/").await;
    let plain = http::get_with(livers.port(), "/", &[FETCH]).await;
    dir.write("a.css", "a { color: tan }");
    livers.wait_for_line(|line| line.starts_with("updated") && line.contains("a.css")).await;
    let known = |response: &Response| response.header("etag").expect("a tag").to_owned();
    let second = http::get_with(livers.port(), "/", &[("If-None-Match", &known(&first))]).await;
    assert_eq!(second.status, 200, "the page carries another version");
    let fetch = [FETCH, ("If-None-Match", &known(&plain))];
    assert_eq!(
        http::get_with(livers.port(), "/", &fetch).await.status,
        304,
        "the file is the same"
    );
    assert_eq!(first.header("vary"), Some("Sec-Fetch-Dest"));
}

/// A response can depend on the purpose of the request, so each one has a `Vary` for caches.
#[tokio::test]
async fn vary_names_the_fields_that_matter() {
    let dir = TempDir::new();
    for (name, text) in [("a.ts", "let a: number"), ("a.js", "1"), ("a.txt", "a"), ("a.js.gz", "b")]
    {
        dir.write(name, text);
    }
    let livers = Livers::on(dir.path()).start().await;
    let (dest, module) = ("Sec-Fetch-Dest", "Sec-Fetch-Dest, Sec-Fetch-Mode");
    let coded = "Accept-Encoding, Sec-Fetch-Dest, Sec-Fetch-Mode";
    for (path, wanted) in [
        ("/", Some(dest)),
        ("/missing", Some(dest)),
        ("/.env", Some(dest)),
        ("/a.ts", Some(module).filter(|_| cfg!(feature = "esm"))),
        ("/a.js", Some(if cfg!(feature = "esm") { coded } else { "Accept-Encoding" })),
        ("/a.txt", None),
    ] {
        for asked in ["document", "empty"] {
            let fields = [("Sec-Fetch-Dest", asked)];
            let answer = http::get_with(livers.port(), path, &fields).await;
            assert_eq!(answer.header("vary"), wanted, "{path} {asked}");
            let Some(tag) = answer.header("etag") else { continue };
            let known = [("Sec-Fetch-Dest", asked), ("If-None-Match", tag)];
            let known = http::get_with(livers.port(), path, &known).await;
            assert_eq!((known.status, known.header("vary")), (304, wanted), "{path} {asked}");
        }
    }
    let script = [("Sec-Fetch-Dest", "script"), ("Sec-Fetch-Mode", "cors")];
    let answer = http::get_with(livers.port(), "/a.ts", &script).await;
    assert_eq!(answer.header("vary"), Some(module).filter(|_| cfg!(feature = "esm")));
}

#[tokio::test]
async fn other_methods_are_405_with_allow() {
    let dir = TempDir::with_page("<p>");
    dir.make_dir("folder");
    let livers = Livers::on(dir.path()).start().await;
    for method in ["POST", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", "get"] {
        for path in ["/", "/index.html", "/missing", "/folder/", "/__livers/client.js"] {
            let answer = http::send(livers.port(), method, path, &[], b"body").await;
            assert_eq!(answer.status, 405, "{method} {path}");
            assert_eq!(answer.header("allow"), Some("GET, HEAD, OPTIONS"), "{method} {path}");
        }
    }
    for path in ["*", "/", "/index.html", "/missing", "/folder/", "/__livers/client.js"] {
        let answer = http::send(livers.port(), "OPTIONS", path, &[], b"").await;
        assert_eq!((answer.status, &answer.body[..]), (204, &b""[..]), "{path}");
        assert_eq!(answer.header("allow"), Some("GET, HEAD, OPTIONS"), "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), None, "{path}");
    }
}
