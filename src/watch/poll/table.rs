//! What was seen in each folder that is polled, and what a new look says. Without I/O.
//!
//! A look takes its time, and is made without a lock; meanwhile its folder may be taken out and put in
//! again. So each folder has a number, and a look at an earlier one says nothing.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    time::Instant,
};

use super::{
    facts::Facts,
    settle::{self, Restless},
};
use crate::watch::signal::Signal;

/// What is in a folder.
pub(super) type Listing = Vec<(OsString, Facts)>;

/// What happened to paths.
pub(super) type Signals = Vec<(PathBuf, Signal)>;

/// The folders that are polled.
#[derive(Debug, Default)]
pub(super) struct Table {
    folders: BTreeMap<PathBuf, Folder>,
    numbers: u64,
}

/// How many names in a folder may be used before those are left out that nothing has: they are looked for
/// less often then.
const USED: usize = 10_000;

#[derive(Debug, Default)]
struct Folder {
    number: u64,
    away: bool,
    entries: HashMap<OsString, Facts>,
    /// Somebody uses these, or waits for them.
    used: HashSet<OsString>,
    restless: HashMap<OsString, Restless>,
}

/// A folder to look at, and the names in it if not all.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) folder: PathBuf,
    number: u64,
    pub(super) names: Vec<OsString>,
}

impl Table {
    /// A folder is polled from now on; it holds this.
    pub(super) fn add(&mut self, folder: &Path, listing: Listing) {
        self.numbers += 1;
        let entries = listing.into_iter().collect();
        let new = Folder { number: self.numbers, entries, ..Folder::default() };
        self.folders.insert(folder.to_owned(), new);
    }

    /// A folder is no longer polled. Those in it have to be named, too.
    pub(super) fn remove(&mut self, folder: &Path) {
        self.folders.remove(folder);
    }

    pub(super) fn contains(&self, folder: &Path) -> bool {
        self.folders.contains_key(folder)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.folders.is_empty()
    }

    /// Somebody uses a path, or waits for it: what decides over it in the nearest folder is looked at
    /// more often.
    pub(super) fn prioritize(&mut self, path: &Path) {
        let mut below = path;
        while let (Some(folder), Some(name)) = (below.parent(), below.file_name()) {
            if let Some(folder) = self.folders.get_mut(folder) {
                if folder.used.len() >= USED {
                    folder.used.retain(|name| folder.entries.contains_key(name));
                }
                folder.used.insert(name.to_owned());
                return;
            }
            below = folder;
        }
    }

    /// Something else saw what happened to a path, and told it: this is there now.
    pub(super) fn reported(&mut self, path: &Path, facts: Option<Facts>) {
        let Some((folder, name)) = path.parent().zip(path.file_name()) else { return };
        if let Some(folder) = self.folders.get_mut(folder) {
            folder.restless.remove(name);
            folder.keep(name, facts);
        }
    }

    /// One folder.
    pub(super) fn place(&self, folder: &Path) -> Option<Place> {
        let number = self.folders.get(folder)?.number;
        Some(Place { folder: folder.to_owned(), number, names: Vec::new() })
    }

    /// Whether somebody uses anything.
    pub(super) fn is_used(&self) -> bool {
        self.folders.values().any(|folder| !folder.used.is_empty())
    }

    /// Whether anything changed a moment ago.
    pub(super) fn is_restless(&self) -> bool {
        self.folders.values().any(|folder| folder.restless.values().any(Restless::hurried))
    }

    /// All folders, each after the one that it lies in.
    pub(super) fn all(&self) -> Vec<Place> {
        self.places(|_| Some(Vec::new()))
    }

    /// What somebody uses.
    pub(super) fn used(&self) -> Vec<Place> {
        self.places(|folder| some(folder.used.iter().cloned().collect()))
    }

    /// What changed a moment ago.
    pub(super) fn restless(&self) -> Vec<Place> {
        self.places(|folder| {
            let hurried = folder.restless.iter().filter(|(_, restless)| restless.hurried());
            some(hurried.map(|(name, _)| name.clone()).collect())
        })
    }

    fn places(&self, names: impl Fn(&Folder) -> Option<Vec<OsString>>) -> Vec<Place> {
        let place = |(path, folder): (&PathBuf, &Folder)| {
            Some(Place { folder: path.clone(), number: folder.number, names: names(folder)? })
        };
        self.folders.iter().filter_map(place).collect()
    }

    /// A folder was looked at; it may be away.
    pub(super) fn see(&mut self, at: &Place, listing: Option<Listing>, now: Instant) -> Signals {
        let told_above = at.folder.parent().is_some_and(|above| self.folders.contains_key(above));
        let Some(folder) = self.current(at) else { return Vec::new() };
        let mut signals = Vec::new();
        let away = listing.is_none();
        if away != folder.away && !told_above {
            let signal = if away { Signal::Removed } else { Signal::Created };
            signals.push((at.folder.clone(), signal));
        }
        folder.away = away;
        // What is in it went with it.
        let Some(listing) = listing else { return signals };
        let (mut met, known) = (0, folder.entries.len());
        for (name, facts) in &listing {
            met += usize::from(folder.entries.contains_key(name));
            folder.look(&at.folder, name, Some(*facts), now, &mut signals);
        }
        // As a rule nothing went, and nothing more is to be found out.
        if met < known || !folder.restless.is_empty() {
            let there: HashSet<_> = listing.iter().map(|(name, _)| name.as_os_str()).collect();
            let known = folder.entries.keys().chain(folder.restless.keys());
            let gone: HashSet<_> =
                known.filter(|name| !there.contains(name.as_os_str())).cloned().collect();
            for name in gone {
                folder.look(&at.folder, &name, None, now, &mut signals);
            }
        }
        signals
    }

    /// Some names in a folder were looked at.
    pub(super) fn see_some(
        &mut self,
        at: &Place,
        seen: Vec<(OsString, Option<Facts>)>,
        now: Instant,
    ) -> Signals {
        let mut signals = Vec::new();
        if let Some(folder) = self.current(at) {
            for (name, facts) in seen {
                folder.look(&at.folder, &name, facts, now, &mut signals);
            }
        }
        signals
    }

    fn current(&mut self, at: &Place) -> Option<&mut Folder> {
        self.folders.get_mut(&at.folder).filter(|folder| folder.number == at.number)
    }
}

impl Folder {
    fn look(
        &mut self,
        folder: &Path,
        name: &OsStr,
        facts: Option<Facts>,
        now: Instant,
        signals: &mut Signals,
    ) {
        let known = self.entries.get(name).copied();
        let restless = self.restless.get(name).copied();
        if known == facts && restless.is_none() {
            return;
        }
        let seen = settle::look(known, restless, facts, now);
        signals.extend(seen.signals.into_iter().map(|signal| (folder.join(name), signal)));
        match seen.restless {
            Some(restless) => self.restless.insert(name.to_owned(), restless),
            None => self.restless.remove(name),
        };
        self.keep(name, facts);
    }

    fn keep(&mut self, name: &OsStr, facts: Option<Facts>) {
        match facts {
            None => _ = self.entries.remove(name),
            Some(facts) => match self.entries.get_mut(name) {
                Some(known) => *known = facts,
                None => _ = self.entries.insert(name.to_owned(), facts),
            },
        }
    }
}

/// Names, if there are any.
fn some(names: Vec<OsString>) -> Option<Vec<OsString>> {
    (!names.is_empty()).then_some(names)
}

#[cfg(test)]
mod tests {
    use std::{
        path::Path,
        time::{Duration, Instant},
    };

    use super::{Facts, Listing, Place, Table, USED};
    use crate::watch::{poll::facts::File, signal::Signal::*};

    fn file(time: i64) -> Facts {
        Facts::File(File { size: 1, modified: time, changed: time, inode: 1 })
    }

    fn listing(entries: &[(&str, Facts)]) -> Listing {
        entries.iter().map(|(name, facts)| (name.into(), *facts)).collect()
    }

    fn place(table: &Table, folder: &str) -> Place {
        table.place(Path::new(folder)).unwrap()
    }

    #[test]
    fn a_look_at_a_folder_tells_what_came_went_and_changed() {
        let (mut table, now) = (Table::default(), Instant::now());
        table.add(Path::new("/s"), listing(&[("a", file(1)), ("b", file(1)), ("c", file(1))]));
        let at = place(&table, "/s");
        let look = [("a", file(1)), ("b", file(2)), ("d", Facts::Folder)];
        let mut told = table.see(&at, Some(listing(&look)), now);
        told.sort_by_key(|(path, _)| path.clone());
        let wanted = [("/s/b", Written), ("/s/c", Removed), ("/s/d", Created)];
        assert_eq!(told, wanted.map(|(path, signal)| (path.into(), signal)));
        let names: Vec<_> = table.restless().into_iter().flat_map(|place| place.names).collect();
        assert_eq!(names.len(), 2, "{names:?}");

        let later = now + Duration::from_secs(1);
        let told = table.see(&at, Some(listing(&look)), later);
        assert_eq!(told, [("/s/b".into(), Finished)]);
        let told = table.see(&at, Some(listing(&look)), later + Duration::from_secs(1));
        assert_eq!((told.len(), table.restless().len()), (0, 0));
    }

    #[test]
    fn a_look_that_is_late_says_nothing() {
        let (mut table, now) = (Table::default(), Instant::now());
        table.add(Path::new("/s"), listing(&[("a", file(1))]));
        let old = place(&table, "/s");
        table.add(Path::new("/s"), listing(&[("a", file(2))]));
        assert_eq!(table.see(&old, Some(listing(&[("a", file(1))])), now), []);
        table.remove(Path::new("/s"));
        assert_eq!(table.see_some(&old, vec![("a".into(), None)], now), []);
        assert!(table.is_empty());
    }

    #[test]
    fn a_folder_that_goes_is_told_once_and_by_the_one_above_if_there_is_one() {
        let (mut table, now) = (Table::default(), Instant::now());
        table.add(Path::new("/s"), listing(&[("sub", Facts::Folder)]));
        table.add(Path::new("/s/sub"), listing(&[("a", file(1))]));
        let (root, sub) = (place(&table, "/s"), place(&table, "/s/sub"));
        assert_eq!(table.see(&sub, None, now), []);
        assert_eq!(table.see(&root, Some(Vec::new()), now), [("/s/sub".into(), Removed)]);
        assert_eq!(table.see(&root, None, now), [("/s".into(), Removed)]);
        assert_eq!(table.see(&root, None, now), []);
        assert_eq!(table.see(&root, Some(Vec::new()), now), [("/s".into(), Created)]);
    }

    #[test]
    fn what_is_used_is_found_where_it_would_appear() {
        let mut table = Table::default();
        table.add(Path::new("/s"), Vec::new());
        table.add(Path::new("/s/sub"), Vec::new());
        for path in ["/s/a", "/s/sub/b", "/s/new/deep/c", "/s/new/d", "/elsewhere/a"] {
            table.prioritize(Path::new(path));
        }
        let mut used: Vec<_> = table
            .used()
            .into_iter()
            .flat_map(|place| place.names.into_iter().map(move |name| place.folder.join(name)))
            .collect();
        used.sort();
        assert_eq!(used, ["/s/a", "/s/new", "/s/sub/b"].map(Path::new));
    }

    #[test]
    fn names_of_nothing_are_not_looked_for_without_end() {
        let mut table = Table::default();
        table.add(Path::new("/s"), listing(&[("a", file(1))]));
        table.prioritize(Path::new("/s/a"));
        for name in 1..USED {
            table.prioritize(Path::new(&format!("/s/{name}")));
        }
        assert_eq!(table.used()[0].names.len(), USED);
        table.prioritize(Path::new("/s/one more"));
        let mut names = table.used().remove(0).names;
        names.sort();
        assert_eq!(names, ["a", "one more"]);
    }

    #[test]
    fn what_was_heard_is_not_told_again() {
        let (mut table, now) = (Table::default(), Instant::now());
        table.add(Path::new("/s"), listing(&[("a", file(1)), ("b", file(1))]));
        table.reported(Path::new("/s/a"), Some(file(2)));
        table.reported(Path::new("/s/b"), None);
        let at = place(&table, "/s");
        assert_eq!(table.see(&at, Some(listing(&[("a", file(2))])), now), []);
    }
}
