//! The end of a connection: clients that shut down their sending side, clients that go away, and
//! responses to requests whose body is not read.

use std::sync::Arc;

use tokio::sync::Notify;

use crate::support::backend::Backend;
use crate::support::dir::TempDir;
use crate::support::http::{Wire, request_head};
use crate::support::server::Livers;
use crate::support::skip::skip;
use crate::support::within;

/// More than the buffers of a connection hold.
const LARGE: usize = 5_000_000;

#[tokio::test]
async fn a_client_that_shuts_down_its_sending_side_gets_its_response() {
    let dir = TempDir::with_page("<p>");
    dir.write("large.bin", vec![7; 32 << 20]);
    // The backend responds when the client has shut down its sending side.
    let is_shut_down = Arc::new(Notify::new());
    let wait = Arc::clone(&is_shut_down);
    let backend = Backend::start(move |mut wire| {
        let wait = Arc::clone(&wait);
        async move {
            let head = wire.request().await.expect("a request");
            let (body, _) = wire.request_body(&head).await;
            wait.notified().await;
            wire.send(format!("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{}", body.len())).await;
        }
    })
    .await;
    let route = format!("/api={}", backend.port());
    let livers = Livers::on(dir.path()).args(["--proxy", &route]).start().await;
    let port = livers.port();
    for (connection, method, path, body, length) in [
        ("close", "GET", "/", "", None),
        ("keep-alive", "GET", "/", "", None),
        ("keep-alive", "GET", "/large.bin", "", Some(32 << 20)),
        ("keep-alive", "GET", "/__livers/status", "", None),
        ("keep-alive", "GET", "/missing", "", None),
        ("keep-alive", "PUT", "/", "abc", None),
        ("keep-alive", "GET", "/api/slow", "", Some(1)),
        ("keep-alive", "POST", "/api/slow", "abc", Some(1)),
    ] {
        let mut wire = Wire::open(port).await;
        let connection = [("Connection", connection)];
        wire.send(request_head(port, method, path, &connection, body.len()) + body).await;
        wire.finish_sending().await;
        is_shut_down.notify_one();
        let response = wire.try_response(false).await;
        let response = response.unwrap_or_else(|| panic!("no response to {method} {path}"));
        assert!(response.complete, "{method} {path}: {response:?}");
        if let Some(length) = length {
            assert_eq!(response.body.len(), length, "{method} {path}");
        }
        assert_eq!(wire.some().await.expect("an orderly end"), b"", "{method} {path}");
    }

    let mut wire = Wire::open(port).await;
    let pipelined = request_head(port, "GET", "/", &[("Connection", "keep-alive")], 0).repeat(3);
    wire.send(pipelined).await;
    wire.finish_sending().await;
    for _ in 0..3 {
        assert_eq!(wire.response(false).await.status, 200);
    }
    assert_eq!(wire.some().await.expect("an orderly end"), b"");
}

/// A backend that begins a stream and never ends it, and reports when its connection is closed.
async fn endless(head: &'static str) -> (Backend, Arc<Notify>) {
    let closed = Arc::new(Notify::new());
    let report = Arc::clone(&closed);
    let backend = Backend::start(move |mut wire| {
        let closed = Arc::clone(&report);
        async move {
            wire.request().await.expect("a request");
            wire.send(head).await;
            while wire.some().await.is_ok_and(|bytes| !bytes.is_empty()) {}
            closed.notify_one();
        }
    })
    .await;
    (backend, closed)
}

#[tokio::test]
async fn a_client_that_goes_away_ends_the_request_to_the_backend() {
    let dir = TempDir::with_page("<p>");
    let stream = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n";
    for head in [stream, ""] {
        let (backend, closed) = endless(head).await;
        let route = format!("/api={}", backend.port());
        let livers = Livers::on(dir.path()).args(["--proxy", &route]).start().await;
        for reset in [false, true] {
            let mut wire = Wire::open(livers.port()).await;
            wire.send(request_head(livers.port(), "GET", "/api/stream", &[], 0)).await;
            backend.wait_for_connections(1 + usize::from(reset)).await;
            if head.is_empty() {
                // Longer than a client takes that waits for its response.
                tokio::time::sleep(std::time::Duration::from_millis(400)).await;
            } else {
                wire.until(b"data: 1").await.expect("the first event");
            }
            if reset {
                wire.reset();
            } else {
                drop(wire);
            }
            within("the end of the backend's connection", closed.notified()).await;
        }
    }
}

#[tokio::test]
async fn a_body_that_is_cut_off_is_not_completed() {
    let dir = TempDir::with_page("<p>");
    let (report, mut reported) = tokio::sync::mpsc::unbounded_channel();
    let backend = Backend::start(move |mut wire| {
        let report = report.clone();
        async move {
            let head = wire.request().await.expect("a request");
            let (body, complete) = wire.request_body(&head).await;
            report.send((body.len(), complete)).expect("the test");
        }
    })
    .await;
    let route = format!("/api={}", backend.port());
    let livers = Livers::on(dir.path()).args(["--proxy", &route]).start().await;
    let mut wire = Wire::open(livers.port()).await;
    wire.send(request_head(livers.port(), "POST", "/api/", &[], 10) + "12345").await;
    wire.finish_sending().await;
    let (length, complete) = within("the body", reported.recv()).await.expect("a report");
    assert!(length <= 5 && !complete, "{length} {complete}");
}

/// Requests that are answered before their body is read: the request line, header fields, and the
/// status.
fn early_responses(port: u16) -> Vec<(&'static str, String, u16)> {
    let own = format!("Host: localhost:{port}\r\n");
    let length = format!("Content-Length: {LARGE}\r\n");
    let chunked = format!("Transfer-Encoding: chunked\r\n\r\n{LARGE:x}");
    vec![
        ("POST / HTTP/1.1", format!("{own}{length}"), 405),
        ("PUT /index.html HTTP/1.1", format!("{own}{length}"), 405),
        ("PUT /index.html HTTP/1.0", format!("{own}{length}"), 405),
        ("POST / HTTP/1.1", format!("{own}{chunked}"), 405),
        ("DELETE /missing HTTP/1.1", format!("{own}{length}"), 405),
        ("GET /missing HTTP/1.1", format!("{own}{length}"), 404),
        ("GET / HTTP/1.1", format!("{own}{length}"), 200),
        ("OPTIONS / HTTP/1.1", format!("{own}{length}"), 204),
        ("POST / HTTP/1.1", format!("Host: evil.example\r\n{length}"), 403),
        ("POST /__livers/status HTTP/1.1", format!("{own}{length}"), 405),
        ("POST /__livers/status HTTP/1.1", format!("{own}Origin: null\r\n{length}"), 403),
        ("GET /__livers/socket HTTP/1.1", format!("{own}{length}"), 426),
        ("POST / HTTP/1.1", length.clone(), 400),
        ("POST / HTTP/1.1", format!("{own}Transfer-Encoding: gzip, {}", &chunked[19..]), 501),
        ("POST /api/ HTTP/1.1", format!("{own}{length}"), 502),
        // The rest of the fields is not read.
        ("GET / HTTP/1.1", format!("{own}X: "), 431),
        ("GET / HTTP/1.1", format!("{own}Content-Length: +1\r\n"), 400),
    ]
}

#[tokio::test]
async fn a_response_reaches_a_client_that_sends_a_large_body_first() {
    let dir = TempDir::with_page("<p>");
    let mut backend = Backend::answering("").await;
    backend.stop().await;
    let route = format!("/api={}", backend.port());
    let livers = Livers::on(dir.path()).args(["--proxy", &route]).start().await;
    for (line, fields, status) in early_responses(livers.port()) {
        let mut wire = Wire::open(livers.port()).await;
        wire.send(format!("{line}\r\n{fields}\r\n")).await;
        let body = vec![b'a'; LARGE];
        wire.try_send(&body).await.unwrap_or_else(|e| panic!("{line} {fields:?}: {e}"));
        let response = wire.response(false).await;
        assert_eq!(response.status, status, "{line} {fields:?}");
        if line.contains("/api/") {
            // The proxy reads the body, and the connection is kept.
            continue;
        }
        if line.ends_with("1.1") {
            assert_eq!(response.header("connection"), Some("close"), "{line} {fields:?}");
        }
        let end = wire.some().await.unwrap_or_else(|e| panic!("{line} {fields:?}: {e}"));
        assert_eq!(end, b"", "{line} {fields:?}");
    }
}

/// A small body is read, so that the connection can be kept.
#[tokio::test]
async fn a_small_body_does_not_cost_the_connection() {
    let dir = TempDir::with_page("<p>");
    let livers = Livers::on(dir.path()).start().await;
    let keep = [("Connection", "keep-alive")];
    let mut wire = Wire::open(livers.port()).await;
    for length in [1, 1000, 60_000] {
        let head = request_head(livers.port(), "POST", "/", &keep, length);
        wire.send([head.as_bytes(), &vec![b'a'; length]].concat()).await;
        assert_eq!(wire.response(false).await.status, 405, "{length}");
    }
    wire.send(request_head(livers.port(), "GET", "/", &keep, 0)).await;
    assert_eq!(wire.response(false).await.status, 200);
}

#[tokio::test]
async fn fetch_in_node_gets_the_response_to_every_large_body() {
    const SCRIPT: &str = "
        const [url] = process.argv.slice(1);
        const counts = {};
        for (let i = 0; i < 20; i++) {
            for (const method of ['POST', 'PUT']) {
                const result = await fetch(url, {method, body: new Uint8Array(5e6)})
                    .then(async response => (await response.text()) && response.status)
                    .catch(error => String(error.cause ?? error));
                counts[result] = (counts[result] ?? 0) + 1;
            }
        }
        console.log(JSON.stringify(counts));";
    let dir = TempDir::with_page("<p>");
    let livers = Livers::on(dir.path()).start().await;
    let mut node = tokio::process::Command::new("node");
    node.args(["--input-type=module", "-e", SCRIPT, &livers.at("/index.html")]);
    let output = match node.kill_on_drop(true).output().await {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return skip("serve::closing::fetch_in_node", "node");
        }
        output => output.expect("run node"),
    };
    let printed = String::from_utf8_lossy(&output.stdout);
    assert_eq!(printed.trim(), r#"{"405":40}"#, "{}", String::from_utf8_lossy(&output.stderr));
}
