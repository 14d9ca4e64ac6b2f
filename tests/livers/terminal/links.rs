//! Links to the places of errors.

use crate::support::dir::TempDir;
use crate::support::http;
use crate::support::pty::Pty;
use crate::support::skip::skip;

/// Serves a source with an error, and returns what a terminal with these variables gets.
async fn error_with(dir: &TempDir, env: &[(&str, &str)]) -> Option<String> {
    let pty = Pty::livers(dir.path(), 60, env, &[])?;
    let at = pty.ready().await;
    http::get_with(pty.port(), "/a%20b.ts", &[("Sec-Fetch-Dest", "script")]).await;
    pty.until_after(at, "^").await;
    Some(pty.text()[at..].to_owned())
}

#[tokio::test]
async fn the_place_of_an_error_is_a_link_on_terminals_with_links() {
    let dir = TempDir::with_page("<p>");
    dir.write("a b.ts", "let a = ;\n");
    let path = dir.path().canonicalize().expect("a path");
    let path = path.to_str().expect("UTF-8");
    let end = "\x1b\\a b.ts:1:9\x1b]8;;\x1b\\";
    let vscode = format!("\x1b]8;;vscode://file{path}/a%20b.ts:1:9{end}");
    let host = std::process::Command::new("uname").arg("-n").output().expect("run uname");
    let host = String::from_utf8(host.stdout).expect("UTF-8");
    let file = |line: &str| format!("\x1b]8;;file://{}{path}/a%20b.ts{line}{end}", host.trim());
    for (env, wanted) in [
        (&[][..], None),
        (&[("TERM_PROGRAM", "vscode")], Some(vscode)),
        (&[("VTE_VERSION", "7600")], Some(file(""))),
        (&[("KITTY_WINDOW_ID", "1")], Some(file("#1"))),
        (&[("VTE_VERSION", "7600"), ("NO_COLOR", "1")], None),
        (&[("VTE_VERSION", "7600"), ("FORCE_HYPERLINK", "0")], None),
    ] {
        let Some(text) = error_with(&dir, env).await else {
            return skip("terminal::links", "setsid");
        };
        match wanted {
            Some(link) => assert!(text.contains(&link), "{env:?}: {text:?}"),
            None => assert!(!text.contains("\x1b]8"), "{env:?}: {text:?}"),
        }
    }
}

/// The line is printed again in the place of the first one: the rows are counted without the link.
#[tokio::test]
async fn links_do_not_count_as_columns() {
    let dir = TempDir::with_page("<p>");
    dir.write("a.ts", "let a = ;\n");
    let Some(mut pty) = Pty::livers(dir.path(), 60, &[("VTE_VERSION", "7600")], &[]) else {
        return skip("terminal::links", "setsid");
    };
    let at = pty.ready().await;
    pty.press(b"p");
    let at = pty.until_after(at, "paused").await;
    http::get_with(pty.port(), "/a.ts", &[("Sec-Fetch-Dest", "script")]).await;
    // The status is one row, which the error replaces and that is written again below it.
    let error = pty.until_after(at, "\x1b]8;;file://").await;
    assert!(pty.text()[at..error].contains("\x1b[1A\x1b[J"), "{:?}", pty.text());
    pty.until_after(error, "paused").await;
}
