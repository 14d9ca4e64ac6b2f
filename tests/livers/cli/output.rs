//! Output in a pipe: verbosity, escaping, and outputs that are closed or not read.

use std::process::{Command, Stdio};

use crate::support::backend::Backend;
use crate::support::dir::TempDir;
use crate::support::http::{self, Wire, request_head};
use crate::support::server::{Livers, RUNTIME_DIR};
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
        // Of equal lines, some may be collapsed into one with a count.
        let count = |line: &String| match line.rsplit_once("  (x") {
            Some((_, count)) => count.trim_end_matches(')').parse().expect("a count"),
            None => 1,
        };
        let begins = |start: &str| -> usize {
            lines.iter().filter(|line| line.starts_with(start)).map(count).sum()
        };
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

/// The URL is the only line at the start, so that a script can read it.
#[tokio::test]
async fn quiet_prints_only_the_url_errors_and_refusals() {
    use tokio::io::{AsyncBufReadExt, AsyncReadExt};
    let dir = TempDir::with_page("<p>");
    let first = Livers::on(dir.path()).start().await;
    // The system's choice, and the next port of one in use.
    for requested in [0, first.port()] {
        let mut command = tokio::process::Command::new(BINARY);
        command.arg(dir.path()).args(["--quiet", "--port", &requested.to_string()]);
        command.env("XDG_RUNTIME_DIR", RUNTIME_DIR);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.kill_on_drop(true).spawn().expect("start livers");
        let mut output = tokio::io::BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        within("the URL", output.read_line(&mut line)).await.expect("a line");
        let port = line.trim().strip_prefix("http://localhost:").and_then(|p| p.strip_suffix('/'));
        let port: u16 = port.and_then(|port| port.parse().ok()).expect("a URL alone");
        assert_ne!(port, requested);
        let mut socket = Socket::on(port).subprotocol("livers").open().await;
        socket.next_json().await;
        dir.write("a.css", format!("a {{ top: {port}px }}"));
        socket.next_json().await;
        http::get_with(port, "/", &[("Host", "evil.example")]).await;
        let id = child.id().expect("an id").to_string();
        Command::new("kill").args(["-s", "INT", &id]).status().expect("run kill");
        let mut printed = String::new();
        within("the rest", output.read_to_string(&mut printed)).await.expect("its output");
        assert!(printed.starts_with("refused  /: ") && printed.lines().count() == 1, "{printed}");
        let output = within("its end", child.wait_with_output()).await.expect("its output");
        assert_eq!((output.status.code(), output.stderr), (Some(0), vec![]));
    }
}

#[tokio::test]
async fn control_characters_are_escaped() {
    let dir = TempDir::new();
    let table = [
        ("\u{1b}]0;bad\u{7}\n.css", "%1b]0;bad%07%0a.css", "\\u{1b}]0;bad\\u{7}\\n.css"),
        (
            "a\u{202e}ssc.b\u{200b}\u{2028}\u{9b}",
            "a%e2%80%aessc.b%e2%80%8b%e2%80%a8%c2%9b",
            "a\\u{202e}ssc.b\\u{200b}\\u{2028}\\u{9b}",
        ),
    ];
    for (name, ..) in table {
        dir.write(name, "a {}");
    }
    let livers = Livers::on(dir.path()).start().await;
    for (name, url, wanted) in table {
        assert_eq!(http::get(livers.port(), &format!("/{url}")).await.status, 200, "{url}");
        dir.write(name, "b {}");
        livers.wait_for_line(|line| line == format!("updated  {wanted}  -> no tab")).await;
    }
    let (_, _, errors) = crate::support::server::run(["\u{1b}[31m"]).await;
    assert!(errors.starts_with("error: \\u{1b}[31m does not exist"), "{errors}");
}

/// After the banner, where they are not overlooked.
#[tokio::test]
async fn settings_without_effect_and_a_missing_spa_page_are_reported_after_the_banner() {
    let dir = TempDir::with_page("<p>");
    dir.write("app.html", "<p>");
    let table: &[(&[&str], &[&str])] = &[
        (&["--spa=app.html", "--proxy", "/api=3000", "--proxy-wait", "1"], &[]),
        (&["--spa=later.html"], &["missing  later.html  (--spa: routes get 404 until it exists)"]),
        (
            &["--spa=.app.html"],
            &[
                "refused  /.app.html: names that begin with a dot are not served (--dotfiles allows it)",
            ],
        ),
        (
            &["--proxy-wait", "1", "--proxy-change-origin"],
            &[
                "ignored  --proxy-wait: there is no --proxy",
                "ignored  --proxy-change-origin: there is no --proxy",
            ],
        ),
        (
            &["--proxy", "/api=3000", "--proxy-insecure"],
            &["ignored  --proxy-insecure: no backend uses https://"],
        ),
        (
            &["--proxy", "/=3000", "--cors"],
            &["ignored  --cors: it applies to files, and --proxy / forwards every path"],
        ),
    ];
    for (args, wanted) in table {
        let mut livers = Livers::on(dir.path()).args(*args).start().await;
        livers.interrupt();
        livers.wait().await;
        let lines = livers.stdout();
        let end = lines.iter().rposition(String::is_empty).expect("the end of the banner");
        assert_eq!(lines[end + 1..], **wanted, "{args:?}");
    }
}

/// Each line stands for as many events as its count says, and no event is lost.
#[tokio::test]
async fn equal_lines_become_one_with_a_count() {
    const FAULTS: usize = 20;
    let dir = TempDir::with_page("<p>");
    let backend = Backend::start(|mut wire| async move {
        wire.until(b"\r\n\r\n").await.expect("a request");
        wire.send("garbage\r\n\r\n").await;
    })
    .await;
    let route = format!("/api={}", backend.port());
    let mut livers = Livers::on(dir.path()).args(["--proxy", &route]).start().await;
    for _ in 0..FAULTS {
        assert_eq!(http::get(livers.port(), "/api/x").await.status, 502);
    }
    livers.interrupt();
    livers.wait().await;
    let lines = livers.stdout();
    let faults: Vec<_> = lines.iter().filter(|line| line.contains(" /api/x: ")).collect();
    let counts = faults.iter().map(|line| match line.rsplit_once("  (x") {
        Some((_, count)) => count.trim_end_matches(')').parse().expect("a count"),
        None => 1,
    });
    assert_eq!(counts.sum::<usize>(), FAULTS, "{lines:?}");
    assert!(faults.len() < FAULTS, "{lines:?}");
}

/// Starts livers with an output that is not read after the banner, or closed.
async fn start_unread(dir: &TempDir, close: bool) -> (tokio::process::Child, u16) {
    use tokio::io::AsyncBufReadExt;
    let mut command = tokio::process::Command::new(BINARY);
    command.arg(dir.path()).args(["--port", "0", "--verbose"]);
    command.env("XDG_RUNTIME_DIR", RUNTIME_DIR);
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
