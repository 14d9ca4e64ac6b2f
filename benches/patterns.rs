//! Counts what follows from each of about 190 ways in which tools save files: messages,
//! navigations, stale pages.
//!
//! Each way has a folder, a server and a page in Chromium of its own. Counts the `updated` messages
//! to the page and to a tool (which is notified of every change), the navigations and changes in
//! place, and checks that Chromium then shows what the files contain.
//!
//! `tests/livers/saves` has the table and the runner, and tells how the end of the messages is
//! known. `cargo bench --bench patterns -- 6` runs 6 ways at a time; a result that is not as wanted
//! is replaced by that of another run, alone. Any other argument selects the ways whose names
//! contain it. The output is Markdown.
//!
//! Not measured: time. See the benches `save` and `rivals`.

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

/// The table and the runner.
#[path = "../tests/livers/saves"]
mod saves {
    pub(crate) mod run;
    pub(crate) mod table;
}

use std::{env, sync::Arc};

use tokio::{sync::Semaphore, task::JoinSet};

use saves::{
    run::{Outcome, missing, run},
    table::{self, Pattern, Wanted},
};
use support::browser::{Context, browser};

/// The outcome of a way.
enum Row {
    Skipped(Vec<&'static str>),
    Failed(String),
    Ran { outcome: Outcome, again: bool },
}

#[tokio::main]
async fn main() {
    let mut at_once = 4;
    let mut filter = Vec::new();
    for argument in env::args().skip(1).filter(|argument| !argument.starts_with("--")) {
        match argument.parse() {
            Ok(number) => at_once = number,
            Err(_) => filter.push(argument),
        }
    }
    let browser = browser().await;
    let picked = |name: &str| filter.is_empty() || filter.iter().any(|word| name.contains(word));
    let (mut all, mut fine, mut stale) = (0, 0, 0);
    for (title, patterns) in table::all() {
        let patterns: Vec<_> = patterns.into_iter().filter(|way| picked(way.name)).collect();
        if patterns.is_empty() {
            continue;
        }
        println!(
            "\n| {title} | wanted | messages | to a tool | navigations | in place | stale | |"
        );
        println!("|---|---|---|---|---|---|---|---|");
        for (pattern, row) in patterns.iter().zip(rows(&patterns, at_once, &browser).await) {
            if let Row::Ran { outcome, .. } = &row {
                all += 1;
                fine += usize::from(outcome.is_fine(pattern.wanted));
                stale += usize::from(!outcome.is_fresh());
            }
            print(pattern, &row);
        }
    }
    println!("\n{all} ran: {fine} as wanted, {stale} stale.");
}

async fn rows(patterns: &[Pattern], at_once: usize, browser: &Context) -> Vec<Row> {
    let slots = Arc::new(Semaphore::new(at_once));
    let mut tasks = JoinSet::new();
    for (n, pattern) in patterns.iter().cloned().enumerate() {
        let (slots, browser) = (Arc::clone(&slots), browser.clone());
        tasks.spawn(async move {
            let _slot = slots.acquire().await;
            (n, row(pattern, browser, false).await)
        });
    }
    let mut rows = tasks.join_all().await;
    rows.sort_by_key(|(n, _)| *n);
    let mut rows: Vec<_> = rows.into_iter().map(|(_, row)| row).collect();
    for (row, pattern) in rows.iter_mut().zip(patterns) {
        let fine = match row {
            Row::Skipped(_) => true,
            Row::Failed(_) => false,
            Row::Ran { outcome, .. } => outcome.is_fine(pattern.wanted),
        };
        if !fine {
            *row = self::row(pattern.clone(), browser.clone(), true).await;
        }
    }
    rows
}

async fn row(pattern: Pattern, browser: Context, again: bool) -> Row {
    let missing = missing(&pattern).await;
    if !missing.is_empty() {
        return Row::Skipped(missing);
    }
    match tokio::spawn(async move { run(&pattern, &browser).await }).await {
        Ok(outcome) => Row::Ran { outcome, again },
        Err(error) => {
            let panic = error.into_panic();
            let text = panic.downcast_ref::<String>().cloned();
            Row::Failed(text.unwrap_or_else(|| "a panic".to_owned()))
        }
    }
}

fn print(Pattern { name, wanted, .. }: &Pattern, row: &Row) {
    let most = match wanted {
        Wanted::Nothing => "0".to_owned(),
        Wanted::One => "1".to_owned(),
        Wanted::Burst => "1 or 2, at once".to_owned(),
        Wanted::Few(most) => format!("1 to {most}"),
    };
    let name = name.replace('|', "\\|");
    match row {
        Row::Skipped(missing) => {
            println!("| {name} | {most} | needs {} | | | | | |", missing.join(", "));
        }
        Row::Failed(why) => {
            let why: String = why.lines().next().unwrap_or_default().chars().take(120).collect();
            println!("| {name} | {most} | failed: {why} | | | | | **no** |");
        }
        Row::Ran { outcome, again } => {
            let Outcome { messages, to_tool, navigations, in_place, .. } = outcome;
            let stale = match (&outcome.stale, &outcome.served) {
                (None, None) if outcome.lost => "**later changes are not published**".to_owned(),
                (None, None) => "no".to_owned(),
                (Some(shown), _) => format!("**shows** {shown}"),
                (None, Some(served)) => format!("**serves** {served}"),
            };
            let verdict = match (outcome.is_fine(*wanted), again) {
                (true, false) => "yes",
                (true, true) => "yes, alone",
                (false, _) => "**no**",
            };
            println!(
                "| {name} | {most} | {messages} | {to_tool} | {navigations} | {in_place} | {stale} \
                 | {verdict} |"
            );
        }
    }
}
