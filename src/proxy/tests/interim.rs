//! What is said before an answer: 100, 102, 103.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use super::{Backend, Front, all, ended, expect, head};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const EXPECTS: &str =
    "PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";

#[tokio::test]
async fn hints_reach_the_browser_before_the_answer() {
    let (backend, address) = Backend::new().await;
    let front = Front::of(address).await;
    let hints =
        "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nConnection: X\r\nX: 1\r\n\r\n";
    // Before the answer is there, in one packet with it, and on a connection that was used before.
    for together in [false, true, false] {
        let mut browser = front.browser("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
        let (mut socket, _) = backend.asked().await;
        let rest = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";
        let mut sent = "HTTP/1.1 102 Processing\r\n\r\n".to_owned() + hints;
        if together {
            sent += rest;
        }
        socket.write_all(sent.as_bytes()).await.unwrap();
        assert_eq!(head(&mut browser).await, "HTTP/1.1 102 Processing\r\n\r\n");
        let got = head(&mut browser).await;
        assert_eq!(got, "HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\n\r\n");
        if !together {
            socket.write_all(rest.as_bytes()).await.unwrap();
        }
        assert!(head(&mut browser).await.starts_with("HTTP/1.1 200 OK\r\n"));
        expect(&mut browser, "ok").await;
    }
}

#[tokio::test]
async fn an_old_client_is_told_nothing_before_the_answer() {
    let (backend, address) = Backend::new().await;
    let front = Front::of(address).await;
    let mut browser = front
        .browser(
            "PUT / HTTP/1.0\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nbody",
        )
        .await;
    let (mut socket, asked) = backend.asked().await;
    assert!(!asked.to_lowercase().contains("expect"), "{asked}");
    expect(&mut socket, "body").await;
    socket.write_all(format!("HTTP/1.1 103 Early Hints\r\n\r\n{OK}").as_bytes()).await.unwrap();
    let answer = all(&mut browser).await;
    assert!(answer.starts_with("HTTP/1.0 200 OK\r\n") && answer.ends_with("ok"), "{answer}");
}

#[tokio::test]
async fn a_body_waits_for_the_backends_word() {
    let (backend, address) = Backend::new().await;
    let front = Front::of(address).await;
    let mut browser = front.browser(EXPECTS).await;
    let (mut socket, asked) = backend.asked().await;
    assert!(asked.to_lowercase().contains("\r\nexpect: 100-continue\r\n"), "{asked}");
    // The pause is how silence is known; it is no wait for something to happen.
    let silence = timeout(Duration::from_millis(300), browser.read_u8()).await;
    assert!(silence.is_err(), "nobody asks for the body yet: {silence:?}");
    socket.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.unwrap();
    assert_eq!(head(&mut browser).await, "HTTP/1.1 100 Continue\r\n\r\n", "once");
    browser.write_all(b"body").await.unwrap();
    expect(&mut socket, "body").await;
    socket.write_all(OK.as_bytes()).await.unwrap();
    assert!(head(&mut browser).await.starts_with("HTTP/1.1 200 OK\r\n"));
    expect(&mut browser, "ok").await;
}

#[tokio::test]
async fn a_backend_that_does_not_want_the_body_is_quoted_and_the_body_never_asked_for() {
    let (backend, address) = Backend::new().await;
    let mut front = Front::of(address).await;
    for status in ["417 Expectation Failed", "401 Unauthorized", "200 OK"] {
        let mut browser = front.browser(EXPECTS).await;
        let (mut socket, _) = backend.asked().await;
        socket
            .write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 3\r\n\r\nno").as_bytes())
            .await
            .unwrap();
        let answer = head(&mut browser).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{answer}");
        expect(&mut browser, "no").await;
        socket.write_all(b"!").await.unwrap();
        expect(&mut browser, "!").await;
        // Neither connection can be used again: nobody knows whether a body follows.
        assert_eq!(all(&mut socket).await, "", "{status}");
        ended(&mut browser).await;
    }
    front.quiet();
}

#[tokio::test]
async fn a_backend_that_knows_no_100_gets_the_body_after_a_moment() {
    let (backend, address) = Backend::new().await;
    let front = Front::of(address).await;
    let mut browser = front.browser(EXPECTS).await;
    let (mut socket, _) = backend.asked().await;
    assert!(head(&mut browser).await.starts_with("HTTP/1.1 100 "));
    browser.write_all(b"body").await.unwrap();
    expect(&mut socket, "body").await;
    socket.write_all(OK.as_bytes()).await.unwrap();
    assert!(head(&mut browser).await.starts_with("HTTP/1.1 200 "));
}
