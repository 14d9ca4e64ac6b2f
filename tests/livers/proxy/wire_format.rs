//! Responses as exact bytes: what a backend sends and what the client receives.

use super::{route, start};
use crate::support::{
    backend::Backend,
    http::{self, Framing, Response, Wire},
    server::Livers,
};

/// Method and fields of the request, the bytes of the backend's response, then status, body and
/// fields that the client receives. A field without values must be absent.
type Case = (
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static [u8],
    u16,
    &'static [u8],
    &'static [(&'static str, &'static [&'static str])],
);

const PAGE: &[(&str, &str)] = &[("Sec-Fetch-Dest", "document")];
const TRAILERS: &[(&str, &str)] = &[("TE", "trailers"), ("Connection", "TE")];

const CASES: &[Case] = &[
    // Lengths.
    (
        "GET",
        &[],
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\nbody",
        200,
        b"body",
        &[("content-length", &["4"])],
    ),
    (
        "GET",
        &[],
        b"HTTP/1.1 200 OK\r\nContent-Length: 4, 4\r\n\r\nbody",
        200,
        b"body",
        &[("content-length", &["4"])],
    ),
    (
        "GET",
        &[],
        b"HTTP/1.1 200 OK\r\nContent-Length: 4, 5\r\n\r\nbody",
        502,
        b"the response is not valid HTTP",
        &[],
    ),
    (
        "GET",
        &[],
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
        200,
        b"body",
        &[("content-length", &[])],
    ),
    // Transfer codings.
    (
        "GET",
        &[],
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
        502,
        b"the response has a transfer coding that was not requested",
        &[],
    ),
    (
        "GET",
        &[],
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nContent-Length: 4\r\n\r\nbody",
        200,
        b"body",
        &[],
    ),
    (
        "GET",
        &[],
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
        502,
        b"the response is not valid HTTP",
        &[],
    ),
    (
        "GET",
        &[],
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;a=\"b\"\r\nbody\r\n0;x\r\n\r\n",
        200,
        b"body",
        &[],
    ),
    // Trailers, requested and not.
    (
        "GET",
        TRAILERS,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n\
          4\r\nbody\r\n0\r\nX-Sum: 1\r\nContent-Length: 9\r\nSet-Cookie: a=b\r\n\r\n",
        200,
        b"body+x-sum",
        &[("trailer", &["X-Sum"])],
    ),
    (
        "GET",
        &[],
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n\
          4\r\nbody\r\n0\r\nX-Sum: 1\r\n\r\n",
        200,
        b"body",
        &[],
    ),
    // Responses without a body, whatever follows.
    (
        "HEAD",
        &[],
        b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\nContent-Type: text/plain\r\n\r\n",
        200,
        b"",
        &[("content-length", &["1234"])],
    ),
    (
        "HEAD",
        &[],
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody",
        200,
        b"",
        &[("content-length", &["4"])],
    ),
    (
        "HEAD",
        PAGE,
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n\r\n",
        200,
        b"",
        &[("content-length", &[]), ("content-encoding", &[])],
    ),
    (
        "GET",
        &[],
        b"HTTP/1.1 204 No Content\r\nContent-Length: 4\r\nX: 1\r\n\r\nbody",
        204,
        b"",
        &[("content-length", &[]), ("x", &["1"])],
    ),
    (
        "GET",
        &[],
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\nETag: \"a\"\r\n\r\nbody",
        304,
        b"",
        &[("etag", &["\"a\""])],
    ),
    // Unusual syntax.
    (
        "GET",
        &[],
        b"HTTP/1.1 200 OK\r\nX: a\r\n\tb\r\n c\r\nContent-Length: 4\r\n\r\nbody",
        200,
        b"body",
        &[("x", &["a b c"])],
    ),
    ("GET", &[], b"HTTP/1.1 299\r\nContent-Length: 4\r\n\r\nbody", 299, b"body", &[]),
    ("GET", &[], b"HTTP/1.0 200 OK\r\n\r\nbody", 200, b"body", &[]),
    ("GET", &[], b"HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n", 502, b"the response is not valid HTTP", &[]),
    ("GET", &[], b"just text", 502, b"the response is not valid HTTP", &[]),
    // Informational responses, and no final response.
    (
        "GET",
        &[],
        b"HTTP/1.1 102 A\r\n\r\nHTTP/1.1 199 B\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody",
        200,
        b"body",
        &[],
    ),
    (
        "GET",
        &[],
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbodyHTTP/1.1 103 Early Hints\r\n\r\n",
        200,
        b"body",
        &[],
    ),
    ("GET", &[], b"HTTP/1.1 100 Continue\r\n\r\n", 502, b"the backend closed the connection", &[]),
    (
        "GET",
        &[],
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nx",
        502,
        b"the backend switched protocols without a request",
        &[("upgrade", &[])],
    ),
    // Pages with a wrong Content-Encoding.
    (
        "GET",
        PAGE,
        b"HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\nContent-Length: 0\r\n\r\n",
        302,
        b"",
        &[("location", &["/next"])],
    ),
    (
        "GET",
        PAGE,
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: br\r\nContent-Length: 0\r\n\r\n",
        200,
        b"",
        &[("content-encoding", &[])],
    ),
    (
        "GET",
        PAGE,
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\nContent-Length: 7\r\n\r\n<p>page",
        502,
        b"its page is not encoded as its Content-Encoding says",
        &[("content-encoding", &[]), ("cache-control", &["no-store"])],
    ),
];

async fn request(livers: &Livers, case: usize) -> Response {
    let (method, fields, ..) = CASES[case];
    let (port, path) = (livers.port(), format!("/{case}"));
    let mut wire = Wire::open(port).await;
    wire.send(http::request_head(port, method, &path, fields, 0)).await;
    wire.response(method == "HEAD").await
}

#[tokio::test]
async fn responses_are_forwarded_correctly() {
    let backend = Backend::start(|mut wire| async move {
        let Some(head) = wire.request().await else { return };
        let case: usize = head.target[1..].parse().expect("a case");
        wire.send(CASES[case].2).await;
    })
    .await;
    let (livers, _dir) = start([route("/", &backend)]).await;
    for (case, (_, _, written, status, body, fields)) in CASES.iter().enumerate() {
        let response = request(&livers, case).await;
        let what = format!("{} became {response:?}", written.escape_ascii());
        assert_eq!((response.status, response.complete), (*status, true), "{what}");
        let text = response.text();
        let element = text.find("<script src=\"/__livers/early.js?");
        // The body of an error response contains the reason.
        let expected = std::str::from_utf8(body).expect("UTF-8");
        if *status == 502 {
            assert!(text.contains(expected), "{what}");
            let line = format!("/{case}: {expected}");
            livers.wait_for_line(|printed| printed.contains(&line)).await;
        } else if element != Some(0) || !expected.is_empty() {
            let trailers: String =
                response.trailers.0.iter().map(|(n, _)| format!("+{n}")).collect();
            assert_eq!(format!("{text}{trailers}"), expected, "{what}");
        }
        for (name, values) in *fields {
            assert_eq!(response.headers.get_all(name), *values, "{name}: {what}");
        }
    }
}

#[tokio::test]
async fn http_1_0_client_is_told_whether_its_connection_is_kept() {
    let backend = Backend::start(|mut wire| async move {
        while let Some(received) = wire.request().await {
            let (fields, body) = match received.target.as_str() {
                "/app/page" => ("Content-Type: text/html\r\nContent-Length: 7\r\n", "<p>text"),
                "/app/sized" => ("Content-Length: 4\r\n", "body"),
                "/app/chunked" => ("Transfer-Encoding: chunked\r\n", "4\r\nbody\r\n0\r\n\r\n"),
                other => panic!("{other}"),
            };
            let body = if received.method == "HEAD" { "" } else { body };
            wire.send(format!("HTTP/1.1 200 OK\r\n{fields}\r\n{body}")).await;
        }
    })
    .await;
    let (livers, dir) = start([route("/app", &backend)]).await;
    dir.write("large.html", "<p>text".repeat(1 << 20));
    let table = [
        ("GET", "/app/page", false),
        ("GET", "/app/sized", true),
        ("GET", "/app/chunked", false),
        ("HEAD", "/app/sized", true),
        ("GET", "/", true),
        ("GET", "/large.html", false),
    ];
    for (method, path, kept) in table {
        let request = format!(
            "{method} {path} HTTP/1.0\r\nHost: localhost:{}\r\nConnection: keep-alive\r\n\
             Sec-Fetch-Dest: document\r\n\r\n",
            livers.port()
        );
        let mut wire = Wire::open(livers.port()).await;
        wire.send(&request).await;
        let response = wire.response(method == "HEAD").await;
        let connection = if kept { "keep-alive" } else { "close" };
        assert_eq!(response.header("connection"), Some(connection), "{method} {path}");
        assert_eq!(response.framing == Framing::Close, !kept, "{method} {path}");
        assert!(response.complete, "{method} {path}");
        if kept {
            wire.send(&request).await;
            let again = wire.response(method == "HEAD").await;
            assert_eq!(again.status, 200, "{method} {path}");
        }
    }
}
