//! Applies what requests noted: the baseline of a path, and the watches that it needs.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

use super::Worker;
use crate::watch::{
    coalesce::Interest,
    ignore::GITIGNORE,
    links::{Followed, Links},
    signal::Signal,
    snapshot::NoteOutcome,
    state::{PathState, changed_at, nearest_existing},
};

/// The resolution of the kernel's timestamps, with room to spare.
const TICK: Duration = Duration::from_millis(10);

impl Worker {
    /// Applies that a request was served this state of a path.
    pub(super) fn note(&mut self, path: PathBuf, state: PathState, now: Instant) {
        match self.snapshot.note(&path, state) {
            NoteOutcome::Same => {}
            NoteOutcome::New => {
                self.follow(path.clone(), now);
                if self.changed_during_start(&path) {
                    self.unverified.push(path);
                }
            }
            NoteOutcome::Changed => {
                // A file that is gone may come back.
                let is_missing = state == PathState::Missing;
                let signal = if is_missing { Signal::Removed } else { Signal::Finished };
                self.coalescer.push(path, signal, Interest::Requested, now);
            }
        }
    }

    /// Applies that a request was served the listing of a folder, which was last modified then.
    pub(super) fn note_listing(
        &mut self,
        folder: PathBuf,
        modified: Option<SystemTime>,
        now: Instant,
    ) {
        if self.snapshot.note(&folder, PathState::Folder) != NoteOutcome::New {
            return;
        }
        let is_watched = !self.ignore.unwatched(&folder, true) && self.links.is_real(&folder);
        let is_new = is_watched && self.tree.add_one(&folder);
        let may_have_changed = is_new || self.changed_during_start(&folder);
        if may_have_changed && modified_at(&folder) != modified {
            self.snapshot.invalidate(&folder);
            self.unverified.push(folder.clone());
        }
        self.follow(folder, now);
    }

    /// Returns whether a path may have changed after livers started and before the path was
    /// watched: the system reported no event of that. Missing paths may have been removed then.
    fn changed_during_start(&self, path: &Path) -> bool {
        let Some(established) = self.established else { return true };
        let time = std::fs::metadata(path).ok().and_then(|metadata| changed_at(&metadata));
        time.is_none_or(|time| self.started <= time + TICK && time <= established + TICK)
    }

    /// Watches what decides over a requested path: the nearest folder that exists, and the folder
    /// that links lead to.
    pub(super) fn follow(&mut self, path: PathBuf, now: Instant) {
        for path in self.snapshot.take_forgotten() {
            self.links.forget(&path);
        }
        let followed = self.links.follow(&path);
        let is_real = followed == Followed::Real;
        let mut is_new = self.watch_for(&path, is_real);
        if let Followed::Linked(real) = &followed {
            is_new |= self.watch_for(real, true);
            self.snapshot.set_direct(real, false);
        }
        is_new |= self.watch_hard_linked(&path);
        let is_direct = is_real
            && self.links.to(&path).is_empty()
            && self.is_watched(&path)
            && path.file_name().is_some_and(|name| name != GITIGNORE);
        self.snapshot.set_direct(&path, is_direct);
        if is_new {
            // It may have changed between being read and being watched.
            self.coalescer.push(path, Signal::Finished, Interest::Requested, now);
        }
    }

    /// Watches the nearest folder above a path, but not under the name of a symbolic link: the
    /// system reports events under one name only, which must be the folder's own. `is_real` is
    /// whether the path goes through no link.
    fn watch_for(&mut self, path: &Path, is_real: bool) -> bool {
        let mut is_new = false;
        // Until nothing was created or removed between finding the folder and watching it.
        let nearest = |links: &Links| {
            let mut folders = nearest_existing(path.parent()?)?.ancestors();
            folders.find(|folder| folder.is_dir() && (is_real || links.is_real(folder)))
        };
        while let Some(folder) = nearest(&self.links)
            && (self.tree.add_one(folder) || !folder.is_dir())
        {
            is_new = true;
        }
        self.tree.prioritize(path);
        is_new
    }

    /// Watches a file itself if it has several names: a write by another one raises no event under
    /// this one.
    pub(super) fn watch_hard_linked(&mut self, path: &Path) -> bool {
        is_hard_linked(path) && self.tree.add_file(path)
    }
}

/// Returns when names were last added to a folder or removed from it.
fn modified_at(folder: &Path) -> Option<SystemTime> {
    std::fs::metadata(folder).and_then(|metadata| metadata.modified()).ok()
}

#[cfg(unix)]
fn is_hard_linked(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.nlink() > 1)
}

#[cfg(not(unix))]
fn is_hard_linked(_: &Path) -> bool {
    false
}
