//! Terminal output: a banner, then one short line for each event worth one.
//!
//! A thread of its own reads the server's events and writes the [lines](lines), so that a terminal
//! that blocks (a paused pager) delays nothing. The line of a change waits shortly for the reports
//! of the tabs ([`pending`]); with `--verbose` each report has its own line, in the order of time.
//!
//! anstream removes the colours where the output is not a terminal, and with `NO_COLOR`. Control
//! characters of text from outside are escaped.

mod banner;
mod lines;
mod pending;

use std::{
    collections::HashSet,
    fmt::Display,
    io::{self, Write},
    sync::mpsc,
    time::{Duration, Instant},
};

use livers::Event;
use tokio::sync::broadcast::{Receiver, error::RecvError};

pub(crate) use self::banner::print as print_banner;
use self::{
    lines::{escaped, event_line, refused},
    pending::{PendingLines, Report},
};

const BOLD: &str = "\x1b[1m";
const DIM: &str = "\x1b[2m";
const RED: &str = "\x1b[31m";
const GREEN: &str = "\x1b[32m";
const YELLOW: &str = "\x1b[33m";
const CYAN: &str = "\x1b[36m";
const RESET: &str = "\x1b[0m";

/// How many different refusals are remembered, so that each is printed once.
const MAX_REFUSALS: usize = 256;

/// How long to wait at the end for the last lines to be written.
const FLUSH_TIMEOUT: Duration = Duration::from_millis(300);

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

/// The thread that prints events.
pub(crate) struct Terminal {
    /// Disconnected when all lines are written.
    done: mpsc::Receiver<()>,
}

impl Terminal {
    /// Starts to print events, until their sender is dropped.
    pub(crate) fn start(mut events: Receiver<Event>, verbosity: Verbosity) -> Self {
        let (sender, done) = mpsc::channel();
        let run = move || {
            let _sender: mpsc::Sender<()> = sender;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
            let Ok(runtime) = runtime else { return };
            runtime.block_on(print_events(&mut events, verbosity));
        };
        // Without the thread nothing is printed, and the server runs.
        let _ = std::thread::Builder::new().name("livers-terminal".to_owned()).spawn(run);
        Self { done }
    }

    /// Waits until all lines are written, but not for a terminal that blocks. The server must be
    /// dropped before.
    pub(crate) fn finish(self) {
        let _ = self.done.recv_timeout(FLUSH_TIMEOUT);
    }
}

async fn print_events(events: &mut Receiver<Event>, verbosity: Verbosity) {
    let mut refusals = HashSet::new();
    let mut pending = PendingLines::default();
    loop {
        let deadline = pending.deadline();
        let due = async {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
                None => std::future::pending().await,
            }
        };
        let line = tokio::select! {
            event = events.recv() => match event {
                Ok(Event::Refused { path, reason }) => {
                    let line = refused(&path, &reason);
                    let new = refusals.len() < MAX_REFUSALS && refusals.insert(line.clone());
                    new.then_some(line)
                }
                Ok(event) if verbosity == Verbosity::Changes => collect(&mut pending, event),
                Ok(event) => event_line(&event, verbosity),
                Err(RecvError::Lagged(lost)) => {
                    Some(format!("{DIM}... {lost} events lost{RESET}"))
                }
                Err(RecvError::Closed) => break,
            },
            () = due => None,
        };
        pending.take_ready(Instant::now()).iter().for_each(|line| print(line));
        if let Some(line) = line {
            print(&line);
        }
    }
    pending.take_all().iter().for_each(|line| print(line));
}

/// Adds a change, or a tab's report of one, to the pending lines. Returns the line of another
/// event.
fn collect(pending: &mut PendingLines, event: Event) -> Option<String> {
    match event {
        Event::Updated { version, tabs, .. } => {
            let line = event_line(&event, Verbosity::Changes)?;
            pending.add(version, line, tabs, Instant::now());
            None
        }
        Event::Applied { version, how, took, why, .. } => {
            let why = why.map(|why| escaped(&why));
            pending.report(version, Report { how: escaped(&how), took, why });
            None
        }
        event => event_line(&event, Verbosity::Changes),
    }
}

/// Prints why the server could not be started.
pub(crate) fn print_error(error: &impl Display) {
    let _ = writeln!(anstream::stderr(), "{RED}error:{RESET} {}", escaped(&error.to_string()));
}

/// Prints that no browser could be opened.
pub(crate) fn print_browser_error(url: &str, error: &io::Error) {
    print(&format!("{RED}open{RESET}     cannot open a browser ({error}): go to {url}"));
}

fn print(line: &str) {
    // A closed output is not an error of the server.
    let _ = writeln!(anstream::stdout().lock(), "{line}");
}
