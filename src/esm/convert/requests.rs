//! The specifiers that a file of a package imports, requires or refers to.

use std::collections::HashMap;

/// The syntax of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::esm) enum RequestKind {
    /// `import .. from "..."` and `export .. from "..."`.
    Import,
    /// `require("...")`.
    Require,
    /// `import("...")`.
    Dynamic,
    /// `new URL("...", import.meta.url)`. `*` stands for the computed parts of a template literal.
    Url,
}

/// A specifier with the syntax that it appears in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::esm) struct Request {
    pub(in crate::esm) specifier: String,
    pub(in crate::esm) kind: RequestKind,
}

impl Request {
    /// Returns whether the target must be defined before the file can run.
    pub(in crate::esm) fn is_static(&self) -> bool {
        matches!(self.kind, RequestKind::Import | RequestKind::Require)
    }
}

/// Separates a specifier or a URL from the import attributes that follow it.
pub(in crate::esm) const ATTRIBUTES: &str = " with {";

/// Splits a specifier or a URL into itself and the import attributes that follow it, as they stand
/// in a statement.
pub(crate) fn split_attributes(request: &str) -> (&str, &str) {
    request.split_at(request.find(ATTRIBUTES).unwrap_or(request.len()))
}

/// The distinct requests of a file, in source order.
#[derive(Clone, Debug, Default)]
pub(in crate::esm) struct Requests {
    pub(in crate::esm) list: Vec<Request>,
    indices: HashMap<Request, usize>,
}

impl Requests {
    /// Adds a request unless it is known, and returns its index.
    pub(in crate::esm) fn add(&mut self, specifier: &str, kind: RequestKind) -> usize {
        let request = Request { specifier: specifier.to_owned(), kind };
        *self.indices.entry(request).or_insert_with_key(|request| {
            self.list.push(request.clone());
            self.list.len() - 1
        })
    }
}
