//! The short way of a lone save: from notify's thread to what is published, without a word to the
//! [`worker`](super::worker).
//!
//! A file that is open in a tab, and that nothing but its own name leads to, is looked at as soon as
//! its writer is done; waking another thread for that would take longer than all the rest. The system
//! says so when the file is closed; but often it is closed already when the writing is heard of, and
//! then the system grants a lease ([`Writer::None`]). Everything else goes the long way: folders,
//! links, files that nobody asked for, bursts. The two may overtake each other, since each decides by
//! what is there when it looks.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{MutexGuard, PoisonError, TryLockError},
    time::Instant,
};

use super::{
    PathState, Shared,
    coalesce::Signal,
    snapshot::{difference, is_emptied},
};
use crate::{
    change::Change,
    docroot::{self, Facts, Writer},
};

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
        let written = signal == Signal::Written;
        if !(written || matches!(signal, Signal::Finished | Signal::Arrived)) {
            return Taken::Not;
        }
        // The long way of writing is to wait for its end.
        let long = || if written { self.put_off(path, signal) } else { Taken::Not };
        let looking = match self.looking.try_lock() {
            Ok(looking) => looking,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // The worker is looking: it may be at this very path.
            Err(TryLockError::WouldBlock) => {
                return if self.snapshot().plain(path).is_some() { long() } else { Taken::Not };
            }
        };
        let Some((known, urls)) = self.snapshot().plain(path) else { return Taken::Not };
        let closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner).take();
        if signal == Signal::Finished && closed.is_some_and(|closed| closed.is(path)) {
            return Taken::Whole;
        }
        if !self.coalesce().lone(path, Instant::now()) {
            return long();
        }
        // That it is likely to be done says only its close.
        let at_work = |writer| writer == Writer::Open || (written && writer == Writer::Likely);
        let now = match docroot::content_hash(path, at_work) {
            Ok(Some(content_hash)) => PathState::File(content_hash),
            Ok(None) => return self.put_off(path, signal.still_open()),
            // It is gone, or something else by now.
            Err(_) => return long(),
        };
        if is_emptied(Some(known), now) {
            return self.put_off(path, Signal::Emptied);
        }
        // What is noted for later comes after the message, which is waited for.
        let told = self.tell(path, urls, known, now);
        if written {
            let closed = Some(Closed::of(path));
            *self.closed.lock().unwrap_or_else(PoisonError::into_inner) = closed;
        }
        let mut coalesce = self.coalesce();
        coalesce.looked_at(path, Instant::now());
        if told {
            coalesce.published(Instant::now());
        }
        drop(coalesce);
        drop(looking);
        Taken::Whole
    }

    /// Tells the tabs what is different from what they know; gives whether anything is.
    fn tell(&self, path: &Path, urls: Vec<String>, known: PathState, now: PathState) -> bool {
        let Some(kind) = difference(Some(known), now, false) else { return false };
        self.snapshot().told(path, now);
        (self.publish)(urls.into_iter().map(|path| Change { path, kind }).collect());
        true
    }

    /// There is more to come: it is looked at then, or when that takes too long.
    fn put_off(&self, path: &Path, signal: Signal) -> Taken {
        let mut coalesce = self.coalesce();
        let before = coalesce.next();
        coalesce.push(path.to_owned(), signal, true, Instant::now());
        let sooner = before.is_none_or(|before| coalesce.next() < Some(before));
        if sooner { Taken::Sooner } else { Taken::Whole }
    }

    /// See [`Shared::looking`](Shared#structfield.looking).
    pub(super) fn looking(&self) -> MutexGuard<'_, ()> {
        self.looking.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A file that was found closed when its writing was heard of. Its close is still to be heard of, and
/// says nothing new: whatever is written later raises an event before that close does.
#[derive(Debug)]
pub(super) struct Closed {
    path: PathBuf,
    /// None if it was gone again.
    facts: Option<Facts>,
}

impl Closed {
    fn of(path: &Path) -> Self {
        let facts = fs::symlink_metadata(path).ok().as_ref().map(Facts::of);
        Self { path: path.to_owned(), facts }
    }

    /// Whether this is the file, as it was, or gone, which has an event of its own. Its facts are
    /// compared because there are ways to write without an event (a mapping), and one to be heard of
    /// without a close (truncate(2)). What was written before they were noted has raised an event that
    /// is still to come.
    fn is(&self, path: &Path) -> bool {
        let now = || fs::symlink_metadata(path);
        self.path == path && now().map_or(true, |now| self.facts == Some(Facts::of(&now)))
    }
}
