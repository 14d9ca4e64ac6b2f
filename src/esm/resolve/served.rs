//! The allow-list of package files: from a URL to a file that may be served.
//!
//! A URL names a package by its id. Only packages that the resolver found are served, or that it
//! could find, because an open page may know the URL from an earlier run of the server.

use std::{
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use super::{
    package::{Package, PackageFile},
    package_folders::{self, Freshness},
    resolver::Resolver,
    specifier::package_name,
};
use crate::{
    docroot::{Allow, CheckedPath},
    esm::disk_view::DiskView,
};

impl Resolver {
    /// Returns a file of a package by the package's id and the decoded path in the package. Returns
    /// `None` for anything outside of a package's folder, and for files of a workspace package that
    /// nothing [refers to](super::references).
    pub(crate) fn package_file(&self, id: &str, path: &str) -> Option<PackageFile> {
        let relative = Path::new(path);
        if !relative.components().all(is_plain) {
            return None;
        }
        let package = self.folders.known(id).or_else(|| self.find_package(id))?;
        let file = PackageFile { package, path: path.to_owned() };
        let real = self.real_path(&file)?;
        // By its real path, so that a file has one name, and what is read is what was checked.
        let inside = real.strip_prefix(&file.package.path).ok()?;
        let names: Option<Vec<_>> = inside.iter().map(|name| name.to_str()).collect();
        Some(PackageFile { path: names?.join("/"), ..file })
    }

    /// Returns a file of a package for reading, under the same conditions as
    /// [`package_file`](Self::package_file).
    pub(crate) fn checked_path(&self, file: &PackageFile) -> Option<CheckedPath> {
        self.real_path(file).map(CheckedPath::of_real)
    }

    /// Returns the real path of a file, if it may be served.
    fn real_path(&self, file: &PackageFile) -> Option<PathBuf> {
        let package = &file.package;
        let real = dunce::canonicalize(file.path()).ok()?;
        let inside = real.strip_prefix(&package.path).ok()?;
        // The target of a symbolic link may have a name that is not served.
        let is_own =
            inside.components().all(is_plain) && !inside.iter().any(|name| name == "node_modules");
        let is_allowed = package.installed || self.references.allows(&package.path.join(inside));
        (is_own && is_allowed && real.is_file()).then_some(real)
    }

    /// Finds a package by its id: in the `node_modules` of the root, of the folders above it, and
    /// of the packages in there.
    fn find_package(&self, id: &str) -> Option<Arc<Package>> {
        let disk = DiskView::default();
        let install_stamp = self.refreshed_engine(&disk).0;
        let freshness = Freshness { install_stamp, recheck: Some(&disk) };
        let name = package_name(id)?;
        let matching = |modules: PathBuf| {
            let path = dunce::canonicalize(modules.join(name)).ok().filter(|path| path.is_dir())?;
            // The target of a link has the name in its own `package.json`.
            let installed = package_folders::in_node_modules(&path.join("package.json"));
            let name = installed.map(|(_, name)| name);
            self.folders.package(path, name, freshness).filter(|package| package.id == id)
        };
        let above = self.real_root.ancestors().map(|folder| folder.join("node_modules"));
        let above: Vec<_> = above.filter(|folder| folder.is_dir()).collect();
        let nested = || above.iter().flat_map(|modules| nested_node_modules(modules));
        above.iter().cloned().find_map(matching).or_else(|| nested().find_map(matching))
    }

    /// Restores packages that an earlier run found, by the real paths of their folders and their
    /// names in `node_modules`. Ignores folders that are in no `node_modules` of the root or above,
    /// or of a source folder.
    pub(crate) fn restore_packages(&self, folders: impl IntoIterator<Item = (PathBuf, String)>) {
        let disk = DiskView::default();
        let install_stamp = self.refreshed_engine(&disk).0;
        let freshness = Freshness { install_stamp, recheck: Some(&disk) };
        for (path, name) in folders {
            let found = package_folders::in_node_modules(&path.join("package.json"));
            let is_package = found.is_some_and(|(folder, known)| folder == path && known == name);
            let is_real = dunce::canonicalize(&path).is_ok_and(|real| real == path);
            let is_below = |folder: &Path| path.starts_with(folder.join("node_modules"));
            let is_source = self.source_folders().any(|folder| path.starts_with(folder));
            if is_package && is_real && (is_source || self.real_root.ancestors().any(is_below)) {
                self.folders.package(path, Some(name), freshness);
            }
        }
    }

    /// Returns the [references](super::references) to store for the next run, if there are new
    /// ones.
    pub(crate) fn take_new_references(&self) -> Option<String> {
        self.references.take_new()
    }

    /// Restores the references that an earlier run stored.
    pub(crate) fn restore_references(&self, stored: &[u8]) {
        self.references.restore(stored);
    }
}

/// Returns whether a path component is a name that packages serve. The flags that serve hidden
/// files and keys do not apply to packages.
fn is_plain(component: Component<'_>) -> bool {
    match component {
        Component::Normal(name) => {
            !name.as_encoded_bytes().starts_with(b".") && Allow::default().refuses(name).is_none()
        }
        _ => false,
    }
}

/// Returns the `node_modules` folders of the packages in one, including those in pnpm's `.pnpm`.
fn nested_node_modules(modules: &Path) -> Vec<PathBuf> {
    let list = |folder: &Path| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect::<Vec<_>>()
    };
    let is_scope = |path: &Path| {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with('@'))
    };
    let packages = list(modules).into_iter().chain(list(&modules.join(".pnpm")));
    let packages = packages.flat_map(|path| {
        if is_scope(&path) && path.parent() == Some(modules) { list(&path) } else { vec![path] }
    });
    packages.map(|path| path.join("node_modules")).filter(|path| path.is_dir()).collect()
}
