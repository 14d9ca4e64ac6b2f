//! What a tab has yet to be sent, and the ways to wake its connection.
//!
//! Updates that were not sent yet are merged, so a tab that is slow or suspended delays no other
//! and receives the sum of what it missed. Waking a task on another thread takes longer than
//! writing a message, so the publisher first asks the connection to write at once ([`PushNow`]),
//! and wakes the task only where that would have to wait.

use std::{
    collections::VecDeque,
    fmt, mem,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak},
    time::Instant,
};

use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::message::ServerMessage;
use crate::{
    change::{Change, ChangeSet},
    fault::Fault,
};

/// A connection that can write what is in its mailbox.
pub(super) trait PushNow: fmt::Debug + Send + Sync {
    /// Writes the mailbox's contents if that takes no waiting. Returns whether everything was
    /// written.
    fn push_now(&self) -> bool;
}

/// The changes of one version that affect a tab. Tabs that are affected by the same changes share
/// one, and with it the text of the message.
#[derive(Debug)]
pub(super) struct Update {
    version: u64,
    changes: Vec<Change>,
    frame: OnceLock<Utf8Bytes>,
}

impl Update {
    pub(super) fn new(version: u64, changes: Vec<Change>) -> Self {
        Self { version, changes, frame: OnceLock::new() }
    }

    /// Returns whether it has a change of a path, of a version or a later one.
    pub(super) fn has(&self, path: &str, since: u64) -> bool {
        self.version >= since && self.changes.iter().any(|change| change.path == path)
    }

    fn frame(&self) -> Utf8Bytes {
        let Self { version, changes, frame } = self;
        frame.get_or_init(|| updated(*version, changes)).clone()
    }
}

/// The most versions of which an acknowledgement is expected. The oldest are given up first: an
/// image that never loads is never acknowledged.
const MAX_EXPECTED: usize = 64;

/// How many of the last updates that were sent are kept.
const MAX_SENT: usize = 8;

/// A tab's pending messages.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    content: Mutex<Content>,
    task: Notify,
    connection: OnceLock<Weak<dyn PushNow>>,
}

#[derive(Debug, Default)]
struct Content {
    pending: Pending,
    /// The versions of updates that were sent and not acknowledged, in ascending order.
    expected: VecDeque<u64>,
    /// The updates that were sent last, and when.
    sent: VecDeque<(Arc<Update>, Instant)>,
}

/// What is to be sent.
#[derive(Debug, Default)]
pub(super) struct Pending {
    updates: Updates,
    /// The errors that affect the tab, if they differ from those that it was last sent.
    faults: Option<Vec<Arc<Fault>>>,
}

#[derive(Debug, Default)]
enum Updates {
    #[default]
    None,
    One(Arc<Update>),
    /// The sum of several, and the version of the last.
    Merged(u64, ChangeSet),
}

impl Mailbox {
    /// Adds the changes of a version that is later than all that are pending.
    pub(super) fn add(&self, update: &Arc<Update>) {
        let updates = &mut self.content().pending.updates;
        *updates = match mem::take(updates) {
            Updates::None => Updates::One(Arc::clone(update)),
            Updates::One(first) => {
                let changes = first.changes.iter().chain(&update.changes);
                Updates::Merged(update.version, changes.cloned().collect())
            }
            Updates::Merged(_, mut changes) => {
                changes.extend(update.changes.iter().cloned());
                Updates::Merged(update.version, changes)
            }
        };
    }

    /// Replaces the pending errors.
    pub(super) fn set_faults(&self, faults: Vec<Arc<Fault>>) {
        self.content().pending.faults = Some(faults);
    }

    /// Drops the pending changes of the paths that do not satisfy a predicate.
    pub(super) fn retain(&self, mut predicate: impl FnMut(&str) -> bool) {
        let updates = &mut self.content().pending.updates;
        let (version, changes) = match mem::take(updates) {
            Updates::None => return,
            Updates::One(update) => (update.version, update.changes.iter().cloned().collect()),
            Updates::Merged(version, changes) => (version, changes),
        };
        let changes: ChangeSet =
            changes.into_iter().filter(|change| predicate(&change.path)).collect();
        if !changes.is_empty() {
            *updates = Updates::Merged(version, changes);
        }
    }

    /// Empties the mailbox.
    pub(super) fn take(&self) -> Pending {
        let mut content = self.content();
        let mut pending = mem::take(&mut content.pending);
        if let Some(update) = pending.updates.as_one() {
            if content.expected.len() >= MAX_EXPECTED {
                content.expected.pop_front();
            }
            content.expected.push_back(update.version);
            if content.sent.len() >= MAX_SENT {
                content.sent.pop_front();
            }
            content.sent.push_back((Arc::clone(update), Instant::now()));
        }
        pending
    }

    /// Records that the tab has applied a version that it was sent.
    pub(super) fn acknowledge(&self, version: u64) {
        self.content().expected.retain(|expected| *expected != version);
    }

    /// Returns the versions of the updates that the tab has yet to be sent, or to acknowledge.
    pub(super) fn outstanding(&self) -> Vec<u64> {
        let content = self.content();
        content.expected.iter().copied().chain(content.pending.version()).collect()
    }

    /// Returns the last version that was sent until a time.
    pub(super) fn sent_until(&self, time: Instant) -> u64 {
        let content = self.content();
        let sent = content.sent.iter().rev().find(|(_, at)| *at <= time);
        sent.map_or(0, |(update, _)| update.version)
    }

    /// Returns the updates that were sent last, and the pending one if there is only one.
    pub(super) fn last_updates(&self) -> Vec<Arc<Update>> {
        let content = self.content();
        let sent = content.sent.iter().map(|(update, _)| Arc::clone(update));
        let pending = match &content.pending.updates {
            Updates::One(update) => Some(Arc::clone(update)),
            _ => None,
        };
        sent.chain(pending).collect()
    }

    /// Sets the connection that [`wake`](Self::wake) asks to write. Only the first call counts.
    pub(super) fn connect(&self, connection: Weak<dyn PushNow>) {
        let _ = self.connection.set(connection);
    }

    /// Has the connection write the pending messages, or wakes its task where it cannot right now.
    pub(super) fn wake(&self) {
        if !self.connection.get().and_then(Weak::upgrade).is_some_and(|line| line.push_now()) {
            self.task.notify_one();
        }
    }

    /// Waits until something may be pending. Cancel safe: a wake-up is kept.
    pub(super) async fn changed(&self) {
        self.task.notified().await;
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Updates {
    /// Makes one update of all, and returns it. Returns `None` if nothing changed.
    fn as_one(&mut self) -> Option<&Arc<Update>> {
        if let Self::Merged(version, changes) = self {
            let changes: Vec<_> = mem::take(changes).into_iter().collect();
            *self = if changes.is_empty() {
                Self::None
            } else {
                Self::One(Arc::new(Update::new(*version, changes)))
            };
        }
        match self {
            Self::One(update) => Some(update),
            Self::None | Self::Merged(..) => None,
        }
    }
}

impl Pending {
    /// Returns the version of the pending update.
    fn version(&self) -> Option<u64> {
        match &self.updates {
            Updates::None => None,
            Updates::One(update) => Some(update.version),
            Updates::Merged(version, changes) => (!changes.is_empty()).then_some(*version),
        }
    }

    /// Returns the messages to send, as JSON.
    pub(super) fn frames(self) -> impl Iterator<Item = Utf8Bytes> {
        let mut updates = self.updates;
        let updated = updates.as_one().map(|update| update.frame());
        let failed = self.faults.map(|faults| {
            let faults: Vec<&Fault> = faults.iter().map(|fault| &**fault).collect();
            ServerMessage::Failed { faults: &faults }.to_json().into()
        });
        updated.into_iter().chain(failed)
    }

    /// Returns the version and the changes of the pending update.
    #[cfg(test)]
    pub(super) fn update(&self) -> Option<(u64, Vec<Change>)> {
        match &self.updates {
            Updates::One(update) => Some((update.version, update.changes.clone())),
            Updates::Merged(version, changes) if !changes.is_empty() => {
                Some((*version, changes.clone().into_iter().collect()))
            }
            Updates::None | Updates::Merged(..) => None,
        }
    }

    /// Returns the pending errors.
    #[cfg(test)]
    pub(super) fn faults(&self) -> Option<Vec<Fault>> {
        self.faults.as_ref().map(|faults| faults.iter().map(|fault| (**fault).clone()).collect())
    }
}

fn updated(version: u64, changes: &[Change]) -> Utf8Bytes {
    ServerMessage::Updated { version, changes }.to_json().into()
}
