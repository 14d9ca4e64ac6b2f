//! Output in a pseudo-terminal: colours, the width, and lines that replace others.

use std::path::Path;
use std::process::Stdio;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdout, Command};

use crate::support::dir::TempDir;
use crate::support::http;
use crate::support::server::RUNTIME_DIR;
use crate::support::skip::skip;
use crate::support::within;

const BINARY: &str = env!("CARGO_BIN_EXE_livers");

/// livers in a pseudo-terminal, and what it has written so far.
struct AtTerminal {
    child: Child,
    output: ChildStdout,
    text: String,
}

impl AtTerminal {
    /// Starts livers on a free port, in a terminal with so many columns. `None` without
    /// util-linux's `script`, which opens the pseudo-terminal.
    fn start(folder: &Path, columns: usize, env: &[(&str, &str)]) -> Option<Self> {
        // `exec`: Ctrl-C signals every process of the terminal, and a waiting shell would exit with
        // a status of its own.
        let line =
            format!("stty cols {columns} rows 24; exec '{BINARY}' '{}' --port 0", folder.display());
        let mut command = Command::new("script");
        command.args(["--quiet", "--flush", "--return", "--command", &line, "/dev/null"]);
        // anstream looks at all of these.
        for name in ["CI", "CLICOLOR", "CLICOLOR_FORCE", "NO_COLOR"] {
            command.env_remove(name);
        }
        command.env("XDG_RUNTIME_DIR", RUNTIME_DIR);
        command.env("SHELL", "/bin/sh").env("TERM", "xterm-256color").envs(env.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().ok()?;
        let output = child.stdout.take().expect("a pipe");
        Some(Self { child, output, text: String::new() })
    }

    /// Waits for the end of the banner.
    async fn ready(mut self) -> Self {
        let at = self.until("serving").await;
        self.until_after(at, "\r\n\r\n").await;
        self
    }

    /// Reads on until a text was written after the position. Returns the position after it.
    async fn until_after(&mut self, from: usize, text: &str) -> usize {
        let mut buffer = [0; 4096];
        loop {
            if let Some(at) = self.text[from..].find(text) {
                return from + at + text.len();
            }
            let read = within(text, self.output.read(&mut buffer)).await.expect("output");
            assert!(read > 0, "no {text:?} in {:?}", self.text);
            self.text += &String::from_utf8_lossy(&buffer[..read]);
        }
    }

    async fn until(&mut self, text: &str) -> usize {
        self.until_after(0, text).await
    }

    fn port(&self) -> u16 {
        let (_, rest) = self.text.split_once("http://localhost:").expect("a URL");
        rest.split('/').next().and_then(|port| port.parse().ok()).expect("a port")
    }

    /// Presses Ctrl-C, and returns all output.
    async fn end(mut self) -> String {
        self.child.stdin.as_mut().expect("a pipe").write_all(b"\x03").await.expect("Ctrl-C");
        let mut rest = String::new();
        within("the rest", self.output.read_to_string(&mut rest)).await.expect("output");
        let status = within("the end", self.child.wait()).await.expect("a status");
        self.text += &rest;
        assert_eq!(status.code(), Some(0), "{:?}", self.text);
        self.text
    }
}

#[tokio::test]
async fn colours_are_printed_on_a_terminal_without_no_color() {
    let dir = TempDir::with_page("<p>");
    for (env, colours) in
        [(&[][..], true), (&[("NO_COLOR", "1")], false), (&[("TERM", "dumb")], false)]
    {
        let Some(livers) = AtTerminal::start(dir.path(), 80, env) else {
            return skip("cli::terminal", "script");
        };
        let text = livers.ready().await.end().await;
        assert_eq!(text.contains("\x1b["), colours, "{env:?}: {text:?}");
    }
}

/// Also where the line takes more than one row, and without colours.
#[tokio::test]
async fn a_repeated_line_replaces_the_one_before() {
    let name = format!("{}.css", "long".repeat(12));
    for (columns, rows, env) in [(120, 1, &[][..]), (40, 2, &[]), (40, 2, &[("NO_COLOR", "1")])] {
        let dir = TempDir::with_page("<p>");
        dir.write(&name, "a {}");
        let Some(livers) = AtTerminal::start(dir.path(), columns, env) else {
            return skip("cli::terminal", "script");
        };
        let mut livers = livers.ready().await;
        http::get(livers.port(), &format!("/{name}")).await;
        dir.write(&name, "b {}");
        let first = livers.until("-> no tab").await;
        dir.write(&name, "c {}");
        let second = livers.until_after(first, "(x2)").await;
        let between = &livers.text[first..second];
        let replaces = format!("\x1b[{rows}A\x1b[J");
        assert!(between.contains(&replaces), "{columns} columns: {:?}", livers.text);
        dir.write("other.css", "a {}");
        let third = livers.until_after(second, "-> no tab").await;
        assert!(!livers.text[second..third].contains("\x1b[J"), "{:?}", livers.text);
        livers.end().await;
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_slow_start_shows_progress() {
    use crate::support::hang::FrozenMount;
    let dir = TempDir::new();
    let Ok(mount) = FrozenMount::at(dir.path(), "fuse") else {
        return skip("cli::terminal", "FUSE");
    };
    mount.freeze();
    let Some(mut livers) = AtTerminal::start(dir.path(), 80, &[("NO_COLOR", "1")]) else {
        return skip("cli::terminal", "script");
    };
    let first = livers.until("reading the folder, 0 s").await;
    livers.until_after(first, "\x1b[1A\x1b[J  livers").await;
    livers.until_after(first, "reading the folder, 1 s").await;
    livers.end().await;
}

#[cfg(feature = "esm")]
#[tokio::test]
async fn a_code_frame_fits_the_terminal_with_its_marker_below_the_error() {
    let dir = TempDir::with_page("<p>");
    let long = "日本語, text, ".repeat(8);
    dir.write("a.ts", format!("\t\tconst a = '{long}', @b = 1, c = '{long}';\n"));
    for columns in [40, 80, 120] {
        let Some(livers) = AtTerminal::start(dir.path(), columns, &[("NO_COLOR", "1")]) else {
            return skip("cli::terminal", "script");
        };
        let mut livers = livers.ready().await;
        http::get_with(livers.port(), "/a.ts", &[("Sec-Fetch-Dest", "script")]).await;
        livers.until("^").await;
        let text = livers.end().await;
        let rows: Vec<_> = text.lines().map(|line| line.trim_end_matches('\r')).collect();
        let at = rows.iter().position(|row| row.contains("> 1 | ")).expect("the marked row");
        let column = |row: &str, char: char| -> usize {
            let before = row[..row.find(char).expect("the character")].chars();
            before.map(|char| if char as u32 > 0x3000 { 2 } else { 1 }).sum()
        };
        assert_eq!(column(rows[at], '@'), column(rows[at + 1], '^'), "{text}");
        assert!(column(&format!("{}$", rows[at]), '$') <= columns, "{text}");
    }
}
