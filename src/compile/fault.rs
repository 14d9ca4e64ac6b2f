//! What is wrong with a source, and how to mend it.

use std::path::PathBuf;

/// A source that cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The file.
    pub(crate) file: PathBuf,
    /// The place, counted from 1, in characters; nothing where it is the whole file.
    pub(crate) place: Option<(u32, u32)>,
    /// What is wrong.
    pub(crate) message: String,
    /// The lines around the place, numbered, with a mark below it.
    pub(crate) frame: String,
    /// What to do about it.
    pub(crate) help: Option<String>,
}
