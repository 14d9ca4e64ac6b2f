//! Results of a compilation.

use std::{path::PathBuf, sync::Arc};

use super::{
    glob::Glob,
    stamps::{self, Slot},
};

/// The result of compiling a file.
#[derive(Clone, Debug)]
pub(crate) enum Output {
    /// The file needs no compilation and is served as it is.
    Unchanged,
    /// A JavaScript module.
    Module(Arc<CompiledModule>),
    /// A style sheet.
    StyleSheet(CompiledSheet),
}

/// A style sheet as CSS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CompiledSheet {
    pub(crate) text: String,
    /// The files that it was made from, besides the sheet itself.
    pub(crate) dependencies: Vec<PathBuf>,
}

/// A JavaScript module for the browser.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CompiledModule {
    /// The code, without version stamps.
    pub(crate) code: String,
    /// The URL paths of the imported project files, without queries.
    pub(crate) imports: Vec<String>,
    /// The configuration files that the result depends on (`tsconfig.json`, `.env`).
    pub(crate) config_files: Vec<PathBuf>,
    /// The files that it was made from, besides the file itself: those that a compiler of the
    /// project has read.
    pub(crate) dependencies: Vec<PathBuf>,
    /// The patterns of `import.meta.glob`.
    pub(crate) globs: Vec<Glob>,
    /// The imported package files: specifier and URL.
    pub(crate) packages: Vec<(String, String)>,
    pub(super) slots: Vec<Slot>,
}

impl CompiledModule {
    /// Returns the code with a version stamp at each import for whose URL path `version` returns a
    /// version. The positions in the code do not change.
    pub(crate) fn with_stamps(&self, version: impl Fn(&str) -> Option<u64>) -> String {
        stamps::insert(&self.code, &self.slots, version)
    }
}
