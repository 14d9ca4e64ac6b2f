//! Decides when a path is examined after a signal: a pure state machine over signals and time.
//!
//! A finished save (a close after writing, a rename into place) of a file in use is examined at
//! once, without a debounce. What is often one half of something waits a moment: a removal (a save
//! by delete-and-write), a new file that was not requested (a temporary file on its way to a
//! rename), a file that is still being written. The removal of a page in use waits longest: a
//! generator that clears its folder works for a while before it writes.
//!
//! inotify reports CLOSE_WRITE before the writer's descriptor is released, so the file can still
//! look open. It is then examined again after 1 ms, 2 ms, 4 ms and so on, before another process is
//! assumed to be writing it.
//!
//! Right after a change was published, a [burst] may be going on (a site generator, a checkout).
//! What comes then is gathered until it is quiet, so that a burst is two messages, the first one at
//! once. A generator that has cleared its folder is recognized before its first file is published,
//! and is one message. Only other files make a burst: a file that is saved again and again (a log)
//! waits by itself until it is left alone, and delays no other file. All waiting has a limit, so
//! that endless writing starves nothing.
//!
//! While a burst goes on, page loads should wait: see [`Coalescer::hold_until`]. While files
//! in use are missing, so should requests that find nothing: see [`Coalescer::misses_files_until`].
//!
//! What happened to a path follows from its state at the time of the examination.

mod burst;
mod pending;

use std::{
    collections::{BTreeMap, HashMap},
    ffi::OsStr,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use self::{
    burst::{Activity, Burst, QUIET},
    pending::Pending,
};
use super::signal::{CLOSE_IS_REPORTED, Signal};

/// How long a new file that was not requested waits for its other half.
const NEW_FILE: Duration = Duration::from_millis(50);

/// How long a removal, or a truncation to nothing, waits: tools take longer to delete and write
/// than to rename.
const REMOVAL: Duration = Duration::from_millis(200);

/// How long the removal of a page in use waits. A tab that reloads sooner shows an error until the
/// page is generated again; the error itself is not urgent.
const PAGE_REMOVAL: Duration = Duration::from_secs(3);

/// How long a file that is being written must be left alone if its close is not seen: short where
/// the system reports no closes, longer where a late close belongs to a slow writer.
const WRITING: Duration = Duration::from_millis(if CLOSE_IS_REPORTED { 500 } else { 100 });

/// How long a file that still looks open after its close waits the first time.
const STILL_OPEN: Duration = Duration::from_millis(1);

/// How often a file may look open after its close, before another writer is assumed.
const STILL_OPEN_CHECKS: u32 = 6;

/// How long a file that is written endlessly waits at the most.
const MOST: Duration = Duration::from_secs(1);

/// How long a path waits for the end of a burst at the most.
const BURST_MOST: Duration = Duration::from_secs(5);

/// How many paths wait at the most. When there are more, all are due.
const PATHS: usize = 50_000;

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
    /// Whether it was gone, and had time to come back.
    pub(super) was_awaited: bool,
}

/// The paths with signals, until they are due.
#[derive(Debug, Default)]
pub(super) struct Coalescer {
    pending: BTreeMap<PathBuf, Pending>,
    missed: Missed,
    /// No path is due before this time, and possibly none is then.
    next: Option<Instant>,
    /// The paths that were due a moment ago, with the time of the last signal of each.
    recent: HashMap<PathBuf, Instant>,
    run: Option<Burst>,
}

/// How many of the paths are in use and gone.
#[derive(Debug, Default)]
struct Missed {
    files: usize,
    /// Those of them that are pages.
    pages: usize,
    /// Until when the last one of them is awaited, if there were several.
    until: Option<Instant>,
}

impl Coalescer {
    /// Adds a signal of a path.
    pub(super) fn push(&mut self, path: PathBuf, signal: Signal, interest: Interest, now: Instant) {
        let is_new = matches!(signal, Signal::Created | Signal::RenamedTo);
        if is_new && self.pending.get(&path).is_some_and(Pending::is_forgotten) {
            // Another temporary file with the same name.
            self.pending.remove(&path);
        }
        let before = self.pending.get(&path);
        let (is_first, was_missed) = (before.is_none(), before.is_some_and(Pending::is_missed));
        let is_repeated = before.is_some_and(|pending| pending.is_finished);
        let is_page = is_page(&path);
        let Some(wait) = wait(signal, interest, is_first, is_page) else { return };
        if signal == Signal::RenamedAway
            && let Some(pending) = self.pending.get_mut(&path).filter(|path| path.is_temporary())
        {
            // Nothing of it is published. The watch of a folder reports its renaming once more.
            pending.rename_away(now + REMOVAL);
            let due = pending.due;
            return self.bring_forward(due);
        }
        let activity = Activity {
            is_first,
            is_used: interest.is_any(),
            is_repeated,
            is_missing: self.missed.files > 0,
            is_other_missing: self.missed.files > usize::from(was_missed),
        };
        // Another check of a file that is still open is no activity.
        let active = !matches!(signal, Signal::StillOpen(_));
        let again = active && self.is_recent(&path, now);
        if again {
            self.recent.insert(path.clone(), now);
        }
        let wait = if again { wait.max(QUIET) } else { wait };
        let created = is_first && self.is_created(&path, signal);
        let pending = self.pending.entry(path).or_insert_with(|| Pending::new(created, now));
        pending.add(signal, interest.is_any(), now, wait);
        let (due, is_missed) = (pending.due, pending.is_missed());
        if is_missed {
            self.missed.add(is_page, due);
        }
        if was_missed {
            self.missed.remove(is_page);
        }
        if active && !again && (is_first || signal != Signal::Written) {
            self.run = Some(Burst::after(self.run, now, activity));
        }
        let due = self.burst_ends().map_or(due, |end| due.max(end));
        let due = if self.is_full() { now } else { due };
        self.bring_forward(due);
    }

    /// Records that changes of files in use are published: a burst may be going on.
    pub(super) fn published(&mut self, now: Instant) {
        self.run = Some(Burst::published(self.run, now));
    }

    /// Returns when to [take](Self::take) the next paths. Possibly none is due then.
    pub(super) fn next(&self) -> Option<Instant> {
        self.next
    }

    /// Returns whether no path waits and no burst goes on.
    pub(super) fn is_idle(&self, now: Instant) -> bool {
        self.pending.is_empty() && self.burst_ends().is_none_or(|end| end <= now)
    }

    /// Returns whether a path has signals and is not due yet.
    pub(super) fn is_waiting(&self, path: &Path) -> bool {
        self.pending.contains_key(path)
    }

    /// Returns whether a path in use has signals.
    pub(super) fn has_any_in_use(&self) -> bool {
        self.pending.values().any(|pending| pending.is_used)
    }

    /// Returns whether this path is due, and no other one.
    pub(super) fn only_due(&self, path: &Path, now: Instant) -> bool {
        if self.burst_ends().is_some_and(|end| now < end) {
            return false;
        }
        let mut due = self.pending.iter().filter(|(_, pending)| pending.due <= now);
        due.next().is_some_and(|(due, _)| due == path) && due.next().is_none()
    }

    /// Takes the paths that are due.
    pub(super) fn take(&mut self, now: Instant) -> Vec<Due> {
        if self.next.is_none_or(|next| next > now) {
            return Vec::new();
        }
        self.next = self.first_due();
        if self.next.is_none_or(|next| next > now) {
            return Vec::new();
        }
        let all = self.is_full();
        let halves = self.halves_due().is_some_and(|due| due <= now);
        let is_due = |pending: &Pending| {
            pending.due <= now && (halves || !pending.waits || pending.is_left_unused())
        };
        let taken: Vec<_> =
            self.pending.extract_if(.., |_, pending| all || is_due(pending)).collect();
        self.recent.retain(|_, last| now < *last + QUIET);
        let mut due = Vec::with_capacity(taken.len());
        for (path, pending) in taken {
            if pending.is_missed() {
                self.missed.remove(is_page(&path));
            }
            if !all {
                self.recent.insert(path.clone(), now);
            }
            let again = (!pending.is_last()).then(|| pending.last.if_still_open());
            let (created, was_awaited) = (pending.created, pending.is_gone());
            due.push(Due { path, created, again, was_awaited });
        }
        self.next = self.first_due();
        due
    }

    /// Returns until when a page load should wait at the most while [more](Self::expects_more)
    /// files are about to change, or `None` outside a burst. A lone save delays no page.
    pub(super) fn hold_until(&self) -> Option<Instant> {
        self.run.and_then(|run| run.holds_pages_until())
    }

    /// Returns whether more files are about to change. Endless writing does not count.
    pub(super) fn expects_more(&self, now: Instant) -> bool {
        self.burst_ends().is_some_and(|end| now < end)
            && self.pending.values().any(Pending::is_telling)
    }

    /// Returns until when a request that finds no file should wait at the most, or `None` unless
    /// several files in use were gone and not all are back: a generator has cleared its folder.
    pub(super) fn misses_files_until(&self) -> Option<Instant> {
        self.missed.until
    }

    /// Sets that a path may be due at this time.
    fn bring_forward(&mut self, due: Instant) {
        self.next = Some(self.next.map_or(due, |next| next.min(due)));
    }

    /// Returns when the first path is due.
    fn first_due(&self) -> Option<Instant> {
        let since = self.pending.values().map(|pending| pending.since).min()?;
        if self.is_full() {
            return Some(since);
        }
        let due = self.dues(false).chain(self.halves_due()).min()?;
        Some(self.burst_ends().map_or(due, |end| due.max(end.min(since + BURST_MOST))))
    }

    /// Returns when the paths that wait for their other half are due. They are examined together: a
    /// folder and what was in it, both halves of a rename. No finished save waits for them, and
    /// none takes them along.
    fn halves_due(&self) -> Option<Instant> {
        let together = if self.missed.pages > 0 { PAGE_REMOVAL } else { REMOVAL };
        let first = self.dues(true).min()?;
        self.dues(true).filter(|due| *due <= first + together).max()
    }

    /// Returns when the paths are due that wait for their other half, or those that do not.
    fn dues(&self, waits: bool) -> impl Iterator<Item = Instant> {
        let pending = self.pending.values().filter(move |pending| pending.waits == waits);
        pending.map(|pending| pending.due)
    }

    /// Returns until when the paths that are due wait for the end of a burst.
    fn burst_ends(&self) -> Option<Instant> {
        self.run.and_then(|run| run.ends(self.missed.files > 0))
    }

    fn is_full(&self) -> bool {
        self.pending.len() >= PATHS
    }

    /// Returns whether a new path was created. A path that is removed with its new folder was new,
    /// too, even if its creation was missed.
    fn is_created(&self, path: &Path, signal: Signal) -> bool {
        let mut above = path.ancestors().skip(1).map_while(|above| self.pending.get(above));
        matches!(signal, Signal::Created | Signal::RenamedTo) || above.any(|above| above.created)
    }

    /// Returns whether a path was due a moment ago and was not left alone since.
    fn is_recent(&self, path: &Path, now: Instant) -> bool {
        self.recent.get(path).is_some_and(|last| now < *last + QUIET)
    }
}

impl Missed {
    fn add(&mut self, is_page: bool, due: Instant) {
        self.files += 1;
        self.pages += usize::from(is_page);
        if self.files > 1 {
            self.until = self.until.max(Some(due));
        }
    }

    fn remove(&mut self, is_page: bool) {
        self.files -= 1;
        self.pages -= usize::from(is_page);
        if self.files == 0 {
            self.until = None;
        }
    }
}

/// Returns how long a path waits after a signal, or `None` if the signal does not matter.
fn wait(signal: Signal, interest: Interest, first: bool, is_page: bool) -> Option<Duration> {
    use Signal::{
        Created, Emptied, Finished, MetadataChanged, Removed, RenamedAway, RenamedTo, StillOpen,
        Written,
    };
    Some(match signal {
        // The mode and times of a file that was not requested do not matter, nor does it matter
        // that a writer opened it and wrote nothing.
        MetadataChanged if interest != Interest::Requested => return None,
        Finished if first && CLOSE_IS_REPORTED && interest != Interest::Requested => return None,
        Finished | RenamedTo | MetadataChanged if interest.is_any() => Duration::ZERO,
        Finished | RenamedTo | Created | MetadataChanged => NEW_FILE,
        Removed if is_page && interest == Interest::Requested => PAGE_REMOVAL,
        // It does not come back, and its new name is published together with it.
        RenamedAway if !interest.is_any() => Duration::ZERO,
        Removed | RenamedAway | Emptied => REMOVAL,
        Written => WRITING,
        StillOpen(checks) => STILL_OPEN * 2_u32.saturating_pow(checks),
    })
}

/// Returns whether a path is that of a page, by its name.
fn is_page(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    ["html", "htm", "xhtml", "xht"].iter().any(|page| extension.eq_ignore_ascii_case(page))
}

#[cfg(test)]
mod tests;
