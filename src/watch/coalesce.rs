//! When to look at a path that something happened to: a pure state machine over signals and time.
//!
//! A lone finished save (a close after writing, a rename into place) of a file that somebody asked
//! for is due at once: no waiting period. What can wait, waits a moment, because it is often half of
//! something: a removal (a save by delete-and-write), a new file that nobody asked for (a temporary
//! one on its way to a rename), a file that is still being written. Right after changes were
//! published a burst may be going on (a site generator, a checkout): what comes then is gathered
//! until it is quiet, so that a burst is two messages, the first at once. Waiting has a cap, so that
//! endless writing starves nobody.
//!
//! It only says when. What happened is decided by the final state of the path: see
//! [`snapshot`](super::snapshot).

use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{Duration, Instant},
};

use super::source::CLOSES;

/// How long a removal, or something new that nobody asked for, waits for its other half.
const HALF: Duration = Duration::from_millis(50);

/// How long a file that is being written must be left alone if its close is not seen: short where
/// no system says so, longer where one that comes late belongs to a writer that is slow.
const WRITING: Duration = Duration::from_millis(if CLOSES { 500 } else { 100 });

/// How long nothing may happen before a burst is over.
const QUIET: Duration = Duration::from_millis(50);

/// How long anything waits at the most.
const CAP: Duration = Duration::from_secs(1);

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
    /// Its mode, times or links changed.
    Touched,
}

/// A path that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Due {
    /// The path.
    pub(super) path: PathBuf,
    /// Whether it began with being created, or with being renamed into place.
    pub(super) appeared: bool,
}

/// The paths that something happened to, until they are due.
#[derive(Debug, Default)]
pub(super) struct Coalesce {
    pending: BTreeMap<PathBuf, Pending>,
    /// When something last happened in the burst that is going on.
    burst: Option<Instant>,
}

#[derive(Debug)]
struct Pending {
    since: Instant,
    due: Instant,
    appeared: bool,
}

impl Coalesce {
    /// Something happened. `asked` says whether somebody asked for this path.
    pub(super) fn push(&mut self, path: PathBuf, signal: Signal, asked: bool, now: Instant) {
        let wait = match signal {
            Signal::Finished | Signal::Arrived | Signal::Touched if asked => Duration::ZERO,
            // Modes and times of what nobody has are nobody's business.
            Signal::Touched => return,
            Signal::Finished | Signal::Arrived | Signal::Appeared | Signal::Gone => HALF,
            Signal::Written => WRITING,
        };
        self.settle(now);
        self.burst = self.burst.map(|_| now);
        // What is removed with its new folder was new, too, though its creation may have been missed.
        let appeared = matches!(signal, Signal::Appeared | Signal::Arrived)
            || path
                .ancestors()
                .skip(1)
                .any(|above| self.pending.get(above).is_some_and(|pending| pending.appeared));
        let pending =
            self.pending.entry(path).or_insert(Pending { since: now, due: now, appeared });
        pending.due = (now + wait).min(pending.since + CAP);
    }

    /// Changes were published: a burst may be going on.
    pub(super) fn published(&mut self, now: Instant) {
        self.burst = Some(now);
    }

    /// When to come back, if ever.
    pub(super) fn next(&self) -> Option<Instant> {
        let due = self.pending.values().map(|pending| pending.due).min()?;
        let Some(last) = self.burst else { return Some(due) };
        let since = self.pending.values().map(|pending| pending.since).min()?;
        Some(due.max((last + QUIET).min(since + CAP)))
    }

    /// The paths that are due now.
    pub(super) fn take(&mut self, now: Instant) -> Vec<Due> {
        self.settle(now);
        if self.next().is_none_or(|next| next > now) {
            return Vec::new();
        }
        let due = self
            .pending
            .iter()
            .filter(|(_, pending)| pending.due <= now)
            .map(|(path, pending)| Due { path: path.clone(), appeared: pending.appeared })
            .collect();
        self.pending.retain(|_, pending| pending.due > now);
        due
    }

    /// A burst is over when it was quiet for long enough.
    fn settle(&mut self, now: Instant) {
        self.burst = self.burst.filter(|last| now < *last + QUIET);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        path::PathBuf,
        time::{Duration, Instant},
    };

    use super::{Coalesce, Signal, Signal::*};

    const ASKED: bool = true;
    const NEW: bool = false;

    /// Plays signals at milliseconds, with every due path published at once; gives when which paths
    /// came out.
    fn play(signals: &[(u64, &str, Signal, bool)]) -> Vec<(u64, String)> {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut coalesce = Coalesce::default();
        let mut signals = signals.iter().peekable();
        let mut out = Vec::new();
        loop {
            let signal = signals.peek().map(|(ms, ..)| at(*ms));
            let next = coalesce.next();
            let now = match (signal, next) {
                (None, None) => return out,
                (Some(signal), None) => signal,
                (None, Some(next)) => next,
                (Some(signal), Some(next)) => signal.min(next),
            };
            while let Some((_, path, signal, asked)) = signals.next_if(|(ms, ..)| at(*ms) <= now) {
                coalesce.push(PathBuf::from(path), *signal, *asked, now);
            }
            let due = coalesce.take(now);
            if !due.is_empty() {
                coalesce.published(now);
                let names: Vec<_> = due.iter().map(|due| due.path.to_string_lossy()).collect();
                let ms = (now - start).as_millis();
                out.push((u64::try_from(ms).unwrap(), names.join(" ")));
            }
        }
    }

    #[test]
    fn what_is_finished_leaves_at_once_and_what_can_wait_waits() {
        let writing = u64::try_from(super::WRITING.as_millis()).unwrap();
        let table: &[(&str, &[(u64, &str, Signal, bool)], &[(u64, &str)])] = &[
            ("nothing", &[], &[]),
            (
                "a save in place",
                &[(0, "a", Written, ASKED), (1, "a", Written, ASKED), (2, "a", Finished, ASKED)],
                &[(2, "a")],
            ),
            ("a rename into place", &[(0, "a", Arrived, ASKED)], &[(0, "a")]),
            (
                "a delete and a write",
                &[(0, "a", Gone, ASKED), (9, "a", Appeared, ASKED), (11, "a", Finished, ASKED)],
                &[(11, "a")],
            ),
            ("a removal", &[(0, "a", Gone, ASKED)], &[(50, "a")]),
            (
                "a temporary file and a rename",
                &[
                    (0, "t", Appeared, NEW),
                    (1, "t", Finished, NEW),
                    (2, "t", Gone, NEW),
                    (2, "a", Arrived, ASKED),
                ],
                &[(2, "a"), (52, "t")], // by then it is gone: nothing happened
            ),
            ("a new file", &[(0, "n", Appeared, NEW), (3, "n", Finished, NEW)], &[(53, "n")]),
            ("a chmod", &[(0, "a", Touched, ASKED), (5, "n", Touched, NEW)], &[(0, "a")]),
            (
                "a slow writer",
                &[(0, "a", Written, ASKED), (60, "a", Written, ASKED), (120, "a", Written, ASKED)],
                &[(120 + writing, "a")],
            ),
            (
                "a burst",
                &[
                    (0, "a", Finished, ASKED),
                    (1, "b", Finished, ASKED),
                    (30, "c", Finished, ASKED),
                    (79, "b", Finished, ASKED),
                ],
                &[(0, "a"), (129, "b c")],
            ),
            (
                "two saves",
                &[(0, "a", Finished, ASKED), (60, "a", Finished, ASKED)],
                &[(0, "a"), (60, "a")],
            ),
        ];
        for (name, signals, wanted) in table {
            let out = play(signals);
            let out: Vec<_> = out.iter().map(|(ms, paths)| (*ms, paths.as_str())).collect();
            assert_eq!(out, *wanted, "{name}");
        }
    }

    #[test]
    fn endless_writing_starves_nobody() {
        let log: Vec<_> = (0..500).map(|n| (n * 10, "log", Written, ASKED)).collect();
        let out = play(&log);
        assert!(out.len() >= 4 && out.len() <= 6, "{out:?}");
        let burst: Vec<_> = (0..500).map(|n| (n * 10, "a", Finished, ASKED)).collect();
        let out = play(&burst);
        assert!(out.len() >= 5 && out.len() <= 7, "{out:?}");
    }

    #[test]
    fn what_began_with_being_created_is_known_as_such() {
        let mut coalesce = Coalesce::default();
        let now = Instant::now();
        coalesce.push("new".into(), Appeared, NEW, now);
        coalesce.push("new".into(), Finished, NEW, now);
        coalesce.push("old".into(), Written, NEW, now);
        coalesce.push("swapped".into(), Gone, NEW, now);
        coalesce.push("swapped".into(), Arrived, NEW, now);
        coalesce.push("taken in".into(), Arrived, NEW, now);
        coalesce.push("taken in".into(), Gone, NEW, now);
        coalesce.push("new/file".into(), Gone, NEW, now);
        let due = coalesce.take(now + super::CAP);
        let appeared: Vec<_> = due.iter().map(|due| due.appeared).collect();
        assert_eq!(appeared, [true, true, false, false, true]);
    }
}
