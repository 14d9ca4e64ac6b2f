//! Backends that stop and start again.

use std::time::Duration;

use tokio::io::AsyncWriteExt;

use super::{Backend, Options, TestProxy, read_all, read_exactly, read_head, soon};
use crate::{event::Event, proxy::pool::UNEXPECTED_AFTER};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

async fn waiting_proxy(route: &str, wait: Duration) -> TestProxy {
    TestProxy::with_options(&[route], Options { wait, ..Options::default() }).await
}

#[tokio::test]
async fn requests_wait_for_a_restart() {
    let (down, address) = Backend::down();
    let mut proxy = waiting_proxy(&format!("/={address}"), Duration::from_mins(1)).await;
    let mut waiting = Vec::new();
    for request in ["GET /1", "POST /2", "GET /3"] {
        let request = format!("{request} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        waiting.push(proxy.browser(&request).await);
    }
    assert!(matches!(proxy.event().await, Event::BackendDown { .. }), "reported while they wait");
    // One client disconnects.
    drop(waiting.pop());
    let backend = Backend(down.listen(8).unwrap());
    // The probe connects first, without a request.
    let serving = async {
        let mut answered = 0;
        while answered < 2 {
            let mut socket = backend.accept().await;
            let mut first = [0];
            if soon(tokio::io::AsyncReadExt::read(&mut socket, &mut first)).await.unwrap_or(0) == 0
            {
                continue;
            }
            read_head(&mut socket).await;
            socket.write_all(OK.as_bytes()).await.unwrap();
            answered += 1;
        }
    };
    let reading = async {
        for browser in &mut waiting {
            let response = read_all(browser).await;
            assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
        }
    };
    tokio::join!(serving, reading);
    assert!(matches!(proxy.event().await, Event::BackendUp { .. }));
    proxy.expect_no_event();
}

#[tokio::test]
async fn wait_is_limited_and_ends_at_shutdown() {
    let (_down, address) = Backend::down();
    let mut proxy = waiting_proxy(&format!("/={address}"), Duration::from_millis(300)).await;
    let since = std::time::Instant::now();
    let response = proxy.get("/", "").await;
    assert!(response.starts_with("HTTP/1.1 502 "), "{response}");
    assert!(since.elapsed() >= Duration::from_millis(300));
    assert!(matches!(proxy.event().await, Event::BackendDown { .. }));
    proxy.expect_no_event();
    // A shutdown does not wait for requests that wait.
    let mut proxy = waiting_proxy(&format!("/={address}"), Duration::from_mins(10)).await;
    let mut browser = proxy.browser("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").await;
    assert!(matches!(proxy.event().await, Event::BackendDown { .. }));
    proxy.cancel.cancel();
    assert!(read_all(&mut browser).await.starts_with("HTTP/1.1 503 "));
    proxy.tasks.close();
    soon(proxy.tasks.wait()).await;
}

#[tokio::test]
async fn open_pages_reload_after_a_restart_without_a_request() {
    let open = "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    let agree = "HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    for holds in ["an idle connection", "a WebSocket", "a response"] {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = socket.local_addr().unwrap();
        let backend = Backend(socket.listen(8).unwrap());
        let other = "/other=127.0.0.1:9".to_owned();
        let mut proxy = TestProxy::with_routes(&[&format!("/app={address}"), &other]).await;
        *proxy.pages.lock().unwrap() =
            ["/app/a%20b", "/app", "/other", "/"].map(str::to_owned).to_vec();
        let mut _browser = None;
        let held = match holds {
            "an idle connection" => {
                let held = tokio::join!(proxy.get("/app", ""), backend.respond_and_keep(OK)).1;
                // A backend that closes sooner ends every response so.
                tokio::time::sleep(UNEXPECTED_AFTER).await;
                held
            }
            "a WebSocket" => {
                let mut browser = proxy.browser(&open.replace("/ws", "/app/ws")).await;
                let socket = backend.respond_and_keep(agree).await;
                read_head(&mut browser).await;
                _browser = Some(browser);
                socket
            }
            _ => {
                let mut browser = proxy.browser("GET /app HTTP/1.1\r\nHost: h\r\n\r\n").await;
                let head_of = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfour";
                let socket = backend.respond_and_keep(head_of).await;
                read_head(&mut browser).await;
                read_exactly(&mut browser, "four").await;
                _browser = Some(browser);
                socket
            }
        };
        // The backend ends, and with it its connection.
        drop(backend);
        drop(held);
        loop {
            match proxy.event().await {
                Event::BackendDown { .. } => break,
                Event::BackendFault { why, .. } if holds == "a response" => {
                    assert!(why.starts_with("the response was interrupted"), "{why}");
                }
                other => panic!("{holds}: {other:?}"),
            }
        }
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(address).unwrap();
        let _backend = Backend(socket.listen(8).unwrap());
        assert!(matches!(proxy.event().await, Event::BackendUp { .. }), "{holds}");
        let pages = soon(proxy.reloads.recv()).await.unwrap();
        let paths: Vec<_> = pages.iter().map(|(path, _)| path.to_owned()).collect();
        assert_eq!(paths, ["/app", "/app/a%20b"], "{holds}");
    }
}

#[tokio::test]
async fn closed_idle_connection_of_a_running_backend_is_not_reported() {
    let (backend, address) = Backend::new().await;
    let mut proxy = TestProxy::to(address).await;
    *proxy.pages.lock().unwrap() = vec!["/".to_owned()];
    let (_, socket) = tokio::join!(proxy.get("/", ""), backend.respond_and_keep(OK));
    tokio::time::sleep(UNEXPECTED_AFTER).await;
    drop(socket);
    // livers verifies that the backend is there.
    let mut looked = backend.accept().await;
    super::wait_closed(&mut looked).await;
    proxy.expect_no_event();
    assert!(proxy.reloads.try_recv().is_err());
    // It does not if no page is open, or if the backend closes after each response.
    let (response, _) = tokio::join!(proxy.get("/", ""), backend.respond(OK));
    assert!(response.ends_with("ok"), "{response}");
    proxy.pages.lock().unwrap().clear();
    let (_, socket) = tokio::join!(proxy.get("/", ""), backend.respond_and_keep(OK));
    tokio::time::sleep(UNEXPECTED_AFTER).await;
    drop(socket);
    let (response, received) = tokio::join!(proxy.get("/next", ""), backend.respond(OK));
    assert!(response.ends_with("ok") && received.starts_with("GET /next "), "{received}");
}

#[tokio::test]
async fn response_limit_applies_to_pages_and_not_to_polls() {
    let (backend, address) = Backend::new().await;
    let timeout = Duration::from_millis(200);
    let options = Options { timeout, ..Options::default() };
    let mut proxy = TestProxy::with_options(&[&format!("/={address}")], options).await;
    let asking = "GET /poll HTTP/1.1\r\nHost: h\r\nSec-Fetch-Dest: empty\r\n\r\n";
    let mut polling = proxy.browser(asking).await;
    let (mut poll, _) = backend.receive().await;
    let silent = async {
        let (mut socket, _) = backend.receive().await;
        super::wait_closed(&mut socket).await;
    };
    let (response, ()) = tokio::join!(proxy.get("/page", "Sec-Fetch-Dest: document\r\n"), silent);
    assert!(response.starts_with("HTTP/1.1 504 Gateway Timeout\r\n"), "{response}");
    assert!(response.contains("<h1>") && response.contains("proxy-timeout"), "{response}");
    assert_eq!(proxy.fault().await, "no response within 0.2 seconds");
    // The poll has waited longer.
    poll.write_all(OK.as_bytes()).await.unwrap();
    assert!(read_head(&mut polling).await.starts_with("HTTP/1.1 200 "));
    // A response that has begun has no limit.
    let asking = "GET /slow HTTP/1.1\r\nHost: h\r\nSec-Fetch-Dest: image\r\n\r\n";
    let mut browser = proxy.browser(asking).await;
    read_head(&mut poll).await;
    poll.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no").await.unwrap();
    read_head(&mut browser).await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    poll.write_all(b"k").await.unwrap();
    read_exactly(&mut browser, "ok").await;
    proxy.expect_no_event();
}
