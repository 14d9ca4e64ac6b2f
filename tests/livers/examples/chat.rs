//! The backend of the chat, over real sockets. Its pages need React, and so npm: they are not here.

use serde_json::json;
use tokio_tungstenite::tungstenite::{Message, protocol::frame::coding::CloseCode};

use super::Example;
use crate::support::{
    dir::TempDir,
    http::{Wire, get, request_head, send},
    server::Livers,
    socket::Socket,
    within,
};

async fn join(port: u16) -> Socket {
    Socket::on(port).path("/ws").open().await
}

#[tokio::test]
async fn what_one_says_all_the_others_hear() {
    let example = Example::start("chat").await;
    let dir = TempDir::with_page("<title>the pages</title>");
    let route = format!("/ws=localhost:{}", example.port);
    let livers = Livers::on(dir.path()).arg("--proxy").arg(route).start().await;
    // Two come through livers, as the pages do.
    let mut ada = Socket::on(livers.port()).path("/ws").open().await;
    let mut bob = Socket::on(livers.port()).path("/ws").open().await;
    let mut eve = join(example.port).await;
    let said = json!({ "name": "Ada", "msg": "<img src=x onerror=alert(1)> \u{e9}" });
    ada.send_json(&said).await;
    assert_eq!(bob.next_json().await, said);
    assert_eq!(eve.next_json().await, said);
    bob.send(Message::binary(b"\xff\x00 as it is".as_slice())).await;
    let heard = Message::binary(b"\xff\x00 as it is".as_slice());
    assert_eq!(ada.next_message().await, heard, "and nothing of her own");
    assert_eq!(eve.next_message().await, heard);
    eve.close().await;
    ada.send_text("still here").await;
    assert_eq!(bob.next_message().await, Message::text("still here"));
}

#[tokio::test]
async fn who_does_not_answer_a_ping_is_dropped() {
    let example = Example::start_with("chat", &["50"]).await;
    let mut wire = Wire::open(example.port).await;
    let fields = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    wire.send(request_head(example.port, "GET", "/ws", &fields, 0)).await;
    let response = wire.response(false).await;
    assert_eq!(response.status, 101);
    assert_eq!(response.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_eq!(wire.exactly(3).await, [0x89, 0], "one ping, and the end");
}

#[tokio::test]
async fn who_answers_stays() {
    let example = Example::start_with("chat", &["2000"]).await;
    let mut ada = join(example.port).await;
    for _ in 0..2 {
        let ping = ada.next().await.expect("no end").expect("no error");
        assert!(ping.is_ping(), "{ping:?}");
    }
    let mut bob = join(example.port).await;
    ada.send_text("here").await;
    assert_eq!(bob.next_message().await, Message::text("here"));
}

#[tokio::test]
async fn who_does_not_read_is_dropped_and_costs_the_others_nothing() {
    let example = Example::start("chat").await;
    let (mut ada, mut bob) = (join(example.port).await, join(example.port).await);
    let mut deaf = Socket::on(example.port).path("/ws").receive_buffer(4096).open().await;
    let long = Message::binary(vec![7; 60_000]);
    // More than its mailbox and the system's buffers hold.
    for _ in 0..600 {
        ada.send(long.clone()).await;
        assert_eq!(bob.next_message().await, long);
    }
    let end = deaf.wait_for_close().await;
    assert!(end.as_ref().is_none_or(|frame| frame.code == CloseCode::Policy), "{end:?}");
    bob.send_text("all is well").await;
    assert_eq!(ada.next_message().await, Message::text("all is well"));
}

#[tokio::test]
async fn a_message_that_is_too_long_ends_only_its_own_connection() {
    let example = Example::start("chat").await;
    let (mut ada, mut bob) = (join(example.port).await, join(example.port).await);
    let mut eve = join(example.port).await;
    eve.send(Message::binary(vec![0; 70_000])).await;
    eve.wait_for_close().await;
    ada.send_text("next").await;
    assert_eq!(bob.next_message().await, Message::text("next"));
}

#[cfg(unix)]
#[tokio::test]
async fn everybody_is_told_that_it_ends() {
    let mut example = Example::start("chat").await;
    let mut ada = join(example.port).await;
    let id = example.child.id().expect("it runs").to_string();
    let killed = std::process::Command::new("kill").args(["-s", "INT", &id]).status();
    assert!(killed.expect("kill").success());
    assert_eq!(ada.wait_for_close().await.map(|frame| frame.code), Some(CloseCode::Away));
    let status = within("its end", example.child.wait()).await.expect("a status");
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn it_gives_its_own_files_and_nothing_else() {
    let dir = TempDir::new();
    dir.write("dist/index.html", "<title>built</title>");
    dir.write("dist/assets/a b.js", "built()");
    dir.write("dist/.env", "secret");
    dir.write("secret.txt", "secret");
    #[cfg(unix)]
    std::os::unix::fs::symlink(dir.at("secret.txt"), dir.at("dist/link.txt")).expect("a link");
    let folder = dir.at("dist").to_str().expect("UTF-8").to_owned();
    let example = Example::start_with("chat", &["10000", &folder]).await;
    let root = get(example.port, "/").await;
    assert_eq!((root.status, root.text()), (200, "<title>built</title>"));
    assert_eq!(root.header("content-type"), Some("text/html; charset=utf-8"));
    let script = get(example.port, "/assets/a%20b.js?v=1").await;
    assert_eq!((script.status, script.text()), (200, "built()"));
    assert_eq!(script.header("content-type"), Some("text/javascript; charset=utf-8"));
    let paths = ["/../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt", "/.env", "/link.txt"];
    for path in paths.into_iter().chain(["/assets", "/no-such-file.js", "//etc/passwd", "/%ff"]) {
        assert_eq!(get(example.port, path).await.status, 404, "{path}");
    }
    assert_eq!(get(example.port, "/ws").await.status, 426);
    assert_eq!(send(example.port, "POST", "/", &[], b"").await.status, 405);
}

#[tokio::test]
async fn without_pages_it_says_how_to_see_them() {
    let dir = TempDir::new();
    let folder = dir.path().to_str().expect("UTF-8").to_owned();
    let example = Example::start_with("chat", &["10000", &folder]).await;
    let root = get(example.port, "/").await;
    assert!(root.status == 200 && root.text().contains("livers examples/chat/web"), "{root:?}");
}
