//! What ESM support answers, as plain data: `site` turns these into responses.
//!
//! Shared by the build with the feature `esm` and the [stub](super::Esm) without it.

#![cfg_attr(not(feature = "esm"), allow(dead_code))]

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use hyper::header::HeaderMap;

use super::DiskView;
use crate::{
    change::Change,
    docroot::{CheckedPath, ContentHash},
    fault::Fault,
    http::url_path::UrlPath,
};

/// The request headers that decide whether a file is served as a module (Fetch Metadata Request
/// Headers, sections 2.1 and 2.2). `Referer` is not among them, which decides behind a service
/// worker: it differs for each importer, and each response is revalidated anyway.
pub(crate) const VARY: &str = "Sec-Fetch-Dest, Sec-Fetch-Mode";

/// The URL path that stands for the installed packages: whatever imports one uses it, and it
/// changes with an installation.
pub(crate) const PACKAGES_PATH: &str = "/node_modules";

/// Which pages get their modules together, in a few packs, instead of one response for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Packs {
    /// Those with many modules, for which packs are faster.
    #[default]
    Auto,
    /// All pages whose module scripts are files of the served folder.
    Always,
    /// None.
    Never,
}

/// A request for a file of the served folder that a script may want as a module.
pub(crate) struct ModuleRequest<'a> {
    /// The file on the disk.
    pub(crate) file: &'a Path,
    /// The URL path of the file.
    pub(crate) url: &'a str,
    /// The URL path of the request, which is another one for a file in `public/`.
    pub(crate) requested: &'a str,
    /// The content of the file; `None` if it is too large to be in memory.
    pub(crate) content: Option<&'a Bytes>,
    /// The query of the request, without `?`.
    pub(crate) query: &'a str,
    /// The headers of the request.
    pub(crate) headers: &'a HeaderMap,
    /// What the request sees of the disk.
    pub(crate) disk: &'a Arc<DiskView>,
}

/// The versions at which paths changed, for the stamps in import URLs.
pub(crate) trait Versions {
    /// Returns the current version.
    fn current(&self) -> u64;

    /// Returns the version of the last known change of any of these URL paths.
    fn last_change(&self, paths: &mut dyn Iterator<Item = &str>) -> Option<u64>;
}

/// The result of serving a file as a module.
pub(crate) enum ModuleOutcome {
    /// The file needs no compilation: serve its own bytes.
    AsIs,
    /// Serve this JavaScript.
    Module(Module),
    /// Serve this CSS.
    StyleSheet(StyleSheet),
    /// The file does not compile, or not in time. Changes of the other files may fix that.
    Error(Fault, Vec<(PathBuf, ContentHash)>),
}

/// A compiled module.
pub(crate) struct Module {
    /// JavaScript, with version stamps in the URLs of its imports.
    pub(crate) code: String,
    /// The configuration files that decided how to compile it: `tsconfig.json`, `.env`.
    pub(crate) configuration: Vec<(PathBuf, ContentHash)>,
    /// The files that a compiler of the project has read to make it. Their changes are
    /// [reported](super::Esm::changed) as changes of this one.
    pub(crate) dependencies: Vec<(PathBuf, ContentHash)>,
    /// Whether it imports packages.
    pub(crate) uses_packages: bool,
    /// The URL paths of modules that nothing imports any more.
    pub(crate) orphans: Vec<String>,
    /// Set if the packages it imports moved to other URLs: a change to publish.
    pub(crate) reinstalled: Option<Change>,
}

/// A style sheet that was compiled.
pub(crate) struct StyleSheet {
    /// CSS.
    pub(crate) text: String,
    /// As those of a [`Module`].
    pub(crate) dependencies: Vec<(PathBuf, ContentHash)>,
}

/// A page with the values of variables, and the files that define them.
pub(crate) struct PageVariables {
    pub(crate) html: Bytes,
    pub(crate) configuration: Vec<(PathBuf, ContentHash)>,
}

/// The result of serving a file below `/__livers/npm/`.
pub(crate) enum PackageOutcome {
    /// No installed package has this file.
    NotFound,
    /// Serve this.
    Found(PackageResponse),
    /// The file cannot be served as a module, or not in time.
    Error(Fault),
}

/// What a URL of a package identifies.
#[derive(Debug)]
pub(crate) struct PackageResponse {
    pub(crate) content: PackageContent,
    /// Whether the URL always identifies the same bytes.
    pub(crate) immutable: bool,
}

/// The content of a [`PackageResponse`].
#[derive(Debug)]
pub(crate) enum PackageContent {
    /// JavaScript that was generated from files.
    Script(Bytes),
    /// A file as it is.
    File(CheckedPath),
}

/// A file to try where the served folder has none at the requested path.
pub(crate) struct Fallback {
    /// The URL path of the file.
    pub(crate) url: UrlPath,
    /// Whether the file counts only if it is a page with a module script.
    pub(crate) application: bool,
}

/// What a position is in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ServedScript {
    /// What was sent for a path and query.
    Url(String),
    /// The definition of the module at a URL, in a pack.
    Definition(String),
    /// The pack of the package files at these URLs.
    Packages(Arc<[String]>),
}

/// A position in what was served.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ServedPosition {
    pub(crate) script: ServedScript,
    /// The line, and the column in UTF-16 code units, both counted from 0. `None` if they are not
    /// known.
    pub(crate) position: Option<(u32, u32)>,
}

/// A position in a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SourcePosition {
    /// The URL path of the source.
    pub(crate) path: String,
    /// The path of the file, relative to the root.
    pub(crate) file: String,
    /// The line and the column in characters, both counted from 1. `None` if they are not known.
    pub(crate) position: Option<(u32, u32)>,
    /// Whether the source is a file of an installed package.
    pub(crate) in_package: bool,
    /// The lines around the position, numbered, with a marker below it; empty if they are not known.
    pub(crate) frame: String,
}
