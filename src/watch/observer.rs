//! How each folder is watched: by the system's events, by polling, or by both.
//!
//! - By events, wherever the system reports them.
//! - By polling, where the system refuses another watch (its limit is reached, or it provides no
//!   watcher at all), or where the configuration asks for it. Watches beyond the limit are tried
//!   again now and then: the limit may be raised while livers runs, and other programs end.
//! - By both, on mounts that report only what this machine changes. Local saves are still seen at
//!   once there.
//!
//! Polling because of the limit is reported once, with the way to raise it.

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    inbox::Inbox,
    mounts::Mounts,
    poll::Poller,
    status::{Polling, Status},
    system::{System, WATCHES_ONE_FOLDER, WatchError, Watcher},
};
use crate::event::{Event, Events};

/// How a folder is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Events,
    Polling,
    Both,
    /// By polling, until the system allows another watch.
    PollingForLimit,
}

/// The watched folders, and how each is watched.
pub(super) struct Observer<S = Watcher> {
    /// `None` where everything is polled.
    system: Option<S>,
    poller: Poller,
    mounts: Mounts,
    folders: HashMap<PathBuf, Method>,
    status: Arc<Status>,
    events: Events,
    /// The limit was reported: it would be reported for each folder.
    is_limit_reported: bool,
}

impl<S: System> Observer<S> {
    /// Creates an observer without folders. Without a system watcher, everything is polled.
    pub(super) fn new(
        system: Option<S>,
        inbox: Arc<Inbox>,
        status: Arc<Status>,
        events: Events,
    ) -> Self {
        Self {
            system,
            poller: Poller::new(inbox),
            mounts: Mounts::default(),
            folders: HashMap::new(),
            status,
            events,
            is_limit_reported: false,
        }
    }

    /// Returns whether each folder needs its own watch, rather than each tree.
    pub(super) fn watches_each_folder(&self) -> bool {
        WATCHES_ONE_FOLDER || self.system.is_none()
    }

    /// Watches a folder, again if it was watched before. Returns whether it is a new one.
    ///
    /// # Blocking
    /// Adds a watch, or lists the folder.
    pub(super) fn watch(&mut self, folder: &Path) -> bool {
        let Some(method) = self.choose(folder) else { return false };
        let before = self.folders.get(folder).copied();
        if method == Method::Events {
            if before.is_some_and(|before| before != Method::Events) {
                self.poller.hand_over(folder);
            }
        } else if let Err(error) = self.poller.add(folder) {
            // If the folder is gone again, the watch of its parent reports that.
            if error.kind() != io::ErrorKind::NotFound {
                self.report(folder, error.to_string());
            }
            if method != Method::Both {
                return false;
            }
        }
        self.folders.insert(folder.to_owned(), method);
        before.is_none()
    }

    /// Watches a path by itself, where a watch covers nothing else: a file, or the folder above a
    /// root. Returns whether the system granted the watch. Polling would show nothing that polling
    /// the folder does not.
    pub(super) fn watch_one(&mut self, path: &Path) -> bool {
        WATCHES_ONE_FOLDER && self.system.as_mut().is_some_and(|system| system.watch(path).is_ok())
    }

    /// Stops watching a folder.
    pub(super) fn unwatch(&mut self, folder: &Path) {
        self.folders.remove(folder);
        self.poller.remove(folder);
        if let Some(system) = &mut self.system {
            system.unwatch(folder);
        }
    }

    /// Polls a path that was served, or was missing, more often.
    pub(super) fn prioritize(&self, path: &Path) {
        self.poller.prioritize(path);
    }

    /// Tells the poller that the system reported a change, so that it is not reported twice.
    pub(super) fn reported(&self, path: &Path) {
        let folder = path.parent().and_then(|folder| self.folders.get(folder));
        if folder == Some(&Method::Both) {
            self.poller.reported(path);
        }
    }

    /// Tries again to get the watches that the limit kept out.
    pub(super) fn retry(&mut self) {
        let limited = self.folders.iter().filter(|(_, how)| **how == Method::PollingForLimit);
        let mut limited: Vec<_> = limited.map(|(folder, _)| folder.clone()).collect();
        while let Some(folder) = limited.pop() {
            self.watch(&folder);
            if self.folders.get(&folder) == Some(&Method::PollingForLimit) {
                return;
            }
        }
        self.poller.retry_watches(false);
        self.is_limit_reported = false;
        self.status.clear_polling();
    }

    /// Asks the system for a watch. Returns `None` if the folder cannot be watched.
    fn choose(&mut self, folder: &Path) -> Option<Method> {
        let Some(system) = &mut self.system else { return Some(Method::Polling) };
        match system.watch(folder) {
            Ok(()) => Some(match self.mounts.without_events(folder) {
                None => Method::Events,
                Some(kind) => {
                    self.status.set_polling(Polling::Mount(kind));
                    Method::Both
                }
            }),
            Err(WatchError::Limit) => {
                self.report_limit(folder);
                Some(Method::PollingForLimit)
            }
            // The folder is gone again; the watch of its parent reports that.
            Err(WatchError::NotFound) => None,
            Err(WatchError::Io(error)) => {
                self.report(folder, error.to_string());
                None
            }
        }
    }

    fn report_limit(&mut self, folder: &Path) {
        self.poller.retry_watches(true);
        if !std::mem::replace(&mut self.is_limit_reported, true) {
            self.status.set_polling(Polling::Limit);
            let why = format!(
                "the system's limit on watches is reached after {} folders, so the others are \
                 polled: raise it with 'sysctl fs.inotify.max_user_watches=524288'",
                self.folders.len()
            );
            self.report(folder, why);
        }
    }

    fn report(&self, path: &Path, why: String) {
        self.events.emit(Event::WatchFault { path: path.to_owned(), why });
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::HashSet,
        fs,
        path::{Path, PathBuf},
        sync::{
            Arc, Mutex,
            atomic::{AtomicUsize, Ordering},
        },
        time::{Duration, Instant},
    };

    use super::{Method, Observer, Polling, System, WatchError};
    use crate::{
        event::{Event, Events},
        watch::{
            inbox::{Inbox, Input},
            signal::Signal,
        },
    };

    /// A system with a limit on watches.
    #[derive(Clone, Default)]
    struct Limited {
        watched: Arc<Mutex<HashSet<PathBuf>>>,
        limit: Arc<AtomicUsize>,
    }

    impl System for Limited {
        fn watch(&mut self, folder: &Path) -> Result<(), WatchError> {
            let mut watched = self.watched.lock().unwrap();
            if !watched.contains(folder) && watched.len() >= self.limit.load(Ordering::Relaxed) {
                return Err(WatchError::Limit);
            }
            watched.insert(folder.to_owned());
            Ok(())
        }

        fn unwatch(&mut self, folder: &Path) {
            self.watched.lock().unwrap().remove(folder);
        }
    }

    /// Waits for what the poller finds.
    fn polled(inbox: &Inbox, count: usize) -> Vec<(PathBuf, Signal)> {
        let mut polled = Vec::new();
        while polled.len() < count {
            inbox.set_due(Some(Instant::now() + Duration::from_secs(20)));
            inbox.wait();
            let inputs = inbox.take().inputs;
            assert!(!inputs.is_empty(), "only {polled:?}");
            polled.extend(inputs.into_iter().filter_map(|input| match input {
                Input::Polled(path, signal) => Some((path, signal)),
                _ => None,
            }));
        }
        polled
    }

    #[test]
    fn folders_beyond_the_limit_are_polled_until_watches_are_free() {
        let top = tempfile::tempdir().unwrap();
        let folders = ["a", "b", "c"].map(|name| top.path().join(name));
        for folder in &folders {
            fs::create_dir_all(folder).unwrap();
            fs::write(folder.join("file"), "old").unwrap();
        }
        let (system, status, events) = (Limited::default(), Arc::default(), Events::default());
        system.limit.store(1, Ordering::Relaxed);
        let (mut emitted, inbox) = (events.subscribe(), Arc::new(Inbox::default()));
        let mut observer =
            Observer::new(Some(system.clone()), Arc::clone(&inbox), Arc::clone(&status), events);

        assert!(folders.iter().all(|folder| observer.watch(folder)));
        assert!(!folders.iter().any(|folder| observer.watch(folder)), "they are not new");
        let methods =
            |observer: &Observer<_>| folders.clone().map(|folder| observer.folders[&folder]);
        let limited = Method::PollingForLimit;
        assert_eq!(methods(&observer), [Method::Events, limited, limited]);
        assert_eq!(status.polling(), Some(Polling::Limit));
        match emitted.try_recv().expect("a report").event {
            Event::WatchFault { path, why } => {
                assert_eq!(path, folders[1]);
                assert!(why.contains("'sysctl fs.inotify.max_user_watches="), "{why}");
            }
            other => panic!("{other:?}"),
        }
        assert!(emitted.try_recv().is_err(), "the limit is reported once");

        fs::write(folders[0].join("file"), "new").unwrap();
        fs::write(folders[1].join("file"), "new").unwrap();
        let file = folders[1].join("file");
        let wanted = [(file.clone(), Signal::Written), (file, Signal::Finished)];
        assert_eq!(polled(&inbox, 2), wanted, "only the folder without a watch");

        let by_events = |observer: &Observer<_>| {
            methods(observer).iter().filter(|how| **how == Method::Events).count()
        };
        system.limit.store(2, Ordering::Relaxed);
        observer.retry();
        assert_eq!(by_events(&observer), 2);
        assert_eq!(status.polling(), Some(Polling::Limit));
        system.limit.store(9, Ordering::Relaxed);
        fs::write(folders[2].join("new"), "").unwrap();
        observer.retry();
        assert_eq!(by_events(&observer), 3);
        assert_eq!(status.polling(), None);
        observer.unwatch(&folders[2]);
        assert_eq!(system.watched.lock().unwrap().len(), 2);
    }

    #[test]
    fn without_a_system_watcher_everything_is_polled() {
        let top = tempfile::tempdir().unwrap();
        let mut observer =
            Observer::<Limited>::new(None, Arc::default(), Arc::default(), Events::default());
        assert!(observer.watches_each_folder());
        assert!(observer.watch(top.path()) && !observer.watch(&top.path().join("nothing")));
        assert_eq!(observer.folders[top.path()], Method::Polling);
    }
}
