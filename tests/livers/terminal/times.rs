//! Times of day.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::support::dir::TempDir;
use crate::support::http;
use crate::support::pty::Pty;
use crate::support::skip::skip;

/// Returns the seconds since midnight in a zone that is so many minutes east.
fn time_of_day(east: u64) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_secs();
    (now + east * 60) % 86_400
}

#[tokio::test]
async fn verbose_lines_have_the_local_time() {
    let dir = TempDir::with_page("<p>");
    // POSIX counts to the west.
    for (zone, east) in [("UTC0", 0), ("IST-5:30", 330)] {
        let env = [("TZ", zone), ("NO_COLOR", "1")];
        let Some(pty) = Pty::livers(dir.path(), 100, &env, &["--verbose"]) else {
            return skip("terminal::times", "setsid");
        };
        let at = pty.ready().await;
        let before = time_of_day(east);
        http::get(pty.port(), "/?one").await;
        let end = pty.until_after(at, "  GET      /?one  200").await;
        let after = time_of_day(east);
        let text = pty.text();
        let line = text[..end].lines().next_back().expect("a line");
        let parts = line.split("  ").next().expect("a time").split(':');
        let [hours, minutes, seconds] =
            parts.map(|part| part.parse().expect("a number")).collect::<Vec<u64>>()[..]
        else {
            panic!("{line:?}")
        };
        let printed = hours * 3600 + minutes * 60 + seconds;
        // It may be midnight meanwhile.
        let passed = |from: u64, to: u64| (to + 86_400 - from) % 86_400;
        assert!(passed(before, printed) <= passed(before, after), "{zone}: {line:?}");
    }
}
