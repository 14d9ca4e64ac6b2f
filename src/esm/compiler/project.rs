//! Interface between the compiler and the project that a file belongs to.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use crate::esm::{lock::lock, resolve::Target};

/// Returns whether the file or folder at a path is served.
pub(super) type IsServed = Arc<dyn Fn(&Path) -> bool + Send + Sync>;

/// Answers the compiler's questions about a project.
pub(super) trait Project: Sync {
    /// Returns the served folder.
    fn root(&self) -> &Path;
    /// Returns the folder that paths in a file with a leading slash refer to: the root, or that of
    /// the linked package.
    fn root_of(&self, _: &Path) -> PathBuf {
        self.root().to_owned()
    }
    /// Resolves a specifier in a file.
    fn resolve(&self, specifier: &str, from: &Path) -> Target;
    /// Returns what a style sheet imports by a name: a file of a package or of the project.
    fn resolve_from_sheet(&self, specifier: &str, from: &Path) -> Option<Target>;
    /// Returns a path relative to the root, or `None` if it is not below it. Does not look at it.
    fn below_root(&self, path: &Path) -> Option<PathBuf>;
    /// Returns the URL path of a file, or `None` if it is not served.
    fn url(&self, path: &Path) -> Option<String>;
    /// Returns the function that tells which files and folders are served.
    fn served(&self) -> IsServed;
    /// Returns the names in a folder, sorted.
    fn names(&self, folder: &Path) -> Vec<String>;
    /// Returns those of the imported names that the URL of a package's module has to list, because
    /// static analysis of the package does not find them.
    fn undetected_names(&self, url: &str, names: &BTreeSet<String>) -> Vec<String>;
    /// Returns whether a specifier is left as it is, because the import map of a page or a backend
    /// resolves it.
    fn is_external(&self, specifier: &str) -> bool;
}

/// A project that records which specifiers were resolved, and their targets.
pub(super) struct RecordingProject<'p> {
    project: &'p dyn Project,
    targets: Mutex<BTreeMap<String, Target>>,
}

impl<'p> RecordingProject<'p> {
    pub(super) fn new(project: &'p dyn Project) -> Self {
        Self { project, targets: Mutex::default() }
    }

    /// Returns each specifier that was resolved, with its target.
    pub(super) fn into_targets(self) -> Vec<(String, Target)> {
        let targets = self.targets.into_inner().unwrap_or_else(PoisonError::into_inner);
        targets.into_iter().collect()
    }
}

impl Project for RecordingProject<'_> {
    fn root(&self) -> &Path {
        self.project.root()
    }

    fn root_of(&self, path: &Path) -> PathBuf {
        self.project.root_of(path)
    }

    fn resolve(&self, specifier: &str, from: &Path) -> Target {
        let target = self.project.resolve(specifier, from);
        let mut targets = lock(&self.targets);
        targets.entry(specifier.to_owned()).or_insert_with(|| target.clone());
        target
    }

    fn resolve_from_sheet(&self, specifier: &str, from: &Path) -> Option<Target> {
        self.project.resolve_from_sheet(specifier, from)
    }

    fn below_root(&self, path: &Path) -> Option<PathBuf> {
        self.project.below_root(path)
    }

    fn url(&self, path: &Path) -> Option<String> {
        self.project.url(path)
    }

    fn served(&self) -> IsServed {
        self.project.served()
    }

    fn names(&self, folder: &Path) -> Vec<String> {
        self.project.names(folder)
    }

    fn undetected_names(&self, url: &str, names: &BTreeSet<String>) -> Vec<String> {
        self.project.undetected_names(url, names)
    }

    fn is_external(&self, specifier: &str) -> bool {
        self.project.is_external(specifier)
    }
}
