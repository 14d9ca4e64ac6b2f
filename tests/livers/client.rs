//! The JavaScript of `client-snippet`: type check, and unit tests under Node.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

/// Runs a program in the repository's root, and panics with its output if it fails.
async fn run(program: &str, args: &[&str]) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    assert!(
        root.join("tests/node_modules/.package-lock.json").is_file(),
        "the Node packages of the tests are missing: run ./tests/run once to install them"
    );
    let mut command = tokio::process::Command::new(program);
    command.args(args).current_dir(root).stdin(Stdio::null()).kill_on_drop(true);
    let ended = tokio::time::timeout(Duration::from_mins(2), command.output()).await;
    let output = ended
        .unwrap_or_else(|_| panic!("waited 120 s for {program}"))
        .unwrap_or_else(|e| panic!("{program} cannot be started ({e}): install Node (nodejs.org)"));
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    assert!(output.status.success(), "{program} {}: {}\n{text}", args.join(" "), output.status);
}

#[tokio::test]
async fn client_types_are_correct() {
    run("npm", &["run", "check", "--prefix", "tests"]).await;
}

#[tokio::test]
async fn client_unit_tests_pass() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/client");
    let files = std::fs::read_dir(folder).expect("tests/client").flatten();
    let files = files.map(|file| file.path().to_string_lossy().into_owned());
    let mut files: Vec<_> = files.filter(|file| file.ends_with(".test.mjs")).collect();
    files.sort();
    assert!(!files.is_empty(), "no test files in tests/client");
    run("node", &[&["--test"], &*files.iter().map(String::as_str).collect::<Vec<_>>()].concat())
        .await;
}
