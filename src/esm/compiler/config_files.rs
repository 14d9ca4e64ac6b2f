//! Reading of configuration files, and change detection by modification time and size.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
};

use crate::{
    docroot,
    esm::disk_view::{DiskView, FileState},
};

/// The size up to which a configuration file is read, bytes.
const MAX_SIZE: u64 = 1024 * 1024;

/// Reads a configuration file, or returns `None` if there is no such file. A folder counts as none:
/// `.env` is a common name for one with a Python environment. Follows links.
///
/// # Errors
/// The file cannot be read, is no regular file, or has more than 1 MiB.
pub(super) fn read_bounded(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match docroot::read_bounded(path, MAX_SIZE) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::IsADirectory => Ok(None),
            _ => Err(error),
        },
    }
}

/// The files that decide on the sources below their folder only.
const OF_FOLDERS: [&str; 2] = ["tsconfig.json", "jsconfig.json"];

/// The configuration files that a result depends on, with their states when they were read.
///
/// Includes files that did not exist but would have been used.
#[derive(Clone, Debug, Default)]
pub(super) struct ConfigFiles {
    files: BTreeMap<PathBuf, Option<FileState>>,
    /// Those [of folders](OF_FOLDERS) that did not exist.
    absent: BTreeSet<PathBuf>,
}

impl ConfigFiles {
    /// Records the state of a file, unless it has been recorded before.
    pub(super) fn record(&mut self, path: PathBuf, disk: &DiskView) {
        if self.files.contains_key(&path) || self.absent.contains(&path) {
            return;
        }
        match disk.state(&path) {
            None if OF_FOLDERS.iter().any(|name| path.ends_with(name)) => {
                self.absent.insert(path);
            }
            state => {
                self.files.insert(path, state);
            }
        }
    }

    /// Returns whether no file has changed since it was recorded that decides on a source.
    ///
    /// A `tsconfig.json` or `jsconfig.json` that did not exist is checked only if it would be in a
    /// folder above the source: checking those of all folders would cost each source a time that
    /// grows with the project.
    ///
    /// # Blocking
    /// Looks at the files.
    pub(super) fn are_unchanged_for(&self, source: &Path, disk: &DiskView) -> bool {
        let above = source.ancestors().skip(1);
        let candidates = above.flat_map(|folder| OF_FOLDERS.map(|name| folder.join(name)));
        let mut absent = candidates.filter(|path| self.absent.contains(path));
        self.files.iter().all(|(path, recorded)| disk.state(path) == *recorded)
            && absent.all(|path| disk.state(&path).is_none())
    }

    /// Returns the files that existed when they were recorded.
    pub(super) fn existing(&self) -> impl Iterator<Item = PathBuf> + '_ {
        self.files.iter().filter(|(_, state)| state.is_some()).map(|(path, _)| path.clone())
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.files.len() + self.absent.len()
    }
}
