use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::{Coalescer, Interest, Signal, Signal::*, burst::HOLD};

const USED: Interest = Interest::Requested;
const EXTRA: Interest = Interest::Extra;
const NEW: Interest = Interest::None;

/// Plays signals at given milliseconds, and publishes every due path at once, as a change of a file
/// in use if it is. Returns the milliseconds at which paths were due, with their names.
fn play(signals: &[(u64, &str, Signal, Interest)]) -> Vec<(u64, String)> {
    let start = Instant::now();
    let at = |ms| start + Duration::from_millis(ms);
    let mut coalescer = Coalescer::default();
    let used = signals.iter().filter(|(.., interest)| interest.is_any());
    let used: HashSet<_> = used.map(|(_, path, ..)| Path::new(path)).collect();
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
            if due.iter().any(|due| used.contains(&*due.path)) {
                coalescer.published(now);
            }
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
            "a rename to a watched name",
            &[
                (0, "a", Removed, NEW),
                (0, "a", RenamedAway, NEW),
                (0, "b", RenamedTo, NEW),
                (0, "a", Removed, NEW),
            ],
            &[(50, "a b")],
        ),
        (
            "a rename of a file in use",
            &[
                (0, "a.html", Removed, USED),
                (0, "a.html", RenamedAway, USED),
                (0, "b", RenamedTo, NEW),
            ],
            &[(200, "a.html b")],
        ),
        (
            "a rename over a file in use",
            &[(0, "a", Removed, NEW), (0, "a", RenamedAway, NEW), (0, "b", RenamedTo, USED)],
            &[(0, "a b")],
        ),
        (
            "a backup by rename",
            &[
                (0, "a.html", Removed, USED),
                (0, "a.html", RenamedAway, USED),
                (0, "b", RenamedTo, NEW),
                (20, "a.html", Created, USED),
                (21, "a.html", Finished, USED),
            ],
            &[(21, "a.html"), (71, "b")],
        ),
        ("the removal of a page", &[(0, "a.html", Removed, USED)], &[(3000, "a.html")]),
        (
            "the removal of a page that was not requested",
            &[(0, "a.html", Removed, NEW)],
            &[(200, "a.html")],
        ),
        (
            "the removal of a folder with a page",
            &[(0, "f/a.css", Removed, USED), (1, "f/a.HTM", Removed, USED), (2, "f", Removed, NEW)],
            &[(3001, "f f/a.HTM f/a.css")],
        ),
        (
            "a page that is deleted and written after 900 ms",
            &[
                (0, "a.html", Removed, USED),
                (900, "a.html", Created, USED),
                (901, "a.html", Finished, USED),
            ],
            &[(901, "a.html")],
        ),
        (
            "a save after a page was deleted",
            &[(0, "a.html", Removed, USED), (300, "b", Finished, USED)],
            &[(500, "b"), (3000, "a.html")],
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
        (
            "a temporary file and a rename to a watched name",
            &[
                (0, "t", Created, NEW),
                (1, "t", Finished, NEW),
                (2, "t", Removed, NEW),
                (2, "t", RenamedAway, NEW),
                (2, "a", RenamedTo, USED),
            ],
            &[(2, "a"), (202, "t")],
        ),
        (
            "a temporary file that is forgotten while both halves of a rename wait",
            &[
                (0, "t", Created, NEW),
                (2, "t", RenamedAway, NEW),
                (140, "a.css", RenamedAway, USED),
                (140, "b", RenamedTo, NEW),
            ],
            &[(202, "t"), (340, "a.css b")],
        ),
        (
            "a new folder that is renamed, which its own watch reports, too",
            &[
                (0, "t", Created, NEW),
                (2, "t", Removed, NEW),
                (2, "t", RenamedAway, NEW),
                (2, "f", RenamedTo, NEW),
                (3, "t", Removed, NEW),
            ],
            &[(52, "f"), (202, "t")],
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

/// The signals of files that are written at the times `from..to`, a step apart.
fn written(from: u64, to: u64, step: usize, used: usize) -> Vec<(u64, String, Signal, Interest)> {
    let files = (from..to).step_by(step).enumerate();
    let signals = files.flat_map(|(n, ms)| {
        let interest = if n % used == 0 { USED } else { NEW };
        [(ms, Created), (ms, Written), (ms + 1, Finished)]
            .map(|(ms, signal)| (ms, format!("{n}.html"), signal, interest))
    });
    signals.collect()
}

/// Plays signals of many files. Returns when each message came, and how many paths it had.
fn play_many(signals: &[(u64, String, Signal, Interest)]) -> Vec<(u64, usize)> {
    let signals =
        signals.iter().map(|(ms, path, signal, interest)| (*ms, &**path, *signal, *interest));
    let out = play(&signals.collect::<Vec<_>>());
    out.iter().map(|(ms, paths)| (*ms, paths.split(' ').count())).collect()
}

#[test]
fn burst_is_the_first_save_and_all_others() {
    // Each file, each second one, or each hundredth one is in use.
    for (step, used) in [(1, 1), (5, 1), (30, 1), (45, 1), (5, 2), (5, 100)] {
        let end = 300 * u64::try_from(step).unwrap().min(10);
        let out = play_many(&written(0, end, step, used));
        let files = usize::try_from(end).unwrap().div_ceil(step);
        assert_eq!(out.len(), 2, "{step} {used}: {out:?}");
        assert_eq!(out[0], (1, 1), "{step} {used}");
        assert_eq!(out[1].1, files - 1, "{step} {used}: {out:?}");
        assert!(out[1].0 <= end + 60, "{step} {used}: {out:?}");
    }
}

#[test]
fn burst_that_begins_with_other_files_is_one_message() {
    let mut signals = written(0, 1500, 5, 1);
    for (ms, _, _, interest) in &mut signals {
        *interest = if (500..510).contains(ms) { USED } else { NEW };
    }
    assert_eq!(play_many(&signals), [(1546, 300)]);
}

#[test]
fn generator_that_clears_its_folder_is_one_message() {
    // It works for a time, then writes its files with pauses between them.
    for (works, step) in [(0, 1), (10, 60), (500, 1), (500, 20), (500, 150), (1500, 190)] {
        let files = written(works, works + 10 * step, usize::try_from(step).unwrap(), 1);
        let mut signals: Vec<_> =
            (0..10).map(|n| (0, format!("{n}.html"), Removed, USED)).collect();
        signals.extend(files);
        let end = works + 9 * step + 1;
        assert_eq!(play_many(&signals), [(end + 50, 10)], "{works} {step}");
    }
}

#[test]
fn burst_that_is_cut_short_waits_for_longer() {
    // Chunks of six files, with pauses between them.
    let chunk = |n: u64| written(n * 100, n * 100 + 12, 2, 1);
    let signals: Vec<_> = (0..10)
        .flat_map(|n| {
            let named =
                move |(ms, path, signal, interest)| (ms, format!("{n}-{path}"), signal, interest);
            chunk(n).into_iter().map(named)
        })
        .collect();
    assert_eq!(play_many(&signals), [(1, 1), (61, 5), (1011, 54)]);

    let two = [(0, "a", Finished, USED), (1, "b", Finished, USED), (110, "c", Finished, USED)];
    let out = play(&two);
    assert_eq!(out.iter().map(|(ms, _)| *ms).collect::<Vec<_>>(), [0, 51, 110], "no burst");
}

#[test]
fn save_during_endless_changes_of_other_files_is_due_at_once() {
    let mut signals = written(0, 6000, 10, usize::MAX);
    signals[0].3 = NEW;
    for ms in [3005, 4005, 5005] {
        signals.push((ms, format!("save-{ms}"), Finished, USED));
    }
    signals.sort_by_key(|signal| signal.0);
    let signals: Vec<_> = signals.iter().map(|(ms, p, s, i)| (*ms, &**p, *s, *i)).collect();
    let out = play(&signals);
    for ms in [3005, 4005, 5005] {
        let save = format!("save-{ms}");
        let (due, _) = out.iter().find(|(_, paths)| paths.contains(&save)).unwrap();
        assert_eq!(*due, ms);
    }
}

#[test]
fn number_of_waiting_paths_is_bounded() {
    let mut coalescer = Coalescer::default();
    let now = Instant::now();
    for n in 0..super::PATHS {
        assert!(coalescer.take(now).is_empty());
        coalescer.push(n.to_string().into(), Removed, NEW, now);
    }
    assert_eq!(coalescer.take(now).len(), super::PATHS);
    assert_eq!(coalescer.next(), None);
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
    coalescer.hold_until().filter(|until| coalescer.expects_more(now) && now < *until)
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
            assert!(until.is_none_or(|until| until <= start + HOLD));
        }
    }
}

#[test]
fn endless_burst_holds_pages_for_a_bounded_time() {
    let start = Instant::now();
    let at = |ms| start + Duration::from_millis(ms);
    let mut coalescer = Coalescer::default();
    for ms in 0..9000 {
        coalescer.push(PathBuf::from(ms.to_string()), Finished, USED, at(ms));
        if !coalescer.take(at(ms)).is_empty() {
            coalescer.published(at(ms));
        }
        let held = held_until(&coalescer, at(ms)).is_some();
        let hold = u64::try_from(HOLD.as_millis()).unwrap();
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

#[test]
fn a_temporary_name_that_is_used_for_every_save_is_never_published() {
    let save = |ms| {
        [
            (ms, "t", Created, NEW),
            (ms + 1, "t", Finished, NEW),
            (ms + 2, "t", Removed, NEW),
            (ms + 2, "t", RenamedAway, NEW),
            (ms + 2, "a", RenamedTo, USED),
        ]
    };
    // Sooner than the name is forgotten, for longer than a file that is written endlessly waits.
    let saves: Vec<_> = (0..20).map(|number| number * 140).collect();
    let signals: Vec<_> = saves.iter().copied().flat_map(save).collect();
    let mut expected: Vec<_> = saves.iter().map(|ms| (ms + 2, "a".to_owned())).collect();
    expected.push((saves[19] + 202, "t".to_owned()));
    assert_eq!(play(&signals), expected);
}
