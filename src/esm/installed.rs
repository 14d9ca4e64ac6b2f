//! Detects installations that change the packages of open pages.
//!
//! An installation gives all packages new URLs, because a dependency may have another version now.
//! A module that is hot-updated to the new URLs would run beside modules that use the old ones, and
//! a page with two copies of React is broken. So open pages that use packages are reloaded.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::outcome::PACKAGES_PATH;
use crate::change::{Change, Kind};

/// Number of modules that are remembered: one is enough to detect an installation.
const MAX_MODULES: usize = 1000;

/// The file of a module, and the specifiers and URLs of the packages that it imports.
type Imports = (PathBuf, Vec<(String, String)>);

/// A specifier in a module, and the URL of the package file that it resolved to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sample {
    pub(super) specifier: String,
    pub(super) file: PathBuf,
    pub(super) url: String,
}

/// The packages that modules imported when they were last compiled, by the URL paths of the
/// modules.
#[derive(Debug, Default)]
pub(super) struct Installed(BTreeMap<String, Imports>);

impl Installed {
    /// Records the packages that a module imports. Returns a change to publish if one of its
    /// specifiers resolves to another URL than before.
    pub(super) fn record(
        &mut self,
        module: &str,
        file: &Path,
        packages: &[(String, String)],
    ) -> Option<Change> {
        let before = self.0.get(module).map_or(&[][..], |(_, before)| before);
        let has_moved = |(specifier, url): &(String, String)| {
            before.iter().any(|(known, was)| known == specifier && was != url)
        };
        let has_moved = packages.iter().any(has_moved);
        if has_moved {
            self.0.clear();
        }
        let is_recorded = self.0.len() < MAX_MODULES || self.0.contains_key(module);
        if !packages.is_empty() && is_recorded {
            self.0.insert(module.to_owned(), (file.to_owned(), packages.to_vec()));
        }
        has_moved.then(change)
    }

    /// Returns one of the known specifiers, with the file that imports it and the URL that it
    /// resolved to. If it resolves to another one now, packages were installed.
    pub(super) fn sample(&self) -> Option<Sample> {
        let (file, packages) = self.0.values().next()?;
        let (specifier, url) = packages.first()?.clone();
        Some(Sample { specifier, file: file.clone(), url })
    }

    /// Forgets all packages, because they have moved. Returns a change to publish.
    pub(super) fn clear(&mut self) -> Change {
        self.0.clear();
        change()
    }
}

fn change() -> Change {
    Change { path: PACKAGES_PATH.to_owned(), kind: Kind::Modified }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Installed, change};

    #[test]
    fn packages_with_new_urls_are_reported_once() {
        let mut installed = Installed::default();
        let file = Path::new("/web/a.js");
        let react = |version: &str| ("react".to_owned(), format!("/react@{version}"));
        let zod = ("zod".to_owned(), "/zod@1".to_owned());
        assert_eq!(installed.sample(), None);
        assert_eq!(installed.record("/a.js", file, &[react("1")]), None);
        assert_eq!(installed.record("/b.js", file, &[react("1")]), None);
        assert_eq!(installed.record("/a.js", file, &[react("1"), zod.clone()]), None);
        assert_eq!(installed.record("/a.js", file, &[]), None);
        assert_eq!(installed.record("/b.js", file, &[zod, react("2")]), Some(change()));
        assert_eq!(installed.record("/a.js", file, &[react("2")]), None);
        let sample = installed.sample().unwrap();
        assert_eq!((&*sample.specifier, &*sample.url), ("react", "/react@2"));
        assert_eq!(installed.clear(), change());
        assert_eq!(installed.sample(), None);
    }
}
