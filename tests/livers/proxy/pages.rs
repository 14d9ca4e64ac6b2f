//! Script injection into the pages of a backend.

use std::{io::Write, sync::Arc};

use flate2::{Compression, write::GzEncoder};
use tokio::sync::Semaphore;

use super::{http_response, route, start};
use crate::support::{
    backend::Backend,
    http::{self, Wire},
};

/// Removes the two injected elements, which must be there exactly once.
fn without_element(text: &str) -> String {
    let (before, rest) =
        text.split_once("<script").unwrap_or_else(|| panic!("no element in {text}"));
    let (early, rest) = rest.split_once("</script>").expect("the end of the first element");
    let (element, after) = rest.split_once("</script>").expect("the end of the second element");
    assert!(early.contains(" src=\"/__livers/early.js?"), "{early}");
    assert!(element.contains(" src=\"/__livers/client.js?"), "{element}");
    assert!(!after.contains("/__livers/"), "a second element in {text}");
    before.to_owned() + after
}

const NAVIGATION: [(&str, &str); 1] = [("Sec-Fetch-Dest", "document")];
const FETCH: [(&str, &str); 1] = [("Sec-Fetch-Dest", "empty")];

#[tokio::test]
async fn streamed_page_gets_one_element() {
    const FIRST: &str = "<!doctype html><html><head><title>x</title></head><body><p>first";
    const SECOND: &str = "<p>second</body></html>";
    let gate = Arc::new(Semaphore::new(0));
    let opened = Arc::clone(&gate);
    let backend = Backend::start(move |mut wire| {
        let gate = Arc::clone(&opened);
        async move {
            let received = wire.request().await.expect("a request");
            assert_eq!(received.headers.get("accept-encoding"), Some("identity"));
            let length = FIRST.len() + SECOND.len();
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {length}\r\n\
                 ETag: \"1\"\r\nLast-Modified: Mon, 01 Jan 2024 00:00:00 GMT\r\n\
                 Accept-Ranges: bytes\r\nX-End: kept\r\n\r\n"
            );
            wire.send(head + FIRST).await;
            gate.acquire().await.expect("open").forget();
            wire.send(SECOND).await;
        }
    })
    .await;
    let (livers, _dir) = start([route("/app", &backend)]).await;
    let mut wire = Wire::open(livers.port()).await;
    let fields = [NAVIGATION[0], ("Accept-Encoding", "gzip, br"), ("If-None-Match", "\"1\"")];
    wire.send(http::request_head(livers.port(), "GET", "/app", &fields, 0)).await;
    let head = wire.until(b"\r\n\r\n").await.expect("a head");
    for stale in ["content-length", "etag", "last-modified", "accept-ranges"] {
        assert!(!head.to_ascii_lowercase().contains(stale), "{head}");
    }
    assert!(head.to_ascii_lowercase().contains("x-end: kept"), "{head}");
    let first = wire.until(b"<p>first").await.expect("the first half");
    gate.add_permits(1);
    let second = wire.until(b"</html>").await.expect("the second half");
    // Lines without markup are chunk sizes.
    let text = without_element(&(first + "<p>first" + &second + "</html>"));
    let page: String = text.split("\r\n").filter(|part| part.contains('<')).collect();
    assert_eq!(page, FIRST.to_owned() + SECOND);
}

#[tokio::test]
async fn injected_page_has_no_validators() {
    const PAGE: &str = "<!doctype html><title>t</title><p>text";
    let fields = "Content-Type: text/html; charset=utf-8\r\nETag: \"1\"\r\n";
    let backend = Backend::answering(http_response("404 Not Found", fields, PAGE)).await;
    let (livers, _dir) = start([route("/app", &backend)]).await;
    for (method, request) in [("GET", &NAVIGATION[..]), ("POST", &NAVIGATION[..]), ("GET", &[])] {
        let response = http::send(livers.port(), method, "/app", request, b"").await;
        assert_eq!(response.status, 404);
        assert_eq!(without_element(response.text()), PAGE, "{method} {request:?}");
        assert_eq!(response.header("etag"), None);
        assert_eq!(response.header("cache-control"), Some("no-cache"));
    }
}

#[tokio::test]
async fn responses_other_than_pages_are_unchanged() {
    const PAGE: &[u8] = b"<!doctype html><title>t</title><p>text";
    const GZIP: &[u8] = b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xb3\xb1\xb0\x03\0\x12\x34";
    let table: [(&str, &[(&str, &str)], &str, &[u8]); 8] = [
        ("JSON", &NAVIGATION, "Content-Type: application/json\r\n", b"{\"a\": \"<p>\"}"),
        ("a script", &[], "Content-Type: text/javascript\r\n", b"'<!doctype html>'"),
        ("an image", &NAVIGATION, "Content-Type: image/png\r\n", b"\x89PNG\r\n\x1a\n\0<html>"),
        ("no type", &NAVIGATION, "", PAGE),
        ("fetched HTML", &FETCH, "Content-Type: text/html\r\n", PAGE),
        (
            "HTML in an unsupported coding",
            &NAVIGATION,
            "Content-Type: text/html\r\nContent-Encoding: zstd\r\n",
            GZIP,
        ),
        (
            "fetched compressed HTML",
            &FETCH,
            "Content-Type: text/html\r\nContent-Encoding: gzip\r\n",
            GZIP,
        ),
        (
            "a download",
            &NAVIGATION,
            "Content-Type: text/html\r\nContent-Disposition: attachment\r\n",
            PAGE,
        ),
    ];
    for (what, request, fields, body) in table {
        let fields =
            format!("{fields}ETag: \"1\"\r\nLast-Modified: Mon, 01 Jan 2024 00:00:00 GMT\r\n");
        let backend = Backend::answering(http_response("200 OK", &fields, body)).await;
        let (livers, _dir) = start([route("/app", &backend)]).await;
        let response = http::get_with(livers.port(), "/app", request).await;
        assert!(response.body == body, "{what}: {response:?}");
        assert_eq!(
            response.header("content-length"),
            Some(body.len().to_string().as_str()),
            "{what}"
        );
        for line in fields.lines() {
            let (name, value) = line.split_once(": ").expect("a field");
            assert_eq!(response.headers.get_all(name), [value], "{what}");
        }
        assert_eq!(response.header("cache-control"), None, "{what}");
    }
}

#[tokio::test]
async fn compressed_page_gets_the_element() {
    let page = format!("<!doctype html><title>t</title>{}", "<p>text</p>".repeat(10_000));
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(page.as_bytes()).expect("memory");
    let gzip = gzip.finish().expect("memory");
    let fields = "Content-Type: text/html\r\nContent-Encoding: gzip\r\nETag: \"1\"\r\n";
    let backend = Backend::answering(http_response("200 OK", fields, &gzip)).await;
    let (livers, _dir) = start([route("/app", &backend)]).await;
    let response = http::get_with(livers.port(), "/app", &NAVIGATION).await;
    assert_eq!(without_element(response.text()), page);
    for stale in ["content-encoding", "content-length", "etag"] {
        assert_eq!(response.header(stale), None, "{response:?}");
    }
}

#[tokio::test]
async fn changed_page_has_no_digests_and_no_signatures() {
    const REMOVED: [(&str, &str); 6] = [
        ("Content-Digest", "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"),
        ("Repr-Digest", "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"),
        ("Digest", "SHA-256=X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE="),
        ("Content-MD5", "Q2hlY2sgSW50ZWdyaXR5IQ=="),
        ("Signature", "a=:YQ==:"),
        ("Signature-Input", "a=(\"content-digest\")"),
    ];
    const KEPT: [(&str, &str); 2] = [("Want-Repr-Digest", "sha-256=1"), ("X-End", "1")];
    let lines = |fields: &[(&str, &str)]| -> String {
        fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect()
    };
    let all = lines(&[&REMOVED[..], &KEPT].concat());
    let in_head = format!("Content-Type: text/html\r\n{all}");
    let head = Backend::answering(http_response("200 OK", &in_head, "<p>text")).await;
    let names: Vec<_> = REMOVED.iter().chain(&KEPT).map(|(name, _)| *name).collect();
    // The body is shorter than what the injector holds back.
    let trailers = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\
         Trailer: {}\r\n\r\nf\r\n<!doctype html>\r\n0\r\n{all}\r\n",
        names.join(", ")
    );
    let trailers = Backend::answering(trailers).await;
    let (livers, _dir) = start([route("/head", &head), route("/trailers", &trailers)]).await;
    for (path, request, kept) in [
        ("/head", NAVIGATION, false),
        ("/trailers", NAVIGATION, false),
        ("/head", FETCH, true),
        ("/trailers", FETCH, true),
    ] {
        let request = [request[0], ("TE", "trailers"), ("Connection", "close, TE")];
        let response = http::get_with(livers.port(), path, &request).await;
        let injected = response.text().contains("/__livers/client.js");
        assert_eq!(injected, !kept, "{path}: {response:?}");
        let fields = if path == "/head" { &response.headers } else { &response.trailers };
        for (name, value) in REMOVED {
            assert_eq!(fields.get(name), Some(value).filter(|_| kept), "{path}: {response:?}");
        }
        for (name, value) in KEPT {
            assert_eq!(fields.get(name), Some(value), "{path}: {response:?}");
        }
        let announced = response.header("trailer").map(|names| names.contains("Content-Digest"));
        let expected = (path == "/trailers").then_some(kept);
        assert_eq!(announced, expected, "{path}: {response:?}");
    }
    let head = http::send(livers.port(), "HEAD", "/head", &NAVIGATION, b"").await;
    assert_eq!(head.header("repr-digest"), None, "as in the response to GET");
}

#[tokio::test]
async fn conditional_and_range_requests_pass() {
    let backend = Backend::start(|mut wire| async move {
        let received = wire.request().await.expect("a request");
        let response = match (received.headers.get("if-none-match"), received.headers.get("range"))
        {
            (Some("\"1\""), _) => "HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\n\r\n".into(),
            (_, Some("bytes=0-3")) => {
                let fields = "Content-Type: text/html\r\nContent-Range: bytes 0-3/8\r\n";
                http_response("206 Partial Content", fields, "<htm")
            }
            _ => panic!("{received:?}"),
        };
        wire.send(response).await;
    })
    .await;
    let (livers, _dir) = start([route("/app", &backend)]).await;
    let response =
        http::get_with(livers.port(), "/app", &[FETCH[0], ("If-None-Match", "\"1\"")]).await;
    assert_eq!((response.status, response.header("etag")), (304, Some("\"1\"")));
    for request in [&FETCH[..], &NAVIGATION, &[]] {
        let request = [request, &[("Range", "bytes=0-3")]].concat();
        let response = http::get_with(livers.port(), "/app", &request).await;
        assert_eq!((response.status, response.text()), (206, "<htm"), "{request:?}");
    }
}
