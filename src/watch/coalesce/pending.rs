//! A path that waits to be examined.

use std::time::{Duration, Instant};

use super::MOST;
use crate::watch::signal::Signal;

/// The signals of a path since it was last examined.
#[derive(Debug)]
pub(super) struct Pending {
    /// The time of the first signal.
    pub(super) since: Instant,
    pub(super) due: Instant,
    /// The first signal was that it was created or renamed into place.
    pub(super) created: bool,
    pub(super) is_used: bool,
    /// It was saved completely.
    pub(super) is_finished: bool,
    pub(super) last: Signal,
    /// It waits for its other half.
    pub(super) waits: bool,
}

impl Pending {
    /// Creates a path without signals.
    pub(super) fn new(created: bool, now: Instant) -> Self {
        Self {
            since: now,
            due: now,
            created,
            is_used: false,
            is_finished: false,
            last: Signal::MetadataChanged,
            waits: false,
        }
    }

    /// Adds a signal, after which the path waits for a time.
    pub(super) fn add(&mut self, signal: Signal, is_used: bool, now: Instant, wait: Duration) {
        self.is_used |= is_used;
        // The removal of a folder is reported twice, by its own watch and by the one above.
        if signal == Signal::Removed && self.is_gone() {
            return;
        }
        self.due = (now + wait).min(self.since + MOST.max(wait));
        self.waits = match signal {
            Signal::Created | Signal::Removed | Signal::RenamedAway | Signal::Emptied => true,
            Signal::Finished | Signal::RenamedTo => !self.is_used,
            Signal::Written | Signal::StillOpen(_) | Signal::MetadataChanged => false,
        };
        self.is_finished |= matches!(signal, Signal::Finished | Signal::RenamedTo);
        if signal != Signal::MetadataChanged {
            self.last = signal;
        }
    }

    /// Records that it was renamed to another name before it was examined. It is forgotten at this
    /// time, and delays nothing until then.
    pub(super) fn rename_away(&mut self, due: Instant) {
        self.due = due;
        self.last = Signal::RenamedAway;
        self.waits = false;
    }

    /// Returns whether it was removed, or renamed to another name.
    pub(super) fn is_gone(&self) -> bool {
        matches!(self.last, Signal::Removed | Signal::RenamedAway)
    }

    /// Returns whether it was renamed to another name, and is not in use. The other half of the
    /// rename may be due at once, and is then examined with it.
    pub(super) fn is_left_unused(&self) -> bool {
        !self.is_used && self.last == Signal::RenamedAway
    }

    /// Returns whether it is in use, and gone.
    pub(super) fn is_missed(&self) -> bool {
        self.is_used && self.is_gone()
    }

    /// Returns whether it was not there before its first signal, and is not in use.
    pub(super) fn is_temporary(&self) -> bool {
        self.created && !self.is_used
    }

    /// Returns whether it was [renamed away](Self::rename_away), and nothing of it is published.
    pub(super) fn is_forgotten(&self) -> bool {
        self.is_temporary() && self.last == Signal::RenamedAway
    }

    /// Returns whether it waits for the last time: it was written endlessly.
    pub(super) fn is_last(&self) -> bool {
        matches!(self.last, Signal::Written | Signal::Emptied) || self.due >= self.since + MOST
    }

    /// Returns whether it shows that a burst is going on. A temporary file that is gone, a mode
    /// that was set after a save and a writer that may never end do not.
    pub(super) fn is_telling(&self) -> bool {
        match self.last {
            Signal::Finished | Signal::StillOpen(_) | Signal::RenamedTo | Signal::Created => true,
            Signal::Removed | Signal::RenamedAway | Signal::Emptied => self.is_used,
            Signal::Written | Signal::MetadataChanged => false,
        }
    }
}
