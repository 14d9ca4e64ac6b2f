//! Tabs that use one file each, and count: every save of it is told once, and nothing else is.
//!
//! Who saves is who listens, so that each save is told of before the next one: what is said in between
//! is one message too many. Saves are made as editors make them, and some change nothing; some are made
//! while the tab is away, and are told when it is back.

use std::{path::Path, sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout_at},
};
use tokio_tungstenite::tungstenite::Message;

use crate::{
    chance::Chance,
    support::{dir::TempDir, socket::Socket},
    tally::Tally,
    world::World,
};

/// When a message counts as lost. Below what the harness takes for the end of the world.
const LOST: Duration = Duration::from_secs(9);

/// Whose hello was taken in later than this may have been told everything, as livers waits a second
/// for it.
const LATE: Duration = Duration::from_millis(900);

/// Who is slower than this to write a file may have it told of half-way.
const SLOW: Duration = Duration::from_millis(400);

/// What the witnesses use: one each.
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

/// Modules that are compiled.
const MODULES: [&str; 3] = ["app.ts", "view.tsx", "old.jsx"];

/// Starts them.
pub(crate) fn start(world: &Arc<World>, tasks: &mut JoinSet<()>) {
    for file in FILES {
        world.keep_doing(tasks, "witnesses", Duration::from_millis(300), move |world, chance| {
            witness(world, chance, format!("witness/{file}"))
        });
    }
    if cfg!(feature = "esm") {
        for file in MODULES {
            world.keep_doing(
                tasks,
                "witnesses of modules",
                Duration::from_millis(300),
                move |world, chance| witness(world, chance, format!("m/{file}")),
            );
        }
    }
}

/// How a file is saved.
#[derive(Clone, Copy, Debug)]
enum Way {
    InPlace,
    InSteps,
    Rename,
    /// The same bytes once more.
    Same,
    /// It is deleted, and written again when that was told.
    Again,
    /// While nobody listens.
    Away,
}

const WAYS: [Way; 8] = [
    Way::InPlace,
    Way::InPlace,
    Way::Rename,
    Way::Rename,
    Way::InSteps,
    Way::Same,
    Way::Again,
    Way::Away,
];

/// A tab and its file.
struct Witness {
    world: Arc<World>,
    file: String,
    path: String,
    page: String,
    socket: Socket,
    boot: Value,
    version: Value,
    /// At which version its page was served.
    served: Value,
    opened: Instant,
    /// What it was told of others' files before livers had taken in its hello, if it had not.
    early: Option<Vec<String>>,
    /// How long its file was being written for the last time.
    writing: Duration,
}

/// Opens a page, and saves its file some times.
async fn witness(world: Arc<World>, mut chance: Chance, file: String) {
    let content = content(&world, &mut chance, &file);
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
    let mut witness =
        Witness { world, file, path, page, socket, boot, version, served, opened, early, writing };
    // What is on the disk from the last time is shown first.
    witness.show(None).await;
    witness.hello(None).await;
    // Its file may have been written a moment ago, for the first time.
    witness.until_quiet().await;
    for _ in 0..40 {
        if witness.world.stop.is_cancelled() {
            break;
        }
        let way = *chance.pick(&WAYS);
        witness.save(way, &mut chance).await;
        sleep(chance.about(Duration::from_millis(700))).await;
        witness.silence(way).await;
    }
}

async fn connect(world: &World) -> (Socket, Value) {
    let mut socket = Socket::on(world.port).subprotocol("livers").open().await;
    let connected = socket.next_json().await;
    assert_eq!(connected["type"], "connected");
    (socket, connected)
}

/// Bytes that no file had before.
fn content(world: &World, chance: &mut Chance, file: &str) -> Vec<u8> {
    let (number, count) = (world.number(), chance.below(200));
    match Path::new(file).extension().and_then(|extension| extension.to_str()) {
        Some("html") => {
            format!("<!doctype html><title>{number}</title>{}", "<p>text</p>\n".repeat(count))
        }
        Some("ts") => format!(
            "import {{ part }} from './part';\nexport const number: string = '{number}';\npart();\n"
        ),
        Some("tsx" | "jsx") => {
            // No package is asked for.
            let classic = "/** @jsxRuntime classic */\n/** @jsx make */\n";
            format!("{classic}const make = () => 0;\nexport const View = () => <p>{number}</p>;\n")
        }
        Some("json") => format!("{{\"number\": {number}}}"),
        _ => format!("/* {number} */\n{}", "p { color: red }\n".repeat(count)),
    }
    .into_bytes()
}

impl Witness {
    async fn hello(&mut self, age: Option<u64>) {
        let hello = json!({
            "type": "hello", "page": self.page, "uses": [self.path],
            "boot": self.boot, "version": self.version, "served": self.served, "age": age,
        });
        self.socket.send_json(&hello).await;
        self.early = Some(Vec::new());
        self.socket.send(Message::Ping(Vec::new().into())).await;
    }

    async fn save(&mut self, way: Way, chance: &mut Chance) {
        let new = content(&self.world, chance, &self.file);
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
            Way::Again => {
                dir.remove(&self.file);
                self.told("removed").await;
                self.show(Some(404)).await;
                self.world.dir.write(&self.file, &new);
            }
            Way::Away => {
                let opened = Instant::now();
                let (socket, connected) = connect(&self.world).await;
                // The old one goes while the new one has not said who it is.
                drop(std::mem::replace(&mut self.socket, socket));
                self.opened = opened;
                assert_eq!(connected["boot"], self.boot, "another run of livers");
                dir.replace(&self.file, &new);
                if chance.one_in(2) {
                    sleep(Duration::from_millis(300)).await;
                }
                self.hello(Some(300)).await;
            }
        }
        self.told(if matches!(way, Way::Again) { "created" } else { "modified" }).await;
        self.show(None).await;
    }

    /// Waits for the message that tells of a save.
    async fn told(&mut self, kind: &str) {
        Tally::count(&self.world.tally.saves);
        let deadline = Instant::now() + LOST;
        loop {
            match self.next(deadline).await {
                None => {
                    Tally::count(&self.world.tally.lost);
                    panic!("{}: nobody said that it was {kind}", self.path);
                }
                Some(kinds) if kinds.is_empty() => {}
                Some(kinds) => {
                    Tally::count(&self.world.tally.told);
                    assert_eq!(kinds, [kind], "{}", self.path);
                    return;
                }
            }
        }
    }

    /// The next message until then: as what the file was told of.
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

    /// It was told of another file than its own.
    fn foreign(&self, change: &str) {
        Tally::count(&self.world.tally.foreign);
        let age = self.opened.elapsed();
        let why = format!("of others' files: {} of {change}, open for {age:?}", self.path);
        self.world.tally.note("witnesses", &why);
    }

    /// Nothing was said since the last message.
    async fn silence(&mut self, way: Way) {
        while let Some(kinds) = self.next(Instant::now() + Duration::from_millis(1)).await {
            if !kinds.is_empty() && self.writing < SLOW {
                Tally::count(&self.world.tally.doubled);
                let why =
                    format!("again after {way:?}: {} {kinds:?} {:?}", self.path, self.writing);
                self.world.tally.note("witnesses", &why);
            }
        }
    }

    /// Takes what is said until nothing is.
    async fn until_quiet(&mut self) {
        while self.next(Instant::now() + Duration::from_millis(1500)).await.is_some() {}
    }

    /// Loads the file, as its page would: it is what was saved last.
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
            assert!(compiled.contains(number), "{}: an old one", self.path);
            let source = [": string", "<p>"].iter().any(|source| compiled.contains(source));
            assert!(!source, "{}: not compiled", self.path);
        } else {
            assert!(response.body == saved, "{}: an old one", self.path);
        }
    }
}

/// Writes a file in three parts.
async fn in_steps(dir: &TempDir, file: &str, bytes: &[u8]) {
    use std::io::Write;
    let mut file = std::fs::File::create(dir.at(file)).expect("a file");
    for part in bytes.chunks(bytes.len().div_ceil(3)) {
        file.write_all(part).expect("room on the disk");
        sleep(Duration::from_millis(4)).await;
    }
}
