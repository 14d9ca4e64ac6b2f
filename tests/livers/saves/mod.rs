//! The ways in which real tools save a file: messages, navigations, and what the tab then shows.
//!
//! The whole table is long; `cargo bench --bench patterns` prints it. Here are the ways that matter
//! most, several at a time.

mod run;
mod table;
mod torn;

use std::sync::Arc;

use tokio::{sync::Semaphore, task::JoinSet};

use run::{missing, run};
use table::Pattern;
use torn::{WAYS, torn};

use crate::support::{
    browser::{Context, browser},
    skip::skip,
};

/// How many at a time, and how often one is tried.
const AT_ONCE: usize = 8;
const TRIES: usize = 3;

/// Runs a pattern. A busy machine may interrupt a tool between two steps for so long that they are
/// two saves; what the tab shows in the end, and that nothing is told when nothing changed, must be
/// right at each try.
async fn tried(pattern: &Pattern, browser: &Context) -> Result<(), String> {
    let missing = missing(pattern).await;
    if !missing.is_empty() {
        skip(&format!("saves: {}", pattern.name), &missing.join(" and "));
        return Ok(());
    }
    let mut outcomes = Vec::new();
    while outcomes.len() < TRIES {
        let outcome = run(pattern, browser).await;
        if outcome.is_fine(pattern.wanted) {
            return Ok(());
        }
        let counts = outcome.is_fresh() && pattern.wanted != table::Wanted::Nothing;
        outcomes.push(outcome.to_string());
        if !counts {
            break;
        }
    }
    Err(format!("{}: {:?}, but {}", pattern.name, pattern.wanted, outcomes.join("; ")))
}

#[tokio::test]
async fn a_save_is_one_change_of_the_page_whoever_saves() {
    let browser = browser().await;
    let mut tasks = JoinSet::new();
    let room = Arc::new(Semaphore::new(AT_ONCE));
    for pattern in table::all().into_iter().flat_map(|(_, patterns)| patterns) {
        if pattern.tested {
            let (room, browser) = (Arc::clone(&room), browser.clone());
            tasks.spawn(async move {
                let _turn = room.acquire().await;
                tried(&pattern, &browser).await
            });
        }
    }
    let ended = tasks.join_all().await;
    println!("{} ways", ended.len());
    let wrong: Vec<_> = ended.into_iter().filter_map(Result::err).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn nobody_gets_half_a_page() {
    for (way, length) in WAYS.iter().flat_map(|way| [(*way, 20 << 10), (*way, 2 << 20)]) {
        let torn = torn(way, length, 5).await;
        println!("{way:?}, {length} bytes: {torn:?}");
        let half = torn.half + torn.half_on_message + torn.cut + torn.cut_on_message;
        assert!(half == 0 && torn.stale == 0 && torn.shown, "{way:?}, {length} bytes: {torn:?}");
    }
}

/// What is too large to be kept in memory may change while it is sent: that is seen, and mended by
/// the message.
#[tokio::test]
async fn half_of_a_large_page_is_mended_by_the_message() {
    for way in WAYS {
        let torn = torn(way, 20 << 20, 2).await;
        println!("{way:?}: {torn:?}");
        let half = torn.half_on_message + torn.cut_on_message;
        assert!(half == 0 && torn.stale == 0 && torn.shown, "{way:?}: {torn:?}");
    }
}
