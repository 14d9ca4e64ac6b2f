//! Which folder on the disk a package in a URL stands for.
//!
//! This is the allow-list: what is not in a folder that the resolver came to is served to nobody. A
//! package goes by `name@version~stamp`; the stamp differs for another folder of that name and
//! version, and after each installation, so that what a browser has kept for good is never wrong.

use std::{
    collections::HashMap,
    hash::Hasher,
    path::{Component, Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use xxhash_rust::xxh3::Xxh3;

use super::install::file_stamp;

/// Raised when the same files give other packs.
const FORMAT: u64 = 1;

/// The folder of a package.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Folder {
    /// `name@version~stamp`.
    pub(crate) id: String,
    /// What importers call it.
    pub(crate) name: String,
    /// The real path.
    pub(crate) path: PathBuf,
    /// Whether it was installed, and so does not change; not so what lies in a workspace.
    pub(crate) installed: bool,
    /// Of the last installation, when it was found.
    pub(super) epoch: u64,
    stamp: u64,
}

/// Of when the disk is believed to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// The stamp of the last installation.
    pub(super) epoch: u64,
    /// Whether to look if a `package.json` was edited since.
    pub(super) look: bool,
}

/// A file in a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The package.
    pub(crate) folder: Arc<Folder>,
    /// The path in it, with slashes.
    pub(crate) file: String,
}

impl Place {
    /// The real path.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path.join(&self.file)
    }
}

/// The folders that were found so far.
#[derive(Default)]
pub(super) struct Folders {
    found: RwLock<Found>,
}

#[derive(Default)]
struct Found {
    by_path: HashMap<PathBuf, Arc<Folder>>,
    by_id: HashMap<String, Arc<Folder>>,
}

impl Folders {
    /// The place of a file, by its real path. Packages that are not in a `node_modules` have a
    /// `package.json` above them, up to a limit.
    pub(super) fn place(&self, file: &Path, limit: &Path, moment: Moment) -> Option<Place> {
        let (path, name) = if let Some((path, name)) = in_node_modules(file) {
            (path, Some(name))
        } else {
            let mut above = file.ancestors().skip(1).take_while(|folder| folder.starts_with(limit));
            (above.find(|folder| folder.join("package.json").is_file())?.to_owned(), None)
        };
        let file = file.strip_prefix(&path).ok()?;
        let segments: Option<Vec<_>> = file.iter().map(|segment| segment.to_str()).collect();
        let file = segments?.join("/");
        Some(Place { folder: self.folder(path, name, moment)?, file })
    }

    /// The package of an id, if it was found before.
    pub(super) fn known(&self, id: &str) -> Option<Arc<Folder>> {
        self.found.read().unwrap_or_else(PoisonError::into_inner).by_id.get(id).cloned()
    }

    /// The package in a folder, which is a real path.
    pub(super) fn folder(
        &self,
        path: PathBuf,
        name: Option<String>,
        Moment { epoch, look }: Moment,
    ) -> Option<Arc<Folder>> {
        let found = self.found.read().unwrap_or_else(PoisonError::into_inner);
        let known = found.by_path.get(&path).filter(|known| known.epoch == epoch).cloned();
        drop(found);
        if let Some(known) = known.as_ref().filter(|_| !look) {
            return Some(Arc::clone(known));
        }
        let package = path.join("package.json");
        let stamp = file_stamp(&package) ^ epoch;
        if let Some(known) = known.filter(|known| known.stamp == stamp) {
            return Some(known);
        }
        let text = std::fs::read(&package).ok();
        let text = text.and_then(|text| serde_json::from_slice::<serde_json::Value>(&text).ok());
        let text = text.unwrap_or_default();
        let installed = name.is_some();
        let name = name.or_else(|| Some(text["name"].as_str()?.to_owned()));
        let name = name.or_else(|| Some(path.file_name()?.to_str()?.to_owned()))?;
        let version = text["version"].as_str().unwrap_or("0");
        let id = format!("{name}@{}~{}", plain(version), short(&path, stamp));
        let folder = Arc::new(Folder { id, name, path: path.clone(), installed, epoch, stamp });
        let mut found = self.found.write().unwrap_or_else(PoisonError::into_inner);
        found.by_id.insert(folder.id.clone(), Arc::clone(&folder));
        found.by_path.insert(path, Arc::clone(&folder));
        Some(folder)
    }
}

/// A version is free text; nothing in a URL may come of it.
fn plain(version: &str) -> String {
    let known = |char: &char| char.is_ascii_alphanumeric() || matches!(char, '.' | '-' | '+');
    version.chars().filter(known).take(40).collect()
}

/// Seven letters and digits.
fn short(path: &Path, stamp: u64) -> String {
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

/// The folder of the package that a path in a `node_modules` is in, and its name there.
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
    // The last component is a file, and no package.
    (components.len() > last + 1 + length)
        .then(|| (components[..=last + length].iter().collect(), name))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{in_node_modules, plain};

    #[test]
    fn the_package_of_a_path() {
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
    fn a_version_is_no_path() {
        assert_eq!(plain("1.2.3-rc.1+a"), "1.2.3-rc.1+a");
        assert_eq!(plain("../../x?y"), "....xy");
    }
}
