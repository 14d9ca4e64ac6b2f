//! Keeps generated packs on the disk for the next run.
//!
//! The cache is the folder `node_modules/.livers/packs`, or one below the user's cache folder if no
//! `node_modules` is writable. An entry belongs to one URL and lists the files that it was built
//! from; it is valid while all of them have the same size and time and its own text has the same
//! hash. Entries are written to a temporary file and renamed, so that a reader never sees half of
//! one. Entries that are older than [`MAX_AGE`] are deleted once per run.
//!
//! Errors are ignored: a pack that cannot be read is built again.

use std::{
    collections::{BTreeMap, HashSet},
    fs,
    hash::Hasher,
    path::{Path, PathBuf},
    process,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::node::{Link, Node};
use crate::esm::resolve::file_stamp;

/// Version of the entries; to be raised when the same files yield other packs.
const FORMAT: u32 = 1;

/// Age at which an entry is deleted.
const MAX_AGE: Duration = Duration::from_hours(720);

/// The first line of an entry, as JSON.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Header {
    format: u32,
    version: String,
    url: String,
    /// Hash of the text that follows.
    hash: u64,
    /// The folders of the packages that the text refers to, and the names of the packages.
    folders: BTreeMap<PathBuf, String>,
    /// The files that the text was built from, and their stamps.
    files: BTreeMap<PathBuf, u64>,
}

/// The cache of one project.
pub(super) struct DiskCache {
    root: PathBuf,
    /// `None` if no folder is writable.
    folder: OnceLock<Option<PathBuf>>,
    /// Numbers the temporary files of this process.
    next: AtomicUsize,
}

impl DiskCache {
    /// Creates the cache of the project in a folder. The disk is used on first access.
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), folder: OnceLock::new(), next: AtomicUsize::new(0) }
    }

    /// Returns the text for a URL, and the folders and names of the packages that it refers to.
    ///
    /// # Blocking
    /// Reads the entry, and the metadata of all files that it was built from.
    pub(super) fn get(&self, url: &str) -> Option<(Bytes, BTreeMap<PathBuf, String>)> {
        let entry = Bytes::from(fs::read(self.folder()?.join(entry_name(url))).ok()?);
        let end = entry.iter().position(|&byte| byte == b'\n')?;
        let header: Header = serde_json::from_slice(&entry[..end]).ok()?;
        let text = entry.slice(end + 1..);
        let is_valid = header.format == FORMAT
            && header.version == env!("CARGO_PKG_VERSION")
            && header.url == url
            && header.hash == xxh3_64(&text)
            && header.files.iter().all(|(path, stamp)| file_stamp(path) == *stamp);
        is_valid.then_some((text, header.folders))
    }

    /// Stores a text that was built from some files. Does nothing if one of them is in a workspace.
    ///
    /// # Blocking
    /// Reads the metadata of the files, and writes the entry.
    pub(super) fn put(&self, url: &str, text: &str, nodes: &[Arc<Node>]) {
        if nodes.iter().any(|node| !node.file.package.installed) {
            return;
        }
        let Some(folder) = self.folder() else { return };
        let mut packages = HashSet::new();
        for node in nodes {
            packages.insert(&node.file.package);
            packages.extend(node.links.iter().filter_map(|link| match link {
                Link::File { file, .. } => Some(&file.package),
                _ => None,
            }));
        }
        let manifests = packages.iter().map(|package| package.path.join("package.json"));
        let files = nodes.iter().map(|node| node.file.path()).chain(manifests);
        let header = Header {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            url: url.to_owned(),
            hash: xxh3_64(text.as_bytes()),
            files: files.map(|path| (path.clone(), file_stamp(&path))).collect(),
            folders: packages
                .iter()
                .map(|package| (package.path.clone(), package.name.clone()))
                .collect(),
        };
        let Ok(mut entry) = serde_json::to_vec(&header) else { return };
        entry.push(b'\n');
        entry.extend_from_slice(text.as_bytes());
        self.write(folder, &entry_name(url), &entry);
    }

    /// Stores the [references](crate::esm::resolve::Resolver::take_new_references) of this project.
    pub(super) fn put_references(&self, references: &str) {
        if let Some(folder) = self.folder() {
            self.write(folder, &self.references_name(), references.as_bytes());
        }
    }

    /// Returns the references that an earlier run stored.
    pub(super) fn get_references(&self) -> Option<Vec<u8>> {
        fs::read(self.folder()?.join(self.references_name())).ok()
    }

    fn references_name(&self) -> String {
        format!("{:016x}.names", xxh3_64(self.root.as_os_str().as_encoded_bytes()))
    }

    fn write(&self, folder: &Path, name: &str, entry: &[u8]) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let temporary = folder.join(format!("{}-{number}.new", process::id()));
        let written = fs::write(&temporary, entry);
        if written.and_then(|()| fs::rename(&temporary, folder.join(name))).is_err() {
            let _ = fs::remove_file(&temporary);
        }
    }

    /// Returns the folder of the cache. The first call creates it and deletes old entries.
    fn folder(&self) -> Option<&PathBuf> {
        let find = || {
            let modules = self.root.ancestors().map(|folder| folder.join("node_modules"));
            let modules = modules.filter(|folder| folder.is_dir()).map(|it| it.join(".livers"));
            let folder = modules.chain(user_cache(&self.root)).find_map(|it| create(&it))?;
            delete_old_entries(&folder);
            Some(folder)
        };
        self.folder.get_or_init(find).as_ref()
    }
}

/// Creates a folder for packs, and returns it if it is writable.
fn create(folder: &Path) -> Option<PathBuf> {
    let folder = folder.join("packs");
    fs::create_dir_all(&folder).ok()?;
    let probe = folder.join(format!("{}.new", process::id()));
    fs::write(&probe, "").ok()?;
    fs::remove_file(&probe).ok()?;
    Some(folder)
}

/// Returns the folder of a project below the user's cache folder (XDG Base Directory
/// Specification).
fn user_cache(root: &Path) -> Option<PathBuf> {
    let variable =
        |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let caches = variable("XDG_CACHE_HOME").or_else(|| variable("LOCALAPPDATA")).or_else(|| {
        let cache = if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" };
        Some(variable("HOME")?.join(cache))
    })?;
    let project = xxh3_64(root.as_os_str().as_encoded_bytes());
    Some(caches.join("livers").join(format!("{project:016x}")))
}

fn delete_old_entries(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let modified = entry.metadata().ok().and_then(|metadata| metadata.modified().ok());
        if modified.and_then(|time| time.elapsed().ok()).is_some_and(|age| age > MAX_AGE) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn entry_name(url: &str) -> String {
    let mut hash = Xxh3::new();
    hash.write(url.as_bytes());
    format!("{:032x}", hash.digest128())
}
