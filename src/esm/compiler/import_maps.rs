//! The specifiers in the import maps of pages, which are left to the browser.
//!
//! They apply to all pages. The maps of the pages that were served last are kept, up to 1 MiB.

use std::{
    collections::{BTreeSet, VecDeque},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
};

use serde_json::Value;

use crate::esm::lock::lock;

/// The size of all specifiers, bytes.
const MAX_BYTES: usize = 1024 * 1024;

/// The number of pages.
const MAX_PAGES: usize = 256;

#[derive(Debug, Default)]
pub(super) struct ImportMaps(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// The specifiers of each page; the page that was served last is at the end.
    pages: VecDeque<(PathBuf, BTreeSet<String>)>,
    /// The specifiers of all pages.
    all: Arc<BTreeSet<String>>,
    /// The number of changes of `all`.
    generation: u64,
}

impl ImportMaps {
    /// Replaces the import maps of a page. Ignores invalid JSON.
    pub(super) fn set(&self, page: &Path, maps: &[String]) {
        let names: BTreeSet<_> = maps.iter().flat_map(|json| specifiers(json)).collect();
        let mut known = self.lock();
        let before = known.pages.iter().position(|(path, _)| path == page);
        if before.is_none() && names.is_empty() {
            return;
        }
        let before = before.and_then(|at| known.pages.remove(at));
        let is_changed = before.is_none_or(|(_, before)| before != names);
        if !names.is_empty() {
            known.pages.push_back((page.to_owned(), names));
        }
        if is_changed {
            known.forget_oldest();
            known.all = Arc::new(known.pages.iter().flat_map(|(_, names)| names.clone()).collect());
            known.generation += 1;
        }
    }

    /// Returns a number that changes with the specifiers.
    pub(super) fn generation(&self) -> u64 {
        self.lock().generation
    }

    /// Returns whether a page maps a specifier, or a prefix of it that ends with a slash.
    pub(super) fn has(&self, specifier: &str) -> bool {
        let all = Arc::clone(&self.lock().all);
        let mut slashes = specifier.match_indices('/');
        all.contains(specifier) || slashes.any(|(at, _)| all.contains(&specifier[..=at]))
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        lock(&self.0)
    }
}

impl Known {
    /// Forgets the pages that were served longest ago, until the others are within the limits.
    fn forget_oldest(&mut self) {
        let mut bytes = 0;
        let is_kept = |(_, names): &&(PathBuf, BTreeSet<String>)| {
            bytes += names.iter().map(String::len).sum::<usize>();
            bytes <= MAX_BYTES
        };
        let kept = self.pages.iter().rev().take(MAX_PAGES).take_while(is_kept).count();
        self.pages.drain(..self.pages.len() - kept);
    }
}

/// Returns the specifiers in an import map.
fn specifiers(json: &str) -> Vec<String> {
    let Ok(map) = serde_json::from_str::<Value>(json) else { return Vec::new() };
    let scopes = map["scopes"].as_object().into_iter().flat_map(|scopes| scopes.values());
    let tables = scopes.chain([&map["imports"]]).filter_map(|table| table.as_object());
    tables.flat_map(|table| table.keys().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{ImportMaps, MAX_BYTES, MAX_PAGES};

    fn map(names: &[&str]) -> String {
        let names: Vec<_> = names.iter().map(|name| format!("\"{name}\":\"/x.js\"")).collect();
        format!("{{\"imports\":{{{}}}}}", names.join(","))
    }

    #[test]
    fn the_maps_of_a_page_replace_its_earlier_ones() {
        let maps = ImportMaps::default();
        let page = Path::new("/web/index.html");
        let scopes = "{\"scopes\":{\"/a/\":{\"scoped\":\"/y.js\"}}}".to_owned();
        maps.set(page, &[map(&["lit", "lib/"]), scopes, "no JSON".to_owned()]);
        let found = |specifiers: &[&str]| {
            specifiers.iter().map(|specifier| maps.has(specifier)).collect::<Vec<_>>()
        };
        let specifiers = ["lit", "lit/html", "lib/a/b", "lib", "scoped"];
        assert_eq!(found(&specifiers), [true, false, true, false, true]);
        let generation = maps.generation();
        maps.set(page, &[map(&["lib/"])]);
        assert_eq!(found(&specifiers), [false, false, true, false, false]);
        assert_ne!(maps.generation(), generation);
        let generation = maps.generation();
        maps.set(page, &[map(&["lib/"])]);
        assert_eq!(maps.generation(), generation);
        maps.set(page, &[]);
        assert!(!maps.has("lib/a"));
    }

    #[test]
    fn the_oldest_pages_are_forgotten() {
        let maps = ImportMaps::default();
        let count = || maps.lock().pages.len();
        for number in 0..2 * MAX_PAGES {
            maps.set(Path::new(&number.to_string()), &[map(&[&format!("a{number}")])]);
        }
        assert_eq!(count(), MAX_PAGES);
        assert!(!maps.has("a0") && maps.has(&format!("a{}", 2 * MAX_PAGES - 1)));
        let half = "b".repeat(MAX_BYTES / 2);
        maps.set(Path::new("b"), &[map(&[&half])]);
        maps.set(Path::new("c"), &[map(&[&half])]);
        assert_eq!(count(), 2);
        maps.set(Path::new("d"), &[map(&[&"d".repeat(2 * MAX_BYTES)])]);
        assert_eq!(count(), 0);
    }
}
