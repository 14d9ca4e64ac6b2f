//! What an import specifier means: a file of the project, a package, a URL, or nothing.

use std::path::{Path, PathBuf};

/// What a specifier leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A file of the project, in the root: it has a URL of its own.
    File(PathBuf),
    /// A file in a package: the URL of the module for it, without a query.
    Package(String),
    /// A URL, or whatever else the browser knows by itself.
    Url(String),
    /// Nothing; what to do about it, if that is known.
    Missing(Option<String>),
}

/// Resolves specifiers, as Node and bundlers do.
pub(crate) struct Resolver {}

impl Resolver {
    /// For the project in a folder.
    pub(crate) fn new(_root: &Path) -> Self {
        Self {}
    }

    /// What a specifier means in a file, as an `import`. Blocking.
    pub(crate) fn resolve(&self, _specifier: &str, _from: &Path) -> Target {
        Target::Missing(None)
    }
}
