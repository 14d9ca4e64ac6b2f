//! Who asks for what a backend answers, well or badly, and for what is behind one that comes and goes.

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
    chance::Chance,
    support::{
        backend::Backend,
        http::{Wire, request_head},
        socket::Socket,
    },
    tally::Tally,
    world::World,
};

/// By when a tab is told that its backend is back.
const LOST: Duration = Duration::from_secs(9);

/// Starts them. The backend is the one behind `/d`.
pub(crate) fn start(world: &Arc<World>, tasks: &mut JoinSet<()>, backend: &Arc<Mutex<Backend>>) {
    let ms = Duration::from_millis;
    world.keep_doing(tasks, "backend, answers", ms(60), answers);
    world.keep_doing(tasks, "backend, bodies both ways", ms(150), bodies);
    world.keep_doing(tasks, "backend, streams", ms(400), streams);
    world.keep_doing(tasks, "backend, long polls", ms(300), polls);
    world.keep_doing(tasks, "backend, long polls given up", ms(500), given_up);
    for _ in 0..2 {
        world.keep_doing(tasks, "backend, WebSockets", ms(300), sockets);
    }
    world.keep_doing(tasks, "backend, faults", ms(100), faults);
    world.keep_doing(tasks, "backend, faults of upgrades", ms(200), upgrades);
    world.keep_doing(tasks, "backend, never answering a page", ms(3000), never);
    let backend = Arc::clone(backend);
    world.keep_doing(tasks, "backend, killed and back", ms(4000), move |world, chance| {
        killed(world, chance, Arc::clone(&backend))
    });
}

async fn answers(world: Arc<World>, _: Chance) {
    assert_eq!(world.get("/b/ok?a=b", &[]).await.text(), "ok");
    assert!(world.get("/b/large", &[]).await.body == large(), "other bytes");
    let page = world.get("/b/page", &[("Sec-Fetch-Dest", "document")]).await;
    let text = page.text();
    let at = text.find("<script").unwrap_or_else(|| panic!("no element in {text}"));
    let end = text.find("</script>").unwrap_or_else(|| panic!("{text}")) + "</script>".len();
    assert_eq!(format!("{}{}", &text[..at], &text[end..]), PAGE);
}

async fn bodies(world: Arc<World>, mut chance: Chance) {
    let length = *chance.pick(&[0, 1, 1000, 65_536, 400_000]);
    let body = chance.bytes(length);
    let fixed = world.ask("POST /b/echo", &[], &body).await.expect("an answer");
    assert!(fixed.status == 200 && fixed.body == body, "other bytes of {length}");
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
    assert!(response.body == body, "other bytes of {length} in chunks");
}

/// Server-Sent Events: as they come, until either side has enough.
async fn streams(world: Arc<World>, mut chance: Chance) {
    let mut wire = Wire::open(world.port).await;
    wire.send("GET /b/sse HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
    wire.until(b"\r\n\r\n").await.expect("an answer");
    for number in 0..=chance.below(60) {
        let event = wire.until(b"\n\n").await.unwrap_or_else(|| panic!("no event {number}"));
        assert!(event.ends_with(&format!("data: {number}")), "{event}, not {number}");
    }
    Tally::count(&world.tally.answers);
}

async fn polls(world: Arc<World>, _: Chance) {
    let response = world.get("/b/poll", &[("Sec-Fetch-Dest", "empty")]).await;
    assert_eq!(response.text(), "news");
}

async fn given_up(world: Arc<World>, mut chance: Chance) {
    let mut wire = Wire::open(world.port).await;
    wire.send("GET /f/never HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Dest: empty\r\n\r\n").await;
    let patience = chance.about(Duration::from_secs(3));
    assert!(timeout(patience, wire.some()).await.is_err(), "a long poll is cut off");
    if chance.one_in(2) {
        wire.reset();
    }
}

async fn sockets(world: Arc<World>, mut chance: Chance) {
    let mut socket = Socket::on(world.port).path("/b/ws").open().await;
    for _ in 0..=chance.below(20) {
        let length = *chance.pick(&[0, 1, 125, 126, 5000, 70_000]);
        let message = Message::Binary(chance.bytes(length).into());
        socket.send(message.clone()).await;
        assert!(socket.next_message().await == message, "another message");
        Tally::count(&world.tally.answers);
        sleep(chance.about(Duration::from_millis(50))).await;
    }
    if chance.one_in(2) {
        socket.close().await;
    }
}

/// The browser gets a true status, or sees that the answer broke off.
async fn faults(world: Arc<World>, mut chance: Chance) {
    let (path, status, whole) = *chance.pick(&[
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
    let response = response.unwrap_or_else(|| panic!("{path}: no answer"));
    assert_eq!((response.status, response.complete), (status, whole), "{path}");
}

async fn upgrades(world: Arc<World>, mut chance: Chance) {
    let status = *chance.pick(&[200, 401, 426]);
    let refused = Socket::on(world.port).path(&format!("/f/up-{status}")).try_open().await;
    let refused = refused.err().expect("no WebSocket");
    assert_eq!(refused.status, Some(status), "{}", refused.why);
    let mut socket = Socket::on(world.port).path("/f/ws-rst").open().await;
    let broken = socket.next().await;
    assert!(!matches!(broken, Some(Ok(_))), "half a frame was {broken:?}");
    Tally::count(&world.tally.answers);
}

async fn never(world: Arc<World>, _: Chance) {
    let fields = [("Sec-Fetch-Dest", "document"), ("Sec-Fetch-Mode", "navigate")];
    assert_eq!(world.get("/f/never", &fields).await.status, 504);
}

/// What is open breaks off; who asks is told; and the page is told when it is back, once.
async fn killed(world: Arc<World>, mut chance: Chance, backend: Arc<Mutex<Backend>>) {
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
    assert!(!matches!(tunnel.next().await, Some(Ok(Message::Text(_)))), "a tunnel to nowhere");
    let down = world.get("/d/ok", &[]).await;
    assert_eq!(down.status, 502, "it is down");
    sleep(chance.about(Duration::from_secs(1))).await;
    // Its port may be some client's for a moment.
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
    let told = async {
        loop {
            let Some(Ok(message)) = tab.next().await else { panic!("the socket ended") };
            if matches!(&message, Message::Text(text) if text.contains("\"/d/page\"")) {
                return;
            }
        }
    };
    if timeout_at(deadline, told).await.is_err() {
        Tally::count(&world.tally.lost);
        panic!("nobody said that the backend is back");
    }
    Tally::count(&world.tally.told);
    assert_eq!(world.get("/d/ok", &[]).await.text(), "ok", "it is back");
}
