//! Validates what was read from the disk by comparing file metadata.
//!
//! A [`FileStamp`] identifies a file and its state. A stamp is only trusted if it is
//! [older](FileStamp::is_older) than the time at which reading began: kernels round timestamps
//! (Linux to a timer tick of up to 10 ms), so two writes in quick succession can leave the same
//! stamp.
//!
//! [`Dependencies`] are everything on the disk that a lookup depended on: the file, and the folders
//! from it up to the root, whose stamps change when a name in them is created, removed or renamed.
//! Windows has no change time, so nothing is trusted there.

use std::{
    fs::{self, Metadata},
    path::{Path, PathBuf},
    time::SystemTime,
};

/// How old a change must be, nanoseconds, so that a later change has another timestamp.
const SETTLED: u128 = 20_000_000;

/// The same on file systems with timestamps of one or two seconds.
const SETTLED_COARSE: u128 = 3_000_000_000;

/// The identity and state of a file or folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileStamp {
    device: u64,
    inode: u64,
    size: u64,
    /// Nanoseconds since 1970.
    modified: i128,
    /// The time of the last change of content or metadata, which no program can set.
    changed: i128,
}

impl FileStamp {
    /// Returns the stamp of a file, or `None` where the system has no change time.
    #[cfg(unix)]
    #[allow(clippy::unnecessary_wraps)]
    pub(super) fn of(metadata: &Metadata) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        let time =
            |seconds, nanoseconds| i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds);
        Some(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: time(metadata.mtime(), metadata.mtime_nsec()),
            changed: time(metadata.ctime(), metadata.ctime_nsec()),
        })
    }

    #[cfg(not(unix))]
    pub(super) fn of(_: &Metadata) -> Option<Self> {
        None
    }

    /// Returns whether the file at a path still has this stamp.
    #[cfg_attr(not(feature = "esm"), allow(dead_code))]
    pub(crate) fn is_current(&self, path: &Path) -> bool {
        Self::at(path).as_ref() == Some(self)
    }

    fn at(path: &Path) -> Option<Self> {
        Self::of(&fs::metadata(path).ok()?)
    }

    /// Whether the file last changed so long before a time that any change since then would have
    /// another stamp.
    pub(crate) fn is_older(&self, time: SystemTime) -> bool {
        let coarse = self.changed % 1_000_000_000 == 0;
        let settled = if coarse { SETTLED_COARSE } else { SETTLED };
        let Ok(time) = time.duration_since(SystemTime::UNIX_EPOCH) else { return false };
        let settled =
            time.as_nanos().checked_sub(settled).and_then(|time| i128::try_from(time).ok());
        settled.is_some_and(|settled| self.changed < settled)
    }
}

/// What a lookup depended on, with the stamps of that time.
#[derive(Debug)]
pub(crate) struct Dependencies(Vec<(PathBuf, FileStamp)>);

impl Dependencies {
    /// Returns the dependencies with these stamps, unless one is newer than `began`.
    pub(crate) fn new(stamps: Vec<(PathBuf, FileStamp)>, began: SystemTime) -> Option<Self> {
        stamps.iter().all(|(_, stamp)| stamp.is_older(began)).then_some(Self(stamps))
    }

    /// Returns the stamp of a path and adds it. `None` if there is no file.
    pub(crate) fn stamp(path: &Path) -> Option<(PathBuf, FileStamp)> {
        Some((path.to_owned(), FileStamp::at(path)?))
    }

    /// Whether nothing has changed since. One call of `stat` for each dependency.
    pub(crate) fn are_unchanged(&self) -> bool {
        self.0.iter().all(|(path, stamp)| FileStamp::at(path).as_ref() == Some(stamp))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::{
        fs,
        time::{Duration, SystemTime},
    };

    use super::{Dependencies, FileStamp};

    #[test]
    fn recent_change_is_not_trusted() {
        let stamp = |changed| FileStamp { device: 1, inode: 1, size: 1, modified: 0, changed };
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(9);
        for (changed, older) in [
            (8_979_999_999, true),
            (8_980_000_000, false),
            (9_500_000_000, false), // in the future
            (5_000_000_000, true),
            (6_000_000_000, false), // whole seconds, so perhaps rounded
        ] {
            assert_eq!(stamp(changed).is_older(time), older, "{changed}");
        }
    }

    #[test]
    fn dependencies_notice_new_names_and_replaced_files() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "one").unwrap();
        let later = SystemTime::now() + Duration::from_mins(1);
        let current = || {
            let stamps = [folder.path(), &file].map(|path| Dependencies::stamp(path).unwrap());
            Dependencies::new(stamps.into(), later).unwrap()
        };
        let before = current();
        assert!(before.are_unchanged());
        assert!(Dependencies::new(before.0.clone(), SystemTime::now()).is_none(), "too new");
        // A rename keeps size and modification time, but not the inode.
        let (copy, time) = (folder.path().join("copy"), fs::metadata(&file).unwrap().modified());
        fs::write(&copy, "two").unwrap();
        fs::File::options().write(true).open(&copy).unwrap().set_modified(time.unwrap()).unwrap();
        assert!(!before.are_unchanged(), "a name was created");
        let before = current();
        fs::rename(&copy, &file).unwrap();
        assert_ne!(before.0[1].1, FileStamp::at(&file).unwrap());
        fs::remove_file(&file).unwrap();
        assert!(!before.are_unchanged());
    }
}
