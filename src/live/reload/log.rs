//! At which version each path last changed: what a tab missed is read from here.
//!
//! Bounded: when it is full, the older half is forgotten, and a tab from before that is told to
//! start afresh.

use std::collections::BTreeMap;

use crate::change::Kind;

/// How many changed paths are remembered.
pub(super) const LOG: usize = 10_000;

/// The last change of each path.
#[derive(Debug, Default)]
pub(super) struct Log {
    last: BTreeMap<String, (u64, Kind)>,
    /// Changes up to and including this version may be missing here.
    pub(super) forgotten: u64,
}

/// A change, and when it was published.
pub(super) struct Logged<'a> {
    pub(super) path: &'a str,
    pub(super) kind: Kind,
    pub(super) version: u64,
}

impl Log {
    pub(super) fn add(&mut self, path: &str, kind: Kind, version: u64) {
        self.last.insert(path.to_owned(), (version, kind));
        if self.last.len() > LOG {
            let middle = version - (version - self.forgotten) / 2;
            self.last.retain(|_, (version, _)| *version > middle);
            self.forgotten = middle;
        }
    }

    #[cfg_attr(not(feature = "esm"), allow(dead_code))]
    /// When a path last changed.
    pub(super) fn version_of(&self, path: &str) -> Option<u64> {
        self.last.get(path).map(|(version, _)| *version)
    }

    /// What changed after a version.
    pub(super) fn since(&self, since: u64) -> impl Iterator<Item = Logged<'_>> {
        self.last
            .iter()
            .map(|(path, (version, kind))| Logged { path, kind: *kind, version: *version })
            .filter(move |logged| logged.version > since)
    }
}
