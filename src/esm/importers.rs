//! Tracks which module imports which.
//!
//! The URL of an import carries the version of the last change of anything that the module imports,
//! directly or not. The error of a module that nothing imports any more is dropped.
//!
//! Only modules that were compiled are known.

use std::collections::{BTreeSet, HashMap};

use super::compiler::is_css_module;

/// Number of modules that are tracked. Of those beyond it, only their own changes count.
const MAX_MODULES: usize = 20_000;

/// The imports of each module, by URL paths.
#[derive(Debug, Default)]
pub(crate) struct Importers {
    imports: HashMap<String, Vec<String>>,
    /// The versions at which modules lost their last importer. A later importer gets a new URL for
    /// them, because browsers run each URL once.
    orphaned: HashMap<String, u64>,
}

impl Importers {
    /// Records the imports of a module that was compiled at a version. Returns the modules that
    /// lost their last importer by it.
    pub(crate) fn record(&mut self, path: &str, imports: &[String], version: u64) -> Vec<String> {
        if self.imports.get(path).is_some_and(|known| known == imports) {
            return Vec::new();
        }
        if self.imports.len() >= MAX_MODULES && !self.imports.contains_key(path) {
            return Vec::new();
        }
        let before = self.imports.insert(path.to_owned(), imports.to_vec()).unwrap_or_default();
        let is_imported =
            |path: &String| self.imports.values().any(|imports| imports.contains(path));
        let orphans: Vec<_> = before.into_iter().filter(|path| !is_imported(path)).collect();
        if self.orphaned.len() < MAX_MODULES {
            self.orphaned.extend(orphans.iter().map(|path| (path.clone(), version)));
        }
        orphans
    }

    /// Forgets a module that was removed, unless it imports others: it may be created again at
    /// once, and may then have orphaned some.
    pub(crate) fn forget(&mut self, removed: &str) {
        if self.imports.get(removed).is_some_and(Vec::is_empty) {
            self.imports.remove(removed);
        }
    }

    /// Returns the last version at which one of these modules lost its last importer.
    pub(crate) fn last_orphaned<'p>(&self, paths: impl Iterator<Item = &'p str>) -> Option<u64> {
        paths.filter_map(|path| self.orphaned.get(path)).max().copied()
    }

    /// Returns a module and all that it imports, directly or not. Leaves out style sheets, because
    /// pages replace them without running their importers again; CSS modules export names to their
    /// importers, and are included.
    pub(crate) fn reachable<'p>(&'p self, path: &'p str) -> BTreeSet<&'p str> {
        let mut found = BTreeSet::new();
        let mut open = vec![path];
        while let Some(path) = open.pop() {
            if !is_plain_sheet(path) && found.insert(path) {
                open.extend(self.imports.get(path).into_iter().flatten().map(String::as_str));
            }
        }
        found
    }
}

fn is_plain_sheet(path: &str) -> bool {
    let path = std::path::Path::new(path);
    path.extension().is_some_and(|extension| extension == "css") && !is_css_module(path)
}

#[cfg(test)]
mod tests {
    use super::Importers;

    #[test]
    fn imports_are_followed_through_cycles_but_not_into_style_sheets() {
        let mut importers = Importers::default();
        let paths = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        for (path, imports) in
            [("/main", "/a /main.css"), ("/a", "/b /c"), ("/b", "/a"), ("/c", ""), ("/d", "/c")]
        {
            assert!(importers.record(path, &paths(imports), 1).is_empty(), "{path}");
        }
        let reachable = |path| importers.reachable(path).into_iter().collect::<Vec<_>>().join(" ");
        assert_eq!(reachable("/main"), "/a /b /c /main");
        assert_eq!(reachable("/b"), "/a /b /c");
        assert_eq!(reachable("/d"), "/c /d");
        assert_eq!(reachable("/new"), "/new");
        assert_eq!(reachable("/main.css"), "");
    }

    #[test]
    fn a_module_without_importers_is_an_orphan() {
        let mut importers = Importers::default();
        importers.record("/a", &["/x".to_owned(), "/y".to_owned()], 1);
        importers.record("/b", &["/y".to_owned()], 2);
        assert!(importers.record("/a", &["/x".to_owned(), "/y".to_owned()], 3).is_empty());
        importers.forget("/a");
        assert_eq!(importers.record("/a", &[], 4), ["/x"]);
        assert_eq!(importers.record("/b", &[], 5), ["/y"]);
        importers.forget("/a");
        importers.forget("/a");
        assert_eq!(importers.last_orphaned(["/a", "/x"].into_iter()), Some(4));
        assert_eq!(importers.last_orphaned(["/a"].into_iter()), None);
    }
}
