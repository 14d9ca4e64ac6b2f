//! Whether files are still as they were when they were read.

use std::{
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// When a file was written, and its length; nothing where there is none.
type Fact = Option<(SystemTime, u64)>;

/// Files, some of which there may not be, as they were.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts(Vec<(PathBuf, Fact)>);

impl Facts {
    /// Notes how a file is now, if it was not noted before.
    pub(super) fn note(&mut self, path: PathBuf) {
        if self.0.iter().all(|(known, _)| *known != path) {
            let fact = fact(&path);
            self.0.push((path, fact));
        }
    }

    /// Whether all files are as they were.
    pub(super) fn hold(&self) -> bool {
        self.0.iter().all(|(path, was)| fact(path) == *was)
    }

    /// How many files were noted.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The files that there are.
    pub(super) fn files(&self) -> impl Iterator<Item = PathBuf> + '_ {
        self.0.iter().filter(|(_, fact)| fact.is_some()).map(|(path, _)| path.clone())
    }
}

fn fact(path: &Path) -> Fact {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}
