//! Which folders are watched.
//!
//! On Linux a watch covers one folder, and the number of watches is limited. So the tree is walked
//! here, folder by folder: an ignored folder is left out until a file in it is requested, and an
//! unreadable one costs its own watch only. Elsewhere the system watches whole trees. Each folder
//! is watched first and listed then, so that nothing that is created in it falls between the two.
//!
//! The walk, at start or through a folder that appeared, is cut into short
//! [steps](Tree::walk_step), between which the thread attends to requests and events.
//! [`observer`](super::observer) decides how a folder is watched.

use std::{
    collections::BTreeSet,
    fs, io,
    ops::Bound,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::{ignore::Ignore, observer::Observer, signal::Signal};
use crate::event::{Event, Events};

/// How long one step of the walk takes, but for the folder that it ends with.
const STEP: Duration = Duration::from_millis(2);

/// The watched folders below some roots.
pub(super) struct Tree {
    observer: Observer,
    /// In order, so that the folders below a folder follow it.
    watched: BTreeSet<PathBuf>,
    /// The folder above the root.
    above: Option<PathBuf>,
    /// The folders that are still to be walked, and whether each has appeared.
    unwalked: Vec<(PathBuf, bool)>,
    events: Events,
}

/// An entry of a folder that is walked, and is not ignored.
pub(super) struct Entry {
    pub(super) path: PathBuf,
    pub(super) is_folder: bool,
    /// The walk began with a folder that appeared.
    pub(super) is_new: bool,
}

impl Tree {
    /// Creates a tree without folders.
    pub(super) fn new(observer: Observer, events: Events) -> Self {
        let (watched, unwalked) = (BTreeSet::new(), Vec::new());
        Self { observer, watched, above: None, unwalked, events }
    }

    /// Watches a folder now. Those below it are watched by later [steps](Self::walk_step), which
    /// pass on whether it `is_new`.
    pub(super) fn walk(&mut self, folder: &Path, is_new: bool) {
        self.watch(folder);
        self.unwalked.push((folder.to_owned(), is_new));
    }

    /// Returns whether there are folders left to walk.
    pub(super) fn is_walking(&self) -> bool {
        !self.unwalked.is_empty()
    }

    /// Watches folders for about 2 ms, and passes what they hold to a function.
    ///
    /// # Blocking
    /// Lists folders.
    pub(super) fn walk_step(&mut self, ignore: &mut Ignore, mut found: impl FnMut(Entry)) {
        let end = Instant::now() + STEP;
        while let Some((folder, is_new)) = self.unwalked.pop() {
            self.watch_and_list(&folder, is_new, ignore, &mut found);
            if Instant::now() >= end {
                return;
            }
        }
    }

    fn watch_and_list(
        &mut self,
        folder: &Path,
        is_new: bool,
        ignore: &mut Ignore,
        found: &mut impl FnMut(Entry),
    ) {
        self.watch(folder);
        ignore.load(folder);
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => {
                if error.kind() != io::ErrorKind::NotFound {
                    self.report(folder, error.to_string());
                }
                return;
            }
        };
        for entry in entries.flatten() {
            // A symbolic link is not followed: it may lead to a folder above.
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let path = entry.path();
            if !ignore.unwatched_entry(&path, is_folder) {
                if is_folder {
                    self.unwalked.push((path.clone(), is_new));
                }
                found(Entry { path, is_folder, is_new });
            }
        }
    }

    /// Watches one folder. Returns whether that is a new watch.
    pub(super) fn add_one(&mut self, folder: &Path) -> bool {
        !self.watched.contains(folder) && self.watch(folder)
    }

    /// Watches the folder above a root, where that costs no more than one watch. The root may be
    /// replaced, and if it is a symbolic link, its own watch does not report that.
    pub(super) fn add_above(&mut self, root: &Path) {
        if let Some(above) = root.parent()
            && self.observer.watch_one(above)
        {
            self.above = Some(above.to_owned());
        }
    }

    /// Watches a file by itself. Returns whether that is a new watch.
    pub(super) fn add_file(&mut self, file: &Path) -> bool {
        !self.watched.contains(file)
            && self.observer.watch_one(file)
            && self.watched.insert(file.to_owned())
    }

    /// Removes a file that was watched by itself.
    pub(super) fn remove_file(&mut self, file: &Path) {
        if self.watched.contains(file) && file.is_file() {
            self.watched.remove(file);
            self.observer.unwatch(file);
        }
    }

    /// Removes a folder that went away, and all below it. Their watches would otherwise go on under
    /// their old names, wherever the folder was moved.
    pub(super) fn remove(&mut self, folder: &Path) {
        for folder in self.below(folder).cloned().collect::<Vec<_>>() {
            self.watched.remove(&folder);
            self.observer.unwatch(&folder);
        }
    }

    /// Returns whether a path, or one below it, is watched by itself.
    pub(super) fn watches_below(&self, path: &Path) -> bool {
        self.below(path).next().is_some()
    }

    fn below(&self, folder: &Path) -> impl Iterator<Item = &PathBuf> {
        let below = self.watched.range::<Path, _>((Bound::Included(folder), Bound::Unbounded));
        below.take_while(move |watched| watched.starts_with(folder))
    }

    /// Removes all folders. After a loss of events, it is unknown which of them were moved.
    pub(super) fn clear(&mut self) {
        self.unwalked.clear();
        for folder in std::mem::take(&mut self.watched) {
            self.observer.unwatch(&folder);
        }
        if let Some(above) = self.above.take() {
            self.observer.unwatch(&above);
        }
    }

    /// Returns how many folders, and files by themselves, are watched.
    pub(super) fn len(&self) -> usize {
        self.watched.len()
    }

    /// Polls a path more often, where there are no events, because it was served or was missing.
    pub(super) fn prioritize(&self, path: &Path) {
        self.observer.prioritize(path);
    }

    /// Takes note that the system reported a signal.
    pub(super) fn reported(&self, path: &Path, signal: Signal) {
        // A file that is being written will be reported again.
        if signal != Signal::Written {
            self.observer.reported(path);
        }
    }

    /// Tries again to get the watches that the system refused.
    pub(super) fn retry(&mut self) {
        self.observer.retry();
    }

    fn watch(&mut self, folder: &Path) -> bool {
        let is_covered = !self.observer.watches_each_folder()
            && folder.ancestors().any(|above| self.watched.contains(above));
        !is_covered && self.observer.watch(folder) && self.watched.insert(folder.to_owned())
    }

    fn report(&self, path: &Path, why: String) {
        self.events.emit(Event::WatchFault { path: path.to_owned(), why });
    }
}
