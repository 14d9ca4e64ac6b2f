//! Decides when a path is examined after a signal: a pure state machine over signals and time.
//!
//! A finished save (a close after writing, a rename into place) of a file in use is examined at
//! once, without a debounce. What is often one half of something waits a moment: a removal (a save
//! by delete-and-write), a new file that was not requested (a temporary file on its way to a
//! rename), a file that is still being written.
//!
//! inotify reports CLOSE_WRITE before the writer's descriptor is released, so the file can still
//! look open. It is then examined again after 1 ms, 2 ms, 4 ms and so on, before another process is
//! assumed to be writing it.
//!
//! Right after a change was published, a burst may be going on (a site generator, a checkout). What
//! comes then is gathered until it is quiet, so that a burst is two messages, the first one at
//! once. Only other files make a burst: a file that is saved again and again (a log) waits by
//! itself until it is left alone, and delays no other file. All waiting has a limit, so that
//! endless writing starves nothing.
//!
//! While a burst goes on, page loads should wait: see [`Coalescer::hold_until`].
//!
//! What happened to a path follows from its state at the time of the examination.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::signal::{CLOSE_IS_REPORTED, Signal};

/// How long a new file that was not requested waits for its other half.
const NEW_FILE: Duration = Duration::from_millis(50);

/// How long a removal, or a truncation to nothing, waits: tools take longer to delete and write
/// than to rename.
const REMOVAL: Duration = Duration::from_millis(200);

/// Paths that wait anyway are examined together if they are due within this time: a folder and what
/// was in it, both halves of a rename.
const TOGETHER: Duration = REMOVAL;

/// How long a file that is being written must be left alone if its close is not seen: short where
/// the system reports no closes, longer where a late close belongs to a slow writer.
const WRITING: Duration = Duration::from_millis(if CLOSE_IS_REPORTED { 500 } else { 100 });

/// How long a file that still looks open after its close waits the first time.
const STILL_OPEN: Duration = Duration::from_millis(1);

/// How often a file may look open after its close, before another writer is assumed.
const STILL_OPEN_CHECKS: u32 = 6;

/// How long nothing may happen before a burst is over.
const QUIET: Duration = Duration::from_millis(50);

/// How long a path waits at the most.
const MOST: Duration = Duration::from_secs(1);

/// How long after the beginning of a burst a page load waits at the most.
const HOLD: Duration = Duration::from_millis(400);

/// Whether a path is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interest {
    /// It was not requested.
    None,
    /// It is an existing file below a `--watch` path: its content is not known.
    Extra,
    /// It was requested: its content is known.
    Requested,
}

impl Interest {
    pub(super) fn is_any(self) -> bool {
        self != Self::None
    }
}

impl Signal {
    /// Returns the signal with which a path waits if it is open for writing when it is examined.
    pub(super) fn if_still_open(self) -> Self {
        match self {
            Self::Finished => Self::StillOpen(0),
            Self::StillOpen(checks) if checks + 1 < STILL_OPEN_CHECKS => {
                Self::StillOpen(checks + 1)
            }
            _ => Self::Written,
        }
    }
}

/// A path that is due to be examined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Due {
    /// The path.
    pub(super) path: PathBuf,
    /// Whether the first signal was that it was created or renamed into place.
    pub(super) created: bool,
    /// The signal with which it waits again if it is being written, or `None` if it waited for the
    /// longest time already.
    pub(super) again: Option<Signal>,
}

/// The paths with signals, until they are due.
#[derive(Debug, Default)]
pub(super) struct Coalescer {
    pending: BTreeMap<PathBuf, Pending>,
    /// The paths that were due a moment ago, with the time of the last signal of each.
    recent: HashMap<PathBuf, Instant>,
    burst: Option<Burst>,
}

#[derive(Debug)]
struct Pending {
    since: Instant,
    due: Instant,
    created: bool,
    interest: bool,
    last: Signal,
    /// Whether it waits for its other half.
    waits: bool,
}

/// Changes were published, and other files keep changing.
#[derive(Clone, Copy, Debug)]
struct Burst {
    began: Instant,
    last: Instant,
}

impl Coalescer {
    /// Adds a signal of a path.
    pub(super) fn push(&mut self, path: PathBuf, signal: Signal, interest: Interest, now: Instant) {
        let first = !self.pending.contains_key(&path);
        let Some(wait) = wait(signal, interest, first) else { return };
        let waits = wait == NEW_FILE || wait == REMOVAL;
        let interest = interest.is_any();
        self.end_burst_if_quiet(now);
        // Another check of a file that is still open is no activity.
        let active = !matches!(signal, Signal::StillOpen(_));
        let again = active && self.is_recent(&path, now);
        if again {
            self.recent.insert(path.clone(), now);
        }
        let wait = if again { wait.max(QUIET) } else { wait };
        if let Some(burst) = &mut self.burst
            && active
            && !again
            && (first || signal != Signal::Written)
            && (interest || now < burst.began + MOST)
        {
            burst.last = now;
        }
        // A path that is removed with its new folder was new, too, even if its creation was missed.
        let created = matches!(signal, Signal::Created | Signal::RenamedTo)
            || path
                .ancestors()
                .skip(1)
                .any(|above| self.pending.get(above).is_some_and(|pending| pending.created));
        let pending = self.pending.entry(path).or_insert(Pending {
            since: now,
            due: now,
            created,
            interest,
            last: signal,
            waits,
        });
        // The removal of a folder is reported twice, by its own watch and by the one above.
        if first || signal != Signal::Removed || pending.last != Signal::Removed {
            pending.due = (now + wait).min(pending.since + MOST);
            pending.waits = waits;
        }
        pending.interest |= interest;
        if signal != Signal::MetadataChanged {
            pending.last = signal;
        }
    }

    /// Records that changes of files in use are published: a burst may be going on.
    pub(super) fn published(&mut self, now: Instant) {
        let began = self.burst.map_or(now, |burst| burst.began);
        self.burst = Some(Burst { began, last: now });
    }

    /// Returns when the next path is due.
    pub(super) fn next(&self) -> Option<Instant> {
        let first = self.pending.values().min_by_key(|pending| pending.due)?;
        let with = self.pending.values().filter(|other| other.waits && first.waits);
        let with = with.map(|other| other.due).filter(|due| *due <= first.due + TOGETHER).max();
        let due = with.unwrap_or(first.due);
        let Some(burst) = self.burst else { return Some(due) };
        let since = self.pending.values().map(|pending| pending.since).min()?;
        Some(due.max((burst.last + QUIET).min(since + MOST)))
    }

    /// Returns whether no path waits and no burst goes on.
    pub(super) fn is_idle(&mut self, now: Instant) -> bool {
        self.end_burst_if_quiet(now);
        self.pending.is_empty() && self.burst.is_none()
    }

    /// Returns whether this path is due, and no other one.
    pub(super) fn only_due(&self, path: &Path, now: Instant) -> bool {
        let mut due = self.pending.iter().filter(|(_, pending)| pending.due <= now);
        self.next().is_some_and(|next| next <= now)
            && due.next().is_some_and(|(due, _)| due == path)
            && due.next().is_none()
    }

    /// Takes the paths that are due.
    pub(super) fn take(&mut self, now: Instant) -> Vec<Due> {
        self.end_burst_if_quiet(now);
        if self.next().is_none_or(|next| next > now) {
            return Vec::new();
        }
        let due: Vec<_> = self
            .pending
            .extract_if(.., |_, pending| pending.due <= now)
            .map(|(path, pending)| {
                let is_last = matches!(pending.last, Signal::Written | Signal::Emptied)
                    || now >= pending.since + MOST;
                let again = (!is_last).then(|| pending.last.if_still_open());
                Due { path, created: pending.created, again }
            })
            .collect();
        self.recent.retain(|_, last| now < *last + QUIET);
        self.recent.extend(due.iter().map(|due| (due.path.clone(), now)));
        due
    }

    /// Returns until when a page load should wait at the most while [more](Self::expects_more)
    /// files are about to change, or `None` outside a burst. A lone save delays no page.
    pub(super) fn hold_until(&self) -> Option<Instant> {
        self.burst.map(|burst| burst.began + HOLD)
    }

    /// Returns whether more files are about to change. Endless writing does not count.
    pub(super) fn expects_more(&self) -> bool {
        self.burst.is_some() && self.pending.values().any(Pending::is_telling)
    }

    fn end_burst_if_quiet(&mut self, now: Instant) {
        self.burst = self.burst.filter(|burst| now < burst.last + QUIET);
    }

    /// Returns whether a path was due a moment ago and was not left alone since.
    fn is_recent(&self, path: &Path, now: Instant) -> bool {
        self.recent.get(path).is_some_and(|last| now < *last + QUIET)
    }
}

/// Returns how long a path waits after a signal, or `None` if the signal does not matter.
fn wait(signal: Signal, interest: Interest, first: bool) -> Option<Duration> {
    use Signal::{
        Created, Emptied, Finished, MetadataChanged, Removed, RenamedTo, StillOpen, Written,
    };
    Some(match signal {
        // The mode and times of a file that was not requested do not matter, nor does it matter
        // that a writer opened it and wrote nothing.
        MetadataChanged if interest != Interest::Requested => return None,
        Finished if first && CLOSE_IS_REPORTED && interest != Interest::Requested => return None,
        Finished | RenamedTo | MetadataChanged if interest.is_any() => Duration::ZERO,
        Finished | RenamedTo | Created | MetadataChanged => NEW_FILE,
        Removed | Emptied => REMOVAL,
        Written => WRITING,
        StillOpen(checks) => STILL_OPEN * 2_u32.saturating_pow(checks),
    })
}

impl Pending {
    /// Returns whether it shows that a burst is going on. A temporary file that is gone, a mode
    /// that was set after a save and a writer that may never end do not.
    fn is_telling(&self) -> bool {
        match self.last {
            Signal::Finished | Signal::StillOpen(_) | Signal::RenamedTo | Signal::Created => true,
            Signal::Removed | Signal::Emptied => self.interest,
            Signal::Written | Signal::MetadataChanged => false,
        }
    }
}

#[cfg(test)]
mod tests;
