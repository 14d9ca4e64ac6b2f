//! Which folders are watched.
//!
//! On Linux a watch covers one folder, and its number is limited, so the tree is walked here, folder
//! by folder: ignored ones are left out until somebody asks for a file in them, and one that cannot
//! be read costs its own watch only. Elsewhere the system watches whole trees, at no cost for each
//! folder. Each folder is watched first and read then, so that nothing that is put into it falls
//! between the two.

use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
};

use notify::{ErrorKind, RecommendedWatcher, RecursiveMode, Watcher};

use super::ignore::Ignore;
use crate::event::{Event, Events};

/// Whether each folder needs a watch of its own.
const EACH: bool = cfg!(target_os = "linux");

/// The watched folders below some roots.
pub(super) struct Tree {
    watcher: RecommendedWatcher,
    watched: HashSet<PathBuf>,
    /// The folder above the root.
    above: Option<PathBuf>,
    events: Events,
    /// Said once: it would be said for each folder.
    said_limit: bool,
}

impl Tree {
    /// A tree without folders.
    pub(super) fn new(watcher: RecommendedWatcher, events: Events) -> Self {
        Self { watcher, watched: HashSet::new(), above: None, events, said_limit: false }
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
            || (!EACH && folder.ancestors().any(|above| self.watched.contains(above)));
        !known && self.watch(folder)
    }

    /// Watches the folder that a root lies in, where that costs no more than one folder: the root may be
    /// replaced, and if it is a link, its own watch does not say so.
    pub(super) fn add_above(&mut self, root: &Path) {
        if EACH && let Some(above) = root.parent() {
            self.add_one(above);
            self.above = Some(above.to_owned());
        }
    }

    /// Forgets one folder or file.
    pub(super) fn remove_one(&mut self, path: &Path) {
        if path.is_file() && self.watched.remove(path) {
            let _ = self.watcher.unwatch(path);
        }
    }

    /// Forgets a folder that went away, and all below it. Their watches would go on under the name
    /// that they had, wherever the folder was moved.
    pub(super) fn remove(&mut self, folder: &Path) {
        let gone: Vec<_> = self.watched.extract_if(|watched| watched.starts_with(folder)).collect();
        for folder in gone {
            // The system may have dropped the watch itself.
            let _ = self.watcher.unwatch(&folder);
        }
    }

    /// Forgets all folders: after a loss of events, nobody knows which of them went where.
    pub(super) fn clear(&mut self) {
        self.remove(Path::new("/"));
    }

    /// How many folders, and files with other names, are watched for their own sake.
    pub(super) fn len(&self) -> usize {
        let above = self.above.as_ref().is_some_and(|above| self.watched.contains(above));
        self.watched.len() - usize::from(above)
    }

    fn watch(&mut self, folder: &Path) -> bool {
        let mode = if EACH { RecursiveMode::NonRecursive } else { RecursiveMode::Recursive };
        if !EACH && folder.ancestors().any(|above| self.watched.contains(above)) {
            return false;
        }
        match self.watcher.watch(folder, mode) {
            Ok(()) => self.watched.insert(folder.to_owned()),
            Err(error) => {
                match error.kind {
                    ErrorKind::MaxFilesWatch if self.said_limit => {}
                    ErrorKind::MaxFilesWatch => {
                        self.said_limit = true;
                        let why = format!(
                            "the system's limit of watches is reached after {} folders: raise it with \
                             'sysctl fs.inotify.max_user_watches=524288'",
                            self.watched.len()
                        );
                        self.fault(folder, why);
                    }
                    // Gone again: its folder's watch says so.
                    ErrorKind::PathNotFound => {}
                    ErrorKind::Io(why) if why.kind() == io::ErrorKind::NotFound => {}
                    kind => self.fault(folder, notify::Error::new(kind).to_string()),
                }
                false
            }
        }
    }

    fn fault(&self, path: &Path, why: String) {
        self.events.emit(Event::WatchFault { path: path.to_owned(), why });
    }
}
