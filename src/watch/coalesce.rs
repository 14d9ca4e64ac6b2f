//! When to look at a path that something happened to: a pure state machine over signals and time.
//!
//! A lone finished save (a close after writing, a rename into place) of a file that somebody asked
//! for is due at once: no waiting period. What can wait, waits a moment, because it is often half of
//! something: a removal (a save by delete-and-write), a new file that nobody asked for (a temporary
//! one on its way to a rename), a file that is still being written.
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
    /// Whether it waited for its writer for long enough.
    pub(super) patient: bool,
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
        use Signal::{Appeared, Arrived, Emptied, Finished, Gone, Touched, Written};
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
        };
        let waits = wait == HALF || wait == GONE;
        self.settle(now);
        let again = self.is_recent(&path, now);
        if again {
            self.recent.insert(path.clone(), now);
        }
        let wait = if again { wait.max(QUIET) } else { wait };
        if let Some(burst) = &mut self.burst
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
            .map(|(path, pending)| Due {
                path: path.clone(),
                appeared: pending.appeared,
                patient: matches!(pending.last, Signal::Written | Signal::Emptied)
                    || now >= pending.since + CAP,
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
            Signal::Finished | Signal::Arrived | Signal::Appeared => true,
            Signal::Gone | Signal::Emptied => self.asked,
            Signal::Written | Signal::Touched => false,
        }
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
            ("a removal", &[(0, "a", Gone, ASKED), (20, "a", Gone, ASKED)], &[(200, "a")]),
            (
                "the removal of a tree",
                &[(0, "f/a", Gone, ASKED), (2, "f/b", Gone, ASKED), (9, "f", Gone, NEW)],
                &[(209, "f f/a f/b")],
            ),
            (
                "a rename of what nobody has",
                &[(0, "a", Gone, NEW), (0, "b", Arrived, NEW)],
                &[(200, "a b")],
            ),
            (
                "an emptying and a write",
                &[
                    (0, "a", Emptied, ASKED),
                    (100, "a", Written, ASKED),
                    (101, "a", Finished, ASKED),
                ],
                &[(101, "a")],
            ),
            (
                "a temporary file and a rename",
                &[
                    (0, "t", Appeared, NEW),
                    (1, "t", Finished, NEW),
                    (2, "t", Gone, NEW),
                    (2, "a", Arrived, ASKED),
                ],
                &[(2, "a"), (202, "t")], // by then it is gone: nothing happened
            ),
            ("a new file", &[(0, "n", Appeared, NEW), (3, "n", Finished, NEW)], &[(53, "n")]),
            (
                "a new file's content",
                &[(0, "n", Written, NEW), (3, "n", Finished, NEW)],
                &[(53, "n")],
            ),
            ("a touch of what nobody has", &[(0, "n", Touched, NEW), (1, "n", Finished, NEW)], &[]),
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
            (
                "a save that a formatter saves again",
                &[(0, "a", Finished, ASKED), (30, "a", Finished, ASKED)],
                &[(0, "a"), (80, "a")],
            ),
            (
                "a save while another file is saved again and again",
                &[
                    (0, "log", Finished, ASKED),
                    (40, "log", Finished, ASKED),
                    (80, "log", Finished, ASKED),
                    (90, "a", Finished, ASKED),
                    (120, "log", Finished, ASKED),
                ],
                &[(0, "log"), (90, "a"), (170, "log")],
            ),
            (
                "a save while a file is being written",
                &[(0, "log", Written, NEW), (1, "a", Finished, ASKED), (60, "b", Finished, ASKED)],
                &[(1, "a"), (60, "b"), (writing, "log")],
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
    fn a_page_waits_for_the_end_of_a_burst_and_for_nothing_else() {
        let table: &[(&str, &[(u64, &str, Signal, bool)], &[(u64, bool)])] = &[
            ("a lone save", &[(0, "a", Finished, ASKED)], &[(1, false), (60, false)]),
            (
                "a save by rename",
                &[
                    (0, "t", Appeared, NEW),
                    (1, "t", Finished, NEW),
                    (2, "t", Gone, NEW),
                    (2, "a", Arrived, ASKED),
                ],
                &[(3, false)],
            ),
            (
                "a mode that is set after a save",
                &[(0, "a", Finished, ASKED), (1, "a", Touched, ASKED)],
                &[(2, false)],
            ),
            (
                "a burst",
                &[(0, "a", Finished, ASKED), (1, "b", Finished, ASKED), (30, "n", Appeared, NEW)],
                &[(0, false), (2, true), (60, true), (81, false)],
            ),
            ("a log", &[(0, "a", Finished, ASKED), (1, "log", Written, ASKED)], &[(2, false)]),
        ];
        for (name, signals, wanted) in table {
            for (ms, held) in *wanted {
                let start = Instant::now();
                let at = |ms| start + Duration::from_millis(ms);
                let mut coalesce = Coalesce::default();
                let take = |coalesce: &mut Coalesce, now| {
                    if coalesce.take(now).iter().any(|due| due.path != *"t") {
                        coalesce.published(now);
                    }
                };
                for (when, path, signal, asked) in signals.iter().filter(|signal| signal.0 <= *ms) {
                    coalesce.push(PathBuf::from(path), *signal, *asked, at(*when));
                    take(&mut coalesce, at(*when));
                }
                take(&mut coalesce, at(*ms));
                let until = coalesce.unsettled(at(*ms), false);
                assert_eq!(until.is_some(), *held, "{name} at {ms} ms");
                assert!(until.is_none_or(|until| until <= start + super::HOLD));
            }
        }
    }

    #[test]
    fn an_endless_burst_does_not_hold_pages_for_ever() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut coalesce = Coalesce::default();
        for ms in 0..3000 {
            coalesce.push(PathBuf::from(ms.to_string()), Finished, ASKED, at(ms));
            if !coalesce.take(at(ms)).is_empty() {
                coalesce.published(at(ms));
            }
            let held = coalesce.unsettled(at(ms), false).is_some();
            let hold = u64::try_from(super::HOLD.as_millis()).unwrap();
            assert!(held == (ms > 0 && ms < hold), "{ms}");
        }
    }

    #[test]
    fn a_lone_save_is_one_that_nothing_came_before() {
        let now = Instant::now();
        let later = now + super::QUIET;
        let mut coalesce = Coalesce::default();
        coalesce.push("a".into(), Written, ASKED, now);
        let due = coalesce.next();
        assert!(coalesce.lone("a".as_ref(), now));
        assert_eq!(coalesce.next(), due, "its writer may be found at work, and has its cap");
        coalesce.looked_at("a".as_ref(), now);
        assert_eq!(coalesce.next(), None, "nothing is left to come");
        assert!(!coalesce.lone("a".as_ref(), now), "saved again at once");
        assert!(coalesce.lone("b".as_ref(), now), "the first was no change");
        coalesce.published(now);
        assert!(!coalesce.lone("c".as_ref(), now), "a burst");
        assert!(coalesce.lone("c".as_ref(), later));
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
