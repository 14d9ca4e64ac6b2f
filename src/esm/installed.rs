//! What modules import of packages, so that an installation is noticed that gives them others.
//!
//! After one, all packages have other URLs, as what they ask for may be another version. A module that
//! was put in place with the new ones would run beside the old ones, and a page with two Reacts is
//! broken: so pages that are open have to be loaded again.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use crate::change::{Change, Kind};

/// How many modules are remembered; more can tell no more.
const MODULES: usize = 1000;

/// What is said to have changed: it is no path of a page, so all are told.
const WHAT: &str = "node_modules";

/// A module's file, and the specifiers and URLs of the packages that it imports.
type Imports = (PathBuf, Vec<(String, String)>);

/// What was imported last, by the URL paths of modules.
#[derive(Debug, Default)]
pub(super) struct Installed(HashMap<String, Imports>);

impl Installed {
    /// A module was compiled. Gives what pages are to be told, if a specifier leads elsewhere than it
    /// did.
    pub(super) fn compiled(
        &mut self,
        module: &str,
        file: &Path,
        packages: &[(String, String)],
    ) -> Option<Change> {
        let before = self.0.get(module).map_or(&[][..], |(_, before)| before);
        let leads_elsewhere = |(specifier, url): &(String, String)| {
            before.iter().any(|(known, was)| known == specifier && was != url)
        };
        let other = packages.iter().any(leads_elsewhere);
        if other {
            self.0.clear();
        }
        if !packages.is_empty() && self.0.len() < MODULES {
            self.0.insert(module.to_owned(), (file.to_owned(), packages.to_vec()));
        }
        other.then(change)
    }

    /// Something may have been installed: gives the same, by asking where a specifier leads now. One is
    /// enough, since an installation changes all.
    pub(super) fn looked_at(
        &mut self,
        leads_to: impl Fn(&str, &Path, &str) -> bool,
    ) -> Option<Change> {
        let (file, packages) = self.0.values().next()?;
        let (specifier, url) = packages.first()?;
        if leads_to(specifier, file, url) {
            return None;
        }
        self.0.clear();
        Some(change())
    }
}

fn change() -> Change {
    Change { path: WHAT.to_owned(), kind: Kind::Modified }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Installed, change};

    #[test]
    fn packages_that_have_other_urls_are_told_once() {
        let mut installed = Installed::default();
        let file = Path::new("/web/a.js");
        let react = |version: &str| ("react".to_owned(), format!("/react@{version}"));
        let zod = ("zod".to_owned(), "/zod@1".to_owned());
        assert_eq!(installed.looked_at(|_, _, _| false), None);
        assert_eq!(installed.compiled("/a.js", file, &[react("1")]), None);
        assert_eq!(installed.compiled("/b.js", file, &[react("1")]), None);
        assert_eq!(installed.compiled("/a.js", file, &[react("1"), zod.clone()]), None);
        assert_eq!(installed.compiled("/a.js", file, &[]), None);
        assert_eq!(installed.compiled("/b.js", file, &[zod, react("2")]), Some(change()));
        assert_eq!(installed.compiled("/a.js", file, &[react("2")]), None);
        assert_eq!(installed.looked_at(|_, _, _| true), None);
        assert_eq!(installed.looked_at(|_, _, url| url == "/react@3"), Some(change()));
        assert_eq!(installed.looked_at(|_, _, _| false), None);
    }
}
