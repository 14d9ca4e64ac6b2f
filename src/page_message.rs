//! What open pages report, as plain data: errors, failed loads, and messages on the console.
//!
//! Positions are those of the original source, counted from 1. The text is a page's own and must be
//! taken for untrusted input.

use serde::{Deserialize, Serialize};

/// What a message of a page is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum MessageKind {
    /// An exception that nothing caught.
    Exception,
    /// A rejected promise that nothing handled.
    Rejection,
    /// A call of `console`.
    #[default]
    Console,
    /// A script, style sheet, image or fetch that failed to load.
    Load,
    /// A violation of the Content Security Policy.
    Csp,
    /// A module that the browser cannot parse or link.
    Link,
    /// A source that does not compile.
    Compile,
}

/// How serious a message is, as in the console of developer tools.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Level {
    /// Something failed.
    #[default]
    Error,
    /// Something may be wrong.
    Warn,
    /// Information.
    Info,
    /// A message of `console.log`.
    Log,
    /// Details.
    Debug,
}

/// A place in a call stack or in a stack of components.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackFrame {
    /// The name of the function or component; empty if it has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub function: String,
    /// The URL path of the file, if it is one of the served folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The file: relative to the root, or a URL.
    #[serde(default)]
    pub file: String,
    /// The line, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The column in characters, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
}

/// A message of a page, with places in the original source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageMessage {
    /// What it is about.
    pub kind: MessageKind,
    /// How serious it is.
    #[serde(default)]
    pub level: Level,
    /// The text, perhaps of several lines.
    pub message: String,
    /// The URL path of the file, if it is one of the served folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The file: relative to the root, or a URL. `None` if the browser names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The column in characters, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// The lines around the place, numbered, with a marker below it; empty if they are not known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub frame: String,
    /// The calls that led to it, innermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stack: Vec<StackFrame>,
    /// The components around the one that failed, innermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<StackFrame>,
    /// The worker that it comes from, by the URL path of its script.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
    /// How many equal messages in a row this one stands for.
    #[serde(default = "one")]
    pub count: u32,
}

fn one() -> u32 {
    1
}
