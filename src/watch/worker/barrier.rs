//! Brings the watch up to date with the disk for those who wait for it, although the system has not
//! reported every event yet.

use std::{
    fs,
    path::PathBuf,
    time::{Duration, SystemTime},
};

use tokio::sync::oneshot;

use super::Worker;

/// The system reports an event within this time, unless the machine is very busy.
const REPORTED: Duration = Duration::from_secs(2);

/// Paths that are compared, and the sender that reports that their changes are published.
pub(super) struct Barrier {
    /// The paths; empty for everything in use.
    paths: Vec<PathBuf>,
    done: oneshot::Sender<()>,
}

impl Worker {
    /// Compares requested paths with what was served, or all of them that were modified lately if
    /// none is given. Sends to `done` once their changes are published.
    pub(super) fn catch_up(&mut self, paths: Vec<PathBuf>, done: oneshot::Sender<()>) {
        if paths.is_empty() {
            let roots: Vec<_> = self.roots().map(std::path::Path::to_owned).collect();
            let requested = roots.iter().flat_map(|root| self.snapshot.below(root));
            let recent: Vec<_> = requested.filter(is_recent).collect();
            self.unverified.extend(recent);
        } else {
            let known = paths.iter().filter(|path| self.snapshot.contains(path)).cloned();
            self.unverified.extend(known.collect::<Vec<_>>());
        }
        self.barriers.push(Barrier { paths, done });
    }

    /// Completes the barriers whose paths have no unpublished change.
    pub(super) fn release_barriers(&mut self) {
        let Self { barriers, coalescer, unverified, .. } = self;
        if barriers.is_empty() || !unverified.is_empty() {
            return;
        }
        let is_done = |barrier: &mut Barrier| match &*barrier.paths {
            [] => !coalescer.has_any_in_use(),
            paths => paths.iter().all(|path| !coalescer.is_waiting(path)),
        };
        for Barrier { done, .. } in barriers.extract_if(.., is_done) {
            // Fails if the one who waited has given up.
            let _ = done.send(());
        }
    }
}

/// Returns whether an event of a file may not be reported yet.
fn is_recent(path: &PathBuf) -> bool {
    let Ok(modified) = fs::metadata(path).and_then(|metadata| metadata.modified()) else {
        return false;
    };
    // A time in the future is a recent one.
    SystemTime::now().duration_since(modified).is_ok_and(|age| age < REPORTED)
        || SystemTime::now() < modified
}
