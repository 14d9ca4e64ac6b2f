//! Successful exchanges.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{Backend, TestProxy, read_all, read_exactly, read_head, soon, wait_closed};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[tokio::test]
async fn hop_by_hop_fields_are_removed_in_both_directions() {
    let (backend, address) = Backend::new().await;
    let proxy = TestProxy::to(address).await;
    let mut browser = proxy
        .browser(
            "GET /a%2Fb/../c?d=%20 HTTP/1.1\r\nHost: h:1\r\nConnection: X-Hop, keep-alive\r\n\
             X-Hop: 1\r\nCookie: a=b\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n",
        )
        .await;
    let received = backend
        .respond(
            "HTTP/1.1 299 Odd Reason\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\n\
             Set-Cookie: c=d\r\nContent-Length: 2\r\n\r\nok",
        )
        .await;
    let lower = received.to_lowercase();
    assert!(received.starts_with("GET /a%2Fb/../c?d=%20 HTTP/1.1\r\n"), "{received}");
    for line in ["cookie: a=b", "host: h:1", "via: 1.1 livers", "x-forwarded-for: 127.0.0.1"] {
        assert!(lower.contains(&format!("\r\n{line}\r\n")), "{line} in {received}");
    }
    assert!(received.contains("\r\nCookie: a=b"), "the case of names is preserved: {received}");
    assert!(!lower.contains("x-hop") && !lower.contains("keep-alive"), "{received}");
    let response = read_head(&mut browser).await;
    let lower = response.to_lowercase();
    assert!(response.starts_with("HTTP/1.1 299 Odd Reason\r\n"), "{response}");
    assert!(
        lower.contains("set-cookie: c=d") && !lower.contains("connection: close"),
        "{response}"
    );
    assert!(!lower.contains("x-hop") && !lower.contains("keep-alive"), "{response}");
    read_exactly(&mut browser, "ok").await;
}

#[tokio::test]
async fn upload_is_streamed_with_its_trailers() {
    let (backend, address) = Backend::new().await;
    let proxy = TestProxy::to(address).await;
    // Also a GET, whose body hyper would drop.
    for method in ["POST", "GET"] {
        let mut browser = proxy
            .browser(&format!(
                "{method} / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\
                 \r\n3\r\none\r\n"
            ))
            .await;
        let (mut socket, received) = backend.receive().await;
        assert!(
            received.to_lowercase().contains("\r\ntransfer-encoding: chunked\r\n"),
            "{received}"
        );
        read_exactly(&mut socket, "3\r\none\r\n").await;
        browser.write_all(b"3\r\ntwo\r\n0\r\nX-Sum: 6\r\n\r\n").await.unwrap();
        read_exactly(&mut socket, "3\r\ntwo\r\n0\r\nx-sum: 6\r\n\r\n").await;
        socket.write_all(OK.as_bytes()).await.unwrap();
        let response = read_head(&mut browser).await;
        assert!(response.starts_with("HTTP/1.1 200"), "{response}");
        read_exactly(&mut browser, "ok").await;
    }
}

#[tokio::test]
async fn response_is_streamed_with_its_trailers() {
    let (backend, address) = Backend::new().await;
    let proxy = TestProxy::to(address).await;
    let mut browser =
        proxy.browser("GET / HTTP/1.1\r\nHost: h\r\nConnection: TE\r\nTE: trailers\r\n\r\n").await;
    let (mut socket, received) = backend.receive().await;
    assert!(received.to_lowercase().contains("\r\nte: trailers\r\n"), "{received}");
    socket
        .write_all(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\none\r\n",
        )
        .await
        .unwrap();
    read_head(&mut browser).await;
    read_exactly(&mut browser, "3\r\none\r\n").await;
    socket.write_all(b"3\r\ntwo\r\n").await.unwrap();
    read_exactly(&mut browser, "3\r\ntwo\r\n").await;
    socket.write_all(b"0\r\nX-Sum: 6\r\n\r\n").await.unwrap();
    read_exactly(&mut browser, "0\r\nx-sum: 6\r\n\r\n").await;
}

/// Writes until the peer stops reading. Returns the number of bytes.
async fn fill(socket: &mut TcpStream) -> usize {
    let chunk = vec![b'x'; 1 << 16];
    let mut sent = 0;
    // A write that takes half a second is stalled.
    while let Ok(count) = timeout(Duration::from_millis(500), socket.write(&chunk)).await {
        sent += count.unwrap();
        assert!(sent < 64 << 20, "no back-pressure");
    }
    sent
}

async fn drain(socket: &mut TcpStream, size: usize) {
    let mut buffer = vec![0; 1 << 16];
    let mut read = 0;
    while read < size {
        read += soon(socket.read(&mut buffer)).await.unwrap();
    }
    assert_eq!(read, size);
}

#[tokio::test]
async fn slow_reader_causes_back_pressure_in_both_directions() {
    let (backend, address) = Backend::new().await;
    let proxy = TestProxy::to(address).await;
    let size: usize = 1 << 30;
    let head_of = |first: &str| format!("{first}\r\nHost: h\r\nContent-Length: {size}\r\n\r\n");

    let mut browser = proxy.browser(&head_of("POST / HTTP/1.1")).await;
    let (mut socket, _) = backend.receive().await;
    let sent = fill(&mut browser).await;
    drain(&mut socket, sent).await;

    let mut browser = proxy.browser("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    let (mut socket, _) = backend.receive().await;
    socket.write_all(head_of("HTTP/1.1 200 OK").as_bytes()).await.unwrap();
    read_head(&mut browser).await;
    let sent = fill(&mut socket).await;
    drain(&mut browser, sent).await;
}

#[tokio::test]
async fn browser_disconnect_closes_the_backend_connection() {
    let (backend, address) = Backend::new().await;
    let mut proxy = TestProxy::to(address).await;
    // Before the response, during it while the backend sends nothing, and during an upload.
    let browser = proxy.browser("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    let (mut socket, _) = backend.receive().await;
    drop(browser);
    wait_closed(&mut socket).await;

    let mut browser = proxy.browser("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    let (mut socket, _) = backend.receive().await;
    socket.write_all(b"HTTP/1.1 200 OK\r\n\r\ndata: 1\n\n").await.unwrap();
    read_head(&mut browser).await;
    read_exactly(&mut browser, "9\r\ndata: 1\n\n\r\n").await;
    drop(browser);
    wait_closed(&mut socket).await;

    let browser =
        proxy.browser("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nfour").await;
    let (mut socket, _) = backend.receive().await;
    drop(browser);
    wait_closed(&mut socket).await;

    proxy.tasks.close();
    soon(proxy.tasks.wait()).await;
    proxy.expect_no_event();
}

#[tokio::test]
async fn upload_continues_after_an_early_response() {
    let (backend, address) = Backend::new().await;
    let proxy = TestProxy::to(address).await;
    let mut browser =
        proxy.browser("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nfour").await;
    let (mut socket, _) = backend.receive().await;
    socket.write_all(OK.as_bytes()).await.unwrap();
    read_head(&mut browser).await;
    read_exactly(&mut browser, "ok").await;
    browser.write_all(b" more").await.unwrap();
    read_exactly(&mut socket, "four more").await;
    wait_closed(&mut socket).await;
}

#[tokio::test]
async fn early_response_reaches_a_browser_that_is_still_sending() {
    const SIZE: usize = 32 << 20;
    let (backend, address) = Backend::new().await;
    let mut proxy = TestProxy::to(address).await;
    // This is a race: repeat it.
    for round in 0..10 {
        let mut browser = proxy
            .browser(&format!("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {SIZE}\r\n\r\n"))
            .await;
        let refusing = async {
            let (mut socket, _) = backend.receive().await;
            let response = "HTTP/1.1 413 Too Large\r\nContent-Length: 4\r\n\r\nmuch";
            socket.write_all(response.as_bytes()).await.unwrap();
            // With unread bytes in it, this resets the connection.
        };
        let (mut read, mut write) = browser.split();
        let sending = async {
            let chunk = vec![b'x'; 1 << 20];
            for _ in 0..SIZE >> 20 {
                soon(write.write_all(&chunk)).await.unwrap();
            }
        };
        let reading = async {
            let mut response = Vec::new();
            while !response.ends_with(b"much") {
                response.push(soon(read.read_u8()).await.unwrap());
            }
            String::from_utf8(response).unwrap()
        };
        let ((), (), response) = tokio::join!(refusing, sending, reading);
        assert!(response.starts_with("HTTP/1.1 413 "), "round {round}: {response}");
    }
    proxy.expect_no_event();
}

#[tokio::test]
async fn response_without_length_ends_with_its_connection() {
    let (backend, address) = Backend::new().await;
    let proxy = TestProxy::to(address).await;
    let (response, _) = tokio::join!(
        proxy.get("/", ""),
        backend.respond("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nold")
    );
    assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
    assert!(response.ends_with("3\r\nold\r\n0\r\n\r\n"), "{response}");
}

#[tokio::test]
async fn responses_without_body_keep_their_fields() {
    let (backend, address) = Backend::new().await;
    let proxy = TestProxy::to(address).await;
    let table = [
        ("HEAD", "200 OK\r\nContent-Length: 1234", "content-length: 1234"),
        ("GET", "304 Not Modified\r\nETag: \"x\"", "etag: \"x\""),
        ("GET", "204 No Content\r\nX-One: 1", "x-one: 1"),
        ("GET", "100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0", "content-length: 0"),
    ];
    for (method, response, field) in table {
        let request = format!("{method} / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        let mut browser = proxy.browser(&request).await;
        backend.respond(&format!("HTTP/1.1 {response}\r\n\r\n")).await;
        let relayed = read_all(&mut browser).await.to_lowercase();
        assert!(relayed.contains(&format!("\r\n{field}\r\n")), "{method} {response}: {relayed}");
        assert!(relayed.ends_with("\r\n\r\n"), "{method} {response}: {relayed}");
    }
}

#[tokio::test]
async fn client_cannot_choose_backend_or_protocol() {
    let (backend, address) = Backend::new().await;
    let proxy = TestProxy::with_routes(&[&format!("/api={address}/v1")]).await;
    let (_, received) =
        tokio::join!(proxy.get("http://localhost:8080/api/x?y", ""), backend.respond(OK));
    assert!(received.starts_with("GET /v1/x?y HTTP/1.1\r\n"), "{received}");
    assert!(received.to_lowercase().contains("\r\nhost: localhost:8080\r\n"), "{received}");

    // h2c, and a WebSocket handshake with a body.
    for (head_end, body) in [
        ("Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n", ""),
        ("Upgrade: websocket\r\nContent-Length: 4\r\n\r\n", "body"),
    ] {
        let mut browser = proxy
            .browser(&format!(
                "GET /api HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\n\
                 {head_end}{body}"
            ))
            .await;
        let (mut socket, received) = backend.receive().await;
        let received = received.to_lowercase();
        assert!(
            !received.contains("upgrade") && !received.contains("http2-settings"),
            "{received}"
        );
        read_exactly(&mut socket, body).await;
        socket.write_all(OK.as_bytes()).await.unwrap();
        assert!(read_head(&mut browser).await.starts_with("HTTP/1.1 200 OK"));
        read_exactly(&mut browser, "ok").await;
    }
}

#[tokio::test]
async fn injectable_page_is_requested_uncompressed_and_unconditionally() {
    let (backend, address) = Backend::new().await;
    let proxy = TestProxy::to(address).await;
    let fields = "Sec-Fetch-Dest: document\r\nAccept-Encoding: gzip\r\nIf-None-Match: \"x\"\r\n";
    let (_, received) = tokio::join!(proxy.get("/", fields), backend.respond(OK));
    let received = received.to_lowercase();
    assert!(received.contains("\r\naccept-encoding: identity\r\n"), "{received}");
    assert!(!received.contains("if-none-match"), "{received}");
}
