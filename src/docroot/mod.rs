//! The served folders: maps URL paths to disk paths and back, and reads files.
//!
//! Every file that is opened for a request is opened here. A [`UrlPath`] cannot lead upwards by
//! itself, but symbolic links can, so the real path is checked, and [opened](open) as it was
//! checked. Files with secrets are [withheld](access). Folders can be [mounted](mount) over the
//! root. Only regular files are opened.
//!
//! Everything here blocks, so async callers use a blocking thread. The exception is
//! [`Dependencies::are_unchanged`], which costs a few calls of `stat`.

mod access;
mod mount;
mod open;
mod read;
mod stamp;
mod writer;

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fs::{self, Metadata},
    io, iter,
    path::{Path, PathBuf},
    time::SystemTime,
};

use self::mount::Layer;
pub use self::mount::Mount;
#[cfg(feature = "esm")]
pub(crate) use self::read::{read_bounded, read_real};
pub(crate) use self::{
    access::Allow,
    open::CheckedPath,
    read::{
        Content, ContentHash, Facts, FileRead, content_hash, content_hash_if_closed, examine,
        read_settings,
    },
    stamp::{Dependencies, FileStamp},
    writer::Writer,
};
use crate::{error::Error, http::url_path::UrlPath, refusal::Refusal};

/// How many entries of a folder are listed at most.
pub(crate) const LISTED: usize = 100_000;

/// The served folders.
#[derive(Debug)]
pub(crate) struct Root {
    folder: Layer,
    /// Mounted folders, which take precedence; the first match counts.
    mounts: Vec<Layer>,
    /// The real paths of linked packages outside of the root, which are among the mounts.
    linked: Vec<PathBuf>,
    allow: Allow,
}

/// What is at a URL path.
#[derive(Debug)]
pub(crate) enum Located {
    /// A regular file.
    File(CheckedPath),
    /// A folder.
    Directory(CheckedPath),
    /// Nothing. The disk path where it would be; `None` if a name cannot exist on the disk, or if
    /// it differs from a file's name in case only.
    Missing(Option<PathBuf>),
    /// A file or folder that is not served.
    Refused(Refusal),
    /// A file or folder that cannot be accessed.
    Unreadable(PathBuf, io::Error),
}

impl Root {
    /// Opens the served folders.
    ///
    /// # Errors
    /// Fails if one does not exist, is not a folder, or cannot be read.
    pub(crate) fn new(path: &Path, allow: Allow, mounts: &[Mount]) -> Result<Self, Error> {
        let folder = Layer::new(path, None)?;
        let mounts = mounts.iter().map(|mount| mount.layer(&folder)).collect::<Result<_, _>>()?;
        Ok(Self { folder, mounts, linked: Vec::new(), allow })
    }

    /// Adds packages of the project that lie outside of the root, by their names and the real paths
    /// of their folders. Those that cannot be read are left out.
    ///
    /// # Blocking
    /// Reads the folders.
    pub(crate) fn with_linked(mut self, packages: Vec<(String, PathBuf)>) -> Self {
        for (name, folder) in packages {
            let mount = Mount::linked(&name, folder.clone());
            if let Some(Ok(layer)) = mount.map(|mount| mount.layer(&self.folder)) {
                self.mounts.push(layer);
                self.linked.push(folder);
            }
        }
        self
    }

    /// Returns the real paths of the linked packages outside of the root.
    #[cfg_attr(not(feature = "esm"), allow(dead_code))]
    pub(crate) fn linked(&self) -> impl Iterator<Item = &Path> {
        self.linked.iter().map(|folder| &**folder)
    }

    /// Returns the disk path of a URL path in the first folder that may have it, whether or not it
    /// exists.
    #[cfg_attr(not(feature = "esm"), allow(dead_code))]
    pub(crate) fn disk_path(&self, url: &UrlPath) -> Option<PathBuf> {
        let layer = self.layers().find(|layer| layer.below(url).is_some())?;
        let names = layer.below(url)?.map(os_name);
        Some(layer.path.join(names.collect::<Option<PathBuf>>()?))
    }

    /// Returns the absolute path of the root. Symbolic links in it are kept.
    pub(crate) fn path(&self) -> &Path {
        &self.folder.path
    }

    /// Returns the absolute paths of mounted folders outside the root.
    pub(crate) fn mounted(&self) -> impl Iterator<Item = &Path> {
        let mounted = self.mounts.iter().map(|mount| &*mount.path);
        mounted.filter(|path| !path.starts_with(self.path()))
    }

    /// Whether symbolic links out of the folders are followed.
    pub(crate) fn leads_out(&self) -> bool {
        self.allow.symlinks
    }

    fn layers(&self) -> impl Iterator<Item = &Layer> {
        self.mounts.iter().chain([&self.folder])
    }

    /// Locates a URL path on the disk, in the first folder that has it.
    pub(crate) fn locate(&self, url: &UrlPath) -> Located {
        let mut missing = Located::Missing(None);
        for layer in self.layers() {
            let Some(names) = layer.below(url) else { continue };
            match self.locate_in(layer, names) {
                located @ Located::Missing(_) => missing = located,
                located => return located,
            }
        }
        missing
    }

    fn locate_in<'u>(&self, layer: &Layer, names: impl Iterator<Item = &'u [u8]>) -> Located {
        let mut path = layer.path.clone();
        for name in names {
            let Some(name) = os_name(name) else { return Located::Missing(None) };
            if let Some(why) = self.allow.refuses(name) {
                return Located::Refused(why);
            }
            path.push(name);
        }
        let found = dunce::canonicalize(&path).and_then(|real| Ok((fs::metadata(&real)?, real)));
        let (metadata, real) = match found {
            Ok(found) => found,
            Err(error) => return classify(path, error),
        };
        if let Some(why) = self.refusal(&real) {
            Located::Refused(why)
        } else if layer.is_another_case(&path, &real) {
            // A file has one URL: its changes are published under that one only. And on the server
            // that the site is deployed to, names may be case-sensitive.
            Located::Missing(None)
        } else if metadata.is_dir() {
            Located::Directory(CheckedPath { path, real })
        } else if metadata.is_file() {
            Located::File(CheckedPath { path, real })
        } else {
            Located::Refused(Refusal::NotRegularFile)
        }
    }

    /// Returns why a real path is not served, if it is not. Outside the folders, only the last name
    /// is checked: there, the user has allowed links explicitly.
    fn refusal(&self, real: &Path) -> Option<Refusal> {
        let Some(below) = self.layers().find_map(|layer| layer.holds(real)) else {
            let name = real.file_name().filter(|_| self.allow.symlinks);
            return name.map_or(Some(Refusal::SymlinkOutside), |name| self.allow.refuses(name));
        };
        below.iter().find_map(|name| self.allow.refuses(name))
    }

    /// Returns the names of the served entries of a folder, and their metadata. Links are followed.
    /// Of more than [`LISTED`] entries, the rest is left out.
    ///
    /// # Errors
    /// Fails if the folder cannot be read.
    pub(crate) fn list(&self, url: &UrlPath) -> io::Result<BTreeMap<OsString, Metadata>> {
        let mut listed = BTreeMap::new();
        let mut unreadable = None;
        for layer in self.layers() {
            // A mount is an entry of its parent folder.
            let above = url.names().count();
            if layer.prefix().zip(url.names()).all(|(mount, here)| mount == here)
                && let Some(name) = layer.prefix().nth(above)
                && let Some(name) = os_name(name)
                && let Ok(metadata) = fs::metadata(&layer.path)
            {
                listed.entry(name.to_owned()).or_insert(metadata);
            }
            let Some(names) = layer.below(url) else { continue };
            let Located::Directory(folder) = self.locate_in(layer, names) else { continue };
            match open::read_real_dir(&folder.real) {
                Ok(folder) => {
                    for entry in folder.entries.flatten() {
                        if listed.len() >= LISTED {
                            break;
                        }
                        if let Some(metadata) = self.entry(&entry) {
                            listed.entry(entry.file_name()).or_insert(metadata);
                        }
                    }
                }
                Err(why) => unreadable = Some(why),
            }
        }
        unreadable.filter(|_| listed.is_empty()).map_or(Ok(listed), Err)
    }

    /// Returns the metadata of an entry, or `None` if it is not served.
    fn entry(&self, entry: &fs::DirEntry) -> Option<Metadata> {
        if self.allow.refuses(&entry.file_name()).is_some() {
            return None;
        }
        let metadata = if entry.file_type().ok()?.is_symlink() {
            let real = dunce::canonicalize(entry.path()).ok()?;
            if self.refusal(&real).is_some() {
                return None;
            }
            open::metadata_real(&real).ok()?
        } else {
            entry.metadata().ok()?
        };
        (metadata.is_dir() || metadata.is_file()).then_some(metadata)
    }

    /// Returns everything on the disk that makes a URL path resolve to a file, or `None` if that
    /// cannot be told by comparing stamps: where a symbolic link is involved, where an earlier
    /// mount could have the file, or where something changed too recently.
    ///
    /// `file` is the path as it was located, with the stamp of what was read; `beside` are further
    /// files that exist and matter; `began` is the time before anything was looked at.
    ///
    /// # Blocking
    /// Calls `stat` for each folder from the file up to the root.
    pub(crate) fn dependencies(
        &self,
        url: &UrlPath,
        (file, stamp): (&Path, FileStamp),
        beside: impl IntoIterator<Item = PathBuf>,
        began: SystemTime,
    ) -> Option<Dependencies> {
        let layer = self.layers().find(|layer| layer.below(url).is_some())?;
        let below = file.strip_prefix(&layer.path).ok()?;
        if dunce::canonicalize(file).ok()? != layer.real().join(below) {
            return None;
        }
        let mut stamps = vec![(file.to_owned(), stamp)];
        let folders = file.ancestors().skip(1).take(below.iter().count());
        let root = Some(self.path()).filter(|root| *root != layer.path);
        for path in folders.chain(root) {
            stamps.push(Dependencies::stamp(path)?);
        }
        for path in beside {
            stamps.push(Dependencies::stamp(&path)?);
        }
        Dependencies::new(stamps, began)
    }

    /// Returns whether the file or folder at a disk path is served.
    ///
    /// # Blocking
    /// Locates the file.
    #[cfg_attr(not(feature = "esm"), allow(dead_code))]
    pub(crate) fn serves(&self, path: &Path) -> bool {
        let is_served = |url: &UrlPath| match self.locate(url) {
            Located::File(found) | Located::Directory(found) => found.path == path,
            _ => false,
        };
        self.urls_of(path, false).iter().any(is_served)
    }

    /// Returns the URL paths of a disk path: several if a folder is mounted in several places, none
    /// if the path is not served.
    pub(crate) fn urls_of(&self, path: &Path, directory: bool) -> Vec<UrlPath> {
        let url = |layer: &Layer| {
            let names: Vec<_> = path.strip_prefix(&layer.path).ok()?.iter().collect();
            if names.iter().any(|name| self.allow.refuses(name).is_some()) {
                return None;
            }
            let names = names.iter().map(|name| name.as_encoded_bytes());
            UrlPath::from_names(layer.prefix().chain(names), directory)
        };
        iter::once(&self.folder).chain(&self.mounts).filter_map(url).collect()
    }
}

/// Classifies the error of a failed look-up.
fn classify(path: PathBuf, error: io::Error) -> Located {
    match error.kind() {
        io::ErrorKind::PermissionDenied => Located::Unreadable(path, error),
        // Nothing is there. This includes loops of links, too long names, and files used as
        // folders.
        _ => Located::Missing(Some(path)),
    }
}

/// Converts a decoded name to a name on the disk. On systems with Unicode names, other names denote
/// nothing.
#[cfg(unix)]
#[allow(clippy::unnecessary_wraps)]
fn os_name(name: &[u8]) -> Option<&OsStr> {
    Some(std::os::unix::ffi::OsStrExt::from_bytes(name))
}

#[cfg(not(unix))]
fn os_name(name: &[u8]) -> Option<&OsStr> {
    std::str::from_utf8(name).ok().map(OsStr::new)
}
