//! Decides whether the tabs run the current content of some files: a pure function of what the tabs
//! reported and of time.
//!
//! A tab is done with a file once it has acknowledged the version of its last change, or once a
//! document that was served after the change has been loaded. Errors count up to the *settle time*
//! after that. So an answer is final when the settle time is over, whenever it is asked for, until
//! the file changes again.

use std::time::{Duration, Instant};

use super::tab_record::{Ack, Recorded, TabRecord, is_failure};
use crate::{
    answer::Verdict,
    page_message::{MessageKind, PageMessage},
};

/// How long a document may load without having reported that it is loaded. A page that waits for a
/// resource forever never does.
const LOAD: Duration = Duration::from_secs(5);

/// The last change of a file, as one tab sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FileView<'q> {
    pub(super) path: &'q str,
    /// The version that its last change started; `None` if it was not changed.
    pub(super) version: Option<u64>,
    /// Whether it was removed. That it fails to load is then what was wanted.
    pub(super) is_removed: bool,
    /// A compile error that keeps the file from running.
    pub(super) fault: Option<FaultView>,
    /// The version at which the first file began to fail whose compile error affects the tab.
    pub(super) failing_since: Option<u64>,
}

impl FileView<'_> {
    /// Returns whether the file failed to compile after its last change.
    fn failed_since_change(&self) -> bool {
        self.fault.is_some_and(|fault| fault.until >= self.version.unwrap_or_default())
    }
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
        // Of a file that did not change, only what happened in it counts.
        let counts = |recorded: &Recorded| match file.version {
            Some(version) => recorded.version >= version,
            None => is_in(&recorded.message, file.path),
        };
        let failed = |until: Option<Instant>| {
            self.record.errors().any(|recorded| {
                counts(recorded)
                    && is_failure(&recorded.message)
                    && !(file.is_removed && is_load_of(&recorded.message, file.path))
                    && until.is_none_or(|until| recorded.at <= until)
            })
        };
        // A document that was served after the change failed to load something else, too.
        let is_new = file.version.is_some_and(|version| version <= self.served);
        let failing = if is_new { file.failing_since } else { file.fault.map(|fault| fault.since) };
        let is_stuck = failing.is_some_and(|since| since <= self.served);
        let at = match done {
            // It cannot get any further.
            Done::Not if file.failed_since_change() => return self.with_fault(file, failed(None)),
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
            // The code that imported a removed file keeps running, too.
            let is_known = file.failing_since.is_some() || file.is_removed;
            let verdict = if is_known { Verdict::Kept } else { Verdict::Failed };
            // Unless the error is in the file, or in one that it has to do with, the file may have
            // thrown, which is reported next.
            return if file.fault.is_some() || at + settle <= now {
                Progress::Final(verdict)
            } else {
                Progress::Settling(verdict, at + settle)
            };
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
        // A page that reconnects does not repeat what it acknowledged.
        let ack = self.record.ack(version).or_else(|| self.record.next_ack(version));
        let is_old = self.served < version && file.failed_since_change();
        self.record.keeps(file.path) || (is_old && ack.is_none_or(kept))
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

    fn with_fault(&self, file: &FileView<'_>, failed: bool) -> Progress {
        let is_stuck = file.fault.is_some_and(|fault| fault.since <= self.served);
        let verdict = if failed || is_stuck { Verdict::Failed } else { Verdict::Kept };
        Progress::Final(verdict)
    }

    /// Returns whether the last message of the tab is older than the settle time.
    fn is_quiet(&self, settle: Duration, now: Instant) -> bool {
        self.record.undescribed == 0
            && self.record.errors().all(|recorded| recorded.at + settle <= now)
    }
}

fn is_in(message: &PageMessage, path: &str) -> bool {
    message.path.as_deref() == Some(path)
        || message.stack.iter().any(|frame| frame.path.as_deref() == Some(path))
}

fn is_load_of(message: &PageMessage, path: &str) -> bool {
    message.kind == MessageKind::Load && message.path.as_deref() == Some(path)
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
pub(super) fn how(record: &TabRecord, version: Option<u64>) -> Option<&Ack> {
    let version = version?;
    let arrived = record.arrived.as_ref().filter(|ack| ack.version >= version);
    record.ack(version).or_else(|| record.next_ack(version)).or(arrived)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{FaultView, FileView, Progress, TabView};
    use crate::{
        answer::Verdict,
        live::reload::tab_record::{Ack, ClientInfo, Recorded, TabRecord},
        page_message::{MessageKind, PageMessage},
    };

    const SETTLE: Duration = Duration::from_millis(300);

    /// A tab whose document was served at version 5, and a file that changed at version 7.
    struct Case {
        start: Instant,
        record: TabRecord,
        served: u64,
        outstanding: Vec<u64>,
        file: FileView<'static>,
    }

    impl Case {
        fn new() -> Self {
            let start = Instant::now();
            let mut record = TabRecord::new(ClientInfo::default(), start);
            record.loaded = Some(start);
            let file = FileView { path: "/a.js", version: Some(7), ..FileView::default() };
            Self { start, record, served: 5, outstanding: Vec::new(), file }
        }

        fn at(&self, ms: u64) -> Instant {
            self.start + Duration::from_millis(ms)
        }

        fn ack(mut self, version: u64, how: &str, kept: &[&str], ms: u64) -> Self {
            let kept = kept.iter().map(|path| (*path).to_owned()).collect();
            let at = self.at(ms);
            self.record.acknowledge(Ack { version, how: how.into(), ms: 1, why: None, kept, at });
            self
        }

        fn message(mut self, kind: MessageKind, version: u64, ms: u64) -> Self {
            let (message, at) = (PageMessage { kind, ..PageMessage::default() }, self.at(ms));
            self.record.add(Recorded { message, version, at }, false);
            self
        }

        fn outstanding(mut self, versions: &[u64]) -> Self {
            self.outstanding = versions.to_vec();
            self
        }

        fn fault(mut self, since: u64, until: u64) -> Self {
            self.file.fault = Some(FaultView { since, until });
            self.file.failing_since = Some(since);
            self
        }

        fn unchanged(mut self) -> Self {
            self.file.version = None;
            self
        }

        fn served(mut self, version: u64, loaded: Option<u64>) -> Self {
            self.served = version;
            self.record.loaded = loaded.map(|ms| self.at(ms));
            self
        }

        fn progress(&self, ms: u64) -> Progress {
            let Self { record, served, outstanding, file, .. } = self;
            TabView { record, served: *served, outstanding }.progress(file, SETTLE, self.at(ms))
        }
    }

    #[test]
    fn a_tab_is_done_after_its_report_and_the_settle_time() {
        use Progress::{Final, Pending, Settling};
        use Verdict::{Applied, Failed, Kept, Unchanged};
        let new = Case::new;
        let settled = |case: &Case, ms: u64| Settling(Applied, case.at(ms + 300));

        // Nothing has arrived yet.
        assert_eq!(new().outstanding(&[7]).progress(1000), Pending);
        // Acknowledged, also when asked much later, and with a later change under way.
        let applied = new().ack(7, "hot", &[], 100).outstanding(&[9]);
        assert_eq!(applied.progress(150), settled(&applied, 100));
        assert_eq!(applied.progress(400), Final(Applied));
        // Sent together with a later change.
        assert_eq!(new().ack(8, "css", &[], 100).progress(400), Final(Applied));
        assert_eq!(new().outstanding(&[8]).progress(400), Pending);
        // About to reload, and reloaded.
        assert_eq!(new().ack(7, "reload", &[], 100).progress(400), Pending);
        assert_eq!(new().served(7, None).progress(400), Pending);
        let reloaded = new().served(7, Some(100));
        assert_eq!(reloaded.progress(350), settled(&reloaded, 100));
        assert_eq!(reloaded.progress(400), Final(Applied));
        // A page that waits for a resource forever counts as loaded after five seconds.
        assert_eq!(new().served(7, None).progress(4999), Pending);
        assert_eq!(new().served(7, None).progress(5300), Final(Applied));
        // The tab began to use the file after the change.
        assert_eq!(new().progress(400), Final(Applied));
        assert_eq!(new().unchanged().progress(400), Final(Unchanged));

        // It threw, before or shortly after its report; before the change or long after does not count.
        let acked = || new().ack(7, "hot", &[], 100);
        let exception = MessageKind::Exception;
        assert_eq!(acked().message(exception, 7, 90).progress(400), Final(Failed));
        assert_eq!(acked().message(exception, 7, 399).progress(400), Final(Failed));
        assert_eq!(acked().message(exception, 7, 399).progress(9000), Final(Failed));
        assert_eq!(acked().message(exception, 6, 90).progress(400), Final(Applied));
        assert_eq!(acked().message(exception, 7, 401).progress(500), Final(Applied));
        assert_eq!(acked().message(MessageKind::Console, 7, 90).progress(400), Final(Applied));
        assert_eq!(acked().message(MessageKind::Csp, 7, 90).progress(400), Final(Applied));
        // It threw and never reports.
        let thrown = || new().outstanding(&[7]).message(exception, 7, 90);
        assert_eq!(thrown().progress(389), Pending);
        assert_eq!(thrown().progress(390), Final(Failed));

        // A compile error keeps the old code, unless the document was served with it.
        let kept = || new().ack(7, "kept", &["/a.js"], 100);
        assert_eq!(kept().fault(7, 7).progress(100), Final(Kept));
        assert_eq!(kept().fault(3, 7).progress(100), Final(Failed));
        assert_eq!(kept().message(exception, 7, 90).progress(100), Final(Failed));
        assert_eq!(kept().progress(400), Final(Failed), "it failed to load for another reason");
        // A file that the document was served with runs, whatever fails since.
        let served = new().served(7, Some(0)).fault(9, 9).ack(9, "kept", &["/b.js"], 100);
        assert_eq!(served.progress(400), Final(Applied));
        // Acknowledged on another connection.
        assert_eq!(new().fault(7, 7).progress(400), Final(Kept));
        // Another file is kept, and this one runs.
        let other = || new().ack(7, "kept", &["/b.js"], 100);
        assert_eq!(other().progress(400), Final(Applied));
        // What was kept runs once a later update has loaded it.
        assert_eq!(kept().ack(8, "hot", &[], 200).progress(500), Final(Applied));
        assert_eq!(kept().fault(7, 7).ack(8, "css", &["/a.js"], 200).progress(500), Final(Kept));
        // A sheet that does not compile is never acknowledged. An older error does not count.
        assert_eq!(new().outstanding(&[7]).fault(7, 7).progress(10), Final(Kept));
        assert_eq!(new().outstanding(&[7]).fault(6, 6).progress(10), Pending);
        // It threw in a file that did not change.
        let threw_in = |path: &str| {
            let mut case = new().message(exception, 5, 90).unchanged();
            let message = PageMessage { path: Some(path.into()), ..PageMessage::default() };
            let (message, at) = (PageMessage { kind: exception, ..message }, case.at(90));
            case.record.add(Recorded { message, version: 5, at }, false);
            case.progress(400)
        };
        assert_eq!(threw_in("/a.js"), Final(Failed));
        assert_eq!(threw_in("/b.js"), Final(Unchanged));
        // A document that was served after the change fails to load another file.
        let mut reloaded = new().served(7, Some(100));
        reloaded.file.failing_since = Some(4);
        assert_eq!(reloaded.progress(100), Final(Failed));
        // A blank page.
        assert_eq!(new().unchanged().fault(4, 4).progress(10), Final(Failed));
    }
}
