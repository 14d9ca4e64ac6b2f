//! A file of a package in the dependency graph.

use std::collections::HashMap;

use super::definition::{Definition, Format};
use crate::esm::resolve::PackageFile;

/// The target of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// A file of a package. `separate` is set if another package, or a bare specifier, requests it:
    /// it is then the entry of a pack.
    File { file: PackageFile, separate: bool },
    /// No file: a key that the registry handles by itself. `node:fs` is a module of Node, `node:`
    /// an empty module, and `!message` throws.
    Key(String),
    /// A URL that the browser loads.
    Url,
}

/// A file and what it depends on.
pub(super) struct Node {
    pub(super) file: PackageFile,
    /// The [key](PackageFile::key) of the file.
    pub(super) key: String,
    pub(super) definition: Definition,
    /// The targets of the definition's requests, by index.
    pub(super) links: Vec<Link>,
    /// Whether the default import of a CommonJS file is `module.exports`, as in Node. Set by the
    /// extension, or by `"type"` in `package.json`.
    pub(super) uses_node_interop: bool,
    /// Size and time of the file, or 0 if it is in an installed package.
    pub(super) stamp: u64,
}

impl Node {
    /// Returns the files that must be defined before this one can run, and whether each is
    /// [separate](Link::File).
    pub(super) fn static_dependencies(&self) -> impl Iterator<Item = (&PackageFile, bool)> {
        self.definition.static_requests().filter_map(|(at, _)| match self.links.get(at)? {
            Link::File { file, separate } => Some((file, *separate)),
            _ => None,
        })
    }

    /// Returns whether the file has a default export. That of CommonJS is `module.exports`.
    pub(super) fn has_default(&self) -> bool {
        match self.definition.format {
            Format::CommonJs { .. } => true,
            Format::Module { has_default, .. } => has_default,
        }
    }

    /// Returns the files whose names this one exports too (`export * from`).
    pub(super) fn star_exports(&self) -> Vec<&PackageFile> {
        let stars = &self.definition.names.stars;
        if stars.is_empty() {
            return Vec::new();
        }
        let mut indices: HashMap<&str, usize> = HashMap::new();
        for (at, request) in self.definition.static_requests() {
            indices.entry(&request.specifier).or_insert(at);
        }
        let file = |star: &String| match self.links.get(*indices.get(&**star)?)? {
            Link::File { file, .. } => Some(file),
            _ => None,
        };
        stars.iter().filter_map(file).collect()
    }
}
