//! Terminal output: a banner, then one short line for each event worth one.
//!
//! A thread of its own reads the server's events and writes the [lines](lines), so that a terminal
//! that blocks (a paused pager) delays nothing. It is the only writer of standard output. Events
//! before the banner are written after it. The line of a change waits shortly for the reports of the
//! tabs ([`pending`]); with `--verbose` each report has its own line, in the order of time. Equal
//! messages in a row become one with a count ([`repeats`]).
//!
//! anstream removes the colours where the output is not a terminal, and with `NO_COLOR`. All text is
//! [escaped](line) where it is written.

mod banner;
mod frame;
mod line;
mod lines;
mod pending;
mod repeats;
mod screen;

use std::{
    collections::HashSet,
    io::Write,
    sync::mpsc,
    time::{Duration, Instant},
};

use livers::Event;
use tokio::sync::{
    broadcast::{Receiver, error::RecvError},
    mpsc as messages,
};

pub(crate) use self::{
    banner::{banner, url},
    line::{Line, Message, Style},
};
use self::{
    lines::{event_message, refused},
    pending::{PendingLines, Report},
    repeats::Repeats,
    screen::Screen,
};

/// How many different refusals are remembered, so that each is printed once.
const MAX_REFUSALS: usize = 256;

/// How many events before the banner are kept. More are dropped.
const MAX_EARLY_EVENTS: usize = 256;

/// How many messages of the program itself may wait for the terminal. There are only a few.
const MAX_MESSAGES: usize = 8;

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
    messages: messages::Sender<Message>,
    /// Disconnected when all lines are written.
    done: mpsc::Receiver<()>,
}

impl Terminal {
    /// Starts to print: first a message, the banner, then events, until their sender is dropped.
    pub(crate) fn start(mut events: Receiver<Event>, verbosity: Verbosity) -> Self {
        let (sender, done) = mpsc::channel();
        let (messages, mut receiver) = messages::channel(MAX_MESSAGES);
        let run = move || {
            let _sender: mpsc::Sender<()> = sender;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
            let Ok(runtime) = runtime else { return };
            runtime.block_on(print_all(&mut receiver, &mut events, verbosity));
        };
        // Without the thread nothing is printed, and the server runs.
        let _ = std::thread::Builder::new().name("livers-terminal".to_owned()).spawn(run);
        Self { messages, done }
    }

    /// Prints a message of the program itself.
    pub(crate) fn print(&self, message: impl Into<Message>) {
        // While the terminal blocks, a message too many is dropped.
        let _ = self.messages.try_send(message.into());
    }

    /// Waits until all lines are written, but not for a terminal that blocks. The server must be
    /// dropped before.
    pub(crate) fn finish(self) {
        let Self { messages, done } = self;
        drop(messages);
        let _ = done.recv_timeout(FLUSH_TIMEOUT);
    }
}

async fn print_all(
    messages: &mut messages::Receiver<Message>,
    events: &mut Receiver<Event>,
    verbosity: Verbosity,
) {
    let mut printer = Printer::new(verbosity);
    let mut open = true;
    loop {
        let deadline = printer.deadline();
        let due = async {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            message = messages.recv(), if open => match message {
                Some(message) => printer.message(message),
                None => open = false,
            },
            event = events.recv() => match event {
                Ok(event) => printer.event(event),
                Err(RecvError::Lagged(lost)) => {
                    printer.write(Line::default().styled(Style::Dim, format!("... {lost} events lost")));
                }
                Err(RecvError::Closed) => break,
            },
            () = due => {}
        }
        printer.write_due();
    }
    printer.write_rest();
}

/// Turns events into output.
struct Printer {
    verbosity: Verbosity,
    screen: Screen,
    /// The events before the banner.
    early: Option<Vec<Event>>,
    refusals: HashSet<String>,
    pending: PendingLines,
    repeats: Repeats,
}

impl Printer {
    fn new(verbosity: Verbosity) -> Self {
        let screen = Screen::stdout();
        Self {
            verbosity,
            repeats: Repeats::new(screen.can_replace()),
            screen,
            early: Some(Vec::new()),
            refusals: HashSet::new(),
            pending: PendingLines::default(),
        }
    }

    /// Writes a message of the program. The first one is the banner, and releases the events.
    fn message(&mut self, message: Message) {
        self.write(message);
        self.early.take().into_iter().flatten().for_each(|event| self.event(event));
    }

    fn event(&mut self, event: Event) {
        if let Some(early) = &mut self.early {
            if early.len() < MAX_EARLY_EVENTS {
                early.push(event);
            }
            return;
        }
        if let Some(message) = self.collect(event) {
            self.write(message);
        }
    }

    /// Adds a change, or a tab's report of one, to the pending lines. Returns the message of another
    /// event.
    fn collect(&mut self, event: Event) -> Option<Message> {
        match event {
            Event::Refused { path, reason } => {
                let line = refused(&path, &reason);
                let new = self.refusals.len() < MAX_REFUSALS
                    && self.refusals.insert(format!("{path} {reason:?}"));
                new.then(|| line.into())
            }
            Event::Updated { version, ref changes, tabs }
                if self.verbosity == Verbosity::Changes =>
            {
                self.pending.add(version, lines::updated(changes, tabs), tabs, Instant::now());
                None
            }
            Event::Applied { version, how, took, why, .. }
                if self.verbosity == Verbosity::Changes =>
            {
                self.pending.report(version, Report { how, took, why });
                None
            }
            event => event_message(&event, self.verbosity, self.screen.columns()),
        }
    }

    fn write(&mut self, message: impl Into<Message>) {
        for output in self.repeats.add(message.into(), Instant::now()) {
            self.screen.write(&output);
        }
    }

    /// Writes the lines whose time has come.
    fn write_due(&mut self) {
        let now = Instant::now();
        self.pending.take_ready(now).into_iter().for_each(|line| self.write(line));
        self.repeats.take_due(now).iter().for_each(|output| self.screen.write(output));
    }

    /// Writes the lines that wait.
    fn write_rest(&mut self) {
        self.pending.take_all().into_iter().for_each(|line| self.write(line));
        self.repeats.take().iter().for_each(|output| self.screen.write(output));
    }

    /// Returns when [`write_due`](Self::write_due) has something to write.
    fn deadline(&self) -> Option<Instant> {
        self.pending.deadline().into_iter().chain(self.repeats.deadline()).min()
    }
}

/// Prints why the server could not be started.
pub(crate) fn print_error(error: &str) {
    let line = Line::default().styled(Style::Red, "error:").text(format!(" {error}"));
    let _ = writeln!(anstream::stderr(), "{line}");
}
