//! Each key, and input that is none.

use serde_json::json;

use crate::support::dir::TempDir;
use crate::support::http;
use crate::support::pty::Pty;
use crate::support::skip::skip;
use crate::support::socket::Socket;
use crate::support::tab::{Connected, Tab};

const AREA: &str = "terminal::keys";

/// A program in place of the browser, which writes its arguments to a file.
fn browser(dir: &TempDir) -> String {
    use std::os::unix::fs::PermissionsExt;
    let path = dir.at("browser");
    dir.write("browser", format!("#!/bin/sh\necho \"$@\" > '{}'\n", dir.at("opened").display()));
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).expect("a mode");
    path.to_str().expect("UTF-8").to_owned()
}

#[tokio::test]
async fn keys_that_print_work_without_enter() {
    let dir = TempDir::with_page("<p>");
    let Some(mut pty) = Pty::livers(dir.path(), 100, &[("NO_COLOR", "1")], &[]) else {
        return skip(AREA, "setsid");
    };
    let mut at = pty.ready().await;
    for (key, wanted) in [
        ("h", "  q  quit\r\n"),
        ("?", "  q  quit\r\n"),
        ("u", &*format!("local    http://localhost:{}/", pty.port())),
        ("\r", "\r\n"),
        ("v", "verbose  on\r\n"),
        ("c", "\x1b[H\x1b[2J\x1b[3J"),
    ] {
        pty.press(key.as_bytes());
        at = pty.until_after(at, wanted).await;
    }
    // The echo is off: the text has what livers printed, and no keys.
    http::get(pty.port(), "/?one").await;
    at = pty.until_after(at, "GET      /?one  200").await;
    pty.press(b"v");
    at = pty.until_after(at, "verbose  off\r\n").await;
    http::get(pty.port(), "/?two").await;
    pty.press(b"h");
    pty.until_after(at, "  q  quit").await;
    assert!(!pty.text().contains("/?two"), "{:?}", pty.text());
    assert_eq!(pty.interrupt().await.code(), Some(0));
}

#[tokio::test]
async fn o_opens_the_browser() {
    let dir = TempDir::with_page("<p>");
    let tools = TempDir::new();
    let browser = browser(&tools);
    let Some(mut pty) = Pty::livers(dir.path(), 100, &[("BROWSER", &browser)], &[]) else {
        return skip(AREA, "setsid");
    };
    pty.ready().await;
    pty.press(b"o");
    let opened = tools.wait_for("opened").await;
    assert_eq!(opened.trim(), format!("http://localhost:{}/", pty.port()));
}

/// A pasted text, arrow keys and text outside of ASCII are no keys.
#[tokio::test]
async fn other_input_does_nothing() {
    let dir = TempDir::with_page("<p>");
    let Some(mut pty) = Pty::livers(dir.path(), 100, &[], &[]) else {
        return skip(AREA, "setsid");
    };
    let at = pty.ready().await;
    for input in ["quit\nquit\n", "\x1b[A\x1bq\x1bOq", &"q".repeat(5000), "éq日q"] {
        pty.press(input.as_bytes());
    }
    assert_eq!(http::get(pty.port(), "/").await.status, 200);
    // Keys work again after a moment without input.
    let mut tries = 0;
    while !pty.text()[at..].contains("quit\r\n") {
        tokio::time::sleep(std::time::Duration::from_millis(150)).await;
        pty.press(b"h");
        tries += 1;
        assert!(tries < 60, "{:?}", pty.text());
    }
    assert_eq!(pty.interrupt().await.code(), Some(0));
}

#[tokio::test]
async fn r_reloads_every_tab() {
    let dir = TempDir::with_page("<p>");
    let Some(mut pty) = Pty::livers(dir.path(), 100, &[("NO_COLOR", "1")], &[]) else {
        return skip(AREA, "setsid");
    };
    let at = pty.ready().await;
    pty.press(b"r");
    let at = pty.until_after(at, "reload   no tab is open").await;
    let mut tabs = Vec::new();
    for page in ["/", "/other"] {
        let mut tab = Tab::over(Socket::on(pty.port()).open().await).await;
        let Connected { boot, version } = &tab.connected;
        let hello = json!({"type":"hello","page":page,"uses":[],"boot":boot,"version":version});
        tab.say(&hello).await;
        tabs.push(tab);
    }
    pty.press(b"r");
    pty.until_after(at, "reload   2 tabs").await;
    for tab in &mut tabs {
        let message = tab.socket.next_json().await;
        assert_eq!(message["changes"][0]["path"], "all files", "{message}");
    }
}

/// The state is visible, below the lines that are printed meanwhile.
#[tokio::test]
async fn p_holds_changes_back_and_delivers_them() {
    let dir = TempDir::with_page("<p>");
    dir.write("a.css", "a {}");
    let Some(mut pty) = Pty::livers(dir.path(), 100, &[("NO_COLOR", "1")], &[]) else {
        return skip(AREA, "setsid");
    };
    let at = pty.ready().await;
    http::get(pty.port(), "/a.css").await;
    let state = "paused   changes are held back; p delivers them\r\n";
    pty.press(b"p");
    let at = pty.until_after(at, state).await;
    dir.write("a.css", "b {}");
    pty.press(b"h");
    let help = pty.until_after(at, "q  quit").await;
    let at = pty.until_after(help, state).await;
    pty.press(b"p");
    let resumed = pty.until_after(at, "resumed  changes are delivered\r\n").await;
    // Not in a certain order: the write may be seen late on a busy machine.
    pty.until_after(help, "updated  a.css  -> no tab").await;
    assert!(!pty.text()[help..at].contains("a.css"), "{:?}", pty.text());
    dir.write("a.css", "c {}");
    pty.until_after(resumed, "updated  a.css").await;
    let text = pty.text();
    assert!(text[at..].starts_with("\x1b[1A\x1b[J"), "the state is erased: {text:?}");
    assert!(!text[resumed..].contains("paused"), "{text:?}");
}

#[cfg(feature = "esm")]
#[tokio::test]
async fn e_prints_the_current_errors_again() {
    let dir = TempDir::with_page("<p>");
    dir.write("a.ts", "let a = ;\n");
    let Some(mut pty) = Pty::livers(dir.path(), 100, &[("NO_COLOR", "1")], &[]) else {
        return skip(AREA, "setsid");
    };
    let at = pty.ready().await;
    pty.press(b"e");
    let at = pty.until_after(at, "errors   none\r\n").await;
    http::get_with(pty.port(), "/a.ts", &[("Sec-Fetch-Dest", "script")]).await;
    let at = pty.until_after(at, "error    a.ts:1:9: ").await;
    let at = pty.until_after(at, "^").await;
    pty.press(b"e");
    let at = pty.until_after(at, "error    a.ts:1:9: ").await;
    let at = pty.until_after(at, "^").await;
    dir.write("a.ts", "let a = 1;\n");
    let at = pty.until_after(at, "updated  a.ts").await;
    http::get_with(pty.port(), "/a.ts", &[("Sec-Fetch-Dest", "script")]).await;
    pty.press(b"e");
    pty.until_after(at, "errors   none\r\n").await;
}
