//! The project in the served folder, as the compiler sees it.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    import_maps::ImportMaps,
    project::{IsServed, Project},
};
use crate::{
    docroot::{Allow, Root},
    esm::{disk_view::DiskView, packages::Packages, resolve::Target},
    http::url_path::UrlPath,
};

/// The number of directory entries that are read for a suggestion ("did you mean").
const LISTED_NAMES: usize = 1000;

/// Resolves a specifier in a file.
pub(super) type Resolve = Box<dyn Fn(&str, &Path, &DiskView) -> Target + Send + Sync>;

/// The served folder, its packages, and what is left to browsers and backends.
pub(super) struct ServedProject {
    root: PathBuf,
    folders: Arc<Root>,
    pub(super) packages: Arc<Packages>,
    resolve: Resolve,
    /// The import maps of pages.
    pub(super) import_maps: ImportMaps,
    /// The URL path prefixes that a backend serves, without a trailing slash.
    routes: Vec<String>,
}

/// The project as one request sees it.
pub(super) struct ProjectView<'p> {
    project: &'p ServedProject,
    pub(super) disk: &'p DiskView,
}

impl ServedProject {
    pub(super) fn new(folders: Arc<Root>, packages: Arc<Packages>, resolve: Resolve) -> Self {
        let root = folders.path().to_owned();
        let (import_maps, routes) = (ImportMaps::default(), Vec::new());
        Self { root, folders, packages, resolve, import_maps, routes }
    }

    /// Returns the served folder.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Sets the URL path prefixes that a backend serves.
    pub(super) fn set_routes(&mut self, prefixes: impl IntoIterator<Item = String>) {
        let prefixes = prefixes.into_iter().map(|prefix| prefix.trim_end_matches('/').to_owned());
        self.routes = prefixes.filter(|prefix| !prefix.is_empty()).collect();
    }

    /// Returns the project as one request sees it.
    pub(super) fn seen<'p>(&'p self, disk: &'p DiskView) -> ProjectView<'p> {
        ProjectView { project: self, disk }
    }

    /// Returns whether a folder is served, so that its names are no secret.
    fn lists(&self, folder: &Path) -> bool {
        let real = |path: &Path| dunce::canonicalize(path).ok();
        let (Some(root), Some(folder)) = (real(&self.root), real(folder)) else { return false };
        folder.strip_prefix(root).is_ok_and(|below| below.iter().all(is_listed))
    }
}

/// Returns whether suggestions may contain a name: whether it is served by default.
fn is_listed(name: &OsStr) -> bool {
    Allow::default().refuses(name).is_none()
}

impl ProjectView<'_> {
    /// Returns whether the root has a `package.json`.
    pub(super) fn has_manifest(&self) -> bool {
        self.disk.has_file(&self.project.root.join("package.json"))
    }

    /// Returns the packages that the project imports.
    pub(super) fn packages(&self) -> &Packages {
        &self.project.packages
    }

    /// Returns whether a file is served.
    pub(super) fn serves(&self, path: &Path) -> bool {
        self.project.folders.serves(path)
    }

    /// Returns the folders with a `package.json` above a file, from the nearest up to the root.
    pub(super) fn folders_of<'p>(&'p self, path: &'p Path) -> impl Iterator<Item = &'p Path> {
        let root = &self.project.root;
        let above = path.ancestors().skip(1).take_while(move |folder| folder.starts_with(root));
        above.filter(|folder| self.disk.has_file(&folder.join("package.json")))
    }
}

impl Project for ProjectView<'_> {
    fn root(&self) -> &Path {
        &self.project.root
    }

    fn root_of(&self, path: &Path) -> PathBuf {
        let mut linked = self.project.folders.linked();
        linked.find(|folder| path.starts_with(folder)).unwrap_or(&self.project.root).to_owned()
    }

    fn resolve(&self, specifier: &str, from: &Path) -> Target {
        (self.project.resolve)(specifier, from, self.disk)
    }

    fn resolve_from_sheet(&self, specifier: &str, from: &Path) -> Option<Target> {
        self.project.packages.resolve_from_sheet(specifier, from, self.disk)
    }

    fn below_root(&self, path: &Path) -> Option<PathBuf> {
        let below = |root: &Path| path.strip_prefix(root).ok().map(Path::to_owned);
        let root = &self.project.root;
        below(root).or_else(|| below(&dunce::canonicalize(root).ok()?))
    }

    fn url(&self, path: &Path) -> Option<String> {
        if self.project.folders.linked().any(|folder| path.starts_with(folder)) {
            return self.project.folders.urls_of(path, false).first().map(UrlPath::to_string);
        }
        let below = self.below_root(path)?;
        let names = below.iter().map(OsStr::as_encoded_bytes);
        Some(UrlPath::from_names(names, false)?.to_string())
    }

    fn served(&self) -> IsServed {
        let folders = Arc::clone(&self.project.folders);
        Arc::new(move |path: &Path| folders.serves(path))
    }

    fn names(&self, folder: &Path) -> Vec<String> {
        // A suggestion must not reveal which files there are elsewhere.
        if !self.project.lists(folder) {
            return Vec::new();
        }
        let entries = fs::read_dir(folder).into_iter().flatten().flatten().take(LISTED_NAMES);
        let mut names: Vec<_> = entries
            .filter_map(|entry| {
                is_listed(&entry.file_name()).then(|| entry.file_name().into_string().ok())?
            })
            .collect();
        names.sort();
        names
    }

    fn undetected_names(&self, url: &str, names: &BTreeSet<String>) -> Vec<String> {
        self.project.packages.undetected_names(url, names.iter().cloned())
    }

    fn is_external(&self, specifier: &str) -> bool {
        let is_below = |route: &String| {
            let rest = specifier.strip_prefix(route.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
        };
        self.project.import_maps.has(specifier) || self.project.routes.iter().any(is_below)
    }
}
