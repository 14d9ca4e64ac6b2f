//! The short way of a lone save: from notify's thread to what is published, without a word to the
//! [`worker`](super::worker).
//!
//! A file that is open in a tab, and that nothing but its own name leads to, is looked at as soon as
//! the system says that its writer is done; waking another thread for that would take longer than all
//! the rest. Everything else goes the long way: folders, links, files that nobody asked for, bursts. The
//! two may overtake each other, since each decides by what is there when it looks.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{MutexGuard, PoisonError, TryLockError},
    time::Instant,
};

use super::{
    Shared, State,
    coalesce::Signal,
    snapshot::{difference, look},
};
use crate::change::{Change, ChangeSet, Kind};

/// How much of a signal was dealt with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// Nothing.
    Not,
    /// All; but the worker must look sooner than it knows.
    Sooner,
    /// All.
    Whole,
}

impl Shared {
    /// Deals with a signal, if it is one of a lone save.
    pub(super) fn short_way(&self, paths: &[PathBuf], signal: Signal) -> Taken {
        let [path] = paths else { return Taken::Not };
        if !matches!(signal, Signal::Written | Signal::Finished | Signal::Arrived)
            || !self.snapshot().is_plain(path)
        {
            return Taken::Not;
        }
        if signal == Signal::Written {
            return self.put_off(path, Signal::Written);
        }
        // The worker is looking: it may be at this very path.
        let looking = match self.looking.try_lock() {
            Ok(looking) => looking,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Taken::Not,
        };
        let is_file = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file());
        if !is_file || !self.coalesce().lone(path, Instant::now()) {
            return Taken::Not;
        }
        let Some(now) = look(path, true) else { return self.put_off(path, Signal::Written) };
        if self.snapshot().is_emptied(path, now) {
            return self.put_off(path, Signal::Emptied);
        }
        self.coalesce().looked_at(path, Instant::now());
        if let Some(kind) = self.tell(path, now)
            && let Some(url) = self.root.url_of(path, false)
        {
            let change = Change { path: url.to_string(), kind };
            (self.publish)(ChangeSet::from_iter([change]));
            self.coalesce().published(Instant::now());
        }
        drop(looking);
        Taken::Whole
    }

    /// There is more to come: it is looked at then, or when that takes too long.
    fn put_off(&self, path: &Path, signal: Signal) -> Taken {
        let mut coalesce = self.coalesce();
        let before = coalesce.next();
        coalesce.push(path.to_owned(), signal, true, Instant::now());
        let sooner = before.is_none_or(|before| coalesce.next() < Some(before));
        if sooner { Taken::Sooner } else { Taken::Whole }
    }

    /// What is different from what the tabs know, which from now on is this.
    fn tell(&self, path: &Path, now: State) -> Option<Kind> {
        let mut snapshot = self.snapshot();
        let kind = difference(snapshot.known(path), now, false)?;
        snapshot.told(path, now);
        Some(kind)
    }

    /// See [`Shared::looking`](Shared#structfield.looking).
    pub(super) fn looking(&self) -> MutexGuard<'_, ()> {
        self.looking.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
