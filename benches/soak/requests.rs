//! Requests for files by browsers, scanners and tools. Each response is compared with the expected
//! one.

use std::{sync::Arc, time::Duration};

use tokio::task::JoinSet;

use crate::{
    folder::PAGE,
    rng::Rng,
    support::http::{Response, Wire},
    tally::Tally,
    world::World,
};

/// Starts the tasks of this module.
pub(crate) fn start(world: &Arc<World>, tasks: &mut JoinSet<()>) {
    let ms = Duration::from_millis;
    world.repeat(tasks, "files, whole", ms(40), whole);
    world.repeat(tasks, "files, pipelined", ms(300), pipelined);
    world.repeat(tasks, "files, ranges", ms(60), ranges);
    world.repeat(tasks, "files, conditional", ms(60), conditional);
    world.repeat(tasks, "files, large", ms(1500), large);
    world.repeat(tasks, "files, compressed siblings", ms(150), packed);
    world.repeat(tasks, "missing files", ms(1000), missing);
    world.repeat(tasks, "listings", ms(300), listing);
    world.repeat(tasks, "redirects", ms(200), redirects);
    world.repeat(tasks, "pages", ms(50), pages);
    world.repeat(tasks, "own paths", ms(200), own);
    world.repeat(tasks, "malformed requests", ms(100), malformed);
    world.repeat(tasks, "refused requests", ms(150), refused);
    world.repeat(tasks, "huge heads", ms(400), heads);
}

fn text(response: &Response) -> String {
    String::from_utf8_lossy(&response.body).into_owned()
}

async fn whole(world: Arc<World>, mut rng: Rng) {
    let (path, content) = rng.pick(&world.files.plain);
    let response = world.get(path, &[]).await;
    assert_eq!(response.status, 200, "{path}");
    assert!(response.body == *content, "{path}: wrong body");
    assert_eq!(response.header("x-soak"), Some("yes"), "{path}");
    let head = world.ask(&format!("HEAD {path}"), &[], b"").await.expect("a response to HEAD");
    assert_eq!(head.header("content-length"), Some(&*content.len().to_string()), "{path}");
}

/// Many requests on one connection, sent before the first response.
async fn pipelined(world: Arc<World>, mut rng: Rng) {
    let mut wire = Wire::open(world.port).await;
    let files: Vec<_> = (0..12).map(|_| &world.files.plain[rng.below(6)]).collect();
    let line = |(path, _): &&(String, _)| format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    wire.send(files.iter().map(line).collect::<String>()).await;
    for (path, content) in files {
        let response = wire.response(false).await;
        Tally::count(&world.tally.answers);
        assert!(response.status == 200 && response.body == *content, "{path} pipelined");
    }
}

async fn ranges(world: Arc<World>, mut rng: Rng) {
    let (path, content) = &world.files.plain[3 + rng.below(5)];
    let length = content.len();
    let from = rng.below(length);
    let to = from + rng.below(length - from);
    let (range, part) = match rng.below(4) {
        0 => (format!("{from}-{to}"), &content[from..=to]),
        1 => (format!("{from}-"), &content[from..]),
        2 => (format!("-{}", from + 1), &content[length - from - 1..]),
        _ => (format!("{from}-{}", length + 10), &content[from..]),
    };
    let response = world.get(path, &[("Range", &format!("bytes={range}"))]).await;
    assert_eq!(response.status, 206, "{path} {range}");
    assert!(response.body == part, "{path} {range}: wrong body");
    let beyond = world.get(path, &[("Range", &format!("bytes={length}-"))]).await;
    assert_eq!(beyond.status, 416, "{path}");
    let several = world.get(path, &[("Range", "bytes=0-9, 1000-1009, 3000-3009")]).await;
    assert_eq!(several.status, 206, "{path}");
    for at in [0, 1000, 3000] {
        let part = &content[at..at + 10];
        assert!(several.body.windows(10).any(|bytes| bytes == part), "{path}: a part at {at}");
    }
}

async fn conditional(world: Arc<World>, mut rng: Rng) {
    let (path, content) = &world.files.plain[rng.below(7)];
    let first = world.get(path, &[]).await;
    let tag = first.header("etag").unwrap_or_else(|| panic!("{path}: no ETag"));
    let date = first.header("last-modified").unwrap_or_else(|| panic!("{path}: no date"));
    for (field, value, status) in [
        ("If-None-Match", tag, 304),
        ("If-Modified-Since", date, 304),
        ("If-None-Match", "\"other\"", 200),
        ("If-Match", "\"other\"", 412),
        ("If-Match", tag, 200),
    ] {
        let response = world.get(path, &[(field, value)]).await;
        assert_eq!(response.status, status, "{path} {field}: {value}");
        assert!(status != 200 || response.body == *content, "{path} {field}: wrong body");
    }
}

async fn large(world: Arc<World>, mut rng: Rng) {
    let all = &world.files.large;
    let (from, whole) = (rng.below(all.len()), rng.one_in(4));
    let range = format!("bytes={from}-");
    let fields = [("Range", &*range)];
    let response = world.get("/files/large.bin", if whole { &[] } else { &fields }).await;
    let part = if whole { &all[..] } else { &all[from..] };
    assert!(response.body == part, "wrong body from {from}");
}

async fn packed(world: Arc<World>, mut rng: Rng) {
    let accepted = *rng.pick(&["gzip", "br", "gzip, br;q=0.5", "identity", ""]);
    let response = world.get("/packed/app.js", &[("Accept-Encoding", accepted)]).await;
    let expected = match accepted {
        "identity" | "" => &world.files.script,
        _ => &world.files.packed,
    };
    assert_eq!(response.status, 200);
    assert!(response.body == *expected, "{accepted:?}: wrong body");
}

/// Requests as many missing files as livers remembers, so that its memory use is at the limit
/// before the load.
pub(crate) async fn fill(world: &World) {
    const REMEMBERED: usize = 10_000;
    for _ in 0..REMEMBERED {
        assert_eq!(world.get(&format!("/nothing/{}", world.name()), &[]).await.status, 404);
    }
}

/// Missing files with new names, requested with and without a referrer.
async fn missing(world: Arc<World>, _: Rng) {
    let path = format!("/missing/{}.png", world.name());
    let referrer = format!("http://localhost:{}/index.html", world.port);
    let fields = [("Sec-Fetch-Dest", "image"), ("Referer", &*referrer)];
    assert_eq!(world.get(&path, &fields).await.status, 404);
    let page = world.get(&format!("/{}/", world.name()), &[("Sec-Fetch-Dest", "document")]).await;
    assert_eq!(page.status, 404);
    assert!(text(&page).contains("/__livers/client.js"), "the error page has the client");
}

async fn listing(world: Arc<World>, _: Rng) {
    let response = world.get("/listed/", &[("Sec-Fetch-Dest", "document")]).await;
    assert_eq!(response.status, 200);
    let text = text(&response);
    assert!(text.contains("39 of many.txt") && text.contains("/__livers/client.js"), "{text}");
}

async fn redirects(world: Arc<World>, mut rng: Rng) {
    let (path, status, to) = *rng.pick(&[
        ("/listed", 302, "/listed/"),
        ("/listed?a=b", 302, "/listed/?a=b"),
        ("/old", 301, "/files/3.css"),
        ("/moved/a/b", 302, "/files/a/b"),
    ]);
    let response = world.get(path, &[]).await;
    assert_eq!((response.status, response.header("location")), (status, Some(to)), "{path}");
}

/// The element is injected once, and the rest of the page is unchanged.
async fn pages(world: Arc<World>, _: Rng) {
    let mut wire = Wire::open(world.port).await;
    for path in ["/", "/index.html", "/index"] {
        wire.send(format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Dest: document\r\n\
             Sec-Fetch-Mode: navigate\r\n\r\n"
        ))
        .await;
        let response = wire.response(false).await;
        Tally::count(&world.tally.answers);
        let text = text(&response);
        let at = text.find("<script").unwrap_or_else(|| panic!("{path}: no element in {text}"));
        let end = text.find("</script>").unwrap_or_else(|| panic!("{path}: {text}")) + 9;
        assert!(text[at..end].contains("/__livers/client.js?"), "{path}: {text}");
        assert_eq!(format!("{}{}", &text[..at], &text[end..]), PAGE, "{path}");
    }
}

async fn own(world: Arc<World>, mut rng: Rng) {
    let path = *rng.pick(&["/__livers/client.js", "/__livers/status", "/__livers/none"]);
    let response = world.get(path, &[]).await;
    assert_eq!(response.status, if path.ends_with("none") { 404 } else { 200 }, "{path}");
    if path.ends_with("status") {
        let status: serde_json::Value = response.json();
        assert!(status["version"].is_u64(), "{status}");
    }
}

async fn malformed(world: Arc<World>, mut rng: Rng) {
    let (raw, statuses) = *rng.pick::<(&str, &[u16])>(&[
        ("GET / HTTP/1.1\r\n\r\n", &[400]),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", &[400]),
        ("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", &[400]),
        ("GET /%00 HTTP/1.1\r\nHost: localhost\r\n\r\n", &[400, 404]),
        ("GET /..%2f..%2fetc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n", &[400, 404]),
        ("G\0T / HTTP/1.1\r\n\r\n", &[400]),
        ("\x16\x03\x01\x02\0\x01\0\x01\u{7f}\r\n\r\n", &[400]),
        ("GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: +1\r\n\r\n", &[400]),
        (
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            &[400],
        ),
        ("TRACE / HTTP/1.1\r\nHost: localhost\r\n\r\n", &[405]),
        ("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", &[405]),
        (
            "GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            &[400, 501],
        ),
    ]);
    let mut wire = Wire::open(world.port).await;
    wire.send(raw).await;
    let response = wire.try_response(false).await;
    Tally::count(&world.tally.answers);
    let status = response.map(|response| response.status);
    assert!(status.is_some_and(|status| statuses.contains(&status)), "{raw:?}: {status:?}");
}

async fn refused(world: Arc<World>, mut rng: Rng) {
    let (path, field, value) = *rng.pick(&[
        ("/", "Host", "evil.example"),
        ("/__livers/status", "Origin", "http://evil.example"),
        ("/.env", "Accept", "*/*"),
        ("/.git/config", "Accept", "*/*"),
        ("/__livers/client.js", "Sec-Fetch-Site", "cross-site"),
        ("/server.key", "Accept", "*/*"),
    ]);
    let response = world.get(path, &[(field, value)]).await;
    assert!(matches!(response.status, 403 | 404), "{path} {field}: {}", response.status);
}

async fn heads(world: Arc<World>, mut rng: Rng) {
    let long = "a".repeat(1000 + rng.below(30_000));
    let (path, content) = &world.files.plain[3];
    let response = world.get(path, &[("X-Long", &long)]).await;
    assert!(response.status == 200 && response.body == *content, "a head of {}", long.len());
    let fields = "X: y\r\n".repeat(2000);
    let mut wire = Wire::open(world.port).await;
    let _ = wire.try_send(format!("GET / HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n")).await;
    if let Some(response) = wire.try_response(false).await {
        assert_eq!(response.status, 431, "2,000 fields");
    }
    Tally::count(&world.tally.answers);
}
