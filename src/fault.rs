//! Errors that the page's overlay shows, as plain data.

use serde::{Deserialize, Serialize};

use crate::page_message::{MessageKind, StackFrame};

/// An error in a source file: it does not compile, an import cannot be resolved, or its code threw
/// and left a blank page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// What failed, unless it is an error of compiling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<MessageKind>,
    /// The calls that led to it, innermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stack: Vec<StackFrame>,
    /// The components around the one that failed, innermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<StackFrame>,
}
