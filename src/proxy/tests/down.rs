//! Backends that go away and come back: who waits, who is told, and who gives up.

use std::time::Duration;

use tokio::io::AsyncWriteExt;

use super::{Backend, Front, Options, all, expect, head, soon};
use crate::{event::Event, proxy::pool::REST};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

async fn patient(route: &str, wait: Duration) -> Front {
    Front::with_options(&[route], Options { wait, ..Options::default() }).await
}

#[tokio::test]
async fn requests_may_wait_for_a_restart() {
    let (down, address) = Backend::down();
    let mut front = patient(&format!("/={address}"), Duration::from_mins(1)).await;
    let mut waiting = Vec::new();
    for request in ["GET /1", "POST /2", "GET /3"] {
        let request = format!("{request} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        waiting.push(front.browser(&request).await);
    }
    assert!(matches!(front.event().await, Event::BackendDown { .. }), "said while they wait");
    // One of them gives up.
    drop(waiting.pop());
    let backend = Backend(down.listen(8).unwrap());
    // The probe comes first, and says nothing.
    let serving = async {
        let mut answered = 0;
        while answered < 2 {
            let mut socket = backend.accept().await;
            let mut first = [0];
            if soon(tokio::io::AsyncReadExt::read(&mut socket, &mut first)).await.unwrap_or(0) == 0
            {
                continue;
            }
            head(&mut socket).await;
            socket.write_all(OK.as_bytes()).await.unwrap();
            answered += 1;
        }
    };
    let reading = async {
        for browser in &mut waiting {
            let answer = all(browser).await;
            assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        }
    };
    tokio::join!(serving, reading);
    assert!(matches!(front.event().await, Event::BackendUp { .. }));
    front.quiet();
}

#[tokio::test]
async fn nobody_waits_for_longer_than_was_said() {
    let (_down, address) = Backend::down();
    let mut front = patient(&format!("/={address}"), Duration::from_millis(300)).await;
    let since = std::time::Instant::now();
    let answer = front.get("/", "").await;
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    assert!(since.elapsed() >= Duration::from_millis(300));
    assert!(matches!(front.event().await, Event::BackendDown { .. }));
    front.quiet();
    // Stopping waits for none of them.
    let mut front = patient(&format!("/={address}"), Duration::from_mins(10)).await;
    let mut browser = front.browser("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").await;
    assert!(matches!(front.event().await, Event::BackendDown { .. }));
    front.cancel.cancel();
    assert!(all(&mut browser).await.starts_with("HTTP/1.1 503 "));
    front.tasks.close();
    soon(front.tasks.wait()).await;
}

#[tokio::test]
async fn open_pages_are_told_of_a_restart_although_nobody_asks_for_anything() {
    let open = "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    let agree = "HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    for holds in ["a kept connection", "a socket", "an answer"] {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = socket.local_addr().unwrap();
        let backend = Backend(socket.listen(8).unwrap());
        let other = "/other=127.0.0.1:9".to_owned();
        let mut front = Front::with(&[&format!("/app={address}"), &other]).await;
        *front.pages.lock().unwrap() =
            ["/app/a%20b", "/app", "/other", "/"].map(str::to_owned).to_vec();
        let mut _browser = None;
        let held = match holds {
            "a kept connection" => {
                let held = tokio::join!(front.get("/app", ""), backend.answer_and_keep(OK)).1;
                // What ends at once is how some backends end each answer.
                tokio::time::sleep(REST).await;
                held
            }
            "a socket" => {
                let mut browser = front.browser(&open.replace("/ws", "/app/ws")).await;
                let socket = backend.answer_and_keep(agree).await;
                head(&mut browser).await;
                _browser = Some(browser);
                socket
            }
            _ => {
                let mut browser = front.browser("GET /app HTTP/1.1\r\nHost: h\r\n\r\n").await;
                let head_of = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfour";
                let socket = backend.answer_and_keep(head_of).await;
                head(&mut browser).await;
                expect(&mut browser, "four").await;
                _browser = Some(browser);
                socket
            }
        };
        // It ends, and with it all that it had open.
        drop(backend);
        drop(held);
        loop {
            match front.event().await {
                Event::BackendDown { .. } => break,
                Event::BackendFault { why, .. } if holds == "an answer" => {
                    assert!(why.starts_with("its answer broke off"), "{why}");
                }
                other => panic!("{holds}: {other:?}"),
            }
        }
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(address).unwrap();
        let _backend = Backend(socket.listen(8).unwrap());
        assert!(matches!(front.event().await, Event::BackendUp { .. }), "{holds}");
        let pages = soon(front.recovered.recv()).await.unwrap();
        let paths: Vec<_> = pages.iter().map(|(path, _)| path.to_owned()).collect();
        assert_eq!(paths, ["/app", "/app/a%20b"], "{holds}");
    }
}

#[tokio::test]
async fn an_end_that_means_nothing_is_not_told() {
    let (backend, address) = Backend::new().await;
    let mut front = Front::of(address).await;
    *front.pages.lock().unwrap() = vec!["/".to_owned()];
    let (_, socket) = tokio::join!(front.get("/", ""), backend.answer_and_keep(OK));
    tokio::time::sleep(REST).await;
    drop(socket);
    // Somebody has a look, and finds it there.
    let mut looked = backend.accept().await;
    super::ended(&mut looked).await;
    front.quiet();
    assert!(front.recovered.try_recv().is_err());
    // Nobody has one where no page is open, or where each answer ends like that.
    let (answer, _) = tokio::join!(front.get("/", ""), backend.answer(OK));
    assert!(answer.ends_with("ok"), "{answer}");
    front.pages.lock().unwrap().clear();
    let (_, socket) = tokio::join!(front.get("/", ""), backend.answer_and_keep(OK));
    tokio::time::sleep(REST).await;
    drop(socket);
    let (answer, asked) = tokio::join!(front.get("/next", ""), backend.answer(OK));
    assert!(answer.ends_with("ok") && asked.starts_with("GET /next "), "{asked}");
}

#[tokio::test]
async fn a_page_that_never_begins_is_given_up_and_nothing_else_is() {
    let (backend, address) = Backend::new().await;
    let timeout = Some(Duration::from_millis(200));
    let options = Options { timeout, ..Options::default() };
    let mut front = Front::with_options(&[&format!("/={address}")], options).await;
    let asking = "GET /poll HTTP/1.1\r\nHost: h\r\nSec-Fetch-Dest: empty\r\n\r\n";
    let mut polling = front.browser(asking).await;
    let (mut poll, _) = backend.asked().await;
    let silent = async {
        let (mut socket, _) = backend.asked().await;
        super::ended(&mut socket).await;
    };
    let (answer, ()) = tokio::join!(front.get("/page", "Sec-Fetch-Dest: document\r\n"), silent);
    assert!(answer.starts_with("HTTP/1.1 504 Gateway Timeout\r\n"), "{answer}");
    assert!(answer.contains("<h1>") && answer.contains("--proxy-timeout"), "{answer}");
    assert_eq!(front.fault().await, "none within 0.2 seconds");
    // The poll has waited for longer by now.
    poll.write_all(OK.as_bytes()).await.unwrap();
    assert!(head(&mut polling).await.starts_with("HTTP/1.1 200 "));
    // A page that has begun may take its time.
    let asking = "GET /slow HTTP/1.1\r\nHost: h\r\nSec-Fetch-Dest: image\r\n\r\n";
    let mut browser = front.browser(asking).await;
    head(&mut poll).await;
    poll.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no").await.unwrap();
    head(&mut browser).await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    poll.write_all(b"k").await.unwrap();
    expect(&mut browser, "ok").await;
    front.quiet();
}
