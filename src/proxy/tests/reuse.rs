//! Connections that are used again, and those that must not be.

use std::time::Instant;

use tokio::{io::AsyncWriteExt, net::TcpStream};

use super::{Backend, Front, all, ended, expect, head, reset, soon};
use crate::{event::Event, proxy::pool::IDLE};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Answers the next request on a connection.
async fn again(socket: &mut TcpStream, answer: &str) -> String {
    let asked = head(socket).await;
    socket.write_all(answer.as_bytes()).await.unwrap();
    asked
}

#[tokio::test]
async fn requests_that_may_be_sent_twice_share_a_connection() {
    let (backend, address) = Backend::new().await;
    let mut front = Front::of(address).await;
    let (answer, mut socket) = tokio::join!(front.get("/0", ""), backend.answer_and_keep(OK));
    assert!(answer.ends_with("ok"), "{answer}");
    let table = [
        ("GET", "200 OK\r\nContent-Length: 2\r\n\r\nok", true),
        ("GET", "200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", true),
        ("HEAD", "200 OK\r\nContent-Length: 2\r\n\r\n", true),
        ("PUT", "204 No Content\r\n\r\n", true),
        ("GET", "304 Not Modified\r\n\r\n", true),
        ("OPTIONS", "200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", false),
    ];
    for (method, answer, kept) in table {
        let request = format!("{method} /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        let mut browser = front.browser(&request).await;
        let asked = again(&mut socket, &format!("HTTP/1.1 {answer}")).await;
        assert!(asked.starts_with(&format!("{method} /x HTTP/1.1\r\n")), "{asked}");
        assert!(!asked.to_lowercase().contains("connection:"), "{asked}");
        all(&mut browser).await;
        if !kept {
            ended(&mut socket).await;
        }
    }
    front.quiet();
}

#[tokio::test]
async fn what_may_not_be_sent_twice_has_a_connection_of_its_own() {
    let (backend, address) = Backend::new().await;
    let front = Front::of(address).await;
    for request in [
        "POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        "PUT / HTTP/1.1\r\n\
         Host: h\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx",
    ] {
        let (_, mut idle) = tokio::join!(front.get("/", ""), backend.answer_and_keep(OK));
        let mut browser = front.browser(request).await;
        let (mut socket, _) = backend.asked().await;
        // The one in whose place it came.
        ended(&mut idle).await;
        socket.write_all(OK.as_bytes()).await.unwrap();
        assert!(all(&mut browser).await.ends_with("ok"));
        // And it is kept in its turn, for those who may have it.
        let (answer, _) = tokio::join!(front.get("/", ""), async {
            if request.ends_with('x') {
                expect(&mut socket, "x").await;
            }
            again(&mut socket, OK).await
        });
        assert!(answer.ends_with("ok"), "{answer}");
    }
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_costs_nobody_an_answer() {
    let (backend, address) = Backend::new().await;
    let mut front = Front::of(address).await;
    for ends in ["in order", "by a reset", "when it is asked", "with half an answer"] {
        let (_, mut socket) = tokio::join!(front.get("/", ""), backend.answer_and_keep(OK));
        match ends {
            "in order" => drop(socket),
            "by a reset" => reset(socket),
            // It was on its way already: the request is sent again, once.
            _ => {
                let ending = async {
                    head(&mut socket).await;
                    if ends.starts_with("with") {
                        socket.write_all(b"HTTP/1.1 200 O").await.unwrap();
                    }
                    drop(socket);
                    backend.answer(OK).await
                };
                let (answer, asked) = tokio::join!(front.get("/again?x", ""), ending);
                assert!(answer.ends_with("ok"), "{ends}: {answer}");
                assert!(asked.starts_with("GET /again?x HTTP/1.1\r\n"), "{ends}: {asked}");
                continue;
            }
        }
        let (answer, _) = tokio::join!(front.get("/", ""), backend.answer(OK));
        assert!(answer.ends_with("ok"), "{ends}: {answer}");
    }
    // On a new one there is no second try.
    let closing = async {
        let (socket, _) = backend.asked().await;
        drop(socket);
    };
    let (answer, ()) = tokio::join!(front.get("/", ""), closing);
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    assert_eq!(front.fault().await, "it closed the connection");
    front.quiet();
}

#[tokio::test]
async fn what_is_said_on_a_quiet_connection_is_no_answer() {
    let (backend, address) = Backend::new().await;
    let mut front = Front::of(address).await;
    let (_, mut socket) = tokio::join!(front.get("/", ""), backend.answer_and_keep(OK));
    // As servers do that grow tired of an idle connection, and as nobody should.
    socket.write_all(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    ended(&mut socket).await;
    let (answer, _) = tokio::join!(front.get("/", ""), backend.answer(OK));
    assert!(answer.ends_with("ok"), "{answer}");
    front.quiet();
}

#[tokio::test]
async fn a_backend_that_serves_one_connection_at_a_time_is_not_held_up() {
    let (backend, address) = Backend::new().await;
    let front = Front::of(address).await;
    // Two requests at once; the second connection is looked at when the first has ended.
    let mut first = front.browser("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n").await;
    let (mut socket, _) = backend.asked().await;
    let mut second = front.browser("GET /2 HTTP/1.1\r\nHost: h\r\n\r\n").await;
    let waiting = backend.accept().await;
    socket.write_all(OK.as_bytes()).await.unwrap();
    head(&mut first).await;
    expect(&mut first, "ok").await;
    let since = Instant::now();
    ended(&mut socket).await;
    assert!(since.elapsed() < IDLE, "for the one that waits, not for its age");
    let mut socket = waiting;
    again(&mut socket, OK).await;
    head(&mut second).await;
    expect(&mut second, "ok").await;
}

#[tokio::test]
async fn an_idle_connection_is_closed_before_long_and_when_livers_stops() {
    let (backend, address) = Backend::new().await;
    let mut front = Front::of(address).await;
    let (_, mut socket) = tokio::join!(front.get("/", ""), backend.answer_and_keep(OK));
    ended(&mut socket).await;
    let (_, mut socket) = tokio::join!(front.get("/", ""), backend.answer_and_keep(OK));
    front.cancel.cancel();
    ended(&mut socket).await;
    front.tasks.close();
    soon(front.tasks.wait()).await;
    assert!(!matches!(front.events.try_recv(), Ok(Event::BackendDown { .. })));
}
