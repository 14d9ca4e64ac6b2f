//! The chat backend, over real sockets. The pages need React from npm and are not tested here.

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
async fn a_message_reaches_all_other_clients() {
    let example = Example::start("chat").await;
    let dir = TempDir::with_page("<title>the pages</title>");
    let route = format!("/ws=localhost:{}", example.port);
    let livers = Livers::on(dir.path()).arg("--proxy").arg(route).start().await;
    // Two clients connect through livers, as the pages do.
    let mut ada = Socket::on(livers.port()).path("/ws").open().await;
    let mut bob = Socket::on(livers.port()).path("/ws").open().await;
    let mut eve = join(example.port).await;
    let message = json!({ "name": "Ada", "msg": "<img src=x onerror=alert(1)> \u{e9}" });
    ada.send_json(&message).await;
    assert_eq!(bob.next_json().await, message);
    assert_eq!(eve.next_json().await, message);
    bob.send(Message::binary(b"\xff\x00 as it is".as_slice())).await;
    let expected = Message::binary(b"\xff\x00 as it is".as_slice());
    assert_eq!(ada.next_message().await, expected, "her own message is not sent back");
    assert_eq!(eve.next_message().await, expected);
    eve.close().await;
    ada.send_text("still here").await;
    assert_eq!(bob.next_message().await, Message::text("still here"));
}

#[tokio::test]
async fn a_client_that_does_not_answer_a_ping_is_disconnected() {
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
    assert_eq!(wire.exactly(3).await, [0x89, 0], "one ping, then the end of the stream");
}

#[tokio::test]
async fn a_client_that_answers_pings_stays_connected() {
    let example = Example::start_with("chat", &["2000"]).await;
    let mut ada = join(example.port).await;
    for _ in 0..2 {
        let ping = ada.next().await.expect("the socket is open").expect("no error");
        assert!(ping.is_ping(), "{ping:?}");
    }
    let mut bob = join(example.port).await;
    ada.send_text("here").await;
    assert_eq!(bob.next_message().await, Message::text("here"));
}

#[tokio::test]
async fn a_client_that_does_not_read_is_disconnected_without_delaying_others() {
    let example = Example::start("chat").await;
    let (mut ada, mut bob) = (join(example.port).await, join(example.port).await);
    let mut slow = Socket::on(example.port).path("/ws").receive_buffer(4096).open().await;
    let long = Message::binary(vec![7; 60_000]);
    // More than the mailbox and the buffers of the system hold.
    for _ in 0..600 {
        ada.send(long.clone()).await;
        assert_eq!(bob.next_message().await, long);
    }
    let end = slow.wait_for_close().await;
    assert!(end.as_ref().is_none_or(|frame| frame.code == CloseCode::Policy), "{end:?}");
    bob.send_text("all is well").await;
    assert_eq!(ada.next_message().await, Message::text("all is well"));
}

#[tokio::test]
async fn a_too_long_message_ends_only_the_connection_of_its_sender() {
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
async fn clients_get_a_close_frame_at_shutdown() {
    let mut example = Example::start("chat").await;
    let mut ada = join(example.port).await;
    let id = example.child.id().expect("the backend runs").to_string();
    let killed = std::process::Command::new("kill").args(["-s", "INT", &id]).status();
    assert!(killed.expect("kill").success());
    assert_eq!(ada.wait_for_close().await.map(|frame| frame.code), Some(CloseCode::Away));
    let status =
        within("the end of the backend", example.child.wait()).await.expect("an exit status");
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn only_files_of_the_built_folder_are_served() {
    let dir = TempDir::new();
    dir.write("dist/index.html", "<title>built</title>");
    dir.write("dist/assets/a b.js", "built()");
    dir.write("dist/.env", "secret");
    dir.write("secret.txt", "secret");
    #[cfg(unix)]
    std::os::unix::fs::symlink(dir.at("secret.txt"), dir.at("dist/link.txt"))
        .expect("create a symbolic link");
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
async fn without_built_pages_the_root_explains_how_to_get_them() {
    let dir = TempDir::new();
    let folder = dir.path().to_str().expect("UTF-8").to_owned();
    let example = Example::start_with("chat", &["10000", &folder]).await;
    let root = get(example.port, "/").await;
    assert!(root.status == 200 && root.text().contains("livers examples/chat/web"), "{root:?}");
}
