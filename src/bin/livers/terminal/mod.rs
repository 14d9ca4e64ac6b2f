//! What a person reads: a banner, then one short line for each thing worth one.
//!
//! The line of a change waits a moment for what the tabs did ([`held`]), but under `--verbose`, where
//! each tab has a line of its own, in the order of time. A thread of its own reads the server's events and writes the lines, so that a terminal that does
//! not take them (a paused pager) holds nothing up. Colours are there on a terminal only, and not
//! with `NO_COLOR`; anstream sees to that. Whatever comes from outside is written without control
//! characters.

mod held;

use std::{
    collections::HashSet,
    fmt::{Display, Write as _},
    io::{self, Write},
    net::{IpAddr, Ipv4Addr, UdpSocket},
    path::PathBuf,
    sync::mpsc,
    time::{Duration, Instant},
};

use livers::{Change, Event, Fault, Kind, Refusal, Server};
use percent_encoding::percent_decode_str;
use tokio::sync::broadcast::{Receiver, error::RecvError};

use self::held::{Done, Held};
use crate::messages;

const BOLD: &str = "\x1b[1m";
const DIM: &str = "\x1b[2m";
const RED: &str = "\x1b[31m";
const GREEN: &str = "\x1b[32m";
const YELLOW: &str = "\x1b[33m";
const CYAN: &str = "\x1b[36m";
const RESET: &str = "\x1b[0m";

/// How many names a line holds.
const NAMES: usize = 3;

/// How many different refusals are remembered, so that each is said once.
const REFUSALS: usize = 256;

/// How much is printed. Each level includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verbosity {
    /// Errors and refusals.
    Errors,
    /// Changes.
    Changes,
    /// Requests, and what each tab did with a change.
    All,
}

/// How long what is left to write may take at the end: nobody may be reading it.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// The thread that writes.
pub(crate) struct Terminal {
    /// Closed when all is written.
    written: mpsc::Receiver<()>,
}

impl Terminal {
    /// Writes a line for each event that is worth one, until the server is gone.
    pub(crate) fn start(mut events: Receiver<Event>, verbosity: Verbosity) -> Self {
        let thread = std::thread::Builder::new().name("livers-terminal".to_owned());
        let (writing, written) = mpsc::channel();
        let run = move || {
            let _writing: mpsc::Sender<()> = writing;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
            let Ok(runtime) = runtime else { return };
            runtime.block_on(read(&mut events, verbosity));
        };
        // A thread that cannot be had writes nothing, and the server goes on.
        let _ = thread.spawn(run);
        Self { written }
    }

    /// Waits until all is written, or it is clear that nobody reads it. The server must be gone.
    pub(crate) fn stop(self) {
        let _ = self.written.recv_timeout(LAST_WORDS);
    }
}

/// Writes what is worth a line, until there are no more events.
async fn read(events: &mut Receiver<Event>, verbosity: Verbosity) {
    let mut refusals = HashSet::new();
    let mut held = Held::default();
    loop {
        let until = held.until();
        let due = async {
            match until {
                Some(until) => tokio::time::sleep_until(until.into()).await,
                None => std::future::pending().await,
            }
        };
        let line = tokio::select! {
            event = events.recv() => match event {
                Ok(Event::Refused { path, reason }) => {
                    let line = refused(&path, &reason);
                    let new = refusals.len() < REFUSALS && refusals.insert(line.clone());
                    new.then_some(line)
                }
                Ok(event) if verbosity == Verbosity::Changes => hold(&mut held, event),
                Ok(event) => line(&event, verbosity),
                Err(RecvError::Lagged(lost)) => Some(format!("{DIM}... {lost} lines{RESET}")),
                Err(RecvError::Closed) => break,
            },
            () = due => None,
        };
        held.take(Instant::now()).iter().for_each(|line| write(line));
        if let Some(line) = line {
            write(&line);
        }
    }
    held.take_all().iter().for_each(|line| write(line));
}

/// Keeps what belongs to a change; gives the line for anything else.
fn hold(held: &mut Held, event: Event) -> Option<String> {
    match event {
        Event::Updated { version, tabs, .. } => {
            held.hold(version, line(&event, Verbosity::Changes)?, tabs, Instant::now());
            None
        }
        Event::Applied { version, how, took, why, .. } => {
            let why = why.map(|why| shown(&why));
            held.done(version, Done { how: shown(&how), took, why });
            None
        }
        event => line(&event, Verbosity::Changes),
    }
}

/// The first thing that is said.
pub(crate) fn banner(server: &Server, more: &[PathBuf], took: Duration) {
    let mut text = String::new();
    let version = env!("CARGO_PKG_VERSION");
    let mut row = |label: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {DIM}{label:<8}{RESET} {value}");
    };
    row("local", &format!("{CYAN}{}{RESET}", server.url()));
    if let Some(all) = server.addresses().iter().find(|address| address.ip().is_unspecified()) {
        let port = all.port();
        row(
            "network",
            &match network_address() {
                Some(address) => format!("{CYAN}http://{address}:{port}/{RESET}"),
                None => format!("all addresses of this machine, port {port}"),
            },
        );
    }
    for route in server.routes() {
        row("proxy", &shown(route));
    }
    let polling = server.polling().map(|why| format!("  {DIM}(polling: {}){RESET}", shown(&why)));
    let root = shown(&server.root().to_string_lossy());
    row("watching", &(root + &polling.unwrap_or_default()));
    for path in more {
        row("", &shown(&path.to_string_lossy()));
    }
    if let Some(taken) = server.port_in_use() {
        row("note", &format!("{YELLOW}port {taken} is taken, this is the next free one{RESET}"));
    }
    let ready = format!("{DIM}ready in {} ms{RESET}", took.as_millis().max(1));
    write(&format!("\n  {BOLD}{GREEN}livers{RESET} {version}  {ready}\n\n{text}"));
}

/// The address by which other devices know this machine: the one that it would send from. The socket
/// only asks for the way; nothing is sent.
fn network_address() -> Option<Ipv4Addr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    // An address of no machine (RFC 5737): the way to anywhere.
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    match socket.local_addr().ok()?.ip() {
        IpAddr::V4(address) if !address.is_unspecified() => Some(address),
        _ => None,
    }
}

/// Why there is no server.
pub(crate) fn failed(error: &impl Display) {
    let _ = writeln!(anstream::stderr(), "{RED}error:{RESET} {}", shown(&error.to_string()));
}

/// No browser could be opened; the server goes on.
pub(crate) fn no_browser(url: &str, why: &io::Error) {
    write(&format!("{RED}open{RESET}     no browser could be opened ({why}): go to {url}"));
}

fn write(line: &str) {
    // Whoever closed our output does not want to read it.
    let _ = writeln!(anstream::stdout().lock(), "{line}");
}

/// The line for an event, if it is worth one.
fn line(event: &Event, verbosity: Verbosity) -> Option<String> {
    let needed = match event {
        Event::Updated { .. } => Verbosity::Changes,
        Event::Applied { .. } | Event::Tabs { .. } | Event::Request { .. } => Verbosity::All,
        _ => Verbosity::Errors,
    };
    if verbosity < needed {
        return None;
    }
    Some(match event {
        Event::Updated { changes, tabs, .. } => {
            let verb = match changes.first().map(|change| change.kind) {
                Some(kind) if changes.iter().any(|change| change.kind != kind) => "updated",
                Some(Kind::Created) => "created",
                Some(Kind::Removed) => "removed",
                _ => "updated",
            };
            let tabs = match tabs {
                0 => "no tab".to_owned(),
                1 => "1 tab".to_owned(),
                tabs => format!("{tabs} tabs"),
            };
            format!("{GREEN}{verb}{RESET}  {}  {DIM}-> {tabs}{RESET}", names(changes))
        }
        Event::Applied { page, how, took, why, .. } => {
            let why = why.as_deref().map(shown);
            let done = Done { how: shown(how), took: *took, why };
            format!("{DIM}applied  {}  {done}{RESET}", name(page))
        }
        Event::Tabs { open } => format!("{DIM}tabs     {open} open{RESET}"),
        Event::BackendDown { backend, why } => {
            format!("{RED}proxy{RESET}    {} is down: {}", shown(backend), shown(why))
        }
        Event::BackendUp { backend } => {
            format!("{GREEN}proxy{RESET}    {} is up again", shown(backend))
        }
        Event::BackendFault { backend, path, why } => {
            format!("{RED}proxy{RESET}    {} {}: {}", shown(backend), shown(path), shown(why))
        }
        Event::Refused { path, reason } => refused(path, reason),
        Event::PolicyAmended { path } => format!(
            "{YELLOW}policy{RESET}   {}: its Content-Security-Policy allows livers' script and socket, too, \
             as do those of other pages",
            shown(path)
        ),
        Event::WatchFault { path, why } => {
            format!("{RED}watch{RESET}    {}: {}", shown(&path.to_string_lossy()), shown(why))
        }
        Event::RuleFault { file, why } => {
            format!("{YELLOW}ignored{RESET}  {}: {}", shown(file), shown(why))
        }
        Event::StillWritten { path } => {
            let path = shown(&path.to_string_lossy());
            format!(
                "{YELLOW}writing{RESET}  {path} has been open for writing for long: served as it is"
            )
        }
        Event::SourceFault(fault) => source_fault(fault),
        Event::Request { method, target, status, took } => {
            let ms = took.as_secs_f64() * 1000.0;
            format!("{DIM}{method:<8} {}  {status}, {ms:.1} ms{RESET}", shown(target))
        }
        Event::ConnectionFault { why } => format!("{RED}server{RESET}   {}", shown(why)),
        // The library may learn to say more than this program knows.
        _ => return None,
    })
}

/// What is wrong with a source: where, what, and the lines around it.
fn source_fault(fault: &Fault) -> String {
    let place = match (fault.line, fault.column) {
        (Some(line), Some(column)) => format!(":{line}:{column}"),
        _ => String::new(),
    };
    let mut text =
        format!("{RED}error{RESET}    {}{place}: {}", shown(&fault.file), shown(&fault.message));
    for line in fault.frame.lines() {
        let _ = write!(text, "\n         {DIM}{}{RESET}", shown(line));
    }
    if let Some(help) = &fault.help {
        let _ = write!(text, "\n         {CYAN}{}{RESET}", shown(help));
    }
    text
}

fn refused(path: &str, reason: &Refusal) -> String {
    format!("{YELLOW}refused{RESET}  {}: {}", shown(path), shown(&messages::refusal(reason)))
}

/// The names of changed files, the first few.
fn names(changes: &[Change]) -> String {
    let mut text: Vec<_> = changes.iter().take(NAMES).map(|change| name(&change.path)).collect();
    if changes.len() > NAMES {
        text.push(format!("and {} more", changes.len() - NAMES));
    }
    text.join(", ")
}

/// A URL path as a person writes it.
fn name(path: &str) -> String {
    let decoded = percent_decode_str(path).decode_utf8_lossy();
    let name = decoded.strip_prefix('/').filter(|name| !name.is_empty()).unwrap_or(&decoded);
    shown(name)
}

/// Text without control characters, which a terminal would obey.
fn shown(text: &str) -> String {
    text.chars()
        .flat_map(|char| {
            let control = char.is_control();
            let escaped = control.then(|| char.escape_default());
            escaped.into_iter().flatten().chain((!control).then_some(char))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use livers::{Change, Event, Kind};

    use super::{Verbosity, line};

    fn plain(event: &Event, verbosity: Verbosity) -> Option<String> {
        line(event, verbosity).map(|line| anstream::adapter::strip_str(&line).to_string())
    }

    fn updated(paths: &[(&str, Kind)], tabs: usize) -> Event {
        let change = |(path, kind): &(&str, Kind)| Change { path: (*path).into(), kind: *kind };
        Event::Updated { version: 1, changes: paths.iter().map(change).collect(), tabs }
    }

    #[test]
    fn a_change_is_one_short_line() {
        use Kind::{Created, Modified, Removed};
        let table = [
            (updated(&[("/css/app.css", Modified)], 2), "updated  css/app.css  -> 2 tabs"),
            (updated(&[("/a%20b.html", Created)], 1), "created  a b.html  -> 1 tab"),
            (updated(&[("/a/", Removed)], 0), "removed  a/  -> no tab"),
            (updated(&[("/a", Removed), ("/b", Created)], 1), "updated  a, b  -> 1 tab"),
            (
                updated(
                    &[("/a", Modified), ("/b", Modified), ("/c", Modified), ("/d", Modified)],
                    3,
                ),
                "updated  a, b, c, and 1 more  -> 3 tabs",
            ),
            (updated(&[("/%1b[31m%0a", Modified)], 0), "updated  \\u{1b}[31m\\n  -> no tab"),
        ];
        for (event, wanted) in table {
            assert_eq!(plain(&event, Verbosity::Changes).as_deref(), Some(wanted));
            assert_eq!(plain(&event, Verbosity::Errors), None);
        }
    }

    #[test]
    fn requests_are_said_only_where_asked_for() {
        let event = Event::Request {
            method: "GET".into(),
            target: "/?a".into(),
            status: 200,
            took: std::time::Duration::from_micros(1500),
        };
        assert_eq!(plain(&event, Verbosity::Changes), None);
        assert_eq!(plain(&event, Verbosity::All).as_deref(), Some("GET      /?a  200, 1.5 ms"));
    }
}
