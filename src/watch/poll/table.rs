//! The last known state of each polled folder, and what a new examination of it means. No I/O.
//!
//! A folder is examined without a lock, which takes time; meanwhile it may be removed from the
//! table and added again. So each folder has a generation, and an examination of an older one is
//! discarded.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    time::Instant,
};

use super::{
    facts::Facts,
    settle::{self, Recent},
};
use crate::watch::signal::Signal;

/// The entries of a folder.
pub(super) type Listing = Vec<(OsString, Facts)>;

/// What happened to paths.
pub(super) type Signals = Vec<(PathBuf, Signal)>;

/// The polled folders.
#[derive(Debug, Default)]
pub(super) struct Table {
    folders: BTreeMap<PathBuf, Folder>,
    generations: u64,
}

/// How many names in a folder may have priority. Beyond that, missing names lose it.
const PRIORITIES: usize = 10_000;

#[derive(Debug, Default)]
struct Folder {
    generation: u64,
    is_missing: bool,
    entries: HashMap<OsString, Facts>,
    /// The names that were requested, whether they exist or not.
    priority: HashSet<OsString>,
    recent: HashMap<OsString, Recent>,
}

/// A folder to examine: some names in it, or all.
#[derive(Clone, Debug)]
pub(super) struct Task {
    pub(super) folder: PathBuf,
    generation: u64,
    pub(super) names: Vec<OsString>,
}

impl Table {
    /// Adds a folder with its entries.
    pub(super) fn add(&mut self, folder: &Path, listing: Listing) {
        self.generations += 1;
        let entries = listing.into_iter().collect();
        let new = Folder { generation: self.generations, entries, ..Folder::default() };
        self.folders.insert(folder.to_owned(), new);
    }

    /// Removes a folder, but not those below it.
    pub(super) fn remove(&mut self, folder: &Path) {
        self.folders.remove(folder);
    }

    pub(super) fn contains(&self, folder: &Path) -> bool {
        self.folders.contains_key(folder)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.folders.is_empty()
    }

    /// Examines a requested path more often: its name, or that of the first missing folder above
    /// it, in the nearest polled folder.
    pub(super) fn prioritize(&mut self, path: &Path) {
        let mut below = path;
        while let (Some(folder), Some(name)) = (below.parent(), below.file_name()) {
            if let Some(folder) = self.folders.get_mut(folder) {
                if folder.priority.len() >= PRIORITIES {
                    folder.priority.retain(|name| folder.entries.contains_key(name));
                }
                folder.priority.insert(name.to_owned());
                return;
            }
            below = folder;
        }
    }

    /// Updates a path whose change was reported by other means.
    pub(super) fn reported(&mut self, path: &Path, facts: Option<Facts>) {
        let Some((folder, name)) = path.parent().zip(path.file_name()) else { return };
        if let Some(folder) = self.folders.get_mut(folder) {
            folder.recent.remove(name);
            folder.set(name, facts);
        }
    }

    /// Returns the task to examine all of a folder.
    pub(super) fn task(&self, folder: &Path) -> Option<Task> {
        let generation = self.folders.get(folder)?.generation;
        Some(Task { folder: folder.to_owned(), generation, names: Vec::new() })
    }

    /// Returns whether any path has priority.
    pub(super) fn has_priorities(&self) -> bool {
        self.folders.values().any(|folder| !folder.priority.is_empty())
    }

    /// Returns whether any path changed recently and should be examined again soon.
    pub(super) fn has_urgent(&self) -> bool {
        self.folders.values().any(|folder| folder.recent.values().any(Recent::is_urgent))
    }

    /// Returns the tasks to examine all folders, each after the one that it lies in.
    pub(super) fn all(&self) -> Vec<Task> {
        self.tasks(|_| Some(Vec::new()))
    }

    /// Returns the tasks to examine the paths with priority.
    pub(super) fn priorities(&self) -> Vec<Task> {
        self.tasks(|folder| some(folder.priority.iter().cloned().collect()))
    }

    /// Returns the tasks to examine the paths that changed recently.
    pub(super) fn urgent(&self) -> Vec<Task> {
        self.tasks(|folder| {
            let urgent = folder.recent.iter().filter(|(_, recent)| recent.is_urgent());
            some(urgent.map(|(name, _)| name.clone()).collect())
        })
    }

    fn tasks(&self, names: impl Fn(&Folder) -> Option<Vec<OsString>>) -> Vec<Task> {
        let task = |(path, folder): (&PathBuf, &Folder)| {
            let names = names(folder)?;
            Some(Task { folder: path.clone(), generation: folder.generation, names })
        };
        self.folders.iter().filter_map(task).collect()
    }

    /// Applies the listing of a folder, or that it is missing.
    pub(super) fn apply(&mut self, task: &Task, listing: Option<Listing>, now: Instant) -> Signals {
        let has_parent = task.folder.parent().is_some_and(|above| self.folders.contains_key(above));
        let Some(folder) = self.current(task) else { return Vec::new() };
        let mut signals = Vec::new();
        let is_missing = listing.is_none();
        // The parent reports a folder in it.
        if is_missing != folder.is_missing && !has_parent {
            let signal = if is_missing { Signal::Removed } else { Signal::Created };
            signals.push((task.folder.clone(), signal));
        }
        folder.is_missing = is_missing;
        // The entries of a missing folder are gone with it.
        let Some(listing) = listing else { return signals };
        let (mut seen, known) = (0, folder.entries.len());
        for (name, facts) in &listing {
            seen += usize::from(folder.entries.contains_key(name));
            folder.examine(&task.folder, name, Some(*facts), now, &mut signals);
        }
        // Usually nothing was removed, and this is all.
        if seen < known || !folder.recent.is_empty() {
            let listed: HashSet<_> = listing.iter().map(|(name, _)| name.as_os_str()).collect();
            let known = folder.entries.keys().chain(folder.recent.keys());
            let removed: HashSet<_> =
                known.filter(|name| !listed.contains(name.as_os_str())).cloned().collect();
            for name in removed {
                folder.examine(&task.folder, &name, None, now, &mut signals);
            }
        }
        signals
    }

    /// Applies the facts of some names in a folder.
    pub(super) fn apply_names(
        &mut self,
        task: &Task,
        seen: Vec<(OsString, Option<Facts>)>,
        now: Instant,
    ) -> Signals {
        let mut signals = Vec::new();
        if let Some(folder) = self.current(task) {
            for (name, facts) in seen {
                folder.examine(&task.folder, &name, facts, now, &mut signals);
            }
        }
        signals
    }

    fn current(&mut self, task: &Task) -> Option<&mut Folder> {
        let folder = self.folders.get_mut(&task.folder)?;
        (folder.generation == task.generation).then_some(folder)
    }
}

impl Folder {
    fn examine(
        &mut self,
        folder: &Path,
        name: &OsStr,
        facts: Option<Facts>,
        now: Instant,
        signals: &mut Signals,
    ) {
        let known = self.entries.get(name).copied();
        let recent = self.recent.get(name).copied();
        if known == facts && recent.is_none() {
            return;
        }
        let outcome = settle::examine(known, recent, facts, now);
        signals.extend(outcome.signals.into_iter().map(|signal| (folder.join(name), signal)));
        match outcome.recent {
            Some(recent) => self.recent.insert(name.to_owned(), recent),
            None => self.recent.remove(name),
        };
        self.set(name, facts);
    }

    fn set(&mut self, name: &OsStr, facts: Option<Facts>) {
        match facts {
            None => _ = self.entries.remove(name),
            Some(facts) => match self.entries.get_mut(name) {
                Some(known) => *known = facts,
                None => _ = self.entries.insert(name.to_owned(), facts),
            },
        }
    }
}

/// Returns the names, or `None` if there are none.
fn some(names: Vec<OsString>) -> Option<Vec<OsString>> {
    (!names.is_empty()).then_some(names)
}

#[cfg(test)]
mod tests {
    use std::{
        path::Path,
        time::{Duration, Instant},
    };

    use super::{Facts, Listing, PRIORITIES, Table, Task};
    use crate::watch::{poll::facts::File, signal::Signal::*};

    fn file(time: i64) -> Facts {
        Facts::File(File { size: 1, modified: time, changed: time, inode: 1 })
    }

    fn listing(entries: &[(&str, Facts)]) -> Listing {
        entries.iter().map(|(name, facts)| (name.into(), *facts)).collect()
    }

    fn task(table: &Table, folder: &str) -> Task {
        table.task(Path::new(folder)).unwrap()
    }

    #[test]
    fn listing_yields_created_removed_and_written_names() {
        let (mut table, now) = (Table::default(), Instant::now());
        table.add(Path::new("/s"), listing(&[("a", file(1)), ("b", file(1)), ("c", file(1))]));
        let at = task(&table, "/s");
        let listed = [("a", file(1)), ("b", file(2)), ("d", Facts::Folder)];
        let mut signals = table.apply(&at, Some(listing(&listed)), now);
        signals.sort_by_key(|(path, _)| path.clone());
        let wanted = [("/s/b", Written), ("/s/c", Removed), ("/s/d", Created)];
        assert_eq!(signals, wanted.map(|(path, signal)| (path.into(), signal)));
        let names: Vec<_> = table.urgent().into_iter().flat_map(|task| task.names).collect();
        assert_eq!(names.len(), 2, "{names:?}");

        let later = now + Duration::from_secs(1);
        let signals = table.apply(&at, Some(listing(&listed)), later);
        assert_eq!(signals, [("/s/b".into(), Finished)]);
        let signals = table.apply(&at, Some(listing(&listed)), later + Duration::from_secs(1));
        assert_eq!((signals.len(), table.urgent().len()), (0, 0));
    }

    #[test]
    fn examination_of_an_older_generation_is_discarded() {
        let (mut table, now) = (Table::default(), Instant::now());
        table.add(Path::new("/s"), listing(&[("a", file(1))]));
        let old = task(&table, "/s");
        table.add(Path::new("/s"), listing(&[("a", file(2))]));
        assert_eq!(table.apply(&old, Some(listing(&[("a", file(1))])), now), []);
        table.remove(Path::new("/s"));
        assert_eq!(table.apply_names(&old, vec![("a".into(), None)], now), []);
        assert!(table.is_empty());
    }

    #[test]
    fn removed_folder_is_reported_once_by_its_parent_if_that_is_polled() {
        let (mut table, now) = (Table::default(), Instant::now());
        table.add(Path::new("/s"), listing(&[("sub", Facts::Folder)]));
        table.add(Path::new("/s/sub"), listing(&[("a", file(1))]));
        let (root, sub) = (task(&table, "/s"), task(&table, "/s/sub"));
        assert_eq!(table.apply(&sub, None, now), []);
        assert_eq!(table.apply(&root, Some(Vec::new()), now), [("/s/sub".into(), Removed)]);
        assert_eq!(table.apply(&root, None, now), [("/s".into(), Removed)]);
        assert_eq!(table.apply(&root, None, now), []);
        assert_eq!(table.apply(&root, Some(Vec::new()), now), [("/s".into(), Created)]);
    }

    #[test]
    fn requested_path_has_priority_in_the_nearest_polled_folder() {
        let mut table = Table::default();
        table.add(Path::new("/s"), Vec::new());
        table.add(Path::new("/s/sub"), Vec::new());
        for path in ["/s/a", "/s/sub/b", "/s/new/deep/c", "/s/new/d", "/elsewhere/a"] {
            table.prioritize(Path::new(path));
        }
        let mut paths: Vec<_> = table
            .priorities()
            .into_iter()
            .flat_map(|task| task.names.into_iter().map(move |name| task.folder.join(name)))
            .collect();
        paths.sort();
        assert_eq!(paths, ["/s/a", "/s/new", "/s/sub/b"].map(Path::new));
    }

    #[test]
    fn missing_names_lose_priority_when_there_are_too_many() {
        let mut table = Table::default();
        table.add(Path::new("/s"), listing(&[("a", file(1))]));
        table.prioritize(Path::new("/s/a"));
        for name in 1..PRIORITIES {
            table.prioritize(Path::new(&format!("/s/{name}")));
        }
        assert_eq!(table.priorities()[0].names.len(), PRIORITIES);
        table.prioritize(Path::new("/s/one more"));
        let mut names = table.priorities().remove(0).names;
        names.sort();
        assert_eq!(names, ["a", "one more"]);
    }

    #[test]
    fn reported_changes_are_not_found_again() {
        let (mut table, now) = (Table::default(), Instant::now());
        table.add(Path::new("/s"), listing(&[("a", file(1)), ("b", file(1))]));
        table.reported(Path::new("/s/a"), Some(file(2)));
        table.reported(Path::new("/s/b"), None);
        let at = task(&table, "/s");
        assert_eq!(table.apply(&at, Some(listing(&[("a", file(2))])), now), []);
    }
}
