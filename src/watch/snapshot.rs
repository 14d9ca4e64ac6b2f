//! What was served, by content: so that a change is a change only if something is different.
//!
//! For each path that somebody asked for, the snapshot holds the state that the tabs know of: which
//! content, or that there was nothing. A path that happened to be touched is compared with it; the
//! same bytes written again are no change. Serving a file does not move the snapshot, only publishing
//! does: a tab that was served a new file early must not hide the change from the others.
//!
//! For a path that nobody asked for there is nothing to compare with, and nothing is read.

use std::{
    collections::BTreeMap,
    io,
    ops::Bound,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    change::Kind,
    docroot::{self, ContentHash, Writer},
};

/// How many paths are kept. Those beyond are treated as paths that nobody asked for.
const PATHS: usize = 100_000;

/// How many of them may be of what is not there, or not any more: that can have any name. Of more, those
/// are forgotten that have been missing for longest.
const MISSING: usize = 10_000;

/// How long all of them may be together, bytes. A name can have any length in a request, and pages of
/// anybody's can have a browser ask for names that do not exist.
const BYTES: usize = 8 << 20;

/// What is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PathState {
    /// Nothing.
    Missing,
    /// A folder.
    Folder,
    /// A file, of this content.
    File(ContentHash),
    /// A file whose content was not looked at.
    Unread,
    /// Something that cannot be read.
    Unreadable,
}

/// What asking for a path showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Noted {
    /// It is asked for for the first time.
    New,
    /// It is as it was, or there is no room for it.
    Same,
    /// It changed, and that was not published yet.
    Changed,
}

/// The paths that were asked for.
#[derive(Debug, Default)]
pub(super) struct Snapshot {
    paths: BTreeMap<Arc<Path>, Entry>,
    /// How long they are together.
    bytes: usize,
    /// Those that lead to nothing, in the order in which that was seen.
    missing: BTreeMap<u64, Arc<Path>>,
    next: u64,
    /// Those that were forgotten, until somebody asks.
    forgotten: Vec<Arc<Path>>,
}

#[derive(Clone, Debug)]
struct Entry {
    /// What the tabs know of.
    state: PathState,
    /// See [`Snapshot::set_plain`].
    plain: Vec<String>,
    /// Its place among those that are missing, if it is.
    missing: Option<u64>,
}

impl Snapshot {
    /// Somebody was served this.
    pub(super) fn note(&mut self, path: &Path, state: PathState) -> Noted {
        match self.paths.get(path) {
            Some(known) if known.state == state => Noted::Same,
            Some(_) => Noted::Changed,
            None => {
                let bytes = self.bytes + path.as_os_str().len();
                if self.paths.len() >= PATHS || bytes > BYTES {
                    // Nothing is remembered of it, here or elsewhere.
                    return Noted::Same;
                }
                self.bytes = bytes;
                let entry = Entry { state, plain: Vec::new(), missing: None };
                self.paths.insert(path.into(), entry);
                self.told(path, state);
                Noted::New
            }
        }
    }

    /// Whether somebody asked for a path.
    pub(super) fn asked(&self, path: &Path) -> bool {
        self.paths.contains_key(path)
    }

    /// A path and those below it that somebody asked for.
    pub(super) fn below(&self, path: &Path) -> Vec<PathBuf> {
        // Paths are ordered by their components, so what is below a path follows it.
        self.paths
            .range::<Path, _>((Bound::Included(path), Bound::Unbounded))
            .take_while(|(below, _)| below.starts_with(path))
            .map(|(below, _)| below.to_path_buf())
            .collect()
    }

    /// The state that the tabs know of.
    pub(super) fn known(&self, path: &Path) -> Option<PathState> {
        self.paths.get(path).map(|known| known.state)
    }

    /// Under which URL paths a path's changes are told, if they concern this path alone: it goes through
    /// no link, no link leads to it, and nothing says that it never counts. Under none, if not.
    pub(super) fn set_plain(&mut self, path: &Path, urls: Vec<String>) {
        if let Some(known) = self.paths.get_mut(path) {
            known.plain = urls;
        }
    }

    /// The state that the tabs know of, and the URL paths, if that was said of a path.
    pub(super) fn plain(&self, path: &Path) -> Option<(PathState, Vec<String>)> {
        let known = self.paths.get(path).filter(|known| !known.plain.is_empty())?;
        Some((known.state, known.plain.clone()))
    }

    /// Events were lost. A file is compared by its content; what was in a folder is not known any
    /// more.
    pub(super) fn doubt(&mut self, path: &Path) {
        if let Some(known) =
            self.paths.get_mut(path).filter(|known| known.state == PathState::Folder)
        {
            known.state = PathState::Unread;
        }
    }

    /// What was forgotten since this was asked for the last time.
    pub(super) fn take_forgotten(&mut self) -> Vec<Arc<Path>> {
        std::mem::take(&mut self.forgotten)
    }

    /// The tabs know of this state from now on.
    pub(super) fn told(&mut self, path: &Path, state: PathState) {
        let Some(entry) = self.paths.get_mut(path) else { return };
        entry.state = state;
        match entry.missing {
            None if state == PathState::Missing => {
                entry.missing = Some(self.next);
                self.add_missing(path);
            }
            Some(place) if state != PathState::Missing => {
                entry.missing = None;
                self.missing.remove(&place);
            }
            None | Some(_) => {}
        }
    }

    /// The last one that is missing, and one less if they are too many.
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

/// What is at a path now; nothing while somebody is seen to write there. Blocking; a file is read only
/// if it was before.
pub(super) fn look(path: &Path, asked: bool) -> Option<PathState> {
    let state = std::fs::metadata(path).and_then(|metadata| {
        Ok(if metadata.is_dir() {
            Some(PathState::Folder)
        } else if asked {
            let read = docroot::read(path)?;
            (read.writer != Writer::Open).then_some(PathState::File(read.content_hash))
        } else {
            Some(PathState::Unread)
        })
    });
    state.unwrap_or_else(|why| Some(absent(&why)))
}

/// What is at a path where somebody is writing: half of it, perhaps. Blocking.
pub(super) fn look_anyway(path: &Path) -> PathState {
    docroot::read(path).map_or_else(|why| absent(&why), |read| PathState::File(read.content_hash))
}

fn absent(why: &io::Error) -> PathState {
    match why.kind() {
        io::ErrorKind::PermissionDenied => PathState::Unreadable,
        _ => PathState::Missing,
    }
}

/// Whether a file was not empty and is now: half of a save, often.
pub(super) fn is_emptied(known: Option<PathState>, now: PathState) -> bool {
    now == PathState::File(ContentHash::of(&[]))
        && known != Some(now)
        && known != Some(PathState::Missing)
}

/// What happened to a path, if anything, from what was known of it and what is there now.
/// `appeared` says whether it began with being created.
pub(super) fn difference(known: Option<PathState>, now: PathState, appeared: bool) -> Option<Kind> {
    match (known, now) {
        (Some(known), now) if known == now => None,
        (Some(PathState::Missing), _) => Some(Kind::Created),
        (Some(_), PathState::Missing) => Some(Kind::Removed),
        // Nobody asked for it: the signals are all there is to go by.
        (None, PathState::Missing) => (!appeared).then_some(Kind::Removed),
        (None, PathState::Folder) => appeared.then_some(Kind::Created),
        (None, _) if appeared => Some(Kind::Created),
        (Some(_) | None, _) => Some(Kind::Modified),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        path::{Path, PathBuf},
        sync::Arc,
    };

    use super::{MISSING, Noted, PathState, PathState::*, Snapshot, difference};
    use crate::{change::Kind::*, docroot::ContentHash};

    const OLD: PathState = File(ContentHash(1));
    const NEW: PathState = File(ContentHash(2));

    #[test]
    fn a_change_is_what_is_different() {
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
            (Some(Unread), Folder, false, Some(Modified)), // doubted
            (Some(Unreadable), NEW, false, Some(Modified)),
            (None, Unread, true, Some(Created)),
            (None, Unread, false, Some(Modified)),
            (None, Missing, true, None),
            (None, Missing, false, Some(Removed)),
            (None, Folder, true, Some(Created)),
            (None, Folder, false, None),
        ];
        for (known, now, appeared, wanted) in table {
            assert_eq!(difference(known, now, appeared), wanted, "{known:?} {now:?} {appeared}");
        }
    }

    #[test]
    fn serving_does_not_hide_a_change() {
        let mut snapshot = Snapshot::default();
        let path = Path::new("/site/a.css");
        assert_eq!(snapshot.note(path, OLD), Noted::New);
        assert_eq!(snapshot.note(path, OLD), Noted::Same);
        assert_eq!(snapshot.note(path, NEW), Noted::Changed);
        assert_eq!(snapshot.known(path), Some(OLD));
        snapshot.told(path, NEW);
        assert_eq!(snapshot.note(path, NEW), Noted::Same);
    }

    #[test]
    fn names_of_nothing_take_the_place_of_no_file() {
        let mut snapshot = Snapshot::default();
        let name = |number| PathBuf::from(format!("/site/{number}"));
        for number in 0..MISSING {
            snapshot.note(&name(number), Missing);
        }
        let css = Path::new("/site/a.css");
        snapshot.note(css, OLD);
        assert!(snapshot.asked(css) && snapshot.asked(&name(0)), "it is no name of nothing");
        // One that is there in between is the last to be missing.
        snapshot.told(&name(1), NEW);
        snapshot.told(&name(1), Missing);
        snapshot.told(css, Missing);
        snapshot.note(&name(MISSING), Missing);
        let asked = [0, 1, 2, 3, MISSING].map(|number| snapshot.asked(&name(number)));
        assert_eq!(asked, [false, true, false, true, true]);
        assert_eq!(snapshot.take_forgotten(), [&*name(0), &*name(2)].map(Arc::from));
        assert!(snapshot.take_forgotten().is_empty());
        assert!(snapshot.asked(css), "the others are missing for longer");
        snapshot.told(css, NEW);
        snapshot.note(&name(MISSING + 1), Missing);
        assert!(snapshot.asked(&name(3)), "there is room again");
    }

    #[test]
    fn what_is_below_a_folder_is_found() {
        let mut snapshot = Snapshot::default();
        for path in ["/s/a", "/s/a/x", "/s/a/x/y", "/s/a.b", "/s/a-", "/s/b"] {
            snapshot.note(Path::new(path), OLD);
        }
        let below: Vec<_> = snapshot.below(Path::new("/s/a")).into_iter().collect();
        assert_eq!(below, ["/s/a", "/s/a/x", "/s/a/x/y"].map(Path::new));
        assert_eq!(snapshot.below(Path::new("/s/c")), Vec::<&Path>::new());
    }
}
