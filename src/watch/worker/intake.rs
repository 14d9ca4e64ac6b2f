//! Applies signals: keeps the watches, the ignore rules and the links up to date, and passes on to
//! the coalescer what concerns a watched path.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use super::Worker;
use crate::watch::{coalesce::Interest, ignore::GITIGNORE, signal::Signal};

impl Worker {
    /// Applies a signal that the system reported.
    pub(super) fn reported(&mut self, path: &Path, signal: Signal) {
        if self.may_be_watched(path) {
            self.tree.reported(path, signal);
            self.signal(path.to_owned(), signal, Instant::now());
        }
    }

    /// Applies a signal that the system reported and that [changes no
    /// watch](Self::changes_watches), even if a folder has appeared at the path by now: the system
    /// reports that next.
    pub(super) fn apply_plain(&mut self, path: &Path, signal: Signal) {
        if !self.may_be_watched(path) {
            return;
        }
        self.tree.reported(path, signal);
        if signal == Signal::Removed {
            self.ignore.forget(path);
        }
        if self.is_watched(path) {
            self.pass_on(path.to_owned(), signal, Instant::now());
        }
    }

    /// Applies a signal.
    pub(super) fn signal(&mut self, path: PathBuf, signal: Signal, now: Instant) {
        if self.concerns_a_direct_file(&path, signal) {
            return self.coalescer.push(path, signal, Interest::Requested, now);
        }
        let came = matches!(signal, Signal::Created | Signal::RenamedTo);
        if signal == Signal::Removed {
            self.tree.remove(&path);
            self.ignore.forget(&path);
        }
        if (came || signal == Signal::Removed) && self.roots().any(|root| root == path) {
            // A root went away, or another folder or link took its place.
            if !self.away.contains(&path) {
                self.away.push(path.clone());
            }
            if came {
                return;
            }
        }
        if path.file_name().is_some_and(|name| name == GITIGNORE)
            && let Some(folder) = path.parent()
        {
            self.ignore.load(folder);
        }
        if !self.is_watched(&path) {
            return;
        }
        if came || signal == Signal::Removed {
            if fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_dir()) {
                // What was created in a new folder before its watch raised no event. And a removed
                // folder may exist again: the last event of the old one can come late.
                self.enter(&path, signal, now);
            } else if signal == Signal::Removed {
                // What was requested below is awaited in the folder above.
                for path in self.requested_below(&path) {
                    self.follow(path.clone(), now);
                    self.coalescer.push(path, Signal::Removed, Interest::Requested, now);
                }
            }
        }
        self.pass_on(path, signal, now);
    }

    /// Passes a signal of a watched path on to the coalescer, for all requested paths that it
    /// concerns.
    fn pass_on(&mut self, path: PathBuf, signal: Signal, now: Instant) {
        let others = if signal == Signal::RenamedAway {
            self.requested_below(&path)
        } else {
            self.links.to(&path)
        };
        for other in others {
            self.coalescer.push(other, signal, Interest::Requested, now);
        }
        let interest = self.interest(&path);
        self.coalescer.push(path, signal, interest, now);
    }

    /// Returns whether a signal is that of a save of a [direct](crate::watch::snapshot) file: no
    /// watch, link or ignore rule depends on it. This spares the common save several lookups.
    pub(super) fn concerns_a_direct_file(&self, path: &Path, signal: Signal) -> bool {
        let is_save = || match signal {
            Signal::Written | Signal::Finished => true,
            // A folder may have been renamed over it.
            Signal::RenamedTo => !path.is_dir(),
            _ => false,
        };
        self.snapshot.is_direct_file(path) && is_save()
    }

    /// Returns whether a signal can change the watches or the ignore rules: a folder appeared or
    /// went away, or a path that tabs wait for.
    pub(super) fn changes_watches(&self, path: &Path, signal: Signal) -> bool {
        if path.file_name().is_some_and(|name| name == GITIGNORE) {
            return true;
        }
        matches!(signal, Signal::Created | Signal::RenamedTo | Signal::Removed)
            && (self.tree.watches_below(path)
                || self.roots().any(|root| root == path)
                || !self.requested_below(path).is_empty()
                || fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir()))
    }

    /// Watches a folder that appeared. What it holds is passed on by the steps of the walk.
    fn enter(&mut self, folder: &Path, signal: Signal, now: Instant) {
        if !self.ignore.unwatched(folder, true) {
            self.tree.walk(folder, true);
        }
        // The files of a new folder may still be written, those of a renamed one are complete.
        let signal = if signal == Signal::Created { signal } else { Signal::RenamedTo };
        for path in self.requested_below(folder) {
            self.follow(path.clone(), now);
            // What is not there yet is still awaited.
            if path.exists() {
                self.coalescer.push(path, signal, Interest::Requested, now);
            }
        }
    }

    /// Passes on what was found in folders that appeared.
    pub(super) fn appeared(&mut self, paths: Vec<PathBuf>, now: Instant) {
        for path in paths {
            if !self.ignore.never(&path, false) {
                let interest = self.interest(&path);
                self.coalescer.push(path, Signal::Created, interest, now);
            }
        }
    }

    /// Returns whether changes of a path are published.
    pub(super) fn is_watched(&self, path: &Path) -> bool {
        if self.ignore.never(path, false) {
            return false;
        }
        if self.extra.contains(path) || self.mounted.iter().any(|root| path.starts_with(root)) {
            return true;
        }
        if !path.starts_with(self.root.path()) {
            // A link may lead there.
            return !self.links.to(path).is_empty();
        }
        // An ignored path is watched once it, or something in it, was requested.
        !self.ignore.unwatched(path, false) || !self.requested_below(path).is_empty()
    }

    /// Returns the requested paths at or below a path, also those that links lead to it.
    pub(super) fn requested_below(&self, path: &Path) -> Vec<PathBuf> {
        let mut requested = self.snapshot.below(path);
        requested.extend(self.links.to(path));
        requested
    }

    /// Returns whether a path can be a watched one. The folder above a root is watched, too, with
    /// everything else that it holds.
    fn may_be_watched(&self, path: &Path) -> bool {
        self.root.leads_out() || self.is_below_a_root(path)
    }

    fn is_below_a_root(&self, path: &Path) -> bool {
        self.extra.contains(path)
            || path.starts_with(self.root.path())
            || self.mounted.iter().any(|root| path.starts_with(root))
    }

    /// Compares everything if a root that went away is back, or was replaced.
    pub(super) fn check_away(&mut self) {
        let back: Vec<_> = self.away.extract_if(.., |root| root.is_dir()).collect();
        if back.is_empty() {
            return;
        }
        // Nothing below an extra folder is requested: that it is back is all there is to publish.
        let now = Instant::now();
        for folder in back.into_iter().filter(|folder| folder != self.root.path()) {
            self.coalescer.push(folder, Signal::Created, Interest::None, now);
        }
        self.compare_everything();
    }

    /// Watches everything anew, and compares every requested path: events were lost.
    pub(super) fn compare_everything(&mut self) {
        self.tree.clear();
        self.watch_all();
        self.away = self.roots().filter(|root| !root.is_dir()).map(Path::to_owned).collect();
        let now = Instant::now();
        let roots: Vec<_> = self.roots().map(Path::to_owned).collect();
        for path in roots.iter().flat_map(|root| self.requested_below(root)).collect::<Vec<_>>() {
            self.snapshot.invalidate(&path);
            self.follow(path.clone(), now);
            self.coalescer.push(path, Signal::Finished, Interest::Requested, now);
        }
    }
}
