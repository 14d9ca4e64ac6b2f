//! Local names of a CSS module, and their replacement in the text.

use std::collections::BTreeSet;

use cssparser::serialize_identifier;
use oxc::span::Span;
use xxhash_rust::xxh3::xxh3_64;

use crate::esm::edits::Edits;

/// The local names of a sheet, with the edits of its text.
pub(super) struct Names<'s> {
    text: &'s str,
    suffix: String,
    edits: Edits,
    /// The classes and ids of the sheet.
    pub(super) local: BTreeSet<String>,
}

impl<'s> Names<'s> {
    pub(super) fn new(text: &'s str, url: &str) -> Self {
        Self { text, suffix: suffix(url), edits: Edits::default(), local: BTreeSet::new() }
    }

    /// Returns the name that the page uses for a local name.
    pub(super) fn scoped(&self, name: &str) -> String {
        format!("_{name}_{}", self.suffix)
    }

    /// Adds and renames a class or id between two offsets.
    pub(super) fn add(&mut self, name: &str, start: usize, end: usize) {
        self.rename(name, start, end);
        self.local.insert(name.to_owned());
    }

    /// Replaces a name between two offsets by its scoped name.
    pub(super) fn rename(&mut self, name: &str, start: usize, end: usize) {
        let mut identifier = String::new();
        if serialize_identifier(&self.scoped(name), &mut identifier).is_ok() {
            self.replace(start, end, &identifier);
        }
    }

    /// Replaces the text between two offsets.
    pub(super) fn replace(&mut self, start: usize, end: usize, text: &str) {
        self.edits.replace(span(start, end), text);
    }

    /// Removes the text between two offsets, except its line breaks.
    pub(super) fn remove(&mut self, start: usize, end: usize) {
        self.edits.blank(self.text, span(start, end), "");
    }

    /// Returns the text with all edits.
    pub(super) fn into_text(self) -> String {
        self.edits.apply(self.text)
    }
}

/// Returns six letters and digits for the sheet at a URL path.
pub(super) fn suffix(url: &str) -> String {
    let hash = xxh3_64(url.as_bytes());
    let digit =
        |at: u32| char::from(b"0123456789abcdefghijklmnopqrstuv"[(hash >> (5 * at) & 31) as usize]);
    (0..6).map(digit).collect()
}

fn span(start: usize, end: usize) -> Span {
    let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Span::new(offset(start), offset(end))
}
