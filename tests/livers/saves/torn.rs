//! Fetches a page while it is written in steps, and counts the incomplete ones.
//!
//! Each line of the page names its version, its number and the number of lines, so that a part of a
//! version and a mixture of two can be told from a complete one. A writer takes about 100 ms for a
//! version, in 20 steps. Meanwhile one client fetches in a loop, a second one on each message, and
//! a page is open in Chromium. A version counts as stale if no message led to it, or if Chromium
//! does not show it in the end.
//!
//! Requests wait for a writer for half a second at the most, so fetches that overlap a writer which
//! a busy machine suspended for longer than [`SLOW`] are not counted.

use std::{
    fs::{File, OpenOptions},
    io::Write,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use tokio::time::timeout;

use crate::support::{
    browser::browser,
    dir::TempDir,
    http::{get, request_head},
    server::Livers,
    tab::Tab,
    wire::Wire,
};

const STEPS: usize = 20;
const STEP: Duration = Duration::from_millis(5);

/// Requests may time out on a writer that takes longer than this.
const SLOW: Duration = Duration::from_millis(400);

/// How long a message may take after the last write.
const STALE: Duration = Duration::from_secs(8);

/// How a version is written to the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The file is truncated, then written.
    Truncated,
    /// The new bytes overwrite the old ones.
    Over,
    /// The version is appended to a short beginning.
    Appended,
}

pub const WAYS: [Way; 3] = [Way::Truncated, Way::Over, Way::Appended];

/// The counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub rounds: usize,
    /// The fetches in the loop, and those with an incomplete page.
    pub fetches: usize,
    pub torn: usize,
    /// Those that were cut short, because the file shrank while it was sent. The client can tell.
    pub cut: usize,
    /// The same for the fetches on a message.
    pub on_message: usize,
    pub torn_on_message: usize,
    pub cut_on_message: usize,
    /// The versions that no message led to.
    pub stale: usize,
    /// Whether Chromium shows the last version in the end.
    pub shown: bool,
    /// The versions that took longer than [`SLOW`].
    pub slow: usize,
}

/// The outcome of a fetch.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Got {
    Version(usize),
    Torn,
    Cut,
}

/// A fetch, with its times.
struct Fetch {
    began: Instant,
    ended: Instant,
    got: Got,
}

/// Counts the fetches with an outcome, except those that overlap a slow writer.
fn count(fetches: &[Fetch], got: Got, slow: &[(Instant, Instant)]) -> usize {
    let excused = |fetch: &Fetch| {
        slow.iter().any(|(began, ended)| fetch.began < *ended && fetch.ended > *began)
    };
    fetches.iter().filter(|fetch| fetch.got == got && !excused(fetch)).count()
}

/// Writes versions of a page of this length while it is fetched, and counts the outcomes.
pub async fn torn(way: Way, length: usize, rounds: usize) -> Counts {
    let dir = TempDir::new();
    dir.write("favicon.ico", "");
    dir.write("page.html", version(0, length));
    let livers = Livers::on(dir.path()).start().await;
    let port = livers.port();
    let shown = browser().await.open(&livers.at("/page.html")).await;
    get(port, "/page.html").await;
    let mut tab = Tab::page(&livers, "/page.html", &[]).await;

    let stop = Arc::new(AtomicBool::new(false));
    let fetcher = tokio::spawn({
        let stop = Arc::clone(&stop);
        async move {
            let mut wire = Wire::open(port).await;
            let mut fetches = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                fetches.push(fetch(&mut wire, port).await);
            }
            fetches
        }
    });

    let mut result = Counts { rounds, ..Counts::default() };
    let mut wire = Wire::open(port).await;
    let (mut on_message, mut slow) = (Vec::new(), Vec::new());
    for round in 1..=rounds {
        if way == Way::Appended {
            dir.replace("page.html", beginning(round));
        }
        let path = dir.at("page.html");
        let writer = tokio::task::spawn_blocking(move || write(way, &path, round, length));
        let deadline = Instant::now() + STALE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if timeout(left, tab.updated()).await.is_err() {
                result.stale += 1;
                break;
            }
            let fetch = fetch(&mut wire, port).await;
            let got = fetch.got;
            on_message.push(fetch);
            if got == Got::Version(round) {
                break;
            }
        }
        let (began, ended) = writer.await.expect("the writer");
        if ended - began > SLOW {
            slow.push((began, ended));
        }
        // Time for the waiting requests to be answered before the next writer.
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    stop.store(true, Ordering::Relaxed);
    let fetches = fetcher.await.expect("the fetches");
    result.fetches = fetches.len();
    result.torn = count(&fetches, Got::Torn, &slow);
    result.cut = count(&fetches, Got::Cut, &slow);
    result.on_message = on_message.len();
    result.torn_on_message = count(&on_message, Got::Torn, &slow);
    result.cut_on_message = count(&on_message, Got::Cut, &slow);
    result.slow = slow.len();
    let last = format!("document.querySelector('p:last-of-type').textContent === '{rounds:07}'");
    let deadline = Instant::now() + STALE;
    while !result.shown && Instant::now() < deadline {
        result.shown = shown.eval(&format!("document.querySelector('p') !== null && {last}")).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    result
}

async fn fetch(wire: &mut Wire, port: u16) -> Fetch {
    let head = request_head(port, "GET", "/page.html", &[("Connection", "keep-alive")], 0);
    let began = Instant::now();
    wire.send(head).await;
    let got = match wire.try_response(false).await {
        Some(answer) if answer.complete => {
            complete_version(&answer.body).map_or(Got::Torn, Got::Version)
        }
        _ => {
            *wire = Wire::open(port).await;
            Got::Cut
        }
    };
    Fetch { began, ended: Instant::now(), got }
}

/// Writes a version in steps. Returns when it began and ended.
fn write(way: Way, path: &Path, version: usize, length: usize) -> (Instant, Instant) {
    let text = self::version(version, length);
    let began = Instant::now();
    let mut file = match way {
        Way::Truncated => File::create(path),
        Way::Over => OpenOptions::new().write(true).open(path),
        Way::Appended => OpenOptions::new().append(true).open(path),
    }
    .expect("open the page");
    for part in text.as_bytes().chunks(text.len().div_ceil(STEPS)) {
        file.write_all(part).expect("write to the page");
        thread::sleep(STEP);
    }
    drop(file);
    (began, Instant::now())
}

/// Returns a version of the page. All have the same length.
fn version(version: usize, length: usize) -> String {
    const LINE: usize = 512;
    let count = length / LINE;
    let mut text = String::with_capacity(length + 200);
    text += "<!doctype html>\n<title>A page</title>\n<!--\n";
    for n in 0..count {
        let line = format!("line {version} {n} {count} ");
        text += &format!("{line:.<width$}\n", width = LINE - 1);
    }
    text + &format!("-->\n<p>{version:07}</p>\n")
}

/// Returns the page that a version is appended to: a version of one line.
fn beginning(version: usize) -> String {
    self::version(1_000_000 + version, 512)
}

/// Returns the last version in a page, or `None` unless the page consists of complete versions.
fn complete_version(page: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(page).ok()?;
    let (mut wanted, mut version) = (0, None);
    let mut count = 0;
    for line in text.lines().filter_map(|line| line.strip_prefix("line ")) {
        let mut numbers = line.split(' ').map_while(|number| number.parse::<usize>().ok());
        let (of, n, all) = (numbers.next()?, numbers.next()?, numbers.next()?);
        if n != wanted || (n > 0 && (version != Some(of) || count != all)) {
            return None;
        }
        (version, count) = (Some(of), all);
        wanted = (n + 1) % all;
    }
    let end = format!("<p>{:07}</p>", version?);
    (wanted == 0 && text.trim_end().ends_with(&end)).then_some(version?)
}
