//! What happened to a path: the vocabulary of the system's events, the poller and the coalescer.

use std::path::{Path, PathBuf};

/// Whether the system reports that a writer has closed a file.
pub(super) const CLOSE_IS_REPORTED: bool = cfg!(target_os = "linux");

/// What happened to a path.
///
/// A signal decides when the path is examined. What is published follows from the state of the path
/// at that time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    /// A writer closed the file.
    Finished,
    /// The path is the target of a rename.
    RenamedTo,
    /// The path was created; writes may follow.
    Created,
    /// The file was written to; more writes may follow.
    Written,
    /// The path was removed, or renamed to another name.
    Removed,
    /// The path, which was removed, was renamed to another watched name.
    RenamedAway,
    /// The file was found empty and was not empty before.
    Emptied,
    /// A writer closed the file, but it was still open for writing when it was examined. Counts the
    /// examinations after the first one.
    StillOpen(u32),
    /// The mode, the times or the link count changed.
    MetadataChanged,
}

/// An event of the system's watcher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SystemEvent {
    /// A path changed.
    Signal(PathBuf, Signal),
    /// A path, whose removal was reported, is the second one now.
    Renamed(PathBuf, PathBuf),
    /// Events were lost: anything may have changed.
    Overflow,
    /// The watcher failed.
    Failed(String),
}

impl SystemEvent {
    /// Returns the paths that changed, with the signal of each.
    pub(super) fn signals(&self) -> impl Iterator<Item = (&Path, Signal)> {
        let (first, second) = match self {
            Self::Signal(path, signal) => (Some((&**path, *signal)), None),
            Self::Renamed(from, to) => {
                (Some((&**from, Signal::RenamedAway)), Some((&**to, Signal::RenamedTo)))
            }
            Self::Overflow | Self::Failed(_) => (None, None),
        };
        first.into_iter().chain(second)
    }
}
