//! Keeps the open tabs, the version, and what changed at which version.
//!
//! Publishing a set of changes bumps the version and puts into the mailbox of each tab that is
//! concerned the changes that concern it. A mailbox is a set that later changes are merged into, and
//! a wake-up: a tab that is slow, stuck or asleep delays nobody and finds the sum when it looks. Each
//! lock is held for a look-up and never while anything is awaited. Who publishes also empties the
//! mailboxes that can be emptied without waiting ([`Tell`]), since waking a task on another thread
//! takes longer than all the rest.
//!
//! What a tab missed (while it was loading, while its socket was down) is found by the version that
//! it was stamped with when it was served, or that it last heard of. A version of another run of the
//! server says nothing here, so for such a tab the files are looked at: see [`Missed`].

mod handle;

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use tokio::sync::Notify;

pub(crate) use self::handle::{Handle, Missed};
use super::{
    interest::{Concerned, EVERYONE, Interest},
    log::Log,
};
use crate::{
    change::{Change, ChangeSet, Kind},
    fault::Fault,
};

#[cfg_attr(not(feature = "esm"), allow(dead_code))]
/// How many sources may be at fault; what is more is not said.
const FAULTS: usize = 100;

/// How many tabs that went away may come back, and find what was seen of them.
const GONE: usize = 64;

/// Who is told of a change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reload {
    /// The tabs that use the file; when in doubt, everyone.
    #[default]
    Used,
    /// Every tab, of every change.
    All,
}

/// The open tabs and what they are told.
#[derive(Debug)]
pub(crate) struct Hub {
    boot: String,
    reload: Reload,
    /// The version in `state`, for those who only read it.
    version: AtomicU64,
    /// See [`Hub::epoch`].
    epoch: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    version: u64,
    interest: Interest,
    log: Log,
    tabs: HashMap<u64, Tab>,
    /// The versions at which the documents were served of the tabs that went away last: to sleep, or
    /// into the browser's cache, perhaps.
    gone: VecDeque<u64>,
    next: u64,
    /// Which sources are at fault, by their URL paths.
    faults: BTreeMap<String, Fault>,
}

/// One open socket or event stream.
#[derive(Debug, Default)]
struct Tab {
    /// What it says it uses, itself included. Unknown until it said hello.
    uses: Option<HashSet<String>>,
    /// Its own path.
    page: Option<String>,
    /// The version at which its document was served; 0 if that is not known.
    served: u64,
    mailbox: ChangeSet,
    /// The faults that it was told of.
    faults: Vec<Fault>,
    /// Up to this version the mailbox was filled whatever the tab uses.
    told: u64,
    wake: Arc<Wake>,
}

/// How a tab's own end learns that there may be something in its mailbox.
#[derive(Debug, Default)]
struct Wake {
    task: Notify,
    line: OnceLock<Weak<dyn Tell>>,
}

/// A connection that can say what is in its mailbox.
pub(crate) trait Tell: std::fmt::Debug + Send + Sync {
    /// Says it now, if that takes no waiting; gives whether it was said.
    fn tell(&self) -> bool;
}

impl Wake {
    fn wake(&self) {
        if !self.line.get().and_then(Weak::upgrade).is_some_and(|line| line.tell()) {
            self.task.notify_one();
        }
    }
}

impl Hub {
    /// A hub without tabs, at version 0 of a run with an id of its own.
    pub(crate) fn new(reload: Reload) -> Arc<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        // Nanoseconds since 1970, without the years: no two runs begin in the same one.
        let boot = format!("{:x}", now.as_nanos() & 0xff_ffff_ffff_ffff);
        Arc::new(Self {
            boot,
            reload,
            version: AtomicU64::new(0),
            epoch: AtomicU64::new(0),
            state: Mutex::default(),
        })
    }

    /// Which run of the server this is.
    pub(crate) fn boot(&self) -> &str {
        &self.boot
    }

    /// How many tabs are open.
    pub(crate) fn tabs(&self) -> usize {
        self.state().tabs.len()
    }

    /// Returns the current version, without a lock.
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Returns a number that changes with each version and whenever edges are removed from the graph:
    /// what was observed since it changed is still in the graph, at the current version.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// Starts another epoch. Called before the lock of what changed is released.
    fn next_epoch(&self) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
    }

    /// Tells each tab what concerns it of these changes; gives the version, and how many were told.
    pub(crate) fn publish(&self, changes: &ChangeSet) -> (u64, usize) {
        let mut locked = self.state();
        let state = &mut *locked;
        if changes.is_empty() {
            return (state.version, 0);
        }
        state.version += 1;
        self.version.store(state.version, Ordering::Release);
        self.next_epoch();
        let interest = &state.interest;
        let concerned: Vec<_> = changes.iter().map(|(path, _)| self.who(interest, path)).collect();
        let mut told = Vec::new();
        for tab in state.tabs.values_mut() {
            let mut news = false;
            for ((path, kind), who) in changes.iter().zip(&concerned) {
                if tab.is_told(interest, who) {
                    tab.mailbox.add(Change { path: path.to_owned(), kind });
                    news = true;
                }
            }
            if news {
                told.push(Arc::clone(&tab.wake));
            }
        }
        for (path, kind) in changes.iter() {
            state.log.add(path, kind, state.version);
            if kind == Kind::Removed {
                state.interest.doubt(path);
            }
        }
        let version = state.version;
        // Not under the lock: a mailbox is emptied under it.
        drop(locked);
        for wake in &told {
            wake.wake();
        }
        self.forget(changes, version);
        (version, told.len())
    }

    /// Forgets what files used before they changed. After the tabs were told, who wait for that: what
    /// they ask for now is seen at this version, and kept.
    fn forget(&self, changes: &ChangeSet, version: u64) {
        let mut state = self.state();
        for (path, kind) in changes.iter() {
            if kind == Kind::Removed || is_swapped(path) {
                state.interest.forget(path, version);
            }
        }
        self.next_epoch();
    }

    #[cfg_attr(not(feature = "esm"), allow(dead_code))]
    /// A source is at fault, or no longer: tells the tabs that use it. Gives whether that is news.
    pub(crate) fn fault(&self, path: &str, fault: Option<Fault>) -> bool {
        let mut locked = self.state();
        let state = &mut *locked;
        let news = state.faults.get(path) != fault.as_ref();
        match fault {
            // Whoever asked may have said hello before it was known that it uses this.
            Some(_) if !news => {}
            Some(fault) if state.faults.len() < FAULTS => {
                state.faults.insert(path.to_owned(), fault);
            }
            None if news => {
                state.faults.remove(path);
            }
            Some(_) | None => return false,
        }
        let wakes: Vec<_> = state.tabs.values().map(|tab| Arc::clone(&tab.wake)).collect();
        drop(locked);
        for wake in wakes {
            wake.wake();
        }
        news
    }

    /// The sources that are at fault, as if they had changed.
    pub(crate) fn at_fault(&self) -> Vec<Change> {
        let state = self.state();
        let paths = state.faults.keys().cloned();
        paths.map(|path| Change { path, kind: Kind::Modified }).collect()
    }

    #[cfg_attr(not(feature = "esm"), allow(dead_code))]
    /// At which version one of these paths last changed, as far as that is remembered.
    pub(crate) fn last_change<'p>(&self, paths: impl Iterator<Item = &'p str>) -> Option<u64> {
        let state = self.state();
        paths.filter_map(|path| state.log.version_of(path)).max()
    }

    /// Whom a change concerns.
    fn who<'i>(&self, interest: &'i Interest, changed: &'i str) -> Who<'i> {
        // Of what is not served, nobody knows who uses it.
        if self.reload == Reload::All || !changed.starts_with('/') {
            Who::Everyone
        } else {
            Who::Users(interest.concerned(changed))
        }
    }

    /// Records what a request shows of who uses what.
    pub(crate) fn observe(&self, user: &User, used: &str) {
        let state = &mut *self.state();
        state.make_room();
        let version = state.version;
        match user {
            User::Path(user) => state.interest.add(user, used, version),
            User::Shared => state.interest.add(EVERYONE, used, version),
            User::Unsigned => state.interest.add_unsigned(used, version),
        }
    }

    /// Records that a path was answered with the listing of its folder.
    pub(crate) fn observe_listing(&self, path: &str) {
        let state = &mut *self.state();
        state.make_room();
        state.interest.add_listing(path, state.version);
    }

    /// The open pages, and how many files each says it uses, if that is known.
    pub(crate) fn pages(&self) -> Vec<(String, Option<usize>)> {
        let state = self.state();
        let tabs = state.tabs.values();
        let pages =
            tabs.filter_map(|tab| Some((tab.page.clone()?, tab.uses.as_ref().map(HashSet::len))));
        let mut pages: Vec<_> = pages.collect();
        drop(state);
        pages.sort();
        pages
    }

    /// A tab that has opened its connection. It leaves when the handle is dropped.
    pub(crate) fn join(self: &Arc<Self>) -> Handle {
        let mut state = self.state();
        let id = state.next;
        state.next += 1;
        let tab = Tab { told: state.version, ..Tab::default() };
        let wake = Arc::clone(&tab.wake);
        state.tabs.insert(id, tab);
        drop(state);
        Handle { hub: Arc::clone(self), id, wake }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Makes room in the graph, if it has grown: forgets what is older than every open document, and
    /// than those that may come back.
    fn make_room(&mut self) {
        if self.interest.has_grown() {
            let open = self.tabs.values().filter(|tab| tab.uses.is_some()).map(|tab| tab.served);
            let oldest = open.chain(self.gone.iter().copied()).min();
            self.interest.forget_before(oldest.unwrap_or(self.version));
        }
    }

    /// A tab goes.
    fn leave(&mut self, id: u64) {
        let Some(Tab { uses: Some(_), served, .. }) = self.tabs.remove(&id) else { return };
        if self.gone.len() >= GONE {
            self.gone.pop_front();
        }
        self.gone.push_back(served);
    }
}

/// Who uses a file that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum User {
    /// The page, sheet, module or worker at this path.
    Path(String),
    /// A worker that all pages share.
    Shared,
    /// Some page or worker of ours that does not say which.
    Unsigned,
}

/// Whom a change concerns.
enum Who<'i> {
    Everyone,
    Users(Concerned<'i>),
}

impl Tab {
    fn is_told(&self, interest: &Interest, who: &Who<'_>) -> bool {
        match (who, &self.uses) {
            (Who::Everyone, _) | (_, None) => true,
            (Who::Users(concerned), Some(uses)) => {
                interest.is_in_doubt(self.served) || concerned.includes(uses, self.served)
            }
        }
    }
}

/// Whether pages take this over in place, and so keep a document that has parts of the old one.
fn is_swapped(changed: &str) -> bool {
    std::path::Path::new(changed).extension().is_some_and(|extension| extension == "css")
}

#[cfg(test)]
mod tests;
