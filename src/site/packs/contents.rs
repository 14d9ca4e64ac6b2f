//! What the packs that were sent consist of, for the positions that pages report.
//!
//! A pack may have changed by the time that a page reports a position in it, so it cannot be made
//! again. What is kept of it is where each module begins.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Arc, Mutex},
};

use super::state::lock;
use crate::{
    esm::{ServedPosition, ServedScript},
    source_map::{Position, Sections},
};

/// The number of packs.
const PACKS: usize = 64;

/// The number of entries.
const ENTRIES: usize = 1_000;

/// What a pack consists of.
#[derive(Debug)]
pub(super) enum Content {
    /// Modules, by their keys.
    Modules(Sections<String>),
    /// The files of packages at these URLs, and what they need.
    Packages(Arc<[String]>),
}

/// The packs that were sent last.
#[derive(Default)]
pub(crate) struct PackContents {
    /// By the queries of the requests.
    packs: Mutex<VecDeque<(String, Content)>>,
    /// The paths that were answered with a few lines that import a pack.
    entries: Mutex<HashSet<String>>,
}

impl PackContents {
    /// Keeps what the pack for a query consists of.
    pub(super) fn keep(&self, query: &str, content: Content) {
        let mut packs = lock(&self.packs);
        packs.retain(|(known, _)| known != query);
        packs.truncate(PACKS - 1);
        packs.push_front((query.to_owned(), content));
    }

    /// Records that a path was answered as an entry.
    pub(super) fn keep_entry(&self, path: &str) {
        let mut entries = lock(&self.entries);
        if entries.len() < ENTRIES && !entries.contains(path) {
            entries.insert(path.to_owned());
        }
    }

    /// Returns whether a path was answered as an entry.
    pub(crate) fn is_entry(&self, path: &str) -> bool {
        lock(&self.entries).contains(path)
    }

    /// Returns what is at a position of the pack for a query. Returns `None` if it is not known, or
    /// no module.
    pub(crate) fn find(&self, query: &str, position: Position) -> Option<ServedPosition> {
        let packs = lock(&self.packs);
        let (_, content) = packs.iter().find(|(known, _)| known == query)?;
        let (script, position) = match content {
            Content::Modules(sections) => {
                let (key, within) = sections.find(position)?;
                (ServedScript::Definition(key.clone()), within)
            }
            Content::Packages(urls) => (ServedScript::Packages(Arc::clone(urls)), position),
        };
        Some(ServedPosition { script, position: Some(position) })
    }
}

#[cfg(test)]
mod tests {
    use super::{Content, PACKS, PackContents};
    use crate::{esm::ServedScript, source_map::Sections};

    #[test]
    fn the_last_packs_are_kept() {
        let contents = PackContents::default();
        let mut sections = Sections::default();
        sections.add("export default[\n", "/a.ts?t=1".to_owned());
        contents.keep("entry=/a.ts", Content::Modules(sections));
        let found = contents.find("entry=/a.ts", (3, 4)).unwrap();
        assert_eq!(found.script, ServedScript::Definition("/a.ts?t=1".to_owned()));
        assert_eq!(found.position, Some((2, 4)));
        assert_eq!(contents.find("entry=/a.ts", (0, 4)), None);
        for at in 0..PACKS {
            contents.keep(&format!("packages&entry={at}"), Content::Packages([].into()));
        }
        assert_eq!(contents.find("entry=/a.ts", (3, 4)), None);
        assert!(contents.find("packages&entry=0", (3, 4)).is_some());
        contents.keep_entry("/a.ts");
        assert!(contents.is_entry("/a.ts") && !contents.is_entry("/b.ts"));
    }
}
