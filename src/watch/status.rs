//! What the server shows of the watch: how many folders are watched, and why folders are polled.

use std::{
    fmt,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Why folders are polled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Polling {
    /// The configuration asks for it.
    Configured,
    /// The system provides no watcher.
    Refused,
    /// The system's limit on watches is reached.
    Limit,
    /// The file system of a mount reports no events.
    Mount(String),
}

impl fmt::Display for Polling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configured => f.write_str("as configured"),
            Self::Refused => f.write_str("the system provides no watcher"),
            Self::Limit => f.write_str("the system's limit on watches is reached"),
            Self::Mount(kind) => write!(f, "{kind} reports no events"),
        }
    }
}

/// The state of the watch, written by its thread and read by requests.
#[derive(Debug, Default)]
pub(super) struct Status {
    folders: AtomicUsize,
    polling: Mutex<Option<Polling>>,
}

impl Status {
    /// Returns how many folders are watched.
    pub(super) fn folders(&self) -> usize {
        self.folders.load(Ordering::Relaxed)
    }

    /// Sets how many folders are watched.
    pub(super) fn set_folders(&self, folders: usize) {
        self.folders.store(folders, Ordering::Relaxed);
    }

    /// Returns why folders are polled, or `None` if none are.
    pub(super) fn polling(&self) -> Option<Polling> {
        self.lock().clone()
    }

    /// Records why folders are polled. The first reason is kept.
    pub(super) fn set_polling(&self, why: Polling) {
        self.lock().get_or_insert(why);
    }

    /// Records that no folder is polled any more.
    pub(super) fn clear_polling(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> MutexGuard<'_, Option<Polling>> {
        self.polling.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
