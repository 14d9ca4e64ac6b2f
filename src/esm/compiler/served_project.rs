//! The project in the served folder, as the compiler sees it.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::Value;

use super::project::Project;
use crate::{
    esm::{packages::Packages, resolve::Target},
    http::url_path::UrlPath,
};

/// The number of directory entries that are read for a suggestion ("did you mean").
const LISTED_NAMES: usize = 1000;

/// Resolves a specifier in a file.
pub(super) type Resolve = Box<dyn Fn(&str, &Path) -> Target + Send + Sync>;

/// The served folder, its packages, and what is left to browsers and backends.
pub(super) struct ServedProject {
    root: PathBuf,
    pub(super) packages: Arc<Packages>,
    resolve: Resolve,
    /// The specifiers in the import maps of pages.
    mapped: Mutex<BTreeSet<String>>,
    /// The URL path prefixes that a backend serves, without a trailing slash.
    routes: Vec<String>,
}

impl ServedProject {
    pub(super) fn new(root: &Path, packages: Arc<Packages>, resolve: Resolve) -> Self {
        let (root, mapped, routes) = (root.to_owned(), Mutex::default(), Vec::new());
        Self { root, packages, resolve, mapped, routes }
    }

    /// Sets the URL path prefixes that a backend serves.
    pub(super) fn set_routes(&mut self, prefixes: impl IntoIterator<Item = String>) {
        let prefixes = prefixes.into_iter().map(|prefix| prefix.trim_end_matches('/').to_owned());
        self.routes = prefixes.filter(|prefix| !prefix.is_empty()).collect();
    }

    /// Adds the specifiers of a page's import map. They apply to all pages. Ignores invalid JSON.
    pub(super) fn add_import_map(&self, json: &str) {
        let Ok(map) = serde_json::from_str::<Value>(json) else { return };
        let scopes = map["scopes"].as_object().into_iter().flat_map(|scopes| scopes.values());
        let tables = scopes.chain([&map["imports"]]).filter_map(|table| table.as_object());
        let names: Vec<_> = tables.flat_map(|table| table.keys().cloned()).collect();
        self.mapped.lock().unwrap_or_else(PoisonError::into_inner).extend(names);
    }

    /// Returns the number of specifiers in the import maps of pages. It only grows.
    pub(super) fn mapped_names(&self) -> usize {
        self.mapped.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Returns whether the root has a `package.json`.
    pub(super) fn has_manifest(&self) -> bool {
        self.root.join("package.json").is_file()
    }
}

impl Project for ServedProject {
    fn root(&self) -> &Path {
        &self.root
    }

    fn resolve(&self, specifier: &str, from: &Path) -> Target {
        (self.resolve)(specifier, from)
    }

    fn url(&self, path: &Path) -> Option<String> {
        let below = |root: &Path| path.strip_prefix(root).ok().map(Path::to_owned);
        let below = below(&self.root).or_else(|| below(&dunce::canonicalize(&self.root).ok()?))?;
        let names = below.iter().map(OsStr::as_encoded_bytes);
        Some(UrlPath::from_names(names, false)?.to_string())
    }

    fn names(&self, folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten().take(LISTED_NAMES);
        let mut names: Vec<_> =
            entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        names
    }

    fn undetected_names(&self, url: &str, names: &BTreeSet<String>) -> Vec<String> {
        self.packages.undetected_names(url, names.iter().cloned())
    }

    fn is_external(&self, specifier: &str) -> bool {
        let mapped = self.mapped.lock().unwrap_or_else(PoisonError::into_inner);
        let is_below = |route: &String| {
            let rest = specifier.strip_prefix(route.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
        };
        mapped.contains(specifier)
            || mapped.iter().any(|name| name.ends_with('/') && specifier.starts_with(name))
            || self.routes.iter().any(is_below)
    }
}
