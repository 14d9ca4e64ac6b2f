//! Measures the time from a save to the message on the wire, for livers and other live-reload
//! servers in one run.
//!
//! The clock starts right before the last step of a save (closing the file, or renaming a new one
//! into place) and stops when the client has read the message's bytes. The saved files are a page,
//! a style sheet and a script, on sites of 10, 10,000 and 100,000 files in `/dev/shm`. For each
//! server and site, also measures the time to the first answer and to the first message, and then
//! the memory and the CPU time while nothing happens. At last counts the messages after 500 files
//! were rewritten in a row.
//!
//! Compares a bare inotify loop, Vite and live-server (npm), each with its defaults. `npm ci
//! --prefix benches/rivals` installs them; a server that is not installed is left out.
//!
//! The servers take turns, save by save, each on a copy of the site. Each client stands for a tab:
//! it has requested the files, and requests the saved one again after each message. The pause
//! between two saves of a server is longer than any of them gathers changes. `cargo bench --bench
//! rivals -- 100` takes 100 saves of each kind instead of 40. The output is Markdown.
//!
//! Not measured: the browser's time, disks.

// The output is the result.
#![allow(clippy::print_stdout)]

mod client;
#[path = "../support/mod.rs"]
mod support;

use std::{
    env,
    fs::{self, File},
    io::Write,
    path::Path,
    process::Command,
    thread::sleep,
    time::{Duration, Instant},
};

use client::{Tab, get};
use support::{Folder, Result, Server, bare, free_port, number, quantile, text};

const SAVES: usize = 40;
const SIZES: [usize; 3] = [10, 10_000, 100_000];
const FILES: [&str; 3] = ["page.html", "sheet.css", "script.js"];
const BURST: usize = 500;

/// Longer than any of them gathers changes.
const PAUSE: Duration = Duration::from_millis(150);

/// A server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Bare,
    Livers,
    Vite,
    LiveServer,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Bare, Self::Livers, Self::Vite, Self::LiveServer];

    fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare loop",
            Self::Livers => "livers",
            Self::Vite => "Vite",
            Self::LiveServer => "live-server (npm)",
        }
    }

    /// The script below `node_modules`.
    fn script(self) -> Option<&'static str> {
        match self {
            Self::Bare | Self::Livers => None,
            Self::Vite => Some("vite/bin/vite.js"),
            Self::LiveServer => Some("live-server/live-server.js"),
        }
    }

    fn is_installed(self) -> bool {
        self.script().is_none_or(|script| module(script).is_file())
    }

    fn start(self, folder: &Path) -> Result<Server> {
        match self {
            Self::Bare => Server::own(bare::ROLE, folder),
            Self::Livers => Server::livers(folder),
            Self::Vite => Server::vite(folder, &module("")),
            Self::LiveServer => {
                let port = free_port()?;
                let mut command = Command::new("node");
                command.arg(module("live-server/live-server.js")).current_dir(folder);
                command.args(["--host=127.0.0.1", "--no-browser", &format!("--port={port}")]);
                Server::listening(command, port)
            }
        }
    }

    /// Returns whether a message is that of a change.
    fn is_change(self, text: &str) -> bool {
        match self {
            Self::Bare => !text.is_empty(),
            Self::Livers => text.contains("\"type\":\"updated\""),
            Self::Vite => text.contains("\"update\"") || text.contains("\"full-reload\""),
            Self::LiveServer => text == "reload" || text == "refreshcss",
        }
    }
}

fn module(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/rivals/node_modules").join(path)
}

/// A server on its own copy of a site, with a tab.
struct Running {
    kind: Kind,
    tab: Tab,
    server: Server,
    folder: Folder,
    answers: Duration,
    first_message: Duration,
    /// Why it has ended.
    ended: Option<String>,
}

/// The results of the saves of one kind at one server.
#[derive(Clone, Debug, Default)]
struct Saves {
    times: Vec<f64>,
    lost: usize,
    extra: usize,
}

impl Running {
    /// Saves once, and does what a tab does after the message.
    fn save(&mut self, file: &str, in_place: bool, number: usize, into: &mut Saves) -> Result<()> {
        into.extra += self.tab.until_quiet(Duration::ZERO)?;
        let began = save(self.folder.path(), file, in_place, number)?;
        match self.tab.changed()? {
            Some(changed) => into.times.push((changed - began).as_secs_f64() * 1000.0),
            None => into.lost += 1,
        }
        self.tab.load(file)
    }
}

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    if let (Some(bare::ROLE), Some(folder)) = (arguments.next().as_deref(), arguments.next()) {
        return bare::run(folder.as_ref());
    }
    let saves = number().unwrap_or(SAVES);
    let kinds: Vec<_> = Kind::ALL.into_iter().filter(|kind| kind.is_installed()).collect();
    for kind in Kind::ALL.iter().filter(|kind| !kinds.contains(kind)) {
        println!("{} is not installed: npm ci --prefix benches/rivals\n", kind.name());
    }
    for size in SIZES {
        for kinds in groups(&kinds, size) {
            let mut servers = Vec::new();
            for kind in kinds {
                match running(kind, size) {
                    Ok(running) => servers.push(running),
                    Err(why) => println!("{}, {size} files: {why}\n", kind.name()),
                }
            }
            latency(&mut servers, size, saves);
            costs(&servers, size)?;
        }
    }
    burst(&kinds)
}

/// Returns which servers run at the same time. Those that watch each file would together exceed the
/// system's limit on watches.
fn groups(kinds: &[Kind], size: usize) -> Vec<Vec<Kind>> {
    if size < 100_000 {
        return vec![kinds.to_vec()];
    }
    let (rivals, ours): (Vec<_>, Vec<_>) = kinds.iter().partition(|kind| kind.script().is_some());
    rivals.into_iter().map(|rival| [ours.clone(), vec![rival]].concat()).collect()
}

/// Creates a site of so many files.
fn site(name: &str, size: usize) -> Result<Folder> {
    let folder = Folder::in_memory(&format!("{name}-{size}"))?;
    for file in FILES {
        folder.write(file, content(file, usize::MAX))?;
    }
    for number in FILES.len()..size {
        let below = format!("{}/{}", number / 10_000, number / 100 % 100);
        if number % 100 == 0 || number == FILES.len() {
            fs::create_dir_all(folder.path().join(&below))?;
        }
        folder.write(&format!("{below}/{number}.txt"), "")?;
    }
    Ok(folder)
}

/// Returns 10 KB of content that differs from the others.
fn content(file: &str, number: usize) -> String {
    const LENGTH: usize = 10_240;
    match file.rsplit_once('.') {
        Some((_, "html")) => {
            let head = "<!doctype html>\n<link rel=\"stylesheet\" href=\"/sheet.css\">\n\
                <script type=\"module\" src=\"/script.js\"></script>\n";
            let begin = format!("{head}<p>{number}</p>\n");
            text(LENGTH, &begin, "<p>Something to read, and more of it.</p>\n", "\n")
        }
        Some((_, "css")) => {
            text(LENGTH, &format!("/* {number} */\n"), "p { margin: 1px; color: #123456 }\n", "\n")
        }
        _ => text(LENGTH, &format!("let n = {number};\n"), "n = n * 2 + 1;\n", "\n"),
    }
}

/// Starts a server on a site, and saves until the first message.
fn running(kind: Kind, size: usize) -> Result<Running> {
    let folder = site(&format!("{kind:?}"), size)?;
    let began = Instant::now();
    let server = kind.start(folder.path())?;
    if kind != Kind::Bare {
        get(server.port, "page.html")?;
    }
    let answers = began.elapsed();
    let mut tab = Tab::open(kind, &server, &FILES.map(str::to_owned))?;
    let first_message = (0..)
        .find_map(|number| {
            let changed = save(folder.path(), "sheet.css", true, number)
                .and_then(|_| tab.until_quiet(Duration::from_millis(250)));
            match changed {
                Ok(0) if began.elapsed() < Duration::from_mins(5) => None,
                Ok(0) => Some(Err(format!("{} sends no message", kind.name()).into())),
                Ok(_) => Some(Ok(began.elapsed().saturating_sub(Duration::from_millis(250)))),
                Err(why) => Some(Err(why)),
            }
        })
        .ok_or("no save")??;
    // The rest of its startup must not disturb the others.
    tab.until_quiet(Duration::from_secs(2))?;
    Ok(Running { kind, tab, server, folder, answers, first_message, ended: None })
}

/// Saves a file. Returns the time right before the last step.
fn save(folder: &Path, file: &str, in_place: bool, number: usize) -> Result<Instant> {
    let content = content(file, number);
    let path = folder.join(file);
    if in_place {
        let mut file = File::create(path)?;
        file.write_all(content.as_bytes())?;
        let began = Instant::now();
        drop(file);
        return Ok(began);
    }
    let new = folder.join(format!(".{file}.new"));
    fs::write(&new, content)?;
    let began = Instant::now();
    fs::rename(new, path)?;
    Ok(began)
}

/// Prints a table of the latencies by kind of save, with a summary in its last rows.
fn latency(servers: &mut [Running], size: usize, saves: usize) {
    println!("## ms from the save to the message, {size} files, {saves} saves of each kind\n");
    println!("| save | server | p50 | p95 | p99 | ratio of p50 to the loop | lost | additional |");
    println!("|---|---|---|---|---|---|---|---|");
    let mut all = vec![Saves::default(); servers.len()];
    for file in FILES {
        for (how, in_place) in [("in place", true), ("by rename", false)] {
            let mut rows = vec![Saves::default(); servers.len()];
            for number in 0..saves {
                for (running, row) in servers.iter_mut().zip(&mut rows) {
                    if running.ended.is_none() {
                        let number = number * 2 + usize::from(in_place);
                        running.ended = running
                            .save(file, in_place, number, row)
                            .err()
                            .map(|why| why.to_string());
                    }
                    sleep(PAUSE / 2);
                }
                sleep(PAUSE / 2);
            }
            print(&format!("{file} {how}"), servers, &rows);
            for (all, row) in all.iter_mut().zip(rows) {
                all.times.extend(row.times);
                all.lost += row.lost;
                all.extra += row.extra;
            }
        }
    }
    print("**all**", servers, &all);
    println!();
}

/// Prints the rows for saves of one kind, one for each server.
fn print(saves: &str, servers: &[Running], rows: &[Saves]) {
    let base = quantile(&rows[0].times, 0.5);
    for (running, Saves { times, lost, extra }) in servers.iter().zip(rows) {
        let name = running.kind.name();
        if let Some(why) = &running.ended {
            println!("| {saves} | {name} | ended: {why} | | | | | |");
            continue;
        }
        let [p50, p95, p99] = [0.5, 0.95, 0.99].map(|part| quantile(times, part));
        let ratio = p50 / base;
        println!(
            "| {saves} | {name} | {p50:.2} | {p95:.2} | {p99:.2} | {ratio:.1} | {lost} | {extra} |"
        );
    }
}

fn costs(servers: &[Running], size: usize) -> Result<()> {
    const IDLE: Duration = Duration::from_secs(5);
    println!("## {size} files\n");
    println!("| server | first answer, s | first message, s | memory, MB | idle CPU, ms/s |");
    println!("|---|---|---|---|---|");
    let servers: Vec<_> = servers.iter().filter(|running| running.ended.is_none()).collect();
    let before = servers.iter().map(|running| running.server.cpu()).collect::<Result<Vec<_>>>()?;
    sleep(IDLE);
    for (Running { kind, server, answers, first_message, .. }, before) in
        servers.into_iter().zip(before)
    {
        let idle = (server.cpu()? - before) * 1000.0 / IDLE.as_secs_f64();
        println!(
            "| {} | {:.2} | {:.2} | {:.1} | {idle:.1} |",
            kind.name(),
            answers.as_secs_f64(),
            first_message.as_secs_f64(),
            server.resident()
        );
    }
    println!();
    Ok(())
}

/// Rewrites many files in a row that the page uses, and counts the messages.
fn burst(kinds: &[Kind]) -> Result<()> {
    println!("## {BURST} files rewritten in a row\n\n| server | messages |\n|---|---|");
    for kind in kinds.iter().filter(|kind| **kind != Kind::Bare) {
        let folder = site(&format!("burst-{kind:?}"), 10)?;
        let files: Vec<_> = (0..BURST).map(|number| format!("b{number}.html")).collect();
        files.iter().try_for_each(|file| folder.write(file, "old"))?;
        let server = kind.start(folder.path())?;
        let mut tab = Tab::open(*kind, &server, &files)?;
        tab.until_quiet(Duration::from_secs(2))?;
        files.iter().try_for_each(|file| folder.write(file, "new"))?;
        println!("| {} | {} |", kind.name(), tab.until_quiet(Duration::from_secs(2))?);
    }
    Ok(())
}
