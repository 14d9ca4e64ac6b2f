//! WebSockets.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{Backend, TestProxy, read_all, read_exactly, read_head, reset, soon, wait_closed};
use crate::event::Event;

const OPEN: &str = "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: chat\r\n\r\n";
const AGREE: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\
    Upgrade: WebSocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
    Sec-WebSocket-Protocol: chat\r\nSet-Cookie: a=b\r\n\r\n";

/// Opens a tunnel. Returns the ends of the browser and of the backend.
async fn tunnel(proxy: &TestProxy, backend: &Backend) -> (TcpStream, TcpStream) {
    let mut browser = proxy.browser(OPEN).await;
    let (mut socket, _) = backend.receive().await;
    socket.write_all(AGREE.as_bytes()).await.unwrap();
    assert!(read_head(&mut browser).await.starts_with("HTTP/1.1 101 "));
    (browser, socket)
}

#[tokio::test]
async fn bytes_sent_before_the_101_arrive_first() {
    let (backend, address) = Backend::new().await;
    let mut proxy = TestProxy::to(address).await;
    let mut browser = proxy.browser(&format!("{OPEN}early ")).await;
    let (mut socket, received) = backend.receive().await;
    for line in ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Protocol: chat"] {
        assert!(received.contains(&format!("\r\n{line}\r\n")), "{line} in {received}");
    }
    browser.write_all(b"bird").await.unwrap();
    // livers has sent nothing yet: the first byte is the backend's.
    socket.write_all(format!("{AGREE}worm").as_bytes()).await.unwrap();
    let response = read_head(&mut browser).await.to_lowercase();
    for line in [
        "connection: upgrade",
        "upgrade: websocket",
        "sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=",
        "sec-websocket-protocol: chat",
        "set-cookie: a=b",
    ] {
        assert!(response.contains(&format!("\r\n{line}\r\n")), "{line} in {response}");
    }
    read_exactly(&mut browser, "worm").await;
    read_exactly(&mut socket, "early bird").await;
    proxy.expect_no_event();
}

#[tokio::test]
async fn half_closed_tunnel_carries_the_other_direction() {
    let (backend, address) = Backend::new().await;
    let mut proxy = TestProxy::to(address).await;
    for swapped in [false, true] {
        let (browser, socket) = tunnel(&proxy, &backend).await;
        let (mut early, mut late) = if swapped { (socket, browser) } else { (browser, socket) };
        early.write_all(b"first half").await.unwrap();
        early.shutdown().await.unwrap();
        assert_eq!(read_all(&mut late).await, "first half");
        late.write_all(b"other half").await.unwrap();
        late.shutdown().await.unwrap();
        assert_eq!(read_all(&mut early).await, "other half");
    }
    proxy.tasks.close();
    soon(proxy.tasks.wait()).await;
    proxy.expect_no_event();
}

#[tokio::test]
async fn response_other_than_101_is_forwarded() {
    let (backend, address) = Backend::new().await;
    let mut proxy = TestProxy::to(address).await;
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
    for (response, kept) in table {
        let mut browser = proxy.browser(OPEN).await;
        let body = if response.ends_with("chunked") { "4\r\nbody\r\n0\r\n\r\n" } else { "body" };
        backend.respond(&format!("HTTP/1.1 {response}\r\n\r\n{body}")).await;
        let relayed = read_head(&mut browser).await;
        let status = &response[..response.find('\r').unwrap()];
        assert!(relayed.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{relayed}");
        assert!(relayed.to_lowercase().contains(kept), "{relayed}");
        read_exactly(&mut browser, body).await;
    }
    proxy.expect_no_event();
}

#[tokio::test]
async fn switch_to_another_protocol_is_502() {
    let (backend, address) = Backend::new().await;
    let mut proxy = TestProxy::to(address).await;
    for upgrade in ["", "Upgrade: h2c\r\n"] {
        let mut browser = proxy.browser(OPEN).await;
        let response = format!("HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\n{upgrade}\r\n");
        backend.respond(&response).await;
        assert!(read_head(&mut browser).await.starts_with("HTTP/1.1 502 "));
        assert_eq!(proxy.fault().await, "the backend switched to another protocol than requested");
    }
}

#[tokio::test]
async fn backend_down_is_502() {
    let (_down, address) = Backend::down();
    let mut proxy = TestProxy::to(address).await;
    let mut browser = proxy.browser(OPEN).await;
    assert!(read_head(&mut browser).await.starts_with("HTTP/1.1 502 "));
    assert!(matches!(proxy.event().await, Event::BackendDown { .. }));
}

#[tokio::test]
async fn broken_tunnel_does_not_affect_others() {
    let (backend, address) = Backend::new().await;
    let mut proxy = TestProxy::to(address).await;
    let (mut other, mut other_socket) = tunnel(&proxy, &backend).await;

    let (mut browser, mut socket) = tunnel(&proxy, &backend).await;
    socket.write_all(b"half a fra").await.unwrap();
    read_exactly(&mut browser, "half a fra").await;
    reset(socket);
    assert_eq!(read_all(&mut browser).await, "");
    assert_eq!(
        proxy.fault().await,
        "the WebSocket was interrupted: the backend reset the connection"
    );

    let (browser, mut socket) = tunnel(&proxy, &backend).await;
    reset(browser);
    wait_closed(&mut socket).await;

    // The backend has closed while the browser goes on sending.
    let (mut browser, socket) = tunnel(&proxy, &backend).await;
    drop(socket);
    soon(async { while browser.write_all(b"hello?").await.is_ok() {} }).await;

    other.write_all(b"ping").await.unwrap();
    read_exactly(&mut other_socket, "ping").await;
    other_socket.write_all(b"pong").await.unwrap();
    read_exactly(&mut other, "pong").await;
    proxy.expect_no_event();
}

#[tokio::test]
async fn shutdown_closes_tunnels() {
    let (backend, address) = Backend::new().await;
    let mut proxy = TestProxy::to(address).await;
    let (mut browser, mut socket) = tunnel(&proxy, &backend).await;
    proxy.cancel.cancel();
    assert_eq!(soon(browser.read(&mut [0])).await.unwrap_or(0), 0);
    wait_closed(&mut socket).await;
    proxy.tasks.close();
    soon(proxy.tasks.wait()).await;
    proxy.expect_no_event();
}
