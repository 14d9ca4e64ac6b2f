//! The `import.meta.glob` patterns of modules: which of them a created or removed file concerns.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard},
};

use super::{compiler::Glob, lock::lock};
use crate::change::{Change, ChangeSet, Kind};

/// The number of modules with patterns that are kept. The compiler limits the patterns of each.
const MAX_MODULES: usize = 1_000;

/// The patterns of the modules that were compiled last, by URL paths.
#[derive(Debug, Default)]
pub(super) struct GlobTable(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    modules: HashMap<String, Patterns>,
    /// The number of modules that were recorded so far.
    recorded: u64,
}

/// The patterns of a module, and when they were recorded.
#[derive(Debug)]
struct Patterns {
    recorded: u64,
    globs: Arc<[Glob]>,
}

impl GlobTable {
    /// Records the patterns of a compiled module. If there are too many modules, forgets the one
    /// that was recorded first.
    pub(super) fn record(&self, url: &str, globs: &[Glob]) {
        let mut known = self.lock();
        if globs.is_empty() {
            known.modules.remove(url);
            return;
        }
        if known.modules.len() >= MAX_MODULES && !known.modules.contains_key(url) {
            let oldest = known.modules.iter().min_by_key(|(_, patterns)| patterns.recorded);
            if let Some(oldest) = oldest.map(|(url, _)| url.clone()) {
                known.modules.remove(&oldest);
            }
        }
        known.recorded += 1;
        let patterns = Patterns { recorded: known.recorded, globs: globs.into() };
        known.modules.insert(url.to_owned(), patterns);
    }

    /// Returns the modules with a pattern that one of these created or removed files may match, as
    /// modified.
    pub(super) fn matching(&self, files: &[PathBuf]) -> ChangeSet {
        if files.is_empty() {
            return ChangeSet::default();
        }
        // The lock is not held while patterns are compiled and matched.
        let modules: Vec<_> = self
            .lock()
            .modules
            .iter()
            .map(|(url, patterns)| (url.clone(), Arc::clone(&patterns.globs)))
            .collect();
        let matching =
            modules.into_iter().filter(|(_, globs)| globs.iter().any(|glob| glob.may_match(files)));
        matching.map(|(path, _)| Change { path, kind: Kind::Modified }).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        lock(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Glob, GlobTable, MAX_MODULES};

    #[test]
    fn the_modules_that_were_recorded_last_are_kept() {
        let root = Path::new("/web");
        let glob =
            |pattern: &str| Glob::new(&[pattern.to_owned()], root, root, |_| None, false).unwrap();
        let table = GlobTable::default();
        let count = |file: &str| table.matching(&[root.join(file)]).len();
        table.record("/first.ts", &[glob("./a/*.x")]);
        table.record("/again.ts", &[glob("./b/*.x")]);
        for number in 2..MAX_MODULES {
            table.record(&format!("/{number}.ts"), &[glob("./c/*.x")]);
        }
        assert_eq!((count("a/1.x"), count("b/1.x"), count("c/1.x")), (1, 1, MAX_MODULES - 2));
        table.record("/again.ts", &[glob("./b/*.x")]);
        table.record("/new.ts", &[glob("./d/*.x")]);
        assert_eq!((count("a/1.x"), count("b/1.x"), count("d/1.x")), (0, 1, 1));
        table.record("/new.ts", &[]);
        assert_eq!(count("d/1.x"), 0);
    }
}
