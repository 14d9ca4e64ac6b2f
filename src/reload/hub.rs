//! Keeps the open tabs, the version, and what changed at which version.
//!
//! Publishing a set of changes bumps the version and puts into the mailbox of each tab that is
//! concerned the changes that concern it. A mailbox is a set that later changes are merged into, and
//! a wake-up: a tab that is slow, stuck or asleep delays nobody and finds the sum when it looks. Each
//! lock is held for a look-up and never while anything is awaited.
//!
//! What a tab missed (while it was loading, while its socket was down) is found by the version that
//! it was stamped with when it was served, or that it last heard of. A version of another run of the
//! server says nothing here, so for such a tab the files are looked at: see [`Missed`].

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::sync::Notify;

use super::{interest::Interest, message::Hello};
use crate::{
    change::{Change, ChangeSet, Kind},
    url_path::UrlPath,
};

/// How many changed paths are remembered; a tab that missed an older one is told to start afresh.
const LOG: usize = 10_000;

/// How many files a tab may name; one that names more is told of everything.
const USES: usize = 10_000;

/// The open tabs and what they are told.
#[derive(Debug)]
pub(crate) struct Hub {
    boot: String,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    version: u64,
    interest: Interest,
    log: Log,
    tabs: HashMap<u64, Tab>,
    next: u64,
}

/// One open socket or event stream.
#[derive(Debug, Default)]
struct Tab {
    /// Unknown until it said hello.
    uses: Option<HashSet<String>>,
    mailbox: ChangeSet,
    /// Up to this version the mailbox was filled whatever the tab uses.
    told: u64,
    wake: Arc<Notify>,
}

/// What a tab missed before it said hello.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Missed {
    /// Nothing, or it is in the mailbox already.
    Known,
    /// What it knows is of another run of the server: whichever of these paths changed on the disk
    /// since that time.
    Since(Vec<String>, SystemTime),
}

impl Hub {
    /// A hub without tabs, at version 0 of a run with an id of its own.
    pub(crate) fn new() -> Arc<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        // Nanoseconds since 1970, without the years: no two runs begin in the same one.
        let boot = format!("{:x}", now.as_nanos() & 0xff_ffff_ffff_ffff);
        Arc::new(Self { boot, state: Mutex::default() })
    }

    /// Which run of the server this is.
    pub(crate) fn boot(&self) -> &str {
        &self.boot
    }

    /// How many tabs are open.
    pub(crate) fn tabs(&self) -> usize {
        self.state().tabs.len()
    }

    /// The version that is current.
    pub(crate) fn version(&self) -> u64 {
        self.state().version
    }

    /// Tells each tab what concerns it of these changes; gives the version, and how many were told.
    pub(crate) fn publish(&self, changes: &ChangeSet) -> (u64, usize) {
        let state = &mut *self.state();
        if changes.is_empty() {
            return (state.version, 0);
        }
        state.version += 1;
        let mut told = HashSet::new();
        for change in changes.iter() {
            state.log.add(&change, state.version);
            let concerned = state.interest.concerned(&change.path);
            let everyone = concerns_everyone(&state.interest, &change.path);
            for (id, tab) in &mut state.tabs {
                if everyone || tab.is_concerned(&concerned) {
                    tab.mailbox.add(change.clone());
                    told.insert(*id);
                }
            }
        }
        for id in &told {
            if let Some(tab) = state.tabs.get(id) {
                tab.wake.notify_one();
            }
        }
        (state.version, told.len())
    }

    /// Records what a request shows of who uses what.
    pub(crate) fn observe(&self, user: &str, used: &str) {
        self.state().interest.add(user, used);
    }

    /// Records that a path was answered with the listing of its folder.
    pub(crate) fn observe_listing(&self, path: &str) {
        self.state().interest.add_listing(path);
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

impl Tab {
    fn is_told(&self, interest: &Interest, changed: &str) -> bool {
        concerns_everyone(interest, changed) || self.is_concerned(&interest.concerned(changed))
    }

    fn is_concerned(&self, concerned: &HashSet<String>) -> bool {
        self.uses.as_ref().is_none_or(|uses| !uses.is_disjoint(concerned))
    }
}

/// A tab's own end of the hub.
#[derive(Debug)]
pub(crate) struct Handle {
    hub: Arc<Hub>,
    id: u64,
    wake: Arc<Notify>,
}

impl Handle {
    /// Waits until there may be something in the mailbox. Cancel safe: a wake-up is kept.
    pub(crate) async fn changed(&self) {
        self.wake.notified().await;
    }

    /// Empties the mailbox: the current version and the changes, if there are any.
    pub(crate) fn take(&self) -> Option<(u64, Vec<Change>)> {
        let state = &mut *self.hub.state();
        let tab = state.tabs.get_mut(&self.id)?;
        let changes = std::mem::take(&mut tab.mailbox);
        (!changes.is_empty()).then(|| (state.version, changes.into_iter().collect()))
    }

    /// Takes in who the tab is. What it missed goes into its mailbox, as far as that is known.
    pub(crate) fn hello(&self, hello: &Hello, now: SystemTime) -> Missed {
        let page = spelled(&hello.page);
        // A page that does not say what it uses, or too much, is told everything.
        let said = hello.uses.as_ref().filter(|uses| page.is_some() && uses.len() <= USES);
        let uses: Option<HashSet<_>> = said.map(|uses| {
            page.iter().cloned().chain(uses.iter().filter_map(|path| spelled(path))).collect()
        });
        let state = &mut *self.hub.state();
        let Some(tab) = state.tabs.get_mut(&self.id) else { return Missed::Known };
        tab.uses.clone_from(&uses);
        let (interest, told) = (&state.interest, tab.told);
        // What waits for it was put there before anybody knew what it uses.
        let waiting = std::mem::take(&mut tab.mailbox).into_iter();
        tab.mailbox = waiting.filter(|change| tab.is_told(interest, &change.path)).collect();
        let (Some(boot), Some(version)) = (&hello.boot, hello.version) else {
            return Missed::Known;
        };
        let page = page.unwrap_or_else(|| "/".to_owned());
        if *boot != self.hub.boot {
            if let (Some(uses), Some(age)) = (uses, hello.age) {
                let since = now.checked_sub(Duration::from_millis(age)).unwrap_or(UNIX_EPOCH);
                return Missed::Since(uses.into_iter().collect(), since);
            }
            // It was kept by the browser since another run: nothing is known of its files.
            tab.mailbox.add(Change { path: page, kind: Kind::Modified });
        } else if version < state.log.forgotten {
            tab.mailbox.add(Change { path: page, kind: Kind::Modified });
        } else {
            // While it had not said hello, the tab was told everything.
            for change in state.log.since(version).filter(|change| change.version <= told) {
                if tab.is_told(interest, change.path) {
                    tab.mailbox.add(Change { path: change.path.to_owned(), kind: change.kind });
                }
            }
        }
        if !tab.mailbox.is_empty() {
            tab.wake.notify_one();
        }
        Missed::Known
    }

    /// Takes in that the tab uses more files.
    pub(crate) fn uses(&self, add: &[String]) {
        let state = &mut *self.hub.state();
        let Some(tab) = state.tabs.get_mut(&self.id) else { return };
        if let Some(uses) = &mut tab.uses {
            uses.extend(add.iter().filter_map(|path| spelled(path)));
            if uses.len() > USES {
                tab.uses = None;
            }
        }
    }

    /// Puts changes into this tab's mailbox that it missed.
    pub(crate) fn tell(&self, changes: ChangeSet) {
        if let Some(tab) = self.hub.state().tabs.get_mut(&self.id) {
            tab.mailbox.merge(changes);
            tab.wake.notify_one();
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.hub.state().tabs.remove(&self.id);
    }
}

/// Whether nobody can be left out: of what is not served, nobody knows who uses it.
fn concerns_everyone(interest: &Interest, changed: &str) -> bool {
    !changed.starts_with('/') || !interest.is_whole()
}

/// At which version each path last changed.
#[derive(Debug, Default)]
struct Log {
    last: BTreeMap<String, (u64, Kind)>,
    /// Changes up to and including this version may be missing here.
    forgotten: u64,
}

struct Logged<'a> {
    path: &'a str,
    kind: Kind,
    version: u64,
}

impl Log {
    fn add(&mut self, change: &Change, version: u64) {
        self.last.insert(change.path.clone(), (version, change.kind));
        if self.last.len() > LOG {
            let middle = version - (version - self.forgotten) / 2;
            self.last.retain(|_, (version, _)| *version > middle);
            self.forgotten = middle;
        }
    }

    fn since(&self, since: u64) -> impl Iterator<Item = Logged<'_>> {
        self.last
            .iter()
            .map(|(path, (version, kind))| Logged { path, kind: *kind, version: *version })
            .filter(move |logged| logged.version > since)
    }
}

/// A path that a page reported, as the server spells it.
fn spelled(path: &str) -> Option<String> {
    UrlPath::parse(path).ok().map(|path| path.to_string())
}

#[cfg(test)]
mod tests {
    use std::{
        sync::Arc,
        time::{Duration, SystemTime},
    };

    use super::{Handle, Hub, LOG, Missed};
    use crate::{
        change::{Change, ChangeSet, Kind::*},
        reload::message::Hello,
    };

    fn publish(hub: &Hub, paths: &[&str]) -> usize {
        let changes = paths.iter().map(|path| Change { path: (*path).into(), kind: Modified });
        hub.publish(&changes.collect()).1
    }

    fn paths(tab: &Handle) -> Vec<String> {
        let taken = tab.take().map(|(_, changes)| changes).unwrap_or_default();
        taken.into_iter().map(|change| change.path).collect()
    }

    fn hello(hub: &Hub, page: &str, uses: &[&str], version: u64) -> Hello {
        Hello {
            page: page.into(),
            uses: Some(uses.iter().map(|path| (*path).into()).collect()),
            boot: Some(hub.boot().into()),
            version: Some(version),
            age: None,
        }
    }

    fn tab(hub: &Arc<Hub>, page: &str, uses: &[&str]) -> Handle {
        let tab = hub.join();
        let missed = tab.hello(&hello(hub, page, uses, hub.version()), SystemTime::now());
        assert_eq!(missed, Missed::Known);
        tab
    }

    #[test]
    fn a_tab_is_told_what_it_uses_and_no_more() {
        let hub = Hub::new();
        let one = tab(&hub, "/one.html", &["/css/app.css"]);
        let two = tab(&hub, "/two.html", &["/css/app.css", "/a%20b.png"]);
        hub.observe("/css/app.css", "/css/base.css");

        assert_eq!(publish(&hub, &["/css/base.css"]), 2);
        assert_eq!(
            (paths(&one), paths(&two)),
            (vec!["/css/base.css".into()], vec!["/css/base.css".into()])
        );
        assert_eq!(publish(&hub, &["/one.html", "/css/app.css", "/nobody.js"]), 2);
        assert_eq!(paths(&one), ["/css/app.css", "/one.html"]);
        assert_eq!(paths(&two), ["/css/app.css"]);
        assert_eq!(publish(&hub, &["/a%20b.png"]), 1);
        assert_eq!(publish(&hub, &["/nobody.js"]), 0);
        assert_eq!(publish(&hub, &[]), 0);
        assert_eq!(publish(&hub, &["templates/a.html"]), 2, "who uses it is not known");
        assert_eq!(hub.version(), 5);
    }

    #[test]
    fn a_tab_that_has_not_said_who_it_is_is_told_everything() {
        let hub = Hub::new();
        let tool = hub.join();
        assert_eq!(publish(&hub, &["/a"]), 1);
        assert_eq!(publish(&hub, &["/b", "/a"]), 1);
        assert_eq!(tool.take().map(|(version, changes)| (version, changes.len())), Some((2, 2)));
        assert_eq!(tool.take(), None);
        tool.hello(&Hello { uses: None, ..hello(&hub, "/", &[], 2) }, SystemTime::now());
        assert_eq!(publish(&hub, &["/c"]), 1, "it uses too much to say");
        drop(tool);
        assert_eq!((hub.tabs(), publish(&hub, &["/a"])), (0, 0));
    }

    #[test]
    fn what_was_missed_is_told_once() {
        let hub = Hub::new();
        publish(&hub, &["/a.css", "/x"]); // 1
        publish(&hub, &["/b.css"]); // 2
        publish(&hub, &["/x"]); // 3
        for (version, wanted) in
            [(0, vec!["/a.css", "/b.css"]), (1, vec!["/b.css"]), (2, vec![]), (9, vec![])]
        {
            let tab = hub.join();
            tab.hello(&hello(&hub, "/", &["/a.css", "/b.css"], version), SystemTime::now());
            assert_eq!(paths(&tab), wanted, "from {version}");
        }
        // What came after it joined, it was told at once: hello brings it no second time.
        let tab = hub.join();
        publish(&hub, &["/a.css"]); // 4
        assert_eq!(paths(&tab), ["/a.css"]);
        tab.hello(&hello(&hub, "/", &["/a.css"], 3), SystemTime::now());
        assert_eq!(paths(&tab), Vec::<String>::new());
        // What still waited then is told if it is used.
        let tab = hub.join();
        publish(&hub, &["/a.css", "/x", "templates/a.html"]); // 5
        tab.hello(&hello(&hub, "/", &["/a.css"], 4), SystemTime::now());
        assert_eq!(paths(&tab), ["/a.css", "templates/a.html"]);
        // What nobody can be left out of is told to those who missed it, too.
        let tab = hub.join();
        tab.hello(&hello(&hub, "/", &[], 4), SystemTime::now());
        assert_eq!(paths(&tab), ["templates/a.html"]);
    }

    #[test]
    fn a_version_that_is_too_old_means_a_fresh_start() {
        let hub = Hub::new();
        for file in 0..=LOG {
            publish(&hub, &[&format!("/{file}")]);
        }
        let tab = hub.join();
        tab.hello(&hello(&hub, "/page", &[], 1), SystemTime::now());
        assert_eq!(paths(&tab), ["/page"]);
    }

    #[test]
    fn another_run_of_the_server_says_nothing_of_versions() {
        let hub = Hub::new();
        let now = SystemTime::now();
        let mut other = hello(&hub, "/page", &["/a.css"], 7);
        other.boot = Some("other".into());

        let kept = hub.join();
        assert_eq!(kept.hello(&other, now), Missed::Known);
        assert_eq!(paths(&kept), ["/page"], "kept by the browser since: in doubt");

        other.age = Some(5_000);
        let back = hub.join();
        let Missed::Since(mut uses, since) = back.hello(&other, now) else { panic!() };
        uses.sort();
        assert_eq!(
            (uses, since),
            (vec!["/a.css".into(), "/page".into()], now - Duration::from_secs(5))
        );
        assert_eq!(back.take(), None);
        back.tell(ChangeSet::from_iter([Change { path: "/a.css".into(), kind: Modified }]));
        assert_eq!(paths(&back), ["/a.css"]);
    }
}
