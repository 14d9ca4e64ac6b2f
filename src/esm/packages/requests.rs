//! The specifiers that a file of a package imports, requires or refers to.

use std::collections::HashMap;

/// The syntax of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum RequestKind {
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
pub(super) struct Request {
    pub(super) specifier: String,
    pub(super) kind: RequestKind,
}

impl Request {
    /// Returns whether the target must be defined before the file can run.
    pub(super) fn is_static(&self) -> bool {
        matches!(self.kind, RequestKind::Import | RequestKind::Require)
    }
}

/// The distinct requests of a file, in source order.
#[derive(Clone, Debug, Default)]
pub(super) struct Requests {
    pub(super) list: Vec<Request>,
    indices: HashMap<Request, usize>,
}

impl Requests {
    /// Adds a request unless it is known, and returns its index.
    pub(super) fn add(&mut self, specifier: &str, kind: RequestKind) -> usize {
        let request = Request { specifier: specifier.to_owned(), kind };
        *self.indices.entry(request).or_insert_with_key(|request| {
            self.list.push(request.clone());
            self.list.len() - 1
        })
    }
}
