//! Upgraded connections.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{Backend, Front, all, ended, expect, head, reset, soon};
use crate::event::Event;

const OPEN: &str = "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: chat\r\n\r\n";
const AGREE: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\
    Upgrade: WebSocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
    Sec-WebSocket-Protocol: chat\r\nSet-Cookie: a=b\r\n\r\n";

/// A tunnel: the browser's end and the backend's.
async fn tunnel(front: &Front, backend: &Backend) -> (TcpStream, TcpStream) {
    let mut browser = front.browser(OPEN).await;
    let (mut socket, _) = backend.asked().await;
    socket.write_all(AGREE.as_bytes()).await.unwrap();
    assert!(head(&mut browser).await.starts_with("HTTP/1.1 101 "));
    (browser, socket)
}

#[tokio::test]
async fn what_was_sent_too_early_arrives_first() {
    let (backend, address) = Backend::new().await;
    let mut front = Front::of(address).await;
    let mut browser = front.browser(&format!("{OPEN}early ")).await;
    let (mut socket, asked) = backend.asked().await;
    for line in ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Protocol: chat"] {
        assert!(asked.contains(&format!("\r\n{line}\r\n")), "{line} in {asked}");
    }
    browser.write_all(b"bird").await.unwrap();
    // No answer was made up meanwhile: the first byte is the backend's.
    socket.write_all(format!("{AGREE}worm").as_bytes()).await.unwrap();
    let answer = head(&mut browser).await.to_lowercase();
    for line in [
        "connection: upgrade",
        "upgrade: websocket",
        "sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=",
        "sec-websocket-protocol: chat",
        "set-cookie: a=b",
    ] {
        assert!(answer.contains(&format!("\r\n{line}\r\n")), "{line} in {answer}");
    }
    expect(&mut browser, "worm").await;
    expect(&mut socket, "early bird").await;
    front.quiet();
}

#[tokio::test]
async fn either_side_may_end_first_and_still_listen() {
    let (backend, address) = Backend::new().await;
    let mut front = Front::of(address).await;
    for swapped in [false, true] {
        let (browser, socket) = tunnel(&front, &backend).await;
        let (mut early, mut late) = if swapped { (socket, browser) } else { (browser, socket) };
        early.write_all(b"last words").await.unwrap();
        early.shutdown().await.unwrap();
        assert_eq!(all(&mut late).await, "last words");
        late.write_all(b"and yours").await.unwrap();
        late.shutdown().await.unwrap();
        assert_eq!(all(&mut early).await, "and yours");
    }
    front.tasks.close();
    soon(front.tasks.wait()).await;
    front.quiet();
}

#[tokio::test]
async fn a_backend_that_does_not_agree_is_quoted() {
    let (backend, address) = Backend::new().await;
    let mut front = Front::of(address).await;
    let table = [
        ("200 OK\r\nContent-Length: 4", "content-length: 4"),
        ("401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Length: 4", "basic"),
        ("403 Forbidden\r\nTransfer-Encoding: chunked", "transfer-encoding: chunked"),
        (
            "426 Upgrade Required\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Content-Length: 4",
            "upgrade: websocket",
        ),
    ];
    for (answer, kept) in table {
        let mut browser = front.browser(OPEN).await;
        let body = if answer.ends_with("chunked") { "4\r\nbody\r\n0\r\n\r\n" } else { "body" };
        backend.answer(&format!("HTTP/1.1 {answer}\r\n\r\n{body}")).await;
        let relayed = head(&mut browser).await;
        let status = &answer[..answer.find('\r').unwrap()];
        assert!(relayed.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{relayed}");
        assert!(relayed.to_lowercase().contains(kept), "{relayed}");
        expect(&mut browser, body).await;
    }
    front.quiet();
}

#[tokio::test]
async fn a_101_to_something_else_is_a_fault() {
    let (backend, address) = Backend::new().await;
    let mut front = Front::of(address).await;
    for upgrade in ["", "Upgrade: h2c\r\n"] {
        let mut browser = front.browser(OPEN).await;
        let answer = format!("HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\n{upgrade}\r\n");
        backend.answer(&answer).await;
        assert!(head(&mut browser).await.starts_with("HTTP/1.1 502 "));
        assert_eq!(front.fault().await, "it switched to another protocol than asked");
    }
}

#[tokio::test]
async fn without_a_backend_there_is_no_101() {
    let (_down, address) = Backend::down();
    let mut front = Front::of(address).await;
    let mut browser = front.browser(OPEN).await;
    assert!(head(&mut browser).await.starts_with("HTTP/1.1 502 "));
    assert!(matches!(front.event().await, Event::BackendDown { .. }));
}

#[tokio::test]
async fn a_side_that_breaks_ends_only_its_own_tunnel() {
    let (backend, address) = Backend::new().await;
    let mut front = Front::of(address).await;
    let (mut other, mut other_socket) = tunnel(&front, &backend).await;

    let (mut browser, mut socket) = tunnel(&front, &backend).await;
    socket.write_all(b"half a fra").await.unwrap();
    expect(&mut browser, "half a fra").await;
    reset(socket);
    assert_eq!(all(&mut browser).await, "");
    assert_eq!(front.fault().await, "its WebSocket broke off: it reset the connection");

    let (browser, mut socket) = tunnel(&front, &backend).await;
    reset(browser);
    ended(&mut socket).await;

    // The backend is gone and the browser goes on: it must hear of it.
    let (mut browser, socket) = tunnel(&front, &backend).await;
    drop(socket);
    soon(async { while browser.write_all(b"hello?").await.is_ok() {} }).await;

    other.write_all(b"ping").await.unwrap();
    expect(&mut other_socket, "ping").await;
    other_socket.write_all(b"pong").await.unwrap();
    expect(&mut other, "pong").await;
    front.quiet();
}

#[tokio::test]
async fn stopping_closes_tunnels_at_once() {
    let (backend, address) = Backend::new().await;
    let mut front = Front::of(address).await;
    let (mut browser, mut socket) = tunnel(&front, &backend).await;
    front.cancel.cancel();
    assert_eq!(soon(browser.read(&mut [0])).await.unwrap_or(0), 0);
    ended(&mut socket).await;
    front.tasks.close();
    soon(front.tasks.wait()).await;
    front.quiet();
}
