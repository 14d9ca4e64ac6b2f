//! Compares the paths that are due with what was served, and publishes the differences.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use super::Worker;
use crate::{
    change::{Change, ChangeSet, Kind},
    docroot,
    watch::{
        coalesce::{Due, Interest},
        signal::{Signal, SystemEvent},
        snapshot::difference,
        state::PathState,
    },
};

/// What one round of comparisons found.
#[derive(Default)]
struct Found {
    changes: ChangeSet,
    /// The requested paths among them.
    requested: Vec<PathBuf>,
    /// A path in use changed.
    in_use: bool,
    /// A link may have appeared, gone, or been replaced.
    relinked: bool,
}

impl Worker {
    /// Examines the paths that are due, and publishes the differences.
    pub(super) fn publish_due(&mut self) {
        let now = Instant::now();
        self.verify(now);
        let due = self.coalescer.take(now);
        if due.is_empty() {
            return;
        }
        let mut found = Found::default();
        for due in due {
            let path = &due.path;
            if self.snapshot.is_direct_file(path) {
                self.compare(path, &due, &mut found);
                continue;
            }
            // A link that is gone was one, too.
            found.relinked |= fs::symlink_metadata(path).map_or(true, |path| path.is_symlink());
            let below = self.snapshot.below(path);
            if below.first() != Some(path) {
                self.compare(path, &due, &mut found);
            }
            for below in below {
                self.compare_other(&below, &due, &mut found);
            }
        }
        if found.relinked {
            // Links may lead through links.
            for path in self.links.all() {
                self.follow(path.clone(), now);
                let due = Due { path, created: false, again: None, was_awaited: false };
                self.compare_other(&due.path, &due, &mut found);
            }
        }
        self.publish(found, now);
    }

    /// Compares the paths that may have changed between being read and being watched. Only a
    /// difference is a signal: a path that is as it was shows neither a save nor a burst.
    fn verify(&mut self, now: Instant) {
        for path in std::mem::take(&mut self.unverified) {
            let signal = match PathState::of(&path, true) {
                state if state == self.snapshot.known(&path) => continue,
                Some(PathState::Missing) => Signal::Removed,
                _ => Signal::Finished,
            };
            self.coalescer.push(path, signal, Interest::Requested, now);
        }
    }

    /// Publishes changes.
    fn publish(&mut self, found: Found, now: Instant) {
        if found.changes.is_empty() {
            return;
        }
        if found.in_use {
            self.coalescer.published(now);
            self.shared.gate.hold_until(self.coalescer.hold_until());
        }
        self.replaced.extend(found.requested);
        (self.publish)(found.changes);
    }

    /// Watches the files anew that were published and are watched by themselves: each may be
    /// another inode by now, and may have changed before it was watched.
    pub(super) fn watch_replaced(&mut self) {
        for path in std::mem::take(&mut self.replaced) {
            self.tree.remove_file(&path);
            if self.watch_hard_linked(&path) {
                self.unverified.push(path);
            }
        }
        self.verify(Instant::now());
    }

    /// Applies an event on the thread on which the system reports it, if no watch has to be added
    /// or removed for it. Returns whether it was applied: a rename with both halves, or with none.
    ///
    /// From a save to its message, waking the watch's own thread takes longer than everything else.
    /// So the system's thread takes the same steps: it pushes the signal, and examines a
    /// [direct](crate::watch::snapshot) file if it is due and nothing else is. The system's thread
    /// cannot change watches: it would wait for itself. So what an event concerns is decided once,
    /// before any of it is applied: the files may change meanwhile.
    pub(super) fn apply_now(&mut self, event: &SystemEvent) -> bool {
        let mut saved = [false; 2];
        let mut signals = 0;
        for (path, signal) in event.signals() {
            saved[signals] = self.concerns_a_direct_file(path, signal);
            // While a root is away, each round looks for it.
            let is_plain = || self.away.is_empty() && !self.changes_watches(path, signal);
            if !saved[signals] && !is_plain() {
                return false;
            }
            signals += 1;
        }
        for ((path, signal), is_saved) in event.signals().zip(saved) {
            if is_saved {
                self.apply_save(path, signal);
            } else {
                self.apply_plain(path, signal);
            }
        }
        signals > 0
    }

    /// Applies a signal of the save of a direct file, and publishes the save if it is finished.
    /// A file that is not complete is left for later.
    fn apply_save(&mut self, path: &Path, signal: Signal) {
        let now = Instant::now();
        // A lone write whose file no process has open is a finished save: its close is reported
        // next.
        let lone_write = signal == Signal::Written && self.coalescer.is_idle(now);
        let closed = lone_write.then(|| docroot::content_hash_if_closed(path).ok().flatten());
        let closed = closed.flatten();
        let signal = if closed.is_some() { Signal::Finished } else { signal };
        self.coalescer.push(path.to_owned(), signal, Interest::Requested, now);
        if !self.coalescer.only_due(path, now) {
            return;
        }
        let read = || docroot::content_hash(path).ok().flatten();
        let Some(hash) = closed.or_else(read) else { return };
        let (known, state) = (self.snapshot.known(path), PathState::File(hash));
        if !state.is_emptied(known) {
            self.coalescer.take(now);
            let mut found = Found { in_use: true, ..Found::default() };
            self.record(path, (known, state), false, &mut found);
            self.publish(found, now);
        }
    }

    /// Compares a path that another one, which is due, may have changed. Leaves it alone if it has
    /// signals of its own.
    fn compare_other(&mut self, path: &Path, due: &Due, found: &mut Found) {
        if !self.coalescer.is_waiting(path) {
            let was_awaited = due.was_awaited && due.path == path;
            self.compare(path, &Due { was_awaited, ..due.clone() }, found);
        }
    }

    /// Compares a path with what was served, and adds the difference. A file that is being written
    /// is left for later, if it may wait, and so is one that is missing and was not awaited yet.
    fn compare(&mut self, path: &Path, due: &Due, found: &mut Found) {
        if !self.snapshot.is_direct_file(path) && self.ignore.never(path, false) {
            return;
        }
        let (known, interest) = (self.snapshot.known(path), self.interest(path));
        found.in_use |= interest.is_any();
        let now = match (self.examine(path, known.is_some(), found), due.again) {
            (Some(now), _) => now,
            (None, None) => {
                let now = PathState::of_file_being_written(path);
                if now.is_emptied(known) {
                    // A command's output is redirected there (`pandoc ... > page.html`): its first
                    // byte, or its end, raises an event, however long that takes.
                    return;
                }
                now
            }
            (None, Some(signal)) => {
                return self.coalescer.push(path.to_owned(), signal, interest, Instant::now());
            }
        };
        if due.again.is_some() && now.is_emptied(known) {
            return self.coalescer.push(path.to_owned(), Signal::Emptied, interest, Instant::now());
        }
        let is_gone = now == PathState::Missing && known.is_some_and(|known| known != now);
        if is_gone && !due.was_awaited {
            return self.coalescer.push(path.to_owned(), Signal::Removed, interest, Instant::now());
        }
        let created = due.created && !self.extra.is_known_file(path);
        self.record(path, (known, now), created, found);
    }

    /// Adds the difference between the known state of a path and its state now, if there is one.
    fn record(
        &mut self,
        path: &Path,
        (known, now): (Option<PathState>, PathState),
        created: bool,
        found: &mut Found,
    ) {
        let is_missing = now == PathState::Missing;
        let again = if is_missing { Kind::Removed } else { Kind::Modified };
        let kind = difference(known, now, created);
        let kind = kind.or_else(|| self.snapshot.has_diverged(path).then_some(again));
        let Some(kind) = kind else { return };
        self.snapshot.published(path, now);
        self.extra.set_exists(path, matches!(now, PathState::File(_) | PathState::Unread));
        let is_folder = now == PathState::Folder
            || (is_missing && matches!(known, Some(PathState::Folder | PathState::Unread)));
        if known.is_some() {
            found.requested.push(path.to_owned());
        }
        let names = self.names(path, is_folder).into_iter();
        found.changes.extend(names.map(|path| Change { path, kind }));
    }

    /// Returns the state of a path, or `None` while it is being written.
    fn examine(&self, path: &Path, requested: bool, found: &mut Found) -> Option<PathState> {
        if self.snapshot.is_direct_file(path) {
            // The common case, with as few system calls as possible.
            match docroot::content_hash(path) {
                Ok(hash) => return hash.map(PathState::File),
                // It is gone, a folder, or a link by now.
                Err(_) => found.relinked = true,
            }
        }
        PathState::of(path, requested)
    }

    /// Returns the names of a changed path: as a browser requests it, or, where it is not served,
    /// relative to the watched folder's parent, without a leading slash.
    fn names(&self, path: &Path, is_folder: bool) -> Vec<String> {
        let served = path.starts_with(self.root.path())
            || self.mounted.iter().any(|root| path.starts_with(root));
        if served {
            let urls = self.root.urls_of(path, is_folder);
            return urls.iter().map(ToString::to_string).collect();
        }
        self.extra.name(path).into_iter().collect()
    }
}
