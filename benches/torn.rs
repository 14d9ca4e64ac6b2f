//! Counts incomplete pages among fetches of a page while it is written.
//!
//! Pages of 20 KB, 2 MB and 20 MB are written in 20 steps 5 ms apart, again and again, in three
//! ways: into the truncated file, over the old bytes, and appended. Counts the fetches in a loop
//! and on each message that get a part of a version or a mixture of two, the versions that no
//! message led to, and whether Chromium shows the last version in the end.
//!
//! `tests/livers/saves/torn.rs` does it. `cargo bench --bench torn -- 100` writes 100 versions
//! rather than 30 in each way, and a tenth of them for 20 MB. The output is Markdown.
//!
//! Not measured: writers that take longer than a request waits.

#![allow(
    clippy::expect_used,
    clippy::format_collect,
    clippy::format_push_string,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    unreachable_pub,
    unused_imports
)]

#[path = "../tests/livers/support/mod.rs"]
mod support;
#[path = "../tests/livers/saves/torn.rs"]
mod torn;

use std::env;

use torn::{Counts, WAYS, torn};

#[tokio::main]
async fn main() {
    let rounds = env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(30_usize);
    println!(
        "| page | way | versions | fetches | torn | cut | on a message | torn | cut | stale | shown at the end |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    for (name, length, rounds) in [
        ("20 KB", 20 << 10, rounds),
        ("2 MB", 2 << 20, rounds),
        ("20 MB", 20 << 20, rounds.div_ceil(10)),
    ] {
        for way in WAYS {
            let counts = torn(way, length, rounds).await;
            let Counts { rounds, fetches, torn, cut, on_message, stale, .. } = counts;
            let Counts { torn_on_message, cut_on_message, .. } = counts;
            let shown = if counts.shown { "yes" } else { "**no**" };
            let slow = match counts.slow {
                0 => String::new(),
                slow => format!(" ({slow} too slow)"),
            };
            println!(
                "| {name} | {way:?} | {rounds}{slow} | {fetches} | {torn} | {cut} | {on_message} \
                 | {torn_on_message} | {cut_on_message} | {stale} | {shown} |"
            );
        }
    }
}
