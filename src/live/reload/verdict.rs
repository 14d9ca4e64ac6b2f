//! Decides whether the tabs run the current content of some files: a pure function of what the tabs
//! reported and of time.
//!
//! A tab is done with a file once it has acknowledged the version of its last change, or once a
//! document that was served after the change has been loaded. Errors count up to the *settle time*
//! after that. So an answer is final when the settle time is over, whenever it is asked for, until
//! the file changes again.

use std::time::{Duration, Instant};

use super::tab_record::{Ack, TabRecord, is_failure};
use crate::answer::Verdict;

/// How long a document may load without having reported that it is loaded. A page that waits for a
/// resource forever never does.
const LOAD: Duration = Duration::from_secs(5);

/// The last change of a file, as one tab sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FileView<'q> {
    pub(super) path: &'q str,
    /// The version that its last change started; `None` if it was not changed.
    pub(super) version: Option<u64>,
    /// A compile error that keeps the file from running.
    pub(super) fault: Option<FaultView>,
    /// Whether any compile error affects the tab.
    pub(super) has_any_fault: bool,
}

/// A compile error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FaultView {
    /// The version at which the file began to fail.
    pub(super) since: u64,
    /// The version at which it failed last.
    pub(super) until: u64,
}

/// A tab.
pub(super) struct TabView<'q> {
    pub(super) record: &'q TabRecord,
    /// The version at which its document was served.
    pub(super) served: u64,
    /// The versions that it has yet to be sent, or to acknowledge.
    pub(super) outstanding: &'q [u64],
}

/// What is known of a tab and a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// The tab has yet to report.
    Pending,
    /// Final unless an error is reported before this time.
    Settling(Verdict, Instant),
    Final(Verdict),
}

impl TabView<'_> {
    /// Returns what is known of this tab and a file.
    pub(super) fn progress(&self, file: &FileView<'_>, settle: Duration, now: Instant) -> Progress {
        let done = match file.version {
            Some(version) if self.served < version => self.applied(file, version, now),
            _ => self.loaded(now),
        };
        let since = file.version.unwrap_or(u64::MAX);
        let failed = |until: Option<Instant>| {
            self.record.messages().any(|recorded| {
                recorded.version >= since
                    && is_failure(&recorded.message)
                    && until.is_none_or(|until| recorded.at <= until)
            })
        };
        let is_stuck = file.fault.is_some_and(|fault| fault.since <= self.served);
        let at = match done {
            // It cannot get any further.
            Done::Not if self.has_newer_fault(file) => return self.with_fault(file, failed(None)),
            Done::Not if failed(None) && self.is_quiet(settle, now) => {
                return Progress::Final(Verdict::Failed);
            }
            Done::Not => return Progress::Pending,
            Done::At(_) if self.record.undescribed > 0 => return Progress::Pending,
            Done::At(_) if is_stuck => return Progress::Final(Verdict::Failed),
            Done::At(at) => at,
        };
        if failed(Some(at + settle)) {
            return Progress::Final(Verdict::Failed);
        }
        if file.version.is_some_and(|version| self.keeps(file, version)) {
            let verdict = if file.has_any_fault { Verdict::Kept } else { Verdict::Failed };
            return Progress::Final(verdict);
        }
        let verdict = if file.version.is_some() { Verdict::Applied } else { Verdict::Unchanged };
        if now < at + settle {
            Progress::Settling(verdict, at + settle)
        } else {
            Progress::Final(verdict)
        }
    }

    /// Returns when the tab had applied a change that is later than its document.
    fn applied(&self, file: &FileView<'_>, version: u64, now: Instant) -> Done {
        match self.record.ack(version) {
            Some(ack) if ack.is_reload() => Done::Not,
            Some(ack) => Done::At(ack.at),
            None if self.outstanding.iter().any(|outstanding| *outstanding >= version) => Done::Not,
            // It was sent together with a later change.
            None => match self.record.next_ack(version) {
                Some(ack) if ack.is_reload() => Done::Not,
                Some(ack) => Done::At(ack.at),
                // The tab began to use the file after the change.
                None if file.fault.is_none() => self.loaded(now),
                None => Done::At(self.record.joined),
            },
        }
    }

    /// Returns whether the tab failed to load the current content of a file.
    fn keeps(&self, file: &FileView<'_>, version: u64) -> bool {
        let kept = |ack: &Ack| ack.how.split('+').any(|how| how == "kept");
        self.record.keeps(file.path)
            || (self.has_newer_fault(file) && self.record.ack(version).is_some_and(kept))
    }

    /// Returns when the document had been loaded.
    fn loaded(&self, now: Instant) -> Done {
        let latest = self.record.joined + LOAD;
        match self.record.loaded {
            Some(loaded) => Done::At(loaded),
            None if now >= latest => Done::At(latest),
            None => Done::Not,
        }
    }

    /// Returns whether a file failed to compile after its last change.
    fn has_newer_fault(&self, file: &FileView<'_>) -> bool {
        let version = file.version.unwrap_or_default();
        file.fault.is_some_and(|fault| fault.until >= version)
    }

    fn with_fault(&self, file: &FileView<'_>, failed: bool) -> Progress {
        let is_stuck = file.fault.is_some_and(|fault| fault.since <= self.served);
        let verdict = if failed || is_stuck { Verdict::Failed } else { Verdict::Kept };
        Progress::Final(verdict)
    }

    /// Returns whether the last message of the tab is older than the settle time.
    fn is_quiet(&self, settle: Duration, now: Instant) -> bool {
        self.record.undescribed == 0
            && self.record.messages().all(|recorded| recorded.at + settle <= now)
    }
}

enum Done {
    Not,
    At(Instant),
}

/// Returns the worse of two verdicts.
pub(super) fn worse(one: Verdict, other: Verdict) -> Verdict {
    let rank = |verdict| match verdict {
        Verdict::Failed => 0,
        Verdict::Kept => 1,
        Verdict::Timeout => 2,
        Verdict::Applied => 3,
        Verdict::Unchanged => 4,
        Verdict::Unused => 5,
        Verdict::NoTabs => 6,
    };
    if rank(one) <= rank(other) { one } else { other }
}

/// Returns what a tab did to arrive at a version.
pub(super) fn how<'r>(record: &'r TabRecord, version: Option<u64>) -> Option<&'r Ack> {
    let version = version?;
    let arrived = record.arrived.as_ref().filter(|ack| ack.version >= version);
    record.ack(version).or_else(|| record.next_ack(version)).or(arrived)
}
