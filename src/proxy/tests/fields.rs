//! Header fields of any shape, in both directions, against a second opinion of what is to become of
//! them; and requests that two servers might read as two different ones.

use std::net::IpAddr;

use hyper::{
    HeaderMap, Request, StatusCode,
    header::{HeaderName, HeaderValue},
};
use proptest::{collection::vec, prelude::*, sample::select};
use tokio::io::AsyncWriteExt;

use super::{Backend, Client, Front, all, head};
use crate::proxy::headers::{self, Onward};

/// What must never come out as it went in, by RFC 9110 section 7.6.1 and what is known of proxies.
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

/// What livers says itself.
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

/// The names that `Connection` lists, read by splitting alone.
fn named(before: &HeaderMap) -> Vec<String> {
    let lines = before.get_all("connection").into_iter();
    let lines = lines.filter_map(|line| line.to_str().ok().map(str::to_lowercase));
    lines
        .flat_map(|line| line.split(',').map(|n| n.trim().to_owned()).collect::<Vec<_>>())
        .collect()
}

/// All that was neither of one connection nor our own to say has to be there, in its order.
fn kept(before: &HeaderMap, after: &HeaderMap, ours: &[&str]) -> Result<(), TestCaseError> {
    let named = named(before);
    for name in before.keys() {
        let name = name.as_str();
        if ours.contains(&name) {
            continue;
        }
        let ends = HOP.contains(&name) || named.iter().any(|named| named == name);
        let there: Vec<_> = after.get_all(name).iter().collect();
        if ends {
            prop_assert!(there.is_empty(), "{name} came out: {there:?}");
        } else {
            prop_assert_eq!(before.get_all(name).iter().collect::<Vec<_>>(), there, "{}", name);
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn fields_of_a_request_end_or_pass(fields in fields(), which in 0_usize..3) {
        let onward = [Onward::Plain, Onward::Injectable, Onward::Upgrade][which];
        let before = map(&fields);
        let (mut parts, ()) = Request::new(()).into_parts();
        parts.headers = before.clone();
        let backend = headers::Backend { authority: "b:1", origin: None };
        let from = Client { address: IpAddr::from([127, 0, 0, 1]), https: false };
        headers::request(&mut parts, backend, &from, onward);
        let after = parts.headers;
        let mut ours = [&OWN[..], &["connection", "te", "upgrade", "accept-encoding"]].concat();
        ours.extend(["if-none-match", "if-modified-since"]);
        kept(&before, &after, &ours)?;
        let said = |name: &str| after.get_all(name).iter().map(|v| v.to_str().unwrap()).collect::<Vec<_>>();
        prop_assert!([vec![], vec!["TE"], vec!["Upgrade"]].contains(&said("connection")));
        prop_assert!([vec![], vec!["trailers"]].contains(&said("te")));
        let upgrade = if onward == Onward::Upgrade { vec!["websocket"] } else { vec![] };
        prop_assert_eq!(said("upgrade"), upgrade);
        prop_assert_eq!(said("x-forwarded-for"), ["127.0.0.1"]);
        prop_assert_eq!(said("x-forwarded-proto"), ["http"]);
        prop_assert_eq!(after.get_all("host").iter().count(), 1);
        prop_assert_eq!(after.get("host"), after.get("x-forwarded-host"));
        prop_assert!(after.len() <= before.len() + OWN.len() + 3, "bounded");
    }

    #[test]
    fn fields_of_an_answer_end_or_pass(fields in fields(), status in 100_u16..600) {
        let before = map(&fields);
        let mut after = before.clone();
        headers::response(StatusCode::from_u16(status).unwrap(), &mut after);
        // It speaks of requests: an answer may have one, for what it is worth.
        kept(&before, &after, &["connection", "upgrade", "forwarded"])?;
        let upgraded = after.contains_key("upgrade");
        prop_assert!(!upgraded || [101, 426].contains(&status));
        prop_assert_eq!(after.get("connection").map(|value| value == "Upgrade"), upgraded.then_some(true));
    }
}

/// What a backend is sent of a request, or the status that it got instead.
async fn sent(front: &Front, backend: &Backend, request: &str) -> Result<String, String> {
    let mut browser = front.browser(request).await;
    let asked = async {
        let (mut socket, asked) = backend.asked().await;
        let answer = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
        socket.write_all(answer.as_bytes()).await.unwrap();
        socket.shutdown().await.unwrap();
        let body = all(&mut socket).await;
        asked + &body
    };
    let mut asked = std::pin::pin!(asked);
    tokio::select! {
        asked = &mut asked => Ok(asked),
        answer = head(&mut browser) => match answer.lines().next().unwrap_or_default() {
            "HTTP/1.1 200 OK" => Ok(asked.await),
            refused => Err(refused.to_owned()),
        },
    }
}

#[tokio::test]
async fn no_request_can_be_read_as_two() {
    const REFUSED: &str = "HTTP/1.1 400 Bad Request";
    let (backend, address) = Backend::new().await;
    let front = Front::of(address).await;
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n";
    let chunked = format!("{:x}\r\n{smuggled}\r\n0\r\n\r\n", smuggled.len());
    // Both framings: the chunks count, and no length is passed on beside them.
    for fields in [
        "Content-Length: 4\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 4",
        "Transfer-Encoding: Chunked",
    ] {
        let request =
            format!("POST / HTTP/1.1\r\nHost: h\r\n{fields}\r\nConnection: close\r\n\r\n");
        match sent(&front, &backend, &(request + &chunked)).await {
            Ok(asked) => {
                let (head, body) = asked.split_once("\r\n\r\n").unwrap();
                assert!(!head.to_lowercase().contains("content-length"), "{fields}: {asked}");
                assert!(head.to_lowercase().contains("transfer-encoding: chunked"), "{asked}");
                assert_eq!(body, chunked, "{fields}");
            }
            Err(refused) => assert_eq!(refused, REFUSED, "{fields}"),
        }
    }
    // What cannot be meant is refused, and reaches nobody.
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
        let refused = sent(&front, &backend, &request).await.expect_err(fields);
        assert_eq!(refused, REFUSED, "{fields}");
    }
    // Neither a method nor a target carries a second line.
    for line in ["GET /a%0d%0aX:%20y HTTP/1.1", "GET /?%0D%0A%0D%0AGET%20/ HTTP/1.1"] {
        let request = format!("{line}\r\nHost: h\r\nConnection: close\r\n\r\n");
        let asked = sent(&front, &backend, &request).await.expect(line);
        assert!(asked.starts_with(&format!("{line}\r\n")), "untouched: {asked}");
    }
}

#[tokio::test]
async fn heads_are_bounded_in_both_directions() {
    let (backend, address) = Backend::new().await;
    let mut front = Front::of(address).await;
    let many = |count: usize| -> String {
        let lines: Vec<_> = (0..count).map(|n| format!("X-{n}: {n}\r\n")).collect();
        lines.concat()
    };
    // 500 fields of a backend pass, and 100 KB in one of them.
    let long = "x".repeat(100_000);
    let fields = format!("{}X-Long: {long}\r\n", many(500));
    let answer = format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: 0\r\n\r\n");
    let (got, _) = tokio::join!(front.get("/", ""), backend.answer(&answer));
    assert!(got.starts_with("HTTP/1.1 200 ") && got.contains(&long), "{got:.200}");
    assert!(got.to_lowercase().contains("\r\nx-499: 499\r\n"));
    // More than that is the backend's fault.
    let answer = format!("HTTP/1.1 200 OK\r\n{}Content-Length: 0\r\n\r\n", many(2000));
    let (got, _) = tokio::join!(front.get("/", ""), backend.answer(&answer));
    assert!(got.starts_with("HTTP/1.1 502 "), "{got:.200}");
    assert_eq!(front.fault().await, "its headers are too large");
    // And of a browser, its own.
    let got = front.get("/", &many(2000)).await;
    assert!(got.starts_with("HTTP/1.1 431 "), "{got:.200}");
    let got = front.get("/", &format!("X: {}\r\n", "x".repeat(1 << 20))).await;
    assert!(got.starts_with("HTTP/1.1 431 ") || got.is_empty(), "{got:.200}");
}

#[tokio::test]
async fn what_is_written_oddly_is_mended_on_the_way() {
    let (backend, address) = Backend::new().await;
    let front = Front::of(address).await;
    let answer = "HTTP/1.1 200 OK\r\nX-Space : a\r\nX-Fold: b\r\n c\r\nSeT-cOOkie: d\r\n\
                  Content-Length: 0\r\n\r\n";
    let (got, _) = tokio::join!(front.get("/", ""), backend.answer(answer));
    assert!(got.contains("X-Space: a\r\n"), "{got}");
    assert!(got.to_lowercase().contains("x-fold: b") && !got.contains("\r\n c"), "{got}");
    assert!(got.contains("\r\nSeT-cOOkie: d\r\n"), "the case of names is kept: {got}");
}

#[tokio::test]
async fn no_answer_can_be_read_as_two() {
    let (backend, address) = Backend::new().await;
    let mut front = Front::of(address).await;
    // Both framings: the chunks count, and no length is passed on beside them.
    for fields in [
        "Content-Length: 2\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 2",
    ] {
        let answer = format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
        let (got, _) = tokio::join!(front.get("/", ""), backend.answer(&answer));
        if got.starts_with("HTTP/1.1 502 ") {
            front.fault().await;
        } else {
            assert!(!got.to_lowercase().contains("content-length"), "{fields}: {got}");
            assert!(got.ends_with("\r\n\r\n5\r\nhello\r\n0\r\n\r\n"), "{fields}: {got}");
        }
    }
    // What follows an answer is not the next one's.
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\
                  Content-Length: 4\r\n\r\nevil";
    let (got, _socket) = tokio::join!(front.get("/", ""), backend.answer_and_keep(answer));
    assert!(got.ends_with("\r\n\r\nok"), "{got}");
    let ok = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood";
    let (got, _) = tokio::join!(front.get("/", ""), backend.answer(ok));
    assert!(got.ends_with("good"), "{got}");
    // Lengths that cannot be meant are no answer.
    for fields in
        ["Content-Length: 2\r\nContent-Length: 3", "Content-Length: -2", "Content-Length: 2x"]
    {
        let answer = format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\nok");
        let (got, _) = tokio::join!(front.get("/", ""), backend.answer(&answer));
        assert!(got.starts_with("HTTP/1.1 502 "), "{fields}: {got}");
        assert_eq!(front.fault().await, "what it sent is not HTTP", "{fields}");
    }
    front.quiet();
}

#[tokio::test]
async fn a_route_that_leads_back_ends() {
    let (near, address) = Backend::new().await;
    let front = Front::of(address).await;
    let back = front.address;
    let relay = tokio::spawn(async move {
        // What comes goes to the front again, as if it were its own backend.
        loop {
            let mut from = near.accept().await;
            let mut to = tokio::net::TcpStream::connect(back).await.unwrap();
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut from, &mut to).await });
        }
    });
    let answer = front.get("/", "").await;
    assert!(answer.starts_with("HTTP/1.1 508 Loop Detected\r\n"), "{answer}");
    assert!(answer.contains("a route leads back to livers itself"), "{answer}");
    relay.abort();
}
