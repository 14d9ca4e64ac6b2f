use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use super::{Coalescer, Interest, Signal, Signal::*};

const USED: Interest = Interest::Requested;
const EXTRA: Interest = Interest::Extra;
const NEW: Interest = Interest::None;

/// Plays signals at given milliseconds, and publishes every due path at once. Returns the
/// milliseconds at which paths were due, with their names.
fn play(signals: &[(u64, &str, Signal, Interest)]) -> Vec<(u64, String)> {
    let start = Instant::now();
    let at = |ms| start + Duration::from_millis(ms);
    let mut coalescer = Coalescer::default();
    let mut signals = signals.iter().peekable();
    let mut out = Vec::new();
    loop {
        let signal = signals.peek().map(|(ms, ..)| at(*ms));
        let next = coalescer.next();
        let now = match (signal, next) {
            (None, None) => return out,
            (Some(signal), None) => signal,
            (None, Some(next)) => next,
            (Some(signal), Some(next)) => signal.min(next),
        };
        while let Some((_, path, signal, interest)) = signals.next_if(|(ms, ..)| at(*ms) <= now) {
            coalescer.push(PathBuf::from(path), *signal, *interest, now);
        }
        let due = coalescer.take(now);
        if !due.is_empty() {
            coalescer.published(now);
            let names: Vec<_> = due.iter().map(|due| due.path.to_string_lossy()).collect();
            let ms = (now - start).as_millis();
            out.push((u64::try_from(ms).unwrap(), names.join(" ")));
        }
    }
}

#[allow(clippy::too_many_lines)]
#[test]
fn finished_saves_are_due_at_once_and_halves_wait() {
    let writing = u64::try_from(super::WRITING.as_millis()).unwrap();
    let table: &[(&str, &[(u64, &str, Signal, Interest)], &[(u64, &str)])] = &[
        ("nothing", &[], &[]),
        (
            "a save in place",
            &[(0, "a", Written, USED), (1, "a", Written, USED), (2, "a", Finished, USED)],
            &[(2, "a")],
        ),
        ("a rename into place", &[(0, "a", RenamedTo, USED)], &[(0, "a")]),
        (
            "a delete and a write",
            &[(0, "a", Removed, USED), (9, "a", Created, USED), (11, "a", Finished, USED)],
            &[(11, "a")],
        ),
        ("a removal", &[(0, "a", Removed, USED), (20, "a", Removed, USED)], &[(200, "a")]),
        (
            "the removal of a tree",
            &[(0, "f/a", Removed, USED), (2, "f/b", Removed, USED), (9, "f", Removed, NEW)],
            &[(209, "f f/a f/b")],
        ),
        (
            "a rename of a file that was not requested",
            &[(0, "a", Removed, NEW), (0, "b", RenamedTo, NEW)],
            &[(200, "a b")],
        ),
        (
            "an emptying and a write",
            &[(0, "a", Emptied, USED), (100, "a", Written, USED), (101, "a", Finished, USED)],
            &[(101, "a")],
        ),
        (
            "a temporary file and a rename",
            &[
                (0, "t", Created, NEW),
                (1, "t", Finished, NEW),
                (2, "t", Removed, NEW),
                (2, "a", RenamedTo, USED),
            ],
            &[(2, "a"), (202, "t")], // it is gone by then: no change
        ),
        ("a new file", &[(0, "n", Created, NEW), (3, "n", Finished, NEW)], &[(53, "n")]),
        ("a new file's content", &[(0, "n", Written, NEW), (3, "n", Finished, NEW)], &[(53, "n")]),
        (
            "a touch of a file that was not requested",
            &[(0, "n", MetadataChanged, NEW), (1, "n", Finished, NEW)],
            &[],
        ),
        (
            "a save in place below a --watch path",
            &[(0, "a", Written, EXTRA), (2, "a", Finished, EXTRA)],
            &[(2, "a")],
        ),
        (
            "a save by rename below a --watch path",
            &[(0, "t", Created, NEW), (1, "t", Removed, NEW), (1, "a", RenamedTo, EXTRA)],
            &[(1, "a"), (201, "t")],
        ),
        (
            "a touch, and an open and close, below a --watch path",
            &[(0, "a", MetadataChanged, EXTRA), (1, "b", Finished, EXTRA)],
            &[],
        ),
        (
            "a chmod",
            &[(0, "a", MetadataChanged, USED), (5, "n", MetadataChanged, NEW)],
            &[(0, "a")],
        ),
        (
            "a slow writer",
            &[(0, "a", Written, USED), (60, "a", Written, USED), (120, "a", Written, USED)],
            &[(120 + writing, "a")],
        ),
        (
            "a burst",
            &[
                (0, "a", Finished, USED),
                (1, "b", Finished, USED),
                (30, "c", Finished, USED),
                (79, "b", Finished, USED),
            ],
            &[(0, "a"), (129, "b c")],
        ),
        (
            "two saves",
            &[(0, "a", Finished, USED), (60, "a", Finished, USED)],
            &[(0, "a"), (60, "a")],
        ),
        (
            "a save that a formatter follows",
            &[(0, "a", Finished, USED), (30, "a", Finished, USED)],
            &[(0, "a"), (80, "a")],
        ),
        (
            "a save while another file is saved again and again",
            &[
                (0, "log", Finished, USED),
                (40, "log", Finished, USED),
                (80, "log", Finished, USED),
                (90, "a", Finished, USED),
                (120, "log", Finished, USED),
            ],
            &[(0, "log"), (90, "a"), (170, "log")],
        ),
        (
            "a save while a file is being written",
            &[(0, "log", Written, NEW), (1, "a", Finished, USED), (60, "b", Finished, USED)],
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
fn file_still_open_after_its_close_is_examined_at_growing_intervals() {
    let (path, start) = (PathBuf::from("a"), Instant::now());
    let mut coalescer = Coalescer::default();
    coalescer.push(path.clone(), Written, USED, start);
    coalescer.push(path.clone(), Finished, USED, start);
    let mut examined = Vec::new();
    while let Some(now) = coalescer.next() {
        for due in coalescer.take(now) {
            examined.push((now - start).as_millis());
            if let Some(signal) = due.again {
                coalescer.push(due.path, signal, USED, now);
            }
        }
    }
    let writing = super::WRITING.as_millis();
    assert_eq!(examined, [0, 1, 3, 7, 15, 31, 63, 63 + writing]);
}

#[test]
fn endless_writing_is_published_about_once_a_second() {
    let log: Vec<_> = (0..500).map(|n| (n * 10, "log", Written, USED)).collect();
    let out = play(&log);
    assert!(out.len() >= 4 && out.len() <= 6, "{out:?}");
    let burst: Vec<_> = (0..500).map(|n| (n * 10, "a", Finished, USED)).collect();
    let out = play(&burst);
    assert!(out.len() >= 5 && out.len() <= 7, "{out:?}");
}

/// Until when a page that is requested now waits.
fn held_until(coalescer: &Coalescer, now: Instant) -> Option<Instant> {
    coalescer.hold_until().filter(|until| coalescer.expects_more() && now < *until)
}

#[test]
fn pages_wait_for_the_end_of_a_burst_only() {
    let table: &[(&str, &[(u64, &str, Signal, Interest)], &[(u64, bool)])] = &[
        ("a lone save", &[(0, "a", Finished, USED)], &[(1, false), (60, false)]),
        (
            "a save by rename",
            &[
                (0, "t", Created, NEW),
                (1, "t", Finished, NEW),
                (2, "t", Removed, NEW),
                (2, "a", RenamedTo, USED),
            ],
            &[(3, false)],
        ),
        (
            "a mode that is set after a save",
            &[(0, "a", Finished, USED), (1, "a", MetadataChanged, USED)],
            &[(2, false)],
        ),
        (
            "a burst",
            &[(0, "a", Finished, USED), (1, "b", Finished, USED), (30, "n", Created, NEW)],
            &[(0, false), (2, true), (60, true), (81, false)],
        ),
        ("a log", &[(0, "a", Finished, USED), (1, "log", Written, USED)], &[(2, false)]),
    ];
    for (name, signals, wanted) in table {
        for (ms, held) in *wanted {
            let start = Instant::now();
            let at = |ms| start + Duration::from_millis(ms);
            let mut coalescer = Coalescer::default();
            let take = |coalescer: &mut Coalescer, now| {
                if coalescer.take(now).iter().any(|due| due.path != *"t") {
                    coalescer.published(now);
                }
            };
            for (when, path, signal, interest) in signals.iter().filter(|signal| signal.0 <= *ms) {
                coalescer.push(PathBuf::from(path), *signal, *interest, at(*when));
                take(&mut coalescer, at(*when));
            }
            take(&mut coalescer, at(*ms));
            let until = held_until(&coalescer, at(*ms));
            assert_eq!(until.is_some(), *held, "{name} at {ms} ms");
            assert!(until.is_none_or(|until| until <= start + super::HOLD));
        }
    }
}

#[test]
fn endless_burst_holds_pages_for_a_bounded_time() {
    let start = Instant::now();
    let at = |ms| start + Duration::from_millis(ms);
    let mut coalescer = Coalescer::default();
    for ms in 0..3000 {
        coalescer.push(PathBuf::from(ms.to_string()), Finished, USED, at(ms));
        if !coalescer.take(at(ms)).is_empty() {
            coalescer.published(at(ms));
        }
        let held = held_until(&coalescer, at(ms)).is_some();
        let hold = u64::try_from(super::HOLD.as_millis()).unwrap();
        assert!(held == (ms > 0 && ms < hold), "{ms}");
    }
}

#[test]
fn path_counts_as_created_if_its_first_signal_or_its_new_folder_says_so() {
    let mut coalescer = Coalescer::default();
    let now = Instant::now();
    coalescer.push("new".into(), Created, NEW, now);
    coalescer.push("new".into(), Finished, NEW, now);
    coalescer.push("old".into(), Written, NEW, now);
    coalescer.push("swapped".into(), Removed, NEW, now);
    coalescer.push("swapped".into(), RenamedTo, NEW, now);
    coalescer.push("taken in".into(), RenamedTo, NEW, now);
    coalescer.push("taken in".into(), Removed, NEW, now);
    coalescer.push("new/file".into(), Removed, NEW, now);
    let due = coalescer.take(now + super::MOST);
    let created: Vec<_> = due.iter().map(|due| due.created).collect();
    assert_eq!(created, [true, true, false, false, true]);
}
