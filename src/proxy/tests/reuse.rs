//! Reuse of connections to backends.

use std::time::Instant;

use tokio::{io::AsyncWriteExt, net::TcpStream};

use super::{Backend, TestProxy, read_all, read_exactly, read_head, reset, soon, wait_closed};
use crate::{
    event::{Event, Record},
    proxy::pool::IDLE_TIMEOUT,
};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Responds to the next request on a connection. Returns the head of the request.
async fn respond_on(socket: &mut TcpStream, response: &str) -> String {
    let received = read_head(socket).await;
    socket.write_all(response.as_bytes()).await.unwrap();
    received
}

#[tokio::test]
async fn repeatable_requests_share_a_connection() {
    let (backend, address) = Backend::new().await;
    let mut proxy = TestProxy::to(address).await;
    let (response, mut socket) = tokio::join!(proxy.get("/0", ""), backend.respond_and_keep(OK));
    assert!(response.ends_with("ok"), "{response}");
    let table = [
        ("GET", "200 OK\r\nContent-Length: 2\r\n\r\nok", true),
        ("GET", "200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", true),
        ("HEAD", "200 OK\r\nContent-Length: 2\r\n\r\n", true),
        ("PUT", "204 No Content\r\n\r\n", true),
        ("GET", "304 Not Modified\r\n\r\n", true),
        ("OPTIONS", "200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", false),
    ];
    for (method, response, kept) in table {
        let request = format!("{method} /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        let mut browser = proxy.browser(&request).await;
        let received = respond_on(&mut socket, &format!("HTTP/1.1 {response}")).await;
        assert!(received.starts_with(&format!("{method} /x HTTP/1.1\r\n")), "{received}");
        assert!(!received.to_lowercase().contains("connection:"), "{received}");
        read_all(&mut browser).await;
        if !kept {
            wait_closed(&mut socket).await;
        }
    }
    proxy.expect_no_event();
}

#[tokio::test]
async fn other_requests_open_a_connection() {
    let (backend, address) = Backend::new().await;
    let proxy = TestProxy::to(address).await;
    for request in [
        "POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        "PUT / HTTP/1.1\r\n\
         Host: h\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx",
    ] {
        let (_, mut idle) = tokio::join!(proxy.get("/", ""), backend.respond_and_keep(OK));
        let mut browser = proxy.browser(request).await;
        let (mut socket, _) = backend.receive().await;
        // The new connection replaces the idle one.
        wait_closed(&mut idle).await;
        socket.write_all(OK.as_bytes()).await.unwrap();
        assert!(read_all(&mut browser).await.ends_with("ok"));
        // The new connection is kept for repeatable requests.
        let (response, _) = tokio::join!(proxy.get("/", ""), async {
            if request.ends_with('x') {
                read_exactly(&mut socket, "x").await;
            }
            respond_on(&mut socket, OK).await
        });
        assert!(response.ends_with("ok"), "{response}");
    }
}

#[tokio::test]
async fn request_on_a_closed_connection_is_repeated_once() {
    let (backend, address) = Backend::new().await;
    let mut proxy = TestProxy::to(address).await;
    for ends in ["in order", "by a reset", "at the request", "with half a response"] {
        let (_, mut socket) = tokio::join!(proxy.get("/", ""), backend.respond_and_keep(OK));
        match ends {
            "in order" => drop(socket),
            "by a reset" => reset(socket),
            // The request was sent already: it is sent again, once.
            _ => {
                let ending = async {
                    read_head(&mut socket).await;
                    if ends.starts_with("with") {
                        socket.write_all(b"HTTP/1.1 200 O").await.unwrap();
                    }
                    drop(socket);
                    backend.respond(OK).await
                };
                let (response, received) = tokio::join!(proxy.get("/again?x", ""), ending);
                assert!(response.ends_with("ok"), "{ends}: {response}");
                assert!(received.starts_with("GET /again?x HTTP/1.1\r\n"), "{ends}: {received}");
                continue;
            }
        }
        let (response, _) = tokio::join!(proxy.get("/", ""), backend.respond(OK));
        assert!(response.ends_with("ok"), "{ends}: {response}");
    }
    // On a new connection, it is not repeated.
    let closing = async {
        let (socket, _) = backend.receive().await;
        drop(socket);
    };
    let (response, ()) = tokio::join!(proxy.get("/", ""), closing);
    assert!(response.starts_with("HTTP/1.1 502 "), "{response}");
    assert_eq!(proxy.fault().await, "the backend closed the connection");
    proxy.expect_no_event();
}

#[tokio::test]
async fn bytes_on_an_idle_connection_are_not_a_response() {
    let (backend, address) = Backend::new().await;
    let mut proxy = TestProxy::to(address).await;
    let (_, mut socket) = tokio::join!(proxy.get("/", ""), backend.respond_and_keep(OK));
    // Some servers send this before they close an idle connection.
    socket.write_all(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    wait_closed(&mut socket).await;
    let (response, _) = tokio::join!(proxy.get("/", ""), backend.respond(OK));
    assert!(response.ends_with("ok"), "{response}");
    proxy.expect_no_event();
}

#[tokio::test]
async fn idle_connection_does_not_block_a_single_threaded_backend() {
    let (backend, address) = Backend::new().await;
    let proxy = TestProxy::to(address).await;
    // Two requests; the backend reads from the second connection once the first has ended.
    let mut first = proxy.browser("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n").await;
    let (mut socket, _) = backend.receive().await;
    let mut second = proxy.browser("GET /2 HTTP/1.1\r\nHost: h\r\n\r\n").await;
    let waiting = backend.accept().await;
    socket.write_all(OK.as_bytes()).await.unwrap();
    read_head(&mut first).await;
    read_exactly(&mut first, "ok").await;
    let since = Instant::now();
    wait_closed(&mut socket).await;
    assert!(
        since.elapsed() < IDLE_TIMEOUT,
        "closed for the waiting request, not by the idle timeout"
    );
    let mut socket = waiting;
    respond_on(&mut socket, OK).await;
    read_head(&mut second).await;
    read_exactly(&mut second, "ok").await;
}

#[tokio::test]
async fn idle_connection_is_closed_by_the_timeout_and_by_shutdown() {
    let (backend, address) = Backend::new().await;
    let mut proxy = TestProxy::to(address).await;
    let (_, mut socket) = tokio::join!(proxy.get("/", ""), backend.respond_and_keep(OK));
    wait_closed(&mut socket).await;
    let (_, mut socket) = tokio::join!(proxy.get("/", ""), backend.respond_and_keep(OK));
    proxy.cancel.cancel();
    wait_closed(&mut socket).await;
    proxy.tasks.close();
    soon(proxy.tasks.wait()).await;
    let is_down = |record: Record| matches!(record.event, Event::BackendDown { .. });
    assert!(!proxy.events.try_recv().is_ok_and(is_down));
}
