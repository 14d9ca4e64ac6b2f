//! Answers whether the tabs run the current content of some files. Decided by [`verdict`].

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use tokio::time::sleep_until;

use super::{Hub, Usage};
use crate::{
    answer::{TabOutcome, Verdict, WaitAnswer},
    change::{Change, Kind},
    http::media_type::{is_style_sheet, names_page},
    live::reload::{
        faults::Failing,
        graph::Reach,
        tab_record::Recorded,
        tabs::{Tab, Tabs},
        verdict::{self, FaultView, FileView, Progress, TabView, worse},
    },
};

/// How long a connection may take to say which page it is of.
const HELLO: Duration = Duration::from_secs(1);

/// How often it is looked for what only time decides while a tab has yet to report.
const LOOK: Duration = Duration::from_millis(50);

/// A question about files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    /// Their URL paths; the files that changed last if it is empty.
    pub(crate) paths: Vec<String>,
    /// Only changes after this version count.
    pub(crate) since: Option<u64>,
    /// How long errors may follow a change.
    pub(crate) settle: Duration,
}

/// What is known at a time.
struct Reply {
    answer: WaitAnswer,
    is_final: bool,
    /// When it may become final without a report.
    next: Option<Instant>,
}

/// A file that a question is about.
struct File {
    path: String,
    change: Option<(u64, Kind)>,
    reach: Reach,
    faults: Vec<usize>,
}

/// A compile error and what it affects.
struct Affecting<'u> {
    error: &'u Failing,
    reach: Reach,
}

/// What the tabs together amount to.
#[derive(Default)]
struct Tally {
    /// The worst verdict so far.
    worst: Option<Verdict>,
    /// Something is still to come.
    is_pending: bool,
    /// A verdict that nothing which is still to come makes better.
    is_bad: bool,
    /// When to look again, unless something is reported before.
    next: Option<Instant>,
}

impl Tally {
    fn wait_until(&mut self, time: Instant) {
        self.is_pending = true;
        self.next = Some(self.next.map_or(time, |next| next.min(time)));
    }

    /// Adds what is known of a tab and a file, and returns the verdict so far.
    fn add(&mut self, progress: Progress, now: Instant) -> Verdict {
        let verdict = match progress {
            Progress::Final(verdict) => {
                self.is_bad |= matches!(verdict, Verdict::Failed | Verdict::Kept);
                verdict
            }
            Progress::Settling(verdict, until) => {
                self.wait_until(until);
                verdict
            }
            Progress::Pending => {
                self.wait_until(now + LOOK);
                Verdict::Timeout
            }
        };
        self.worst = Some(self.worst.map_or(verdict, |worst| worse(worst, verdict)));
        verdict
    }

    /// Returns the verdict if nothing else comes. `no_user` is that of files that no tab uses.
    fn verdict(&self, no_user: Verdict) -> Verdict {
        match self.worst {
            Some(worst @ (Verdict::Failed | Verdict::Kept)) => worst,
            _ if self.is_pending => Verdict::Timeout,
            worst => worst.unwrap_or(no_user),
        }
    }
}

impl Hub {
    /// Waits until every tab that uses the files runs their current content, or cannot.
    pub(crate) async fn wait(&self, question: &Question, timeout: Duration) -> WaitAnswer {
        let deadline = Instant::now() + timeout;
        loop {
            let reported = self.reported.notified();
            tokio::pin!(reported);
            // Registers before the look, so that a report between the two is not missed.
            reported.as_mut().enable();
            let now = Instant::now();
            let Reply { answer, is_final, next } = self.reply(question, now);
            if is_final || now >= deadline {
                return answer;
            }
            let next = next.map_or(deadline, |next| next.min(deadline));
            tokio::select! {
                () = reported => {}
                () = sleep_until(next.into()) => {}
            }
        }
    }

    /// Returns whether a path is known: it changed, or a tab uses it or asked for it.
    pub(crate) fn knows(&self, path: &str) -> bool {
        let usage = self.usage();
        let is_used = usage.graph.knows(path);
        let tabs = self.tabs();
        is_used || tabs.log.last(path).is_some() || tabs.uses(path)
    }

    fn reply(&self, question: &Question, now: Instant) -> Reply {
        let usage = self.usage();
        let mut tabs = self.tabs();
        let expected = tabs.expected_until(now);
        let tabs = &*tabs;
        let failing = self.failing(&usage);
        let files = self.files(question, &usage, tabs, &failing);

        let is_pending = expected.is_some() || self.is_paused();
        let mut tally = Tally { is_pending, next: expected, ..Tally::default() };
        let mut outcomes = Vec::new();
        let mut faults = BTreeSet::new();
        for tab in tabs.iter() {
            let Some(page) = &tab.page else {
                let until = tab.record.joined + HELLO;
                if tab.record.client.reports && now < until {
                    tally.wait_until(until);
                }
                continue;
            };
            let used: Vec<_> = files.iter().filter(|file| is_used(tab, file)).collect();
            if used.is_empty() {
                continue;
            }
            let mut of_tab = Verdict::Unchanged;
            for file in &used {
                let progress = progress(tab, file, &failing, question.settle, now);
                of_tab = worse(of_tab, tally.add(progress, now));
                faults.extend(&file.faults);
            }
            if matches!(of_tab, Verdict::Kept | Verdict::Failed) {
                let affecting = |at: &usize| tab.is_affected(&failing[*at].reach);
                faults.extend((0..failing.len()).filter(affecting));
            }
            let version = used.iter().filter_map(|file| file.change).map(|(version, _)| version);
            outcomes.push(outcome(tab, page, version.max()));
        }
        outcomes.sort_by(|one, other| one.page.cmp(&other.page));
        if outcomes.is_empty() {
            if tabs.has_pages() {
                faults.extend(files.iter().flat_map(|file| &file.faults));
            } else {
                faults.extend(0..failing.len());
            }
        }
        let no_user = if tabs.has_pages() { Verdict::Unused } else { Verdict::NoTabs };
        let changes = files.iter().filter_map(|File { path, change, .. }| {
            change.map(|(_, kind)| Change { path: path.clone(), kind })
        });
        let answer = WaitAnswer {
            verdict: tally.verdict(no_user),
            version: tabs.version,
            changes: changes.collect(),
            tabs: outcomes,
            faults: faults.iter().map(|at| (*failing[*at].error.fault).clone()).collect(),
        };
        // A tab that is expected back may still be listed.
        let is_final = !tally.is_pending || (tally.is_bad && expected.is_none());
        Reply { answer, is_final, next: tally.next }
    }

    fn failing<'u>(&self, usage: &'u Usage) -> Vec<Affecting<'u>> {
        let reach = |path: &str| self.reach(&usage.graph, path);
        let faults = usage.faults.iter();
        faults.map(|(path, error)| Affecting { error, reach: reach(path) }).collect()
    }

    /// Returns the files that a question is about.
    fn files(
        &self,
        question: &Question,
        usage: &Usage,
        tabs: &Tabs,
        failing: &[Affecting<'_>],
    ) -> Vec<File> {
        let since = question.since.unwrap_or_default();
        let paths = if question.paths.is_empty() {
            let after = question.since.unwrap_or(tabs.version.saturating_sub(1));
            tabs.log.between(after, tabs.version).map(|(path, _)| path.to_owned()).collect()
        } else {
            question.paths.clone()
        };
        let file = |path: String| {
            let change = tabs.log.last(&path).filter(|(version, _)| *version > since);
            let reach = self.reach(&usage.graph, &path);
            let concerns = |at: &usize| concerns(&failing[*at], &path, &reach);
            let faults = (0..failing.len()).filter(concerns).collect();
            File { path, change, reach, faults }
        };
        let mut files: Vec<_> = paths.into_iter().map(file).collect();
        if files.is_empty() {
            // Nothing has changed at all. Then the question is about all tabs.
            let faults = (0..failing.len()).collect();
            files.push(File {
                path: String::new(),
                change: None,
                reach: Reach::everyone(),
                faults,
            });
        }
        files
    }
}

/// Returns whether a compile error keeps a file from running: it is in the file, in something that
/// the file uses, or in a module that uses the file. A style sheet does not need the modules that
/// import it, nor does a page.
fn concerns(failing: &Affecting<'_>, path: &str, reach: &Reach) -> bool {
    let reaches = |reach: &Reach, path: &str| {
        !reach.is_everyone() && reach.paths().any(|(affected, _)| affected == path)
    };
    failing.error.fault.path == path
        || (!names_page(path)
            && (reaches(&failing.reach, path)
                || (!is_style_sheet(path) && reaches(reach, &failing.error.fault.path))))
}

/// Returns whether a tab uses a file, or was notified of its last change: it may not use the file any
/// more, because it was removed, or because the page fails before it requests the file.
fn is_used(tab: &Tab, file: &File) -> bool {
    tab.is_affected(&file.reach)
        || file.change.is_some_and(|(version, _)| tab.was_notified(&file.path, version))
}

fn progress(
    tab: &Tab,
    file: &File,
    failing: &[Affecting<'_>],
    settle: Duration,
    now: Instant,
) -> Progress {
    let affecting = |at: &&usize| tab.is_affected(&failing[**at].reach);
    let faults = file.faults.iter().filter(affecting).map(|at| failing[*at].error);
    let views = faults.map(|error| FaultView { since: error.since, until: error.until });
    let fault = views.reduce(|one, other| FaultView {
        since: one.since.min(other.since),
        until: one.until.max(other.until),
    });
    let affecting_all = failing.iter().filter(|failing| tab.is_affected(&failing.reach));
    let view = FileView {
        path: &file.path,
        version: file.change.map(|(version, _)| version),
        is_removed: matches!(file.change, Some((_, Kind::Removed))),
        fault,
        failing_since: affecting_all.map(|failing| failing.error.since).min(),
    };
    let outstanding = tab.mailbox.outstanding();
    let tab = TabView { record: &tab.record, served: tab.served, outstanding: &outstanding };
    tab.progress(&view, settle, now)
}

fn outcome(tab: &Tab, page: &str, version: Option<u64>) -> TabOutcome {
    let ack = verdict::how(&tab.record, version);
    let is_meant = |recorded: &&Recorded| version.is_none_or(|since| recorded.version >= since);
    let errors = tab.record.errors().filter(is_meant);
    TabOutcome {
        page: page.to_owned(),
        browser: tab.record.client.browser.clone(),
        how: ack.map(|ack| ack.how.clone()),
        ms: ack.map(|ack| ack.ms),
        why: ack.and_then(|ack| ack.why.clone()),
        errors: errors.map(|recorded| recorded.message.clone()).collect(),
    }
}
