//! Requests through the proxy: correct and faulty responses, and a backend that is stopped and
//! started.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use tokio::{
    sync::Mutex,
    task::JoinSet,
    time::{Instant, sleep, timeout, timeout_at},
};
use tokio_tungstenite::tungstenite::Message;

use crate::{
    backend::{PAGE, large},
    rng::Rng,
    support::{
        backend::Backend,
        http::{Wire, request_head},
        socket::Socket,
    },
    tally::Tally,
    world::World,
};

/// When a tab must have been notified that its backend is available again.
const LOST: Duration = Duration::from_secs(9);

/// Starts the tasks of this module. `backend` is behind `/d`.
pub(crate) fn start(world: &Arc<World>, tasks: &mut JoinSet<()>, backend: &Arc<Mutex<Backend>>) {
    let ms = Duration::from_millis;
    world.repeat(tasks, "backend, responses", ms(60), answers);
    world.repeat(tasks, "backend, bodies both ways", ms(150), bodies);
    world.repeat(tasks, "backend, streams", ms(400), streams);
    world.repeat(tasks, "backend, long polls", ms(300), polls);
    world.repeat(tasks, "backend, abandoned long polls", ms(500), abandoned_poll);
    for _ in 0..2 {
        world.repeat(tasks, "backend, WebSockets", ms(300), sockets);
    }
    world.repeat(tasks, "backend, faults", ms(100), faults);
    world.repeat(tasks, "backend, faults of upgrades", ms(200), upgrades);
    world.repeat(tasks, "backend, pages without a response", ms(3000), never);
    let backend = Arc::clone(backend);
    world.repeat(tasks, "backend, stopped and started", ms(4000), move |world, rng| {
        restarted(world, rng, Arc::clone(&backend))
    });
}

async fn answers(world: Arc<World>, _: Rng) {
    assert_eq!(world.get("/b/ok?a=b", &[]).await.text(), "ok");
    assert!(world.get("/b/large", &[]).await.body == large(), "wrong body");
    let page = world.get("/b/page", &[("Sec-Fetch-Dest", "document")]).await;
    let text = page.text();
    let at = text.find("<script").unwrap_or_else(|| panic!("no element in {text}"));
    let end = text.find("</script>").unwrap_or_else(|| panic!("{text}")) + "</script>".len();
    assert_eq!(format!("{}{}", &text[..at], &text[end..]), PAGE);
}

async fn bodies(world: Arc<World>, mut rng: Rng) {
    let length = *rng.pick(&[0, 1, 1000, 65_536, 400_000]);
    let body = rng.bytes(length);
    let fixed = world.ask("POST /b/echo", &[], &body).await.expect("a response");
    assert!(fixed.status == 200 && fixed.body == body, "wrong body of {length} bytes");
    let chunked = [("Transfer-Encoding", "chunked")];
    let mut raw = request_head(world.port, "PUT", "/b/echo", &chunked, 0).into_bytes();
    for part in body.chunks(7001) {
        raw.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
        raw.extend_from_slice(part);
        raw.extend_from_slice(b"\r\n");
    }
    raw.extend_from_slice(b"0\r\n\r\n");
    let mut wire = Wire::open(world.port).await;
    wire.send(raw).await;
    let response = wire.response(false).await;
    Tally::count(&world.tally.answers);
    assert!(response.body == body, "wrong chunked body of {length} bytes");
}

/// Server-Sent Events arrive one by one, until either side closes the stream.
async fn streams(world: Arc<World>, mut rng: Rng) {
    let mut wire = Wire::open(world.port).await;
    wire.send("GET /b/sse HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
    wire.until(b"\r\n\r\n").await.expect("a response");
    for number in 0..=rng.below(60) {
        let event = wire.until(b"\n\n").await.unwrap_or_else(|| panic!("no event {number}"));
        assert!(event.ends_with(&format!("data: {number}")), "{event}, not {number}");
    }
    Tally::count(&world.tally.answers);
}

async fn polls(world: Arc<World>, _: Rng) {
    let response = world.get("/b/poll", &[("Sec-Fetch-Dest", "empty")]).await;
    assert_eq!(response.text(), "news");
}

async fn abandoned_poll(world: Arc<World>, mut rng: Rng) {
    let mut wire = Wire::open(world.port).await;
    wire.send("GET /f/never HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Dest: empty\r\n\r\n").await;
    let timeout_after = rng.about(Duration::from_secs(3));
    assert!(timeout(timeout_after, wire.some()).await.is_err(), "a long poll ended");
    if rng.one_in(2) {
        wire.reset();
    }
}

async fn sockets(world: Arc<World>, mut rng: Rng) {
    let mut socket = Socket::on(world.port).path("/b/ws").open().await;
    for _ in 0..=rng.below(20) {
        let length = *rng.pick(&[0, 1, 125, 126, 5000, 70_000]);
        let message = Message::Binary(rng.bytes(length).into());
        socket.send(message.clone()).await;
        assert!(socket.next_message().await == message, "wrong message");
        Tally::count(&world.tally.answers);
        sleep(rng.about(Duration::from_millis(50))).await;
    }
    if rng.one_in(2) {
        socket.close().await;
    }
}

/// The client gets an error status, or an incomplete response that is recognizable as incomplete.
async fn faults(world: Arc<World>, mut rng: Rng) {
    let (path, status, whole) = *rng.pick(&[
        ("/r/refused", 502, true),
        ("/f/rst-head", 502, true),
        ("/f/rst-body", 200, false),
        ("/f/short", 200, false),
        ("/f/long", 200, true),
        ("/f/garbage", 502, true),
        ("/f/chunks", 200, false),
        ("/f/lengths", 502, true),
        ("/f/404", 404, true),
        ("/f/503", 503, true),
    ]);
    let fields = [("Sec-Fetch-Dest", "empty")];
    let response = world.ask(&format!("GET {path}"), &fields, b"").await;
    let response = response.unwrap_or_else(|| panic!("{path}: no response"));
    assert_eq!((response.status, response.complete), (status, whole), "{path}");
}

async fn upgrades(world: Arc<World>, mut rng: Rng) {
    let status = *rng.pick(&[200, 401, 426]);
    let refused = Socket::on(world.port).path(&format!("/f/up-{status}")).try_open().await;
    let refused = refused.err().expect("no WebSocket");
    assert_eq!(refused.status, Some(status), "{}", refused.why);
    let mut socket = Socket::on(world.port).path("/f/ws-rst").open().await;
    let broken = socket.next().await;
    assert!(!matches!(broken, Some(Ok(_))), "an incomplete frame was passed on: {broken:?}");
    Tally::count(&world.tally.answers);
}

async fn never(world: Arc<World>, _: Rng) {
    let fields = [("Sec-Fetch-Dest", "document"), ("Sec-Fetch-Mode", "navigate")];
    assert_eq!(world.get("/f/never", &fields).await.status, 504);
}

/// When the backend stops, tunnels end and requests get 502. When it is available again, the page
/// is notified.
async fn restarted(world: Arc<World>, mut rng: Rng, backend: Arc<Mutex<Backend>>) {
    assert_eq!(world.get("/d/ok", &[]).await.text(), "ok");
    let mut tab = Socket::on(world.port).subprotocol("livers").open().await;
    let connected = tab.next_json().await;
    tab.send_json(&json!({
        "type": "hello", "page": "/d/page", "uses": [],
        "boot": connected["boot"], "version": connected["version"],
    }))
    .await;
    let mut tunnel = Socket::on(world.port).path("/d/ws").open().await;
    tunnel.send_text("here").await;
    tunnel.next_message().await;
    backend.lock().await.stop().await;
    assert!(!matches!(tunnel.next().await, Some(Ok(Message::Text(_)))), "the tunnel is still open");
    let down = world.get("/d/ok", &[]).await;
    assert_eq!(down.status, 502, "the backend is down");
    sleep(rng.about(Duration::from_secs(1))).await;
    // The port may be in use by a client for a moment.
    loop {
        let backend = Arc::clone(&backend);
        let start = tokio::spawn(async move { backend.lock().await.start_again().await });
        if start.await.is_ok() {
            break;
        }
        sleep(Duration::from_millis(50)).await;
    }
    Tally::count(&world.tally.saves);
    let deadline = Instant::now() + LOST;
    let notified = async {
        loop {
            let Some(Ok(message)) = tab.next().await else { panic!("the socket ended") };
            if matches!(&message, Message::Text(text) if text.contains("\"/d/page\"")) {
                return;
            }
        }
    };
    if timeout_at(deadline, notified).await.is_err() {
        Tally::count(&world.tally.lost);
        panic!("no message that the backend is available again");
    }
    Tally::count(&world.tally.notified);
    assert_eq!(world.get("/d/ok", &[]).await.text(), "ok", "the backend is up");
}
