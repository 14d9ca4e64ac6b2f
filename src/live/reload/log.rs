//! The version at which each path last changed, from which a tab learns what it missed.
//!
//! Bounded to [`LIMIT`] paths: when the log is full, the older half of the versions is dropped, and
//! a tab that was last notified before those has to reload.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use crate::change::Kind;

/// The maximum number of paths in the log.
pub(super) const LIMIT: usize = 10_000;

/// The last change of each path.
#[derive(Debug, Default)]
pub(super) struct ChangeLog {
    last: HashMap<Arc<str>, (u64, Kind)>,
    /// The same entries in the order of their versions.
    by_version: BTreeSet<(u64, Arc<str>)>,
    /// Changes up to and including this version may be missing.
    dropped: u64,
}

impl ChangeLog {
    pub(super) fn add(&mut self, path: &str, kind: Kind, version: u64) {
        let path: Arc<str> = path.into();
        if let Some((before, _)) = self.last.insert(Arc::clone(&path), (version, kind)) {
            self.by_version.remove(&(before, Arc::clone(&path)));
        }
        self.by_version.insert((version, path));
        if self.last.len() > LIMIT {
            self.dropped = version - (version - self.dropped) / 2;
            let kept = self.by_version.split_off(&(self.dropped + 1, Arc::from("")));
            for (_, path) in std::mem::replace(&mut self.by_version, kept) {
                self.last.remove(&path);
            }
        }
    }

    /// Returns whether the log has every change after a version.
    pub(super) fn is_complete_after(&self, version: u64) -> bool {
        version >= self.dropped
    }

    /// Returns the version at which a path last changed, and how.
    pub(super) fn last(&self, path: &str) -> Option<(u64, Kind)> {
        self.last.get(path).copied()
    }

    /// Returns the last change of each path that changed after one version and not after another.
    pub(super) fn between(&self, after: u64, until: u64) -> impl Iterator<Item = (&str, Kind)> {
        let from = (after.saturating_add(1), Arc::from(""));
        let changes = self.by_version.range(from..).take_while(move |(at, _)| *at <= until);
        changes.filter_map(|(_, path)| self.last.get(path).map(|(_, kind)| (&**path, *kind)))
    }
}
