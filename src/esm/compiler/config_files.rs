//! Reading of configuration files, and change detection by modification time and size.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use crate::docroot;

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

/// The modification time and size of a file; `None` if there is no such file.
type State = Option<(SystemTime, u64)>;

/// The configuration files that a result depends on, with their states when they were read.
///
/// Includes files that did not exist but would have been used.
#[derive(Clone, Debug, Default)]
pub(super) struct ConfigFiles(Vec<(PathBuf, State)>);

impl ConfigFiles {
    /// Records the current state of a file, unless it has been recorded before.
    pub(super) fn record(&mut self, path: PathBuf) {
        if self.0.iter().all(|(known, _)| *known != path) {
            let state = state(&path);
            self.0.push((path, state));
        }
    }

    /// Returns whether no file has changed since it was recorded.
    pub(super) fn are_unchanged(&self) -> bool {
        self.0.iter().all(|(path, recorded)| state(path) == *recorded)
    }

    /// Returns whether no file has changed since it was recorded that decides on a source. A
    /// `tsconfig.json` or `jsconfig.json` that did not exist decides on the sources below its folder
    /// only: checking those of all folders would cost each source a time that grows with the
    /// project.
    pub(super) fn are_unchanged_for(&self, source: &Path) -> bool {
        let decides = |path: &Path| {
            let by_folder = ["tsconfig.json", "jsconfig.json"].iter().any(|it| path.ends_with(it));
            !by_folder || path.parent().is_some_and(|folder| source.starts_with(folder))
        };
        self.0
            .iter()
            .filter(|(path, recorded)| recorded.is_some() || decides(path))
            .all(|(path, recorded)| state(path) == *recorded)
    }

    /// Returns the files that existed when they were recorded.
    pub(super) fn existing(&self) -> impl Iterator<Item = PathBuf> + '_ {
        self.0.iter().filter(|(_, state)| state.is_some()).map(|(path, _)| path.clone())
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

fn state(path: &Path) -> State {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}
