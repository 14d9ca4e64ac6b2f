//! Turns events into output: what is printed, in which order, and once or again.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use livers::{Event, MessageKind, PageMessage, Record};

use super::{
    banner::starting,
    compiling::Compiling,
    lines::{self, event_message, refused},
    pending::{PendingLines, Report},
    repeats::{Output, Repeats},
    screen::Screen,
};
use crate::{clock, line::Message, messages, verbosity::Verbosity};

/// How many different refusals are remembered, so that each is printed once.
const MAX_REFUSALS: usize = 256;

/// How many missing files are remembered, so that the failure to load one is printed once.
const MAX_MISSING: usize = 256;

/// How many events before the banner are kept. More are dropped.
const MAX_EARLY_EVENTS: usize = 256;

/// The time without a banner after which a terminal shows that the server is starting, and between
/// two updates of progress.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(500);

/// The columns of a time of day and the space after it.
const TIME_WIDTH: usize = 10;

/// Turns events into output.
pub(super) struct Printer {
    verbosity: Verbosity,
    screen: Screen,
    /// The events before the banner.
    early: Option<Vec<Record>>,
    started: Instant,
    /// When progress is shown next: before the banner, and while a compilation takes long.
    progress_at: Option<Instant>,
    refusals: HashSet<String>,
    missing: HashSet<String>,
    pending: PendingLines,
    compiling: Compiling,
    repeats: Repeats,
    /// Whether the events are those of a server in this process, which has a banner.
    has_banner: bool,
}

impl Printer {
    pub(super) fn new(verbosity: Verbosity) -> Self {
        let (screen, now) = (Screen::stdout(), Instant::now());
        let shows_progress = screen.can_replace() && verbosity > Verbosity::Errors;
        Self {
            verbosity,
            started: now,
            progress_at: shows_progress.then(|| now + PROGRESS_INTERVAL),
            repeats: Repeats::new(screen.can_replace()),
            screen,
            early: Some(Vec::new()),
            refusals: HashSet::new(),
            missing: HashSet::new(),
            pending: PendingLines::default(),
            compiling: Compiling::default(),
            has_banner: true,
        }
    }

    /// Returns a printer for the events of another process, without a banner.
    pub(super) fn of_another(verbosity: Verbosity) -> Self {
        Self { early: None, progress_at: None, has_banner: false, ..Self::new(verbosity) }
    }

    /// Writes the banner, and then the events before it.
    pub(super) fn banner(&mut self, banner: Message) {
        self.progress_at = None;
        self.print(banner);
        self.early.take().into_iter().flatten().for_each(|record| self.event(record));
    }

    pub(super) fn event(&mut self, record: Record) {
        if let Some(early) = &mut self.early {
            if early.len() < MAX_EARLY_EVENTS {
                early.push(record);
            }
            return;
        }
        let count = count(&record.event);
        if let Some(message) = self.collect(record.event) {
            let message = match self.verbosity {
                Verbosity::All => message.timed(&clock::time_of_day(record.time)),
                _ => message,
            };
            self.write_counted(message, count);
        }
    }

    /// Writes an event again, as it is: without waiting for tabs, and for every verbosity.
    pub(super) fn repeat_event(&mut self, event: &Event) {
        if let Some(message) = event_message(event, Verbosity::All, self.screen.columns()) {
            self.print(message.counted(count(event)));
        }
    }

    pub(super) fn set_verbosity(&mut self, verbosity: Verbosity) {
        self.pending.take_all().into_iter().for_each(|line| self.write(line));
        self.verbosity = verbosity;
    }

    pub(super) fn clear(&mut self) {
        self.end_run();
        self.screen.clear();
    }

    pub(super) fn forget(&mut self) {
        self.end_run();
        self.screen.forget();
    }

    /// Writes a message of the program itself, also if it is the same as the last one.
    pub(super) fn print(&mut self, message: Message) {
        self.end_run();
        self.screen.write(&Output { message, replaces: false });
    }

    fn end_run(&mut self) {
        if let Some(output) = self.repeats.take() {
            self.screen.write(&output);
        }
        self.repeats = Repeats::new(self.screen.can_replace());
    }

    /// Adds a change, or a tab's report of one, to the pending lines. Returns the message of
    /// another event.
    fn collect(&mut self, event: Event) -> Option<Message> {
        match event {
            Event::Listening { ref root, .. } => {
                self.screen.set_root(root);
                let message = event_message(&event, self.verbosity, self.screen.columns());
                message.filter(|_| !self.has_banner)
            }
            Event::Compiling { path, ended } => {
                if ended {
                    self.compiling.end(&lines::name(&path));
                } else {
                    self.compiling.begin(lines::name(&path), Instant::now());
                }
                self.show_compiling(Instant::now());
                None
            }
            Event::Refused { path, reason } => {
                let line = refused(&path, &reason);
                let new = self.refusals.len() < MAX_REFUSALS
                    && self.refusals.insert(format!("{path} {reason:?}"));
                new.then(|| line.into())
            }
            Event::PageMessage { ref message, .. } if self.is_known(message) => None,
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
            Event::Paused { paused } => {
                let status = paused.then(|| messages::paused(true));
                self.screen.set_status(status);
                (!paused).then(|| messages::paused(false).into())
            }
            event => {
                if let Event::Missing { path, .. } = &event
                    && self.missing.len() < MAX_MISSING
                {
                    self.missing.insert(path.clone());
                }
                let time = if self.verbosity == Verbosity::All { TIME_WIDTH } else { 0 };
                let columns = self.screen.columns().map(|columns| columns.saturating_sub(time));
                let message = event_message(&event, self.verbosity, columns)?;
                if matches!(event, Event::Watching { all: false, .. }) && self.screen.can_replace()
                {
                    for line in &message.0 {
                        self.screen.show_progress(line);
                    }
                    return None;
                }
                Some(message)
            }
        }
    }

    /// Returns whether a page reports that a file failed to load whose absence was printed.
    fn is_known(&self, message: &PageMessage) -> bool {
        let path = message.path.as_ref().filter(|_| message.kind == MessageKind::Load);
        path.is_some_and(|path| self.missing.contains(path))
    }

    pub(super) fn write(&mut self, message: impl Into<Message>) {
        self.write_counted(message.into(), 1);
    }

    /// Writes a message that stands for so many.
    fn write_counted(&mut self, message: Message, count: usize) {
        for output in self.repeats.add(message, count, Instant::now()) {
            self.screen.write(&output);
        }
    }

    /// Writes the lines whose time has come.
    pub(super) fn write_due(&mut self) {
        let now = Instant::now();
        if self.progress_at.is_some_and(|at| at <= now) {
            if self.early.is_some() {
                self.progress_at = Some(now + PROGRESS_INTERVAL);
                self.screen.show_progress(&starting(now - self.started));
            } else {
                self.show_compiling(now);
            }
        }
        self.pending.take_ready(now).into_iter().for_each(|line| self.write(line));
        self.repeats.take_due(now).iter().for_each(|output| self.screen.write(output));
    }

    /// Shows which compilation takes long, or removes the last one.
    fn show_compiling(&mut self, now: Instant) {
        if !self.screen.can_replace() || self.verbosity == Verbosity::Errors {
            return;
        }
        let line = self.compiling.line(now);
        self.progress_at = line.as_ref().map(|_| now + PROGRESS_INTERVAL);
        self.screen.set_progress(line.as_ref());
    }

    /// Writes the lines that wait.
    pub(super) fn write_rest(&mut self) {
        self.pending.take_all().into_iter().for_each(|line| self.write(line));
        self.repeats.take().iter().for_each(|output| self.screen.write(output));
        self.screen.set_status(None);
    }

    /// Returns whether the reader has closed the output.
    pub(super) fn is_closed(&self) -> bool {
        self.screen.is_closed()
    }

    /// Returns when [`write_due`](Self::write_due) has something to write.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let deadlines = [self.progress_at, self.pending.deadline(), self.repeats.deadline()];
        deadlines.into_iter().flatten().min()
    }
}

/// Returns how many events an event stands for.
pub(super) fn count(event: &Event) -> usize {
    match event {
        Event::PageMessage { message, .. } => message.count as usize,
        _ => 1,
    }
}
