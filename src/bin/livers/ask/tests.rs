//! Commands beside a server that is a stand-in.

use hyper::Method;
use livers::Verdict;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::{Asked, Connection, Outcome, PATIENCE, Unreachable};
use crate::servers::RunningServer;

/// Answers each request on one connection with the next of these, then closes it. Returns the port
/// and, at the end, the requests.
async fn stand_in(
    answers: &'static [(u16, &'static str)],
) -> (u16, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut requests = String::new();
        for (status, body) in answers {
            let before = requests.matches("\r\n\r\n").count();
            while requests.matches("\r\n\r\n").count() == before {
                let mut buffer = [0; 4096];
                let read = stream.read(&mut buffer).await.unwrap();
                assert!(read > 0, "{requests}");
                requests += std::str::from_utf8(&buffer[..read]).unwrap();
            }
            let length = body.len();
            let response = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n\r\n{body}");
            stream.write_all(response.as_bytes()).await.unwrap();
        }
        requests
    });
    (port, served)
}

fn file(port: u16, boot: &str) -> RunningServer {
    RunningServer {
        pid: 1,
        boot: boot.to_owned(),
        url: String::new(),
        port,
        address: ([127, 0, 0, 1], port).into(),
        root: "/site".into(),
        mounts: Vec::new(),
        started: 0,
        version: String::new(),
    }
}

#[tokio::test]
async fn a_question_is_asked_on_one_connection_without_an_origin() {
    let (port, served) = stand_in(&[(200, r#"{"boot":"b1"}"#), (200, r#"{"reloaded":2}"#)]).await;
    let mut asked = Asked::at(port, &[file(port, "b1")]).await.unwrap();
    assert_eq!(asked.folders, [std::path::PathBuf::from("/site")]);
    let body = asked.ask(Method::POST, "/__livers/reload?page=%2F", PATIENCE).await.unwrap();
    assert_eq!(&body[..], br#"{"reloaded":2}"#);
    drop(asked);
    let requests = served.await.unwrap();
    assert!(requests.contains("GET /__livers/status HTTP/1.1\r\n"), "{requests}");
    assert!(requests.contains("POST /__livers/reload?page=%2F HTTP/1.1\r\n"), "{requests}");
    assert_eq!(requests.matches(&format!("host: localhost:{port}\r\n")).count(), 2, "{requests}");
    assert!(!requests.to_lowercase().contains("origin"), "{requests}");
}

#[tokio::test]
async fn answers_other_than_200_have_an_exit_code() {
    let table: [(&'static [(u16, &str)], Outcome, &str); 4] = [
        (
            &[(200, r#"{"boot":"b1"}"#), (400, r#"{"error":"/x is outside the folder"}"#)],
            Outcome::Usage,
            "/x is outside the folder",
        ),
        (
            &[(200, r#"{"boot":"b1"}"#), (404, "There is no /__livers/wait.\n")],
            Outcome::NoServer,
            "the server is another version of livers: restart it",
        ),
        (
            &[(200, r#"{"boot":"b1"}"#), (403, "Only programs on the same machine may ask.\n")],
            Outcome::NoServer,
            "the server refuses to answer (403): Only programs on the same machine may ask",
        ),
        (&[(200, r#"{"boot":"b1"}"#)], Outcome::NoServer, "the server ended before it answered"),
    ];
    for (answers, outcome, why) in table {
        let (port, _) = stand_in(answers).await;
        let mut asked = Asked::at(port, &[]).await.unwrap();
        let refused = asked.ask(Method::GET, "/__livers/wait", PATIENCE).await.unwrap_err();
        assert_eq!(refused.outcome, outcome, "{refused:?}");
        assert!(refused.why.starts_with(why), "{refused:?}");
    }
}

/// The port may be that of another server, or of another program, or of none.
#[tokio::test]
async fn a_server_whose_port_answers_differently_is_gone() {
    for answer in [r#"{"boot":"b2"}"#, "{}", "<p>"] {
        let (port, _) = stand_in(&*Box::leak(Box::new([(200, answer)]))).await;
        let connected = Connection::to(&file(port, "b1")).await;
        assert!(matches!(connected, Err(Unreachable::Gone)), "{answer}");
    }
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let connected = Connection::to(&file(free, "b1")).await;
    assert!(matches!(connected, Err(Unreachable::Gone)));
    let refused = Asked::at(free, &[]).await.err().unwrap();
    assert_eq!(refused.outcome, Outcome::NoServer);
    assert!(refused.why.starts_with(&format!("no livers server runs on port {free}")));
}

#[test]
fn each_verdict_has_an_exit_code() {
    let table = [
        (Verdict::Applied, 0),
        (Verdict::Unchanged, 0),
        (Verdict::Failed, 1),
        (Verdict::Kept, 1),
        (Verdict::Unused, 3),
        (Verdict::NoTabs, 3),
        (Verdict::Timeout, 4),
    ];
    for (verdict, code) in table {
        assert_eq!(Outcome::from(verdict) as u8, code, "{verdict:?}");
    }
}
