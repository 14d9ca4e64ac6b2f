//! Reload sockets that open and close, use many files, do not read, or send invalid messages.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use tokio::{
    io::AsyncReadExt,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_tungstenite::tungstenite::Message;

use crate::{
    rng::Rng,
    support::{http::Wire, socket::Socket},
    tally::Tally,
    world::World,
};

/// Starts the tasks of this module.
pub(crate) fn start(world: &Arc<World>, tasks: &mut JoinSet<()>) {
    let ms = Duration::from_millis;
    for _ in 0..3 {
        world.repeat(tasks, "tabs opened and closed", ms(300), open_and_close);
    }
    world.repeat(tasks, "tabs that do not read", ms(1000), stuck);
    world.repeat(tasks, "tabs with invalid messages", ms(400), invalid);
    world.repeat(tasks, "event streams", ms(500), events);
    world.repeat(tasks, "sockets of other origins", ms(500), foreign);
}

/// Reads messages for a while.
async fn read_messages(socket: &mut Socket, time: Duration) {
    let all = async { while matches!(socket.next().await, Some(Ok(_))) {} };
    let _ = timeout(time, all).await;
}

async fn open_and_close(world: Arc<World>, mut rng: Rng) {
    let mut socket = Socket::on(world.port).subprotocol("livers").open().await;
    let connected = socket.next_json().await;
    assert_eq!(connected["type"], "connected");
    Tally::count(&world.tally.answers);
    // Paths that only this page uses, which livers must forget with it.
    let (number, count) = (world.number(), *rng.pick(&[0, 3, 30, 300, 3000]));
    let uses: Vec<_> = (0..count).map(|part| format!("/assets/{number}/{part}.js")).collect();
    let hello = json!({
        "type": "hello", "page": format!("/tab/{number}"), "uses": uses,
        "boot": connected["boot"], "version": connected["version"],
    });
    socket.send_json(&hello).await;
    if rng.one_in(2) {
        let drop = &uses[..uses.len() / 2];
        socket.send_json(&json!({"type": "uses", "add": ["/more.css"], "drop": drop})).await;
    }
    socket.send_json(&json!({"type": "applied", "version": 1, "how": "css", "ms": 3})).await;
    read_messages(&mut socket, rng.about(Duration::from_millis(1500))).await;
    if rng.one_in(3) {
        socket.close().await;
    }
}

/// Is notified of everything and reads nothing.
async fn stuck(world: Arc<World>, mut rng: Rng) {
    let socket = Socket::on(world.port).receive_buffer(2048).open().await;
    let wait = sleep(rng.about(Duration::from_secs(30)));
    tokio::select! { () = wait => {}, () = world.stop.cancelled() => {} }
    drop(socket);
}

async fn invalid(world: Arc<World>, mut rng: Rng) {
    let mut socket = Socket::on(world.port).subprotocol("livers").open().await;
    assert_eq!(socket.next_json().await["type"], "connected");
    Tally::count(&world.tally.answers);
    // Invalid messages are ignored.
    for text in ["", "{", "[1]", "{\"type\":\"later\"}", "{\"type\":\"hello\",\"page\":1}"] {
        socket.send_text(text).await;
    }
    let length = rng.below(2000);
    socket.send(Message::Binary(rng.bytes(length).into())).await;
    socket.send(Message::Ping(b"still there?".to_vec().into())).await;
    loop {
        match socket.next().await {
            Some(Ok(Message::Pong(_))) => break,
            Some(Ok(Message::Text(_))) => {}
            other => panic!("expected a pong, got {other:?}"),
        }
    }
    // A message that is too large closes the socket.
    if rng.one_in(2) {
        socket.send_text(&"a".repeat(200_000)).await;
        socket.send_text(&"b".repeat(300_000)).await;
        let ended = timeout(Duration::from_secs(20), socket.wait_for_close()).await;
        assert!(ended.is_ok(), "a message of 300 kB was accepted");
    }
}

async fn events(world: Arc<World>, mut rng: Rng) {
    let mut wire = Wire::open(world.port).await;
    wire.send("GET /__livers/events HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    let head = wire.until(b"\r\n\r\n").await.expect("a response");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let first = wire.until(b"\"connected\"").await;
    assert!(first.is_some(), "no first message");
    Tally::count(&world.tally.answers);
    let mut stream = wire;
    let all = async { while matches!(stream.some().await, Ok(some) if !some.is_empty()) {} };
    let _ = timeout(rng.about(Duration::from_secs(3)), all).await;
    if rng.one_in(2) {
        stream.reset();
    }
}

async fn foreign(world: Arc<World>, mut rng: Rng) {
    let origin = *rng.pick(&["http://evil.example", "null", "http://localhost:1"]);
    match Socket::on(world.port).origin(origin).try_open().await {
        Err(refused) => assert_eq!(refused.status, Some(403), "{origin}: {}", refused.why),
        Ok(_) => panic!("{origin} was accepted"),
    }
    // A client that aborts during the handshake or right after it.
    let mut wire = Wire::open(world.port).await;
    wire.send(
        "GET /__livers/socket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    )
    .await;
    if rng.one_in(2) {
        wire.reset();
    } else {
        let mut stream = wire.into_stream();
        let _ = stream.read(&mut [0; 100]).await;
    }
    Tally::count(&world.tally.answers);
}
