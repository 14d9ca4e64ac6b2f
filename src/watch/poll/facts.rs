//! The metadata by which two examinations of a path are compared.
//!
//! Times are compared for inequality: a file may be replaced by an older one. They have
//! nanoseconds, and include the change time of the inode, which no process can set back. A symbolic
//! link is examined itself: its target is another path.

use std::{fs, io, path::Path};

/// The metadata of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Facts {
    /// A folder. Its entries have facts of their own.
    Folder,
    /// A file, or anything else.
    File(File),
}

/// The facts of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct File {
    /// The size, bytes.
    pub(super) size: u64,
    /// The modification time, nanoseconds since the epoch.
    pub(super) modified: i64,
    /// The change time of the inode, nanoseconds since the epoch.
    pub(super) changed: i64,
    /// The number of the inode.
    pub(super) inode: u64,
}

impl File {
    /// Returns whether its times are whole seconds: the file system may not store fractions.
    pub(super) fn has_coarse_times(&self) -> bool {
        [self.modified, self.changed].iter().all(|time| time % 1_000_000_000 == 0)
    }
}

impl Facts {
    /// Returns the facts of a path, or `None` if nothing is there.
    ///
    /// # Blocking
    /// Reads metadata.
    ///
    /// # Errors
    /// Any error but that nothing is there, such as that of an unreachable server.
    pub(super) fn at(path: &Path) -> io::Result<Option<Self>> {
        match fs::symlink_metadata(path) {
            Ok(metadata) => Ok(Some(Self::of(&metadata))),
            Err(error) => none_if_missing(error),
        }
    }

    /// Returns the facts in a file's metadata.
    pub(super) fn of(metadata: &fs::Metadata) -> Self {
        if metadata.is_dir() { Self::Folder } else { Self::File(file(metadata)) }
    }
}

/// Turns the error that nothing is there into `None`. Other errors tell nothing about the path.
pub(super) fn none_if_missing<T>(error: io::Error) -> io::Result<Option<T>> {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Ok(None),
        _ => Err(error),
    }
}

#[cfg(unix)]
fn file(metadata: &fs::Metadata) -> File {
    use std::os::unix::fs::MetadataExt;
    // A time that overflows still differs from another one.
    let time = |seconds: i64, nanos: i64| seconds.wrapping_mul(1_000_000_000).wrapping_add(nanos);
    File {
        size: metadata.len(),
        modified: time(metadata.mtime(), metadata.mtime_nsec()),
        changed: time(metadata.ctime(), metadata.ctime_nsec()),
        inode: metadata.ino(),
    }
}

#[cfg(not(unix))]
fn file(metadata: &fs::Metadata) -> File {
    let since = |time: std::time::SystemTime| time.duration_since(std::time::UNIX_EPOCH).ok();
    let modified = metadata.modified().ok().and_then(since).unwrap_or_default();
    let modified = i64::try_from(modified.as_nanos()).unwrap_or_default();
    File { size: metadata.len(), modified, ..File::default() }
}
