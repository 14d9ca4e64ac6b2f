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
mod compiling;
mod frame;
mod json;
mod lines;
mod page_messages;
mod pending;
mod printer;
mod repeats;
mod screen;
mod wrap;

use std::{
    io::Write,
    time::{Duration, Instant},
};

use livers::{Event, Record};
use tokio::sync::{
    broadcast::{Receiver, error::RecvError},
    mpsc as commands, oneshot,
};

pub(crate) use self::{
    banner::{banner, url},
    lines::name,
};
use self::{printer::Printer, screen::Screen};
use crate::{
    args::LogFormat,
    line::{Line, Message, Style},
    verbosity::Verbosity,
};

/// How many commands of the program itself may wait for the terminal. There are only a few.
const MAX_COMMANDS: usize = 64;

/// How long to wait at the end for the last lines to be written.
const FLUSH_TIMEOUT: Duration = Duration::from_millis(300);

/// What the program itself has to print.
enum Command {
    /// The banner. Events are printed from then on.
    Banner(Message),
    Print(Message),
    /// An event that was printed before.
    Repeat(Box<Event>),
    Clear,
    Forget,
    Verbosity(Verbosity),
}

/// The thread that prints events.
pub(crate) struct Terminal {
    commands: commands::Sender<Command>,
    /// Closed when all lines are written.
    done: oneshot::Receiver<()>,
}

impl Terminal {
    /// Starts to print: first the banner, then events, until their sender is dropped. As JSON, there
    /// is no banner.
    pub(crate) fn start(
        mut events: Receiver<Record>,
        verbosity: Verbosity,
        format: LogFormat,
    ) -> Self {
        let (sender, done) = oneshot::channel();
        let (commands, mut receiver) = commands::channel(MAX_COMMANDS);
        let run = move || {
            let _sender: oneshot::Sender<()> = sender;
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
        Self { commands, done }
    }

    /// Prints the banner, and the events from then on.
    pub(crate) fn banner(&self, banner: impl Into<Message>) {
        self.send(Command::Banner(banner.into()));
    }

    /// Prints a message of the program itself.
    pub(crate) fn print(&self, message: impl Into<Message>) {
        self.send(Command::Print(message.into()));
    }

    /// Prints an event again.
    pub(crate) fn repeat(&self, event: Event) {
        self.send(Command::Repeat(Box::new(event)));
    }

    /// Clears the screen.
    pub(crate) fn clear(&self) {
        self.send(Command::Clear);
    }

    /// Writes below what is on the screen, because other programs have written there.
    pub(crate) fn forget(&self) {
        self.send(Command::Forget);
    }

    /// Sets how much is printed from now on.
    pub(crate) fn set_verbosity(&self, verbosity: Verbosity) {
        self.send(Command::Verbosity(verbosity));
    }

    fn send(&self, command: Command) {
        // While the terminal blocks, a command too many is dropped.
        let _ = self.commands.try_send(command);
    }

    /// Waits until all lines are written, but not for a terminal that blocks. The server must be
    /// dropped before.
    pub(crate) async fn finish(self) {
        let Self { commands, done } = self;
        drop(commands);
        let _ = tokio::time::timeout(FLUSH_TIMEOUT, done).await;
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
        self.0.event(record);
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

    /// Returns whether the reader has closed the output.
    pub(crate) fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    /// Prints what was held back.
    pub(crate) fn finish(mut self) {
        self.0.write_rest();
    }
}

/// Returns the lines of an event for standard output, such as those of a compile error.
pub(crate) fn describe(event: &Event) -> Vec<Line> {
    let columns = Screen::stdout().columns();
    let message = lines::event_message(event, Verbosity::All, columns).unwrap_or_default();
    message.counted(printer::count(event)).0
}

async fn print_all(
    commands: &mut commands::Receiver<Command>,
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
            command = commands.recv(), if open => match command {
                Some(command) => obey(command, &mut printer),
                None => open = false,
            },
            event = events.recv() => match event {
                Ok(record) => printer.event(record),
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

fn obey(command: Command, printer: &mut Printer) {
    match command {
        Command::Banner(banner) => printer.banner(banner),
        Command::Print(message) => printer.print(message),
        Command::Repeat(event) => printer.repeat_event(&event),
        Command::Clear => printer.clear(),
        Command::Forget => printer.forget(),
        Command::Verbosity(verbosity) => printer.set_verbosity(verbosity),
    }
}

/// Prints why the server could not be started.
pub(crate) fn print_error(error: &str) {
    let line = Line::default().styled(Style::Red, "error:").text(format!(" {error}"));
    let _ = writeln!(anstream::stderr(), "{line}");
}
