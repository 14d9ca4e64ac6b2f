//! Header fields and redirects by configuration: `_headers`, `_redirects`, `--header`, `--cors`,
//! `--isolate`.

use super::FETCH;
use crate::support::browser::browser;
use crate::support::dir::TempDir;
use crate::support::http;
use crate::support::server::{self, Livers};
use crate::support::tab::Tab;

const GOES: [(&str, &str); 2] = [("Sec-Fetch-Dest", "document"), ("Sec-Fetch-Mode", "navigate")];

#[tokio::test]
async fn headers_file_adds_fields() {
    let dir = TempDir::with_page("<p>");
    dir.write("app/a.js", "1");
    dir.write(
        "_headers",
        "/*\n  X-Frame-Options: DENY\n  Cache-Control: max-age=31536000, immutable\n\
         /app/*\n  X-App: yes\n  ! X-Frame-Options\n/app/a.js\n  X-App: both\n  Oops\n\
         /app/\n  Set-Cookie: a=1\n  Set-Cookie: b=2\n  ETag: \"own\"\n  Basic-Auth: me:secret\n",
    );
    let livers = Livers::on(dir.path()).start().await;
    let table = [
        ("/", 200, Some("DENY"), None),
        ("/missing", 404, Some("DENY"), None),
        ("/app/a.js", 200, None, Some("yes, both")),
        ("/app/", 200, None, Some("yes")),
        ("/app", 302, None, Some("yes")),
        ("/__livers/client.js", 200, None, None),
    ];
    for (path, status, frame, app) in table {
        let answer = http::get_with(livers.port(), path, &[FETCH]).await;
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.header("x-frame-options"), frame, "{path}");
        assert_eq!(answer.header("x-app"), app, "{path}");
        let cache = answer.header("cache-control").expect("Cache-Control");
        assert!(!cache.contains("max-age"), "{path}: an old file would be shown after a save");
    }
    let tag = http::get_with(livers.port(), "/app/a.js", &[FETCH]).await;
    let tag = tag.header("etag").expect("a tag");
    let known = http::get_with(livers.port(), "/app/a.js", &[("If-None-Match", tag)]).await;
    assert_eq!((known.status, known.header("x-app")), (304, Some("yes, both")));
    for what in [
        "3: Cache-Control has no effect here",
        "9: Oops is not a header",
        "13: ETag: \"own\" is a header that livers sets",
        "14: Basic-Auth is not supported",
    ] {
        let line = format!("ignored  _headers: line {what}");
        livers.wait_for_line(|said| said.starts_with(&line)).await;
    }
    // Cookies are not joined, and Basic-Auth is not supported.
    let cookies = http::get_with(livers.port(), "/app/", &[FETCH]).await;
    assert_eq!(cookies.headers.get_all("set-cookie"), ["a=1", "b=2"]);
    assert!(!format!("{cookies:?}").contains("secret"), "{cookies:?}");
    assert_ne!(cookies.header("etag"), Some("\"own\""));

    // A change of the file applies at once, and the pages that it matches are notified.
    let mut tab = Tab::page(&livers, "/", &[]).await;
    dir.write("_headers", "/*\n  X-Frame-Options: SAMEORIGIN\n");
    tab.expect(&[("/_headers", "modified")]).await;
    let after = http::get(livers.port(), "/").await;
    assert_eq!(after.header("x-frame-options"), Some("SAMEORIGIN"));
    dir.remove("_headers");
    assert_eq!(http::get(livers.port(), "/").await.header("x-frame-options"), None);
    let reported = livers.stdout().iter().filter(|line| line.starts_with("ignored")).count();
    assert_eq!(reported, 4, "once, not for each request: {:?}", livers.stdout());
}

#[tokio::test]
async fn redirects_file_redirects_and_rewrites() {
    let dir = TempDir::with_page("<p>root");
    for (name, text) in [
        ("new.html", "new"),
        ("there.txt", "there"),
        ("forced.txt", "forced"),
        ("gone.html", "gone"),
        ("blog/2026/post.html", "post"),
    ] {
        dir.write(name, text);
    }
    dir.write(
        "_redirects",
        "/old /new\n/tmp /new 302\n/there.txt /new\n/forced.txt /new 302!\n\
         /posts/:year/:name /blog/:year/:name 200\n/out/* https://example.com/:splat 307\n\
         /was /gone.html 410\n/up/* /:splat 302\n/loop /loop\n/folder /sub/ 200\n\
         /api/* https://example.com/:splat 200\n/app/* /index.html 200\n\
         /not-ascii /\u{fc}?\u{fc}#\u{fc} 302\n/far https://example.com/\u{fc} 302\n",
    );
    dir.write("sub/a.txt", "a");
    let livers = Livers::on(dir.path()).start().await;
    let table = [
        ("/old", 301, Some("/new"), ""),
        ("/old/?a=b", 301, Some("/new?a=b"), ""),
        ("/tmp", 302, Some("/new"), ""),
        ("/new", 200, None, "new"),
        ("/there.txt", 200, None, "there"),
        ("/forced.txt", 302, Some("/new"), ""),
        ("/posts/2026/post", 200, None, "post"),
        ("/posts/2026/none", 404, None, ""),
        ("/posts/2026/%2e%2e", 404, None, ""),
        ("/out/a%20b/c?d=%0d%0aX", 307, Some("https://example.com/a%20b/c?d=%0d%0aX"), ""),
        ("/was", 410, None, "gone"),
        ("/up/%5Cevil.example/a", 302, Some("/%5Cevil.example/a"), ""),
        ("/up//evil.example/", 404, None, ""),
        ("/up/cr%0d%0aX-Bad:1", 302, Some("/cr%0D%0AX-Bad:1"), ""),
        ("/loop", 404, None, ""),
        ("/folder", 404, None, ""),
        ("/api/users", 404, None, ""),
        ("/app/any/thing", 200, None, "<p>root"),
        ("/missing", 404, None, ""),
        ("/not-ascii", 302, Some("/%C3%BC?%C3%BC#%C3%BC"), ""),
        ("/far", 302, Some("https://example.com/%C3%BC"), ""),
        ("/sub?\u{fc}", 302, Some("/sub/?%C3%BC"), ""),
    ];
    for (path, status, location, text) in table {
        for method in ["GET", "HEAD"] {
            let answer = http::send(livers.port(), method, path, &[FETCH], b"").await;
            assert_eq!(answer.status, status, "{path}: {answer:?}");
            assert_eq!(answer.header("location"), location, "{path}");
            assert_eq!((answer.header("x-bad"), answer.header("x")), (None, None), "{path}");
            if method == "GET" && !text.is_empty() {
                assert_eq!(answer.text(), text, "{path}");
            }
        }
    }
    livers.wait_for_line(|line| line.starts_with("ignored  _redirects: line 11:")).await;
    let page = http::get_with(livers.port(), "/app/any/thing", &GOES).await;
    assert_eq!((page.status, page.text().matches("/__livers/client.js?").count()), (200, 1));
    let mut tab = Tab::page(&livers, "/app/any/thing", &[]).await;
    dir.write("index.html", "<p>another");
    tab.expect(&[("/index.html", "modified")]).await;
}

/// Some other file may have this name.
#[tokio::test]
async fn number_of_rules_and_of_reported_errors_is_bounded() {
    let dir = TempDir::with_page("<p>");
    dir.write("_headers", "nonsense\n".repeat(100_000));
    let rules = (0..20_000).map(|rule| format!("/old{rule} /new{rule}\n"));
    dir.write("_redirects", rules.collect::<String>());
    let livers = Livers::on(dir.path()).start().await;
    for (path, status) in [("/", 200), ("/old9999", 301), ("/old10000", 404)] {
        assert_eq!(http::get_with(livers.port(), path, &[FETCH]).await.status, status, "{path}");
    }
    for what in ["_headers: 99980 more lines", "_redirects: only the first 10000 of 20000"] {
        livers.wait_for_line(|line| line.contains(what)).await;
    }
    let reported = livers.stdout().iter().filter(|line| line.starts_with("ignored")).count();
    assert_eq!(reported, 22, "{:?}", livers.stdout());
    dir.write("_headers", "#\n".repeat(600_000));
    http::get(livers.port(), "/").await;
    livers.wait_for_line(|line| line.contains("_headers: ignored, because it has more")).await;
}

#[tokio::test]
async fn configured_header_is_added_to_every_file() {
    let dir = TempDir::with_page("<p>");
    dir.write("_headers", "/*\n  X-One: file\n");
    let flags = ["X-One: flag", "x-two: a", "X-Two: b", "Cache-Control: no-store"];
    let flags = flags.map(|header| format!("--header={header}"));
    let livers = Livers::on(dir.path()).args(flags).start().await;
    for (path, status) in [("/", 200), ("/missing", 404), ("/%zz", 400), ("/..", 404)] {
        let answer = http::get(livers.port(), path).await;
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.headers.get_all("x-one"), ["flag"], "{path}");
        assert_eq!(answer.headers.get_all("x-two"), ["a", "b"], "{path}");
        assert_eq!(answer.headers.get_all("cache-control"), ["no-store"], "{path}");
    }
    let own = http::get(livers.port(), "/__livers/status").await;
    assert_eq!(own.header("x-one"), None);
    let root = dir.path().to_str().expect("UTF-8");
    for (header, wanted) in [
        ("X-One", "--header X-One is not a header: write 'Name: value'"),
        (
            "Content-Length: 1",
            "--header Content-Length: 1 is a header that livers sets itself: leave it out",
        ),
    ] {
        let (status, _, stderr) = server::run([root, "--port=0", "--header", header]).await;
        assert_eq!(status.code(), Some(2), "{header}");
        assert!(stderr.contains(wanted), "{header}: {stderr}");
    }
}

#[tokio::test]
async fn cors_allows_pages_of_other_origins_to_read_files() {
    let dir = TempDir::with_page("<p>");
    dir.write("a.json", "{}");
    let one = "http://localhost:3000";
    let listed: &[&str] = &["--cors=http://localhost:3000", "--cors=HTTPS://App.Example"];
    let table: &[(&[&str], &[(&str, Option<&str>)])] = &[
        (&[], &[("", None), (one, None)]),
        (&["--cors"], &[("", Some("*")), (one, Some("*")), ("null", Some("*"))]),
        (
            listed,
            &[
                ("", None),
                (one, Some(one)),
                ("https://app.example", Some("https://app.example")),
                ("http://localhost:3001", None),
                ("http://app.example", None),
                ("null", None),
            ],
        ),
    ];
    for (flags, origins) in table {
        let livers = Livers::on(dir.path()).args(*flags).start().await;
        for (origin, wanted) in *origins {
            let headers = [FETCH, ("Origin", *origin)];
            let headers = &headers[..if origin.is_empty() { 1 } else { 2 }];
            let answer = http::get_with(livers.port(), "/a.json", headers).await;
            let allowed = answer.header("access-control-allow-origin");
            assert_eq!((answer.status, allowed), (200, *wanted), "{flags:?} {origin}");
            let varies = answer.headers.get_all("vary").contains(&"origin");
            assert_eq!(varies, flags.len() == 2, "{flags:?} {origin}: {answer:?}");
            let asks = [
                headers,
                &[
                    ("Access-Control-Request-Method", "GET"),
                    ("Access-Control-Request-Headers", "x-a,range"),
                ],
            ]
            .concat();
            let preflight = http::send(livers.port(), "OPTIONS", "/a.json", &asks, b"").await;
            assert_eq!(preflight.status, 204);
            assert_eq!(preflight.header("access-control-allow-origin"), *wanted);
            let methods = wanted.map(|_| "GET, HEAD, OPTIONS");
            assert_eq!(preflight.header("access-control-allow-methods"), methods, "{origin}");
            let fields = wanted.map(|_| "x-a,range");
            assert_eq!(preflight.header("access-control-allow-headers"), fields, "{origin}");
            // livers' own paths are for its own pages only.
            let own = http::get_with(livers.port(), "/__livers/status", headers).await;
            assert_eq!(own.header("access-control-allow-origin"), None, "{flags:?}");
        }
    }
    let root = dir.path().to_str().expect("UTF-8");
    let (status, _, stderr) = server::run([root, "--port=0", "--cors=localhost:3000"]).await;
    assert_eq!(status.code(), Some(2));
    let wanted = "--cors=localhost:3000 is not an origin: write one like http://localhost:3000";
    assert!(stderr.contains(wanted), "{stderr}");
}

#[tokio::test]
async fn browser_lets_other_origins_read_files_only_with_cors() {
    let dir = TempDir::with_page("<p>");
    dir.write("a.json", "{\"a\":1}");
    for (flag, wanted) in [(None, "refused"), (Some("--cors"), "1")] {
        let theirs = Livers::on(dir.path()).args(flag).start().await;
        let ours = Livers::on(dir.path()).start().await;
        let page = browser().await.open(ours.url()).await;
        let read = format!(
            "fetch('{}', {{ headers: {{ 'X-A': 'b' }} }})
                .then(async r => String((await r.json()).a), () => 'refused')",
            theirs.at("/a.json")
        );
        assert_eq!(page.eval::<String>(&read).await, wanted, "{flag:?}");
    }
}

/// Running a script reveals its content to the page.
#[tokio::test]
async fn browser_runs_scripts_for_other_origins_only_with_cors() {
    let dir = TempDir::with_page("<p>");
    dir.write("a.js", "document.body.id = 'ran'");
    let ours = Livers::on(dir.path()).start().await;
    let page = browser().await.open(ours.url()).await;
    let own = format!("--cors={}", ours.url().trim_end_matches('/'));
    for (flag, wanted) in [
        (None, "refused"),
        (Some("--cors=http://localhost:1"), "refused"),
        (Some("--cors"), "ran"),
        (Some(own.as_str()), "ran"),
    ] {
        let theirs = Livers::on(dir.path()).args(flag).start().await;
        let run = format!(
            "new Promise(done => {{
                document.body.id = '';
                const script = document.createElement('script');
                script.src = '{}';
                script.onload = () => done(document.body.id);
                script.onerror = () => done('refused');
                document.body.append(script);
            }})",
            theirs.at("/a.js")
        );
        assert_eq!(page.eval::<String>(&run).await, wanted, "{flag:?}");
        if wanted == "refused" {
            theirs.wait_for_line(|line| line.contains("/a.js") && line.contains("--cors")).await;
        }
        // Without Fetch Metadata, the browser itself must enforce the policy.
        let answer = http::get(theirs.port(), "/a.js").await;
        let policy = if flag == Some("--cors") { "cross-origin" } else { "same-origin" };
        assert_eq!(answer.header("cross-origin-resource-policy"), Some(policy), "{flag:?}");
    }
}

#[tokio::test]
async fn isolated_page_can_share_memory_and_is_live() {
    let dir = TempDir::with_page("<link rel=stylesheet href=a.css><p>");
    dir.write("a.css", "p {}");
    dir.write("worker.js", "postMessage(self.crossOriginIsolated)");
    for (flag, isolated) in [(None, false), (Some("--isolate"), true)] {
        let livers = Livers::on(dir.path()).args(flag).start().await;
        let page = browser().await.open(livers.url()).await;
        page.wait_for_request(|r| r.kind == "WebSocket" && r.status == Some(101)).await;
        assert_eq!(page.eval::<bool>("crossOriginIsolated").await, isolated);
        let worker = "new Promise(done => new Worker('worker.js').onmessage = e => done(e.data))";
        assert_eq!(page.eval::<bool>(worker).await, isolated);
        dir.write("a.css", format!("p {{ color: rgb(1, 2, {}) }}", u8::from(isolated)));
        let color = format!("'rgb(1, 2, {})'", u8::from(isolated));
        page.wait_until(&format!(
            "getComputedStyle(document.querySelector('p')).color === {color}"
        ))
        .await;
    }
}
