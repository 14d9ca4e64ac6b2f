//! Clients that are slow, abort, or never send a complete request.

use std::{sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{folder::LARGE, rng::Rng, tally::Tally, world::World};

/// When an idle connection must have been closed. livers closes it after 30 seconds.
const IDLE: Duration = Duration::from_secs(50);

/// Starts the tasks of this module.
pub(crate) fn start(world: &Arc<World>, tasks: &mut JoinSet<()>) {
    let ms = Duration::from_millis;
    world.repeat(tasks, "slow readers", ms(500), slow_reader);
    world.repeat(tasks, "slow readers, second", ms(500), slow_reader);
    world.repeat(tasks, "aborting clients", ms(200), abort);
    world.repeat(tasks, "incomplete requests", ms(150), incomplete);
    for _ in 0..6 {
        world.repeat(tasks, "idle connections", ms(500), idle);
    }
}

async fn connect(world: &World, receive_buffer: u32) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(receive_buffer).expect("a buffer of this size");
    socket.connect(([127, 0, 0, 1], world.port).into()).await.expect("a connection")
}

/// Reads a file in small steps, completely or in part, and compares what it received.
async fn slow_reader(world: Arc<World>, mut rng: Rng) {
    let mut stream = connect(&world, 4096).await;
    let head = b"GET /files/large.bin HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(head).await.expect("buffer space for sending");
    let (whole, step) = (rng.one_in(3), rng.about(Duration::from_millis(30)));
    let mut got = Vec::new();
    let mut part = vec![0; if whole { 128 * 1024 } else { 2000 }];
    for _ in 0..if whole { 10_000 } else { 150 } {
        sleep(step).await;
        let read = timeout(IDLE, stream.read(&mut part)).await.expect("bytes").expect("bytes");
        got.extend_from_slice(&part[..read]);
        if read == 0 {
            break;
        }
    }
    Tally::count(&world.tally.answers);
    let body = got.windows(4).position(|end| end == b"\r\n\r\n").expect("a head") + 4;
    assert!(world.files.large.starts_with(&got[body..]), "wrong body");
    assert!(!whole || got.len() - body == LARGE, "only {} bytes", got.len() - body);
}

async fn abort(world: Arc<World>, mut rng: Rng) {
    let mut stream = connect(&world, 4096).await;
    let path = *rng.pick(&["/files/large.bin", "/files/8.css", "/", "/b/large", "/m/app.ts"]);
    let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    stream.write_all(head.as_bytes()).await.expect("buffer space for sending");
    let mut some = vec![0; rng.below(20_000)];
    let _ = timeout(Duration::from_millis(200), stream.read(&mut some)).await;
    if rng.one_in(2) {
        let _ = stream.set_zero_linger();
    }
}

/// Sends a part of a request and closes the connection.
async fn incomplete(world: Arc<World>, mut rng: Rng) {
    let mut stream = connect(&world, 4096).await;
    let begun = *rng.pick(&[
        "G",
        "GET / HTTP/1.1\r\nHost: ",
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\na",
        "POST /b/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\na",
        "POST /b/echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\na",
    ]);
    stream.write_all(begun.as_bytes()).await.expect("buffer space for sending");
    sleep(rng.about(Duration::from_secs(1))).await;
    if rng.one_in(2) {
        let _ = stream.set_zero_linger();
    }
}

/// Sends part of a request, one request or nothing, and waits until livers closes the connection.
async fn idle(world: Arc<World>, mut rng: Rng) {
    let mut stream = connect(&world, 65_536).await;
    let begun = *rng.pick(&["", "GET / HT", "GET /style.css HTTP/1.1\r\nHost: localhost\r\n\r\n"]);
    stream.write_all(begun.as_bytes()).await.expect("buffer space for sending");
    let mut got = Vec::new();
    let end = async {
        let _ = stream.read_to_end(&mut got).await;
    };
    tokio::select! {
        ended = timeout(IDLE, end) => assert!(ended.is_ok(), "{begun:?} is open after {IDLE:?}"),
        () = world.stop.cancelled() => {}
    }
}
