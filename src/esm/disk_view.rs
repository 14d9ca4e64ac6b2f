//! What one request has seen of the disk, so that it looks at each path once.
//!
//! The options and variables of a module depend on files in every folder above it, and a pack may
//! have thousands of modules with the same folders above them. Caches compare such files with the
//! disk for each request; with a view, they do so once for all modules of the request.
//!
//! A view shows the disk at some time after the request began. What is changed later is seen by the
//! next request, which has a view of its own.

use std::{
    collections::HashMap,
    fs::Metadata,
    hash::Hasher,
    path::{Path, PathBuf},
    sync::Mutex,
    time::{SystemTime, UNIX_EPOCH},
};

use xxhash_rust::xxh3::Xxh3;

use super::lock::lock;

/// The number of paths that are remembered. Further ones are looked at each time.
const MAX_PATHS: usize = 100_000;

/// The states of the paths that were looked at.
#[derive(Debug, Default)]
pub(crate) struct DiskView(Mutex<HashMap<PathBuf, Option<FileState>>>);

/// The state of a file or folder. Links are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileState {
    modified: Option<SystemTime>,
    size: u64,
    is_file: bool,
    is_folder: bool,
}

impl DiskView {
    /// Returns the state of a path, or `None` if nothing is there.
    ///
    /// # Blocking
    /// Calls `stat`, unless the path was looked at before.
    pub(crate) fn state(&self, path: &Path) -> Option<FileState> {
        if let Some(known) = lock(&self.0).get(path) {
            return *known;
        }
        let state = FileState::of(path);
        let mut known = lock(&self.0);
        if known.len() < MAX_PATHS {
            known.insert(path.to_owned(), state);
        }
        state
    }

    /// Returns whether there is a regular file.
    ///
    /// # Blocking
    /// As [`state`](Self::state).
    pub(crate) fn has_file(&self, path: &Path) -> bool {
        self.state(path).is_some_and(|state| state.is_file)
    }

    /// Returns whether there is something other than a folder.
    ///
    /// # Blocking
    /// As [`state`](Self::state).
    pub(crate) fn has_other_than_folder(&self, path: &Path) -> bool {
        self.state(path).is_some_and(|state| !state.is_folder)
    }

    /// Returns the [stamp](FileState::stamp) of a file, or 0 if there is none.
    ///
    /// # Blocking
    /// As [`state`](Self::state).
    pub(crate) fn stamp(&self, path: &Path) -> u64 {
        self.state(path).map_or(0, FileState::stamp)
    }
}

impl FileState {
    /// Returns the state of a path, or `None` if nothing is there.
    ///
    /// # Blocking
    /// Calls `stat`.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let metadata: Metadata = std::fs::metadata(path).ok()?;
        Some(Self {
            modified: metadata.modified().ok(),
            size: metadata.len(),
            is_file: metadata.is_file(),
            is_folder: metadata.is_dir(),
        })
    }

    /// Returns a hash of the size and modification time.
    pub(crate) fn stamp(self) -> u64 {
        let modified = self.modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let mut hash = Xxh3::new();
        hash.write_u64(self.size);
        hash.write_u128(modified.unwrap_or_default().as_nanos());
        hash.finish()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::DiskView;

    #[test]
    fn a_view_looks_at_each_path_once() {
        let dir = tempfile::tempdir().unwrap();
        let (file, view) = (dir.path().join("a"), DiskView::default());
        assert!(!view.has_file(&file) && !view.has_other_than_folder(dir.path()));
        fs::write(&file, "a").unwrap();
        assert_eq!((view.state(&file), view.stamp(&file)), (None, 0));
        let next = DiskView::default();
        assert!(next.has_file(&file) && next.has_other_than_folder(&file));
        assert_ne!(next.stamp(&file), 0);
        assert!(!next.has_file(dir.path()));
    }
}
