//! What changed while nobody watched, by the disk's own times.
//!
//! For tabs that come from another run of the server, whose content identities are not known.

use std::{fs, path::PathBuf, time::SystemTime};

use crate::{
    change::{Change, ChangeSet, Kind},
    docroot::Root,
};

/// Which of these paths changed since a time.
///
/// The time of the last change to the inode tells of renames over the file, too. Of a file that is not
/// there nobody knows whether it was, but its folder's time tells whether one may have gone: in
/// doubt, it has. A time that is yet to come says nothing: it would do so again and again. Blocking.
pub(crate) fn changed_since(
    root: &Root,
    paths: impl IntoIterator<Item = PathBuf>,
    since: SystemTime,
) -> ChangeSet {
    let now = SystemTime::now();
    let changed = |path: PathBuf| -> Option<Vec<Change>> {
        let there = path.ancestors().find_map(|there| Some((there, fs::metadata(there).ok()?)));
        let (there, metadata) = there?;
        let exists = there == path;
        let kind = if exists { Kind::Modified } else { Kind::Removed };
        let modified = modified(&metadata)?;
        let urls = || root.urls_of(&path, exists && metadata.is_dir()).into_iter();
        let changes = || urls().map(|url| Change { path: url.to_string(), kind }).collect();
        (since < modified && modified <= now).then(changes)
    };
    paths.into_iter().filter_map(changed).flatten().collect()
}

#[cfg(unix)]
fn modified(metadata: &fs::Metadata) -> Option<SystemTime> {
    use std::{
        os::unix::fs::MetadataExt,
        time::{Duration, UNIX_EPOCH},
    };
    let seconds = u64::try_from(metadata.ctime()).ok()?;
    let nanos = u32::try_from(metadata.ctime_nsec()).ok()?;
    UNIX_EPOCH.checked_add(Duration::new(seconds, nanos))
}

#[cfg(not(unix))]
fn modified(metadata: &fs::Metadata) -> Option<SystemTime> {
    metadata.modified().ok()
}
