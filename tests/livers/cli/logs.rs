//! The events of a server in another process: `livers logs` and `--log json`.

use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::support::dir::TempDir;
use crate::support::http;
use crate::support::server::{Livers, RUNTIME_DIR};
use crate::support::tab::Tab;
use crate::support::within;

const BINARY: &str = env!("CARGO_BIN_EXE_livers");

/// A command that prints until it is killed.
struct Following {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Following {
    fn start(livers: &Livers, args: &[&str]) -> Self {
        let mut command = Command::new(BINARY);
        command.args(args).args(["--port", &livers.port().to_string()]);
        command.env("XDG_RUNTIME_DIR", RUNTIME_DIR);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("start livers");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        Self { child, lines }
    }

    /// Returns the next line that matches.
    async fn line(&mut self, matches: impl Fn(&str) -> bool) -> String {
        let found = async {
            while let Some(line) = self.lines.next_line().await.expect("output") {
                if matches(&line) {
                    return line;
                }
            }
            panic!("the output has ended");
        };
        within("a line", found).await
    }
}

#[tokio::test]
async fn logs_follow_what_the_terminal_prints() {
    let dir = TempDir::with_page("<p>");
    dir.write("a.css", "a {}");
    let mut livers = Livers::on(dir.path()).start().await;
    let mut tab = Tab::page(&livers, "/", &["/a.css"]).await;
    let started = format!("started  {} serves {}", livers.url(), dir.path().display());
    let mut following = Following::start(&livers, &["logs", "-f"]);
    following.line(|line| line == started).await;
    dir.write("a.css", "b {}");
    let version = tab.updated().await.version;
    tab.say(&serde_json::json!({ "type": "applied", "version": version, "how": "css", "ms": 7 }))
        .await;
    let begins = "updated  a.css  -> 1 tab";
    following.line(|line| line.starts_with(begins)).await;

    // What was printed before is printed again, as text and as JSON.
    let mut again = Following::start(&livers, &["logs"]);
    again.line(|line| line.starts_with(begins)).await;
    assert_eq!(within("the end", again.child.wait()).await.expect("a status").code(), Some(0));
    let mut again = Following::start(&livers, &["logs", "--json"]);
    let line = again.line(|line| line.contains("\"updated\"")).await;
    let event: Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(event["changes"][0]["path"], "/a.css", "{event}");

    // The end of the server is the end of its logs, and a reader does not delay it.
    livers.interrupt();
    assert_eq!(livers.wait().await.code(), Some(0));
    assert_eq!(within("the end", following.child.wait()).await.expect("a status").code(), Some(0));
}

/// As `livers logs -f | head -1` does.
#[tokio::test]
async fn logs_end_when_their_output_is_closed() {
    let dir = TempDir::with_page("<p>");
    let livers = Livers::on(dir.path()).start().await;
    for args in [&["logs", "-f"][..], &["logs", "-f", "--json"]] {
        let mut following = Following::start(&livers, args);
        following.line(|_| true).await;
        let Following { mut child, lines } = following;
        drop(lines);
        dir.write("a.css", format!("a {{ top: {}px }}", args.len()));
        assert_eq!(within("the end", child.wait()).await.expect("a status").code(), Some(0));
    }
}

#[tokio::test]
async fn logs_are_for_programs_on_this_machine() {
    let dir = TempDir::with_page("<p>");
    let livers = Livers::on(dir.path()).start().await;
    let origin = format!("http://localhost:{}", livers.port());
    let table: &[(&[(&str, &str)], u16)] = &[
        (&[], 200),
        (&[("Origin", &origin)], 200),
        (&[("Origin", "http://evil.example")], 403),
        (&[("Host", "evil.example")], 403),
        (&[("X-Forwarded-For", "192.0.2.1")], 403),
    ];
    for (headers, status) in table {
        let response = http::get_with(livers.port(), "/__livers/logs", headers).await;
        assert_eq!(response.status, *status, "{headers:?}");
        assert_eq!(response.text().contains("listening"), *status == 200, "{headers:?}");
    }
}

#[tokio::test]
async fn the_server_prints_json_on_request() {
    let dir = TempDir::with_page("<p>");
    dir.write("a.css", "a {}");
    let mut command = Command::new(BINARY);
    command.arg(dir.path()).args(["--port", "0", "--log", "json"]);
    command.env("XDG_RUNTIME_DIR", RUNTIME_DIR);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().expect("start livers");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let mut seen = Vec::new();
    let mut port = 0;
    while !seen.iter().any(|name| name == "updated") {
        let line = within("a line", lines.next_line()).await.expect("output").expect("a line");
        let event: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
        let time = event["time"].as_str().expect("a time");
        assert!(time.len() == 24 && time.ends_with('Z'), "{line}");
        if event["event"] == "listening" {
            let url = event["url"].as_str().expect("a URL").trim_end_matches('/').to_owned();
            port = url.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
            // A file that was served is compared.
            http::get(port, "/a.css").await;
            dir.write("a.css", "b {}");
        }
        seen.push(event["event"].as_str().expect("a name").to_owned());
    }
    assert_ne!(port, 0, "{seen:?}");
}
