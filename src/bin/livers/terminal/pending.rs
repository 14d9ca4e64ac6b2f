//! The lines of changes that wait for the reports of the tabs.
//!
//! A change has one line, which ends with what the tabs did. It is printed when every notified tab
//! has reported, or after [`REPORT_TIMEOUT`]: a tab may be stuck, and a tool never reports. Lines
//! keep their order, and later reports are dropped.
//!
//! Values and times only; [`terminal`](super) calls again at the
//! [deadline](PendingLines::deadline).

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use crate::line::{Line, Style};

/// How long a line waits for reports.
const REPORT_TIMEOUT: Duration = Duration::from_millis(300);

/// What a tab did with a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Report {
    pub(super) how: String,
    pub(super) took: Duration,
    pub(super) why: Option<String>,
}

impl Report {
    /// Appends the report to a line.
    pub(super) fn append_to(self, line: Line, style: Style) -> Line {
        let line = line.styled(style, self.how);
        let line = line.varying(style, format!(" {} ms", self.took.as_millis()));
        match self.why {
            Some(why) => line.styled(style, format!(" ({why})")),
            None => line,
        }
    }
}

#[derive(Debug)]
struct PendingLine {
    version: u64,
    line: Line,
    tabs: usize,
    reports: Vec<Report>,
    deadline: Instant,
}

/// The lines that wait for reports, oldest first.
#[derive(Debug, Default)]
pub(super) struct PendingLines(VecDeque<PendingLine>);

impl PendingLines {
    /// Adds the line of a change that so many tabs were notified of.
    pub(super) fn add(&mut self, version: u64, line: Line, tabs: usize, now: Instant) {
        let deadline = now + REPORT_TIMEOUT;
        self.0.push_back(PendingLine { version, line, tabs, reports: Vec::new(), deadline });
    }

    /// Adds a tab's report to the line of its change, if that is still pending.
    pub(super) fn report(&mut self, version: u64, report: Report) {
        if let Some(line) = self.0.iter_mut().find(|line| line.version == version) {
            line.reports.push(report);
        }
    }

    /// Removes and returns the lines to print now. A complete line also releases those before it.
    pub(super) fn take_ready(&mut self, now: Instant) -> Vec<Line> {
        let ready = |line: &PendingLine| line.reports.len() >= line.tabs || line.deadline <= now;
        let count = self.0.iter().rposition(ready).map_or(0, |last| last + 1);
        self.0.drain(..count).map(PendingLine::into_line).collect()
    }

    /// Removes and returns all lines.
    pub(super) fn take_all(&mut self) -> Vec<Line> {
        self.0.drain(..).map(PendingLine::into_line).collect()
    }

    /// Returns when the oldest line is to be printed.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.0.front().map(|line| line.deadline)
    }
}

impl PendingLine {
    /// Returns the line with the reports: equal ones once, with the longest time.
    fn into_line(self) -> Line {
        let mut distinct: Vec<Report> = Vec::new();
        for report in self.reports {
            let equal = |other: &&mut Report| other.how == report.how && other.why == report.why;
            match distinct.iter_mut().find(equal) {
                Some(other) => other.took = other.took.max(report.took),
                None => distinct.push(report),
            }
        }
        let mut separator = "  ";
        distinct.into_iter().fold(self.line, |line, report| {
            let line = line.text(std::mem::replace(&mut separator, ", "));
            report.append_to(line, Style::Plain)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Line, PendingLines, REPORT_TIMEOUT, Report};

    fn report(how: &str, ms: u64) -> Report {
        let why = (how == "reload").then(|| "a.js changed".to_owned());
        Report { how: how.into(), took: Duration::from_millis(ms), why }
    }

    /// Runs steps of `(ms, step)`, where a step is `add VERSION TABS` or `VERSION HOW MS` (a
    /// report). Returns the printed lines as `(ms, line)`.
    fn run(steps: &[(u64, &str)]) -> Vec<(u64, String)> {
        let (began, mut pending, mut out) = (Instant::now(), PendingLines::default(), Vec::new());
        let last = REPORT_TIMEOUT.as_millis().try_into().unwrap_or(u64::MAX) + 1000;
        for ms in 0..last {
            let now = began + Duration::from_millis(ms);
            for (_, step) in steps.iter().filter(|(at, _)| *at == ms) {
                let words: Vec<_> = step.split(' ').collect();
                let number = |at: usize| words[at].parse::<u64>().unwrap();
                match words[..] {
                    ["add", ..] => {
                        let tabs = usize::try_from(number(2)).unwrap();
                        let line = Line::default().text(format!("v{}", number(1)));
                        pending.add(number(1), line, tabs, now);
                    }
                    _ => pending.report(number(0), report(words[1], number(2))),
                }
            }
            out.extend(pending.take_ready(now).into_iter().map(|line| (ms, line.to_string())));
        }
        assert_eq!(pending.deadline(), None);
        out
    }

    #[test]
    fn a_line_waits_for_the_reports_of_its_tabs_until_the_timeout() {
        let table: &[(&[(u64, &str)], &[(u64, &str)])] = &[
            (&[(5, "add 1 0")], &[(5, "v1")]),
            (&[(0, "add 1 1"), (7, "1 css 6")], &[(7, "v1  css 6 ms")]),
            (&[(0, "add 1 2"), (7, "1 css 6"), (9, "1 css 8")], &[(9, "v1  css 8 ms")]),
            (
                &[(0, "add 1 2"), (7, "1 css 6"), (9, "1 reload 8")],
                &[(9, "v1  css 6 ms, reload 8 ms (a.js changed)")],
            ),
            // A stuck tab reports too late.
            (&[(0, "add 1 2"), (7, "1 css 6"), (800, "1 css 799")], &[(300, "v1  css 6 ms")]),
            (&[(0, "add 1 1")], &[(300, "v1")]),
            // The second change is complete first; lines keep their order.
            (
                &[(0, "add 1 1"), (10, "add 2 1"), (20, "2 css 9"), (30, "1 css 29")],
                &[(20, "v1"), (20, "v2  css 9 ms")],
            ),
            (
                &[(0, "add 1 1"), (10, "add 2 1"), (20, "1 css 19"), (30, "2 css 19")],
                &[(20, "v1  css 19 ms"), (30, "v2  css 19 ms")],
            ),
            // A report of an unknown version.
            (&[(0, "9 css 1")], &[]),
        ];
        for (steps, wanted) in table {
            let wanted: Vec<_> =
                wanted.iter().map(|(at, line)| (*at, (*line).to_owned())).collect();
            assert_eq!(run(steps), wanted, "{steps:?}");
        }
    }

    #[test]
    fn take_all_returns_incomplete_lines() {
        let mut pending = PendingLines::default();
        pending.add(1, Line::default().text("v1"), 2, Instant::now());
        pending.report(1, report("css", 3));
        let lines: Vec<_> = pending.take_all().iter().map(Line::to_string).collect();
        assert_eq!(lines, ["v1  css 3 ms"]);
        assert_eq!(pending.deadline(), None);
    }
}
