//! What is wrong with a source file, as plain data: said in the page and in the terminal.

use serde::Serialize;

/// A source that cannot be served as what a page asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Fault {
    /// The URL path of the file.
    pub path: String,
    /// The file, from the served folder on.
    pub file: String,
    /// The line, counted from 1; nothing where it is the whole file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The character in it, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// What is wrong.
    pub message: String,
    /// The lines around the place, numbered, with a mark below it.
    pub frame: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}
