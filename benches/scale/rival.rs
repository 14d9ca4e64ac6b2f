//! A server on a project: starts, reloads and edits, and what they took.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use serde_json::json;

use crate::{
    edit::Edit,
    page::{self, now, reports, wait},
    servers::{Result, Server, free_port},
    support::browser::{Page, browser},
    visit::{PAINTED, Visit},
};

/// How long a page may take until it is painted.
const LIMIT: Duration = Duration::from_mins(2);

/// Number of reloads after each start with empty caches.
const RELOADS: usize = 3;

/// Pause before a reload, in which the server and the browser finish their work in the background.
const SETTLE: Duration = Duration::from_secs(1);

/// The first edits that may be lost before the others are left out.
const LOST: usize = 3;

/// Pause after an edit: longer than the debounce interval of any server.
const PAUSE: Duration = Duration::from_millis(150);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Livers,
    Vite,
    Rsbuild,
    Bun,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Livers, Self::Vite, Self::Rsbuild, Self::Bun];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Livers => "livers",
            Self::Vite => "Vite",
            Self::Rsbuild => "Rsbuild",
            Self::Bun => "bun",
        }
    }

    /// Returns the folder of the server's cache in `node_modules`. bun has none.
    fn cache(self) -> Option<&'static str> {
        match self {
            Self::Livers => Some(".livers"),
            Self::Vite => Some(".vite"),
            Self::Rsbuild => Some(".cache"),
            Self::Bun => None,
        }
    }

    fn start(self, folder: &Path) -> Result<Server> {
        let modules = folder.join("node_modules");
        match self {
            Self::Livers => Server::livers(folder),
            Self::Vite => Server::vite(folder, &modules),
            Self::Rsbuild => {
                let port = free_port()?;
                let mut command = Command::new("node");
                command.arg(modules.join("@rsbuild/core/bin/rsbuild.js"));
                command.args(["dev", "--host", "127.0.0.1", "--port", &port.to_string()]);
                command.current_dir(folder);
                Server::listening(command, port)
            }
            Self::Bun => Server::bun(folder, &modules),
        }
    }
}

/// A server with its project and its measurements. Times are milliseconds.
pub(crate) struct Rival {
    pub(crate) kind: Kind,
    folder: PathBuf,
    pub(crate) cold: Vec<f64>,
    pub(crate) warm: Vec<f64>,
    pub(crate) reloads: Vec<f64>,
    /// CPU time of the server in a start with empty caches, in seconds.
    pub(crate) cpu: Vec<f64>,
    pub(crate) requests: usize,
    pub(crate) kilobytes: f64,
    pub(crate) edits: Vec<Edits>,
    /// Memory of the server and its children in MB, after the reloads that follow a start with empty
    /// caches, and at the end.
    pub(crate) memory: Vec<f64>,
    pub(crate) memory_at_end: Option<f64>,
    running: Option<Running>,
    /// Why it takes no further part.
    pub(crate) failure: Option<String>,
}

/// What became of the times that an edit was made.
pub(crate) struct Edits {
    /// The file as it was before.
    original: String,
    /// Milliseconds until the page showed them, be it after a load of the page.
    pub(crate) shown: Vec<f64>,
    pub(crate) made: usize,
    /// How many of them loaded the page.
    pub(crate) loads: usize,
}

/// A running server with its page.
struct Running {
    server: Server,
    page: Page,
}

impl Rival {
    pub(crate) fn new(kind: Kind, folder: PathBuf) -> Self {
        let [cold, warm, reloads, cpu, memory] = [const { Vec::new() }; 5];
        Self {
            kind,
            folder,
            cold,
            warm,
            reloads,
            cpu,
            requests: 0,
            kilobytes: 0.0,
            edits: Vec::new(),
            memory,
            memory_at_end: None,
            running: None,
            failure: None,
        }
    }

    /// Notes why the server takes no further part, and stops it.
    pub(crate) fn note(&mut self, result: Result<()>) {
        if let Err(why) = result {
            self.failure = Some(why.to_string());
            self.running = None;
        }
    }

    /// Starts the server with empty caches, and reloads the page.
    pub(crate) async fn start_cold(&mut self, visit: &Visit) -> Result<()> {
        self.running = None;
        if let Some(cache) = self.kind.cache() {
            let cache = self.folder.join("node_modules").join(cache);
            if cache.exists() {
                fs::remove_dir_all(cache)?;
            }
        }
        let (running, elapsed) = self.start(visit).await?;
        self.cpu.push(running.server.cpu()?);
        self.cold.push(elapsed);
        let sizes = "[...performance.getEntriesByType('resource'), \
            ...performance.getEntriesByType('navigation')].map((it) => it.decodedBodySize)";
        let sizes: Vec<f64> = running.page.eval(sizes).await;
        (self.requests, self.kilobytes) = (sizes.len(), sizes.iter().sum::<f64>() / 1024.0);
        for _ in 0..RELOADS {
            tokio::time::sleep(SETTLE).await;
            let (seen, began) = (reports(&running.page, PAINTED).len(), now());
            running.page.command("Page.reload", json!({})).await;
            self.reloads.push(until_painted(&running.page, seen).await? - began);
        }
        tokio::time::sleep(SETTLE).await;
        self.memory.push(running.server.memory());
        Ok(())
    }

    /// Starts the server with the caches of the start before, and keeps it running.
    pub(crate) async fn start_warm(&mut self, visit: &Visit) -> Result<()> {
        self.running = None;
        let (running, elapsed) = self.start(visit).await?;
        self.warm.push(elapsed);
        self.running = Some(running);
        Ok(())
    }

    pub(crate) fn stop(&mut self) {
        self.running = None;
    }

    async fn start(&self, visit: &Visit) -> Result<(Running, f64)> {
        // The browser already runs, and its cache is empty.
        let page = browser().await.page().await;
        // Events of thousands of requests would take time from the page.
        page.command("Network.disable", json!({})).await;
        for script in visit.init.iter().chain([&visit.painted.script()]) {
            let script = json!({ "source": script });
            page.command("Page.addScriptToEvaluateOnNewDocument", script).await;
        }
        let began = now();
        let server = self.kind.start(&self.folder)?;
        page::open(&page, &server, &visit.path).await?;
        let painted = until_painted(&page, 0).await?;
        Ok((Running { server, page }, painted - began))
    }

    /// Reads the files to edit.
    pub(crate) fn prepare(&mut self, edits: &[Edit]) -> Result<()> {
        for edit in edits {
            let original = fs::read_to_string(self.folder.join(&edit.file))?;
            self.edits.push(Edits { original, shown: Vec::new(), made: 0, loads: 0 });
        }
        Ok(())
    }

    /// Makes one of the edits, and waits until the page shows it.
    pub(crate) async fn edit(&mut self, index: usize, edit: &Edit) -> Result<()> {
        let Some(Running { page, .. }) = &self.running else { return Ok(()) };
        let edits = &mut self.edits[index];
        if edits.made >= LOST && edits.shown.is_empty() {
            return Ok(());
        }
        let number = 1000 * (index + 1) + edits.made;
        let content = edit.content(&edits.original, number)?;
        let (seen, loads) = (reports(page, PAINTED).len(), page.navigations());
        edits.made += 1;
        let path = self.folder.join(&edit.file);
        edits.shown.extend(page::edit(page, &path, &content, &edit.shown(number)).await?);
        tokio::time::sleep(PAUSE).await;
        if page.navigations() > loads {
            edits.loads += 1;
            until_painted(page, seen).await?;
        }
        Ok(())
    }

    /// Returns what became of an edit, if it was made.
    pub(crate) fn made(&self, index: usize) -> Option<&Edits> {
        self.edits.get(index).filter(|edits| edits.made > 0)
    }

    /// Measures the memory, and stops the server.
    pub(crate) fn end(&mut self) {
        self.memory_at_end = self.running.take().map(|running| running.server.memory());
    }
}

/// Waits for a report that the page is painted, after so many others.
async fn until_painted(page: &Page, seen: usize) -> Result<f64> {
    let painted = wait(LIMIT, || reports(page, PAINTED).get(seen).copied()).await;
    let console = || {
        let lines = page.console().into_iter().rev().take(3);
        let lines: Vec<_> =
            lines.filter_map(|line| line.text.lines().next().map(str::to_owned)).collect();
        format!("not painted within {} s; its console ends: {}", LIMIT.as_secs(), lines.join("; "))
    };
    Ok(painted.ok_or_else(console)?)
}
