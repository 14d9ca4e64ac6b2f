//! What a tab has done with the changes that it was sent, and what it has reported.
//!
//! A record belongs to one document on one connection. After a reconnect the page reports
//! everything again.

use std::{collections::VecDeque, net::IpAddr, time::Instant};

use crate::page_message::{Level, MessageKind, PageMessage};

/// The most acknowledgements that are kept.
const ACKS: usize = 64;

/// The most errors that are kept. When there are more, the oldest are dropped.
const ERRORS: usize = 100;

/// The browser of a tab, and where it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ClientInfo {
    /// The browser and its version.
    pub(crate) browser: String,
    /// The address of another device.
    pub(crate) address: Option<IpAddr>,
    /// Whether it can report what it does: event streams cannot.
    pub(crate) reports: bool,
}

impl ClientInfo {
    /// Returns what tells this browser from others.
    pub(super) fn name(&self) -> String {
        match self.address {
            Some(address) => format!("{} ({address})", self.browser),
            None => self.browser.clone(),
        }
    }
}

/// A tab's report that it applied a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ack {
    pub(super) version: u64,
    pub(super) how: String,
    pub(super) ms: u64,
    pub(super) why: Option<String>,
    /// The URL paths of all files whose current content the page does not run, because it failed to
    /// load.
    pub(super) kept: Vec<String>,
    pub(super) at: Instant,
}

impl Ack {
    /// Returns whether the page is about to be replaced.
    pub(super) fn is_reload(&self) -> bool {
        self.how == "reload"
    }
}

/// A message of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Recorded {
    pub(super) message: PageMessage,
    /// The current version when it was received.
    pub(super) version: u64,
    pub(super) at: Instant,
}

/// What is known of a tab.
#[derive(Debug)]
pub(super) struct TabRecord {
    pub(super) client: ClientInfo,
    /// When the tab connected.
    pub(super) joined: Instant,
    /// When the document and its scripts had been loaded.
    pub(super) loaded: Option<Instant>,
    /// How the document replaced the one before it, if that reloaded for a change.
    pub(super) arrived: Option<Ack>,
    acks: VecDeque<Ack>,
    errors: VecDeque<Recorded>,
    /// How many messages were received and are not described yet.
    pub(super) undescribed: usize,
}

impl TabRecord {
    pub(super) fn new(client: ClientInfo, joined: Instant) -> Self {
        Self {
            client,
            joined,
            loaded: None,
            arrived: None,
            acks: VecDeque::new(),
            errors: VecDeque::new(),
            undescribed: 0,
        }
    }

    /// Adds an acknowledgement. New code that runs replaces what was wrong with the code before.
    pub(super) fn acknowledge(&mut self, ack: Ack) {
        let runs_new_code = |how: &str| how == "hot" || how == "morph";
        if ack.how.split('+').any(runs_new_code) && ack.kept.is_empty() {
            self.errors.retain(|recorded| recorded.version >= ack.version);
        }
        if self.acks.len() >= ACKS {
            self.acks.pop_front();
        }
        self.acks.push_back(ack);
    }

    /// Returns the acknowledgement of a version.
    pub(super) fn ack(&self, version: u64) -> Option<&Ack> {
        self.acks.iter().rev().find(|ack| ack.version == version)
    }

    /// Returns the acknowledgement of the first version after another one.
    pub(super) fn next_ack(&self, version: u64) -> Option<&Ack> {
        self.acks.iter().filter(|ack| ack.version > version).min_by_key(|ack| ack.version)
    }

    /// Returns the last acknowledgement.
    pub(super) fn last_ack(&self) -> Option<&Ack> {
        self.acks.back()
    }

    /// Returns whether the page failed to load the current content of a file.
    pub(super) fn keeps(&self, path: &str) -> bool {
        self.last_ack().is_some_and(|ack| ack.kept.iter().any(|kept| kept == path))
    }

    /// Adds a message, or counts one that equals another since the same version. One that the page has
    /// sent before (`again`) is not listed twice.
    pub(super) fn add(&mut self, recorded: Recorded, again: bool) {
        let is_known = |known: &&mut Recorded| {
            (again || known.version == recorded.version)
                && is_same(&known.message, &recorded.message)
        };
        if let Some(known) = self.errors.iter_mut().find(is_known) {
            if !again {
                let message = &mut known.message;
                message.count = message.count.saturating_add(recorded.message.count);
            }
            return;
        }
        if self.errors.len() >= ERRORS {
            self.errors.pop_front();
        }
        self.errors.push_back(recorded);
    }

    /// Returns what the page reported.
    pub(super) fn errors(&self) -> impl Iterator<Item = &Recorded> {
        self.errors.iter()
    }
}

/// Returns whether a message is about something wrong, and no mere text on the console.
pub(super) fn is_error(message: &PageMessage) -> bool {
    message.kind != MessageKind::Console || matches!(message.level, Level::Error | Level::Warn)
}

/// Returns whether a message shows that the code of the page does not work. What a page prints on
/// its console does not show that, nor does a policy that only reports.
pub(super) fn is_failure(message: &PageMessage) -> bool {
    !matches!(message.kind, MessageKind::Console | MessageKind::Csp)
}

/// Returns whether two messages differ in their counts at the most.
fn is_same(one: &PageMessage, other: &PageMessage) -> bool {
    let PageMessage { kind, level, message, path, file, line, column, worker, .. } = one;
    (kind, level, message, path, file, line, column, worker)
        == (
            &other.kind,
            &other.level,
            &other.message,
            &other.path,
            &other.file,
            &other.line,
            &other.column,
            &other.worker,
        )
}
