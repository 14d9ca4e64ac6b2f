//! Property tests of header rewriting against an independent model, and request smuggling.

use std::net::IpAddr;

use hyper::{
    HeaderMap, Request, StatusCode,
    header::{HeaderName, HeaderValue},
};
use proptest::{collection::vec, prelude::*, sample::select};
use tokio::io::AsyncWriteExt;

use super::{Backend, Client, TestProxy, read_all, read_head};
use crate::proxy::headers::{self, ForwardKind};

/// Fields that are never forwarded unchanged (RFC 9110, section 7.6.1, and known practice).
const HOP: [&str; 10] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
    "forwarded",
];

/// Fields that livers sets.
const OWN: [&str; 5] = ["host", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"];

fn fields() -> impl Strategy<Value = Vec<(String, String)>> {
    let known =
        select([&HOP[..], &OWN[..], &["cookie", "x-a", "x-b", "origin", "accept"]].concat());
    let name = prop_oneof![known.prop_map(str::to_owned), "[a-z][a-z0-9-]{0,8}"];
    let named = select(vec!["close", "x-a", "X-B", "cookie", "host", "via", "te", "", "a b", "@"]);
    let list = vec(named, 0..5).prop_map(|names| names.join(","));
    let value = prop_oneof![list, "[ -~\t]{0,20}", "[\u{80}-\u{ff}]{0,4}"];
    vec((name, value), 0..40)
}

fn map(fields: &[(String, String)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
            headers.append(name, value);
        }
    }
    headers
}

/// Returns the names in `Connection`.
fn named(before: &HeaderMap) -> Vec<String> {
    let lines = before.get_all("connection").into_iter();
    let lines = lines.filter_map(|line| line.to_str().ok().map(str::to_lowercase));
    lines
        .flat_map(|line| line.split(',').map(|n| n.trim().to_owned()).collect::<Vec<_>>())
        .collect()
}

/// Checks that all fields are kept in order, except hop-by-hop fields and those in `ignored`.
fn check_kept(
    before: &HeaderMap,
    after: &HeaderMap,
    ignored: &[&str],
) -> Result<(), TestCaseError> {
    let named = named(before);
    for name in before.keys() {
        let name = name.as_str();
        if ignored.contains(&name) {
            continue;
        }
        let is_hop_by_hop = HOP.contains(&name) || named.iter().any(|named| named == name);
        let values: Vec<_> = after.get_all(name).iter().collect();
        if is_hop_by_hop {
            prop_assert!(values.is_empty(), "{name} was forwarded: {values:?}");
        } else {
            prop_assert_eq!(before.get_all(name).iter().collect::<Vec<_>>(), values, "{}", name);
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn request_fields_are_removed_or_kept(fields in fields(), which in 0_usize..3) {
        let kind = [ForwardKind::Plain, ForwardKind::Injectable, ForwardKind::Upgrade][which];
        let before = map(&fields);
        let (mut parts, ()) = Request::new(()).into_parts();
        parts.headers = before.clone();
        let backend = headers::Backend { authority: "b:1", origin: None };
        let client = Client { address: IpAddr::from([127, 0, 0, 1]), https: false, local: true };
        let _ = headers::request(&mut parts, backend, &client, kind);
        let after = parts.headers;
        let mut ignored = [&OWN[..], &["connection", "te", "upgrade", "accept-encoding"]].concat();
        ignored.extend(["if-none-match", "if-modified-since"]);
        check_kept(&before, &after, &ignored)?;
        let values = |name: &str| after.get_all(name).iter().map(|v| v.to_str().unwrap()).collect::<Vec<_>>();
        prop_assert!([vec![], vec!["TE"], vec!["Upgrade"]].contains(&values("connection")));
        prop_assert!([vec![], vec!["trailers"]].contains(&values("te")));
        let upgrade = if kind == ForwardKind::Upgrade { vec!["websocket"] } else { vec![] };
        prop_assert_eq!(values("upgrade"), upgrade);
        prop_assert_eq!(values("x-forwarded-for"), ["127.0.0.1"]);
        prop_assert_eq!(values("x-forwarded-proto"), ["http"]);
        prop_assert_eq!(after.get_all("host").iter().count(), 1);
        prop_assert_eq!(after.get("host"), after.get("x-forwarded-host"));
        prop_assert!(after.len() <= before.len() + OWN.len() + 3, "bounded");
    }

    #[test]
    fn response_fields_are_removed_or_kept(fields in fields(), status in 100_u16..600) {
        let before = map(&fields);
        let mut after = before.clone();
        headers::response(StatusCode::from_u16(status).unwrap(), &mut after);
        // `Forwarded` has no meaning in a response, so it is kept.
        check_kept(&before, &after, &["connection", "upgrade", "forwarded"])?;
        let upgraded = after.contains_key("upgrade");
        prop_assert!(!upgraded || [101, 426].contains(&status));
        prop_assert_eq!(after.get("connection").map(|value| value == "Upgrade"), upgraded.then_some(true));
    }
}

/// Returns the request that the backend receives, or the status line of an error response.
async fn forward(proxy: &TestProxy, backend: &Backend, request: &str) -> Result<String, String> {
    let mut browser = proxy.browser(request).await;
    let received = async {
        let (mut socket, received) = backend.receive().await;
        let response = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
        socket.write_all(response.as_bytes()).await.unwrap();
        socket.shutdown().await.unwrap();
        let body = read_all(&mut socket).await;
        received + &body
    };
    let mut received = std::pin::pin!(received);
    tokio::select! {
        received = &mut received => Ok(received),
        response = read_head(&mut browser) => match response.lines().next().unwrap_or_default() {
            "HTTP/1.1 200 OK" => Ok(received.await),
            status => Err(status.to_owned()),
        },
    }
}

#[tokio::test]
async fn request_smuggling_is_prevented() {
    const REFUSED: &str = "HTTP/1.1 400 Bad Request";
    let (backend, address) = Backend::new().await;
    let proxy = TestProxy::to(address).await;
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n";
    let chunked = format!("{:x}\r\n{smuggled}\r\n0\r\n\r\n", smuggled.len());
    // With both framings the chunks count, and no length is forwarded.
    for fields in [
        "Content-Length: 4\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 4",
        "Transfer-Encoding: Chunked",
    ] {
        let request =
            format!("POST / HTTP/1.1\r\nHost: h\r\n{fields}\r\nConnection: close\r\n\r\n");
        match forward(&proxy, &backend, &(request + &chunked)).await {
            Ok(received) => {
                let (head, body) = received.split_once("\r\n\r\n").unwrap();
                assert!(!head.to_lowercase().contains("content-length"), "{fields}: {received}");
                assert!(head.to_lowercase().contains("transfer-encoding: chunked"), "{received}");
                assert_eq!(body, chunked, "{fields}");
            }
            Err(refused) => assert_eq!(refused, REFUSED, "{fields}"),
        }
    }
    // Invalid framing is rejected and not forwarded.
    for fields in [
        "Content-Length: 4\r\nContent-Length: 5",
        "Content-Length: +4",
        "Content-Length: 4, 5",
        "Content-Length: 0x4",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: x\r\nContent-Length: 4",
        "Transfer-Encoding : chunked",
        "X: a\r\n Transfer-Encoding: chunked",
        "X: a\0b",
        "X: a\rTransfer-Encoding: chunked",
        "X\r\n: y",
    ] {
        let request = format!("POST / HTTP/1.1\r\nHost: h\r\n{fields}\r\n\r\nbody");
        let refused = forward(&proxy, &backend, &request).await.expect_err(fields);
        assert_eq!(refused, REFUSED, "{fields}");
    }
    // The request target cannot contain a line break.
    for line in ["GET /a%0d%0aX:%20y HTTP/1.1", "GET /?%0D%0A%0D%0AGET%20/ HTTP/1.1"] {
        let request = format!("{line}\r\nHost: h\r\nConnection: close\r\n\r\n");
        let received = forward(&proxy, &backend, &request).await.expect(line);
        assert!(received.starts_with(&format!("{line}\r\n")), "unchanged: {received}");
    }
}

#[tokio::test]
async fn heads_are_limited_in_both_directions() {
    let (backend, address) = Backend::new().await;
    let mut proxy = TestProxy::to(address).await;
    let many = |count: usize| -> String {
        let lines: Vec<_> = (0..count).map(|n| format!("X-{n}: {n}\r\n")).collect();
        lines.concat()
    };
    // A response with 500 fields, one of them 100 KB.
    let long = "x".repeat(100_000);
    let fields = format!("{}X-Long: {long}\r\n", many(500));
    let large = format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: 0\r\n\r\n");
    // A request that must not be sent twice.
    let mut post = proxy.browser("POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").await;
    let (response, _) = tokio::join!(read_all(&mut post), backend.respond(&large));
    assert!(response.starts_with("HTTP/1.1 200 "), "{response:.200}");
    assert!(response.to_lowercase().contains("\r\nx-499: 499\r\n"));
    // Others are sent again once, the first time.
    for attempts in [2, 1] {
        let respond = async {
            for _ in 0..attempts {
                backend.respond(&large).await;
            }
        };
        let (response, ()) = tokio::join!(proxy.get("/", ""), respond);
        assert!(response.starts_with("HTTP/1.1 200 ") && response.contains(&long));
    }
    proxy.expect_no_event();
    // A response with too many fields.
    let response = format!("HTTP/1.1 200 OK\r\n{}Content-Length: 0\r\n\r\n", many(2000));
    let (response, _) = tokio::join!(proxy.get("/", ""), backend.respond(&response));
    assert!(response.starts_with("HTTP/1.1 502 "), "{response:.200}");
    assert_eq!(proxy.fault().await, "the header fields of the response are too large");
    // A request with too many fields, and with a field that is too long.
    let response = proxy.get("/", &many(2000)).await;
    assert!(response.starts_with("HTTP/1.1 431 "), "{response:.200}");
    let response = proxy.get("/", &format!("X: {}\r\n", "x".repeat(1 << 20))).await;
    assert!(response.starts_with("HTTP/1.1 431 ") || response.is_empty(), "{response:.200}");
}

#[tokio::test]
async fn unusual_response_fields_are_normalized() {
    let (backend, address) = Backend::new().await;
    let proxy = TestProxy::to(address).await;
    let response = "HTTP/1.1 200 OK\r\nX-Space : a\r\nX-Fold: b\r\n c\r\nSeT-cOOkie: d\r\n\
                  Content-Length: 0\r\n\r\n";
    let (response, _) = tokio::join!(proxy.get("/", ""), backend.respond(response));
    assert!(response.contains("X-Space: a\r\n"), "{response}");
    assert!(
        response.to_lowercase().contains("x-fold: b") && !response.contains("\r\n c"),
        "{response}"
    );
    assert!(
        response.contains("\r\nSeT-cOOkie: d\r\n"),
        "the case of names is preserved: {response}"
    );
}

#[tokio::test]
async fn response_smuggling_is_prevented() {
    let (backend, address) = Backend::new().await;
    let mut proxy = TestProxy::to(address).await;
    // With both framings the chunks count, and no length is forwarded.
    for fields in [
        "Content-Length: 2\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 2",
    ] {
        let response = format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
        let (response, _) = tokio::join!(proxy.get("/", ""), backend.respond(&response));
        if response.starts_with("HTTP/1.1 502 ") {
            proxy.fault().await;
        } else {
            assert!(!response.to_lowercase().contains("content-length"), "{fields}: {response}");
            assert!(response.ends_with("\r\n\r\n5\r\nhello\r\n0\r\n\r\n"), "{fields}: {response}");
        }
    }
    // Bytes after a response are not used as the next response.
    let response = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\
                  Content-Length: 4\r\n\r\nevil";
    let (response, _socket) = tokio::join!(proxy.get("/", ""), backend.respond_and_keep(response));
    assert!(response.ends_with("\r\n\r\nok"), "{response}");
    let ok = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood";
    let (response, _) = tokio::join!(proxy.get("/", ""), backend.respond(ok));
    assert!(response.ends_with("good"), "{response}");
    // Invalid lengths.
    for fields in
        ["Content-Length: 2\r\nContent-Length: 3", "Content-Length: -2", "Content-Length: 2x"]
    {
        let response = format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\nok");
        let (response, _) = tokio::join!(proxy.get("/", ""), backend.respond(&response));
        assert!(response.starts_with("HTTP/1.1 502 "), "{fields}: {response}");
        assert_eq!(proxy.fault().await, "the response is not valid HTTP", "{fields}");
    }
    proxy.expect_no_event();
}

#[tokio::test]
async fn proxy_loop_is_detected() {
    let (near, address) = Backend::new().await;
    let proxy = TestProxy::to(address).await;
    let back = proxy.address;
    let relay = tokio::spawn(async move {
        // Forwards everything to the proxy, so that it is its own backend.
        loop {
            let mut from = near.accept().await;
            let mut to = tokio::net::TcpStream::connect(back).await.unwrap();
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut from, &mut to).await });
        }
    });
    let response = proxy.get("/", "").await;
    assert!(response.starts_with("HTTP/1.1 508 Loop Detected\r\n"), "{response}");
    assert!(response.contains("the proxy route leads back to livers itself"), "{response}");
    relay.abort();
}
