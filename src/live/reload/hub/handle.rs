//! A tab's own end of the [`Hub`]: who it is, what it missed, and what is in its mailbox.

use std::{
    collections::HashSet,
    sync::{Arc, Weak},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::{Hub, Tab, Tell, Wake};
use crate::{
    change::{Change, ChangeSet, Kind},
    http::url_path::UrlPath,
    live::reload::message::{Hello, Message},
};

/// How many files a tab may name; one that names more is told of everything.
const USES: usize = 10_000;

/// How long those paths may be together, bytes. A page that says more is told everything.
const USES_BYTES: usize = 1 << 20;

/// What a tab missed before it said hello.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Missed {
    /// Nothing, or it is in the mailbox already.
    Known,
    /// What it knows is of another run of the server: whichever of these paths changed on the disk
    /// since that time.
    Since(Vec<String>, SystemTime),
}

/// A tab's own end of the hub.
#[derive(Debug)]
pub(crate) struct Handle {
    pub(super) hub: Arc<Hub>,
    pub(super) id: u64,
    pub(super) wake: Arc<Wake>,
}

impl Handle {
    /// Waits until there may be something in the mailbox. Cancel safe: a wake-up is kept.
    pub(crate) async fn changed(&self) {
        self.wake.task.notified().await;
    }

    /// From now on, this may say what is in the mailbox. Only the first counts.
    pub(crate) fn told_by(&self, line: Weak<dyn Tell>) {
        let _ = self.wake.line.set(line);
    }

    /// What there is to say to the tab: what is in its mailbox, which is empty then, and the faults
    /// that concern it, if they are others than it was told of.
    pub(crate) fn messages(&self) -> impl Iterator<Item = Message> {
        let state = &mut *self.hub.state();
        let (mut updated, mut failed) = (None, None);
        if let Some(tab) = state.tabs.get_mut(&self.id) {
            let changes = std::mem::take(&mut tab.mailbox);
            updated = (!changes.is_empty()).then(|| Message::Updated {
                version: state.version,
                changes: changes.into_iter().collect(),
            });
            let concerns =
                |path: &str| tab.is_told(&state.interest, &self.hub.who(&state.interest, path));
            let faults = state.faults.iter().filter(|(path, _)| concerns(path));
            let faults: Vec<_> = faults.map(|(_, fault)| fault.clone()).collect();
            if faults != tab.faults {
                tab.faults.clone_from(&faults);
                failed = Some(Message::Failed { faults });
            }
        }
        updated.into_iter().chain(failed)
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
        uses.iter().flatten().for_each(|used| state.interest.explain(used));
        self.hub.next_epoch();
        tab.uses.clone_from(&uses);
        tab.page.clone_from(&page);
        if !state.faults.is_empty() {
            tab.wake.task.notify_one();
        }
        // One that comes back knows a later version than the one that it was served at.
        let fresh = hello.version.filter(|_| hello.age.is_none());
        let ours = hello.boot.as_ref() == Some(&self.hub.boot);
        tab.served = hello.served.or(fresh).filter(|_| ours).unwrap_or_default();
        let (interest, told) = (&state.interest, tab.told);
        let is_told =
            |tab: &Tab, changed: &str| tab.is_told(interest, &self.hub.who(interest, changed));
        // What waits for it was put there before anybody knew what it uses.
        let waiting = std::mem::take(&mut tab.mailbox).into_iter();
        tab.mailbox = waiting.filter(|change| is_told(tab, &change.path)).collect();
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
                if is_told(tab, change.path) {
                    tab.mailbox.add(Change { path: change.path.to_owned(), kind: change.kind });
                }
            }
        }
        if !tab.mailbox.is_empty() {
            tab.wake.task.notify_one();
        }
        Missed::Known
    }

    /// Takes in that the tab uses more files, and no longer uses others.
    pub(crate) fn uses(&self, add: &[String], drop: &[String]) {
        let state = &mut *self.hub.state();
        let Some(tab) = state.tabs.get_mut(&self.id) else { return };
        let Some(uses) = &mut tab.uses else { return };
        self.hub.next_epoch();
        for used in drop.iter().filter_map(|path| spelled(path)) {
            if tab.page.as_ref() == Some(&used) {
                continue;
            }
            uses.remove(&used);
            // Other documents at this path have reported it if they still use it.
            if let Some(page) = &tab.page {
                state.interest.remove(page, &used);
            }
        }
        for used in add.iter().filter_map(|path| spelled(path)) {
            state.interest.explain(&used);
            uses.insert(used);
        }
        let bytes = uses.iter().map(String::len).sum::<usize>();
        if uses.len() > USES || bytes > USES_BYTES {
            tab.uses = None;
        }
    }

    /// Puts changes into this tab's mailbox that it missed.
    pub(crate) fn tell(&self, changes: ChangeSet) {
        if let Some(tab) = self.hub.state().tabs.get_mut(&self.id) {
            tab.mailbox.merge(changes);
            tab.wake.task.notify_one();
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.hub.state().leave(self.id);
    }
}

/// A path that a page reported, as the server spells it.
fn spelled(path: &str) -> Option<String> {
    UrlPath::parse(path).ok().map(|path| path.to_string())
}
