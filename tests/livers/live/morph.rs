//! A saved page is brought up to date in place, if that is sure to be right.

use serde_json::Value;

use super::{opened, quiet};
use crate::support::dir::TempDir;
use crate::support::server::Livers;

const PAIRS: &str = include_str!("morph/pairs.js");

#[tokio::test]
async fn a_patched_page_is_the_one_that_a_fresh_load_gives() {
    let dir = TempDir::with_page("<!doctype html><title>frames</title><body>");
    let livers = Livers::on(dir.path()).start().await;
    let pages = opened(&livers, &["/"]).await;
    let mut patched = 0;
    for seed in 1..=6 {
        let answer: Value = pages[0].eval(&format!("({PAIRS})({seed}, 40)")).await;
        let wrong = answer["wrong"].as_array().expect("a list");
        assert!(wrong.is_empty(), "{} wrong, such as {:#}", wrong.len(), wrong[0]);
        patched += answer["morph"].as_u64().expect("a number");
    }
    // It is not by reloading that nothing goes wrong.
    assert!(patched > 100, "{patched}");
    quiet(&pages[0]);
}
