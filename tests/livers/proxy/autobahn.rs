//! Autobahn's WebSocket test suite, at a backend through livers and at the same backend directly.
//!
//! What the backend gets wrong is its own affair; that nothing becomes worse, or better, on the way
//! is livers'. The suite is a program of PyPI's (`autobahntestsuite`, for Python 2.7), and takes
//! minutes: where there is no `wstest` (in `PATH`, or named by `WSTEST`), this says that it is
//! skipped. `LIVERS_AUTOBAHN=all` runs every case, compression of large messages included, and
//! `LIVERS_AUTOBAHN='1.*,9.8.1'` these.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use serde_json::Value;
use tokio::{
    net::{TcpListener, TcpStream},
    process::{Child, Command},
    time::{sleep, timeout},
};

use super::front;
use crate::support::{dir::TempDir, skip::skip};

/// Compression of large messages: more than all others together.
const LARGE: [&str; 10] = [
    "12.2.*", "12.3.*", "12.4.*", "12.5.*", "13.2.*", "13.3.*", "13.4.*", "13.5.*", "13.6.*",
    "13.7.*",
];

/// How long all cases may take, twice each.
const LIMIT: Duration = Duration::from_hours(1);

fn suite() -> Option<PathBuf> {
    let named = env::var_os("WSTEST").map(PathBuf::from);
    let path = env::var_os("PATH").unwrap_or_default();
    let found =
        || env::split_paths(&path).map(|folder| folder.join("wstest")).find(|f| f.is_file());
    named.or_else(found)
}

fn run(suite: &Path, folder: &Path, args: &[&str]) -> Child {
    let mut command = Command::new(suite);
    command.args(args).current_dir(folder).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("start wstest")
}

/// Waits until somebody listens on a port.
async fn listening(port: u16) {
    let waiting = async {
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(Duration::from_mins(1), waiting).await.expect("the suite's own server");
}

/// How each case ended, by its number.
fn endings(index: &Value, agent: &str) -> BTreeMap<String, String> {
    let cases = index[agent].as_object().unwrap_or_else(|| panic!("{agent} in {index}"));
    let ending = |case: &Value| format!("{}, close {}", case["behavior"], case["behaviorClose"]);
    cases.iter().map(|(number, case)| (number.clone(), ending(case))).collect()
}

#[tokio::test]
async fn the_suite_finds_the_same_through_the_proxy() {
    let Some(suite) = suite() else {
        return skip("proxy::autobahn", "wstest");
    };
    let folder = TempDir::new();
    let free = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = free.local_addr().expect("an address").port();
    drop(free);
    let uri = format!("ws://127.0.0.1:{port}");
    let _backend = run(&suite, folder.path(), &["-m", "testeeserver", "-w", &uri]);
    listening(port).await;
    // The suite's server answers to its own name only.
    let route = format!("--proxy=/=127.0.0.1:{port}");
    let (livers, _dir) = front([route, "--proxy-change-origin".to_owned()]).await;

    let wanted = env::var("LIVERS_AUTOBAHN").ok();
    let (cases, left_out): (Vec<&str>, &[&str]) = match wanted.as_deref() {
        None => (vec!["*"], &LARGE),
        Some("all") => (vec!["*"], &[]),
        Some(named) => (named.split(',').collect(), &[]),
    };
    let proxied = format!("ws://127.0.0.1:{}", livers.port());
    let spec = serde_json::json!({
        "outdir": folder.path().join("reports"),
        "servers": [{ "agent": "direct", "url": uri }, { "agent": "proxied", "url": proxied }],
        "cases": cases,
        "exclude-cases": left_out,
        "exclude-agent-cases": {},
    });
    folder.write("spec.json", spec.to_string());
    let since = Instant::now();
    let mut client = run(&suite, folder.path(), &["-m", "fuzzingclient", "-s", "spec.json"]);
    let ended = timeout(LIMIT, client.wait()).await.expect("the end of the suite");
    assert!(ended.expect("an exit").success());

    let index = fs::read(folder.path().join("reports/index.json")).expect("its report");
    let index: Value = serde_json::from_slice(&index).expect("JSON");
    let (direct, proxied) = (endings(&index, "direct"), endings(&index, "proxied"));
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for ending in proxied.values() {
        *counts.entry(ending).or_default() += 1;
    }
    println!("{} cases in {:.0} s: {counts:#?}", proxied.len(), since.elapsed().as_secs_f64());
    assert!(wanted.is_some() || proxied.len() > 300, "only {} cases were run", proxied.len());
    assert!(direct.keys().eq(proxied.keys()), "not the same cases");
    let differ: Vec<_> = direct
        .iter()
        .filter(|(number, ending)| proxied.get(*number) != Some(ending))
        .map(|(number, ending)| format!("{number}: {ending}, not {}", proxied[number]))
        .collect();
    assert!(differ.is_empty(), "{} cases differ: {differ:#?}", differ.len());
    assert_eq!(livers.stderr(), [""; 0]);
}
