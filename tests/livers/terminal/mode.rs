//! The mode of the terminal: as it was after every way of ending, and while livers is stopped or in
//! the background.

use crate::support::dir::TempDir;
use crate::support::pty::Pty;
use crate::support::skip::skip;

const AREA: &str = "terminal::mode";

/// A way to end livers, the exit code, and `None` for the code if a signal ends it.
type Ending = (&'static str, fn(&mut Pty), Option<i32>);

#[tokio::test]
async fn the_terminal_is_restored_after_every_way_of_ending() {
    let dir = TempDir::with_page("<p>");
    let endings: [Ending; 6] = [
        ("q", |pty| pty.press(b"q"), Some(0)),
        ("Ctrl-C", |pty| pty.press(b"\x03"), Some(0)),
        ("Ctrl-\\", |pty| pty.press(b"\x1c"), Some(131)),
        ("SIGTERM", |pty| pty.signal("TERM"), Some(0)),
        ("SIGHUP", |pty| pty.signal("HUP"), Some(0)),
        ("SIGINT", |pty| pty.signal("INT"), Some(0)),
    ];
    for (name, end, code) in endings {
        let Some(mut pty) = Pty::livers(dir.path(), 100, &[], &[]) else {
            return skip(AREA, "setsid");
        };
        pty.ready().await;
        assert!(pty.has_keys(), "{name}");
        end(&mut pty);
        assert_eq!(pty.wait().await.code(), code, "{name}: {:?}", pty.text());
        pty.assert_restored(name);
    }
}

/// The first signal restores it, so that it is restored also if the server does not stop.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_terminal_is_restored_while_the_server_hangs() {
    use crate::support::hang::Lease;
    use crate::support::http::{Wire, request_head};
    let dir = TempDir::with_page("<p>");
    dir.write("app.js", "export default 1;");
    for end in [&b"\x03"[..], b"q"] {
        let Some(mut pty) = Pty::livers(dir.path(), 100, &[], &[]) else {
            return skip(AREA, "setsid");
        };
        pty.ready().await;
        let lease = Lease::on(&dir.at("app.js")).await;
        let mut wire = Wire::open(pty.port()).await;
        let script = [("Sec-Fetch-Dest", "script")];
        wire.send(request_head(pty.port(), "GET", "/app.js", &script, 0)).await;
        lease.wait_for_opener().await;
        pty.press(end);
        let code = pty.wait().await.code();
        assert!(matches!(code, Some(0)), "{code:?}");
        pty.assert_restored("a hang");
    }
}

#[tokio::test]
async fn the_terminal_is_restored_after_an_error_at_the_start() {
    let dir = TempDir::with_page("<p>");
    let Some(first) = Pty::livers(dir.path(), 100, &[], &[]) else {
        return skip(AREA, "setsid");
    };
    first.ready().await;
    let port = first.port().to_string();
    let args = ["--strict-port", "--port", &port];
    let mut pty = Pty::livers_with_args(dir.path(), &args).expect("setsid");
    assert_eq!(pty.wait().await.code(), Some(1));
    pty.until("is in use by another program").await;
    pty.assert_restored("an error");
}

/// The message of a panic is written line by line, and the terminal is restored.
#[cfg(debug_assertions)]
#[tokio::test]
async fn the_terminal_is_restored_after_a_crash() {
    let dir = TempDir::with_page("<p>");
    let env = [("LIVERS_TEST_PANIC", "1")];
    let Some(mut pty) = Pty::livers(dir.path(), 100, &env, &[]) else {
        return skip(AREA, "setsid");
    };
    assert_eq!(pty.wait().await.code(), Some(101));
    let at = pty.until("LIVERS_TEST_PANIC is set\r\n").await;
    pty.until_after(at, "RUST_BACKTRACE").await;
    pty.assert_restored("a panic");
}

/// A shell that does not restore the terminal itself.
#[tokio::test]
async fn ctrl_z_restores_the_terminal_and_fg_brings_the_keys_back() {
    let dir = TempDir::with_page("<p>");
    let commands = "$livers; echo stopped: $?; read line; fg; echo ended: $?";
    let Some(mut pty) = Pty::shell(dir.path(), &commands.replace("$livers", "eval $livers")) else {
        return skip(AREA, "setsid");
    };
    pty.ready().await;
    for _ in 0..1 {
        pty.press(b"\x1a");
        let at = pty.until("stopped: ").await;
        pty.assert_restored("Ctrl-Z");
        pty.press(b"go\n");
        pty.wait_for_keys().await;
        pty.press(b"h");
        pty.until_after(at, "reload all tabs").await;
    }
    pty.press(b"q");
    pty.until("ended: 0").await;
    pty.assert_restored("q");
}

/// In the background, livers neither changes the terminal nor reads it, and `fg` brings the keys.
#[tokio::test]
async fn a_server_in_the_background_leaves_the_terminal_alone_until_fg() {
    let dir = TempDir::with_page("<p>");
    let commands = "eval \"$livers &\"; read line; echo read: $line; fg; echo ended: $?";
    let Some(mut pty) = Pty::shell(dir.path(), commands) else {
        return skip(AREA, "setsid");
    };
    let at = pty.until("serving").await;
    pty.until_after(at, "\r\n\r\n").await;
    assert!(!pty.text().contains("press h"), "{:?}", pty.text());
    pty.assert_restored("a start in the background");
    // Line editing is the shell's, and so is the input.
    pty.press(b"qx\x7f\n");
    pty.until("read: q\r\n").await;
    pty.wait_for_keys().await;
    pty.press(b"q");
    pty.until("ended: 0").await;
    pty.assert_restored("q");
}

/// `bg` after Ctrl-Z.
#[tokio::test]
async fn a_stopped_server_that_continues_in_the_background_leaves_the_terminal_alone() {
    let dir = TempDir::with_page("<p>");
    let commands = "eval $livers; echo stopped; bg; read line; echo read: $line; fg; echo end";
    let Some(mut pty) = Pty::shell(dir.path(), commands) else {
        return skip(AREA, "setsid");
    };
    pty.ready().await;
    pty.press(b"\x1a");
    pty.until("stopped").await;
    assert_eq!(crate::support::http::get(pty.port(), "/").await.status, 200, "in the background");
    pty.assert_restored("bg");
    pty.press(b"qu\n");
    pty.until("read: qu\r\n").await;
    pty.wait_for_keys().await;
    pty.press(b"\x03");
    pty.until("end").await;
    pty.assert_restored("Ctrl-C");
}

/// Such as the reader of a pipe, or a program that was started first in the same group.
#[tokio::test]
async fn another_program_that_reads_keys_keeps_the_terminal() {
    let dir = TempDir::with_page("<p>");
    let commands = "stty -icanon; eval $livers; stty icanon";
    let Some(mut pty) = Pty::shell(dir.path(), commands) else {
        return skip(AREA, "setsid");
    };
    let at = pty.until("serving").await;
    pty.until_after(at, "\r\n\r\n").await;
    assert!(!pty.text().contains("press h"), "{:?}", pty.text());
    pty.press(b"\x03");
    pty.wait().await;
    // A pager at the other end of a pipe.
    let mut pty = Pty::shell(dir.path(), "eval $livers | cat").expect("setsid");
    let at = pty.until("serving").await;
    pty.until_after(at, "\r\n\r\n").await;
    pty.assert_restored("a start with a pipe");
    pty.press(b"\x03");
    pty.wait().await;
}

/// The lines above the cursor are those of other programs then.
#[tokio::test]
async fn no_line_is_replaced_after_fg_and_in_the_background() {
    let dir = TempDir::with_page("<p>");
    dir.write("a.css", "a {}");
    let commands = "eval $livers; echo stopped; fg; echo again; bg; read line; echo end";
    let Some(mut pty) = Pty::shell(dir.path(), commands) else {
        return skip(AREA, "setsid");
    };
    let at = pty.ready().await;
    crate::support::http::get(pty.port(), "/a.css").await;
    pty.press(b"p");
    let at = pty.until_after(at, "paused").await;
    pty.press(b"\x1a");
    let at = pty.until_after(at, "stopped").await;
    // The state is shown again, below.
    let at = pty.until_after(at, "paused").await;
    pty.wait_for_keys().await;
    pty.press(b"p");
    let at = pty.until_after(at, "resumed").await;
    dir.write("a.css", "b {}");
    let at = pty.until_after(at, "updated").await;
    pty.press(b"\x1a");
    let at = pty.until_after(at, "again").await;
    dir.write("a.css", "c {}");
    let end = pty.until_after(at, "updated").await;
    assert!(!pty.text()[at..end].contains("\x1b[J"), "{:?}", pty.text());
    pty.press(b"\n");
    pty.until_after(end, "end").await;
}
