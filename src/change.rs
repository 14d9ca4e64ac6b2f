//! Changes of files, as plain data.
//!
//! A [`Change`] names a file by its URL path. A [`ChangeSet`] has at most one change for each path,
//! and sets can be merged: a tab that was slow, asleep or disconnected gets the sum of what it
//! missed, not the history.

use std::collections::{BTreeMap, btree_map::Entry};

use serde::{Deserialize, Serialize};

/// What happened to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The file is new.
    Created,
    /// The content changed.
    Modified,
    /// The file was removed.
    Removed,
}

/// One changed file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The URL path, percent-encoded; that of a folder ends with a slash. A file that is watched
    /// but not served has its path from the watched folder on, without a leading slash.
    pub path: String,
    /// What happened to it.
    pub kind: Kind,
}

/// Changes that are published together: one for each path, ordered by path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeSet(BTreeMap<String, Kind>);

impl ChangeSet {
    /// Adds a change that is later than those in the set.
    ///
    /// Created and then removed cancel each other; removed and then created is modified.
    pub fn add(&mut self, change: Change) {
        match self.0.entry(change.path) {
            Entry::Vacant(entry) => {
                entry.insert(change.kind);
            }
            Entry::Occupied(mut entry) => match (*entry.get(), change.kind) {
                (Kind::Created, Kind::Removed) => {
                    entry.remove();
                }
                (Kind::Created, _) => {}
                (Kind::Removed, Kind::Created) => {
                    entry.insert(Kind::Modified);
                }
                (_, kind) => {
                    entry.insert(kind);
                }
            },
        }
    }

    /// Adds a later set to this one.
    pub fn merge(&mut self, later: Self) {
        self.extend(later);
    }

    /// Iterates over the changes, ordered by path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Kind)> {
        self.0.iter().map(|(path, kind)| (path.as_str(), *kind))
    }

    /// Returns the number of changed files.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl IntoIterator for ChangeSet {
    type Item = Change;
    type IntoIter = std::iter::Map<
        std::collections::btree_map::IntoIter<String, Kind>,
        fn((String, Kind)) -> Change,
    >;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter().map(|(path, kind)| Change { path, kind })
    }
}

impl Extend<Change> for ChangeSet {
    fn extend<I: IntoIterator<Item = Change>>(&mut self, changes: I) {
        changes.into_iter().for_each(|change| self.add(change));
    }
}

impl FromIterator<Change> for ChangeSet {
    fn from_iter<I: IntoIterator<Item = Change>>(changes: I) -> Self {
        let mut set = Self::default();
        set.extend(changes);
        set
    }
}

#[cfg(test)]
mod tests {
    use super::{Change, ChangeSet, Kind::*};

    #[test]
    fn a_later_change_merges_with_an_earlier_one_of_the_same_path() {
        let table = [
            (Created, Created, Some(Created)),
            (Created, Modified, Some(Created)),
            (Created, Removed, None),
            (Modified, Created, Some(Created)),
            (Modified, Modified, Some(Modified)),
            (Modified, Removed, Some(Removed)),
            (Removed, Created, Some(Modified)),
            (Removed, Modified, Some(Modified)),
            (Removed, Removed, Some(Removed)),
        ];
        for (first, second, sum) in table {
            let change = |kind| Change { path: "/a".into(), kind };
            let mut set = ChangeSet::from_iter([change(first)]);
            set.merge(ChangeSet::from_iter([change(second)]));
            let kinds: Vec<_> = set.iter().map(|(_, kind)| kind).collect();
            assert_eq!(kinds, Vec::from_iter(sum), "{first:?} and then {second:?}");
        }
    }
}
