//! What the compiler asks of the project that a file belongs to.

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{Mutex, PoisonError},
};

use crate::esm::Target;

/// A project: where specifiers lead, and how its files are served.
pub(super) trait Project: Sync {
    /// The folder that is served.
    fn root(&self) -> &Path;
    /// What a specifier means in a file.
    fn resolve(&self, specifier: &str, from: &Path) -> Target;
    /// The URL path of a file.
    fn url(&self, path: &Path) -> Option<String>;
    /// The names of the files in a folder.
    fn names(&self, folder: &Path) -> Vec<String>;
    /// Which of the names that are imported from a package's module must travel with its URL.
    fn hidden(&self, url: &str, names: &BTreeSet<String>) -> Vec<String>;
    /// Whether a specifier is no matter of the project: a page's own import map or a backend knows it.
    fn is_foreign(&self, specifier: &str) -> bool;
}

/// A project that notes what specifiers led to.
pub(super) struct Seen<'p> {
    project: &'p dyn Project,
    targets: Mutex<Vec<(String, Target)>>,
}

impl<'p> Seen<'p> {
    pub(super) fn new(project: &'p dyn Project) -> Self {
        Self { project, targets: Mutex::default() }
    }

    /// The specifiers that were asked for, and what they led to.
    pub(super) fn targets(self) -> Vec<(String, Target)> {
        self.targets.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Project for Seen<'_> {
    fn root(&self) -> &Path {
        self.project.root()
    }

    fn resolve(&self, specifier: &str, from: &Path) -> Target {
        let target = self.project.resolve(specifier, from);
        let mut targets = self.targets.lock().unwrap_or_else(PoisonError::into_inner);
        if targets.iter().all(|(known, _)| known != specifier) {
            targets.push((specifier.to_owned(), target.clone()));
        }
        target
    }

    fn url(&self, path: &Path) -> Option<String> {
        self.project.url(path)
    }

    fn names(&self, folder: &Path) -> Vec<String> {
        self.project.names(folder)
    }

    fn hidden(&self, url: &str, names: &BTreeSet<String>) -> Vec<String> {
        self.project.hidden(url, names)
    }

    fn is_foreign(&self, specifier: &str) -> bool {
        self.project.is_foreign(specifier)
    }
}
