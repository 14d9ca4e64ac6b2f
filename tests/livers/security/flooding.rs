//! Denial of service: floods and oversized input do not delay other clients or exhaust memory.

use std::io;

use tokio_tungstenite::tungstenite::Message;

use crate::support::dir::TempDir;
use crate::support::http::{self, Wire};
use crate::support::server::Livers;
use crate::support::socket::Socket;
use crate::support::within;

/// How much the memory of the server may grow, MB.
const MAX_GROWTH: usize = 40;

/// Returns the resident memory of the server, MB.
fn memory(livers: &Livers) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", livers.id())).expect("status");
    let line = status.lines().find(|line| line.starts_with("VmRSS")).expect("the figure");
    line.split_whitespace().nth(1).expect("a number").parse::<usize>().expect("a number") / 1024
}

/// Asserts that another client is served and that the memory is within bounds.
async fn assert_healthy(livers: &Livers, before: usize, what: &str) {
    assert_eq!(http::get(livers.port(), "/").await.status, 200, "{what}");
    let now = memory(livers);
    assert!(now < before + MAX_GROWTH, "{what}: {before} MB became {now} MB");
}

#[tokio::test]
async fn incomplete_requests_and_idle_connections_delay_no_other_client() {
    let dir = TempDir::with_page("<p>");
    let livers = Livers::on(dir.path()).start().await;
    let before = memory(&livers);
    let mut open = Vec::new();
    for number in 0..600 {
        let mut wire = Wire::open(livers.port()).await;
        let begun = [
            "",
            "G",
            "GET / HTTP/1.1\r\nHost: ",
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\na",
            "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\na",
        ];
        wire.send(begun[number % begun.len()]).await;
        open.push(wire);
    }
    assert_healthy(&livers, before, "incomplete requests").await;
}

/// Starts a server that may open 120 descriptors, and so accepts 20 HTTP connections and 45
/// upgraded ones.
async fn start_small(dir: &TempDir) -> Livers {
    let limit = ["-c", "ulimit -n 120 && exec \"$0\" \"$@\""];
    Livers::on(dir.path()).under("sh", limit).start().await
}

/// Opens connections that send nothing, or an incomplete head.
async fn open_idle(port: u16, count: usize) -> Vec<Wire> {
    let mut open = Vec::new();
    for number in 0..count {
        let mut wire = Wire::open(port).await;
        let _ = wire.try_send(["", "G", "GET / HTTP/1.1\r\nHost: "][number % 3]).await;
        open.push(wire);
    }
    open
}

#[tokio::test]
async fn a_flood_of_idle_connections_evicts_idle_ones_and_no_busy_one() {
    const LARGE: usize = 8 << 20;
    let dir = TempDir::with_page("<p>");
    dir.write("large.bin", vec![b'a'; LARGE]);
    let livers = start_small(&dir).await;
    let port = livers.port();
    // Busy: a reload socket, a slow download, and an event stream.
    let mut tab = Socket::on(port).open().await;
    assert_eq!(tab.next_json().await["type"], "connected");
    let mut slow = Wire::open(port).await;
    slow.send("GET /large.bin HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    slow.until(b"\r\n\r\n").await.expect("a response");
    let mut events = Wire::open(port).await;
    events.send("GET /__livers/events HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    events.until(b"\"connected\"").await.expect("the first event");
    // Idle, after a response.
    let mut answered = Wire::open(port).await;
    answered.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert_eq!(answered.response(false).await.status, 200);

    let mut open = open_idle(port, 100).await;
    for _ in 0..10 {
        assert_eq!(http::get(port, "/").await.status, 200);
    }
    let closed = |end: io::Result<Vec<u8>>| end.map_or(true, |bytes| bytes.is_empty());
    assert!(closed(answered.some().await), "it was idle longest");
    assert!(closed(open[0].some().await), "the first of the flood");
    // The last one is not evicted, and is served.
    let last = open.last_mut().expect("a connection");
    last.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert_eq!(last.response(false).await.status, 200);
    dir.write("new.css", "a");
    assert_eq!(tab.next_json().await["changes"][0]["path"], "/new.css");
    events.until(b"/new.css").await.expect("the change");
    assert_eq!(slow.exactly(LARGE).await.len(), LARGE, "the slow download is complete");
}

#[tokio::test]
async fn a_new_connection_is_refused_with_503_while_all_are_busy() {
    let dir = TempDir::with_page("<p>");
    let livers = start_small(&dir).await;
    let port = livers.port();
    // Upgraded connections do not count.
    let mut sockets = Vec::new();
    for _ in 0..45 {
        sockets.push(Socket::on(port).open().await);
    }
    let mut streams = Vec::new();
    for _ in 0..20 {
        let mut wire = Wire::open(port).await;
        wire.send("GET /__livers/events HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        wire.until(b"\"connected\"").await.expect("the first event");
        streams.push(wire);
    }
    for _ in 0..3 {
        let refused = http::get(port, "/").await;
        assert_eq!(
            (refused.status, refused.text()),
            (503, "Busy: all 20 connections are in use.\n")
        );
    }
    livers.wait_for_line(|line| line.contains("all 20 connections are in use")).await;
    // A client that only ends its stream could still wait for events.
    streams.pop().expect("a stream").reset();
    let mut freed = http::get(port, "/").await;
    while freed.status == 503 {
        freed = http::get(port, "/").await;
    }
    assert_eq!(freed.status, 200);
}

#[tokio::test]
async fn a_websocket_is_refused_with_503_while_too_many_are_open() {
    let dir = TempDir::with_page("<p>");
    let livers = start_small(&dir).await;
    let port = livers.port();
    let mut sockets = Vec::new();
    for _ in 0..45 {
        sockets.push(Socket::on(port).open().await);
    }
    let refused = Socket::on(port).try_open().await.err().expect("refused");
    assert_eq!(refused.status, Some(503));
    assert_eq!(http::get(port, "/").await.status, 200, "other requests are served");
    sockets.pop().expect("a socket").close().await;
    Socket::on(port).open().await;
}

#[tokio::test]
async fn oversized_websocket_messages_close_only_their_own_socket() {
    let dir = TempDir::with_page("<p>");
    let livers = Livers::on(dir.path()).start().await;
    let port = livers.port();
    let before = memory(&livers);
    let mut other = Socket::on(port).open().await;
    assert_eq!(other.next_json().await["type"], "connected");

    // Header fields of a handshake: CVE-2021-32640 and CVE-2024-37890 of ws.
    let opening = |fields: &str| {
        format!(
            "GET /__livers/socket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{fields}\r\n"
        )
    };
    for (fields, status) in [
        ("X: y\r\n".repeat(2000), 431),
        (format!("Sec-WebSocket-Protocol: a{}b\r\n", " ".repeat(60_000)), 101),
        (format!("Sec-WebSocket-Extensions: permessage-deflate{}\r\n", ";a".repeat(9000)), 101),
        ("Sec-WebSocket-Extensions: constructor; __proto__=1\r\n".to_owned(), 101),
    ] {
        let mut wire = Wire::open(port).await;
        let _ = wire.try_send(opening(&fields)).await;
        let head = wire.until(b"\r\n\r\n").await.expect("a response");
        assert!(head.starts_with(&format!("HTTP/1.1 {status}")), "{head}");
        assert!(!head.to_ascii_lowercase().contains("sec-websocket-extensions"), "no compression");
    }

    // A frame with a huge length, and endless fragments.
    let masked = |first: u8, length: &[u8]| [&[first], length, &[0; 4]].concat();
    let huge = masked(0x81, &[0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    let part = [masked(0x01, &[0xfe, 0xff, 0xff]), vec![b'a'; 0xffff]].concat();
    let more = [masked(0x00, &[0xfe, 0xff, 0xff]), vec![b'a'; 0xffff]].concat();
    let tiny = [masked(0x00, &[0x81]), vec![b'a']].concat();
    let begin = [masked(0x01, &[0x81]), vec![b'a']].concat();
    let deflated = [masked(0xc1, &[0x84]), vec![0; 4]].concat();
    let bare = [&[0x81, 0x04][..], b"ping"].concat();
    for (what, first, again) in [
        ("a huge frame", huge, Vec::new()),
        ("endless fragments", part, more),
        ("endless tiny fragments", begin, tiny.repeat(10_000)),
        ("compression that was not negotiated", deflated, Vec::new()),
        ("a frame without a mask", bare, Vec::new()),
    ] {
        let mut wire = Wire::open(port).await;
        wire.send(opening("")).await;
        wire.until(b"\r\n\r\n").await.expect("a response");
        let ended = async {
            let mut sent = wire.try_send(first).await;
            while sent.is_ok() && !again.is_empty() {
                sent = wire.try_send(&again).await;
            }
            while matches!(wire.some().await, Ok(bytes) if !bytes.is_empty()) {}
        };
        within(what, ended).await;
        assert_healthy(&livers, before, what).await;
    }

    // Control frames and reports of used files are not kept; they would be 45 MB.
    let mut busy = Socket::on(port).subprotocol("livers").open().await;
    assert_eq!(busy.next_json().await["type"], "connected");
    let uses: Vec<_> = (0..4000).map(|number| format!("/{number}-{}", "a".repeat(40))).collect();
    busy.send_text(r#"{"type":"hello","page":"/","uses":[]}"#).await;
    for round in 0..200 {
        busy.send(Message::Ping(vec![b'a'; 125].into())).await;
        if round % 10 == 0 {
            busy.send_text(&serde_json::json!({"type":"uses","add":uses}).to_string()).await;
        } else {
            let long = format!("/{round}{}", "a".repeat(250_000));
            busy.send_text(&serde_json::json!({"type":"uses","add":[long]}).to_string()).await;
        }
        // On a busy machine, the server pings too.
        let mut next = busy.next().await;
        while matches!(next, Some(Ok(Message::Ping(_)))) {
            next = busy.next().await;
        }
        assert!(matches!(next, Some(Ok(Message::Pong(_)))), "round {round}: {next:?}");
    }
    assert_healthy(&livers, before, "pings").await;
    // The other socket received none of it.
    dir.write("new.css", "a");
    assert_eq!(other.next_json().await["changes"][0]["path"], "/new.css");
}

/// Any web page can make a browser request endless paths of this server.
#[tokio::test]
async fn endless_request_paths_are_not_kept() {
    let dir = TempDir::with_page("<p>");
    let livers = Livers::on(dir.path()).start().await;
    let before = memory(&livers);
    let mut wire = Wire::open(livers.port()).await;
    let long = "a".repeat(60_000);
    for number in 0..1200 {
        let (target, referrer) = if number % 2 == 0 { (&*long, "") } else { ("", &*long) };
        let target = if target.is_empty() { "/".to_owned() } else { format!("/{number}{target}") };
        wire.send(format!(
            "HEAD {target} HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Dest: image\r\n\
             Referer: http://localhost/{number}{referrer}\r\n\r\n"
        ))
        .await;
        let status = wire.response(true).await.status;
        assert_eq!(status, if target == "/" { 200 } else { 404 });
    }
    assert_healthy(&livers, before, "long names").await;
}
