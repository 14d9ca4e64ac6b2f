//! When to look at a path that something happened to: a pure state machine over signals and time.
//!
//! A lone finished save (a close after writing, a rename into place) of a file that somebody asked
//! for is due at once: no waiting period. What can wait, waits a moment, because it is often half of
//! something: a removal (a save by delete-and-write), a new file that nobody asked for (a temporary
//! one on its way to a rename), a file that is still being written.
//!
//! A close is heard of before the file is closed: the system says so first. A file that is open still
//! when it is looked at then is looked at again after a moment, and another, each twice as long, before
//! it counts as one that somebody else is writing.
//!
//! Right after changes were published a burst may be going on (a site generator, a checkout): what
//! comes then is gathered until it is quiet, so that a burst is two messages, the first at once. It
//! is other files that make a burst: one that is saved again and again (a log) waits by itself until
//! it is left alone, and holds up nobody else. Waiting has a cap, so that endless writing starves
//! nobody.
//!
//! While a burst is seen to go on, a page that is asked for had better wait: see
//! [`Coalesce::unsettled`].
//!
//! It only says when. What happened is decided by the final state of the path: see
//! [`snapshot`](super::snapshot).

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::source::CLOSES;

/// How long something new that nobody asked for waits for its other half.
const HALF: Duration = Duration::from_millis(50);

/// How long a removal does, or the emptying of a file: deleting and writing again takes tools longer
/// than renaming.
const GONE: Duration = Duration::from_millis(200);

/// What waits anyway is taken out together, if it is due within this time: a folder and what was in it,
/// both halves of a rename.
const TOGETHER: Duration = GONE;

/// How long a file that is being written must be left alone if its close is not seen: short where
/// no system says so, longer where one that comes late belongs to a writer that is slow.
const WRITING: Duration = Duration::from_millis(if CLOSES { 500 } else { 100 });

/// How long a file first waits that is seen to be open after its close.
const CLOSING: Duration = Duration::from_millis(1);

/// How often that is seen before it is another's writing.
const LOOKS: u32 = 6;

/// How long nothing may happen before a burst is over.
const QUIET: Duration = Duration::from_millis(50);

/// How long anything waits at the most.
const CAP: Duration = Duration::from_secs(1);

/// How long after the beginning of a burst a page waits at the most.
const HOLD: Duration = Duration::from_millis(400);

/// What happened to a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    /// A writer closed it.
    Finished,
    /// It was renamed into place.
    Arrived,
    /// It was created; writing may follow.
    Appeared,
    /// It was written to; more may follow.
    Written,
    /// It was removed, or renamed away.
    Gone,
    /// It was found to be empty, and was not before.
    Emptied,
    /// A writer closed it, but it was found open still, so many times after the first.
    Closing(u32),
    /// Its mode, times or links changed.
    Touched,
}

impl Signal {
    /// What it means that somebody has the file open for writing after this.
    pub(super) fn still_open(self) -> Self {
        match self {
            Self::Finished => Self::Closing(0),
            Self::Closing(times) if times + 1 < LOOKS => Self::Closing(times + 1),
            _ => Self::Written,
        }
    }
}

/// A path that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Due {
    /// The path.
    pub(super) path: PathBuf,
    /// Whether it began with being created, or with being renamed into place.
    pub(super) appeared: bool,
    /// How to go on if somebody is seen to write there; nothing if it waited for that for long enough.
    pub(super) again: Option<Signal>,
}

/// The paths that something happened to, until they are due.
#[derive(Debug, Default)]
pub(super) struct Coalesce {
    pending: BTreeMap<PathBuf, Pending>,
    /// The paths that were due a moment ago, and when something last happened to each.
    recent: HashMap<PathBuf, Instant>,
    burst: Option<Burst>,
}

#[derive(Debug)]
struct Pending {
    since: Instant,
    due: Instant,
    appeared: bool,
    asked: bool,
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

impl Coalesce {
    /// Something happened. `asked` says whether somebody asked for this path.
    pub(super) fn push(&mut self, path: PathBuf, signal: Signal, asked: bool, now: Instant) {
        use Signal::{Appeared, Arrived, Closing, Emptied, Finished, Gone, Touched, Written};
        let first = !self.pending.contains_key(&path);
        let wait = match signal {
            Finished | Arrived | Touched if asked => Duration::ZERO,
            // Modes and times of what nobody has are nobody's business, nor is that somebody opened
            // it for writing and wrote nothing.
            Touched => return,
            Finished if first && CLOSES => return,
            Finished | Arrived | Appeared => HALF,
            Gone | Emptied => GONE,
            Written => WRITING,
            Closing(times) => CLOSING * 2_u32.saturating_pow(times),
        };
        let waits = wait == HALF || wait == GONE;
        self.settle(now);
        // That it is to be looked at again is nothing that happened to it.
        let happened = !matches!(signal, Closing(_));
        let again = happened && self.is_recent(&path, now);
        if again {
            self.recent.insert(path.clone(), now);
        }
        let wait = if again { wait.max(QUIET) } else { wait };
        if let Some(burst) = &mut self.burst
            && happened
            && !again
            && (first || signal != Written)
            && (asked || now < burst.began + CAP)
        {
            burst.last = now;
        }
        // What is removed with its new folder was new, too, though its creation may have been missed.
        let appeared = matches!(signal, Appeared | Arrived)
            || path
                .ancestors()
                .skip(1)
                .any(|above| self.pending.get(above).is_some_and(|pending| pending.appeared));
        let pending = self.pending.entry(path).or_insert(Pending {
            since: now,
            due: now,
            appeared,
            asked,
            last: signal,
            waits,
        });
        // A folder that goes is told of twice, by its own watch and by the one above.
        if first || signal != Gone || pending.last != Gone {
            pending.due = (now + wait).min(pending.since + CAP);
            pending.waits = waits;
        }
        pending.asked |= asked;
        if signal != Touched {
            pending.last = signal;
        }
    }

    /// Whether a finished save of a path that somebody asked for is a lone one, that is due at once.
    pub(super) fn lone(&mut self, path: &Path, now: Instant) -> bool {
        self.settle(now);
        self.burst.is_none() && !self.is_recent(path, now)
    }

    /// Such a save was looked at: nothing is left to come for what happened to the path before.
    pub(super) fn looked_at(&mut self, path: &Path, now: Instant) {
        self.pending.remove(path);
        self.recent.retain(|_, last| now < *last + QUIET);
        self.recent.insert(path.to_owned(), now);
    }

    /// Changes were published of files that somebody asked for: a burst may be going on.
    pub(super) fn published(&mut self, now: Instant) {
        let began = self.burst.map_or(now, |burst| burst.began);
        self.burst = Some(Burst { began, last: now });
    }

    /// When to come back, if ever.
    pub(super) fn next(&self) -> Option<Instant> {
        let first = self.pending.values().min_by_key(|pending| pending.due)?;
        let with = self.pending.values().filter(|other| other.waits && first.waits);
        let with = with.map(|other| other.due).filter(|due| *due <= first.due + TOGETHER).max();
        let due = with.unwrap_or(first.due);
        let Some(burst) = self.burst else { return Some(due) };
        let since = self.pending.values().map(|pending| pending.since).min()?;
        Some(due.max((burst.last + QUIET).min(since + CAP)))
    }

    /// The paths that are due now.
    pub(super) fn take(&mut self, now: Instant) -> Vec<Due> {
        self.settle(now);
        if self.next().is_none_or(|next| next > now) {
            return Vec::new();
        }
        let due: Vec<_> = self
            .pending
            .iter()
            .filter(|(_, pending)| pending.due <= now)
            .map(|(path, pending)| {
                let patient = matches!(pending.last, Signal::Written | Signal::Emptied)
                    || now >= pending.since + CAP;
                Due {
                    path: path.clone(),
                    appeared: pending.appeared,
                    again: (!patient).then(|| pending.last.still_open()),
                }
            })
            .collect();
        self.pending.retain(|_, pending| pending.due > now);
        self.recent.retain(|_, last| now < *last + QUIET);
        self.recent.extend(due.iter().map(|due| (due.path.clone(), now)));
        due
    }

    /// Until when a page that is asked for now should wait, because more files of the burst that is
    /// going on are about to change. `more` says whether something happened that was not pushed yet.
    /// A lone save holds up nobody, nor does what is written for ever.
    pub(super) fn unsettled(&self, now: Instant, more: bool) -> Option<Instant> {
        let burst = self.burst?;
        let until = burst.began + HOLD;
        let more = more || self.pending.values().any(Pending::is_telling);
        (more && now < until).then_some(until)
    }

    /// A burst is over when it was quiet for long enough.
    fn settle(&mut self, now: Instant) {
        self.burst = self.burst.filter(|burst| now < burst.last + QUIET);
    }

    /// Whether a path was due a moment ago and was not left alone since.
    fn is_recent(&self, path: &Path, now: Instant) -> bool {
        self.recent.get(path).is_some_and(|last| now < *last + QUIET)
    }
}

impl Pending {
    /// Whether it shows that a burst is going on: not a temporary file that went its way, a mode
    /// that was set after a save, or a writer that may never end.
    fn is_telling(&self) -> bool {
        match self.last {
            Signal::Finished | Signal::Closing(_) | Signal::Arrived | Signal::Appeared => true,
            Signal::Gone | Signal::Emptied => self.asked,
            Signal::Written | Signal::Touched => false,
        }
    }
}

#[cfg(test)]
mod tests;
