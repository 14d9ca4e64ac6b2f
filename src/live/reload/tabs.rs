//! The table of open tabs, indexed by the paths that they use.
//!
//! A change is matched from the smaller side: the graph says which paths lead to the changed file,
//! and the index says which tabs use one of those. Tabs whose files are unknown match every change.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    graph::Reach,
    log::ChangeLog,
    mailbox::{Mailbox, Update},
    tab_record::{Ack, ClientInfo, Recorded, TabRecord},
};
use crate::{
    change::{Change, ChangeSet},
    fault::Fault,
};

/// How many closed tabs are remembered, whose edges in the graph are kept in case they come back.
pub(super) const CLOSED: usize = 64;

/// How many of the last updates a reloaded document has from those before it.
const INHERITED: usize = 16;

/// How long a tab that disconnected may take to come back, if it did not say that it reloads.
const RETURN: Duration = Duration::from_millis(500);

/// How long a tab that reloads may take to come back. A backend may be slow.
const RELOAD: Duration = Duration::from_secs(10);

pub(super) type TabId = u64;

/// The open tabs, the current version, and what changed before it.
#[derive(Debug, Default)]
pub(super) struct Tabs {
    pub(super) version: u64,
    pub(super) log: ChangeLog,
    open: HashMap<TabId, Tab>,
    /// Which tabs use a path, each list in ascending order.
    by_path: HashMap<Arc<str>, Vec<TabId>>,
    /// The tabs whose files are not known.
    unknown: BTreeSet<TabId>,
    /// The versions at which the documents of the tabs that closed last were served. They may come
    /// back from sleep or from the browser's cache.
    closed: VecDeque<u64>,
    /// The tabs that disconnected and may come back.
    departed: VecDeque<Departed>,
    next: TabId,
}

/// A tab that disconnected.
#[derive(Debug)]
struct Departed {
    page: Arc<str>,
    browser: String,
    /// Why it left, if it reloads.
    reload: Option<Ack>,
    /// The updates that it was sent last.
    updates: Vec<Arc<Update>>,
    /// Until when it may come back.
    until: Instant,
}

/// One open connection.
#[derive(Debug)]
pub(super) struct Tab {
    /// The page's own path.
    pub(super) page: Option<Arc<str>>,
    /// The paths that the page uses, its own included, in order. `None` if they are not known,
    /// because the page has not said hello or uses too many.
    pub(super) uses: Option<Vec<Arc<str>>>,
    /// The version at which the document was served; 0 if it is not known.
    pub(super) served: u64,
    /// The current version when the tab connected. Later changes went into its mailbox.
    pub(super) joined: u64,
    /// The errors that the tab was last sent.
    faults: Vec<Arc<Fault>>,
    /// The error that left its page blank.
    crash: Option<Arc<Fault>>,
    /// The updates that the document before it was sent last.
    inherited: Vec<Arc<Update>>,
    /// What it did and reported.
    pub(super) record: TabRecord,
    pub(super) mailbox: Arc<Mailbox>,
}

impl Tab {
    /// Returns whether the tab, or the document before it, was notified of a change of a path, of a
    /// version or a later one.
    pub(super) fn was_notified(&self, path: &str, since: u64) -> bool {
        let own = self.mailbox.last_updates();
        own.iter().chain(&self.inherited).any(|update| update.has(path, since))
    }

    /// Returns the last version that the tab had been notified of at a time, or was served at.
    pub(super) fn version_at(&self, time: Instant) -> u64 {
        self.mailbox.sent_until(time).max(self.served)
    }

    /// Returns whether a change affects the tab.
    pub(super) fn is_affected(&self, reach: &Reach) -> bool {
        match &self.uses {
            None => true,
            Some(uses) => reach.includes(|path| find(uses, path).is_ok(), self.served),
        }
    }
}

impl Tabs {
    /// Adds a tab whose files are not known yet.
    pub(super) fn join(&mut self, client: ClientInfo, now: Instant) -> (TabId, Arc<Mailbox>) {
        let (id, mailbox) = (self.next, Arc::<Mailbox>::default());
        self.next += 1;
        let tab = Tab {
            page: None,
            uses: None,
            served: 0,
            joined: self.version,
            faults: Vec::new(),
            crash: None,
            inherited: Vec::new(),
            record: TabRecord::new(client, now),
            mailbox: Arc::clone(&mailbox),
        };
        self.open.insert(id, tab);
        self.unknown.insert(id);
        (id, mailbox)
    }

    /// Removes a tab.
    pub(super) fn leave(&mut self, id: TabId, now: Instant) {
        self.unknown.remove(&id);
        let Some(tab) = self.open.remove(&id) else { return };
        let Tab { uses, served, page, record, mailbox, inherited, .. } = tab;
        if let Some(page) = page {
            let updates = inherited.into_iter().chain(mailbox.last_updates());
            self.depart(page, &record, updates.collect(), now);
        }
        let Some(uses) = uses else { return };
        for used in &uses {
            self.unlist(id, used);
        }
        if self.closed.len() >= CLOSED {
            self.closed.pop_front();
        }
        self.closed.push_back(served);
    }

    fn depart(
        &mut self,
        page: Arc<str>,
        record: &TabRecord,
        mut updates: Vec<Arc<Update>>,
        now: Instant,
    ) {
        updates.drain(..updates.len().saturating_sub(INHERITED));
        if self.departed.len() >= CLOSED {
            self.departed.pop_front();
        }
        let reload = record.last_ack().filter(|ack| ack.is_reload()).cloned();
        let until = now + if reload.is_some() { RELOAD } else { RETURN };
        let browser = record.client.browser.clone();
        self.departed.push_back(Departed { page, browser, reload, updates, until });
    }

    /// Returns until when a tab that disconnected may come back, if there is one.
    pub(super) fn expected_until(&mut self, now: Instant) -> Option<Instant> {
        self.departed.retain(|departed| now < departed.until);
        self.departed.iter().map(|departed| departed.until).max()
    }

    pub(super) fn get(&self, id: TabId) -> Option<&Tab> {
        self.open.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: TabId) -> Option<&mut Tab> {
        self.open.get_mut(&id)
    }

    /// Returns whether a tab has said which page it is.
    pub(super) fn has_pages(&self) -> bool {
        self.open.values().any(|tab| tab.page.is_some())
    }

    /// Returns whether a tab reports to use a path.
    pub(super) fn uses(&self, path: &str) -> bool {
        self.by_path.contains_key(path)
    }

    /// Returns whether tabs of several browsers or devices are open.
    pub(super) fn has_several_clients(&self) -> bool {
        let mut clients = self.open.values().filter(|tab| tab.page.is_some());
        let first = clients.next().map(|tab| &tab.record.client);
        clients.any(|tab| Some(&tab.record.client) != first)
    }

    /// Adds a message of a tab. `crash` is the error to show if it left the page blank.
    pub(super) fn record(
        &mut self,
        id: TabId,
        recorded: Recorded,
        again: bool,
        crash: Option<Fault>,
    ) -> Option<Arc<Mailbox>> {
        let tab = self.open.get_mut(&id)?;
        tab.record.add(recorded, again);
        let crash = Arc::new(crash?);
        let compile = tab.faults.iter().filter(|fault| Some(*fault) != tab.crash.as_ref());
        let faults: Vec<_> = compile.cloned().chain([Arc::clone(&crash)]).collect();
        tab.crash = Some(crash);
        tab.faults.clone_from(&faults);
        tab.mailbox.set_faults(faults);
        Some(Arc::clone(&tab.mailbox))
    }

    /// Adds a tab's acknowledgement. Returns its mailbox if there is something to send: code that
    /// runs anew replaces the page that an error had left blank.
    pub(super) fn acknowledge(&mut self, id: TabId, ack: Ack) -> Option<Arc<Mailbox>> {
        let tab = self.open.get_mut(&id)?;
        tab.mailbox.acknowledge(ack.version);
        tab.record.acknowledge(ack);
        let Tab { crash, record, .. } = &mut *tab;
        let crash = crash.take_if(|_| record.errors().next().is_none())?;
        tab.faults.retain(|fault| *fault != crash);
        tab.mailbox.set_faults(tab.faults.clone());
        Some(Arc::clone(&tab.mailbox))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Tab> {
        self.open.values()
    }

    /// Sets what a tab says about itself.
    pub(super) fn identify(
        &mut self,
        id: TabId,
        page: Option<&str>,
        uses: Option<&[String]>,
        served: u64,
    ) {
        let uses = uses.map(|uses| {
            let mut uses: Vec<_> = uses.iter().map(|path| self.shared(path)).collect();
            uses.sort_unstable();
            uses.dedup();
            uses
        });
        self.set_uses(id, uses);
        let page = page.map(|page| self.shared(page));
        let Some(tab) = self.open.get_mut(&id) else { return };
        let browser = &tab.record.client.browser;
        let is_back = |departed: &Departed| {
            Some(&departed.page) == page.as_ref() && departed.browser == *browser
        };
        let at = self.departed.iter().position(is_back);
        if let Some(departed) = at.and_then(|at| self.departed.remove(at)) {
            (tab.record.arrived, tab.inherited) = (departed.reload, departed.updates);
        }
        (tab.page, tab.served) = (page, served);
    }

    /// Replaces the paths that a tab uses.
    pub(super) fn set_uses(&mut self, id: TabId, uses: Option<Vec<Arc<str>>>) {
        let Some(tab) = self.open.get_mut(&id) else { return };
        for path in tab.uses.take().iter().flatten() {
            self.unlist(id, path);
        }
        for path in uses.iter().flatten() {
            let ids = self.by_path.entry(Arc::clone(path)).or_default();
            if let Err(at) = ids.binary_search(&id) {
                ids.insert(at, id);
            }
        }
        if uses.is_some() {
            self.unknown.remove(&id);
        } else {
            self.unknown.insert(id);
        }
        if let Some(tab) = self.open.get_mut(&id) {
            tab.uses = uses;
        }
    }

    /// Returns a path, sharing the memory of an equal one in the index.
    pub(super) fn shared(&self, path: &str) -> Arc<str> {
        let known = self.by_path.get_key_value(path);
        known.map_or_else(|| path.into(), |(path, _)| Arc::clone(path))
    }

    fn unlist(&mut self, id: TabId, path: &str) {
        let Some(ids) = self.by_path.get_mut(path) else { return };
        if let Ok(at) = ids.binary_search(&id) {
            ids.remove(at);
        }
        if ids.is_empty() {
            self.by_path.remove(path);
        }
    }

    /// Returns the lowest version at which a document was served that is open or may come back.
    pub(super) fn oldest_served(&self) -> u64 {
        let open = self.open.values().filter(|tab| tab.uses.is_some()).map(|tab| tab.served);
        open.chain(self.closed.iter().copied()).min().unwrap_or(self.version)
    }

    /// Puts the changes of a new version into the mailboxes of the tabs that they affect, and
    /// returns these tabs. `reaches` are those of the changes, in order.
    pub(super) fn deliver(&mut self, changes: &ChangeSet, reaches: &[Reach]) -> Vec<TabId> {
        let version = self.version;
        let affected = self.affected(reaches);
        let changes: Vec<_> =
            changes.iter().map(|(path, kind)| Change { path: path.to_owned(), kind }).collect();
        let mut updates: HashMap<Vec<usize>, Arc<Update>> = HashMap::new();
        let (mut ids, mut which) = (Vec::new(), Vec::new());
        for pairs in affected.chunk_by(|(one, _), (other, _)| one == other) {
            let Some((id, _)) = pairs.first() else { continue };
            let Some(tab) = self.open.get(id) else { continue };
            which.clear();
            which.extend(pairs.iter().map(|(_, change)| *change));
            if let Some(update) = updates.get(&which) {
                tab.mailbox.add(update);
            } else {
                let changes = which.iter().filter_map(|change| changes.get(*change).cloned());
                let update = Arc::new(Update::new(version, changes.collect()));
                tab.mailbox.add(&update);
                updates.insert(which.clone(), update);
            }
            ids.push(*id);
        }
        ids
    }

    /// Puts the current errors into the mailboxes of those of these tabs that were last sent
    /// others, and returns their mailboxes. `reaches` are those of the errors, in order.
    pub(super) fn deliver_faults(
        &mut self,
        ids: &[TabId],
        faults: &[Arc<Fault>],
        reaches: &[Reach],
    ) -> Vec<Arc<Mailbox>> {
        let mut mailboxes = Vec::new();
        for id in ids {
            let Some(tab) = self.open.get_mut(id) else { continue };
            let affecting = faults.iter().zip(reaches).filter(|(_, reach)| tab.is_affected(reach));
            let affecting: Vec<_> =
                affecting.map(|(fault, _)| Arc::clone(fault)).chain(tab.crash.clone()).collect();
            if affecting != tab.faults {
                tab.faults.clone_from(&affecting);
                tab.mailbox.set_faults(affecting);
                mailboxes.push(Arc::clone(&tab.mailbox));
            }
        }
        mailboxes
    }

    /// Returns the ids of all tabs.
    pub(super) fn ids(&self) -> Vec<TabId> {
        self.open.keys().copied().collect()
    }

    pub(super) fn mailboxes(&self, ids: &[TabId]) -> Vec<Arc<Mailbox>> {
        let tabs = ids.iter().filter_map(|id| self.open.get(id));
        tabs.map(|tab| Arc::clone(&tab.mailbox)).collect()
    }

    /// Returns pairs of a tab and the index of a reach that affects it, in order.
    fn affected(&self, reaches: &[Reach]) -> Vec<(TabId, usize)> {
        let mut pairs = Vec::new();
        for (index, reach) in reaches.iter().enumerate() {
            if reach.is_everyone() {
                pairs.extend(self.open.keys().map(|id| (*id, index)));
                continue;
            }
            pairs.extend(self.unknown.iter().map(|id| (*id, index)));
            if reach.complete_since() > 0 {
                let doubtful = self.open.iter().filter(|(_, tab)| reach.may_miss(tab.served));
                pairs.extend(doubtful.map(|(id, _)| (*id, index)));
            }
            for (path, since) in reach.paths() {
                let ids = self.by_path.get(path).into_iter().flatten();
                let served_by =
                    |id: &&TabId| self.open.get(*id).is_some_and(|tab| tab.served <= since);
                pairs.extend(ids.filter(served_by).map(|id| (*id, index)));
            }
        }
        pairs.sort_unstable();
        pairs.dedup();
        pairs
    }
}

/// Where a path is in an ordered list.
pub(super) fn find(paths: &[Arc<str>], path: &str) -> Result<usize, usize> {
    paths.binary_search_by(|other| (**other).cmp(path))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use std::time::Instant;

    use super::{ClientInfo, Tab, Tabs};
    use crate::{
        change::{Change, ChangeSet, Kind},
        live::reload::graph::UsageGraph,
    };

    /// One of six paths.
    fn path(number: u8) -> String {
        format!("/{number}")
    }

    #[derive(Clone, Debug)]
    enum Step {
        /// A tab joins; it says hello with these uses, which may be unknown, and a version.
        Join(Option<Vec<u8>>, u64),
        Leave(u64),
        SetUses(u64, Option<Vec<u8>>),
        Edge(u8, u8, u64),
        Sweep(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        let uses = || prop::option::weighted(0.9, prop::collection::vec(0_u8..6, 0..4));
        prop_oneof![
            4 => (uses(), 0_u64..5).prop_map(|(uses, served)| Step::Join(uses, served)),
            1 => (0_u64..8).prop_map(Step::Leave),
            1 => (0_u64..8, uses()).prop_map(|(tab, uses)| Step::SetUses(tab, uses)),
            4 => (0_u8..6, 0_u8..6, 0_u64..5)
                .prop_map(|(user, used, seen)| Step::Edge(user, used, seen)),
            1 => (0_u64..3).prop_map(Step::Sweep),
        ]
    }

    proptest! {
        #[test]
        fn the_index_finds_exactly_the_affected_tabs(
            steps in prop::collection::vec(step(), 0..30),
            changed in prop::collection::btree_set(0_u8..6, 1..4),
        ) {
            let (mut tabs, mut graph) = (Tabs::default(), UsageGraph::default());
            for step in steps {
                match step {
                    Step::Join(uses, served) => {
                        let (id, _) = tabs.join(ClientInfo::default(), Instant::now());
                        let uses = uses.map(|uses| uses.into_iter().map(path).collect::<Vec<_>>());
                        tabs.identify(id, None, uses.as_deref(), served);
                    }
                    Step::Leave(id) => tabs.leave(id, Instant::now()),
                    Step::SetUses(id, uses) => {
                        let uses = uses.map(|mut uses| {
                            uses.sort_unstable();
                            uses.dedup();
                            uses.into_iter().map(|used| tabs.shared(&path(used))).collect()
                        });
                        tabs.set_uses(id, uses);
                    }
                    Step::Edge(user, used, seen) => graph.add(&path(user), &path(used), seen),
                    Step::Sweep(version) => graph.sweep(version),
                }
            }
            let changes: ChangeSet = changed
                .into_iter()
                .map(|changed| Change { path: path(changed), kind: Kind::Modified })
                .collect();
            let reaches: Vec<_> = changes.iter().map(|(path, _)| graph.reach(path)).collect();
            let mut expected = Vec::new();
            for id in tabs.ids() {
                let Some(tab) = tabs.get(id) else { continue };
                let affecting = changes.iter().zip(&reaches);
                let affecting = affecting.filter(|(_, reach)| tab.is_affected(reach));
                let paths: Vec<_> = affecting.map(|((path, _), _)| path.to_owned()).collect();
                if !paths.is_empty() {
                    expected.push((id, paths));
                }
            }
            expected.sort_unstable();
            let notified = tabs.deliver(&changes, &reaches);
            let received = |tab: &Tab| {
                let (_, changes) = tab.mailbox.take().update().unwrap_or_default();
                changes.into_iter().map(|change| change.path).collect::<Vec<_>>()
            };
            let received = |id| (id, tabs.get(id).map(received).unwrap_or_default());
            let notified: Vec<_> = notified.into_iter().map(received).collect();
            prop_assert_eq!(notified, expected);
            prop_assert!(tabs.by_path.values().all(|ids| ids.is_sorted() && !ids.is_empty()));
        }
    }
}
