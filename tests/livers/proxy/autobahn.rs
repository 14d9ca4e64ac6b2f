//! Autobahn's WebSocket test suite, against a backend directly and through livers.
//!
//! Both runs must have the same results: errors of the backend are not of interest, but the proxy
//! must not add or hide any.
//!
//! The suite (`autobahntestsuite` on PyPI) needs Python 2.7: its release 25.10.1 installs on Python
//! 3, but fails at its first import. The test is skipped without `wstest` in `PATH` or in the
//! environment variable `WSTEST`. It takes minutes. `LIVERS_AUTOBAHN=all` also runs the cases of
//! compressed large messages, and `LIVERS_AUTOBAHN='1.*,9.8.1'` runs only these cases.

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

use super::start;
use crate::support::{dir::TempDir, skip::skip};

/// Compression of large messages. These cases take longer than all others together.
const LARGE_COMPRESSED: [&str; 10] = [
    "12.2.*", "12.3.*", "12.4.*", "12.5.*", "13.2.*", "13.3.*", "13.4.*", "13.5.*", "13.6.*",
    "13.7.*",
];

/// Time limit for all cases, in both runs.
const LIMIT: Duration = Duration::from_hours(1);

/// Returns the path of `wstest`.
fn suite() -> Option<PathBuf> {
    let named = env::var_os("WSTEST").map(PathBuf::from);
    let path = env::var_os("PATH").unwrap_or_default();
    let found =
        || env::split_paths(&path).map(|folder| folder.join("wstest")).find(|f| f.is_file());
    named.or_else(found)
}

/// Starts `wstest`.
fn run(suite: &Path, folder: &Path, args: &[&str]) -> Child {
    let mut command = Command::new(suite);
    command.args(args).current_dir(folder).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("start wstest")
}

/// Waits until a port accepts connections.
async fn wait_for_listener(port: u16) {
    let waiting = async {
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(Duration::from_mins(1), waiting).await.expect("the server of the suite");
}

/// Returns the result of each case, by its number.
fn results(index: &Value, agent: &str) -> BTreeMap<String, String> {
    let cases = index[agent].as_object().unwrap_or_else(|| panic!("{agent} in {index}"));
    let result = |case: &Value| format!("{}, close {}", case["behavior"], case["behaviorClose"]);
    cases.iter().map(|(number, case)| (number.clone(), result(case))).collect()
}

#[tokio::test]
async fn results_are_the_same_through_the_proxy() {
    let Some(suite) = suite() else {
        return skip("proxy::autobahn", "wstest");
    };
    let folder = TempDir::new();
    let free = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = free.local_addr().expect("an address").port();
    drop(free);
    let uri = format!("ws://127.0.0.1:{port}");
    let _backend = run(&suite, folder.path(), &["-m", "testeeserver", "-w", &uri]);
    wait_for_listener(port).await;
    // The server of the suite accepts its own host name only.
    let route = format!("--proxy=/=127.0.0.1:{port}");
    let (livers, _dir) = start([route, "--proxy-change-origin".to_owned()]).await;

    let selected = env::var("LIVERS_AUTOBAHN").ok();
    let (cases, excluded): (Vec<&str>, &[&str]) = match selected.as_deref() {
        None => (vec!["*"], &LARGE_COMPRESSED),
        Some("all") => (vec!["*"], &[]),
        Some(named) => (named.split(',').collect(), &[]),
    };
    let proxied = format!("ws://127.0.0.1:{}", livers.port());
    let spec = serde_json::json!({
        "outdir": folder.path().join("reports"),
        "servers": [{ "agent": "direct", "url": uri }, { "agent": "proxied", "url": proxied }],
        "cases": cases,
        "exclude-cases": excluded,
        "exclude-agent-cases": {},
    });
    folder.write("spec.json", spec.to_string());
    let since = Instant::now();
    let mut client = run(&suite, folder.path(), &["-m", "fuzzingclient", "-s", "spec.json"]);
    let ended = timeout(LIMIT, client.wait()).await.expect("the suite ends");
    assert!(ended.expect("an exit").success());

    let index = fs::read(folder.path().join("reports/index.json")).expect("its report");
    let index: Value = serde_json::from_slice(&index).expect("JSON");
    let (direct, proxied) = (results(&index, "direct"), results(&index, "proxied"));
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for result in proxied.values() {
        *counts.entry(result).or_default() += 1;
    }
    println!("{} cases in {:.0} s: {counts:#?}", proxied.len(), since.elapsed().as_secs_f64());
    assert!(selected.is_some() || proxied.len() > 300, "only {} cases were run", proxied.len());
    assert!(direct.keys().eq(proxied.keys()), "not the same cases");
    let differ: Vec<_> = direct
        .iter()
        .filter(|(number, result)| proxied.get(*number) != Some(result))
        .map(|(number, result)| format!("{number}: {result}, not {}", proxied[number]))
        .collect();
    assert!(differ.is_empty(), "{} cases differ: {differ:#?}", differ.len());
    assert_eq!(livers.stderr(), [""; 0]);
}
