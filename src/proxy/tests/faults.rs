//! Backends that are down, break, or never answer.

use tokio::io::AsyncWriteExt;

use super::{Backend, Front, all, ended, expect, head, reset, soon};
use crate::event::Event;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const PAGE: &str = "Sec-Fetch-Dest: document\r\n";

#[tokio::test]
async fn a_backend_that_is_down_is_told_once_and_its_pages_come_alive() {
    let (down, address) = Backend::down();
    let mut front = Front::of(address).await;
    for request in 0..10 {
        let answer = front.get(&format!("/page%20{}?q", request % 2), PAGE).await;
        assert!(answer.starts_with("HTTP/1.1 502 Bad Gateway\r\n"), "{answer}");
        assert!(answer.contains(&format!("<h1>http://{address} cannot be reached")), "{answer}");
    }
    let answer = front.get("/data", "").await;
    let text = format!("\r\n\r\nhttp://{address} cannot be reached: connection refused\n");
    assert!(answer.contains("text/plain") && answer.ends_with(&text), "{answer}");
    let Event::BackendDown { backend, why } = front.event().await else { panic!("down first") };
    assert_eq!((backend, why.as_str()), (format!("http://{address}"), "connection refused"));
    front.quiet();

    let listener = down.listen(8).unwrap();
    assert!(matches!(front.event().await, Event::BackendUp { .. }));
    let pages = soon(front.recovered.recv()).await.unwrap();
    let paths: Vec<_> = pages.iter().map(|(path, _)| path.to_owned()).collect();
    assert_eq!(paths, ["/page%200", "/page%201"]);
    front.quiet();
    drop(listener);
    // With nobody listening on that port any more, it is news again.
    assert!(front.get("/", "").await.starts_with("HTTP/1.1 502"));
    assert!(matches!(front.event().await, Event::BackendDown { .. }));
}

#[tokio::test]
async fn a_request_that_succeeds_says_that_the_backend_is_up() {
    let (down, address) = Backend::down();
    // Two routes to one backend share what is known of it.
    let mut front = Front::with(&[&format!("/a={address}"), &format!("/b={address}/x")]).await;
    front.get("/a", "").await;
    front.get("/b", "").await;
    assert!(matches!(front.event().await, Event::BackendDown { .. }));
    front.quiet();
    let backend = Backend(down.listen(8).unwrap());
    let (answer, _) = tokio::join!(front.get("/b", ""), backend.answer(OK));
    assert!(answer.ends_with("ok"), "{answer}");
    assert!(matches!(front.event().await, Event::BackendUp { .. }));
    front.quiet();
    assert!(front.recovered.try_recv().is_err(), "no page waited");
}

#[tokio::test]
async fn an_upload_to_a_backend_that_is_down_gets_its_answer_too() {
    const SIZE: usize = 32 << 20;
    let (_down, address) = Backend::down();
    let front = Front::of(address).await;
    let mut browser = front
        .browser(&format!("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {SIZE}\r\n\r\n"))
        .await;
    // As some clients do, it sends everything before it reads anything.
    let chunk = vec![b'x'; 1 << 20];
    for _ in 0..SIZE >> 20 {
        soon(browser.write_all(&chunk)).await.unwrap();
    }
    assert!(head(&mut browser).await.starts_with("HTTP/1.1 502 "));
}

#[tokio::test]
async fn a_path_that_has_become_too_long_is_refused() {
    let (_down, address) = Backend::down();
    let mut front = Front::with(&[&format!("/={address}/{}", "b".repeat(1000))]).await;
    let answer = front.get(&format!("/{}", "x".repeat(65_000)), "").await;
    assert!(answer.starts_with("HTTP/1.1 414 "), "{answer}");
    front.quiet();
}

#[tokio::test]
async fn what_is_no_answer_is_a_502_and_an_event_for_each() {
    let (backend, address) = Backend::new().await;
    let mut front = Front::of(address).await;
    let long = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
    let table = [
        ("\x16\x03\x01 garbage\r\n\r\n", "what it sent is not HTTP"),
        ("HTTP/1.1 banana\r\n\r\n", "what it sent is not HTTP"),
        ("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "what it sent is not HTTP"),
        (&long, "its headers are too large"),
        ("", "it closed the connection"),
        ("HTTP/1.1 200 OK\r\nContent-", "it closed the connection"),
        (
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
            "it switched protocols without being asked",
        ),
    ];
    for (sent, expected) in table {
        let broken = async {
            let (mut socket, _) = backend.asked().await;
            // The connection may be given up before all of it is written.
            let _ = socket.write_all(sent.as_bytes()).await;
        };
        let (answer, ()) = tokio::join!(front.get("/x", ""), broken);
        assert!(answer.starts_with("HTTP/1.1 502 "), "{sent:.40}: {answer}");
        assert_eq!(front.fault().await, expected, "{sent:.40}");
        assert!(answer.contains(expected), "{answer}");
    }
    let broken = async {
        let (socket, _) = backend.asked().await;
        reset(socket);
    };
    let (answer, ()) = tokio::join!(front.get("/x", PAGE), broken);
    assert!(answer.starts_with("HTTP/1.1 502 ") && answer.contains("<h1>"), "{answer}");
    assert_eq!(front.fault().await, "it reset the connection");
    front.quiet();
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_seen_to_be_broken() {
    let (backend, address) = Backend::new().await;
    let mut front = Front::of(address).await;
    for (fields, part, resets) in [
        ("Content-Length: 9", "four", true),
        ("Content-Length: 9", "four", false),
        ("Transfer-Encoding: chunked", "4\r\nfour\r\n", true),
        ("Transfer-Encoding: chunked", "4\r\nfour\r\n", false),
        ("X-Until: close", "four", true),
        ("Transfer-Encoding: chunked", "4\r\nfour\r\nzz", false),
    ] {
        let mut browser = front.browser("GET /x HTTP/1.1\r\nHost: h\r\n\r\n").await;
        let (mut socket, _) = backend.asked().await;
        socket
            .write_all(format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n{part}").as_bytes())
            .await
            .unwrap();
        if !part.ends_with("zz") {
            head(&mut browser).await;
            let relayed = if fields.starts_with('C') { "four" } else { "4\r\nfour\r\n" };
            expect(&mut browser, relayed).await;
        }
        if resets {
            reset(socket);
        } else {
            drop(socket);
        }
        let rest = all(&mut browser).await;
        assert!(!rest.contains("0\r\n\r\n"), "{fields}: no end is made up: {rest:?}");
        let why = front.fault().await;
        assert!(why.starts_with("its answer broke off: "), "{fields}: {why}");
        front.quiet();
    }
}

#[tokio::test]
async fn a_backend_that_never_answers_holds_up_nobody_else() {
    let (silent, silent_address) = Backend::new().await;
    let (backend, address) = Backend::new().await;
    let front = Front::with(&[&format!("/silent={silent_address}"), &format!("/={address}")]).await;
    let mut waiting = Vec::new();
    for _ in 0..20 {
        let browser = front.browser("GET /silent HTTP/1.1\r\nHost: h\r\n\r\n").await;
        waiting.push((browser, silent.asked().await));
    }
    let (answer, _) = tokio::join!(front.get("/", ""), backend.answer(OK));
    assert!(answer.ends_with("ok"), "{answer}");
    // And it may still answer after all.
    for (browser, (socket, _)) in &mut waiting {
        socket.write_all(OK.as_bytes()).await.unwrap();
        head(browser).await;
        expect(browser, "ok").await;
    }
}

#[tokio::test]
async fn stopping_ends_everything_and_blames_no_backend() {
    let (backend, address) = Backend::new().await;
    let (_down, down_address) = Backend::down();
    let mut front = Front::with(&[&format!("/={address}"), &format!("/down={down_address}")]).await;
    // An answer in its middle, one that is waited for, and a probe.
    let mut streaming = front.browser("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    let (mut socket, _) = backend.asked().await;
    socket.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await.unwrap();
    head(&mut streaming).await;
    let mut waiting = front.browser("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").await;
    let (mut other, _) = backend.asked().await;
    front.get("/down", PAGE).await;
    assert!(matches!(front.event().await, Event::BackendDown { .. }));

    front.cancel.cancel();
    assert_eq!(all(&mut streaming).await, "");
    assert!(all(&mut waiting).await.starts_with("HTTP/1.1 503 "));
    ended(&mut socket).await;
    ended(&mut other).await;
    front.tasks.close();
    soon(front.tasks.wait()).await;
    front.quiet();
}

/// Other systems refuse what does not fit into the queue.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn stopping_does_not_wait_for_a_backend_that_cannot_be_reached() {
    use std::time::Duration;

    use tokio::{
        net::TcpStream,
        time::{sleep, timeout},
    };

    let (socket, address) = Backend::down();
    let _listener = socket.listen(1).unwrap();
    // Nobody accepts: when the queue is full, further connections are left without an answer.
    let mut queue = Vec::new();
    while let Ok(socket) = timeout(Duration::from_millis(300), TcpStream::connect(address)).await {
        queue.push(socket.unwrap());
        assert!(queue.len() < 100, "the queue is bounded");
    }
    let mut front = Front::of(address).await;
    let mut browser = front.browser("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").await;
    let stop = front.cancel.clone();
    tokio::spawn(async move {
        sleep(Duration::from_millis(100)).await;
        stop.cancel();
    });
    let answer = all(&mut browser).await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    front.quiet();
}
