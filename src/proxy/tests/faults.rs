//! Backends that are down, fail, or never respond.

use tokio::io::AsyncWriteExt;

use super::{Backend, TestProxy, read_all, read_exactly, read_head, reset, soon, wait_closed};
use crate::event::Event;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const PAGE: &str = "Sec-Fetch-Dest: document\r\n";

#[tokio::test]
async fn backend_down_is_reported_once_and_its_pages_reload() {
    let (down, address) = Backend::down();
    let mut proxy = TestProxy::to(address).await;
    for request in 0..10 {
        let response = proxy.get(&format!("/page%20{}?q", request % 2), PAGE).await;
        assert!(response.starts_with("HTTP/1.1 502 Bad Gateway\r\n"), "{response}");
        assert!(response.contains(&format!("<h1>http://{address} is unreachable")), "{response}");
    }
    let response = proxy.get("/data", "").await;
    let text = format!("\r\n\r\nhttp://{address} is unreachable: connection refused\n");
    assert!(response.contains("text/plain") && response.ends_with(&text), "{response}");
    let Event::BackendDown { backend, why } = proxy.event().await else { panic!("down first") };
    assert_eq!((backend, why.as_str()), (format!("http://{address}"), "connection refused"));
    proxy.expect_no_event();

    let listener = down.listen(8).unwrap();
    assert!(matches!(proxy.event().await, Event::BackendUp { .. }));
    let pages = soon(proxy.reloads.recv()).await.unwrap();
    let paths: Vec<_> = pages.iter().map(|(path, _)| path.to_owned()).collect();
    assert_eq!(paths, ["/page%200", "/page%201"]);
    proxy.expect_no_event();
    drop(listener);
    // The backend is down again, which is reported again.
    assert!(proxy.get("/", "").await.starts_with("HTTP/1.1 502"));
    assert!(matches!(proxy.event().await, Event::BackendDown { .. }));
}

#[tokio::test]
async fn successful_request_reports_the_backend_up() {
    let (down, address) = Backend::down();
    // Two routes to one backend share its health.
    let mut proxy =
        TestProxy::with_routes(&[&format!("/a={address}"), &format!("/b={address}/x")]).await;
    proxy.get("/a", "").await;
    proxy.get("/b", "").await;
    assert!(matches!(proxy.event().await, Event::BackendDown { .. }));
    proxy.expect_no_event();
    let backend = Backend(down.listen(8).unwrap());
    let (response, _) = tokio::join!(proxy.get("/b", ""), backend.respond(OK));
    assert!(response.ends_with("ok"), "{response}");
    assert!(matches!(proxy.event().await, Event::BackendUp { .. }));
    proxy.expect_no_event();
    assert!(proxy.reloads.try_recv().is_err(), "no error page waits");
}

#[tokio::test]
async fn upload_to_a_backend_that_is_down_gets_a_502() {
    const SIZE: usize = 32 << 20;
    let (_down, address) = Backend::down();
    let proxy = TestProxy::to(address).await;
    let mut browser = proxy
        .browser(&format!("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {SIZE}\r\n\r\n"))
        .await;
    // Like some clients, sends everything before it reads.
    let chunk = vec![b'x'; 1 << 20];
    for _ in 0..SIZE >> 20 {
        soon(browser.write_all(&chunk)).await.unwrap();
    }
    assert!(read_head(&mut browser).await.starts_with("HTTP/1.1 502 "));
}

#[tokio::test]
async fn path_too_long_for_the_backend_is_414() {
    let (_down, address) = Backend::down();
    let mut proxy = TestProxy::with_routes(&[&format!("/={address}/{}", "b".repeat(1000))]).await;
    let response = proxy.get(&format!("/{}", "x".repeat(65_000)), "").await;
    assert!(response.starts_with("HTTP/1.1 414 "), "{response}");
    proxy.expect_no_event();
}

#[tokio::test]
async fn invalid_response_is_502_and_an_event() {
    let (backend, address) = Backend::new().await;
    let mut proxy = TestProxy::to(address).await;
    let long = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
    let table = [
        ("\x16\x03\x01 garbage\r\n\r\n", "the response is not valid HTTP"),
        ("HTTP/1.1 banana\r\n\r\n", "the response is not valid HTTP"),
        ("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "the response is not valid HTTP"),
        (&long, "the header fields of the response are too large"),
        ("", "the backend closed the connection"),
        ("HTTP/1.1 200 OK\r\nContent-", "the backend closed the connection"),
        (
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
            "the backend switched protocols without a request",
        ),
    ];
    for (sent, expected) in table {
        // A head that is too large may have many fields, for which a second attempt has more room.
        let attempts = if sent.len() > 1000 { 2 } else { 1 };
        let broken = async {
            for _ in 0..attempts {
                let (mut socket, _) = backend.receive().await;
                // livers may close the connection before everything is written.
                let _ = socket.write_all(sent.as_bytes()).await;
            }
        };
        let (response, ()) = tokio::join!(proxy.get("/x", ""), broken);
        assert!(response.starts_with("HTTP/1.1 502 "), "{sent:.40}: {response}");
        assert_eq!(proxy.fault().await, expected, "{sent:.40}");
        assert!(response.contains(expected), "{response}");
    }
    let broken = async {
        let (socket, _) = backend.receive().await;
        reset(socket);
    };
    let (response, ()) = tokio::join!(proxy.get("/x", PAGE), broken);
    assert!(response.starts_with("HTTP/1.1 502 ") && response.contains("<h1>"), "{response}");
    assert_eq!(proxy.fault().await, "the backend reset the connection");
    proxy.expect_no_event();
}

#[tokio::test]
async fn interrupted_response_is_interrupted_for_the_browser() {
    let (backend, address) = Backend::new().await;
    let mut proxy = TestProxy::to(address).await;
    for (fields, part, resets) in [
        ("Content-Length: 9", "four", true),
        ("Content-Length: 9", "four", false),
        ("Transfer-Encoding: chunked", "4\r\nfour\r\n", true),
        ("Transfer-Encoding: chunked", "4\r\nfour\r\n", false),
        ("X-Until: close", "four", true),
        ("Transfer-Encoding: chunked", "4\r\nfour\r\nzz", false),
    ] {
        let mut browser = proxy.browser("GET /x HTTP/1.1\r\nHost: h\r\n\r\n").await;
        let (mut socket, _) = backend.receive().await;
        socket
            .write_all(format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n{part}").as_bytes())
            .await
            .unwrap();
        if !part.ends_with("zz") {
            read_head(&mut browser).await;
            let relayed = if fields.starts_with('C') { "four" } else { "4\r\nfour\r\n" };
            read_exactly(&mut browser, relayed).await;
        }
        if resets {
            reset(socket);
        } else {
            drop(socket);
        }
        let rest = read_all(&mut browser).await;
        assert!(!rest.contains("0\r\n\r\n"), "{fields}: must not look complete: {rest:?}");
        let why = proxy.fault().await;
        assert!(why.starts_with("the response was interrupted: "), "{fields}: {why}");
        proxy.expect_no_event();
    }
}

#[tokio::test]
async fn silent_backend_does_not_delay_other_routes() {
    let (silent, silent_address) = Backend::new().await;
    let (backend, address) = Backend::new().await;
    let proxy =
        TestProxy::with_routes(&[&format!("/silent={silent_address}"), &format!("/={address}")])
            .await;
    let mut waiting = Vec::new();
    for _ in 0..20 {
        let browser = proxy.browser("GET /silent HTTP/1.1\r\nHost: h\r\n\r\n").await;
        waiting.push((browser, silent.receive().await));
    }
    let (response, _) = tokio::join!(proxy.get("/", ""), backend.respond(OK));
    assert!(response.ends_with("ok"), "{response}");
    // A late response is still forwarded.
    for (browser, (socket, _)) in &mut waiting {
        socket.write_all(OK.as_bytes()).await.unwrap();
        read_head(browser).await;
        read_exactly(browser, "ok").await;
    }
}

#[tokio::test]
async fn shutdown_ends_exchanges_without_backend_faults() {
    let (backend, address) = Backend::new().await;
    let (_down, down_address) = Backend::down();
    let mut proxy =
        TestProxy::with_routes(&[&format!("/={address}"), &format!("/down={down_address}")]).await;
    // A response in progress, a request without a response, and a probe.
    let mut streaming = proxy.browser("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    let (mut socket, _) = backend.receive().await;
    socket.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await.unwrap();
    read_head(&mut streaming).await;
    let mut waiting = proxy.browser("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").await;
    let (mut other, _) = backend.receive().await;
    proxy.get("/down", PAGE).await;
    assert!(matches!(proxy.event().await, Event::BackendDown { .. }));

    proxy.cancel.cancel();
    assert_eq!(read_all(&mut streaming).await, "");
    assert!(read_all(&mut waiting).await.starts_with("HTTP/1.1 503 "));
    wait_closed(&mut socket).await;
    wait_closed(&mut other).await;
    proxy.tasks.close();
    soon(proxy.tasks.wait()).await;
    proxy.expect_no_event();
}

/// Other systems refuse connections that exceed the backlog.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn shutdown_does_not_wait_for_an_unreachable_backend() {
    use std::time::Duration;

    use tokio::{
        net::TcpStream,
        time::{sleep, timeout},
    };

    let (socket, address) = Backend::down();
    let _listener = socket.listen(1).unwrap();
    // With a full backlog, further connection attempts get no answer.
    let mut queue = Vec::new();
    while let Ok(socket) = timeout(Duration::from_millis(300), TcpStream::connect(address)).await {
        queue.push(socket.unwrap());
        assert!(queue.len() < 100, "the backlog is bounded");
    }
    let mut proxy = TestProxy::to(address).await;
    let mut browser = proxy.browser("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").await;
    let stop = proxy.cancel.clone();
    tokio::spawn(async move {
        sleep(Duration::from_millis(100)).await;
        stop.cancel();
    });
    let response = read_all(&mut browser).await;
    assert!(response.starts_with("HTTP/1.1 503 "), "{response}");
    proxy.expect_no_event();
}
