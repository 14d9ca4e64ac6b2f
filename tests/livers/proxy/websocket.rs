//! WebSockets, with a real WebSocket server and with scripted bytes.

use std::sync::{Arc, Mutex};

use futures_util::{SinkExt, StreamExt, future::join_all};
use tokio::{io::AsyncWriteExt, sync::Semaphore};
use tokio_tungstenite::{
    accept_hdr_async,
    tungstenite::{
        Bytes, Message,
        handshake::server::{ErrorResponse, Request, Response},
        http::HeaderMap,
        protocol::{CloseFrame, frame::coding::CloseCode},
    },
};

use super::{http_response, route, start};
use crate::support::{
    backend::Backend,
    http::{self, Wire},
    socket::Socket,
    within,
};

/// The example of RFC 6455, section 1.3, and its response without the final empty line.
const KEY: (&str, &str) = ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
const ACCEPT: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
                      Connection: Upgrade\r\n\
                      Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";

/// Formats an opening handshake as Chromium sends it, with further fields.
fn handshake(port: u16, path: &str, more: &[(&str, &str)]) -> String {
    let usual =
        [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"), KEY];
    http::request_head(port, "GET", path, &[&usual, more].concat(), 0)
}

/// Echoes messages; accepts the subprotocol `chat`.
async fn echo(seen: &Arc<Mutex<Vec<HeaderMap>>>) -> Backend {
    let seen = Arc::clone(seen);
    Backend::start(move |wire| {
        let seen = Arc::clone(&seen);
        async move {
            #[allow(clippy::result_large_err)]
            let record = |received: &Request, mut response: Response| {
                seen.lock().unwrap().push(received.headers().clone());
                if received.headers().contains_key("sec-websocket-protocol") {
                    let chat = "chat".parse().expect("a value");
                    response.headers_mut().insert("sec-websocket-protocol", chat);
                }
                Ok::<_, ErrorResponse>(response)
            };
            let mut socket =
                accept_hdr_async(wire.into_stream(), record).await.expect("a handshake");
            while let Some(Ok(message)) = socket.next().await {
                if matches!(message, Message::Text(_) | Message::Binary(_)) {
                    socket.send(message).await.expect("send");
                }
            }
        }
    })
    .await
}

#[tokio::test]
async fn messages_of_all_sizes_are_echoed() {
    let backend = echo(&Arc::default()).await;
    let (livers, _dir) = start([route("/ws", &backend)]).await;
    let mut socket = Socket::on(livers.port()).path("/ws/room?x=1").open().await;
    for length in [0, 1, 125, 126, 65_535, 65_536, 1 << 20, 8 << 20] {
        let bytes: Vec<u8> = (0..length).map(|n: u32| (n % 251).to_le_bytes()[0]).collect();
        let (text, bytes) = (Message::text("é".repeat(bytes.len() / 2)), Message::binary(bytes));
        for message in [text, bytes] {
            socket.send(message.clone()).await;
            assert!(socket.next_message().await == message, "{length}");
        }
    }
    socket.send(Message::Ping(Bytes::from_static(b"ping"))).await;
    let pong = socket.next().await.expect("a pong").expect("a message");
    assert_eq!(pong, Message::Pong(Bytes::from_static(b"ping")));

    let frame = CloseFrame { code: CloseCode::Library(4001), reason: "enough".into() };
    socket.send(Message::Close(Some(frame.clone()))).await;
    assert_eq!(socket.wait_for_close().await, Some(frame), "the close frame is echoed");
}

#[tokio::test]
async fn subprotocol_cookies_and_origin_reach_the_backend() {
    let seen = Arc::default();
    let backend = echo(&seen).await;
    let (livers, _dir) = start([route("/ws", &backend)]).await;
    let socket = Socket::on(livers.port())
        .path("/ws")
        .origin("https://other.test")
        .header("Cookie", "session=1; theme=dark")
        .subprotocol("other, chat")
        .open()
        .await;
    assert_eq!(socket.subprotocol.as_deref(), Some("chat"), "chosen by the backend");
    let received = seen.lock().unwrap().pop().expect("a handshake");
    let table = [
        ("origin", "https://other.test"),
        ("cookie", "session=1; theme=dark"),
        ("sec-websocket-protocol", "other, chat"),
        ("host", &format!("localhost:{}", livers.port())),
        ("x-forwarded-for", "127.0.0.1"),
        ("via", "1.1 livers"),
    ];
    for (name, value) in table {
        assert_eq!(received[name], value, "{name} in {received:?}");
    }
    socket.close().await;
}

#[tokio::test]
async fn compression_is_negotiated_end_to_end() {
    const OFFER: &str = "permessage-deflate; client_max_window_bits";
    const CHOICE: &str = "permessage-deflate; server_no_context_takeover";
    // "Hello" compressed, from RFC 7692 section 7.2.3.1: masked, and not.
    const MASKED: &[u8] = b"\xc1\x87\0\0\0\0\xf2\x48\xcd\xc9\xc9\x07\0";
    const PLAIN: &[u8] = b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\0";
    let backend = Backend::start(|mut wire| async move {
        let received = wire.request().await.expect("a request");
        assert_eq!(received.headers.get_all("Sec-WebSocket-Extensions"), [OFFER]);
        // Some servers accept this spelling only.
        assert!(received.headers.0.contains(&(KEY.0.into(), KEY.1.into())), "{received:?}");
        let more = format!("Sec-WebSocket-Extensions: {CHOICE}\r\nSet-Cookie: seen=1\r\n\r\n");
        wire.send(ACCEPT.to_owned() + &more).await;
        assert_eq!(wire.exactly(MASKED.len()).await, MASKED);
        wire.send(PLAIN).await;
    })
    .await;
    let (livers, _dir) = start([route("/ws", &backend)]).await;
    let mut wire = Wire::open(livers.port()).await;
    wire.send(handshake(livers.port(), "/ws", &[("Sec-WebSocket-Extensions", OFFER)])).await;
    let response = wire.response(false).await;
    assert_eq!(response.status, 101);
    assert_eq!(response.headers.get_all("Sec-WebSocket-Extensions"), [CHOICE]);
    assert_eq!(response.header("Sec-WebSocket-Accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_eq!(response.headers.get_all("Set-Cookie"), ["seen=1"]);
    wire.send(MASKED).await;
    assert_eq!(wire.exactly(PLAIN.len()).await, PLAIN);
    assert_eq!(wire.some().await.expect("an orderly end"), b"");
}

#[tokio::test]
async fn bytes_sent_with_the_handshake_are_relayed() {
    let backend = Backend::start(|mut wire| async move {
        wire.request().await.expect("a request");
        wire.send(format!("{ACCEPT}\r\nfirst of the backend")).await;
        assert_eq!(wire.exactly(20).await, b"first of the browser");
    })
    .await;
    let (livers, _dir) = start([route("/ws", &backend)]).await;
    let mut wire = Wire::open(livers.port()).await;
    wire.send(handshake(livers.port(), "/ws", &[]) + "first of the browser").await;
    assert_eq!(wire.response(false).await.status, 101);
    assert_eq!(wire.exactly(20).await, b"first of the backend");
    assert_eq!(wire.some().await.expect("an orderly end"), b"");
}

#[tokio::test]
async fn half_closed_tunnel_carries_the_other_direction() {
    // One side sends "first half" and closes; the other responds after that.
    async fn closes_first(wire: Wire) {
        let mut stream = wire.into_stream();
        stream.write_all(b"first half").await.expect("send");
        stream.shutdown().await.expect("an end");
        let mut wire = Wire::over(stream);
        assert_eq!(wire.exactly(9).await, b"last half");
        assert_eq!(wire.some().await.expect("an orderly end"), b"");
    }
    async fn closes_second(mut wire: Wire) {
        assert_eq!(wire.exactly(10).await, b"first half");
        assert_eq!(wire.some().await.expect("an orderly end"), b"");
        wire.send("last half").await;
    }
    for browser_closes_first in [true, false] {
        let mut backend = Backend::start(move |mut wire| async move {
            wire.request().await.expect("a request");
            wire.send(format!("{ACCEPT}\r\n")).await;
            if browser_closes_first { closes_second(wire).await } else { closes_first(wire).await }
        })
        .await;
        let (livers, _dir) = start([route("/ws", &backend)]).await;
        let mut wire = Wire::open(livers.port()).await;
        wire.send(handshake(livers.port(), "/ws", &[])).await;
        wire.until(b"\r\n\r\n").await.expect("the 101");
        if browser_closes_first {
            closes_first(wire).await;
        } else {
            let mut first = Vec::new();
            while first.len() < 10 {
                first.extend(wire.exactly(10 - first.len()).await);
            }
            assert_eq!(first, b"first half");
            assert_eq!(wire.some().await.expect("an orderly end"), b"");
            wire.send("last half").await;
            drop(wire);
        }
        backend.stop().await;
    }
}

#[tokio::test]
async fn response_other_than_101_is_forwarded() {
    let table = [
        ("401 Unauthorized", "WWW-Authenticate: Basic realm=\"x\"\r\n", "who are you"),
        ("403 Forbidden", "Content-Type: text/plain\r\n", "not you"),
        ("426 Upgrade Required", "Upgrade: websocket\r\nConnection: Upgrade\r\n", "another"),
        ("200 OK", "Content-Type: text/plain\r\nSet-Cookie: a=b\r\n", "no socket here"),
    ];
    for (status, fields, body) in table {
        let backend = Backend::answering(http_response(status, fields, body)).await;
        let (livers, _dir) = start([route("/ws", &backend)]).await;
        let mut wire = Wire::open(livers.port()).await;
        wire.send(handshake(livers.port(), "/ws", &[])).await;
        let response = wire.response(false).await;
        assert!(
            response.complete && status.starts_with(&response.status.to_string()),
            "{status}: {response:?}"
        );
        assert_eq!(response.text(), body);
        for line in fields.lines() {
            let (name, value) = line.split_once(": ").expect("a field");
            assert_eq!(response.headers.get_all(name), [value], "{status}");
        }
        let refused = Socket::on(livers.port()).path("/ws").try_open().await;
        let refused = refused.err().expect("no socket");
        assert_eq!(refused.status, Some(response.status));
    }
}

#[tokio::test]
async fn broken_tunnel_does_not_affect_others() {
    let gate = Arc::new(Semaphore::new(0));
    let opened = Arc::clone(&gate);
    let dying = Backend::start(move |mut wire| {
        let gate = Arc::clone(&opened);
        async move {
            wire.request().await.expect("a request");
            // The header of a frame of 100 bytes, and three of its bytes.
            wire.send(format!("{ACCEPT}\r\n\u{1}\u{64}abc")).await;
            gate.acquire().await.expect("open").forget();
            wire.reset();
        }
    })
    .await;
    let living = echo(&Arc::default()).await;
    let (livers, _dir) = start([route("/dies", &dying), route("/lives", &living)]).await;
    let mut other = Socket::on(livers.port()).path("/lives").open().await;
    let mut wire = Wire::open(livers.port()).await;
    wire.send(handshake(livers.port(), "/dies", &[])).await;
    wire.until(b"\r\n\r\n").await.expect("the 101");
    assert_eq!(wire.exactly(5).await, b"\x01\x64abc", "the incomplete frame");
    gate.add_permits(1);
    assert!(wire.some().await.unwrap_or_default().is_empty(), "the end");
    other.send_text("still here").await;
    assert_eq!(other.next_message().await, Message::text("still here"));
    let line = livers.wait_for_line(|line| line.contains("/dies: ")).await;
    assert!(
        line.contains("the WebSocket was interrupted: the backend reset the connection"),
        "{line}"
    );
    assert_eq!(http::get(livers.port(), "/").await.status, 200);
}

#[tokio::test]
async fn hundred_concurrent_tunnels_are_independent() {
    let backend = echo(&Arc::default()).await;
    let (livers, _dir) = start([route("/ws", &backend)]).await;
    let sockets = (0..100).map(|_| Socket::on(livers.port()).path("/ws").open());
    let sockets = join_all(sockets).await;
    assert_eq!(backend.connections(), 100);
    let talks = sockets.into_iter().enumerate().map(async |(n, mut socket)| {
        for round in 0..20 {
            let text = format!("{n} in round {round} {}", "-".repeat(n * 100));
            socket.send_text(&text).await;
            assert_eq!(socket.next_message().await, Message::text(text));
        }
        socket.close().await;
    });
    within("a hundred conversations", join_all(talks)).await;
}
