//! One file of a package, converted to a definition for the registry in the page.

use crate::esm::convert::{export_names::ExportNames, requests::Request};

/// The module format of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// CommonJS.
    CommonJs {
        /// The Node globals that the function takes as further parameters.
        node_globals: Vec<String>,
    },
    /// An ES module.
    Module {
        /// For each import: the index of its request, and the forms in which it is read (`n` its
        /// names, `d` its default export, `s` the namespace object).
        imports: Vec<(usize, String)>,
        /// Whether it has a top-level `await`.
        awaits: bool,
        has_default: bool,
    },
}

/// A converted file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Definition {
    pub(super) format: Format,
    pub(super) requests: Vec<Request>,
    pub(super) names: ExportNames,
    /// The source of the function, in three parts to concatenate: head, body, tail.
    pub(super) code: [String; 3],
    /// Whether the file must run as a classic script, outside of any pack.
    pub(super) needs_sloppy_mode: bool,
    /// Why the file cannot be converted. The function then throws a `SyntaxError` with this
    /// message.
    pub(super) error: Option<String>,
}

impl Definition {
    /// Returns the requests whose targets must be defined before the file can run, with their
    /// indices.
    pub(super) fn static_requests(&self) -> impl Iterator<Item = (usize, &Request)> {
        self.requests.iter().enumerate().filter(|(_, request)| request.is_static())
    }
}
