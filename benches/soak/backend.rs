//! The backend: correct responses, and faults, each at its own path.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, handshake::derive_accept_key, protocol::Role},
};

use crate::support::http::{RequestHead, Wire};

/// How long an idle connection is kept open.
const IDLE: Duration = Duration::from_secs(8);

/// How many reads of 9 s may time out before livers closes a request that its client has abandoned.
const MAX_TIMEOUTS: usize = 5;

/// The length of the large response, in bytes.
const LARGE: usize = 1_000_000;

/// A page of the backend.
pub(crate) const PAGE: &str = "<!doctype html><title>backend</title><p>text";

/// Returns the body of the large response.
pub(crate) fn large() -> Vec<u8> {
    (0..=250_u8).cycle().take(LARGE).collect()
}

/// Answers requests until the connection ends.
pub(crate) async fn serve(mut wire: Wire) {
    while let Ok(Some(head)) = timeout(IDLE, wire.request()).await {
        match answer(wire, &head).await {
            Some(again) => wire = again,
            None => return,
        }
    }
}

/// Answers one request. Returns the connection if it can be reused.
async fn answer(mut wire: Wire, head: &RequestHead) -> Option<Wire> {
    let (_, path) = head.target.trim_start_matches('/').split_once('/')?;
    let path = path.split('?').next()?;
    let upgrade = head.headers.get("upgrade").is_some();
    if !upgrade {
        let (body, whole) = wire.request_body(head).await;
        if !whole {
            return None;
        }
        if path == "echo" {
            return fixed(wire, "application/octet-stream", &body).await;
        }
    }
    match path {
        "ok" => fixed(wire, "text/plain", b"ok").await,
        "page" => fixed(wire, "text/html; charset=utf-8", PAGE.as_bytes()).await,
        "large" => {
            wire.try_send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await.ok()?;
            for part in large().chunks(10_007) {
                let size = format!("{:x}\r\n", part.len());
                wire.try_send([size.as_bytes(), part, b"\r\n"].concat()).await.ok()?;
            }
            wire.try_send("0\r\nX-Trailer: yes\r\n\r\n").await.ok()?;
            Some(wire)
        }
        "sse" => events(wire).await,
        "poll" => {
            sleep(Duration::from_millis(1200)).await;
            fixed(wire, "text/plain", b"news").await
        }
        "ws" if upgrade => tunnel(wire, head).await,
        wrong => fault(wire, wrong, head).await,
    }
}

async fn fixed(mut wire: Wire, kind: &str, body: &[u8]) -> Option<Wire> {
    let head = format!("Content-Type: {kind}\r\nContent-Length: {}", body.len());
    let head = format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n");
    wire.try_send([head.as_bytes(), body].concat()).await.ok()?;
    Some(wire)
}

async fn events(mut wire: Wire) -> Option<Wire> {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
    wire.try_send(head).await.ok()?;
    for number in 0..60 {
        wire.try_send(format!("data: {number}\n\n")).await.ok()?;
        sleep(Duration::from_millis(50)).await;
    }
    None
}

/// Returns the head of a 101 response.
fn switching(head: &RequestHead) -> String {
    let key = head.headers.get("sec-websocket-key").unwrap_or_default();
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: {}\r\n\r\n",
        derive_accept_key(key.as_bytes())
    )
}

/// Echoes WebSocket messages.
async fn tunnel(mut wire: Wire, head: &RequestHead) -> Option<Wire> {
    wire.try_send(switching(head)).await.ok()?;
    let mut socket = WebSocketStream::from_raw_socket(wire.into_stream(), Role::Server, None).await;
    while let Some(Ok(message)) = socket.next().await {
        if matches!(message, Message::Text(_) | Message::Binary(_)) {
            socket.send(message).await.ok()?;
        }
    }
    None
}

/// Responds with a fault, or with a status.
async fn fault(mut wire: Wire, what: &str, head: &RequestHead) -> Option<Wire> {
    let ok = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\nhalf";
    match what {
        "never" => {
            for _ in 0..MAX_TIMEOUTS {
                match timeout(Duration::from_secs(9), wire.some()).await {
                    Ok(Ok(some)) if !some.is_empty() => {}
                    Ok(_) => return None,
                    Err(_) => {}
                }
            }
            panic!("livers keeps a request that its client has abandoned");
        }
        "rst-head" => {
            let _ = wire.try_send("HTTP/1.1 200 O").await;
            wire.reset();
        }
        "rst-body" => {
            wire.try_send(ok).await.ok()?;
            // A reset discards unsent bytes.
            sleep(Duration::from_millis(50)).await;
            wire.reset();
        }
        "short" => wire.try_send(ok).await.ok()?,
        "long" => {
            let more = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhalf and more";
            wire.try_send(more).await.ok()?;
        }
        "garbage" => wire.try_send("\x16\x03\x01 this is not HTTP\r\n\r\n").await.ok()?,
        "chunks" => {
            let bad = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n";
            wire.try_send(bad).await.ok()?;
        }
        "lengths" => {
            let two = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nhalf";
            wire.try_send(two).await.ok()?;
        }
        "ws-rst" => {
            wire.try_send(switching(head)).await.ok()?;
            // The beginning of a frame of 100 bytes.
            wire.try_send(b"\x82\x64half").await.ok()?;
            sleep(Duration::from_millis(50)).await;
            wire.reset();
        }
        status => {
            let status = status.trim_start_matches("up-");
            let answer = format!("HTTP/1.1 {status} No\r\nContent-Length: 2\r\n\r\nno");
            wire.try_send(answer).await.ok()?;
            return Some(wire);
        }
    }
    None
}
