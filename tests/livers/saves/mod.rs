//! The ways in which tools save a file: messages, navigations, and what the tab then shows.
//!
//! Tests the most common ways, several at a time. `cargo bench --bench patterns` runs the whole
//! table.

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

/// How many run at a time, and how often one is tried.
const AT_ONCE: usize = 8;
const TRIES: usize = 3;

/// Runs a pattern, up to three times if the number of messages is wrong: a busy machine may suspend
/// a tool between two steps for so long that they are two saves. What the tab shows in the end must
/// be right at each try, and so must the absence of messages when nothing changed.
async fn try_pattern(pattern: &Pattern, browser: &Context) -> Result<(), String> {
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
async fn each_way_to_save_is_one_change_of_the_page() {
    let browser = browser().await;
    let mut tasks = JoinSet::new();
    let slots = Arc::new(Semaphore::new(AT_ONCE));
    for pattern in table::all().into_iter().flat_map(|(_, patterns)| patterns) {
        if pattern.tested {
            let (slots, browser) = (Arc::clone(&slots), browser.clone());
            tasks.spawn(async move {
                let _slot = slots.acquire().await;
                try_pattern(&pattern, &browser).await
            });
        }
    }
    let ended = tasks.join_all().await;
    println!("{} ways", ended.len());
    let wrong: Vec<_> = ended.into_iter().filter_map(Result::err).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn page_is_never_served_in_part() {
    for (way, length) in WAYS.iter().flat_map(|way| [(*way, 20 << 10), (*way, 2 << 20)]) {
        let counts = torn(way, length, 5).await;
        println!("{way:?}, {length} bytes: {counts:?}");
        let torn = counts.torn + counts.torn_on_message + counts.cut + counts.cut_on_message;
        assert!(
            torn == 0 && counts.stale == 0 && counts.shown,
            "{way:?}, {length} bytes: {counts:?}"
        );
    }
}

/// A page too large for memory may change while it is sent. The client can tell that the response
/// was cut short, and the message that follows leads to the complete page.
#[tokio::test]
async fn large_page_is_complete_after_the_message() {
    for way in WAYS {
        let counts = torn(way, 20 << 20, 2).await;
        println!("{way:?}: {counts:?}");
        let torn = counts.torn_on_message + counts.cut_on_message;
        assert!(torn == 0 && counts.stale == 0 && counts.shown, "{way:?}: {counts:?}");
    }
}
