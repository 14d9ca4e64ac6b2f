//! Request smuggling: a backend receives exactly one request or none.

use std::sync::{Arc, Mutex};

use crate::support::backend::Backend;
use crate::support::dir::TempDir;
use crate::support::http::{self, RequestHead, Wire};
use crate::support::server::Livers;

type Received = Arc<Mutex<Vec<(RequestHead, Vec<u8>)>>>;

/// Starts a backend that records every request and responds to it.
async fn recording(received: &Received) -> Backend {
    let received = Arc::clone(received);
    Backend::start(move |mut wire| {
        let received = Arc::clone(&received);
        async move {
            while let Some(head) = wire.request().await {
                let (body, complete) = wire.request_body(&head).await;
                if !complete {
                    return;
                }
                received.lock().expect("the list").push((head, body));
                let response = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
                if wire.try_send(response).await.is_err() {
                    return;
                }
            }
        }
    })
    .await
}

/// The smuggled request, which must never arrive as one.
const EVIL: &str = "GET /api/evil HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// Requests whose body has another length by another parser's rules; `@` is a line end. Then the
/// status, and the body that the backend receives, if any.
#[rustfmt::skip]
const BODIES: [(&str, &str, u16, Option<&str>); 38] = [
    ("length and chunks", "Content-Length: 5@Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200, Some("")),
    ("chunks and length", "Transfer-Encoding: chunked@Content-Length: 5\r\n\r\n0\r\n\r\n", 200, Some("")),
    ("two lengths", "Content-Length: 1@Content-Length: 2\r\n\r\nab", 400, None),
    ("a list of lengths", "Content-Length: 1, 2\r\n\r\nab", 400, None),
    ("CVE-2021-32715", "Content-Length: +1\r\n\r\na", 400, None),
    ("a length of base 16", "Content-Length: 0x1\r\n\r\na", 400, None),
    ("a length below 0", "Content-Length: -1\r\n\r\na", 400, None),
    ("no length", "Content-Length: \r\n\r\nEVIL", 400, None),
    ("two numbers", "Content-Length: 1 1\r\n\r\na", 400, None),
    ("a length too large", "Content-Length: 18446744073709551617\r\n\r\na", 400, None),
    ("xchunked", "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\nEVIL", 400, None),
    ("identity", "Transfer-Encoding: identity@Content-Length: 1\r\n\r\na", 400, None),
    ("chunked is not last", "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\nEVIL", 400, None),
    ("then identity", "Transfer-Encoding: chunked@Transfer-Encoding: identity\r\n\r\n0\r\n\r\nEVIL", 400, None),
    ("two codings", "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\nEVIL", 501, None),
    ("the same twice", "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\nEVIL", 501, None),
    ("in two lines", "Transfer-Encoding: chunked@Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nEVIL", 501, None),
    ("a space in a name", "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\nEVIL", 400, None),
    ("a vertical tab", "Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\nEVIL", 400, None),
    ("a quoted coding", "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\nEVIL", 400, None),
    ("a NUL", "Transfer-Encoding: chunked\0\r\n\r\n0\r\n\r\nEVIL", 400, None),
    ("a CR alone", "X: a\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nEVIL", 400, None),
    ("a folded line", "X: a\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nEVIL", 400, None),
    ("a folded coding", "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\nEVIL", 400, None),
    ("a tab", "Transfer-Encoding:\tchunked\r\n\r\n0\r\n\r\n", 200, Some("")),
    ("large letters", "TRANSFER-ENCODING: CHUNKED\r\n\r\n0\r\n\r\n", 200, Some("")),
    ("an underscore", "Transfer_Encoding: chunked@Content-Length: 5\r\n\r\n0\r\n\r\n", 200, Some("0\r\n\r\n")),
    ("a LF alone", "X: a\nContent-Length: 1\r\n\r\na", 200, Some("a")),
    ("an extension", "Transfer-Encoding: chunked\r\n\r\n1;a=b\r\nx\r\n0\r\n\r\n", 200, Some("x")),
    ("an extension with a LF", "Transfer-Encoding: chunked\r\n\r\n1;a\nb\r\nx\r\n0\r\n\r\nEVIL", 400, None),
    ("a long extension", "Transfer-Encoding: chunked\r\n\r\n1;LONG\r\nx\r\n0\r\n\r\n", 400, None),
    ("CVE-2021-32714", "Transfer-Encoding: chunked\r\n\r\nf0000000000000003\r\nabc\r\n0\r\n\r\nEVIL", 400, None),
    ("a chunk below 0", "Transfer-Encoding: chunked\r\n\r\n-1\r\nabc\r\n0\r\n\r\nEVIL", 400, None),
    ("a chunk of 0x1", "Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\nEVIL", 400, None),
    ("chunks with LF", "Transfer-Encoding: chunked\r\n\r\n1\na\n0\n\nEVIL", 400, None),
    ("a chunk too long", "Transfer-Encoding: chunked\r\n\r\n1\r\naXX0\r\n\r\nEVIL", 400, None),
    ("trailers", "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nContent-Length: 9\r\nHost: evil\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n", 200, Some("a")),
    ("a request as a body", "Content-Length: 43\r\n\r\nEVIL", 200, Some(EVIL)),
];

#[tokio::test]
async fn an_ambiguous_request_is_rejected_or_forwarded_as_one() {
    let received = Received::default();
    let backend = recording(&received).await;
    let dir = TempDir::with_page("<p>");
    let route = format!("/api={}", backend.url());
    let livers = Livers::on(dir.path()).args(["--proxy", &route]).start().await;
    assert_eq!(EVIL.len(), 43);
    for (what, rest, status, body) in BODIES {
        let rest = rest.replace('@', "\r\n").replace("EVIL", EVIL);
        let rest = rest.replace("LONG", &"a".repeat(1 << 20));
        let body = body.map(str::as_bytes);
        let mut wire = Wire::open(livers.port()).await;
        let _ = wire.try_send(format!("POST /api HTTP/1.1\r\nHost: localhost\r\n{rest}")).await;
        let response = wire.response(false).await;
        assert_eq!(response.status, status, "{what}");
        if status != 200 {
            // The connection ends without a second response.
            assert!(!matches!(wire.some().await, Ok(more) if !more.is_empty()), "{what}");
        }
        let received = std::mem::take(&mut *received.lock().expect("the list"));
        let bodies: Vec<_> = received.iter().map(|(_, body)| body.as_slice()).collect();
        assert_eq!(bodies, Vec::from_iter(body), "{what}: {received:?}");
        for (head, _) in received {
            assert_eq!((head.method.as_str(), head.target.as_str()), ("POST", "/api"), "{what}");
            assert_eq!(head.headers.get_all("host"), ["localhost"], "{what}");
            let [length, coding] = ["content-length", "transfer-encoding"];
            let framings = [length, coding].map(|name| head.headers.get_all(name).len());
            assert_eq!(framings.iter().sum::<usize>(), 1, "{what}: one framing");
        }
    }
}

#[tokio::test]
async fn a_client_cannot_forge_forwarded_fields_or_switch_protocols() {
    let received = Received::default();
    let backend = recording(&received).await;
    let dir = TempDir::with_page("<p>");
    let route = format!("/api={}", backend.url());
    let livers = Livers::on(dir.path()).args(["--proxy", &route]).start().await;
    let port = livers.port();
    let take = || std::mem::take(&mut *received.lock().expect("the list"));
    let own = format!("Host: localhost:{port}\r\n");
    let ask = |line: &str, fields: &str| {
        http::request(port, format!("{line} HTTP/1.1\r\n{own}{fields}\r\n"))
    };

    let fields =
        "Connection: x-forwarded-for, x-forwarded-host, host, via\r\nX-Forwarded-For: 6.6.6.6\r\n";
    assert_eq!(ask("GET /api", fields).await.status, 200);
    let (head, _) = take().pop().expect("a request");
    assert_eq!(head.headers.get_all("x-forwarded-for"), ["127.0.0.1"], "not removed as hop-by-hop");
    assert_eq!(head.headers.get_all("host"), [format!("localhost:{port}")]);
    assert_eq!(head.headers.get_all("x-forwarded-host"), [format!("localhost:{port}")]);

    let fields =
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ\r\n";
    for path in ["/api", "/"] {
        assert_eq!(ask(&format!("GET {path}"), fields).await.status, 200, "h2c {path}");
    }
    let (head, _) = take().pop().expect("a request");
    for name in ["upgrade", "http2-settings"] {
        assert_eq!(head.headers.get(name), None);
    }
    let mut wire = Wire::open(port).await;
    wire.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await;
    let _ = wire.some().await.map(|said| assert!(!said.starts_with(b"\0"), "HTTP/2: {said:?}"));

    // CVE-2025-29927: other fields of a client are forwarded; the backend must not trust them.
    assert_eq!(ask("GET /api", "x-middleware-subrequest: middleware\r\n").await.status, 200);
    take();
    for (line, status) in [
        ("GET http://169.254.169.254/api", 403),
        ("GET http://evil.example:80/api", 403),
        ("GET http://x@localhost/api", 400),
        ("GET http://localhost@evil.example/api", 400),
        ("TRACE /api", 405),
        ("CONNECT localhost:22", 405),
        ("GET /api\r\nX-Evil: 1", 400),
    ] {
        assert_eq!(ask(line, "").await.status, status, "{line}");
        let evil = |(head, _): &(RequestHead, _)| head.target.contains("evil");
        assert!(status == 200 || !take().iter().any(evil), "{line}");
    }
    // Percent-encoding is kept, so it cannot end a line.
    assert_eq!(ask("GET /api/%0d%0aX-Evil:%201?a=%0d%0aX-Evil:1", "").await.status, 200);
    let (head, _) = take().pop().expect("a request");
    assert_eq!(head.target, "/api/%0d%0aX-Evil:%201?a=%0d%0aX-Evil:1");
    assert_eq!(head.headers.get("x-evil"), None);
    // An absolute target of this server is routed by its path.
    assert_eq!(ask(&format!("GET http://localhost:{port}/api/x"), "").await.status, 200);
    assert_eq!(take().pop().expect("a request").0.target, "/api/x");
}
