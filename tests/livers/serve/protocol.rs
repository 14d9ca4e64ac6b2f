//! HTTP/1.1 and 1.0 on the wire: pipelining, keep-alive, invalid requests, limits.

use super::FETCH;
use crate::support::dir::TempDir;
use crate::support::http::{self, Wire};
use crate::support::server::Livers;

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let dir = TempDir::with_page("<p>");
    for name in ["a", "b", "c"] {
        dir.write(format!("{name}.txt"), name.repeat(3000));
    }
    let livers = Livers::on(dir.path()).start().await;
    let ask = |method: &str, path: &str| {
        format!("{method} {path} HTTP/1.1\r\nHost: localhost:{}\r\n\r\n", livers.port())
    };
    let order = [("GET", "a"), ("HEAD", "b"), ("GET", "b"), ("GET", "missing"), ("GET", "c")];
    let mut wire = Wire::open(livers.port()).await;
    let all = order.map(|(method, name)| ask(method, &format!("/{name}.txt")));
    wire.send(all.concat()).await;
    for (method, name) in order {
        let answer = wire.response(method == "HEAD").await;
        let status = if name == "missing" { 404 } else { 200 };
        assert_eq!(answer.status, status, "{method} {name}");
        if method == "GET" && status == 200 {
            assert_eq!(answer.text(), name.repeat(3000));
        }
    }
    // An unread body is not parsed as the next request.
    let body = ask("POST", "/a.txt").replace("\r\n\r\n", "\r\nContent-Length: 20\r\n\r\n");
    wire.send(body + "GET /b.txt HTTP/1.1\r" + &ask("GET", "/c.txt")).await;
    assert_eq!(wire.response(false).await.status, 405);
    assert_eq!(wire.response(false).await.text(), "c".repeat(3000));
}

#[tokio::test]
async fn connection_closes_when_either_side_asks_for_it() {
    let dir = TempDir::with_page("<p>");
    let livers = Livers::on(dir.path()).start().await;
    let host = format!("Host: localhost:{}\r\n", livers.port());
    for (version, connection, stays) in [
        ("1.1", "", true),
        ("1.1", "Connection: close\r\n", false),
        ("1.1", "Connection: Keep-Alive\r\n", true),
        ("1.0", "", false),
        ("1.0", "Connection: keep-alive\r\n", true),
    ] {
        let mut wire = Wire::open(livers.port()).await;
        let raw = format!("GET / HTTP/{version}\r\n{host}{connection}\r\n");
        wire.send(&raw).await;
        let answer = wire.response(false).await;
        assert_eq!(answer.status, 200, "{raw}");
        assert_eq!(answer.version, format!("HTTP/{version}"), "{raw}");
        if stays {
            wire.send(&raw).await;
            assert_eq!(wire.response(false).await.status, 200, "{raw}");
        } else {
            assert_eq!(wire.some().await.expect("an orderly end"), b"", "{raw}");
        }
    }
    let mut wire = Wire::open(livers.port()).await;
    wire.send(format!(
        "POST / HTTP/1.1\r\n{host}Expect: 100-continue\r\nContent-Length: 1\r\n\r\n"
    ))
    .await;
    assert_eq!(wire.response(false).await.status, 405, "without the body");
}

#[tokio::test]
async fn invalid_requests_are_rejected_and_harm_nothing() {
    let dir = TempDir::with_page("<p>");
    let livers = Livers::on(dir.path()).start().await;
    let host = format!("Host: localhost:{}\r\n", livers.port());
    let table: [(&[u8], u16); 16] = [
        (b"GARBAGE\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"GET /\r\n\r\n", 400),
        (b"GET / HTTP/1.2\r\n\r\n", 400),
        (b"GET / HTTP/9\r\n\r\n", 400),
        (b"GET / / HTTP/1.1\r\n@\r\n", 400),
        (b"G\xffT / HTTP/1.1\r\n@\r\n", 400),
        (b"GET / HTTP/1.1\r\n@no colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n@Name : value\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n@Name: a\r\n b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n@Name: a\0b\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n@Content-Length: x\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n@Content-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n@Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
        (b"POST / HTTP/1.1\r\n@Transfer-Encoding: gzip\r\n\r\n", 400),
        (b"GET /\x7f HTTP/1.1\r\n@\r\n", 400),
    ];
    for (raw, status) in table {
        let text = raw.escape_ascii().to_string();
        let at = raw.iter().position(|byte| *byte == b'@');
        let raw =
            at.map_or(raw.to_vec(), |at| [&raw[..at], host.as_bytes(), &raw[at + 1..]].concat());
        let mut wire = Wire::open(livers.port()).await;
        wire.send(raw).await;
        let answer = wire.response(false).await;
        assert_eq!(answer.status, status, "{text}");
        assert_eq!(wire.some().await.unwrap_or_default(), b"", "{text}: the connection ends");
    }
    assert_eq!(http::get(livers.port(), "/").await.status, 200);
}

#[tokio::test]
async fn size_of_a_request_head_is_limited() {
    let dir = TempDir::with_page("<p>");
    let livers = Livers::on(dir.path()).start().await;
    let head = |target: &str, fields: String| {
        format!("GET {target} HTTP/1.1\r\nHost: localhost:{}\r\n{fields}\r\n", livers.port())
    };
    let field = |length| format!("Cookie: {}\r\n", "a".repeat(length));
    let long = |length| format!("/?{}", "a".repeat(length));
    for (raw, status) in [
        (head("/", field(60_000)), 200),
        (head("/", field(1 << 20)), 431),
        (head("/", "A: b\r\n".repeat(90)), 200),
        (head("/", "A: b\r\n".repeat(5000)), 431),
        (head(&long(60_000), String::new()), 200),
        (head(&long(70_000), String::new()), 414),
    ] {
        let mut wire = Wire::open(livers.port()).await;
        // It may be rejected before all of it is sent.
        let _ = wire.try_send(&raw).await;
        assert_eq!(wire.response(false).await.status, status, "{} bytes", raw.len());
    }
    let name = format!("/{}", "a".repeat(5000));
    assert_eq!(http::get_with(livers.port(), &name, &[FETCH]).await.status, 404);
}
