//! Benchmark: the chat example under livers, Vite and bun. Measures start-up and hot updates.
//!
//! **Measures**: 20 edits of each of three components while a message is half written: the time
//! from writing the file until the document shows the change, whether the half message is kept, and
//! the number of page loads; then the memory of the server. Before that, starts with empty and with
//! filled caches: the time from the start of the server until the page is painted, the CPU time of
//! the server, the number of requests, and their size.
//!
//! **Compares**: Vite with its React plugin, and bun, each as configured in the folder of the chat.
//! `npm ci --prefix benches/chat` installs them and React; without it the benchmark does nothing.
//!
//! **Method**: the servers alternate, start by start and edit by edit, each with a copy of the chat
//! and a Chromium window of its own. Times are taken from the clock of the page. `cargo bench
//! --bench chat -- 5` makes 5 edits of each component. No backend runs, because none of this needs
//! it. The output is Markdown.
//!
//! **Leaves out**: production builds, large projects, other browsers.

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

#[path = "../support/page.rs"]
mod page;
#[path = "../support/mod.rs"]
mod servers;
#[path = "../../tests/livers/support/mod.rs"]
mod support;

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use servers::{Folder, Result, Server, number, quantile};
use support::browser::{Page, browser};

const EDITS: usize = 20;
const STARTS: usize = 3;

/// Pause between edits: longer than the debounce interval of any server.
const PAUSE: Duration = Duration::from_millis(150);

/// The edits: a file, and the text after which an edit inserts a marker.
const COMPONENTS: [(&str, &str); 3] = [
    ("Name.jsx", "Enter your name"),
    ("Message.jsx", "Send (Enter)"),
    ("Conversation.jsx", "No messages yet."),
];

/// Enters a name and half a message through input events.
const ENTER_TEXT: &str = "(() => { const type = (id, text) => {
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

/// A server and its measurements.
struct Rival {
    kind: Kind,
    folder: PathBuf,
    /// Milliseconds to the first paint with empty caches.
    cold: Vec<f64>,
    /// Milliseconds to the first paint with filled caches.
    warm: Vec<f64>,
    /// CPU milliseconds of the server in a cold start.
    cpu: Vec<f64>,
    requests: usize,
    kilobytes: f64,
    /// Milliseconds from edit to document.
    edits: Vec<f64>,
    /// Number of edits after which the half message was still there.
    kept: usize,
    reloads: usize,
}

/// A running server with its page.
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
        let modules = bench_folder().join("node_modules");
        match self {
            Self::Livers => Server::livers(folder),
            Self::Vite => Server::vite(folder, &modules),
            Self::Bun => Server::bun(folder, &modules),
        }
    }
}

/// Returns the folder of the benchmark. The copies are below it, so that they find its
/// `node_modules`.
fn bench_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/chat")
}

#[tokio::main]
async fn main() -> Result<()> {
    if !bench_folder().join("node_modules/react").is_dir() {
        println!("Nothing is installed. Run: npm ci --prefix benches/chat");
        return Ok(());
    }
    let copies = Folder::below(&bench_folder(), "chat")?;
    let mut rivals = Vec::new();
    for kind in Kind::ALL {
        let folder = copies.path().join(format!("{kind:?}"));
        copy(&bench_folder().join("../../examples/chat/web"), &folder)?;
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
        one.page.run(ENTER_TEXT).await;
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

/// Copies the files of a folder, without its subfolders.
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

/// Starts a server and opens its page, after deleting its caches if the start is cold.
async fn start(rival: &mut Rival, is_cold: bool) -> Result<Running> {
    if is_cold {
        for cache in
            [bench_folder().join("node_modules/.livers"), rival.folder.join("node_modules")]
        {
            let _ = fs::remove_dir_all(cache);
        }
    }
    // The browser already runs, and its cache is empty.
    let page = browser().await.page().await;
    let began = page::now();
    let server = rival.kind.start(&rival.folder)?;
    page::open(&page, &server, "/").await?;
    page.wait_until("performance.getEntriesByName('first-contentful-paint').length === 1").await;
    let painted = "performance.timeOrigin + \
        performance.getEntriesByName('first-contentful-paint')[0].startTime";
    let elapsed = page.eval::<f64>(painted).await - began;
    if is_cold {
        rival.cpu.push(server.cpu()? * 1000.0);
        rival.cold.push(elapsed);
    } else {
        rival.warm.push(elapsed);
    }
    let loaded = "[...performance.getEntriesByType('resource'), \
        ...performance.getEntriesByType('navigation')].map((it) => it.decodedBodySize)";
    let sizes: Vec<f64> = page.eval(loaded).await;
    (rival.requests, rival.kilobytes) = (sizes.len(), sizes.iter().sum::<f64>() / 1024.0);
    Ok(Running { server, page })
}

/// Edits a component and waits until the page shows it.
async fn edit(rival: &mut Rival, page: &Page, file: &str, text: &str, turn: usize) -> Result<()> {
    let path = rival.folder.join(file);
    let source = fs::read_to_string(&path)?;
    let at = source.find(text).ok_or_else(|| format!("{file} has no {text:?}"))? + text.len();
    // Replace the marker of the previous edit.
    let rest = source[at..].trim_start_matches(|char: char| char == '~' || char.is_ascii_digit());
    let marker = format!("~{turn}~");
    let before = page.navigations();
    let content = format!("{}{marker}{rest}", &source[..at]);
    let shown = format!("document.body.innerHTML.includes({:?})", format!("{text}{marker}"));
    rival.edits.extend(page::edit(page, &path, &content, &shown).await?);
    let kept = "document.querySelector('#message')?.value === 'half a message'";
    rival.kept += usize::from(page.eval::<bool>(kept).await);
    rival.reloads += page.navigations() - before;
    Ok(())
}

fn table(rivals: &[Rival], running: &[Running], edits: usize) -> Result<()> {
    let row = |label: &str, value: &dyn Fn(&Rival, &Running) -> Result<String>| -> Result<()> {
        let values = rivals.iter().zip(running).map(|(rival, running)| value(rival, running));
        println!("| {label} | {} |", values.collect::<Result<Vec<_>>>()?.join(" | "));
        Ok(())
    };
    let median = |values: &[f64]| Ok(format!("{:.0}", quantile(values, 0.5)));
    let names: Vec<_> = rivals.iter().map(|rival| rival.kind.name()).collect();
    println!("| | {} |\n|---|---|---|---|", names.join(" | "));
    row("cold start to first paint, ms", &|rival, _| median(&rival.cold))?;
    row("warm start to first paint, ms", &|rival, _| median(&rival.warm))?;
    row("server CPU in a cold start, ms", &|rival, _| median(&rival.cpu))?;
    row("requests, KB", &|rival, _| Ok(format!("{}, {:.0}", rival.requests, rival.kilobytes)))?;
    row("edit to document, p50 / p95, ms", &|rival, _| {
        let [p50, p95] = [0.5, 0.95].map(|part| quantile(&rival.edits, part));
        Ok(format!("{p50:.1} / {p95:.1}"))
    })?;
    row("edits shown", &|rival, _| Ok(format!("{} of {edits}", rival.edits.len())))?;
    row("half message kept", &|rival, _| Ok(format!("{} of {edits}", rival.kept)))?;
    row("page loads", &|rival, _| Ok(rival.reloads.to_string()))?;
    row("memory afterwards, MB", &|_, running| Ok(format!("{:.0}", running.server.resident())))
}
