//! Which folders are watched.
//!
//! On Linux a watch covers one folder, and its number is limited, so the tree is walked here, folder
//! by folder: ignored ones are left out until somebody asks for a file in them, and one that cannot
//! be read costs its own watch only. Elsewhere the system watches whole trees, at no cost for each
//! folder. Each folder is watched first and read then, so that nothing that is put into it falls
//! between the two. Who watches a folder, and how, is the [`observer`](super::observer)'s business.

use std::{
    collections::BTreeSet,
    fs, io,
    ops::Bound,
    path::{Path, PathBuf},
};

use super::{coalesce::Signal, ignore::Ignore, observer::Observer};
use crate::event::{Event, Events};

/// The watched folders below some roots.
pub(super) struct Tree {
    observer: Observer,
    /// In order, so that those below a folder follow it.
    watched: BTreeSet<PathBuf>,
    /// The folder above the root.
    above: Option<PathBuf>,
    events: Events,
}

impl Tree {
    /// A tree without folders.
    pub(super) fn new(observer: Observer, events: Events) -> Self {
        Self { observer, watched: BTreeSet::new(), above: None, events }
    }

    /// Watches a folder and those below it that are not ignored; gives the files in them.
    pub(super) fn add(&mut self, folder: &Path, ignore: &mut Ignore) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut open = vec![folder.to_owned()];
        while let Some(folder) = open.pop() {
            self.watch(&folder);
            ignore.load(&folder);
            let entries = match fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(why) => {
                    if why.kind() != io::ErrorKind::NotFound {
                        self.fault(&folder, why.to_string());
                    }
                    continue;
                }
            };
            for entry in entries.flatten() {
                let path = entry.path();
                // Not what a link leads to: it may lead round in a ring.
                let directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
                if ignore.unwatched(&path, directory) {
                    continue;
                }
                if directory {
                    open.push(path.clone());
                }
                found.push(path);
            }
        }
        found
    }

    /// Watches one folder. Gives whether that is a new watch.
    pub(super) fn add_one(&mut self, folder: &Path) -> bool {
        let known = self.watched.contains(folder)
            || (!self.observer.each()
                && folder.ancestors().any(|above| self.watched.contains(above)));
        !known && self.watch(folder)
    }

    /// Watches the folder that a root lies in, where that costs no more than one folder: the root may be
    /// replaced, and if it is a link, its own watch does not say so.
    pub(super) fn add_above(&mut self, root: &Path) {
        if let Some(above) = root.parent()
            && self.observer.watch_by_itself(above)
        {
            self.above = Some(above.to_owned());
        }
    }

    /// Watches a file by itself. Gives whether that is a new watch.
    pub(super) fn add_file(&mut self, file: &Path) -> bool {
        !self.watched.contains(file)
            && self.observer.watch_by_itself(file)
            && self.watched.insert(file.to_owned())
    }

    /// Forgets a file that was watched by itself.
    pub(super) fn remove_file(&mut self, file: &Path) {
        if file.is_file() && self.watched.remove(file) {
            self.observer.unwatch(file);
        }
    }

    /// Forgets a folder that went away, and all below it. Their watches would go on under the name
    /// that they had, wherever the folder was moved.
    pub(super) fn remove(&mut self, folder: &Path) {
        let below = self.watched.range::<Path, _>((Bound::Included(folder), Bound::Unbounded));
        let below = below.take_while(|watched| watched.starts_with(folder));
        for folder in below.cloned().collect::<Vec<_>>() {
            self.watched.remove(&folder);
            self.observer.unwatch(&folder);
        }
    }

    /// Forgets all folders: after a loss of events, nobody knows which of them went where.
    pub(super) fn clear(&mut self) {
        for folder in std::mem::take(&mut self.watched) {
            self.observer.unwatch(&folder);
        }
        if let Some(above) = self.above.take() {
            self.observer.unwatch(&above);
        }
    }

    /// How many folders, and files by themselves, are watched.
    pub(super) fn len(&self) -> usize {
        self.watched.len()
    }

    /// Somebody uses a path, or waits for it: where there are no events, it is looked at more often.
    pub(super) fn uses(&self, path: &Path) {
        self.observer.uses(path);
    }

    /// The system told this of a path.
    pub(super) fn heard(&self, path: &Path, signal: Signal) {
        // A writer that is at work will be heard of again.
        if signal != Signal::Written {
            self.observer.heard(path);
        }
    }

    /// Tries again to have the watches that the system refused.
    pub(super) fn retry(&mut self) {
        self.observer.retry();
    }

    fn watch(&mut self, folder: &Path) -> bool {
        if !self.observer.each() && folder.ancestors().any(|above| self.watched.contains(above)) {
            return false;
        }
        if !self.observer.watch(folder) {
            return false;
        }
        self.watched.insert(folder.to_owned())
    }

    fn fault(&self, path: &Path, why: String) {
        self.events.emit(Event::WatchFault { path: path.to_owned(), why });
    }
}
