//! The state of live reload: the version, the open tabs, and which file uses which.
//!
//! Publishing a change set starts a new version, and puts into the mailbox of each affected tab the
//! changes that affect it. Then, with no lock held, the connections are asked to write.
//!
//! **Locks.** The graph with the compile errors, and the table of tabs, have a lock each; where
//! both are needed, the graph's is taken first. Requests only read atomics, and take the graph's
//! lock when they show an edge that it does not have. A fan-out holds the table's lock while it
//! fills mailboxes (a tenth of a millisecond for a thousand tabs) and no lock while sockets are
//! written, so requests never wait for it. One owner with a queue would give the same, but a
//! request would have to copy each observation into the queue, and a tab could not read its own
//! state when it says hello.
//!
//! **What a tab missed**, while it was loading or its socket was down, is found by the version that
//! its document was stamped with, or that it was last notified of. A version of another run of the
//! server means nothing here; for such a tab the files themselves are checked: see
//! [`Missed`](super::tab_handle::Missed).

mod answers;
#[cfg(test)]
mod tests;
pub(crate) mod wait;

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use tokio::sync::Notify;

use super::{
    faults::Faults,
    graph::{EVERYONE, Reach, UsageGraph},
    mailbox::{Mailbox, Update},
    tab_record::ClientInfo,
    tabs::{Tab, TabId, Tabs},
};
use crate::{
    change::{Change, ChangeSet, Kind},
    fault::Fault,
    http::media_type::is_style_sheet,
    live::stamp::Stamp,
};

/// The path of the change that reloads a tab on request. No file has this path.
const ALL: &str = "all files";

/// Which tabs are notified of a change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reload {
    /// The tabs that use the file; all tabs where that is not known.
    #[default]
    Used,
    /// Every tab, of every change.
    All,
}

/// The user of a requested path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum User {
    /// The page, style sheet, module or worker at this path.
    Path(String),
    /// A worker that all pages share.
    SharedWorker,
    /// A page or worker of this server that sends no `Referer`.
    Unknown,
}

/// The open tabs and what they are notified of.
#[derive(Debug)]
pub(crate) struct Hub {
    boot: String,
    reload: Reload,
    /// A copy of the version in `tabs`.
    version: AtomicU64,
    /// When the version began, milliseconds since the Unix epoch.
    since: AtomicU64,
    epoch: AtomicU64,
    /// How many tabs are open.
    open: AtomicUsize,
    /// How many compile errors there are.
    fault_count: AtomicUsize,
    usage: Mutex<Usage>,
    tabs: Mutex<Tabs>,
    /// Wakes those who wait for what tabs do.
    pub(super) reported: Notify,
    /// Whether changes are held back.
    paused: AtomicBool,
}

#[derive(Debug, Default)]
pub(super) struct Usage {
    pub(super) graph: UsageGraph,
    pub(super) faults: Faults,
}

impl Hub {
    /// A hub without tabs, at version 0 of a run with a new id.
    pub(crate) fn new(reload: Reload) -> Arc<Self> {
        let now = since_epoch();
        // Nanoseconds, without the most significant bits: unique among the runs of a few years.
        let boot = format!("{:x}", now.as_nanos() & 0xff_ffff_ffff_ffff);
        Arc::new(Self {
            boot,
            reload,
            version: AtomicU64::default(),
            since: AtomicU64::new(millis(now)),
            epoch: AtomicU64::default(),
            open: AtomicUsize::default(),
            fault_count: AtomicUsize::default(),
            usage: Mutex::default(),
            tabs: Mutex::default(),
            reported: Notify::new(),
            paused: AtomicBool::default(),
        })
    }

    /// Returns the id of this run of the server.
    pub(crate) fn boot(&self) -> &str {
        &self.boot
    }

    /// Returns how many tabs are open. Takes no lock.
    pub(crate) fn open_tabs(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Returns the current version. Takes no lock.
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Returns what a page is stamped with that is served from now on. Takes no lock.
    ///
    /// The time may be that of the version before: then more is reported than changed.
    pub(crate) fn stamp(&self) -> Stamp {
        let since = self.since.load(Ordering::Acquire);
        Stamp { version: self.version(), since }
    }

    /// Returns a number that changes with each version and whenever edges are removed from the
    /// graph: an edge that was observed while it had this value is in the graph, at the current
    /// version.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// Starts another epoch. Called before the lock of what was removed is released.
    pub(super) fn next_epoch(&self) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
    }

    /// Sets whether changes are held back: then no answer is final.
    pub(crate) fn set_paused(&self, paused: bool) {
        self.paused.store(paused, Ordering::Release);
        self.reported.notify_waiters();
    }

    fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Acquire)
    }

    /// Starts a version with these changes and notifies the tabs that they affect. Returns the
    /// version and how many tabs were notified.
    pub(crate) fn publish(&self, changes: &ChangeSet) -> (u64, usize) {
        if changes.is_empty() {
            return (self.version(), 0);
        }
        let mut usage = self.usage();
        // Without tabs the graph need not be searched. A tab that joins meanwhile gets every
        // change.
        let reach = |path: &str| match self.open_tabs() {
            0 => Reach::everyone(),
            _ => self.reach(&usage.graph, path),
        };
        let reaches: Vec<_> = changes.iter().map(|(path, _)| reach(path)).collect();
        let removed = changes.iter().filter(|(_, kind)| *kind == Kind::Removed);
        removed.for_each(|(path, _)| usage.graph.invalidate(path));
        let faults = (!usage.faults.is_empty()).then(|| self.faults_with_reach(&usage));
        drop(usage);

        let mut tabs = self.tabs();
        tabs.version += 1;
        let version = tabs.version;
        self.version.store(version, Ordering::Release);
        self.since.store(millis(since_epoch()), Ordering::Release);
        self.next_epoch();
        let notified = tabs.deliver(changes, &reaches);
        if let Some((faults, reaches)) = faults {
            tabs.deliver_faults(&notified, &faults, &reaches);
        }
        changes.iter().for_each(|(path, kind)| tabs.log.add(path, kind, version));
        let mailboxes = tabs.mailboxes(&notified);
        drop(tabs);

        for mailbox in &mailboxes {
            mailbox.wake();
        }
        self.reported.notify_waiters();
        if mailboxes.is_empty() {
            self.forget_faults(changes);
        }
        self.forget_uses(changes, version);
        (version, mailboxes.len())
    }

    /// Reloads the tabs of a page, or all tabs. Returns how many there are.
    pub(crate) fn reload(&self, page: Option<&str>) -> usize {
        let change = Change { path: ALL.to_owned(), kind: Kind::Modified };
        let tabs = self.tabs();
        let update = Arc::new(Update::new(tabs.version, vec![change]));
        let is_meant = |tab: &&Tab| match (&tab.page, page) {
            (Some(is), Some(page)) => **is == *page,
            (is, page) => is.is_some() && page.is_none(),
        };
        let mailboxes: Vec<_> =
            tabs.iter().filter(is_meant).map(|tab| Arc::clone(&tab.mailbox)).collect();
        for mailbox in &mailboxes {
            mailbox.add(&update);
        }
        drop(tabs);
        for mailbox in &mailboxes {
            mailbox.wake();
        }
        mailboxes.len()
    }

    /// Removes the errors of changed files that no tab requests again: the errors were in the content
    /// before.
    fn forget_faults(&self, changes: &ChangeSet) {
        if self.fault_count.load(Ordering::Acquire) == 0 {
            return;
        }
        let mut usage = self.usage();
        for (path, _) in changes.iter() {
            usage.faults.remove(path);
        }
        self.fault_count.store(usage.faults.len(), Ordering::Release);
    }

    /// Removes the edges of changed files that were seen before the change. Called after the tabs
    /// were notified, since they wait for that. What they request from now on is seen at the new
    /// version, and kept.
    fn forget_uses(&self, changes: &ChangeSet, version: u64) {
        let replaced = |(path, kind)| kind == Kind::Removed || is_style_sheet(path);
        if !changes.iter().any(replaced) {
            return;
        }
        let mut usage = self.usage();
        for (path, _) in changes.iter().filter(|change| replaced(*change)) {
            usage.graph.forget_uses(path, version);
        }
        self.next_epoch();
    }

    /// Reports a compile error to the tabs that use its source. Returns whether it is a new one.
    #[cfg_attr(not(feature = "esm"), allow(dead_code))]
    pub(crate) fn report_fault(&self, fault: Fault) -> bool {
        let mut usage = self.usage();
        let new = usage.faults.insert(fault, self.version());
        // A known error may affect more tabs by now: the request that meets it may be the first to
        // show that a tab uses the source.
        self.notify_of_faults(usage);
        new
    }

    /// Returns whether a source has a compile error.
    pub(crate) fn has_faults(&self) -> bool {
        self.fault_count.load(Ordering::Acquire) > 0
    }

    /// Withdraws the compile error of a source. Returns whether it had one.
    #[cfg_attr(not(feature = "esm"), allow(dead_code))]
    pub(crate) fn clear_fault(&self, path: &str) -> bool {
        // Called for every compiled module, and there is hardly ever an error.
        if self.fault_count.load(Ordering::Acquire) == 0 {
            return false;
        }
        let mut usage = self.usage();
        let had = usage.faults.remove(path);
        if had {
            self.notify_of_faults(usage);
        }
        had
    }

    /// Sends the current errors to the tabs that know others.
    #[cfg_attr(not(feature = "esm"), allow(dead_code))]
    fn notify_of_faults(&self, usage: MutexGuard<'_, Usage>) {
        self.fault_count.store(usage.faults.len(), Ordering::Release);
        let (faults, reaches) = self.faults_with_reach(&usage);
        let mut tabs = self.tabs();
        let all = tabs.ids();
        let mailboxes = tabs.deliver_faults(&all, &faults, &reaches);
        drop(tabs);
        drop(usage);
        for mailbox in &mailboxes {
            mailbox.wake();
        }
        self.reported.notify_waiters();
    }

    pub(super) fn faults_with_reach(&self, usage: &Usage) -> (Vec<Arc<Fault>>, Vec<Reach>) {
        let faults = usage.faults.iter();
        let reach = |path: &str| self.reach(&usage.graph, path);
        faults.map(|(path, failing)| (Arc::clone(&failing.fault), reach(path))).unzip()
    }

    /// Returns the sources that do not compile, as modified.
    #[cfg_attr(not(feature = "esm"), allow(dead_code))]
    pub(crate) fn faulty_sources(&self) -> Vec<Change> {
        let usage = self.usage();
        let paths = usage.faults.iter().map(|(path, _)| path.clone());
        paths.map(|path| Change { path, kind: Kind::Modified }).collect()
    }

    /// Returns the latest version at which one of these paths changed, as far as the log goes back.
    #[cfg_attr(not(feature = "esm"), allow(dead_code))]
    pub(crate) fn last_change<'p>(&self, paths: impl Iterator<Item = &'p str>) -> Option<u64> {
        let tabs = self.tabs();
        paths.filter_map(|path| tabs.log.last(path)).map(|(version, _)| version).max()
    }

    /// Returns which paths a change affects.
    pub(super) fn reach(&self, graph: &UsageGraph, changed: &str) -> Reach {
        // A watched file that is not served has no leading slash, and its users are not known.
        if self.reload == Reload::All || !changed.starts_with('/') {
            Reach::everyone()
        } else {
            graph.reach(changed)
        }
    }

    /// Records that a request showed a use.
    pub(crate) fn observe(&self, user: &User, used: &str) {
        let mut usage = self.usage();
        self.make_room(&mut usage.graph);
        // Read under the lock: an edge is never older than the removal of its predecessor.
        let version = self.version();
        match user {
            User::Path(user) => usage.graph.add(user, used, version),
            User::SharedWorker => usage.graph.add(EVERYONE, used, version),
            User::Unknown => usage.graph.add_unattributed(used, version),
        }
    }

    /// Records that a path was answered with the listing of its directory.
    pub(crate) fn observe_listing(&self, path: &str) {
        let mut usage = self.usage();
        self.make_room(&mut usage.graph);
        usage.graph.add_listing(path, self.version());
    }

    /// Removes stale edges if the graph has grown.
    fn make_room(&self, graph: &mut UsageGraph) {
        if graph.has_grown() {
            graph.sweep(self.tabs().oldest_served());
        }
    }

    /// Returns the paths of the open pages, and how many files each uses, if that is known.
    pub(crate) fn pages(&self) -> Vec<(String, Option<usize>)> {
        let tabs = self.tabs();
        let page =
            |tab: &Tab| Some((tab.page.as_ref()?.to_string(), tab.uses.as_ref().map(Vec::len)));
        let mut pages: Vec<_> = tabs.iter().filter_map(page).collect();
        drop(tabs);
        pages.sort();
        pages
    }

    /// Adds a tab that has opened its connection.
    pub(super) fn join(&self, client: ClientInfo) -> (TabId, Arc<Mailbox>) {
        let joined = self.tabs().join(client, Instant::now());
        self.open.fetch_add(1, Ordering::Relaxed);
        joined
    }

    /// Removes a tab.
    pub(super) fn leave(&self, id: TabId) {
        self.tabs().leave(id, Instant::now());
        self.open.fetch_sub(1, Ordering::Relaxed);
        self.reported.notify_waiters();
    }

    pub(super) fn usage(&self) -> MutexGuard<'_, Usage> {
        self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tabs(&self) -> MutexGuard<'_, Tabs> {
        self.tabs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or_default()
}
