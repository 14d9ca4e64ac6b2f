//! The Chromium process that all tests share, and the DevTools protocol over a pipe.
//!
//! With `--remote-debugging-pipe`, Chromium reads JSON messages that end with NUL from descriptor 3
//! and writes them to descriptor 4. A shell sets up these descriptors and removes the profile when
//! the browser has ended. Only this process holds the pipe, so Chromium ends when the process ends,
//! even by SIGKILL.
//!
//! Each test has its own tokio runtime. Threads therefore read the pipe, and responses pass through
//! channels that belong to no runtime. If Chromium dies, the tests that use it fail, and the next
//! test starts another one.

use std::collections::{HashMap, VecDeque};
use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::events::Events;
use crate::support::lock;

/// The first response includes the start of a browser, on a busy machine.
const DEADLINE: Duration = Duration::from_secs(45);

const SCRIPT: &str = r#"
trap : INT TERM HUP
"$0" "$@" 3<&0 4>&1 0</dev/null 1>&2
rm -rf "$PROFILE" || { sleep 1; rm -rf "$PROFILE"; }
"#;

const FLAGS: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--allow-loopback-in-peer-connection",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    "--remote-debugging-pipe",
];

type Answer = Result<Value, String>;

#[derive(Default)]
struct Shared {
    pending: Mutex<HashMap<u64, oneshot::Sender<Answer>>>,
    pages: Mutex<HashMap<String, Arc<Events>>>,
    ended: AtomicBool,
    /// The last lines on standard error.
    stderr: Mutex<VecDeque<String>>,
}

/// A running Chromium.
pub(super) struct Chromium {
    to: Mutex<ChildStdin>,
    last_id: AtomicU64,
    shared: Arc<Shared>,
    pub(super) profile: PathBuf,
}

impl Chromium {
    /// Returns the running Chromium, and starts it if needed.
    pub(super) fn get() -> Arc<Self> {
        static RUNNING: Mutex<Option<Arc<Chromium>>> = Mutex::new(None);
        let mut running = lock(&RUNNING);
        match &*running {
            Some(chromium) if !chromium.shared.ended.load(Ordering::SeqCst) => Arc::clone(chromium),
            _ => Arc::clone(running.insert(Arc::new(Self::start()))),
        }
    }

    fn start() -> Self {
        let binary = find();
        let profile = tempfile::Builder::new().prefix("livers-chromium-").tempdir();
        // The shell removes it, after the browser has ended.
        let profile = profile.expect("create a profile").keep();
        let mut data = OsString::from("--user-data-dir=");
        data.push(&profile);
        let mut child = Command::new("sh")
            .args([OsStr::new("-c"), OsStr::new(SCRIPT), binary.as_os_str()])
            .args(FLAGS)
            .arg(data)
            .env("PROFILE", &profile)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C must not end the shell, which removes the profile.
            .process_group(0)
            .spawn()
            .expect("run sh");
        let shared = Arc::new(Shared::default());
        let to = Mutex::new(child.stdin.take().expect("a pipe"));
        let errors = BufReader::new(child.stderr.take().expect("a pipe"));
        let collector = Arc::clone(&shared);
        std::thread::spawn(move || {
            for line in errors.lines().map_while(Result::ok) {
                let mut stderr = lock(&collector.stderr);
                if stderr.len() == 20 {
                    stderr.pop_front();
                }
                stderr.push_back(line);
            }
        });
        let reader = Arc::clone(&shared);
        std::thread::spawn(move || reader.read(child));
        Self { to, last_id: AtomicU64::new(0), shared, profile }
    }

    /// Sends a command to a page's session, or to the browser, and waits for the response.
    pub(super) async fn call(&self, session: Option<&str>, method: &str, params: Value) -> Answer {
        let id = self.next_id();
        let (sender, answer) = oneshot::channel();
        lock(&self.shared.pending).insert(id, sender);
        self.send(id, session, method, &params);
        let waited = DEADLINE.as_secs();
        let why = match tokio::time::timeout(DEADLINE, answer).await {
            Ok(Ok(answer)) => return answer,
            Ok(Err(_)) => "Chromium ended".to_owned(),
            Err(_elapsed) => format!("waited {waited} s for Chromium to answer {method}"),
        };
        panic!("{why}; its last output:\n{}", self.stderr());
    }

    /// Sends a command without waiting for the response.
    pub(super) fn tell(&self, method: &str, params: &Value) {
        self.send(self.next_id(), None, method, params);
    }

    /// Starts recording the events of a session.
    pub(super) fn record(&self, session: &str, events: Arc<Events>) {
        lock(&self.shared.pages).insert(session.to_owned(), events);
    }

    /// Stops recording the events of a session.
    pub(super) fn forget(&self, session: &str) {
        lock(&self.shared.pages).remove(session);
    }

    fn next_id(&self) -> u64 {
        self.last_id.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn send(&self, id: u64, session: Option<&str>, method: &str, params: &Value) {
        let mut message = json!({ "id": id, "method": method, "params": params });
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        let sent = lock(&self.to).write_all(format!("{message}\0").as_bytes());
        // No response will come: the caller must not wait for it.
        if sent.is_err() || self.shared.ended.load(Ordering::SeqCst) {
            lock(&self.shared.pending).remove(&id);
        }
    }

    fn stderr(&self) -> String {
        lock(&self.shared.stderr).iter().map(|line| format!("  {line}\n")).collect()
    }
}

impl Shared {
    fn read(&self, mut child: Child) {
        let mut from = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut message = Vec::new();
        while from.read_until(0, &mut message).is_ok_and(|read| read > 0) {
            message.pop();
            match serde_json::from_slice(&message) {
                Ok(message) => self.take(message),
                Err(e) => eprintln!("Chromium sent invalid JSON: {e}"),
            }
            message.clear();
        }
        self.ended.store(true, Ordering::SeqCst);
        lock(&self.pending).clear();
        for (_, page) in lock(&self.pages).drain() {
            page.end("Chromium ended");
        }
        let _ = child.wait();
    }

    fn take(&self, mut message: Value) {
        if let Some(id) = message["id"].as_u64() {
            let Some(sender) = lock(&self.pending).remove(&id) else { return };
            let answer = match message["error"]["message"].as_str() {
                Some(error) => Err(error.to_owned()),
                None => Ok(message["result"].take()),
            };
            // The test may have stopped waiting.
            let _ = sender.send(answer);
            return;
        }
        let page = message["sessionId"].as_str().and_then(|id| lock(&self.pages).get(id).cloned());
        if let (Some(page), Some(method)) = (page, message["method"].as_str()) {
            page.take(method, &message["params"]);
        }
    }
}

fn find() -> PathBuf {
    if let Some(given) = std::env::var_os("CHROMIUM").filter(|given| !given.is_empty()) {
        return given.into();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    let places = names.iter().flat_map(|name| {
        std::env::split_paths(&path).map(|folder| folder.join(name)).collect::<Vec<_>>()
    });
    places.into_iter().find(|place| Path::is_file(place)).unwrap_or_else(|| {
        panic!(
            "Chromium not found: install it (apt-get install chromium) or set CHROMIUM to its path"
        )
    })
}
