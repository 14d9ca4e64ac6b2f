//! Backends that are down or fail.

use std::{
    future::pending,
    time::{Duration, Instant},
};

use super::{http_response, route, start};
use crate::support::{
    backend::Backend,
    http::{self, Wire},
    socket::Socket,
};

/// Accepts connections and never responds.
async fn silent() -> Backend {
    Backend::start(|wire| async move {
        let _open = wire;
        pending::<()>().await;
    })
    .await
}

#[tokio::test]
async fn backend_down_is_reported_once_for_many_requests() {
    let mut down = Backend::answering(http_response("200 OK", "", "up")).await;
    let garbage = Backend::answering("garbage\r\n\r\n").await;
    down.stop().await;
    let (livers, _dir) = start([route("/down", &down), route("/garbage", &garbage)]).await;
    let port = livers.port();
    let address = down.url();
    for n in 0..5 {
        let page = http::get_with(port, "/down/p", &[("Sec-Fetch-Dest", "document")]).await;
        assert_eq!((page.status, page.header("cache-control")), (502, Some("no-store")), "{n}");
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
        assert!(page.text().contains(&format!("{address} is unreachable: ")), "{page:?}");
        assert_eq!(page.text().matches("/__livers/client.js").count(), 1, "{page:?}");
        let text = http::get_with(port, "/down/x", &[("Sec-Fetch-Dest", "empty")]).await;
        assert_eq!(text.status, 502);
        assert_eq!(text.text(), format!("{address} is unreachable: connection refused\n"));
    }
    let refused = Socket::on(port).path("/down").try_open().await.err().expect("no socket");
    assert_eq!(refused.status, Some(502));

    let down_lines = || livers.stdout().iter().filter(|line| line.contains("is down")).count();
    // Lines are printed in order, so all earlier ones have been printed.
    http::get(port, "/garbage").await;
    livers.wait_for_line(|line| line.contains("/garbage: the response is not valid HTTP")).await;
    assert_eq!(down_lines(), 1, "{:?}", livers.stdout());

    down.start_again().await;
    livers.wait_for_line(|line| line.contains(&format!("{address} is up again"))).await;
    assert_eq!(http::get(port, "/down").await.text(), "up");
    down.stop().await;
    assert_eq!(http::get(port, "/down").await.status, 502);
    let before = livers.lines().len();
    http::get(port, "/garbage").await;
    livers.wait_for_line_after(before, |line| line.contains("/garbage")).await;
    assert_eq!(down_lines(), 2, "down twice: {:?}", livers.stdout());
}

#[tokio::test]
async fn failing_backends_do_not_affect_others() {
    const EACH: usize = 20;
    let silent = silent().await;
    let resets = Backend::start(|mut wire| async move {
        wire.request().await;
        wire.reset();
    })
    .await;
    let breaks = Backend::start(|mut wire| async move {
        wire.request().await;
        wire.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf").await;
        wire.reset();
    })
    .await;
    let garbage = Backend::answering(vec![0xff; 1000]).await;
    let closes = Backend::start(|wire| async move { drop(wire) }).await;
    let good = Backend::answering(http_response("200 OK", "", "good")).await;
    let backends = [
        ("/silent", &silent),
        ("/resets", &resets),
        ("/breaks", &breaks),
        ("/garbage", &garbage),
        ("/closes", &closes),
        ("/good", &good),
    ];
    let (livers, _dir) = start(backends.map(|(prefix, backend)| route(prefix, backend))).await;
    let port = livers.port();

    let mut waiting = Vec::new();
    for _ in 0..EACH {
        let mut wire = Wire::open(port).await;
        wire.send(http::request_head(port, "GET", "/silent", &[], 0)).await;
        waiting.push(wire);
    }
    silent.wait_for_connections(EACH).await;
    for _ in 0..EACH {
        for (path, status) in [("/resets", 502), ("/garbage", 502), ("/closes", 502)] {
            let response = http::get(port, path).await;
            assert_eq!(response.status, status, "{path}: {response:?}");
        }
        let half = http::request(port, http::request_head(port, "GET", "/breaks", &[], 0)).await;
        assert!(!half.complete, "must not look complete: {half:?}");
        assert_eq!(http::get(port, "/").await.status, 200);
        assert_eq!(http::get(port, "/good").await.text(), "good");
    }
    assert_eq!(livers.stderr(), [""; 0], "nothing on standard error");
}

#[tokio::test]
async fn ctrl_c_does_not_wait_for_backends() {
    let silent = silent().await;
    let events = Backend::start(|mut wire| async move {
        wire.request().await.expect("a request");
        wire.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n").await;
        // Until livers closes the connection.
        let end = wire.some().await;
        assert!(end.unwrap_or_default().is_empty(), "an end");
    })
    .await;
    let tunnel = Backend::start(|mut wire| async move {
        wire.request().await.expect("a request");
        wire.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n").await;
        wire.send("Connection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\nhello").await;
        let end = wire.some().await;
        assert!(end.unwrap_or_default().is_empty(), "an end");
    })
    .await;
    let backends = [("/silent", &silent), ("/events", &events), ("/ws", &tunnel)];
    let (mut livers, _dir) = start(backends.map(|(prefix, backend)| route(prefix, backend))).await;
    let port = livers.port();
    let mut open = Vec::new();
    for _ in 0..5 {
        for (path, fields, sign) in [
            ("/silent", &[][..], None),
            ("/events", &[], Some("data: 1\n\n")),
            ("/ws", &[("Connection", "Upgrade"), ("Upgrade", "websocket")], Some("hello")),
        ] {
            let mut wire = Wire::open(port).await;
            wire.send(http::request_head(port, "GET", path, fields, 0)).await;
            if let Some(sign) = sign {
                wire.until(sign.as_bytes()).await.expect("a first message");
            }
            open.push(wire);
        }
        // An upload that stalls.
        let mut wire = Wire::open(port).await;
        wire.send(http::request_head(port, "POST", "/silent", &[], 1000) + "half").await;
        open.push(wire);
    }
    silent.wait_for_connections(10).await;

    let since = Instant::now();
    livers.interrupt();
    let status = livers.wait().await;
    let took = since.elapsed();
    assert_eq!(status.code(), Some(0));
    assert!(took < Duration::from_secs(2), "{took:?}");
    println!("ended after {took:?}");
    for mut wire in open {
        while !wire.some().await.unwrap_or_default().is_empty() {}
    }
    assert_eq!(livers.stderr(), [""; 0]);
    let faults: Vec<_> =
        livers.stdout().into_iter().filter(|line| line.starts_with("proxy ")).collect();
    assert!(faults.is_empty(), "no backend faults: {faults:?}");
}
