//! Maps package ids in URLs to folders on the disk.
//!
//! This is the allow-list of packages: only files in folders that the resolver found are served. An
//! id is `name@version~stamp`. The stamp differs between folders with the same name and version,
//! and changes with each installation, so that a response that a browser keeps forever is never
//! wrong.

use std::{
    collections::HashMap,
    hash::Hasher,
    path::{Component, Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use xxhash_rust::xxh3::Xxh3;

use super::{
    install::file_stamp,
    manifest,
    package::{Package, PackageFile},
};
use crate::esm::disk_view::DiskView;

/// Version of the packs; to be raised when the same files yield other packs.
const FORMAT: u64 = 1;

/// Number of packages that are known at the same time.
const MAX_PACKAGES: usize = 20_000;

/// How current the data about a package must be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Freshness<'d> {
    /// The stamp of the last installation.
    pub(super) install_stamp: u64,
    /// The disk, to check if its `package.json` was edited since.
    pub(super) recheck: Option<&'d DiskView>,
}

/// The packages that were found.
#[derive(Default)]
pub(super) struct PackageFolders(RwLock<Known>);

#[derive(Default)]
struct Known {
    by_path: HashMap<PathBuf, Arc<Package>>,
    by_id: HashMap<String, Arc<Package>>,
}

impl PackageFolders {
    /// Returns the package of a file, which is a real path, and the path in it. A package outside
    /// of `node_modules` is the nearest folder with a `package.json`, not above `limit`.
    pub(super) fn file(
        &self,
        file: &Path,
        limit: &Path,
        freshness: Freshness<'_>,
    ) -> Option<PackageFile> {
        let (folder, name) = if let Some((folder, name)) = in_node_modules(file) {
            (folder, Some(name))
        } else {
            let mut above = file.ancestors().skip(1).take_while(|folder| folder.starts_with(limit));
            (above.find(|folder| folder.join("package.json").is_file())?.to_owned(), None)
        };
        let relative = file.strip_prefix(&folder).ok()?;
        let segments: Option<Vec<_>> = relative.iter().map(|segment| segment.to_str()).collect();
        let path = segments?.join("/");
        Some(PackageFile { package: self.package(folder, name, freshness)?, path })
    }

    /// Returns the package with an id, if it was found before.
    pub(super) fn known(&self, id: &str) -> Option<Arc<Package>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).by_id.get(id).cloned()
    }

    /// Returns the package in a folder, which is a real path. `name` is its name in `node_modules`.
    pub(super) fn package(
        &self,
        path: PathBuf,
        name: Option<String>,
        Freshness { install_stamp, recheck }: Freshness<'_>,
    ) -> Option<Arc<Package>> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let current = known.by_path.get(&path);
        let current = current.filter(|known| known.install_stamp == install_stamp).cloned();
        drop(known);
        if let Some(current) = current.as_ref().filter(|_| recheck.is_none()) {
            return Some(Arc::clone(current));
        }
        let manifest_path = path.join("package.json");
        let state =
            recheck.map_or_else(|| file_stamp(&manifest_path), |disk| disk.stamp(&manifest_path));
        let stamp = state ^ install_stamp;
        if let Some(current) = current.filter(|current| current.stamp == stamp) {
            return Some(current);
        }
        let json = manifest::read(&manifest_path).unwrap_or_default();
        let installed = name.is_some();
        let name = name.or_else(|| Some(json["name"].as_str()?.to_owned()));
        let name = name.or_else(|| Some(path.file_name()?.to_str()?.to_owned()))?;
        let version = json["version"].as_str().unwrap_or("0");
        let id = format!("{name}@{}~{}", url_safe(version), short_hash(&path, stamp));
        let package =
            Arc::new(Package { id, name, path: path.clone(), installed, install_stamp, stamp });
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.by_id.len() >= MAX_PACKAGES {
            // Pages from before the last installation have been reloaded.
            known.by_id.retain(|_, package| package.install_stamp == install_stamp);
            known.by_path.retain(|_, package| package.install_stamp == install_stamp);
        }
        if known.by_id.len() >= MAX_PACKAGES {
            *known = Known::default();
        }
        known.by_id.insert(package.id.clone(), Arc::clone(&package));
        known.by_path.insert(path, Arc::clone(&package));
        Some(package)
    }
}

/// Returns the characters of a version that need no encoding in a URL path, up to 40. The field is
/// free text.
fn url_safe(version: &str) -> String {
    let is_safe = |char: &char| char.is_ascii_alphanumeric() || matches!(char, '.' | '-' | '+');
    version.chars().filter(is_safe).take(40).collect()
}

/// Returns seven letters and digits.
fn short_hash(path: &Path, stamp: u64) -> String {
    let mut hash = Xxh3::new();
    hash.write_u64(FORMAT);
    hash.write(env!("CARGO_PKG_VERSION").as_bytes());
    hash.write(path.as_os_str().as_encoded_bytes());
    hash.write_u64(stamp);
    let mut rest = hash.finish();
    let mut digit = || {
        let digit = b"0123456789abcdefghijklmnopqrstuv"[(rest & 31) as usize];
        rest >>= 5;
        char::from(digit)
    };
    (0..7).map(|_| digit()).collect()
}

/// Returns whether a path leads through a `node_modules`.
pub(crate) fn is_installed(path: &Path) -> bool {
    path.iter().any(|name| name == "node_modules")
}

/// Returns the folder of the package that a file in a `node_modules` belongs to, and the name of
/// the package.
pub(super) fn in_node_modules(file: &Path) -> Option<(PathBuf, String)> {
    let components: Vec<_> = file.components().collect();
    let last = components.iter().rposition(|part| part.as_os_str() == "node_modules")?;
    let name = |at: usize| match components.get(at) {
        Some(Component::Normal(name)) => name.to_str(),
        _ => None,
    };
    let first = name(last + 1)?;
    let (name, length) = if first.starts_with('@') {
        (format!("{first}/{}", name(last + 2)?), 2)
    } else {
        (first.to_owned(), 1)
    };
    // A file directly in `node_modules` belongs to no package.
    (components.len() > last + 1 + length)
        .then(|| (components[..=last + length].iter().collect(), name))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{in_node_modules, url_safe};

    #[test]
    fn the_innermost_package_of_a_path_is_found() {
        for (path, wanted) in [
            ("/p/node_modules/react/index.js", Some(("/p/node_modules/react", "react"))),
            ("/p/node_modules/@a/b/x/y.js", Some(("/p/node_modules/@a/b", "@a/b"))),
            (
                "/p/node_modules/a/node_modules/b/x.js",
                Some(("/p/node_modules/a/node_modules/b", "b")),
            ),
            (
                "/p/node_modules/.pnpm/a@1/node_modules/a/x.js",
                Some(("/p/node_modules/.pnpm/a@1/node_modules/a", "a")),
            ),
            ("/p/node_modules/a.js", None),
            ("/p/node_modules/@a/b", None),
            ("/p/src/a.js", None),
        ] {
            let found = in_node_modules(Path::new(path));
            let wanted = wanted.map(|(path, name)| (Path::new(path).to_owned(), name.to_owned()));
            assert_eq!(found, wanted, "{path}");
        }
    }

    #[test]
    fn a_version_cannot_contain_slashes() {
        assert_eq!(url_safe("1.2.3-rc.1+a"), "1.2.3-rc.1+a");
        assert_eq!(url_safe("../../x?y"), "....xy");
    }
}
