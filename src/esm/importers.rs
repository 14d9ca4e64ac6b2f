//! Which module imports which: so that the URL of an import says at which version anything below it
//! last changed, and that a fault of a file that nobody imports any more is forgotten.
//!
//! Only what was compiled is known. It is pure: when something changed is asked of the caller.

use std::collections::{BTreeSet, HashMap};

use super::source::is_css_module;

/// How many modules are remembered; of those beyond, only their own changes count.
const MODULES: usize = 20_000;

/// What each module imports, by URL paths.
#[derive(Debug, Default)]
pub(crate) struct Importers {
    imports: HashMap<String, Vec<String>>,
    /// At which version nobody imported a module any more: who does so later gets it anew, since
    /// browsers run an address once.
    left: HashMap<String, u64>,
}

impl Importers {
    /// A module was compiled at a version, and imports these. Gives what it imported before, and
    /// nobody does now.
    pub(crate) fn compiled(&mut self, path: &str, imports: &[String], version: u64) -> Vec<String> {
        if self.imports.get(path).is_some_and(|known| known == imports) {
            return Vec::new();
        }
        if self.imports.len() >= MODULES && !self.imports.contains_key(path) {
            return Vec::new();
        }
        let before = self.imports.insert(path.to_owned(), imports.to_vec()).unwrap_or_default();
        let imported = |path: &String| self.imports.values().any(|imports| imports.contains(path));
        let orphans: Vec<_> = before.into_iter().filter(|path| !imported(path)).collect();
        if self.left.len() < MODULES {
            self.left.extend(orphans.iter().map(|path| (path.clone(), version)));
        }
        orphans
    }

    /// A module is gone. One that imports others is kept, since it may be back in a moment, and may
    /// have left some then.
    pub(crate) fn forget(&mut self, gone: &str) {
        if self.imports.get(gone).is_some_and(Vec::is_empty) {
            self.imports.remove(gone);
        }
    }

    /// At which version one of these modules was last left by all.
    pub(crate) fn left<'p>(&self, paths: impl Iterator<Item = &'p str>) -> Option<u64> {
        paths.filter_map(|path| self.left.get(path)).max().copied()
    }

    /// A module and all that it leads to, but for style sheets: those are taken over in place, and
    /// nobody runs again for them. CSS modules have names that others run with.
    pub(crate) fn below<'p>(&'p self, path: &'p str) -> BTreeSet<&'p str> {
        let mut found = BTreeSet::new();
        let mut open = vec![path];
        while let Some(path) = open.pop() {
            if !is_sheet(path) && found.insert(path) {
                open.extend(self.imports.get(path).into_iter().flatten().map(String::as_str));
            }
        }
        found
    }
}

fn is_sheet(path: &str) -> bool {
    let path = std::path::Path::new(path);
    path.extension().is_some_and(|extension| extension == "css") && !is_css_module(path)
}

#[cfg(test)]
mod tests {
    use super::Importers;

    #[test]
    fn what_a_module_leads_to_is_found() {
        let mut importers = Importers::default();
        let paths = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        for (path, imports) in
            [("/main", "/a /main.css"), ("/a", "/b /c"), ("/b", "/a"), ("/c", ""), ("/d", "/c")]
        {
            assert!(importers.compiled(path, &paths(imports), 1).is_empty(), "{path}");
        }
        let below = |path| importers.below(path).into_iter().collect::<Vec<_>>().join(" ");
        assert_eq!(below("/main"), "/a /b /c /main");
        assert_eq!(below("/b"), "/a /b /c");
        assert_eq!(below("/d"), "/c /d");
        assert_eq!(below("/new"), "/new");
        assert_eq!(below("/main.css"), "");
    }

    #[test]
    fn what_nobody_imports_any_more_is_told() {
        let mut importers = Importers::default();
        importers.compiled("/a", &["/x".to_owned(), "/y".to_owned()], 1);
        importers.compiled("/b", &["/y".to_owned()], 2);
        assert!(importers.compiled("/a", &["/x".to_owned(), "/y".to_owned()], 3).is_empty());
        importers.forget("/a");
        assert_eq!(importers.compiled("/a", &[], 4), ["/x"]);
        assert_eq!(importers.compiled("/b", &[], 5), ["/y"]);
        importers.forget("/a");
        importers.forget("/a");
        assert_eq!(importers.left(["/a", "/x"].into_iter()), Some(4));
        assert_eq!(importers.left(["/a"].into_iter()), None);
    }
}
