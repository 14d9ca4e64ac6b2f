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
            &[(0, "a", Emptied, ASKED), (100, "a", Written, ASKED), (101, "a", Finished, ASKED)],
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
        ("a new file's content", &[(0, "n", Written, NEW), (3, "n", Finished, NEW)], &[(53, "n")]),
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
fn a_file_that_is_open_after_its_close_is_looked_at_again_soon_and_then_in_good_time() {
    let (path, start) = (PathBuf::from("a"), Instant::now());
    let mut coalesce = Coalesce::default();
    coalesce.push(path.clone(), Written, ASKED, start);
    coalesce.push(path.clone(), Finished, ASKED, start);
    let mut looks = Vec::new();
    while let Some(now) = coalesce.next() {
        for due in coalesce.take(now) {
            looks.push((now - start).as_millis());
            if let Some(signal) = due.again {
                coalesce.push(due.path, signal, ASKED, now);
            }
        }
    }
    let writing = super::WRITING.as_millis();
    assert_eq!(looks, [0, 1, 3, 7, 15, 31, 63, 63 + writing]);
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
