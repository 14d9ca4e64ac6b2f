//! The lines of changes that wait for what the tabs did.
//!
//! One change is one line, so a line is held until each tab that was told has said that it is done, or
//! for [`PATIENCE`]: a tab that is stuck, or a tool, which never says it, delays it no longer. Lines
//! leave in the order in which they came. What is said after that is not printed.
//!
//! All values and time; [`terminal`](super) asks when to look again.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// How long a line is held.
const PATIENCE: Duration = Duration::from_millis(300);

/// What a tab said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Done {
    pub(super) how: String,
    pub(super) took: Duration,
    pub(super) why: Option<String>,
}

#[derive(Debug)]
struct Line {
    version: u64,
    text: String,
    tabs: usize,
    done: Vec<Done>,
    until: Instant,
}

/// The lines that wait.
#[derive(Debug, Default)]
pub(super) struct Held(VecDeque<Line>);

impl Held {
    /// A change of which so many tabs were told.
    pub(super) fn hold(&mut self, version: u64, text: String, tabs: usize, now: Instant) {
        self.0.push_back(Line { version, text, tabs, done: Vec::new(), until: now + PATIENCE });
    }

    /// A tab is done with a change.
    pub(super) fn done(&mut self, version: u64, done: Done) {
        if let Some(line) = self.0.iter_mut().find(|line| line.version == version) {
            line.done.push(done);
        }
    }

    /// The lines that are to be written now: those before a line that is complete have waited enough.
    pub(super) fn take(&mut self, now: Instant) -> Vec<String> {
        let ready = |line: &Line| line.done.len() >= line.tabs || line.until <= now;
        let count = self.0.iter().rposition(ready).map_or(0, |last| last + 1);
        self.0.drain(..count).map(Line::written).collect()
    }

    /// All of them.
    pub(super) fn take_all(&mut self) -> Vec<String> {
        self.0.drain(..).map(Line::written).collect()
    }

    /// When to look again.
    pub(super) fn until(&self) -> Option<Instant> {
        self.0.front().map(|line| line.until)
    }
}

impl Line {
    /// The line, and what the tabs did: each way once, with the longest time that it took.
    fn written(self) -> String {
        let mut ways: Vec<Done> = Vec::new();
        for done in self.done {
            match ways.iter_mut().find(|way| way.how == done.how && way.why == done.why) {
                Some(way) => way.took = way.took.max(done.took),
                None => ways.push(done),
            }
        }
        let ways: Vec<_> = ways.iter().map(Done::to_string).collect();
        if ways.is_empty() { self.text } else { format!("{}  {}", self.text, ways.join(", ")) }
    }
}

impl std::fmt::Display for Done {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} ms", self.how, self.took.as_millis())?;
        self.why.as_ref().map_or(Ok(()), |why| write!(f, " ({why})"))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Done, Held, PATIENCE};

    fn done(how: &str, ms: u64) -> Done {
        let why = (how == "reload").then(|| "a.js changed".to_owned());
        Done { how: how.into(), took: Duration::from_millis(ms), why }
    }

    /// `(ms, what happens)` -> `(ms, line)`: hold VERSION TABS, or VERSION HOW MS.
    fn run(steps: &[(u64, &str)]) -> Vec<(u64, String)> {
        let (began, mut held, mut out) = (Instant::now(), Held::default(), Vec::new());
        let last = PATIENCE.as_millis().try_into().unwrap_or(u64::MAX) + 1000;
        for ms in 0..last {
            let now = began + Duration::from_millis(ms);
            for (_, step) in steps.iter().filter(|(at, _)| *at == ms) {
                let words: Vec<_> = step.split(' ').collect();
                let number = |at: usize| words[at].parse::<u64>().unwrap();
                match words[..] {
                    ["hold", ..] => {
                        let tabs = usize::try_from(number(2)).unwrap();
                        held.hold(number(1), format!("v{}", number(1)), tabs, now);
                    }
                    _ => held.done(number(0), done(words[1], number(2))),
                }
            }
            out.extend(held.take(now).into_iter().map(|line| (ms, line)));
        }
        assert_eq!(held.until(), None);
        out
    }

    #[test]
    fn a_line_waits_for_its_tabs_and_not_for_long() {
        let table: &[(&[(u64, &str)], &[(u64, &str)])] = &[
            (&[(5, "hold 1 0")], &[(5, "v1")]),
            (&[(0, "hold 1 1"), (7, "1 css 6")], &[(7, "v1  css 6 ms")]),
            (&[(0, "hold 1 2"), (7, "1 css 6"), (9, "1 css 8")], &[(9, "v1  css 8 ms")]),
            (
                &[(0, "hold 1 2"), (7, "1 css 6"), (9, "1 reload 8")],
                &[(9, "v1  css 6 ms, reload 8 ms (a.js changed)")],
            ),
            // A tab is stuck, and speaks too late.
            (&[(0, "hold 1 2"), (7, "1 css 6"), (800, "1 css 799")], &[(300, "v1  css 6 ms")]),
            (&[(0, "hold 1 1")], &[(300, "v1")]),
            // Another change is done first: lines keep their order.
            (
                &[(0, "hold 1 1"), (10, "hold 2 1"), (20, "2 css 9"), (30, "1 css 29")],
                &[(20, "v1"), (20, "v2  css 9 ms")],
            ),
            (
                &[(0, "hold 1 1"), (10, "hold 2 1"), (20, "1 css 19"), (30, "2 css 19")],
                &[(20, "v1  css 19 ms"), (30, "v2  css 19 ms")],
            ),
            // Of a version that nobody holds.
            (&[(0, "9 css 1")], &[]),
        ];
        for (steps, wanted) in table {
            let wanted: Vec<_> =
                wanted.iter().map(|(at, line)| (*at, (*line).to_owned())).collect();
            assert_eq!(run(steps), wanted, "{steps:?}");
        }
    }

    #[test]
    fn at_the_end_nothing_is_kept() {
        let mut held = Held::default();
        held.hold(1, "v1".into(), 2, Instant::now());
        held.done(1, done("css", 3));
        assert_eq!(held.take_all(), ["v1  css 3 ms"]);
        assert_eq!(held.until(), None);
    }
}
