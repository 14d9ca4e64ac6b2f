//! The options of a watch, and the receiver of its changes.

use std::{path::PathBuf, sync::Arc};

use crate::{change::ChangeSet, docroot::Root};

/// What is watched, and how.
pub(crate) struct Options {
    /// The served folders.
    pub(crate) root: Arc<Root>,
    /// Folders and files that are watched, but not served.
    pub(crate) extra_watch_paths: Vec<PathBuf>,
    /// Patterns of paths whose changes are never published.
    pub(crate) ignore: Vec<String>,
    /// Polls all folders instead of using the system's events.
    pub(crate) poll: bool,
}

/// Receives the changes, on the watch's thread.
pub(crate) type Publish = Box<dyn Fn(ChangeSet) + Send + Sync>;
