//! What two looks at a path say together, as the signals that a system with events would give: a
//! pure state machine over what is seen, and time.
//!
//! There is no event for a writer's close, so a file that changed is finished once it was left alone
//! for a moment: two looks in a row that agree. The moment is short, longer for an empty file (its
//! writer has just begun), and grows for a file that is written again soon after it was taken for
//! finished. How long endless writing may hold anything back is the coalescer's business.
//!
//! Where times are whole seconds, a second save in the same second may look like the first. So such a
//! file is said to be touched once more when that second is over.

use std::time::{Duration, Instant};

use super::facts::{Facts, File};
use crate::watch::signal::Signal;

/// How long a file must be left alone to be finished.
const PATIENCE: Duration = Duration::from_millis(40);

/// The same for one that is empty.
const EMPTY: Duration = Duration::from_millis(160);

/// The most that it grows to.
const PATIENCE_CAP: Duration = Duration::from_millis(500);

/// How long a path is remembered to have changed.
pub(super) const MEMORY: Duration = Duration::from_secs(1);

/// After so long the second of a coarse time is over; FAT's are two.
const COARSE: Duration = Duration::from_millis(2100);

/// A path that changed a moment ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Restless {
    changed: Instant,
    patience: Duration,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It may still be written.
    Writing,
    /// It was taken for finished.
    Finished { coarse: bool },
    /// It went away; it may come back at once.
    Removed,
}

impl Restless {
    /// Whether it should be looked at again soon.
    pub(super) fn hurried(&self) -> bool {
        !matches!(self.phase, Phase::Finished { .. })
    }

    /// When there is nothing more to say of it.
    pub(super) fn ends(&self) -> Instant {
        let coarse = self.phase == Phase::Finished { coarse: true };
        self.changed + if coarse { COARSE } else { MEMORY }
    }
}

/// What a look says: the signals, in this order, and what is to be remembered of the path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) signals: Vec<Signal>,
    pub(super) restless: Option<Restless>,
}

/// A path was `known`, and is looked at again.
pub(super) fn look(
    known: Option<Facts>,
    restless: Option<Restless>,
    seen: Option<Facts>,
    now: Instant,
) -> Seen {
    let changed = |phase| Restless { changed: now, patience: patience(restless, now), phase };
    let written = |mut signals: Vec<Signal>| {
        signals.push(Signal::Written);
        Seen { signals, restless: Some(changed(Phase::Writing)) }
    };
    match (known, seen) {
        (None, None) | (Some(Facts::Folder), Some(Facts::Folder)) => same(restless, None, now),
        (Some(Facts::File(known)), Some(Facts::File(seen))) if known == seen => {
            same(restless, Some(seen), now)
        }
        (Some(Facts::File(known)), Some(Facts::File(seen))) => {
            let writing = restless.is_some_and(|restless| restless.phase == Phase::Writing);
            let content = known.size != seen.size || known.modified != seen.modified;
            if content || writing {
                written(Vec::new())
            } else {
                // A mode, a link, or another file of the same size and time.
                Seen { signals: vec![Signal::MetadataChanged], restless }
            }
        }
        (None, Some(Facts::File(_))) => written(vec![Signal::Created]),
        (Some(Facts::Folder), Some(Facts::File(_))) => {
            written(vec![Signal::Removed, Signal::Created])
        }
        (None, Some(Facts::Folder)) => Seen { signals: vec![Signal::Created], restless: None },
        (Some(Facts::File(_)), Some(Facts::Folder)) => {
            Seen { signals: vec![Signal::Removed, Signal::Created], restless: None }
        }
        (Some(_), None) => {
            Seen { signals: vec![Signal::Removed], restless: Some(changed(Phase::Removed)) }
        }
    }
}

/// Nothing is different.
fn same(restless: Option<Restless>, file: Option<File>, now: Instant) -> Seen {
    let Some(mut restless) = restless else { return Seen::default() };
    let alone = now.saturating_duration_since(restless.changed);
    let empty = file.is_some_and(|file| file.size == 0);
    let wanted = if empty { restless.patience.max(EMPTY) } else { restless.patience };
    match restless.phase {
        Phase::Writing if alone >= wanted => {
            let coarse = file.is_some_and(|file| file.coarse());
            restless.phase = Phase::Finished { coarse };
            Seen { signals: vec![Signal::Finished], restless: Some(restless) }
        }
        Phase::Finished { coarse } if now >= restless.ends() => {
            let signals = if coarse { vec![Signal::MetadataChanged] } else { Vec::new() };
            Seen { signals, restless: None }
        }
        Phase::Removed if now >= restless.ends() => Seen::default(),
        _ => Seen { signals: Vec::new(), restless: Some(restless) },
    }
}

/// How long a file that changed now must be left alone.
fn patience(restless: Option<Restless>, now: Instant) -> Duration {
    match restless {
        Some(Restless { changed, patience, phase }) => match phase {
            Phase::Finished { .. } if now.saturating_duration_since(changed) < MEMORY => {
                (patience * 2).min(PATIENCE_CAP)
            }
            Phase::Writing => patience,
            _ => PATIENCE,
        },
        None => PATIENCE,
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Facts, File, look};
    use crate::watch::signal::Signal::{self, *};

    /// A file: its size, and its times in odd nanoseconds, or in whole seconds.
    #[allow(clippy::unnecessary_wraps)]
    const fn file(size: u64, time: i64) -> Option<Facts> {
        Some(Facts::File(File { size, modified: time, changed: time, inode: 1 }))
    }

    const FOLDER: Option<Facts> = Some(Facts::Folder);
    const OLD: Option<Facts> = file(3, 7);
    const NEW: Option<Facts> = file(3, 8);
    const SECOND: i64 = 1_000_000_000;

    /// Plays looks at milliseconds, the first of which is what was known; gives when which signals
    /// came.
    fn play(known: Option<Facts>, looks: &[(u64, Option<Facts>)]) -> Vec<(u64, Signal)> {
        let start = Instant::now();
        let (mut known, mut restless) = (known, None);
        let mut signals = Vec::new();
        for (ms, facts) in looks {
            let seen = look(known, restless, *facts, start + Duration::from_millis(*ms));
            signals.extend(seen.signals.into_iter().map(|signal| (*ms, signal)));
            (known, restless) = (*facts, seen.restless);
        }
        signals
    }

    #[test]
    fn looks_say_what_events_would() {
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
    fn a_writer_that_pauses_is_waited_for_longer_each_time() {
        // Written every 100 ms, looked at every 20 ms.
        let looks: Vec<_> = (0..100_u64)
            .map(|n| (n * 20, file(n / 5 + 1, i64::try_from(n / 5).unwrap() + 1)))
            .collect();
        let finished = play(None, &looks).into_iter().filter(|(_, signal)| *signal == Finished);
        let finished: Vec<_> = finished.map(|(ms, _)| ms).collect();
        assert_eq!(finished, [40, 180]);

        // Saves that are seconds apart are as quick as the first.
        let later = file(4, 9);
        let saves = play(OLD, &[(0, NEW), (40, NEW), (1500, NEW), (5000, later), (5040, later)]);
        assert_eq!(saves, [(0, Written), (40, Finished), (5000, Written), (5040, Finished)]);
    }
}
