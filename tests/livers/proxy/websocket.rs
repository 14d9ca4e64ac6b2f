//! WebSockets, to a real server of them and to scripted bytes.

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

use super::{answer, front, route};
use crate::support::{
    backend::Backend,
    http::{self, Wire},
    socket::Socket,
    within,
};

/// What RFC 6455 has for an example, and the answer to it.
const KEY: (&str, &str) = ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
const ACCEPT: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
                      Connection: Upgrade\r\n\
                      Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";

/// The opening of a WebSocket as Chromium writes it, with more fields.
fn opening(port: u16, path: &str, more: &[(&str, &str)]) -> String {
    let usual =
        [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"), KEY];
    http::request_head(port, "GET", path, &[&usual, more].concat(), 0)
}

/// Sends back every message; takes the subprotocol `chat`.
async fn echo(seen: &Arc<Mutex<Vec<HeaderMap>>>) -> Backend {
    let seen = Arc::clone(seen);
    Backend::start(move |wire| {
        let seen = Arc::clone(&seen);
        async move {
            #[allow(clippy::result_large_err)]
            let look = |asked: &Request, mut answer: Response| {
                seen.lock().unwrap().push(asked.headers().clone());
                if asked.headers().contains_key("sec-websocket-protocol") {
                    let chat = "chat".parse().expect("a value");
                    answer.headers_mut().insert("sec-websocket-protocol", chat);
                }
                Ok::<_, ErrorResponse>(answer)
            };
            let mut socket = accept_hdr_async(wire.into_stream(), look).await.expect("a handshake");
            while let Some(Ok(message)) = socket.next().await {
                if matches!(message, Message::Text(_) | Message::Binary(_)) {
                    socket.send(message).await.expect("room to send");
                }
            }
        }
    })
    .await
}

#[tokio::test]
async fn messages_of_all_sizes_come_back_through_a_real_server() {
    let backend = echo(&Arc::default()).await;
    let (livers, _dir) = front([route("/ws", &backend)]).await;
    let mut socket = Socket::on(livers.port()).path("/ws/room?x=1").open().await;
    for length in [0, 1, 125, 126, 65_535, 65_536, 1 << 20, 8 << 20] {
        let bytes: Vec<u8> = (0..length).map(|n: u32| (n % 251).to_le_bytes()[0]).collect();
        let (text, bytes) = (Message::text("é".repeat(bytes.len() / 2)), Message::binary(bytes));
        for message in [text, bytes] {
            socket.send(message.clone()).await;
            assert!(socket.next_message().await == message, "{length}");
        }
    }
    socket.send(Message::Ping(Bytes::from_static(b"are you there"))).await;
    let pong = socket.next().await.expect("an answer").expect("a message");
    assert_eq!(pong, Message::Pong(Bytes::from_static(b"are you there")));

    let frame = CloseFrame { code: CloseCode::Library(4001), reason: "enough".into() };
    socket.send(Message::Close(Some(frame.clone()))).await;
    assert_eq!(socket.wait_for_close().await, Some(frame), "the close frame comes back");
}

#[tokio::test]
async fn subprotocol_cookies_and_a_foreign_origin_reach_the_backend() {
    let seen = Arc::default();
    let backend = echo(&seen).await;
    let (livers, _dir) = front([route("/ws", &backend)]).await;
    let socket = Socket::on(livers.port())
        .path("/ws")
        .origin("https://other.test")
        .header("Cookie", "session=1; theme=dark")
        .subprotocol("other, chat")
        .open()
        .await;
    assert_eq!(socket.subprotocol.as_deref(), Some("chat"), "the backend chose it");
    let asked = seen.lock().unwrap().pop().expect("a handshake");
    let table = [
        ("origin", "https://other.test"),
        ("cookie", "session=1; theme=dark"),
        ("sec-websocket-protocol", "other, chat"),
        ("host", &format!("localhost:{}", livers.port())),
        ("x-forwarded-for", "127.0.0.1"),
        ("via", "1.1 livers"),
    ];
    for (name, value) in table {
        assert_eq!(asked[name], value, "{name} in {asked:?}");
    }
    socket.close().await;
}

#[tokio::test]
async fn compression_is_between_the_browser_and_the_backend() {
    const OFFER: &str = "permessage-deflate; client_max_window_bits";
    const CHOICE: &str = "permessage-deflate; server_no_context_takeover";
    // "Hello" compressed, from RFC 7692 section 7.2.3.1: masked, and not.
    const MASKED: &[u8] = b"\xc1\x87\0\0\0\0\xf2\x48\xcd\xc9\xc9\x07\0";
    const PLAIN: &[u8] = b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\0";
    let backend = Backend::start(|mut wire| async move {
        let asked = wire.request().await.expect("a request");
        assert_eq!(asked.headers.get_all("Sec-WebSocket-Extensions"), [OFFER]);
        // A server written by hand looks for this spelling.
        assert!(asked.headers.0.contains(&(KEY.0.into(), KEY.1.into())), "{asked:?}");
        let more = format!("Sec-WebSocket-Extensions: {CHOICE}\r\nSet-Cookie: seen=1\r\n\r\n");
        wire.send(ACCEPT.to_owned() + &more).await;
        assert_eq!(wire.exactly(MASKED.len()).await, MASKED);
        wire.send(PLAIN).await;
    })
    .await;
    let (livers, _dir) = front([route("/ws", &backend)]).await;
    let mut wire = Wire::open(livers.port()).await;
    wire.send(opening(livers.port(), "/ws", &[("Sec-WebSocket-Extensions", OFFER)])).await;
    let got = wire.response(false).await;
    assert_eq!(got.status, 101);
    assert_eq!(got.headers.get_all("Sec-WebSocket-Extensions"), [CHOICE]);
    assert_eq!(got.header("Sec-WebSocket-Accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_eq!(got.headers.get_all("Set-Cookie"), ["seen=1"]);
    wire.send(MASKED).await;
    assert_eq!(wire.exactly(PLAIN.len()).await, PLAIN);
    assert_eq!(wire.some().await.expect("an end in order"), b"");
}

#[tokio::test]
async fn what_is_sent_with_the_handshake_is_not_lost() {
    let backend = Backend::start(|mut wire| async move {
        wire.request().await.expect("a request");
        wire.send(format!("{ACCEPT}\r\nfirst of the backend")).await;
        assert_eq!(wire.exactly(20).await, b"first of the browser");
    })
    .await;
    let (livers, _dir) = front([route("/ws", &backend)]).await;
    let mut wire = Wire::open(livers.port()).await;
    wire.send(opening(livers.port(), "/ws", &[]) + "first of the browser").await;
    assert_eq!(wire.response(false).await.status, 101);
    assert_eq!(wire.exactly(20).await, b"first of the backend");
    assert_eq!(wire.some().await.expect("an end in order"), b"");
}

#[tokio::test]
async fn either_side_may_end_first_and_hear_the_other_out() {
    // The side that ends sends "last words" and its end; the other one answers only then.
    async fn ends(wire: Wire) {
        let mut stream = wire.into_stream();
        stream.write_all(b"last words").await.expect("room");
        stream.shutdown().await.expect("an end");
        let mut wire = Wire::over(stream);
        assert_eq!(wire.exactly(9).await, b"and yours");
        assert_eq!(wire.some().await.expect("an end in order"), b"");
    }
    async fn answers(mut wire: Wire) {
        assert_eq!(wire.exactly(10).await, b"last words");
        assert_eq!(wire.some().await.expect("an end in order"), b"");
        wire.send("and yours").await;
    }
    for browser_ends in [true, false] {
        let mut backend = Backend::start(move |mut wire| async move {
            wire.request().await.expect("a request");
            wire.send(format!("{ACCEPT}\r\n")).await;
            if browser_ends { answers(wire).await } else { ends(wire).await }
        })
        .await;
        let (livers, _dir) = front([route("/ws", &backend)]).await;
        let mut wire = Wire::open(livers.port()).await;
        wire.send(opening(livers.port(), "/ws", &[])).await;
        wire.until(b"\r\n\r\n").await.expect("the 101");
        if browser_ends {
            ends(wire).await;
        } else {
            let mut first = Vec::new();
            while first.len() < 10 {
                first.extend(wire.exactly(10 - first.len()).await);
            }
            assert_eq!(first, b"last words");
            assert_eq!(wire.some().await.expect("an end in order"), b"");
            wire.send("and yours").await;
            drop(wire);
        }
        backend.stop().await;
    }
}

#[tokio::test]
async fn an_answer_that_is_no_101_is_the_browsers() {
    let table = [
        ("401 Unauthorized", "WWW-Authenticate: Basic realm=\"x\"\r\n", "who are you"),
        ("403 Forbidden", "Content-Type: text/plain\r\n", "not you"),
        ("426 Upgrade Required", "Upgrade: websocket\r\nConnection: Upgrade\r\n", "another"),
        ("200 OK", "Content-Type: text/plain\r\nSet-Cookie: a=b\r\n", "no socket here"),
    ];
    for (status, fields, body) in table {
        let backend = Backend::answering(answer(status, fields, body)).await;
        let (livers, _dir) = front([route("/ws", &backend)]).await;
        let mut wire = Wire::open(livers.port()).await;
        wire.send(opening(livers.port(), "/ws", &[])).await;
        let got = wire.response(false).await;
        assert!(got.complete && status.starts_with(&got.status.to_string()), "{status}: {got:?}");
        assert_eq!(got.text(), body);
        for line in fields.lines() {
            let (name, value) = line.split_once(": ").expect("a field");
            assert_eq!(got.headers.get_all(name), [value], "{status}");
        }
        let refused = Socket::on(livers.port()).path("/ws").try_open().await;
        let refused = refused.err().expect("no socket");
        assert_eq!(refused.status, Some(got.status));
    }
}

#[tokio::test]
async fn a_backend_that_dies_in_mid_frame_ends_its_own_tunnels_only() {
    let gate = Arc::new(Semaphore::new(0));
    let opened = Arc::clone(&gate);
    let dying = Backend::start(move |mut wire| {
        let gate = Arc::clone(&opened);
        async move {
            wire.request().await.expect("a request");
            // The head of a frame of 100 bytes, and three of them.
            wire.send(format!("{ACCEPT}\r\n\u{1}\u{64}abc")).await;
            gate.acquire().await.expect("open").forget();
            wire.reset();
        }
    })
    .await;
    let living = echo(&Arc::default()).await;
    let (livers, _dir) = front([route("/dies", &dying), route("/lives", &living)]).await;
    let mut other = Socket::on(livers.port()).path("/lives").open().await;
    let mut wire = Wire::open(livers.port()).await;
    wire.send(opening(livers.port(), "/dies", &[])).await;
    wire.until(b"\r\n\r\n").await.expect("the 101");
    assert_eq!(wire.exactly(5).await, b"\x01\x64abc", "the half of a frame that there is");
    gate.add_permits(1);
    assert!(wire.some().await.unwrap_or_default().is_empty(), "an end, in order or not");
    other.send_text("still here").await;
    assert_eq!(other.next_message().await, Message::text("still here"));
    let line = livers.wait_for_line(|line| line.contains("/dies: ")).await;
    assert!(line.contains("its WebSocket broke off: it reset the connection"), "{line}");
    assert_eq!(http::get(livers.port(), "/").await.status, 200);
}

#[tokio::test]
async fn a_hundred_tunnels_at_once_are_not_mixed_up() {
    let backend = echo(&Arc::default()).await;
    let (livers, _dir) = front([route("/ws", &backend)]).await;
    let sockets = (0..100).map(|_| Socket::on(livers.port()).path("/ws").open());
    let sockets = join_all(sockets).await;
    assert_eq!(backend.connections(), 100);
    let talks = sockets.into_iter().enumerate().map(async |(n, mut socket)| {
        for round in 0..20 {
            let said = format!("{n} in round {round} {}", "-".repeat(n * 100));
            socket.send_text(&said).await;
            assert_eq!(socket.next_message().await, Message::text(said));
        }
        socket.close().await;
    });
    within("a hundred conversations", join_all(talks)).await;
}
