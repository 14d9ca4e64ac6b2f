//! Tracks which module imports which.
//!
//! The URL of an import carries the version of the last change of anything that the module imports,
//! directly or not. The error of a module that nothing imports any more is dropped.
//!
//! Only modules that were compiled are known. All work is linear in the number of imports, because
//! it is done under a lock.

use std::{collections::HashMap, path::Path};

use super::css_module::is_css_module;
use crate::http::media_type::is_style_sheet;

/// Number of modules that are tracked. Of those beyond it, only their own changes count.
const MAX_MODULES: usize = 20_000;

/// Number of imports that are tracked, of all modules together.
const MAX_IMPORTS: usize = 500_000;

/// The imports of each module, by URL paths.
#[derive(Debug, Default)]
pub(crate) struct Importers {
    imports: HashMap<String, Vec<String>>,
    /// The number of modules that import each module.
    counts: HashMap<String, usize>,
    /// The number of imports of all modules.
    total: usize,
    /// The versions at which modules lost their last importer. A later importer gets a new URL for
    /// them, because browsers run each URL once.
    orphaned: HashMap<String, u64>,
}

impl Importers {
    /// Records the imports of a module that was compiled at a version. Returns the modules that
    /// lost their last importer by it.
    pub(crate) fn record(&mut self, path: &str, imports: &[String], version: u64) -> Vec<String> {
        let before = self.imports.get(path);
        if before.is_some_and(|known| known == imports) {
            return Vec::new();
        }
        let total = self.total + imports.len() - before.map_or(0, Vec::len);
        if total > MAX_IMPORTS || (before.is_none() && self.imports.len() >= MAX_MODULES) {
            return Vec::new();
        }
        self.total = total;
        for path in imports {
            *self.counts.entry(path.clone()).or_default() += 1;
        }
        let before = self.imports.insert(path.to_owned(), imports.to_vec()).unwrap_or_default();
        let orphans: Vec<_> = before.into_iter().filter(|path| self.lost_importer(path)).collect();
        if self.orphaned.len() < MAX_MODULES {
            self.orphaned.extend(orphans.iter().map(|path| (path.clone(), version)));
        }
        orphans
    }

    /// Takes one importer off a module. Returns whether it was the last.
    fn lost_importer(&mut self, path: &str) -> bool {
        let Some(count) = self.counts.get_mut(path) else { return true };
        *count -= 1;
        if *count > 0 {
            return false;
        }
        self.counts.remove(path);
        true
    }

    /// Forgets a module that was removed, unless it imports others: it may be created again at
    /// once, and may then have orphaned some.
    pub(crate) fn forget(&mut self, removed: &str) {
        if self.imports.get(removed).is_some_and(Vec::is_empty) {
            self.imports.remove(removed);
        }
    }

    /// Returns the last version at which one of these modules lost its last importer.
    fn last_orphaned(&self, path: &str) -> Option<u64> {
        self.orphaned.get(path).copied()
    }

    /// Returns for each of these modules the latest version of it and of all that it imports,
    /// directly or not. `changed` returns the version at which one module last changed.
    ///
    /// Leaves out style sheets that `from`, a script, imports, because pages replace them without
    /// running their importers again; CSS modules export names to their importers, and are
    /// included.
    pub(crate) fn versions<'p>(
        &'p self,
        from: &str,
        paths: impl Iterator<Item = &'p str>,
        changed: impl Fn(&str) -> Option<u64>,
    ) -> HashMap<&'p str, Option<u64>> {
        let own = |path: &str| changed(path).max(self.last_orphaned(path));
        let mut walk = Walk { importers: self, own: &own, found: HashMap::new(), next: 0 };
        let counts = |path: &&str| is_style_sheet(from) || !is_plain_sheet(path);
        paths.filter(counts).map(|path| (path, walk.version(path))).collect()
    }

    fn imports_of(&self, path: &str) -> &[String] {
        self.imports.get(path).map_or(&[], Vec::as_slice)
    }
}

/// A depth-first search that finds the latest version of everything that each module imports.
///
/// Modules that import each other have the same version, so this is Tarjan's algorithm for strongly
/// connected components, without recursion.
struct Walk<'p, 'v> {
    importers: &'p Importers,
    own: &'v dyn Fn(&str) -> Option<u64>,
    found: HashMap<&'p str, Found>,
    next: usize,
}

/// What is known of a module.
#[derive(Clone, Copy)]
struct Found {
    /// The position in the order of the search.
    order: usize,
    /// The first position that is known to be in the same component.
    low: usize,
    version: Option<u64>,
    /// Whether the component is complete.
    complete: bool,
}

impl<'p> Walk<'p, '_> {
    fn version(&mut self, start: &'p str) -> Option<u64> {
        if let Some(found) = self.found.get(start) {
            return found.version;
        }
        // The modules of incomplete components.
        let mut pending = Vec::new();
        // The path from the start: each module with the number of its imports that were followed.
        let mut path = vec![(start, 0)];
        self.enter(start);
        pending.push(start);
        while let Some((module, followed)) = path.last_mut() {
            let module = *module;
            if let Some(import) = self.importers.imports_of(module).get(*followed) {
                *followed += 1;
                if is_plain_sheet(import) && !is_plain_sheet(module) {
                    continue;
                }
                if let Some(found) = self.found.get(import.as_str()).copied() {
                    self.merge(module, found);
                } else {
                    self.enter(import);
                    pending.push(import);
                    path.push((import, 0));
                }
                continue;
            }
            path.pop();
            let Some(found) = self.found.get(module).copied() else { continue };
            if found.low == found.order {
                self.complete(module, found.version, &mut pending);
            }
            if let (Some((importer, _)), Some(found)) = (path.last(), self.found.get(module)) {
                self.merge(importer, *found);
            }
        }
        self.found.get(start).and_then(|found| found.version)
    }

    fn enter(&mut self, module: &'p str) {
        let version = (self.own)(module);
        let found = Found { order: self.next, low: self.next, version, complete: false };
        self.found.insert(module, found);
        self.next += 1;
    }

    /// Merges what is known of an import into its importer.
    fn merge(&mut self, importer: &str, import: Found) {
        if let Some(found) = self.found.get_mut(importer) {
            found.version = found.version.max(import.version);
            if !import.complete {
                found.low = found.low.min(import.low);
            }
        }
    }

    /// Completes the component that begins with a module.
    fn complete(&mut self, first: &str, version: Option<u64>, pending: &mut Vec<&'p str>) {
        while let Some(module) = pending.pop() {
            if let Some(found) = self.found.get_mut(module) {
                (found.version, found.complete) = (version, true);
            }
            if module == first {
                break;
            }
        }
    }
}

fn is_plain_sheet(path: &str) -> bool {
    is_style_sheet(path) && !is_css_module(Path::new(path))
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashMap};

    use proptest::prelude::*;

    use super::{Importers, is_plain_sheet};

    fn paths(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn imports_are_followed_through_cycles_but_not_into_style_sheets() {
        let mut importers = Importers::default();
        for (path, imports) in
            [("/main", "/a /main.css"), ("/a", "/b /c"), ("/b", "/a"), ("/c", ""), ("/d", "/c")]
        {
            assert!(importers.record(path, &paths(imports), 1).is_empty(), "{path}");
        }
        // Each module is changed alone: which modules have a version by it?
        let all = ["/main", "/a", "/b", "/c", "/d", "/new", "/main.css"];
        for (changed, expected) in [
            ("/main", "/main"),
            ("/a", "/a /b /main"),
            ("/b", "/a /b /main"),
            ("/c", "/a /b /c /d /main"),
            ("/d", "/d"),
            ("/new", "/new"),
            ("/main.css", ""),
        ] {
            let version = |path: &str| (path == changed).then_some(1);
            let versions = importers.versions("/x", all.into_iter(), version);
            let mut found: Vec<_> =
                versions.iter().filter(|(_, at)| at.is_some()).map(|(path, _)| *path).collect();
            found.sort_unstable();
            assert_eq!(found.join(" "), expected, "{changed}");
        }
    }

    #[test]
    fn a_module_without_importers_is_an_orphan() {
        let mut importers = Importers::default();
        importers.record("/a", &paths("/x /y"), 1);
        importers.record("/b", &paths("/y"), 2);
        assert!(importers.record("/a", &paths("/x /y"), 3).is_empty());
        importers.forget("/a");
        assert_eq!(importers.record("/a", &[], 4), ["/x"]);
        assert_eq!(importers.record("/b", &[], 5), ["/y"]);
        importers.forget("/a");
        importers.forget("/a");
        assert_eq!(importers.last_orphaned("/x"), Some(4));
        assert_eq!(importers.last_orphaned("/a"), None);
    }

    #[test]
    fn modules_that_all_import_each_other_are_visited_once() {
        let mut importers = Importers::default();
        let all: Vec<_> = (0..700).map(|at| format!("/{at}")).collect();
        for path in &all {
            importers.record(path, &all, 1);
        }
        let visits = std::cell::Cell::new(0);
        let changed = |path: &str| {
            visits.set(visits.get() + 1);
            (path == "/5").then_some(3)
        };
        let versions = importers.versions("/x", all.iter().map(String::as_str), changed);
        assert!(versions.values().all(|version| *version == Some(3)));
        assert_eq!(visits.get(), all.len());
        // No more imports are tracked.
        importers.record("/new", &all, 1);
        importers.record("/newer", &vec!["/x".to_owned(); super::MAX_IMPORTS], 1);
        assert!(importers.imports_of("/newer").is_empty());
    }

    proptest! {
        #[test]
        fn versions_are_those_of_everything_reachable(
            edges in prop::collection::vec((0..12_usize, 0..12_usize), 0..40),
            changed in prop::collection::vec(0..20_u64, 12),
        ) {
            let mut graph = HashMap::<_, BTreeSet<_>>::new();
            for (from, to) in edges {
                graph.entry(from).or_default().insert(to);
            }
            let mut importers = Importers::default();
            for (from, to) in &graph {
                let to: Vec<_> = to.iter().map(|to| format!("/{to}")).collect();
                importers.record(&format!("/{from}"), &to, 1);
            }
            let version = |path: &str| changed.get(path[1..].parse::<usize>().unwrap()).copied();
            let all: Vec<_> = (0..12).map(|at| format!("/{at}")).collect();
            let found = importers.versions("/x", all.iter().map(String::as_str), version);
            for start in 0..12 {
                let (mut seen, mut open) = (BTreeSet::new(), vec![start]);
                while let Some(at) = open.pop() {
                    if seen.insert(at) {
                        open.extend(graph.get(&at).into_iter().flatten());
                    }
                }
                let expected = seen.iter().map(|at| changed[*at]).max();
                prop_assert_eq!(found[&*format!("/{start}")], expected);
            }
        }
    }

    #[test]
    fn style_sheets_count_for_the_sheets_that_import_them() {
        let mut importers = Importers::default();
        for (path, imports) in [
            ("/main", "/a.css /m.module.css"),
            ("/a.css", "/b.css"),
            ("/b.css", "/c.css"),
            ("/m.module.css", "/c.css"),
        ] {
            importers.record(path, &paths(imports), 1);
        }
        let changed = |path: &str| (path == "/c.css").then_some(2);
        for (from, path, expected) in [
            ("/a.css", "/b.css", Some(Some(2))),
            ("/m.module.css", "/c.css", Some(Some(2))),
            ("/main", "/a.css", None),
            ("/main", "/m.module.css", Some(None)),
            ("/index", "/main", Some(None)),
        ] {
            let versions = importers.versions(from, [path].into_iter(), changed);
            assert_eq!(versions.get(path).copied(), expected, "{from} {path}");
        }
    }

    #[test]
    fn css_modules_are_no_plain_sheets() {
        assert!(is_plain_sheet("/a.css") && !is_plain_sheet("/a.module.css"));
    }
}
