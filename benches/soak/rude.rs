//! Who is slow, breaks off, or never comes to the point.

use std::{sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{chance::Chance, folder::LARGE, tally::Tally, world::World};

/// By when a connection without a request is to be closed: livers does so after 30 seconds.
const IDLE: Duration = Duration::from_secs(50);

/// Starts them.
pub(crate) fn start(world: &Arc<World>, tasks: &mut JoinSet<()>) {
    let ms = Duration::from_millis;
    world.keep_doing(tasks, "slow readers", ms(500), slow_reader);
    world.keep_doing(tasks, "slow readers, the second", ms(500), slow_reader);
    world.keep_doing(tasks, "clients that break off", ms(200), breaking_off);
    world.keep_doing(tasks, "half requests", ms(150), half);
    for _ in 0..6 {
        world.keep_doing(tasks, "idle until they are closed", ms(500), idle);
    }
}

async fn connect(world: &World, room: u32) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(room).expect("a buffer of this size");
    socket.connect(([127, 0, 0, 1], world.port).into()).await.expect("a connection")
}

/// Takes a file in small steps, all of it or until it loses interest; what came is right.
async fn slow_reader(world: Arc<World>, mut chance: Chance) {
    let mut stream = connect(&world, 4096).await;
    let head = b"GET /files/large.bin HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(head).await.expect("room to send");
    let (whole, step) = (chance.one_in(3), chance.about(Duration::from_millis(30)));
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
    assert!(world.files.large.starts_with(&got[body..]), "other bytes");
    assert!(!whole || got.len() - body == LARGE, "only {} bytes", got.len() - body);
}

async fn breaking_off(world: Arc<World>, mut chance: Chance) {
    let mut stream = connect(&world, 4096).await;
    let path = *chance.pick(&["/files/large.bin", "/files/8.css", "/", "/b/large", "/m/app.ts"]);
    let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    stream.write_all(head.as_bytes()).await.expect("room to send");
    let mut some = vec![0; chance.below(20_000)];
    let _ = timeout(Duration::from_millis(200), stream.read(&mut some)).await;
    if chance.one_in(2) {
        let _ = stream.set_zero_linger();
    }
}

/// Begins a request and goes.
async fn half(world: Arc<World>, mut chance: Chance) {
    let mut stream = connect(&world, 4096).await;
    let begun = *chance.pick(&[
        "G",
        "GET / HTTP/1.1\r\nHost: ",
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\na",
        "POST /b/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\na",
        "POST /b/echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\na",
    ]);
    stream.write_all(begun.as_bytes()).await.expect("room to send");
    sleep(chance.about(Duration::from_secs(1))).await;
    if chance.one_in(2) {
        let _ = stream.set_zero_linger();
    }
}

/// Sends a half request, or one, or none, and waits until livers has had enough.
async fn idle(world: Arc<World>, mut chance: Chance) {
    let mut stream = connect(&world, 65_536).await;
    let begun =
        *chance.pick(&["", "GET / HT", "GET /style.css HTTP/1.1\r\nHost: localhost\r\n\r\n"]);
    stream.write_all(begun.as_bytes()).await.expect("room to send");
    let mut got = Vec::new();
    let end = async {
        let _ = stream.read_to_end(&mut got).await;
    };
    tokio::select! {
        ended = timeout(IDLE, end) => assert!(ended.is_ok(), "{begun:?} is open after {IDLE:?}"),
        () = world.stop.cancelled() => {}
    }
}
