//! Finds what changed while no server ran, by the times on the disk.
//!
//! Used for tabs that another run of the server served: their content hashes are not known.

use std::{fs, path::PathBuf, time::SystemTime};

use super::state::{changed_at, nearest_existing};
use crate::{
    change::{Change, ChangeSet, Kind},
    docroot::Root,
};

/// Returns which of these paths changed since a time.
///
/// Compares the inode's change time, which a rename over the file updates, too. It is unknown
/// whether a missing file existed before; if its folder changed since, the file is reported as
/// removed. A time in the future is ignored: it would be reported again and again.
///
/// # Blocking
/// Reads metadata only.
pub(crate) fn changed_since(
    root: &Root,
    paths: impl IntoIterator<Item = PathBuf>,
    since: SystemTime,
) -> ChangeSet {
    let now = SystemTime::now();
    let changed = |path: PathBuf| -> Option<Vec<Change>> {
        let there = nearest_existing(&path)?;
        let metadata = fs::metadata(there).ok()?;
        let exists = there == path;
        let kind = if exists { Kind::Modified } else { Kind::Removed };
        let time = changed_at(&metadata)?;
        let urls = || root.urls_of(&path, exists && metadata.is_dir()).into_iter();
        let changes = || urls().map(|url| Change { path: url.to_string(), kind }).collect();
        (since < time && time <= now).then(changes)
    };
    paths.into_iter().filter_map(changed).flatten().collect()
}
