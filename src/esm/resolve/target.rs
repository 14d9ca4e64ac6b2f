//! What a specifier resolves to.

use std::path::PathBuf;

use super::package::PackageFile;

/// The kind of an import, which decides the conditions and extensions that apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ImportKind {
    /// An import in a source of the project.
    Source,
    /// An `import` in a package.
    Import,
    /// A `require` in a package.
    Require,
    /// An `@import` in a style sheet of the project.
    Sheet,
}

/// What a specifier in a source of the project resolves to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A file in the root, which has a URL of its own.
    File(PathBuf),
    /// The URL of a module for a file of a package. It has the query `?import` if the file is not a
    /// script.
    Package(String),
    /// A URL, or anything else that is left to the browser.
    Url(String),
    /// Nothing. The text says how to fix that, if it is known.
    Missing(Option<String>),
}

/// What a specifier resolves to, as a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Resolved {
    /// A file in the root.
    File(PathBuf),
    /// A file of a package.
    Package(PackageFile),
    /// A module of Node, without `node:`.
    Builtin(String),
    /// An empty module: `"browser": { "..": false }`.
    Ignored,
    /// A URL.
    Url(String),
    /// Nothing. The text says how to fix that, if it is known.
    Missing(Option<String>),
}
