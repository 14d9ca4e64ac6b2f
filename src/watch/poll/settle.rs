//! Turns two examinations of a path into the signals that a system with events would report: a pure
//! state machine over metadata and time.
//!
//! No event tells that a writer has closed a file, so a changed file counts as finished once two
//! examinations in a row agree, a short time apart. The time is longer for an empty file, whose
//! writer has just begun, and grows for a file that is written again soon after it counted as
//! finished. How long endless writing may delay anything is decided by the coalescer.
//!
//! Where times are whole seconds, a second save in the same second may look like the first. So such
//! a file gets another signal when that second is over.

use std::time::{Duration, Instant};

use super::facts::{Facts, File};
use crate::watch::signal::Signal;

/// How long a file must be left alone to count as finished.
const SETTLED: Duration = Duration::from_millis(40);

/// The same for an empty file.
const SETTLED_EMPTY: Duration = Duration::from_millis(160);

/// The longest time that it grows to.
const SETTLED_MOST: Duration = Duration::from_millis(500);

/// How long a changed path is remembered.
pub(super) const REMEMBERED: Duration = Duration::from_secs(1);

/// When the second of a coarse time is surely over. FAT stores every other second.
const COARSE: Duration = Duration::from_millis(2100);

/// A path that changed recently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Recent {
    changed: Instant,
    settled: Duration,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It may still be written.
    Writing,
    /// It counts as finished.
    Finished { coarse: bool },
    /// It was removed, and may be created again at once.
    Removed,
}

impl Recent {
    /// Returns whether it should be examined again soon.
    pub(super) fn is_urgent(&self) -> bool {
        !matches!(self.phase, Phase::Finished { .. })
    }

    /// Returns when it can be forgotten.
    pub(super) fn ends(&self) -> Instant {
        let coarse = self.phase == Phase::Finished { coarse: true };
        self.changed + if coarse { COARSE } else { REMEMBERED }
    }
}

/// The outcome of an examination: signals in order, and what to remember of the path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) signals: Vec<Signal>,
    pub(super) recent: Option<Recent>,
}

/// Compares what was `known` of a path with what was `seen` now.
pub(super) fn examine(
    known: Option<Facts>,
    recent: Option<Recent>,
    seen: Option<Facts>,
    now: Instant,
) -> Outcome {
    let changed = |phase| Recent { changed: now, settled: settled_after(recent, now), phase };
    let written = |mut signals: Vec<Signal>| {
        signals.push(Signal::Written);
        Outcome { signals, recent: Some(changed(Phase::Writing)) }
    };
    match (known, seen) {
        (None, None) | (Some(Facts::Folder), Some(Facts::Folder)) => unchanged(recent, None, now),
        (Some(Facts::File(known)), Some(Facts::File(seen))) if known == seen => {
            unchanged(recent, Some(seen), now)
        }
        (Some(Facts::File(known)), Some(Facts::File(seen))) => {
            let writing = recent.is_some_and(|recent| recent.phase == Phase::Writing);
            let content = known.size != seen.size || known.modified != seen.modified;
            if content || writing {
                written(Vec::new())
            } else {
                // Its mode, its link count, or another file of the same size and time.
                Outcome { signals: vec![Signal::MetadataChanged], recent }
            }
        }
        (None, Some(Facts::File(_))) => written(vec![Signal::Created]),
        (Some(Facts::Folder), Some(Facts::File(_))) => {
            written(vec![Signal::Removed, Signal::Created])
        }
        (None, Some(Facts::Folder)) => Outcome { signals: vec![Signal::Created], recent: None },
        (Some(Facts::File(_)), Some(Facts::Folder)) => {
            Outcome { signals: vec![Signal::Removed, Signal::Created], recent: None }
        }
        (Some(_), None) => {
            Outcome { signals: vec![Signal::Removed], recent: Some(changed(Phase::Removed)) }
        }
    }
}

/// Handles an examination that found no difference.
fn unchanged(recent: Option<Recent>, file: Option<File>, now: Instant) -> Outcome {
    let Some(mut recent) = recent else { return Outcome::default() };
    let alone = now.saturating_duration_since(recent.changed);
    let empty = file.is_some_and(|file| file.size == 0);
    let wanted = if empty { recent.settled.max(SETTLED_EMPTY) } else { recent.settled };
    match recent.phase {
        Phase::Writing if alone >= wanted => {
            let coarse = file.is_some_and(|file| file.has_coarse_times());
            recent.phase = Phase::Finished { coarse };
            Outcome { signals: vec![Signal::Finished], recent: Some(recent) }
        }
        Phase::Finished { coarse } if now >= recent.ends() => {
            let signals = if coarse { vec![Signal::MetadataChanged] } else { Vec::new() };
            Outcome { signals, recent: None }
        }
        Phase::Removed if now >= recent.ends() => Outcome::default(),
        _ => Outcome { signals: Vec::new(), recent: Some(recent) },
    }
}

/// Returns how long a file that changed now must be left alone.
fn settled_after(recent: Option<Recent>, now: Instant) -> Duration {
    match recent {
        Some(Recent { changed, settled, phase }) => match phase {
            Phase::Finished { .. } if now.saturating_duration_since(changed) < REMEMBERED => {
                (settled * 2).min(SETTLED_MOST)
            }
            Phase::Writing => settled,
            _ => SETTLED,
        },
        None => SETTLED,
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Facts, File, examine};
    use crate::watch::signal::Signal::{self, *};

    /// A file with a size, and one value for both times.
    #[allow(clippy::unnecessary_wraps)]
    const fn file(size: u64, time: i64) -> Option<Facts> {
        Some(Facts::File(File { size, modified: time, changed: time, inode: 1 }))
    }

    const FOLDER: Option<Facts> = Some(Facts::Folder);
    const OLD: Option<Facts> = file(3, 7);
    const NEW: Option<Facts> = file(3, 8);
    const SECOND: i64 = 1_000_000_000;

    /// Plays examinations at given milliseconds. Returns the signals with their milliseconds.
    fn play(known: Option<Facts>, examinations: &[(u64, Option<Facts>)]) -> Vec<(u64, Signal)> {
        let start = Instant::now();
        let (mut known, mut recent) = (known, None);
        let mut signals = Vec::new();
        for (ms, facts) in examinations {
            let seen = examine(known, recent, *facts, start + Duration::from_millis(*ms));
            signals.extend(seen.signals.into_iter().map(|signal| (*ms, signal)));
            (known, recent) = (*facts, seen.recent);
        }
        signals
    }

    #[test]
    fn examinations_become_the_signals_of_events() {
        let older = file(3, 2);
        let moved = Some(Facts::File(File { size: 3, modified: 7, changed: 9, inode: 2 }));
        let table: &[(&str, Option<Facts>, &[(u64, Option<Facts>)], &[(u64, Signal)])] = &[
            ("nothing", None, &[(0, None), (99, None)], &[]),
            ("no change", OLD, &[(0, OLD), (99, OLD)], &[]),
            ("a folder", FOLDER, &[(0, FOLDER), (99, FOLDER)], &[]),
            (
                "a save",
                OLD,
                &[(0, NEW), (20, NEW), (40, NEW), (60, NEW), (2000, NEW), (4000, NEW)],
                &[(0, Written), (40, Finished)],
            ),
            (
                "an older file",
                OLD,
                &[(0, older), (50, older), (3000, older)],
                &[(0, Written), (50, Finished)],
            ),
            ("a chmod", OLD, &[(0, moved), (50, moved)], &[(0, MetadataChanged)]),
            (
                "written, and its time set back",
                OLD,
                &[(0, NEW), (20, moved), (60, moved)],
                &[(0, Written), (20, Written), (60, Finished)],
            ),
            (
                "a slow writer",
                OLD,
                &[(0, file(1, 9)), (30, file(2, 10)), (60, file(3, 11)), (100, file(3, 11))],
                &[(0, Written), (30, Written), (60, Written), (100, Finished)],
            ),
            (
                "truncated first",
                OLD,
                &[(0, file(0, 9)), (50, file(0, 9)), (100, NEW), (140, NEW)],
                &[(0, Written), (100, Written), (140, Finished)],
            ),
            (
                "emptied",
                OLD,
                &[(0, file(0, 9)), (50, file(0, 9)), (160, file(0, 9))],
                &[(0, Written), (160, Finished)],
            ),
            (
                "a new file",
                None,
                &[(0, NEW), (40, NEW)],
                &[(0, Created), (0, Written), (40, Finished)],
            ),
            ("a removal", OLD, &[(0, None), (40, None), (2000, None)], &[(0, Removed)]),
            (
                "a removal and a write",
                OLD,
                &[(0, None), (20, NEW), (60, NEW)],
                &[(0, Removed), (20, Created), (20, Written), (60, Finished)],
            ),
            (
                "a folder comes and goes",
                None,
                &[(0, FOLDER), (20, FOLDER), (40, None)],
                &[(0, Created), (40, Removed)],
            ),
            (
                "a folder takes a file's place",
                OLD,
                &[(0, FOLDER), (50, OLD), (99, OLD)],
                &[
                    (0, Removed),
                    (0, Created),
                    (50, Removed),
                    (50, Created),
                    (50, Written),
                    (99, Finished),
                ],
            ),
            (
                "times in whole seconds",
                OLD,
                &[
                    (0, file(3, SECOND)),
                    (40, file(3, SECOND)),
                    (1500, file(3, SECOND)),
                    (2100, file(3, SECOND)),
                    (9000, file(3, SECOND)),
                ],
                &[(0, Written), (40, Finished), (2100, MetadataChanged)],
            ),
        ];
        for (name, known, looks, wanted) in table {
            assert_eq!(play(*known, looks), *wanted, "{name}");
        }
    }

    #[test]
    fn pausing_writer_is_waited_for_longer_each_time() {
        // Written every 100 ms, examined every 20 ms.
        let looks: Vec<_> = (0..100_u64)
            .map(|n| (n * 20, file(n / 5 + 1, i64::try_from(n / 5).unwrap() + 1)))
            .collect();
        let finished = play(None, &looks).into_iter().filter(|(_, signal)| *signal == Finished);
        let finished: Vec<_> = finished.map(|(ms, _)| ms).collect();
        assert_eq!(finished, [40, 180]);

        // A save some seconds later is as quick as the first.
        let later = file(4, 9);
        let saves = play(OLD, &[(0, NEW), (40, NEW), (1500, NEW), (5000, later), (5040, later)]);
        assert_eq!(saves, [(0, Written), (40, Finished), (5000, Written), (5040, Finished)]);
    }
}
