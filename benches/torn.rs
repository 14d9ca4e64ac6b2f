//! How often a client gets half of a page that is being written, and whether it ends up with all.
//!
//! **What**: pages of 20 KB, 2 MB and 20 MB, written in 20 steps 5 ms apart, over and over, in three
//! ways: into the emptied file, over the old bytes, and appended. How many fetches in a loop and on
//! each message get the beginning of a version, or two mixed; how many versions no message led to;
//! and whether a page in Chromium shows the last version in the end.
//!
//! **How**: `tests/livers/saves/torn.rs` does it and says how. `cargo bench --bench torn -- 100`
//! writes 100 versions rather than 30 in each way; a tenth of them for 20 MB. The output is Markdown.
//!
//! **Left out**: writers that take longer than a request is held.

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

use torn::{Torn, WAYS, torn};

#[tokio::main]
async fn main() {
    let rounds = env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(30_usize);
    println!(
        "| page | way | versions | fetches | half | cut | on a message | half | cut | stale | shown at the end |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    for (name, length, rounds) in [
        ("20 KB", 20 << 10, rounds),
        ("2 MB", 2 << 20, rounds),
        ("20 MB", 20 << 20, rounds.div_ceil(10)),
    ] {
        for way in WAYS {
            let torn = torn(way, length, rounds).await;
            let Torn { rounds, fetches, half, cut, on_message, stale, .. } = torn;
            let Torn { half_on_message, cut_on_message, .. } = torn;
            let shown = if torn.shown { "yes" } else { "**no**" };
            let slow = match torn.slow {
                0 => String::new(),
                slow => format!(" ({slow} too slow)"),
            };
            println!(
                "| {name} | {way:?} | {rounds}{slow} | {fetches} | {half} | {cut} | {on_message} \
                 | {half_on_message} | {cut_on_message} | {stale} | {shown} |"
            );
        }
    }
}
