//! Exchanges that go well.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{Backend, Front, all, ended, expect, head, soon};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[tokio::test]
async fn fields_of_one_connection_end_here_in_both_directions() {
    let (backend, address) = Backend::new().await;
    let front = Front::of(address).await;
    let mut browser = front
        .browser(
            "GET /a%2Fb/../c?d=%20 HTTP/1.1\r\nHost: h:1\r\nConnection: X-Hop, keep-alive\r\n\
             X-Hop: 1\r\nCookie: a=b\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n",
        )
        .await;
    let asked = backend
        .answer(
            "HTTP/1.1 299 Odd Reason\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\n\
             Set-Cookie: c=d\r\nContent-Length: 2\r\n\r\nok",
        )
        .await;
    let lower = asked.to_lowercase();
    assert!(asked.starts_with("GET /a%2Fb/../c?d=%20 HTTP/1.1\r\n"), "{asked}");
    for line in ["cookie: a=b", "host: h:1", "via: 1.1 livers", "x-forwarded-for: 127.0.0.1"] {
        assert!(lower.contains(&format!("\r\n{line}\r\n")), "{line} in {asked}");
    }
    assert!(asked.contains("\r\nCookie: a=b"), "the case of names is kept: {asked}");
    assert!(!lower.contains("x-hop") && !lower.contains("keep-alive"), "{asked}");
    let answer = head(&mut browser).await;
    let lower = answer.to_lowercase();
    assert!(answer.starts_with("HTTP/1.1 299 Odd Reason\r\n"), "{answer}");
    assert!(lower.contains("set-cookie: c=d") && !lower.contains("connection: close"), "{answer}");
    assert!(!lower.contains("x-hop") && !lower.contains("keep-alive"), "{answer}");
    expect(&mut browser, "ok").await;
}

#[tokio::test]
async fn each_chunk_of_an_upload_passes_as_it_comes() {
    let (backend, address) = Backend::new().await;
    let front = Front::of(address).await;
    // A GET too: hyper alone would drop its body.
    for method in ["POST", "GET"] {
        let mut browser = front
            .browser(&format!(
                "{method} / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\
                 \r\n3\r\none\r\n"
            ))
            .await;
        let (mut socket, asked) = backend.asked().await;
        assert!(asked.to_lowercase().contains("\r\ntransfer-encoding: chunked\r\n"), "{asked}");
        expect(&mut socket, "3\r\none\r\n").await;
        browser.write_all(b"3\r\ntwo\r\n0\r\nX-Sum: 6\r\n\r\n").await.unwrap();
        expect(&mut socket, "3\r\ntwo\r\n0\r\nx-sum: 6\r\n\r\n").await;
        socket.write_all(OK.as_bytes()).await.unwrap();
        let answer = head(&mut browser).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        expect(&mut browser, "ok").await;
    }
}

#[tokio::test]
async fn each_event_of_a_stream_passes_as_it_comes_and_trailers_at_the_end() {
    let (backend, address) = Backend::new().await;
    let front = Front::of(address).await;
    let mut browser =
        front.browser("GET / HTTP/1.1\r\nHost: h\r\nConnection: TE\r\nTE: trailers\r\n\r\n").await;
    let (mut socket, asked) = backend.asked().await;
    assert!(asked.to_lowercase().contains("\r\nte: trailers\r\n"), "{asked}");
    socket
        .write_all(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\none\r\n",
        )
        .await
        .unwrap();
    head(&mut browser).await;
    expect(&mut browser, "3\r\none\r\n").await;
    socket.write_all(b"3\r\ntwo\r\n").await.unwrap();
    expect(&mut browser, "3\r\ntwo\r\n").await;
    socket.write_all(b"0\r\nX-Sum: 6\r\n\r\n").await.unwrap();
    expect(&mut browser, "0\r\nx-sum: 6\r\n\r\n").await;
}

/// Writes until nobody takes any more, and says how much that was.
async fn fill(socket: &mut TcpStream) -> usize {
    let chunk = vec![b'x'; 1 << 16];
    let mut sent = 0;
    // The pause is how a stall is known; it is no wait for something to happen.
    while let Ok(count) = timeout(Duration::from_millis(500), socket.write(&chunk)).await {
        sent += count.unwrap();
        assert!(sent < 64 << 20, "the writer is held up, not the memory filled");
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
async fn a_slow_reader_holds_up_the_writer_in_both_directions() {
    let (backend, address) = Backend::new().await;
    let front = Front::of(address).await;
    let size: usize = 1 << 30;
    let head_of = |first: &str| format!("{first}\r\nHost: h\r\nContent-Length: {size}\r\n\r\n");

    let mut browser = front.browser(&head_of("POST / HTTP/1.1")).await;
    let (mut socket, _) = backend.asked().await;
    let sent = fill(&mut browser).await;
    drain(&mut socket, sent).await;

    let mut browser = front.browser("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    let (mut socket, _) = backend.asked().await;
    socket.write_all(head_of("HTTP/1.1 200 OK").as_bytes()).await.unwrap();
    head(&mut browser).await;
    let sent = fill(&mut socket).await;
    drain(&mut browser, sent).await;
}

#[tokio::test]
async fn a_browser_that_goes_away_closes_the_connection_to_the_backend() {
    let (backend, address) = Backend::new().await;
    let mut front = Front::of(address).await;
    // Before the answer, in its middle while the backend is quiet, and in the middle of an upload.
    let browser = front.browser("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    let (mut socket, _) = backend.asked().await;
    drop(browser);
    ended(&mut socket).await;

    let mut browser = front.browser("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    let (mut socket, _) = backend.asked().await;
    socket.write_all(b"HTTP/1.1 200 OK\r\n\r\ndata: 1\n\n").await.unwrap();
    head(&mut browser).await;
    expect(&mut browser, "9\r\ndata: 1\n\n\r\n").await;
    drop(browser);
    ended(&mut socket).await;

    let browser =
        front.browser("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nfour").await;
    let (mut socket, _) = backend.asked().await;
    drop(browser);
    ended(&mut socket).await;

    front.tasks.close();
    soon(front.tasks.wait()).await;
    front.quiet();
}

#[tokio::test]
async fn an_upload_goes_on_after_its_answer_while_the_backend_takes_it() {
    let (backend, address) = Backend::new().await;
    let front = Front::of(address).await;
    let mut browser =
        front.browser("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nfour").await;
    let (mut socket, _) = backend.asked().await;
    socket.write_all(OK.as_bytes()).await.unwrap();
    head(&mut browser).await;
    expect(&mut browser, "ok").await;
    browser.write_all(b" more").await.unwrap();
    expect(&mut socket, "four more").await;
    ended(&mut socket).await;
}

#[tokio::test]
async fn an_early_answer_reaches_a_browser_that_is_still_sending() {
    const SIZE: usize = 32 << 20;
    let (backend, address) = Backend::new().await;
    let mut front = Front::of(address).await;
    // A race by nature: once is no proof.
    for round in 0..10 {
        let mut browser = front
            .browser(&format!("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {SIZE}\r\n\r\n"))
            .await;
        let refusing = async {
            let (mut socket, _) = backend.asked().await;
            let answer = "HTTP/1.1 413 Too Large\r\nContent-Length: 4\r\n\r\nmuch";
            socket.write_all(answer.as_bytes()).await.unwrap();
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
            let mut answer = Vec::new();
            while !answer.ends_with(b"much") {
                answer.push(soon(read.read_u8()).await.unwrap());
            }
            String::from_utf8(answer).unwrap()
        };
        let ((), (), answer) = tokio::join!(refusing, sending, reading);
        assert!(answer.starts_with("HTTP/1.1 413 "), "round {round}: {answer}");
    }
    front.quiet();
}

#[tokio::test]
async fn an_answer_without_a_length_ends_with_its_connection() {
    let (backend, address) = Backend::new().await;
    let front = Front::of(address).await;
    let (answer, _) = tokio::join!(
        front.get("/", ""),
        backend.answer("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nold")
    );
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("3\r\nold\r\n0\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn answers_without_a_body_keep_their_fields() {
    let (backend, address) = Backend::new().await;
    let front = Front::of(address).await;
    let table = [
        ("HEAD", "200 OK\r\nContent-Length: 1234", "content-length: 1234"),
        ("GET", "304 Not Modified\r\nETag: \"x\"", "etag: \"x\""),
        ("GET", "204 No Content\r\nX-One: 1", "x-one: 1"),
        ("GET", "100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0", "content-length: 0"),
    ];
    for (method, answer, field) in table {
        let request = format!("{method} / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        let mut browser = front.browser(&request).await;
        backend.answer(&format!("HTTP/1.1 {answer}\r\n\r\n")).await;
        let relayed = all(&mut browser).await.to_lowercase();
        assert!(relayed.contains(&format!("\r\n{field}\r\n")), "{method} {answer}: {relayed}");
        assert!(relayed.ends_with("\r\n\r\n"), "{method} {answer}: {relayed}");
    }
}

#[tokio::test]
async fn nobody_chooses_another_backend_or_protocol() {
    let (backend, address) = Backend::new().await;
    let front = Front::with(&[&format!("/api={address}/v1")]).await;
    let (_, asked) =
        tokio::join!(front.get("http://localhost:8080/api/x?y", ""), backend.answer(OK));
    assert!(asked.starts_with("GET /v1/x?y HTTP/1.1\r\n"), "{asked}");
    assert!(asked.to_lowercase().contains("\r\nhost: localhost:8080\r\n"), "{asked}");

    // Neither h2c, nor what only looks like the opening of a WebSocket.
    for (head_end, body) in [
        ("Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n", ""),
        ("Upgrade: websocket\r\nContent-Length: 4\r\n\r\n", "body"),
    ] {
        let mut browser = front
            .browser(&format!(
                "GET /api HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\n\
                 {head_end}{body}"
            ))
            .await;
        let (mut socket, asked) = backend.asked().await;
        let asked = asked.to_lowercase();
        assert!(!asked.contains("upgrade") && !asked.contains("http2-settings"), "{asked}");
        expect(&mut socket, body).await;
        socket.write_all(OK.as_bytes()).await.unwrap();
        assert!(head(&mut browser).await.starts_with("HTTP/1.1 200 OK"));
        expect(&mut browser, "ok").await;
    }
}

#[tokio::test]
async fn a_page_that_will_be_changed_is_asked_for_whole() {
    let (backend, address) = Backend::new().await;
    let front = Front::of(address).await;
    let fields = "Sec-Fetch-Dest: document\r\nAccept-Encoding: gzip\r\nIf-None-Match: \"x\"\r\n";
    let (_, asked) = tokio::join!(front.get("/", fields), backend.answer(OK));
    let asked = asked.to_lowercase();
    assert!(asked.contains("\r\naccept-encoding: identity\r\n"), "{asked}");
    assert!(!asked.contains("if-none-match"), "{asked}");
}
