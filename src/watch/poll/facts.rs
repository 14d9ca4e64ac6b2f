//! What a look at a path shows, without reading it: what two looks are compared by.
//!
//! Times are compared for being different, never for being later: a file may be replaced by an older
//! one. They are kept to the nanosecond, and the time of the inode's last change is among them, which
//! nobody can set back. A link is looked at itself: what it leads to is a path of its own.

use std::{fs, io, path::Path};

/// What is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Facts {
    /// A folder. What is in it has facts of its own.
    Folder,
    /// Anything else.
    File(File),
}

/// The facts of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct File {
    /// Bytes.
    pub(super) size: u64,
    /// When it was written, nanoseconds.
    pub(super) modified: i64,
    /// When its inode was changed, nanoseconds.
    pub(super) changed: i64,
    /// Which inode.
    pub(super) inode: u64,
}

impl File {
    /// Whether its times are whole seconds: the file system may not know them better.
    pub(super) fn coarse(&self) -> bool {
        [self.modified, self.changed].iter().all(|time| time % 1_000_000_000 == 0)
    }
}

impl Facts {
    /// Looks at a path; there may be nothing. Blocking.
    pub(super) fn at(path: &Path) -> io::Result<Option<Self>> {
        match fs::symlink_metadata(path) {
            Ok(metadata) => Ok(Some(Self::of(&metadata))),
            Err(why) => absent(why),
        }
    }

    /// The facts in what the system says.
    pub(super) fn of(metadata: &fs::Metadata) -> Self {
        if metadata.is_dir() { Self::Folder } else { Self::File(file(metadata)) }
    }
}

/// Nothing there is an answer, too; anything else (a server that is away) says nothing of the path.
pub(super) fn absent<T>(why: io::Error) -> io::Result<Option<T>> {
    match why.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Ok(None),
        _ => Err(why),
    }
}

#[cfg(unix)]
fn file(metadata: &fs::Metadata) -> File {
    use std::os::unix::fs::MetadataExt;
    // Wrapped, a time is still another one than before.
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
