//! What comes of a file, and its stamps.
//!
//! A module that changed has another URL from then on, or the page would go on with the old one. Its
//! importers are compiled once for all versions: the stamp is put in when they are served.

use std::{path::PathBuf, sync::Arc};

use super::{
    glob::Glob,
    rewrite::{STAMP, Slot},
};

/// What came of a file.
#[derive(Clone, Debug)]
pub(crate) enum Output {
    /// Nothing is to be done: it is served as it is.
    Unchanged,
    /// A module.
    Module(Arc<Compiled>),
    /// A style sheet.
    Sheet(String),
}

/// A module for the browser.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Compiled {
    /// The module, without stamps.
    pub(crate) code: String,
    /// The URL paths of the project's files that it imports, without queries.
    pub(crate) imports: Vec<String>,
    /// The files that say how it was compiled: `tsconfig.json`, `.env`.
    pub(crate) files: Vec<PathBuf>,
    /// The files that it imports by patterns.
    pub(crate) globs: Vec<Glob>,
    /// The files of packages that it imports: specifiers and URLs.
    pub(crate) packages: Vec<(String, String)>,
    pub(super) slots: Vec<Slot>,
}

impl Compiled {
    /// The module with a stamp at each import of a file that changed: of its URL path, the version
    /// is asked for. What stands where does not move, so the source map stays right.
    pub(crate) fn stamped(&self, version: impl Fn(&str) -> Option<u64>) -> String {
        let mut code = String::with_capacity(self.code.len() + 64);
        let mut from = 0;
        for slot in &self.slots {
            let Some(version) = version(&slot.path) else { continue };
            let stamp = format!("{}t={version}", slot.lead);
            // The stamp, the closing quote, and then fewer blanks.
            let blanks = slot.at + 1 + stamp.len().min(STAMP);
            let parts = (
                self.code.get(from..slot.at),
                self.code.get(slot.at..=slot.at),
                self.code.get(blanks..),
            );
            let (Some(before), Some(quote), Some(_)) = parts else { continue };
            code.push_str(before);
            code.push_str(&stamp);
            code.push_str(quote);
            from = blanks;
        }
        code.push_str(self.code.get(from..).unwrap_or_default());
        code
    }
}
