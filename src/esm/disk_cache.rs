//! Keeps generated texts on the disk for the next run: packs of packages, and the answers of the
//! project's own compilers.
//!
//! The cache is the folder `node_modules/.livers/packs`, or one below the user's cache folder if no
//! `node_modules` is writable. An entry belongs to one key, a URL in a canonical form, and lists
//! the files that it was generated from; it is valid while all of them have the same size and time and
//! its own text has the same hash. Entries are written to a temporary file and renamed, so that a
//! reader never sees half of one. Entries that were not used for [`MAX_AGE`] are deleted once per
//! run, and the oldest ones whenever all together have more than [`MAX_SIZE`].
//!
//! Errors are ignored: a text that cannot be read is generated again.

use std::{
    collections::BTreeMap,
    fs::{self, File, Metadata},
    hash::Hasher,
    io::{self, Write},
    path::{Path, PathBuf},
    process,
    sync::{
        OnceLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::resolve::file_stamp;
use crate::docroot;

/// Version of the entries; to be raised when the same files yield other packs.
const FORMAT: u32 = 5;

/// Age at which an entry is deleted.
const MAX_AGE: Duration = Duration::from_hours(720);

/// Age from which the use of an entry is recorded in its modification time.
const TOUCH_AGE: Duration = Duration::from_hours(24);

/// The size of all entries together, bytes.
const MAX_SIZE: u64 = 256 * 1024 * 1024;

/// The size that a file takes on the disk at least, bytes.
const BLOCK: u64 = 4096;

/// The first line of an entry, as JSON.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Header {
    format: u32,
    version: String,
    key: String,
    /// Hash of the text that follows.
    hash: u64,
    #[serde(flatten)]
    sources: Sources,
}

/// What a text was generated from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sources {
    /// The files, and their stamps.
    pub(super) files: BTreeMap<PathBuf, u64>,
    /// The folders of the packages that the text refers to, and the names of the packages.
    pub(super) folders: BTreeMap<PathBuf, String>,
}

/// The cache of one project.
pub(super) struct DiskCache {
    root: PathBuf,
    /// `None` if no folder is writable.
    folder: OnceLock<Option<PathBuf>>,
    /// Numbers the temporary files of this process.
    next: AtomicUsize,
    /// The size of all entries, bytes, as far as this process knows.
    size: AtomicU64,
    max_size: u64,
}

impl DiskCache {
    /// Creates the cache of the project in a folder. The disk is used on first access.
    pub(super) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            folder: OnceLock::new(),
            next: AtomicUsize::new(0),
            size: AtomicU64::new(0),
            max_size: MAX_SIZE,
        }
    }

    /// Returns the text for a key, and what it was generated from.
    ///
    /// # Blocking
    /// Reads the entry, and the metadata of all files that it was built from.
    pub(super) fn get(&self, key: &str) -> Option<(Bytes, Sources)> {
        let path = self.folder()?.join(entry_name(key));
        let entry = Bytes::from(self.read(&path)?);
        let end = entry.iter().position(|&byte| byte == b'\n')?;
        let header: Header = serde_json::from_slice(&entry[..end]).ok()?;
        let text = entry.slice(end + 1..);
        let is_valid = header.format == FORMAT
            && header.version == env!("CARGO_PKG_VERSION")
            && header.key == key
            && header.hash == xxh3_64(&text)
            && header.sources.files.iter().all(|(path, stamp)| file_stamp(path) == *stamp);
        if !is_valid {
            return None;
        }
        record_use(&path);
        Some((text, header.sources))
    }

    /// Stores a text.
    ///
    /// # Blocking
    /// Writes the entry.
    pub(super) fn put(&self, key: &str, text: &str, sources: Sources) {
        let Some(folder) = self.folder() else { return };
        let header = Header {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            key: key.to_owned(),
            hash: xxh3_64(text.as_bytes()),
            sources,
        };
        let Ok(mut entry) = serde_json::to_vec(&header) else { return };
        entry.push(b'\n');
        entry.extend_from_slice(text.as_bytes());
        self.write(folder, &entry_name(key), &entry);
    }

    /// Stores the [references](crate::esm::resolve::Resolver::take_new_references) of this project.
    pub(super) fn put_references(&self, references: &str) {
        if let Some(folder) = self.folder() {
            self.write(folder, &self.references_name(), references.as_bytes());
        }
    }

    /// Returns the references that an earlier run stored.
    pub(super) fn get_references(&self) -> Option<Vec<u8>> {
        self.read(&self.folder()?.join(self.references_name()))
    }

    fn references_name(&self) -> String {
        format!("{:016x}.names", xxh3_64(self.root.as_os_str().as_encoded_bytes()))
    }

    fn read(&self, path: &Path) -> Option<Vec<u8>> {
        docroot::read_bounded(path, self.max_size / 4).ok()
    }

    fn write(&self, folder: &Path, name: &str, entry: &[u8]) {
        let size = (entry.len() as u64).max(BLOCK);
        if size > self.max_size / 4 {
            return;
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let temporary = folder.join(format!("{}-{number}.new", process::id()));
        let written = write_new(&temporary, entry);
        if written.and_then(|()| fs::rename(&temporary, folder.join(name))).is_err() {
            let _ = fs::remove_file(&temporary);
        } else if self.size.fetch_add(size, Ordering::Relaxed) + size > self.max_size {
            // Not each further entry reads the folder.
            self.size.store(evict(folder, self.max_size / 4 * 3), Ordering::Relaxed);
        }
    }

    /// Returns the folder of the cache. The first call creates it and deletes old entries.
    fn folder(&self) -> Option<&PathBuf> {
        let find = || {
            let modules = self.root.ancestors().map(|folder| folder.join("node_modules"));
            let modules = modules.filter(|folder| folder.is_dir()).map(|it| it.join(".livers"));
            let folder = modules.chain(user_cache(&self.root)).find_map(|it| create(&it))?;
            self.size.store(evict(&folder, self.max_size), Ordering::Relaxed);
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
    write_new(&probe, b"").ok()?;
    fs::remove_file(&probe).ok()?;
    Some(folder)
}

/// Writes a file in place of what an earlier process left. Does not follow a link.
fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let _ = fs::remove_file(path);
    File::create_new(path)?.write_all(bytes)
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

/// Deletes the entries that are older than [`MAX_AGE`], and the oldest of the others, until the
/// rest has no more than `max_size` bytes. Returns the size of the rest.
fn evict(folder: &Path, max_size: u64) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut entries: Vec<_> = entries
        .filter_map(|entry| {
            let metadata = entry.metadata().ok().filter(Metadata::is_file)?;
            let age = metadata.modified().ok()?.elapsed().unwrap_or_default();
            Some((age, metadata.len().max(BLOCK), entry.path()))
        })
        .collect();
    entries.sort_unstable();
    let mut size = 0;
    for (age, bytes, path) in entries {
        if age > MAX_AGE || size + bytes > max_size {
            let _ = fs::remove_file(path);
        } else {
            size += bytes;
        }
    }
    size
}

/// Sets the modification time of an entry, if it is more than [`TOUCH_AGE`] ago.
fn record_use(path: &Path) {
    let modified = fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    if modified.and_then(|time| time.elapsed().ok()).is_some_and(|age| age > TOUCH_AGE) {
        let file = File::options().write(true).open(path);
        let _ = file.and_then(|file| file.set_modified(SystemTime::now()));
    }
}

fn entry_name(key: &str) -> String {
    let mut hash = Xxh3::new();
    hash.write(key.as_bytes());
    format!("{:032x}", hash.digest128())
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, File},
        time::{Duration, SystemTime},
    };

    use super::{BLOCK, DiskCache, MAX_AGE, Sources, TOUCH_AGE};

    #[test]
    fn the_cache_is_bounded_and_keeps_what_was_used_last() {
        let project = tempfile::tempdir().unwrap();
        let folder = project.path().join("node_modules/.livers/packs");
        fs::create_dir_all(&folder).unwrap();
        let age = |name: &str, age: Duration| {
            let file = File::options().write(true).open(folder.join(name)).unwrap();
            file.set_modified(SystemTime::now() - age).unwrap();
        };
        fs::write(folder.join("outdated"), "a").unwrap();
        age("outdated", MAX_AGE + Duration::from_secs(1));

        let max_size = 8 * BLOCK;
        let cache = DiskCache { max_size, ..DiskCache::new(project.path()) };
        let names = || -> Vec<_> {
            let entries = fs::read_dir(&folder).unwrap();
            let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            names
        };
        for at in 0..8 {
            cache.put(&at.to_string(), "text", Sources::default());
            let name = super::entry_name(&at.to_string());
            age(&name, TOUCH_AGE + Duration::from_secs(3600 - at));
        }
        assert_eq!(names().len(), 8);
        assert!(cache.get("0").is_some(), "it is used, so it is no longer the oldest");
        cache.put("8", "text", Sources::default());
        let kept: Vec<_> = (0..=8).filter(|at| cache.get(&at.to_string()).is_some()).collect();
        assert_eq!(kept, [0, 4, 5, 6, 7, 8]);
        cache.put("large", &"a".repeat(3 * 4096), Sources::default());
        assert_eq!(names().len(), 6);
    }
}
