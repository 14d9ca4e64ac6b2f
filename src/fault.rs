//! Compile errors, as plain data for the page's overlay and the terminal.

use serde::{Deserialize, Serialize};

/// An error in a source file: it does not compile, or an import cannot be resolved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Fault {
    /// The URL path of the file.
    pub path: String,
    /// The path of the file, relative to the root.
    pub file: String,
    /// The line, counted from 1. `None` if the error is of the whole file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The column in characters, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// The message of the compiler.
    pub message: String,
    /// The lines around the error, numbered, with a marker below it.
    pub frame: String,
    /// How to fix the error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}
