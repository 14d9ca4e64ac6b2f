//! What the live-reload core asks of the file watcher.

use std::{future::Future, pin::Pin, time::SystemTime};

use crate::change::ChangeSet;

/// The source of changes, typically a file watcher.
pub(crate) trait ChangeSource: Send + Sync {
    /// Returns a future that completes when the current burst of changes is over, or `None` if
    /// there is none.
    fn until_settled(&self) -> Option<Pin<Box<dyn Future<Output = ()> + Send + '_>>>;

    /// Returns which of these URL paths changed since a time, and monitors them from now on.
    ///
    /// Called for a tab that was served by an earlier run of the server, whose versions mean
    /// nothing in this one.
    ///
    /// # Blocking
    /// May read directories and file metadata.
    fn changed_since(&self, paths: &[String], since: SystemTime) -> ChangeSet;
}

/// A source without changes.
#[cfg(test)]
pub(crate) struct NoChanges;

#[cfg(test)]
impl ChangeSource for NoChanges {
    fn until_settled(&self) -> Option<Pin<Box<dyn Future<Output = ()> + Send + '_>>> {
        None
    }

    fn changed_since(&self, _: &[String], _: SystemTime) -> ChangeSet {
        ChangeSet::default()
    }
}
