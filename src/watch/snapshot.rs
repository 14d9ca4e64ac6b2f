//! What the tabs know of each requested path: the baseline that changes are compared with.
//!
//! For each requested path the snapshot holds a state: a content hash, or that nothing was there. A
//! path with a signal is compared with it, so the same bytes written again are no change. Serving a
//! file does not move the baseline, only publishing does: a tab that was served a new file early
//! must not hide the change from the others. If the file is then as before again, nothing changed
//! for the others, but this tab has to be notified.
//!
//! A path that was not requested has no baseline, and its content is not read.

use std::{
    collections::BTreeMap,
    ops::Bound,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::state::PathState;
use crate::change::Kind;

/// How many paths are kept. Paths beyond are treated as not requested.
const PATHS: usize = 100_000;

/// How many of them may be missing paths, which can have any name. Of more, the paths that have
/// been missing for longest are forgotten.
const MISSING: usize = 10_000;

/// How long all paths may be together, bytes. A requested name can have any length, and pages of
/// any origin can make a browser request names that do not exist.
const BYTES: usize = 8 << 20;

/// How a served state compares with the baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoteOutcome {
    /// The path was requested for the first time, and this state is its baseline.
    New,
    /// The state equals the baseline, or there is no room for the path.
    Same,
    /// The state differs from the baseline: a change was not published yet.
    Changed,
}

/// The requested paths.
#[derive(Debug, Default)]
pub(super) struct Snapshot {
    paths: BTreeMap<Arc<Path>, Entry>,
    /// The sum of the lengths of the paths.
    bytes: usize,
    /// The missing paths, in the order in which they were found missing.
    missing: BTreeMap<u64, Arc<Path>>,
    next: u64,
    /// The paths that were forgotten since [`take_forgotten`](Self::take_forgotten).
    forgotten: Vec<Arc<Path>>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    state: PathState,
    /// The baseline before it was last moved. A request that was under way then may show it late.
    before: Option<PathState>,
    /// A tab was served another state than these two.
    has_diverged: bool,
    is_direct: bool,
    /// The key in [`Snapshot::missing`], if the path is missing.
    missing: Option<u64>,
}

impl Snapshot {
    /// Compares a served state with the baseline, or makes it the baseline of a new path.
    pub(super) fn note(&mut self, path: &Path, state: PathState) -> NoteOutcome {
        match self.paths.get_mut(path) {
            Some(entry) if entry.state == state => NoteOutcome::Same,
            Some(entry) => {
                entry.has_diverged |= entry.before != Some(state);
                NoteOutcome::Changed
            }
            None => {
                let bytes = self.bytes + path.as_os_str().len();
                if self.paths.len() >= PATHS || bytes > BYTES {
                    return NoteOutcome::Same;
                }
                self.bytes = bytes;
                let (before, has_diverged, is_direct) = (None, false, false);
                let entry = Entry { state, before, has_diverged, is_direct, missing: None };
                self.paths.insert(path.into(), entry);
                self.published(path, state);
                NoteOutcome::New
            }
        }
    }

    /// Returns whether a path was requested.
    pub(super) fn contains(&self, path: &Path) -> bool {
        self.paths.contains_key(path)
    }

    /// Returns the requested paths at or below a path.
    pub(super) fn below(&self, path: &Path) -> Vec<PathBuf> {
        // Paths are ordered by their components, so what is below a path follows it.
        self.paths
            .range::<Path, _>((Bound::Included(path), Bound::Unbounded))
            .take_while(|(below, _)| below.starts_with(path))
            .map(|(below, _)| below.to_path_buf())
            .collect()
    }

    /// Returns the baseline of a path.
    pub(super) fn known(&self, path: &Path) -> Option<PathState> {
        self.paths.get(path).map(|entry| entry.state)
    }

    /// Returns whether a tab was served something else since the baseline was last moved. It has to
    /// be notified although the path is as it was: a branch was changed and changed back.
    pub(super) fn has_diverged(&self, path: &Path) -> bool {
        self.paths.get(path).is_some_and(|entry| entry.has_diverged)
    }

    /// Sets whether a path is direct: it goes through no symbolic link, and no link leads to it. A
    /// change of it then concerns this path alone.
    pub(super) fn set_direct(&mut self, path: &Path, is_direct: bool) {
        if let Some(entry) = self.paths.get_mut(path) {
            entry.is_direct = is_direct;
        }
    }

    /// Returns whether a path is direct, and was served as a file.
    pub(super) fn is_direct_file(&self, path: &Path) -> bool {
        let is_file = |entry: &Entry| matches!(entry.state, PathState::File(_));
        self.paths.get(path).is_some_and(|entry| entry.is_direct && is_file(entry))
    }

    /// Forgets what a folder held, because events were lost: the next comparison finds a change.
    /// Files are compared by their content and need no such mark.
    pub(super) fn invalidate(&mut self, path: &Path) {
        let folder = self.paths.get_mut(path).filter(|entry| entry.state == PathState::Folder);
        if let Some(entry) = folder {
            entry.state = PathState::Unread;
        }
    }

    /// Takes the paths that were forgotten since the last call.
    pub(super) fn take_forgotten(&mut self) -> Vec<Arc<Path>> {
        std::mem::take(&mut self.forgotten)
    }

    /// Moves the baseline of a path to a published state.
    pub(super) fn published(&mut self, path: &Path, state: PathState) {
        let Some(entry) = self.paths.get_mut(path) else { return };
        entry.before = Some(entry.state);
        entry.has_diverged = false;
        entry.state = state;
        match entry.missing {
            None if state == PathState::Missing => {
                entry.missing = Some(self.next);
                self.add_missing(path);
            }
            Some(key) if state != PathState::Missing => {
                entry.missing = None;
                self.missing.remove(&key);
            }
            None | Some(_) => {}
        }
    }

    /// Adds the newest missing path, and forgets the oldest one if there are too many.
    fn add_missing(&mut self, path: &Path) {
        let Some((path, _)) = self.paths.get_key_value(path) else { return };
        self.missing.insert(self.next, Arc::clone(path));
        self.next += 1;
        if self.missing.len() > MISSING
            && let Some((_, first)) = self.missing.pop_first()
        {
            self.paths.remove(&first);
            self.bytes -= first.as_os_str().len();
            self.forgotten.push(first);
        }
    }
}

/// Returns what happened to a path, if anything, from its baseline and its state now. `created`
/// says whether its first signal was a creation or a rename into place.
pub(super) fn difference(known: Option<PathState>, now: PathState, created: bool) -> Option<Kind> {
    use PathState::{Folder, Missing};
    match (known, now) {
        (Some(known), now) if known == now => None,
        (Some(Missing), _) => Some(Kind::Created),
        (Some(_), Missing) => Some(Kind::Removed),
        // It was not requested, so only the signals tell what happened.
        (None, Missing) => (!created).then_some(Kind::Removed),
        (None, Folder) => created.then_some(Kind::Created),
        (None, _) if created => Some(Kind::Created),
        (Some(_) | None, _) => Some(Kind::Modified),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        path::{Path, PathBuf},
        sync::Arc,
    };

    use super::{MISSING, NoteOutcome, PathState, PathState::*, Snapshot, difference};
    use crate::{change::Kind::*, docroot::ContentHash};

    const OLD: PathState = File(ContentHash(1));
    const NEW: PathState = File(ContentHash(2));

    #[test]
    fn difference_follows_from_baseline_and_state() {
        let table = [
            (Some(OLD), OLD, false, None),
            (Some(OLD), OLD, true, None), // deleted and written again
            (Some(OLD), NEW, false, Some(Modified)),
            (Some(OLD), Missing, false, Some(Removed)),
            (Some(OLD), Folder, false, Some(Modified)),
            (Some(Missing), NEW, true, Some(Created)),
            (Some(Missing), Missing, true, None), // created and deleted
            (Some(Missing), Folder, true, Some(Created)),
            (Some(Folder), Folder, false, None),
            (Some(Folder), Missing, false, Some(Removed)),
            (Some(Unread), Folder, false, Some(Modified)), // invalidated
            (Some(Unreadable), NEW, false, Some(Modified)),
            (None, Unread, true, Some(Created)),
            (None, Unread, false, Some(Modified)),
            (None, Missing, true, None),
            (None, Missing, false, Some(Removed)),
            (None, Folder, true, Some(Created)),
            (None, Folder, false, None),
        ];
        for (known, now, created, wanted) in table {
            assert_eq!(difference(known, now, created), wanted, "{known:?} {now:?} {created}");
        }
    }

    #[test]
    fn serving_does_not_move_the_baseline() {
        let mut snapshot = Snapshot::default();
        let path = Path::new("/site/a.css");
        assert_eq!(snapshot.note(path, OLD), NoteOutcome::New);
        assert_eq!(snapshot.note(path, OLD), NoteOutcome::Same);
        assert_eq!(snapshot.note(path, NEW), NoteOutcome::Changed);
        assert_eq!(snapshot.known(path), Some(OLD));
        snapshot.published(path, NEW);
        assert_eq!(snapshot.note(path, NEW), NoteOutcome::Same);
    }

    #[test]
    fn a_tab_that_was_served_another_state_diverges_until_the_next_publication() {
        let mut snapshot = Snapshot::default();
        let path = Path::new("/site/a.css");
        for (noted, published, diverges) in [
            (OLD, None, false),
            (NEW, None, true),
            (OLD, Some(OLD), false),
            (OLD, Some(NEW), false), // a request that was under way
            (Missing, None, true),
        ] {
            if let Some(state) = published {
                snapshot.published(path, state);
            }
            snapshot.note(path, noted);
            assert_eq!(snapshot.has_diverged(path), diverges, "{noted:?} {published:?}");
        }
    }

    #[test]
    fn missing_paths_displace_each_other_and_no_file() {
        let mut snapshot = Snapshot::default();
        let name = |number| PathBuf::from(format!("/site/{number}"));
        for number in 0..MISSING {
            snapshot.note(&name(number), Missing);
        }
        let css = Path::new("/site/a.css");
        snapshot.note(css, OLD);
        assert!(snapshot.contains(css) && snapshot.contains(&name(0)), "a file displaces nothing");
        // A path that existed in between is the newest missing one.
        snapshot.published(&name(1), NEW);
        snapshot.published(&name(1), Missing);
        snapshot.published(css, Missing);
        snapshot.note(&name(MISSING), Missing);
        let kept = [0, 1, 2, 3, MISSING].map(|number| snapshot.contains(&name(number)));
        assert_eq!(kept, [false, true, false, true, true]);
        assert_eq!(snapshot.take_forgotten(), [&*name(0), &*name(2)].map(Arc::from));
        assert!(snapshot.take_forgotten().is_empty());
        assert!(snapshot.contains(css), "the others have been missing for longer");
        snapshot.published(css, NEW);
        snapshot.note(&name(MISSING + 1), Missing);
        assert!(snapshot.contains(&name(3)), "there is room again");
    }

    #[test]
    fn below_returns_a_folder_and_what_is_in_it() {
        let mut snapshot = Snapshot::default();
        for path in ["/s/a", "/s/a/x", "/s/a/x/y", "/s/a.b", "/s/a-", "/s/b"] {
            snapshot.note(Path::new(path), OLD);
        }
        let below: Vec<_> = snapshot.below(Path::new("/s/a")).into_iter().collect();
        assert_eq!(below, ["/s/a", "/s/a/x", "/s/a/x/y"].map(Path::new));
        assert_eq!(snapshot.below(Path::new("/s/c")), Vec::<&Path>::new());
    }
}
