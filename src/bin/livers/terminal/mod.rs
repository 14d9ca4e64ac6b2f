//! Terminal output: a banner, then one short line for each event worth one.
//!
//! A thread of its own reads the server's events and writes them, so that a terminal that blocks (a
//! paused pager) delays nothing. It is the only writer of standard output.
//!
//! An event becomes a message of styled [lines](crate::line), worded in [`lines`]. The [`printer`]
//! decides when it is written: after the banner, and the line of a change when the tabs have
//! reported ([`pending`]); with `--verbose` each report has its own line, in the order of time.
//! Equal messages in a row become one with a count ([`repeats`]). The [`screen`] writes them.
//!
//! anstream removes the colours where the output is not a terminal, and with `NO_COLOR`. All text
//! is [escaped](crate::line) where it is written.

mod banner;
mod frame;
mod json;
mod lines;
mod page_messages;
mod pending;
mod printer;
mod repeats;
mod screen;

use std::{
    io::Write,
    sync::mpsc,
    time::{Duration, Instant},
};

use livers::{Event, Record};
use tokio::sync::{
    broadcast::{Receiver, error::RecvError},
    mpsc as messages,
};

pub(crate) use self::banner::{banner, url};
use self::{printer::Printer, screen::Screen};
use crate::{
    args::LogFormat,
    line::{Line, Message, Style},
    verbosity::Verbosity,
};

/// How many messages of the program itself may wait for the terminal. There are only a few.
const MAX_MESSAGES: usize = 8;

/// How long to wait at the end for the last lines to be written.
const FLUSH_TIMEOUT: Duration = Duration::from_millis(300);

/// The thread that prints events.
pub(crate) struct Terminal {
    messages: messages::Sender<Message>,
    /// Disconnected when all lines are written.
    done: mpsc::Receiver<()>,
}

impl Terminal {
    /// Starts to print: first a message, the banner, then events, until their sender is dropped. As
    /// JSON, there is no banner.
    pub(crate) fn start(
        mut events: Receiver<Record>,
        verbosity: Verbosity,
        format: LogFormat,
    ) -> Self {
        let (sender, done) = mpsc::channel();
        let (messages, mut receiver) = messages::channel(MAX_MESSAGES);
        let run = move || {
            let _sender: mpsc::Sender<()> = sender;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
            let Ok(runtime) = runtime else { return };
            runtime.block_on(async {
                match format {
                    LogFormat::Text => print_all(&mut receiver, &mut events, verbosity).await,
                    LogFormat::Json => {
                        json::print_all(&mut receiver, &mut events, verbosity).await;
                    }
                }
            });
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

/// Prints the events of another process as its terminal does.
pub(crate) struct Replay(Printer);

impl Replay {
    pub(crate) fn new(verbosity: Verbosity) -> Self {
        Self(Printer::of_another(verbosity))
    }

    /// Prints an event, or holds it back until [`deadline`](Self::deadline).
    pub(crate) fn print(&mut self, record: Record) {
        self.0.event(record.event);
    }

    /// Prints an event of a later version.
    pub(crate) fn print_unknown(&mut self, text: &str) {
        self.0.write(Line::default().styled(Style::Dim, text));
    }

    /// Returns when [`write_due`](Self::write_due) has something to write.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.0.deadline()
    }

    pub(crate) fn write_due(&mut self) {
        self.0.write_due();
    }

    /// Prints what was held back.
    pub(crate) fn finish(mut self) {
        self.0.write_rest();
    }
}

/// Returns the lines of an event for standard output, such as those of a compile error.
pub(crate) fn describe(event: &Event) -> Vec<Line> {
    let columns = Screen::stdout().columns();
    lines::event_message(event, Verbosity::All, columns).unwrap_or_default().0
}

async fn print_all(
    messages: &mut messages::Receiver<Message>,
    events: &mut Receiver<Record>,
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
                Ok(record) => printer.event(record.event),
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

/// Prints why the server could not be started.
pub(crate) fn print_error(error: &str) {
    let line = Line::default().styled(Style::Red, "error:").text(format!(" {error}"));
    let _ = writeln!(anstream::stderr(), "{line}");
}
