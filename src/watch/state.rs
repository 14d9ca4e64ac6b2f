//! The state of a path, and how to find it out.

use std::{fs::Metadata, io, path::Path, time::SystemTime};

use crate::docroot::{self, ContentHash, Writer};

/// What is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PathState {
    /// Nothing.
    Missing,
    /// A folder.
    Folder,
    /// A file with this content.
    File(ContentHash),
    /// A file whose content was not read.
    Unread,
    /// A file or folder that cannot be read.
    Unreadable,
}

impl PathState {
    /// Returns the state of a path, or `None` while a process has the file open for writing. The
    /// content of a file is read only if `with_content` is set.
    ///
    /// # Blocking
    /// Reads the file.
    pub(super) fn of(path: &Path, with_content: bool) -> Option<Self> {
        let state = std::fs::metadata(path).and_then(|metadata| {
            Ok(if metadata.is_dir() {
                Some(Self::Folder)
            } else if with_content {
                let (content_hash, writer) = docroot::examine(path)?;
                (writer != Writer::Open).then_some(Self::File(content_hash))
            } else {
                Some(Self::Unread)
            })
        });
        state.unwrap_or_else(|error| Some(Self::of_error(&error)))
    }

    /// Returns the state of a file, even if it is being written and its content is incomplete.
    ///
    /// # Blocking
    /// Reads the file.
    pub(super) fn of_file_being_written(path: &Path) -> Self {
        docroot::examine(path).map_or_else(
            |error| Self::of_error(&error),
            |(content_hash, _)| Self::File(content_hash),
        )
    }

    fn of_error(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::PermissionDenied => Self::Unreadable,
            _ => Self::Missing,
        }
    }

    /// Returns whether a file was truncated to nothing, which is often the first half of a save.
    pub(super) fn is_emptied(self, known: Option<Self>) -> bool {
        self == Self::File(ContentHash::of(&[]))
            && known != Some(self)
            && known != Some(Self::Missing)
    }
}

/// Returns the longest path at or above a path that exists.
///
/// # Blocking
/// Reads metadata of as many paths as the number of folders has binary digits: a request can name
/// thousands of folders that do not exist.
pub(super) fn nearest_existing(path: &Path) -> Option<&Path> {
    if path.exists() {
        return Some(path);
    }
    let above: Vec<_> = path.ancestors().collect();
    above.get(above.partition_point(|path| !path.exists())).copied()
}

/// Returns when the content or an attribute of a path last changed, or `None` if that was before
/// 1970. Where the system does not keep this time, the time of the last modification stands for it.
#[cfg(unix)]
pub(super) fn changed_at(metadata: &Metadata) -> Option<SystemTime> {
    use std::{
        os::unix::fs::MetadataExt,
        time::{Duration, UNIX_EPOCH},
    };
    let seconds = u64::try_from(metadata.ctime()).ok()?;
    let nanos = u32::try_from(metadata.ctime_nsec()).ok()?;
    UNIX_EPOCH.checked_add(Duration::new(seconds, nanos))
}

#[cfg(not(unix))]
pub(super) fn changed_at(metadata: &Metadata) -> Option<SystemTime> {
    metadata.modified().ok()
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::nearest_existing;

    #[test]
    fn nearest_existing_path_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path();
        fs::create_dir_all(top.join("a/b")).unwrap();
        fs::write(top.join("a/file"), "").unwrap();
        let deep = "d/".repeat(1500);
        let table = [
            ("a/b", "a/b"),
            ("a/b/c", "a/b"),
            ("a/file", "a/file"),
            ("a/file/x/y", "a/file"),
            ("x/y/z", ""),
            (&*deep, ""),
        ];
        for (path, wanted) in table {
            assert_eq!(nearest_existing(&top.join(path)), Some(&*top.join(wanted)), "{path:.9}");
        }
        assert_eq!(nearest_existing(Path::new("no such file/x")), None);
    }
}
