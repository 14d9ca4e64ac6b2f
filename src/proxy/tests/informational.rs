//! Informational responses: 100, 102, 103.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use super::{Backend, TestProxy, read_all, read_exactly, read_head, wait_closed};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const EXPECTS: &str =
    "PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";

#[tokio::test]
async fn informational_responses_reach_the_browser_before_the_response() {
    let (backend, address) = Backend::new().await;
    let proxy = TestProxy::to(address).await;
    let hints =
        "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nConnection: X\r\nX: 1\r\n\r\n";
    // In a packet of their own, in one packet with the response, and on a reused connection.
    for together in [false, true, false] {
        let mut browser = proxy.browser("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
        let (mut socket, _) = backend.receive().await;
        let rest = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";
        let mut sent = "HTTP/1.1 102 Processing\r\n\r\n".to_owned() + hints;
        if together {
            sent += rest;
        }
        socket.write_all(sent.as_bytes()).await.unwrap();
        assert_eq!(read_head(&mut browser).await, "HTTP/1.1 102 Processing\r\n\r\n");
        let response = read_head(&mut browser).await;
        assert_eq!(response, "HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\n\r\n");
        if !together {
            socket.write_all(rest.as_bytes()).await.unwrap();
        }
        assert!(read_head(&mut browser).await.starts_with("HTTP/1.1 200 OK\r\n"));
        read_exactly(&mut browser, "ok").await;
    }
}

#[tokio::test]
async fn http_1_0_client_gets_no_informational_response() {
    let (backend, address) = Backend::new().await;
    let proxy = TestProxy::to(address).await;
    let mut browser = proxy
        .browser(
            "PUT / HTTP/1.0\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nbody",
        )
        .await;
    let (mut socket, received) = backend.receive().await;
    assert!(!received.to_lowercase().contains("expect"), "{received}");
    read_exactly(&mut socket, "body").await;
    socket.write_all(format!("HTTP/1.1 103 Early Hints\r\n\r\n{OK}").as_bytes()).await.unwrap();
    let response = read_all(&mut browser).await;
    assert!(response.starts_with("HTTP/1.0 200 OK\r\n") && response.ends_with("ok"), "{response}");
}

#[tokio::test]
async fn body_waits_for_the_100_of_the_backend() {
    let (backend, address) = Backend::new().await;
    let proxy = TestProxy::to(address).await;
    let mut browser = proxy.browser(EXPECTS).await;
    let (mut socket, received) = backend.receive().await;
    assert!(received.to_lowercase().contains("\r\nexpect: 100-continue\r\n"), "{received}");
    let silence = timeout(Duration::from_millis(300), browser.read_u8()).await;
    assert!(silence.is_err(), "the body is not requested yet: {silence:?}");
    socket.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.unwrap();
    assert_eq!(read_head(&mut browser).await, "HTTP/1.1 100 Continue\r\n\r\n", "once");
    browser.write_all(b"body").await.unwrap();
    read_exactly(&mut socket, "body").await;
    socket.write_all(OK.as_bytes()).await.unwrap();
    assert!(read_head(&mut browser).await.starts_with("HTTP/1.1 200 OK\r\n"));
    read_exactly(&mut browser, "ok").await;
}

#[tokio::test]
async fn response_instead_of_a_100_is_forwarded_and_the_body_not_requested() {
    let (backend, address) = Backend::new().await;
    let mut proxy = TestProxy::to(address).await;
    for status in ["417 Expectation Failed", "401 Unauthorized", "200 OK"] {
        let mut browser = proxy.browser(EXPECTS).await;
        let (mut socket, _) = backend.receive().await;
        socket
            .write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 3\r\n\r\nno").as_bytes())
            .await
            .unwrap();
        let response = read_head(&mut browser).await;
        assert!(response.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{response}");
        read_exactly(&mut browser, "no").await;
        socket.write_all(b"!").await.unwrap();
        read_exactly(&mut browser, "!").await;
        // Neither connection can be reused: the body may or may not follow.
        assert_eq!(read_all(&mut socket).await, "", "{status}");
        wait_closed(&mut browser).await;
    }
    proxy.expect_no_event();
}

#[tokio::test]
async fn backend_without_100_gets_the_body_after_a_timeout() {
    let (backend, address) = Backend::new().await;
    let proxy = TestProxy::to(address).await;
    let mut browser = proxy.browser(EXPECTS).await;
    let (mut socket, _) = backend.receive().await;
    assert!(read_head(&mut browser).await.starts_with("HTTP/1.1 100 "));
    browser.write_all(b"body").await.unwrap();
    read_exactly(&mut socket, "body").await;
    socket.write_all(OK.as_bytes()).await.unwrap();
    assert!(read_head(&mut browser).await.starts_with("HTTP/1.1 200 "));
}
