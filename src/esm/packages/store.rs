//! What was made of packages, kept on the disk for the next run.
//!
//! It lies in `node_modules/.livers`, or where the system keeps caches. An entry is for one URL, and
//! names the files that it was made from; it counts only while all of them have the size and time
//! that they had, and its own text is whole. It is written aside and renamed. Whatever fails, fails
//! silently: then the answer is made anew.

use std::{
    collections::{BTreeMap, HashSet},
    fs,
    hash::Hasher,
    path::{Path, PathBuf},
    process,
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::graph::{Link, Node};
use crate::esm::resolve::file_stamp;

/// Raised when the same files give other answers.
const FORMAT: u32 = 1;

/// An entry that was written longer ago goes.
const OLD: Duration = Duration::from_hours(720);

/// The first line of an entry.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    format: u32,
    version: String,
    url: String,
    /// Of the text.
    hash: u64,
    /// The folders of packages that the text names, and what they are called.
    folders: BTreeMap<PathBuf, String>,
    /// The files that the text was made from, and their stamps.
    files: BTreeMap<PathBuf, u64>,
}

/// Where entries lie; nothing where none can.
pub(super) struct Store {
    top: PathBuf,
    folder: OnceLock<Option<PathBuf>>,
    /// Tells apart what is written at the same time.
    next: AtomicUsize,
}

impl Store {
    /// For a project in a folder.
    pub(super) fn new(root: &Path) -> Self {
        Self { top: root.to_owned(), folder: OnceLock::new(), next: AtomicUsize::new(0) }
    }

    /// The text for a URL, and the folders of the packages that it names.
    pub(super) fn get(&self, url: &str) -> Option<(Bytes, BTreeMap<PathBuf, String>)> {
        let entry = Bytes::from(fs::read(self.folder()?.join(name(url))).ok()?);
        let end = entry.iter().position(|&byte| byte == b'\n')?;
        let head: Head = serde_json::from_slice(&entry[..end]).ok()?;
        let text = entry.slice(end + 1..);
        let same = head.format == FORMAT
            && head.version == env!("CARGO_PKG_VERSION")
            && head.url == url
            && head.hash == xxh3_64(&text)
            && head.files.iter().all(|(path, stamp)| file_stamp(path) == *stamp);
        same.then_some((text, head.folders))
    }

    /// Keeps a text that was made from some files.
    pub(super) fn put(&self, url: &str, text: &str, nodes: &[std::sync::Arc<Node>]) {
        if nodes.iter().any(|node| !node.place.folder.installed) {
            return;
        }
        let Some(folder) = self.folder() else { return };
        let mut folders = HashSet::new();
        for node in nodes {
            folders.insert(&node.place.folder);
            folders.extend(node.links.iter().filter_map(|link| match link {
                Link::File { place, .. } => Some(&place.folder),
                _ => None,
            }));
        }
        let packages = folders.iter().map(|folder| folder.path.join("package.json"));
        let files = nodes.iter().map(|node| node.place.path()).chain(packages);
        let head = Head {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            url: url.to_owned(),
            hash: xxh3_64(text.as_bytes()),
            files: files.map(|path| (path.clone(), file_stamp(&path))).collect(),
            folders: folders
                .iter()
                .map(|folder| (folder.path.clone(), folder.name.clone()))
                .collect(),
        };
        let Ok(mut entry) = serde_json::to_vec(&head) else { return };
        entry.push(b'\n');
        entry.extend_from_slice(text.as_bytes());
        self.write(folder, &name(url), &entry);
    }

    /// What the resolver told of names, for the next run of this project.
    pub(super) fn put_names(&self, told: &str) {
        if let Some(folder) = self.folder() {
            self.write(folder, &self.names(), told.as_bytes());
        }
    }

    /// What an earlier run told.
    pub(super) fn get_names(&self) -> Option<Vec<u8>> {
        fs::read(self.folder()?.join(self.names())).ok()
    }

    fn names(&self) -> String {
        format!("{:016x}.names", xxh3_64(self.top.as_os_str().as_encoded_bytes()))
    }

    fn write(&self, folder: &Path, name: &str, entry: &[u8]) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let aside = folder.join(format!("{}-{number}.new", process::id()));
        if fs::write(&aside, entry).and_then(|()| fs::rename(&aside, folder.join(name))).is_err() {
            let _ = fs::remove_file(&aside);
        }
    }

    /// The folder, made and swept once in a run.
    fn folder(&self) -> Option<&PathBuf> {
        let find = || {
            let beside = self.top.ancestors().map(|folder| folder.join("node_modules"));
            let beside = beside.filter(|folder| folder.is_dir()).map(|it| it.join(".livers"));
            let folder = beside.chain(of_system(&self.top)).find_map(|it| usable(&it))?;
            sweep(&folder);
            Some(folder)
        };
        self.folder.get_or_init(find).as_ref()
    }
}

/// A folder for packs, if it can be written to.
fn usable(folder: &Path) -> Option<PathBuf> {
    let folder = folder.join("packs");
    fs::create_dir_all(&folder).ok()?;
    let probe = folder.join(format!("{}.new", process::id()));
    fs::write(&probe, "").ok()?;
    fs::remove_file(&probe).ok()?;
    Some(folder)
}

/// Where the system keeps caches, apart for each project.
fn of_system(root: &Path) -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|it| it.is_absolute());
    let caches = set("XDG_CACHE_HOME").or_else(|| set("LOCALAPPDATA")).or_else(|| {
        Some(set("HOME")?.join(if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" }))
    })?;
    let project = xxh3_64(root.as_os_str().as_encoded_bytes());
    Some(caches.join("livers").join(format!("{project:016x}")))
}

fn sweep(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let written = entry.metadata().ok().and_then(|facts| facts.modified().ok());
        if written.and_then(|time| time.elapsed().ok()).is_some_and(|age| age > OLD) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn name(url: &str) -> String {
    let mut hash = Xxh3::new();
    hash.write(url.as_bytes());
    format!("{:032x}", hash.digest128())
}
