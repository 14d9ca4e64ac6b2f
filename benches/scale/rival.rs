//! A server on a project: starts, reloads and edits, and what they took.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use serde_json::json;

use crate::{
    page::{self, now, reports, wait},
    servers::{Result, Server, free_port},
    support::browser::{Page, browser},
};

/// How long a page may take until it is painted.
const LIMIT: Duration = Duration::from_mins(2);

/// Number of reloads after each start with empty caches.
const RELOADS: usize = 3;

/// Pause before a reload, in which the server and the browser finish their work in the background.
const SETTLE: Duration = Duration::from_secs(1);

/// The edits of a component that may be lost before the others are left out.
const LOST: usize = 3;

/// The report that the page is painted.
const PAINTED: &str = "bench: painted at";

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

/// When a page counts as painted.
pub(crate) enum Painted {
    /// These numbers of components and icons are in the document, and a frame was presented.
    Tree { components: usize, icons: usize },
    /// The largest contentful paint, after which nothing was painted or loaded for two seconds.
    Largest,
}

impl Painted {
    /// Returns the script that reports when the page is painted.
    fn script(&self) -> String {
        // Without a larger buffer, the browser records 250 requests.
        let watch = match self {
            Self::Tree { components, icons } => format!(
                "const count = (name) => document.getElementsByTagName(name).length;
                const observer = new MutationObserver(() => {{
                    if (count('div') < {components} || count('svg') < {icons}) return;
                    observer.disconnect();
                    requestAnimationFrame(() => requestAnimationFrame(() =>
                        report(performance.now())));
                }});
                observer.observe(document, {{ subtree: true, childList: true }});"
            ),
            Self::Largest => "let timer, largest;
                const observe = (type, change) => new PerformanceObserver((list) => {
                    list.getEntries().forEach(change);
                    clearTimeout(timer);
                    timer = largest && setTimeout(report, 2000, largest);
                }).observe({ type, buffered: true });
                observe('largest-contentful-paint', (entry) => { largest = entry.startTime; });
                observe('resource', () => {});"
                .to_owned(),
        };
        format!(
            "if (top === self) {{ performance.setResourceTimingBufferSize(1e6);
            const report = (time) => console.info(`{PAINTED} ${{performance.timeOrigin + time}}`);
            {watch} }}"
        )
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
    /// Memory of the server after the edits, in MB.
    pub(crate) memory: Option<f64>,
    running: Option<Running>,
    /// Why it takes no further part.
    pub(crate) failure: Option<String>,
}

/// The edits of a component.
#[derive(Default)]
pub(crate) struct Edits {
    /// Milliseconds until the page showed them, without a load of the page.
    pub(crate) shown: Vec<f64>,
    pub(crate) made: usize,
    pub(crate) loads: usize,
}

/// A running server with its page.
struct Running {
    server: Server,
    page: Page,
}

impl Rival {
    pub(crate) fn new(kind: Kind, folder: PathBuf) -> Self {
        let [cold, warm, reloads, cpu] = [const { Vec::new() }; 4];
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
            memory: None,
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
    pub(crate) async fn start_cold(&mut self, painted: &Painted) -> Result<()> {
        self.running = None;
        if let Some(cache) = self.kind.cache() {
            let cache = self.folder.join("node_modules").join(cache);
            if cache.exists() {
                fs::remove_dir_all(cache)?;
            }
        }
        let (running, elapsed) = self.start(painted).await?;
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
        Ok(())
    }

    /// Starts the server with the caches of the start before, and keeps it running.
    pub(crate) async fn start_warm(&mut self, painted: &Painted) -> Result<()> {
        self.running = None;
        let (running, elapsed) = self.start(painted).await?;
        self.warm.push(elapsed);
        self.running = Some(running);
        Ok(())
    }

    pub(crate) fn stop(&mut self) {
        self.running = None;
    }

    async fn start(&self, painted: &Painted) -> Result<(Running, f64)> {
        // The browser already runs, and its cache is empty.
        let page = browser().await.page().await;
        // Events of thousands of requests would take time from the page.
        page.command("Network.disable", json!({})).await;
        let script = json!({ "source": painted.script() });
        page.command("Page.addScriptToEvaluateOnNewDocument", script).await;
        let began = now();
        let server = self.kind.start(&self.folder)?;
        page::open(&page, &server).await?;
        let painted = until_painted(&page, 0).await?;
        Ok((Running { server, page }, painted - began))
    }

    /// Edits a component, the number of which is an index of `edits`: its class is a new one. Waits
    /// until the page has it.
    pub(crate) async fn edit(&mut self, number: usize, file: &str) -> Result<()> {
        let Some(Running { page, .. }) = &self.running else { return Ok(()) };
        if self.edits.len() <= number {
            self.edits.resize_with(number + 1, Edits::default);
        }
        let edits = &mut self.edits[number];
        if edits.made >= LOST && edits.shown.is_empty() {
            return Ok(());
        }
        let path = self.folder.join(file);
        let source = fs::read_to_string(&path)?;
        let (begin, rest) = source.split_once("className=\"").ok_or("a component has no class")?;
        let (_, end) = rest.split_once('"').ok_or("a component has no class")?;
        let class = format!("edit-{number}-{}", edits.made);
        let content = format!("{begin}className=\"{class}\"{end}");
        let shown = format!("document.getElementsByClassName('{class}').length");
        let (seen, loads) = (reports(page, PAINTED).len(), page.navigations());
        edits.made += 1;
        edits.shown.extend(page::edit(page, &path, &content, &shown).await?);
        let loads = page.navigations() - loads;
        edits.loads += loads;
        if loads > 0 {
            until_painted(page, seen).await?;
        }
        Ok(())
    }

    /// Measures the memory, and stops the server.
    pub(crate) fn end(&mut self) -> Result<()> {
        if let Some(running) = self.running.take() {
            self.memory = Some(running.server.resident()?);
        }
        Ok(())
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
