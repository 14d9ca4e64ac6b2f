//! The system's file watcher, by way of `notify`: inotify on Linux, where a watch covers one
//! folder, and watches of whole trees elsewhere.
//!
//! `notify` calls back on a thread of its own, from which
//! [`SystemEvent`](super::signal::SystemEvent)s reach the watch's thread through its inbox. The
//! kinds of events are hints: only what decides when to examine a path is taken from them (was a
//! save finished, is something being written, was something removed).

mod notify;

use std::{io, path::Path};

pub(super) use self::notify::Watcher;

/// Whether a watch covers one folder, rather than a tree.
pub(super) const WATCHES_ONE_FOLDER: bool = cfg!(target_os = "linux");

/// Why the system did not grant a watch.
#[derive(Debug)]
pub(super) enum WatchError {
    /// The limit on watches is reached.
    Limit,
    /// The path does not exist.
    NotFound,
    /// Any other error.
    Io(io::Error),
}

/// Adds and removes watches. Tests replace the system by one with a small limit.
pub(super) trait System: Send {
    /// Watches a folder or a file.
    ///
    /// # Errors
    /// See [`WatchError`].
    fn watch(&mut self, path: &Path) -> Result<(), WatchError>;

    /// Stops watching a path. Does nothing if the system dropped the watch itself.
    fn unwatch(&mut self, path: &Path);
}

/// Explains why the system provides no watcher, with the remedy where one is known.
pub(super) fn explain(error: &io::Error) -> String {
    // EMFILE of inotify_init1(2): the limit on inotify instances, or on open files.
    let is_limit = WATCHES_ONE_FOLDER && error.raw_os_error() == Some(24);
    let remedy = if is_limit {
        "raise the limit with 'sysctl fs.inotify.max_user_instances=512'".to_owned()
    } else {
        error.to_string()
    };
    format!("the system provides no file watcher, so all folders are polled: {remedy}")
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::explain;

    #[test]
    fn exhausted_inotify_instances_are_explained_with_the_remedy() {
        let limit = explain(&io::Error::from_raw_os_error(24));
        assert_eq!(limit.contains("max_user_instances"), cfg!(target_os = "linux"), "{limit}");
        assert!(explain(&io::Error::other("odd")).contains("odd"));
    }
}
