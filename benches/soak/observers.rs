//! Tabs that use one file each and check that every save of it causes exactly one message, and
//! nothing else does.
//!
//! Each observer also saves its file, so the message about a save arrives before the next save, and
//! any other message is a duplicate. Files are saved in the ways of editors. Some saves change
//! nothing, and some are made while the tab is disconnected.

use std::{path::Path, sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout_at},
};
use tokio_tungstenite::tungstenite::Message;

use crate::{
    rng::Rng,
    support::{dir::TempDir, socket::Socket},
    tally::Tally,
    world::World,
};

/// The time after which a message counts as lost. Shorter than the deadline of the harness.
const LOST: Duration = Duration::from_secs(9);

/// An observer whose hello was processed later than this may have been notified of every change, as
/// livers waits one second for a hello.
const LATE: Duration = Duration::from_millis(900);

/// A file that takes longer than this to write may be published twice.
const SLOW: Duration = Duration::from_millis(400);

/// The files, one for each observer.
const FILES: [&str; 14] = [
    "0.css",
    "1.html",
    "2.js",
    "3.png",
    "4.css",
    "5.html",
    "6.json",
    "7.svg",
    "8.txt",
    "9.mjs",
    "a/10.css",
    "a/11.html",
    "b/12.css",
    "c d/13 é.css",
];

/// Modules, which are compiled.
const MODULES: [&str; 3] = ["app.ts", "view.tsx", "old.jsx"];

/// Starts the tasks of this module.
pub(crate) fn start(world: &Arc<World>, tasks: &mut JoinSet<()>) {
    for file in FILES {
        world.repeat(tasks, "observers", Duration::from_millis(300), move |world, rng| {
            observer(world, rng, format!("observed/{file}"))
        });
    }
    if cfg!(feature = "esm") {
        for file in MODULES {
            world.repeat(
                tasks,
                "observers of modules",
                Duration::from_millis(300),
                move |world, rng| observer(world, rng, format!("m/{file}")),
            );
        }
    }
}

/// A way to save a file.
#[derive(Clone, Copy, Debug)]
enum Way {
    InPlace,
    InSteps,
    Rename,
    /// Writes the same bytes again.
    Same,
    /// Removes the file, and writes it again after the message about that.
    Recreate,
    /// Saves while the tab is disconnected.
    Disconnected,
}

const WAYS: [Way; 8] = [
    Way::InPlace,
    Way::InPlace,
    Way::Rename,
    Way::Rename,
    Way::InSteps,
    Way::Same,
    Way::Recreate,
    Way::Disconnected,
];

/// A tab and its file.
struct Observer {
    world: Arc<World>,
    file: String,
    path: String,
    page: String,
    socket: Socket,
    boot: Value,
    version: Value,
    /// The version when its page was served.
    served: Value,
    opened: Instant,
    /// Changes of other files received before livers processed the hello. `None` after that.
    early: Option<Vec<String>>,
    /// How long the last write took.
    writing: Duration,
}

/// Opens a page and saves its file several times.
async fn observer(world: Arc<World>, mut rng: Rng, file: String) {
    let content = content(&world, &mut rng, &file);
    if !Path::new(&world.dir.at(&file)).exists() {
        world.dir.write(&file, &content);
    }
    let path = format!("/{}", file.replace(' ', "%20").replace('é', "%C3%A9"));
    let is_page = Path::new(&file).extension().is_some_and(|extension| extension == "html");
    let page = if is_page { path.clone() } else { format!("{path}.page") };
    let opened = Instant::now();
    let (socket, connected) = connect(&world).await;
    let (boot, version) = (connected["boot"].clone(), connected["version"].clone());
    let served = version.clone();
    let (early, writing) = (None, Duration::ZERO);
    let mut observer =
        Observer { world, file, path, page, socket, boot, version, served, opened, early, writing };
    // The file may exist from an earlier run of this task.
    observer.show(None).await;
    observer.hello(None).await;
    // The file may have been created a moment ago.
    observer.until_quiet().await;
    for _ in 0..40 {
        if observer.world.stop.is_cancelled() {
            break;
        }
        let way = *rng.pick(&WAYS);
        observer.save(way, &mut rng).await;
        sleep(rng.about(Duration::from_millis(700))).await;
        observer.expect_silence(way).await;
    }
}

async fn connect(world: &World) -> (Socket, Value) {
    let mut socket = Socket::on(world.port).subprotocol("livers").open().await;
    let connected = socket.next_json().await;
    assert_eq!(connected["type"], "connected");
    (socket, connected)
}

/// Returns new content for a file.
fn content(world: &World, rng: &mut Rng, file: &str) -> Vec<u8> {
    let (number, count) = (world.number(), rng.below(200));
    match Path::new(file).extension().and_then(|extension| extension.to_str()) {
        Some("html") => {
            format!("<!doctype html><title>{number}</title>{}", "<p>text</p>\n".repeat(count))
        }
        Some("ts") => format!(
            "import {{ part }} from './part';\nexport const number: string = '{number}';\npart();\n"
        ),
        Some("tsx" | "jsx") => {
            // Imports no package.
            let classic = "/** @jsxRuntime classic */\n/** @jsx make */\n";
            format!("{classic}const make = () => 0;\nexport const View = () => <p>{number}</p>;\n")
        }
        Some("json") => format!("{{\"number\": {number}}}"),
        _ => format!("/* {number} */\n{}", "p { color: red }\n".repeat(count)),
    }
    .into_bytes()
}

impl Observer {
    async fn hello(&mut self, age: Option<u64>) {
        let hello = json!({
            "type": "hello", "page": self.page, "uses": [self.path],
            "boot": self.boot, "version": self.version, "served": self.served, "age": age,
        });
        self.socket.send_json(&hello).await;
        self.early = Some(Vec::new());
        self.socket.send(Message::Ping(Vec::new().into())).await;
    }

    async fn save(&mut self, way: Way, rng: &mut Rng) {
        let new = content(&self.world, rng, &self.file);
        let (dir, began) = (&self.world.dir, Instant::now());
        self.writing = Duration::ZERO;
        match way {
            Way::InPlace => {
                dir.write(&self.file, &new);
                self.writing = began.elapsed();
            }
            Way::Rename => dir.replace(&self.file, &new),
            Way::InSteps => {
                in_steps(dir, &self.file, &new).await;
                self.writing = began.elapsed();
            }
            Way::Same => {
                let same = dir.read(&self.file);
                dir.write(&self.file, &same);
                self.writing = began.elapsed();
                return;
            }
            Way::Recreate => {
                dir.remove(&self.file);
                self.expect("removed").await;
                self.show(Some(404)).await;
                self.world.dir.write(&self.file, &new);
            }
            Way::Disconnected => {
                let opened = Instant::now();
                let (socket, connected) = connect(&self.world).await;
                // The old socket closes before the new one sends its hello.
                drop(std::mem::replace(&mut self.socket, socket));
                self.opened = opened;
                assert_eq!(connected["boot"], self.boot, "livers was restarted");
                dir.replace(&self.file, &new);
                if rng.one_in(2) {
                    sleep(Duration::from_millis(300)).await;
                }
                self.hello(Some(300)).await;
            }
        }
        self.expect(if matches!(way, Way::Recreate) { "created" } else { "modified" }).await;
        self.show(None).await;
    }

    /// Waits for the message about a save.
    async fn expect(&mut self, kind: &str) {
        Tally::count(&self.world.tally.saves);
        let deadline = Instant::now() + LOST;
        loop {
            match self.next(deadline).await {
                None => {
                    Tally::count(&self.world.tally.lost);
                    panic!("{}: no message that it was {kind}", self.path);
                }
                Some(kinds) if kinds.is_empty() => {}
                Some(kinds) => {
                    Tally::count(&self.world.tally.notified);
                    assert_eq!(kinds, [kind], "{}", self.path);
                    return;
                }
            }
        }
    }

    /// Reads the next message until the deadline. Returns the kinds of the changes of the file.
    async fn next(&mut self, deadline: Instant) -> Option<Vec<String>> {
        let message = timeout_at(deadline, self.socket.next()).await.ok()?;
        let Some(Ok(message)) = message else { panic!("{}: the socket ended", self.path) };
        if matches!(message, Message::Pong(_)) {
            let early = self.early.take().filter(|_| self.opened.elapsed() < LATE);
            early.into_iter().flatten().for_each(|change| self.foreign(&change));
        }
        let Message::Text(text) = message else { return Some(Vec::new()) };
        let message: Value = serde_json::from_str(&text).expect("JSON");
        self.version = message["version"].clone();
        let mut kinds = Vec::new();
        for change in message["changes"].as_array().into_iter().flatten() {
            if change["path"] == *self.path {
                kinds.push(change["kind"].as_str().unwrap_or_default().to_owned());
            } else if change["path"] != *self.page {
                match &mut self.early {
                    Some(early) => early.push(change.to_string()),
                    None => self.foreign(&change.to_string()),
                }
            }
        }
        Some(kinds)
    }

    /// Records a message about another file.
    fn foreign(&self, change: &str) {
        Tally::count(&self.world.tally.foreign);
        let age = self.opened.elapsed();
        let why = format!("about another file: {} got {change}, open for {age:?}", self.path);
        self.world.tally.record("observers", &why);
    }

    /// Checks that there was no message since the last one.
    async fn expect_silence(&mut self, way: Way) {
        while let Some(kinds) = self.next(Instant::now() + Duration::from_millis(1)).await {
            if !kinds.is_empty() && self.writing < SLOW {
                Tally::count(&self.world.tally.doubled);
                let why =
                    format!("duplicate after {way:?}: {} {kinds:?} {:?}", self.path, self.writing);
                self.world.tally.record("observers", &why);
            }
        }
    }

    /// Reads messages until there are none for 1.5 s.
    async fn until_quiet(&mut self) {
        while self.next(Instant::now() + Duration::from_millis(1500)).await.is_some() {}
    }

    /// Requests the file as its page would, and compares it with the last save.
    async fn show(&self, status: Option<u16>) {
        let referrer = format!("http://localhost:{}{}", self.world.port, self.page);
        let script = self.path.starts_with("/m/");
        let destination = if script { "script" } else { "empty" };
        let fields = [("Referer", &*referrer), ("Sec-Fetch-Dest", destination)];
        let response = self.world.get(&self.path, &fields).await;
        assert_eq!(response.status, status.unwrap_or(200), "{}", self.path);
        if status.is_some() {
            return;
        }
        let saved = self.world.dir.read(&self.file);
        if script {
            let saved = String::from_utf8_lossy(&saved);
            let number = saved.split(|char: char| !char.is_ascii_digit());
            let number = number.max_by_key(|digits| digits.len()).unwrap_or_default();
            let compiled = response.text();
            assert!(compiled.contains(number), "{}: an old version", self.path);
            let source = [": string", "<p>"].iter().any(|source| compiled.contains(source));
            assert!(!source, "{}: not compiled", self.path);
        } else {
            assert!(response.body == saved, "{}: an old version", self.path);
        }
    }
}

/// Writes a file in three parts.
async fn in_steps(dir: &TempDir, file: &str, bytes: &[u8]) {
    use std::io::Write;
    let mut file = std::fs::File::create(dir.at(file)).expect("a file");
    for part in bytes.chunks(bytes.len().div_ceil(3)) {
        file.write_all(part).expect("disk space");
        sleep(Duration::from_millis(4)).await;
    }
}
