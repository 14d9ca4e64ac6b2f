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

use self::cases::read_cases;
use crate::support::browser::browser;
use crate::support::dir::TempDir;
use crate::support::server::Livers;

/// The files beside this one.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/livers/module_semantics");

/// Serves all modules unchanged.
const NO_COMPILE: &str = "--no-compile";

/// Shows that the expected outcomes are those of the browser itself.
#[tokio::test]
async fn modules_without_livers_behave_as_specified() {
    check(&["cases"], &[NO_COMPILE]).await;
}

#[tokio::test]
async fn modules_served_one_by_one_behave_as_specified() {
    check(&["cases", "compiled"], &[]).await;
}

/// Runs the cases in these folders with these arguments of the server.
///
/// # Panics
/// With the names of the cases that do not have the expected outcome, and the differences.
async fn check(folders: &[&str], args: &[&str]) {
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
            let [alone, with_livers] = &case.expected;
            let expected = if args.contains(&NO_COMPILE) { alone } else { with_livers };
            compare(&case.name, expected, &outcome, &mut report);
        }
    }
    assert!(report.is_empty(), "livers {args:?}:\n{report}");
}

/// Adds a case to the report, if its outcome is not the expected one.
fn compare(name: &str, expected: &[String], outcome: &[String], report: &mut String) {
    if expected == outcome {
        return;
    }
    let _ = writeln!(report, "{name}:");
    for (what, lines) in [("expected", expected), ("got", outcome)] {
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
