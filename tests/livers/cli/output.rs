//! Terminal output: verbosity, colours, escaping, and outputs that are closed or not read.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};

use crate::support::dir::TempDir;
use crate::support::http::{self, Wire, request_head};
use crate::support::server::Livers;
use crate::support::skip::skip;
use crate::support::socket::Socket;
use crate::support::tab::Tab;
use crate::support::within;

const BINARY: &str = env!("CARGO_BIN_EXE_livers");

#[tokio::test]
async fn requests_and_tabs_are_printed_only_with_verbose() {
    let dir = TempDir::with_page("<p>");
    dir.write("a.css", "a {}");
    for (flag, requests) in [(None, false), (Some("--verbose"), true)] {
        let livers = Livers::on(dir.path()).args(flag).start().await;
        let mut socket = Socket::on(livers.port()).subprotocol("livers").open().await;
        socket.next_json().await;
        http::get(livers.port(), "/?x=\u{1b}[31m".replace('\u{1b}', "%1b").as_str()).await;
        dir.write("a.css", "a { color: red }");
        livers.wait_for_line(|line| line.starts_with("updated  a.css  -> ")).await;
        let foreign = [("Host", "evil.example")];
        for _ in 0..3 {
            http::get_with(livers.port(), "/", &foreign).await;
        }
        socket.close().await;
        let mut livers = livers;
        livers.interrupt();
        livers.wait().await;
        let lines = livers.stdout();
        let begins = |start: &str| lines.iter().filter(|line| line.starts_with(start)).count();
        assert_eq!(begins("refused  /: "), 1, "once, not for each request: {lines:?}");
        assert_eq!(begins("updated"), 1, "{lines:?}");
        assert_eq!(begins("GET      /"), if requests { 5 } else { 0 }, "{lines:?}");
        assert_eq!(begins("tabs     1 open") > 0, requests, "{lines:?}");
        assert_eq!(livers.stderr(), Vec::<String>::new());
        dir.write("a.css", "a {}");
    }
}

/// Without a report in time, the line is printed without it.
#[tokio::test]
async fn a_change_is_one_line_with_the_reports_of_the_tabs() {
    let dir = TempDir::with_page("<p>");
    dir.write("a.css", "a {}");
    let livers = Livers::on(dir.path()).start().await;
    let mut tab = Tab::page(&livers, "/", &["/a.css"]).await;
    let begins = "updated  a.css  -> 1 tab";
    // On a busy machine the report may come after the line's time-out.
    for n in 0..50 {
        let before = livers.lines().len();
        dir.write("a.css", format!("a {{ top: {n}px }}"));
        let version = tab.updated().await.version;
        tab.say(&serde_json::json!({
            "type": "applied", "version": version, "how": "re\nload", "ms": 7, "why": "b.js\u{1b} changed"
        }))
        .await;
        let line = livers.wait_for_line_after(before, |line| line.starts_with(begins)).await;
        if line != begins {
            assert_eq!(line, format!("{begins}  reload 7 ms (b.js changed)"));
            break;
        }
        assert!(n < 49, "no line has the report");
    }
    let before = livers.lines().len();
    dir.write("a.css", "b {}");
    // The tab does not report.
    livers.wait_for_line_after(before, |line| line == begins).await;
}

/// Returns a free port, since a quiet server does not print its own. Below the system's ephemeral
/// ports, and not bound here, because a child process would inherit the socket.
fn free_port() -> u16 {
    let first = 20_000 + u16::try_from(std::process::id() % 10_000).expect("below 10,000");
    let free = |port: &u16| std::net::TcpStream::connect(("127.0.0.1", *port)).is_err();
    (first..32_000).find(free).expect("a free port")
}

#[tokio::test]
async fn quiet_prints_only_errors_and_refusals() {
    let dir = TempDir::with_page("<p>");
    let port = free_port();
    let mut command = tokio::process::Command::new(BINARY);
    command.arg(dir.path()).args(["--quiet", "--strict-port", "--port", &port.to_string()]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let child = command.spawn().expect("start livers");
    within("the server", async {
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    })
    .await;
    let mut socket = Socket::on(port).subprotocol("livers").open().await;
    socket.next_json().await;
    dir.write("a.css", "a {}");
    socket.next_json().await;
    http::get_with(port, "/", &[("Host", "evil.example")]).await;
    let id = child.id().expect("an id").to_string();
    Command::new("kill").args(["-s", "INT", &id]).status().expect("run kill");
    let output = within("its end", child.wait_with_output()).await.expect("its output");
    assert_eq!(output.status.code(), Some(0));
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(printed.starts_with("refused  /: ") && printed.lines().count() == 1, "{printed}");
    assert_eq!(output.stderr, b"");
}

/// Runs livers in a pseudo-terminal, presses Ctrl-C once it is ready, and returns the output.
/// `None` without util-linux's `script`, which opens the pseudo-terminal.
fn at_a_terminal(dir: &TempDir, env: &[(&str, &str)]) -> Option<String> {
    // `exec`: Ctrl-C signals every process of the terminal, and a waiting shell would exit with a
    // status of its own.
    let line = format!("exec '{BINARY}' '{}' --port 0", dir.path().display());
    let mut command = Command::new("script");
    command.args(["--quiet", "--flush", "--return", "--command", &line, "/dev/null"]);
    // anstream looks at all of these.
    for name in ["CI", "CLICOLOR", "CLICOLOR_FORCE", "NO_COLOR"] {
        command.env_remove(name);
    }
    command.env("SHELL", "/bin/sh").env("TERM", "xterm-256color").envs(env.iter().copied());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().ok()?;
    let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut text = String::new();
    while !text.contains("watching") {
        assert!(output.read_line(&mut text).expect("a line") > 0, "no banner: {text}");
    }
    child.stdin.as_mut().expect("a pipe").write_all(b"\x03").expect("press Ctrl-C");
    output.read_to_string(&mut text).expect("the rest");
    assert_eq!(child.wait().expect("its end").code(), Some(0), "{text}");
    Some(text)
}

#[tokio::test]
async fn colours_are_printed_on_a_terminal_without_no_color() {
    let dir = TempDir::with_page("<p>");
    for (env, colours) in
        [(&[][..], true), (&[("NO_COLOR", "1")], false), (&[("TERM", "dumb")], false)]
    {
        let Some(text) = at_a_terminal(&dir, env) else {
            return skip("cli::output", "script");
        };
        assert_eq!(text.contains("\x1b["), colours, "{env:?}: {text:?}");
    }
}

#[tokio::test]
async fn control_characters_are_escaped() {
    let dir = TempDir::with_page("<p>");
    let livers = Livers::on(dir.path()).start().await;
    dir.write("\u{1b}]0;bad\u{7}\n.css", "a {}");
    let line = livers.wait_for_line(|line| line.starts_with("created")).await;
    assert!(line.contains("\\u{1b}]0;bad\\u{7}\\n.css"), "{line}");
    let (_, _, errors) = crate::support::server::run(["\u{1b}[31m"]).await;
    assert!(errors.starts_with("error: \\u{1b}[31m does not exist"), "{errors}");
}

/// Starts livers with an output that is not read after the banner, or closed.
async fn start_unread(dir: &TempDir, close: bool) -> (tokio::process::Child, u16) {
    use tokio::io::AsyncBufReadExt;
    let mut command = tokio::process::Command::new(BINARY);
    command.arg(dir.path()).args(["--port", "0", "--verbose"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().expect("start livers");
    let mut output = tokio::io::BufReader::new(child.stdout.take().expect("a pipe"));
    let port = within("the banner", async {
        loop {
            let mut line = String::new();
            assert!(output.read_line(&mut line).await.expect("a line") > 0, "no banner");
            if let Some((_, rest)) = line.split_once("http://localhost:") {
                break rest.trim().trim_end_matches('/').parse().expect("a port");
            }
        }
    })
    .await;
    if !close {
        child.stdout = Some(output.into_inner());
    }
    (child, port)
}

#[tokio::test]
async fn an_unread_or_closed_output_does_not_stop_the_server() {
    let dir = TempDir::with_page("<p>");
    for close in [true, false] {
        let (mut child, port) = start_unread(&dir, close).await;
        // A pipe holds 64 KiB; each request is a line.
        let mut wire = Wire::open(port).await;
        let target = format!("/{}", "a".repeat(1000));
        for _ in 0..200 {
            let keep = [("Connection", "keep-alive")];
            wire.send(request_head(port, "GET", &target, &keep, 0)).await;
            assert_eq!(wire.response(false).await.status, 404, "closed: {close}");
        }
        let id = child.id().expect("an id").to_string();
        Command::new("kill").args(["-s", "INT", &id]).status().expect("run kill");
        let status = within("its end", child.wait()).await.expect("a status");
        assert_eq!(status.code(), Some(0), "closed: {close}");
    }
}
