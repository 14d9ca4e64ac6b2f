//! Random edits of all kinds in a project with three tabs. Each verdict of `livers wait` is compared
//! with what the tabs show when the answer arrives, and with the exceptions that the browser has reported.
//!
//! `LIVERS_SEED` sets another seed, `LIVERS_EDITS` another number of edits, and `LIVERS_TIMES`
//! prints how long the answers took beside the tabs' own times.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Instant;

use serde_json::Value;

use crate::support::browser::{Context, Page, browser};
use crate::support::dir::TempDir;
use crate::support::random::Random;
use crate::support::server::{Livers, run_in};

/// How many edits a run of all tests makes.
const EDITS: usize = 40;

/// The pages of the tabs.
const PAGES: [&str; 3] = ["/a.html", "/b.html", "/c.html"];

/// What an edit makes of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Good,
    /// It does not compile.
    Syntax,
    /// It imports a file that does not exist.
    MissingImport,
    /// It lacks the export that its importer needs.
    MissingExport,
    Throws,
    Rejects,
    Removed,
}

/// A file of the project.
struct File {
    /// The tabs that use it, by their numbers.
    tabs: &'static [usize],
    /// The states that it may have besides `Good`.
    states: &'static [State],
    /// What a tab shows of it: its version, or null.
    shown: &'static str,
    /// Its content, with `N` in place of the version.
    text: &'static str,
}

const SCRIPT: &[State] = &[State::Syntax, State::MissingImport, State::Throws, State::Rejects];
const IMPORTED: &[State] = &[
    State::Syntax,
    State::MissingImport,
    State::MissingExport,
    State::Throws,
    State::Rejects,
    State::Removed,
];

/// The files that are edited, by their paths.
fn files() -> BTreeMap<&'static str, File> {
    let style =
        "parseInt(getComputedStyle(document.documentElement).getPropertyValue('--NAME')) || null";
    let style = |name: &str| -> &'static str { style.replace("NAME", name).leak() };
    let sheet = |name: &str| -> &'static str { format!(":root {{ --{name}: N }}").leak() };
    BTreeMap::from([
        (
            "all.css",
            File { tabs: &[0, 1, 2], states: &[], shown: style("all"), text: sheet("all") },
        ),
        (
            "a.css",
            File { tabs: &[0], states: &[State::Removed], shown: style("a"), text: sheet("a") },
        ),
        (
            "a.html",
            File {
                tabs: &[0],
                states: &[],
                shown: "+document.querySelector('p').textContent",
                text: "<!doctype html><link rel=stylesheet href=all.css><link rel=stylesheet \
                       href=a.css><p>N</p><script src=site.js></script>",
            },
        ),
        (
            "site.js",
            File {
                tabs: &[0],
                states: &[State::Throws, State::Rejects],
                shown: "window.site ?? null",
                text: "window.site = N;",
            },
        ),
        (
            "b/main.ts",
            File {
                tabs: &[1],
                states: SCRIPT,
                shown: "window.main ?? null",
                text: "import { part } from './part.ts'; import './own.ts'; import './b.css';\n\
                       Object.assign(globalThis, { main: N, part });\n\
                       import.meta.hot.accept('./part.ts', (fresh) => \
                       { if (fresh) Object.assign(globalThis, { part: fresh.part }); });\n",
            },
        ),
        (
            "b/part.ts",
            File {
                tabs: &[1],
                states: IMPORTED,
                shown: "window.part ?? null",
                text: "export const part: number = N;\n",
            },
        ),
        (
            "b/own.ts",
            File {
                tabs: &[1],
                states: SCRIPT,
                shown: "window.own ?? null",
                text: "Object.assign(globalThis, { own: N as number }); import.meta.hot.accept();\n",
            },
        ),
        ("b/b.css", File { tabs: &[1], states: &[], shown: style("b"), text: sheet("b") }),
        (
            "c/main.ts",
            File {
                tabs: &[2],
                states: SCRIPT,
                shown: "window.main ?? null",
                text: "import { leaf } from './leaf.ts';\n\
                       Object.assign(globalThis, { main: N, leaf });\n\
                       import('./lazy.ts');\n\
                       fetch('/data.json').then((data) => data.json())\
                       .then((data) => Object.assign(globalThis, { data }));\n",
            },
        ),
        (
            "c/leaf.ts",
            File {
                tabs: &[2],
                states: IMPORTED,
                shown: "window.leaf ?? null",
                text: "export const leaf: number = N;\n",
            },
        ),
        (
            "c/lazy.ts",
            File {
                tabs: &[2],
                states: &[State::Syntax, State::Throws],
                shown: "window.lazy ?? null",
                text: "Object.assign(globalThis, { lazy: N as number }); import.meta.hot.accept();\n",
            },
        ),
        ("data.json", File { tabs: &[2], states: &[], shown: "window.data ?? null", text: "N" }),
        ("unused.txt", File { tabs: &[], states: &[], shown: "null", text: "N" }),
    ])
}

struct Run {
    files: BTreeMap<&'static str, File>,
    now: BTreeMap<&'static str, (u32, State)>,
    dir: TempDir,
    _livers: Livers,
    tabs: Vec<Page>,
    /// How many failures each tab had before the edit.
    failures: Vec<usize>,
    random: Random,
    next: u32,
    history: String,
    times: Vec<(f64, f64)>,
    /// The file that was edited last, and the verdict.
    last: Option<(&'static str, String)>,
    _context: Context,
}

impl Run {
    async fn start(seed: u64) -> Self {
        let (files, dir) = (files(), TempDir::new());
        let mut now = BTreeMap::new();
        for (path, file) in &files {
            dir.write(path, file.text.replace('N', "1"));
            now.insert(*path, (1, State::Good));
        }
        for (page, folder) in [("b.html", "b"), ("c.html", "c")] {
            let html = format!(
                "<!doctype html><link rel=stylesheet href=all.css><p>{folder}</p>\
                 <script type=module src=/{folder}/main.ts></script>"
            );
            dir.write(page, html);
        }
        dir.write("favicon.ico", "");
        let packs = if seed.is_multiple_of(2) { "always" } else { "auto" };
        let livers = Livers::on(dir.path()).args(["--packs", packs]).start().await;
        let context = browser().await;
        let mut tabs = Vec::new();
        for path in PAGES {
            tabs.push(context.open(&livers.at(path)).await);
        }
        for file in files.values() {
            for tab in file.tabs {
                tabs[*tab].wait_until(&format!("({}) === 1", file.shown)).await;
            }
        }
        let (failures, history) = (vec![0; tabs.len()], format!("seed {seed}\n"));
        let (random, times) = (Random(seed), Vec::new());
        let next = 1;
        Self {
            files,
            now,
            dir,
            _livers: livers,
            tabs,
            failures,
            random,
            next,
            history,
            times,
            last: None,
            _context: context,
        }
    }

    /// Saves the file that was edited last again, with the same content. The answer is the same.
    async fn save_again(&mut self) {
        let Some((path, verdict)) = self.last.clone() else { return };
        if !self.dir.at(path).exists() {
            return;
        }
        self.dir.write(path, self.dir.read(path));
        let (_, answer, _) = run_in(self.dir.path(), ["wait", path, "--json"]).await;
        let _ = writeln!(self.history, "  {path} again\n    {answer}");
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        assert_eq!(answer["verdict"], *verdict, "{}", self.history);
    }

    /// Makes a random edit. Returns the path of the file.
    fn edit(&mut self) -> &'static str {
        let paths: Vec<_> = self.files.keys().copied().collect();
        // A broken file is mostly edited next, and mostly fixed.
        let broken: Vec<_> =
            paths.iter().copied().filter(|path| self.now[path].1 != State::Good).collect();
        let is_next = !broken.is_empty() && self.random.below(3) > 0;
        let from = if is_next { &broken } else { &paths };
        let path = from[self.random.below(from.len())];
        let states = self.files[path].states;
        let state = match self.random.below(if is_next { 4 } else { 2 }) {
            0 if !states.is_empty() => states[self.random.below(states.len())],
            _ => State::Good,
        };
        let is_gone = state == State::Removed && !self.dir.at(path).exists();
        let state = if is_gone { State::Good } else { state };
        self.next += 1;
        self.now.insert(path, (self.next, state));
        let _ = writeln!(self.history, "  {path} {} {state:?}", self.next);
        if state == State::Removed {
            self.dir.remove(path);
            return path;
        }
        let text = self.files[path].text.replace('N', &self.next.to_string());
        let text = match state {
            State::Syntax => format!("{text}\nlet = = ;\n"),
            State::MissingImport => format!("import './nope.ts';\n{text}"),
            State::MissingExport => text.replace("export const", "export const not_"),
            State::Throws => format!("{text}\nthrow new Error('thrown');\n"),
            State::Rejects => format!("{text}\nPromise.reject(new Error('rejected'));\n"),
            State::Good | State::Removed => text,
        };
        if self.random.below(2) == 0 {
            self.dir.replace(path, text);
        } else {
            self.dir.write(path, text);
        }
        path
    }

    /// Returns the verdict that the tabs show, or several where both are right.
    async fn observed(&mut self, path: &str) -> Vec<&'static str> {
        let file = &self.files[path];
        let (version, state) = self.now[path];
        let mut found = vec!["unused"];
        for tab in file.tabs.iter().copied() {
            let page = &self.tabs[tab];
            let shown: Option<u32> = page.eval(file.shown).await;
            let threw = failures(page) > self.failures[tab];
            let wanted = (state != State::Removed).then_some(version);
            let _ = writeln!(self.history, "    tab {tab} shows {shown:?}, threw: {threw}");
            let of_tab = match shown {
                _ if threw => vec!["failed"],
                // What imports it cannot run.
                None if state == State::Removed && file.states == IMPORTED => vec!["failed"],
                shown if shown == wanted => vec!["applied"],
                Some(_) => vec!["kept"],
                // What ran before had thrown, or another module keeps the page from requesting it.
                None => vec!["failed", "kept", "unused"],
            };
            let rank = |verdict: &str| {
                ["failed", "kept", "applied", "unused"].iter().position(|each| *each == verdict)
            };
            if rank(of_tab[0]) < rank(found[0]) {
                found = of_tab;
            }
        }
        found
    }

    async fn round(&mut self) {
        for (count, page) in self.failures.iter_mut().zip(&self.tabs) {
            *count = failures(page);
        }
        let path = self.edit();
        let began = Instant::now();
        let (status, answer, _) = run_in(self.dir.path(), ["wait", path, "--json"]).await;
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        let took = began.elapsed().as_secs_f64() * 1000.0;
        let _ = writeln!(self.history, "    {took:.0} ms: {answer}");
        let observed = self.observed(path).await;
        let verdict = answer["verdict"].as_str().expect("a verdict");
        assert!(observed.contains(&verdict), "the tabs show {observed:?}\n{}", self.history);
        let code = match verdict {
            "applied" => 0,
            "failed" | "kept" => 1,
            _ => 3,
        };
        assert_eq!(status.code(), Some(code), "{}", self.history);
        self.last = Some((path, verdict.to_owned()));
        if let Some(ms) = answer["tabs"]
            .as_array()
            .and_then(|tabs| tabs.iter().filter_map(|tab| tab["ms"].as_f64()).reduce(f64::max))
        {
            self.times.push((took, ms));
        }
    }
}

/// Returns how many exceptions and missing files a tab has had.
fn failures(page: &Page) -> usize {
    let console = page.console();
    let exceptions = console.iter().filter(|line| line.source == "exception");
    // What livers requests to update the page is not the page's.
    let is_own = |url: &str| url.contains("livers=") || url.contains("t=");
    let requests = page.requests();
    let missing =
        requests.iter().filter(|request| request.status == Some(404) && !is_own(&request.url));
    exceptions.count() + missing.count()
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[tokio::test]
async fn verdicts_are_what_an_observer_of_the_tabs_sees() {
    let edits =
        number("LIVERS_EDITS").map_or(EDITS, |edits| usize::try_from(edits).expect("small"));
    let mut run = Run::start(number("LIVERS_SEED").unwrap_or(0x5eed)).await;
    for edit in 0..edits {
        let _ = writeln!(run.history, "edit {edit}");
        run.round().await;
        if run.random.below(8) == 0 {
            run.save_again().await;
        }
    }
    if number("LIVERS_TIMES").is_some() {
        let median = |of: fn(&(f64, f64)) -> f64| {
            let mut times: Vec<_> = run.times.iter().map(of).collect();
            times.sort_by(f64::total_cmp);
            times[times.len() / 2]
        };
        println!("{}", run.history);
        println!(
            "median: answer {:.0} ms, tab {:.0} ms",
            median(|pair| pair.0),
            median(|pair| pair.1)
        );
    }
}
