//! Reading of configuration files, and change detection by modification time and size.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    time::SystemTime,
};

/// The size up to which a configuration file is read, bytes.
const MAX_SIZE: u64 = 1024 * 1024;

/// Reads a configuration file, or returns `None` if there is no such regular file. Follows links.
///
/// # Errors
/// The file cannot be read, or has more than 1 MiB.
pub(super) fn read_bounded(path: &Path) -> io::Result<Option<Vec<u8>>> {
    // Opening a FIFO would wait for its other end.
    if !fs::metadata(path).is_ok_and(|metadata| metadata.is_file()) {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_SIZE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_SIZE {
        return Err(io::Error::other(format!("it has more than {} MiB", MAX_SIZE >> 20)));
    }
    Ok(Some(bytes))
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
