//! The answers that have no type in the library.

use serde::Deserialize;

/// The answer to `livers reload`.
#[derive(Debug, Deserialize)]
pub(super) struct Reloaded {
    /// How many tabs.
    pub(super) reloaded: usize,
}

/// The answer to a question that makes no sense.
#[derive(Debug, Deserialize)]
pub(super) struct Problem {
    pub(super) error: String,
}
