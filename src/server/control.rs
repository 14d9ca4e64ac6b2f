//! Control over a running server: reloads tabs, holds changes back, and tells what is wrong.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{
    answer::{Errors, Tabs},
    change::ChangeSet,
    event::{Event, Events},
    live::reload::hub::Hub,
};

/// A handle to a running server. Clones control the same server.
#[derive(Clone)]
pub struct Control {
    hub: Arc<Hub>,
    hold: Arc<Hold>,
    events: Events,
}

impl Control {
    pub(super) fn new(hub: Arc<Hub>, hold: Arc<Hold>, events: Events) -> Self {
        Self { hub, hold, events }
    }

    /// Reloads the tabs of a page, by its URL path, or all tabs. Returns how many there are.
    pub fn reload(&self, page: Option<&str>) -> usize {
        self.hub.reload(page)
    }

    /// Holds changes back from now on, or publishes those that were held back.
    pub fn set_paused(&self, paused: bool) {
        let announce = || {
            self.hub.set_paused(paused);
            self.events.emit(Event::Paused { paused });
        };
        self.hold.set(paused, announce);
    }

    /// Returns whether changes are held back.
    pub fn is_paused(&self) -> bool {
        self.hold.held().is_some()
    }

    /// Returns what is wrong now.
    pub fn errors(&self) -> Errors {
        self.hub.errors()
    }

    /// Returns the open tabs.
    pub fn tabs(&self) -> Tabs {
        self.hub.open()
    }
}

/// Publishes changes, or holds them back.
pub(super) struct Hold {
    /// The changes that are held back; `None` while they are published.
    held: Mutex<Option<ChangeSet>>,
    publish: Box<dyn Fn(ChangeSet) + Send + Sync>,
}

impl Hold {
    pub(super) fn new(publish: impl Fn(ChangeSet) + Send + Sync + 'static) -> Self {
        Self { held: Mutex::default(), publish: Box::new(publish) }
    }

    /// Publishes changes, unless they are held back.
    pub(super) fn publish(&self, changes: ChangeSet) {
        if let Some(held) = &mut *self.held() {
            held.merge(changes);
            return;
        }
        (self.publish)(changes);
    }

    /// Sets whether changes are held back. Calls `announce` if this is new, before the changes that
    /// were held back are published.
    fn set(&self, paused: bool, announce: impl FnOnce()) {
        let mut held = self.held();
        if held.is_some() == paused {
            return;
        }
        let changes = if paused { held.replace(ChangeSet::default()) } else { held.take() };
        drop(held);
        announce();
        if let Some(changes) = changes.filter(|changes| !changes.is_empty()) {
            (self.publish)(changes);
        }
    }

    fn held(&self) -> MutexGuard<'_, Option<ChangeSet>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::Hold;
    use crate::change::{Change, ChangeSet, Kind};

    #[test]
    fn changes_are_held_back_and_published_together() {
        let (sender, published) = channel::<ChangeSet>();
        let hold = Hold::new(move |changes| sender.send(changes).unwrap());
        let publish = |path: &str| {
            let change = Change { path: path.into(), kind: Kind::Modified };
            hold.publish(ChangeSet::from_iter([change]));
        };
        let paths = || {
            let changes = published.try_recv().unwrap_or_default();
            changes.into_iter().map(|change| change.path).collect::<Vec<_>>()
        };
        publish("/a");
        assert_eq!(paths(), ["/a"]);
        let set = |paused| {
            let mut announced = false;
            hold.set(paused, || announced = true);
            announced
        };
        assert!(set(true) && !set(true));
        publish("/b");
        publish("/c");
        assert!(paths().is_empty());
        assert!(set(false) && !set(false));
        assert_eq!(paths(), ["/b", "/c"]);
        publish("/d");
        assert_eq!(paths(), ["/d"]);
    }
}
