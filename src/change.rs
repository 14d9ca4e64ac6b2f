//! What changed, as plain data.
//!
//! A [`Change`] names a file by the URL path that a browser would ask for; a [`ChangeSet`] holds at
//! most one change for each path, so that sets can be merged: a tab that was slow, asleep or away
//! gets the sum of what it missed, not the history.

use std::collections::{BTreeMap, btree_map::Entry};

use serde::{Deserialize, Serialize};

/// What happened to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// It was not there before.
    Created,
    /// Its content is another.
    Modified,
    /// It is gone.
    Removed,
}

/// One changed file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The URL path as a browser would ask for it, percent-encoded; a folder ends in a slash. A file
    /// in a folder that is watched but not served has no such path: it is given without the leading
    /// slash.
    pub path: String,
    /// What happened to it.
    pub kind: Kind,
}

/// Changes that are told together, one for each path, in the order of the paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeSet(BTreeMap<String, Kind>);

impl ChangeSet {
    /// Adds what happened after everything that the set already holds.
    ///
    /// Created and then removed is nothing; removed and then created is modified.
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

    /// Each path and what happened to it, in the order of the paths.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Kind)> {
        self.0.iter().map(|(path, kind)| (path.as_str(), *kind))
    }

    /// How many files changed.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing changed.
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
    fn a_later_change_is_added_to_an_earlier_one() {
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
