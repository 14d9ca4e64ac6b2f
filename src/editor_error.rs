//! Reasons why no editor was opened, as plain data.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a place was not opened in an editor.
///
/// `Display` is a neutral clause without a remedy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum EditorError {
    /// None is configured, and none that is known is running.
    NotFound,
    /// The setting `editor` is `none`.
    Disabled,
    /// The configured command has an open quote, or no program.
    InvalidCommand(String),
    /// The configured editor runs in a terminal; its name.
    NeedsTerminal(String),
    /// The editor would take a part of the file's name for a line.
    AmbiguousName,
    /// The processes that were started are still running.
    Busy,
    /// The process could not be started.
    NotStarted {
        /// The name of the program.
        editor: String,
        /// What failed.
        why: String,
    },
    /// The process ended with an error.
    Exited {
        /// The name of the program.
        editor: String,
        /// Its status, in words.
        status: String,
    },
}

impl EditorError {
    /// Returns whether another value of the setting `editor` is the remedy.
    pub fn is_about_setting(&self) -> bool {
        !matches!(self, Self::Busy | Self::Disabled | Self::AmbiguousName)
    }
}

impl fmt::Display for EditorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("no editor was found"),
            Self::Disabled => f.write_str("opening an editor is turned off"),
            Self::InvalidCommand(text) => write!(f, "the editor's command is invalid: {text}"),
            Self::NeedsTerminal(editor) => write!(f, "{editor} needs a terminal of its own"),
            Self::AmbiguousName => {
                f.write_str("the editor would take the colon in the file's name for a line")
            }
            Self::Busy => f.write_str("too many editors are being started"),
            Self::NotStarted { editor, why } => write!(f, "{editor} could not be started: {why}"),
            Self::Exited { editor, status } => write!(f, "{editor} failed ({status})"),
        }
    }
}
