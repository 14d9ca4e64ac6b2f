//! Semantics of ES modules (ECMA-262, section 16.2, and HTML, section 8.1.3): small cases that must
//! have the same outcome in every way in which a page can get its modules.
//!
//! A case is a folder with a module `main.js`, which logs what it observes. Its page imports that
//! module from `start.js`, which ends the case, so a case may await. The outcome is the list of
//! what it logged and of uncaught errors, see `harness.js`. The folders and the expected outcomes
//! are in `cases`, one file for a subject, see [`cases`]. Add a case there, and it runs in all
//! ways.
//!
//! Only the kinds of errors count, as messages are not specified.

mod cases;

use std::fmt::Write;
use std::path::Path;

use serde_json::json;

use self::cases::{EXPECTED, read_cases};
use crate::support::browser::browser;
use crate::support::dir::TempDir;
use crate::support::server::Livers;

/// The files beside this one.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/livers/module_semantics");

/// The folders of cases. Those of the second need livers.
const ALL: &[&str] = &["cases", "compiled"];

/// The outcomes with livers, the first that a case has.
const OF_LIVERS: &[&str] = &["expected of livers", EXPECTED];

/// The same for packs.
const OF_PACKS: &[&str] = &["expected of packs", "expected of livers", EXPECTED];

/// Shows that the expected outcomes are those of the browser itself.
#[tokio::test]
async fn modules_without_livers_behave_as_specified() {
    check(&ALL[..1], &["--no-compile"], &[EXPECTED]).await;
}

#[tokio::test]
async fn modules_served_one_by_one_behave_as_specified() {
    check(ALL, &["--packs", "never"], OF_LIVERS).await;
}

#[tokio::test]
async fn packed_modules_behave_as_specified() {
    check(ALL, &["--packs", "always"], OF_PACKS).await;
}

/// Runs the cases in these folders with these arguments of the server. `expected` are the names of
/// the outcomes, by precedence.
///
/// # Panics
/// With the names of the cases that do not have the expected outcome, and the differences.
async fn check(folders: &[&str], args: &[&str], expected: &[&str]) {
    let read_folder = |folder: &&str| read_cases(&Path::new(FOLDER).join(folder));
    let subjects: Vec<_> = folders.iter().flat_map(read_folder).collect();
    let dir = TempDir::new();
    for (path, text) in
        [("favicon.ico", ""), ("index.html", "<!doctype html>"), ("package.json", "{}")]
    {
        dir.write(path, text);
    }
    dir.write("harness.js", read("harness.js"));
    for case in subjects.iter().flatten() {
        for (path, text) in case.pages() {
            dir.write(format!("{}/{path}", case.name), text);
        }
    }
    let livers = Livers::on(dir.path()).args(args).start().await;
    let page = browser().await.open(livers.url()).await;
    // Thousands of events would be sent.
    for domain in ["Network.disable", "Log.disable", "Page.disable"] {
        page.command(domain, json!({})).await;
    }
    let mut report = String::new();
    for subject in &subjects {
        let paths: Vec<_> = subject.iter().map(|case| format!("/{}/", case.name)).collect();
        let paths = serde_json::to_string(&paths).expect("JSON");
        let js = format!("{}({paths})", read("runner.js").trim_end());
        let outcomes: Vec<Vec<String>> = page.eval(&js).await;
        for (case, outcome) in subject.iter().zip(outcomes) {
            compare(&case.name, &case.expected(expected), &outcome, &mut report);
        }
    }
    assert!(report.is_empty(), "livers {args:?}:\n{report}");
}

/// Adds a case to the report, if its outcome is not the expected one.
fn compare(name: &str, expected: &[&str], outcome: &[String], report: &mut String) {
    if expected == outcome {
        return;
    }
    let outcome: Vec<_> = outcome.iter().map(String::as_str).collect();
    let _ = writeln!(report, "{name}:");
    for (what, lines) in [("expected", expected), ("got", &outcome)] {
        let _ = writeln!(report, "  {what}:");
        for line in lines {
            let _ = writeln!(report, "    {line}");
        }
    }
}

fn read(file: &str) -> String {
    let path = Path::new(FOLDER).join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("read {}: {e}", path.display()))
}
