//! The chat of the examples under livers, Vite and bun: how soon it is there, and how soon an edit is.
//!
//! **What**: 20 edits of each of the chat's three components while a message is half written: the time
//! from right before the file is written until the document shows it, whether the half message is
//! still there, and how often the page was loaded again; then the server's memory. Before that, starts
//! with nothing cached and with what the start before has cached: the time from the server's start
//! until the page is painted, the server's CPU time, the requests and bytes.
//!
//! **Against**: Vite with its React plugin, and bun, each as the chat's own folder has it set up. They
//! and React are installed by `npm ci --prefix benches/chat`; without it nothing runs.
//!
//! **How**: the servers take turns, start by start and edit by edit, each on a copy of the chat, with a
//! Chromium window each. Times are of the page's own clock. `cargo bench --bench chat -- 5` makes 5
//! edits of each kind. There is no backend: what is measured needs none. The output is Markdown.
//!
//! **Left out**: builds for production, large projects, other browsers.

#![allow(
    clippy::expect_used,
    clippy::format_collect,
    clippy::format_push_string,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    unreachable_pub,
    unused_imports
)]

#[path = "../support/mod.rs"]
mod servers;
#[path = "../../tests/livers/support/mod.rs"]
mod support;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use servers::{Result, Server, free_port, number, quantile};
use support::browser::{Page, browser};

const EDITS: usize = 20;
const STARTS: usize = 3;

/// Longer than what any of them gathers.
const PAUSE: Duration = Duration::from_millis(150);

/// What is edited: the file, a text in it, and the part of that which the edits change.
const COMPONENTS: [(&str, &str); 3] = [
    ("Name.jsx", "Who are you?"),
    ("Message.jsx", "Send (Enter)"),
    ("Conversation.jsx", "Nothing has been said yet."),
];

/// Writes half a message, as a person does.
const WRITE: &str = "(() => { const type = (id, text) => {
    const field = document.querySelector(id);
    Object.getOwnPropertyDescriptor(Object.getPrototypeOf(field), 'value').set.call(field, text);
    field.dispatchEvent(new Event('input', { bubbles: true })); };
    type('#name', 'Ann'); document.querySelector('form.name').requestSubmit();
    setTimeout(type, 50, '#message', 'half a message'); })()";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Livers,
    Vite,
    Bun,
}

/// A server and what it came to.
struct Rival {
    kind: Kind,
    folder: PathBuf,
    cold: Vec<f64>,
    warm: Vec<f64>,
    cpu: Vec<f64>,
    requests: usize,
    kilobytes: f64,
    edits: Vec<f64>,
    kept: usize,
    reloads: usize,
}

/// A server that runs, with its page.
struct Running {
    server: Server,
    page: Page,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Livers, Self::Vite, Self::Bun];

    fn name(self) -> &'static str {
        match self {
            Self::Livers => "livers",
            Self::Vite => "Vite",
            Self::Bun => "bun",
        }
    }

    fn start(self, folder: &Path) -> Result<Server> {
        let port = free_port()?;
        let mut command = match self {
            Self::Livers => return Server::livers(folder),
            Self::Vite => {
                let mut command = Command::new("node");
                command.arg(here().join("node_modules/vite/bin/vite.js"));
                command
                    .args(["--strictPort", "--host", "127.0.0.1", "--port"])
                    .arg(port.to_string());
                command
            }
            Self::Bun => {
                let mut command = Command::new(here().join("node_modules/.bin/bun"));
                command.args(["./index.html", &format!("--port={port}")]);
                command
            }
        };
        command.current_dir(folder);
        Server::listening(command, port)
    }
}

/// The bench's folder: what is installed there is found from the copies below it.
fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/chat")
}

/// The copies of the chat, which are gone afterwards.
struct Copies(PathBuf);

impl Drop for Copies {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    if !here().join("node_modules/react").is_dir() {
        println!("React and the rivals are not here: npm ci --prefix benches/chat");
        return Ok(());
    }
    let copies = Copies(here().join(format!("run-{}", std::process::id())));
    let mut rivals = Vec::new();
    for kind in Kind::ALL {
        let folder = copies.0.join(format!("{kind:?}"));
        copy(&here().join("../../examples/chat/web"), &folder)?;
        let [cold, warm, cpu, edits] = [const { Vec::new() }; 4];
        let (requests, kilobytes, kept, reloads) = (0, 0.0, 0, 0);
        rivals.push(Rival {
            kind,
            folder,
            cold,
            warm,
            cpu,
            requests,
            kilobytes,
            edits,
            kept,
            reloads,
        });
    }
    for _ in 0..STARTS {
        for is_cold in [true, false] {
            for rival in &mut rivals {
                start(rival, is_cold).await?;
            }
        }
    }
    let mut running = Vec::new();
    for rival in &mut rivals {
        let one = start(rival, false).await?;
        one.page.run(WRITE).await;
        one.page.wait_until("document.querySelector('#message').value === 'half a message'").await;
        running.push(one);
    }
    let edits = number().unwrap_or(EDITS);
    for turn in 0..edits {
        for (file, text) in COMPONENTS {
            for (rival, Running { page, .. }) in rivals.iter_mut().zip(&running) {
                edit(rival, page, file, text, turn).await?;
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    table(&rivals, &running, edits * COMPONENTS.len())
}

/// The files of a folder, without what was installed there.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

/// Milliseconds since 1970.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64() * 1000.0
}

/// Starts a server and opens its page, as for the first time or as again.
async fn start(rival: &mut Rival, is_cold: bool) -> Result<Running> {
    if is_cold {
        for cache in [here().join("node_modules/.livers"), rival.folder.join("node_modules")] {
            let _ = fs::remove_dir_all(cache);
        }
    }
    // A browser that runs, and has none of the files.
    let page = browser().await.page().await;
    let began = now();
    let server = rival.kind.start(&rival.folder)?;
    let url = format!("http://127.0.0.1:{}/", server.port);
    // Vite listens for a moment before it does so for good.
    for _ in 0..500 {
        if page.try_goto(&url).await.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    page.wait_until("performance.getEntriesByName('first-contentful-paint').length === 1").await;
    let painted = "performance.timeOrigin + \
        performance.getEntriesByName('first-contentful-paint')[0].startTime";
    let took = page.eval::<f64>(painted).await - began;
    if is_cold {
        rival.cpu.push(server.cpu()? * 1000.0);
        rival.cold.push(took);
    } else {
        rival.warm.push(took);
    }
    let loaded = "[...performance.getEntriesByType('resource'), \
        ...performance.getEntriesByType('navigation')].map((it) => it.decodedBodySize)";
    let sizes: Vec<f64> = page.eval(loaded).await;
    (rival.requests, rival.kilobytes) = (sizes.len(), sizes.iter().sum::<f64>() / 1024.0);
    Ok(Running { server, page })
}

/// One edit of a component.
async fn edit(rival: &mut Rival, page: &Page, file: &str, text: &str, turn: usize) -> Result<()> {
    let path = rival.folder.join(file);
    let source = fs::read_to_string(&path)?;
    let at = source.find(text).ok_or_else(|| format!("{file} has no {text:?}"))? + text.len();
    // What the edit before put there goes.
    let rest = source[at..].trim_start_matches(|char: char| char == '~' || char.is_ascii_digit());
    let mark = format!("~{turn}~");
    let watch = format!(
        "(() => {{ window.$armed = true; window.$at = 0;
        const end = (at) => {{ observer.disconnect(); clearTimeout(timer); window.$at = at; }};
        const look = () => {{ if (document.body.innerHTML.includes({wanted:?}))
            end(performance.timeOrigin + performance.now()); }};
        const observer = new MutationObserver(look);
        observer.observe(document,
            {{ subtree: true, childList: true, attributes: true, characterData: true }});
        const timer = setTimeout(end, 4000, -1); }})()",
        wanted = format!("{text}{mark}"),
    );
    page.run(&watch).await;
    let before = page.navigations();
    let began = now();
    fs::write(&path, format!("{}{mark}{rest}", &source[..at]))?;
    // A page that was loaded again knows nothing of this.
    page.wait_until("!window.$armed || window.$at").await;
    let shown: Option<f64> = page.eval("window.$at ?? null").await;
    if let Some(shown) = shown.filter(|shown| *shown > 0.0) {
        rival.edits.push(shown - began);
    }
    let kept = "document.querySelector('#message')?.value === 'half a message'";
    rival.kept += usize::from(page.eval::<bool>(kept).await);
    rival.reloads += page.navigations() - before;
    Ok(())
}

fn table(rivals: &[Rival], running: &[Running], edits: usize) -> Result<()> {
    let row = |what: &str, value: &dyn Fn(&Rival, &Running) -> Result<String>| -> Result<()> {
        let values = rivals.iter().zip(running).map(|(rival, running)| value(rival, running));
        println!("| {what} | {} |", values.collect::<Result<Vec<_>>>()?.join(" | "));
        Ok(())
    };
    let median = |values: &[f64]| Ok(format!("{:.0}", quantile(values, 0.5)));
    let names: Vec<_> = rivals.iter().map(|rival| rival.kind.name()).collect();
    println!("| | {} |\n|---|---|---|---|", names.join(" | "));
    row("cold start to painted, ms", &|rival, _| median(&rival.cold))?;
    row("again, ms", &|rival, _| median(&rival.warm))?;
    row("CPU of the server in a cold start, ms", &|rival, _| median(&rival.cpu))?;
    row("requests, KB", &|rival, _| Ok(format!("{}, {:.0}", rival.requests, rival.kilobytes)))?;
    row("edit to document, p50 / p95, ms", &|rival, _| {
        let [p50, p95] = [0.5, 0.95].map(|part| quantile(&rival.edits, part));
        Ok(format!("{p50:.1} / {p95:.1}"))
    })?;
    row("edits shown", &|rival, _| Ok(format!("{} of {edits}", rival.edits.len())))?;
    row("half message kept", &|rival, _| Ok(format!("{} of {edits}", rival.kept)))?;
    row("loaded again", &|rival, _| Ok(rival.reloads.to_string()))?;
    row("memory after, MB", &|_, running| Ok(format!("{:.0}", running.server.resident()?)))
}
