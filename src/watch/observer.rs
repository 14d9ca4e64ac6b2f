//! How one folder is watched: by the system's events, by looking at it again and again, or by both.
//!
//! - By events, wherever they come.
//! - By looking, where the system refuses another watch (its limit is reached, or it gives no watcher
//!   at all), or where the person says so. What the limit keeps out is tried again now and then: the
//!   limit may be raised while livers runs, and other programs end.
//! - By both on mounts that tell only what this machine changes: its own saves are still seen at once.
//!
//! What is done without events is said once, with the way to have them.

use std::{
    collections::HashMap,
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use notify::{ErrorKind, RecommendedWatcher, RecursiveMode, Watcher};

use super::{Put, Shared, mounts::Mounts, poll::Poller};
use crate::event::{Event, Events};

/// Whether the system's watches cover one folder each, rather than whole trees.
const EACH: bool = cfg!(target_os = "linux");

/// What the system offers; its limits are out of a test's reach.
pub(super) trait System: Send {
    fn watch(&mut self, folder: &Path) -> notify::Result<()>;
    fn unwatch(&mut self, folder: &Path);
}

impl System for RecommendedWatcher {
    fn watch(&mut self, folder: &Path) -> notify::Result<()> {
        let mode = if EACH { RecursiveMode::NonRecursive } else { RecursiveMode::Recursive };
        Watcher::watch(self, folder, mode)
    }

    fn unwatch(&mut self, folder: &Path) {
        // The system may have dropped the watch itself.
        let _ = Watcher::unwatch(self, folder);
    }
}

/// Why folders are polled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Polling {
    /// The person said so.
    Asked,
    /// The system gives no watcher.
    Refused,
    /// The limit of watches is reached.
    Limit,
    /// The mount is of a type that gives no events.
    Mount(String),
}

impl fmt::Display for Polling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked => f.write_str("as asked for"),
            Self::Refused => f.write_str("the system gives no watcher"),
            Self::Limit => f.write_str("the system's limit of watches is reached"),
            Self::Mount(kind) => write!(f, "{kind} gives no events"),
        }
    }
}

/// How a folder is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Events,
    Looking,
    Both,
    /// By looking, until the system allows another watch.
    Limit,
}

/// The folders, and who watches them.
pub(super) struct Observer {
    /// None where everything is polled.
    system: Option<Box<dyn System>>,
    poller: Poller,
    mounts: Mounts,
    folders: HashMap<PathBuf, By>,
    shared: Arc<Shared>,
    events: Events,
    /// Said once: it would be said for each folder.
    said_limit: bool,
}

impl Observer {
    /// Nothing is watched yet. Without a system, everything is polled; there is a reason for it.
    pub(super) fn new(
        system: Result<Box<dyn System>, Polling>,
        put: Put,
        shared: Arc<Shared>,
        events: Events,
    ) -> Self {
        if let Err(why) = &system {
            shared.polls(Some(why.clone()));
        }
        Self {
            system: system.ok(),
            poller: Poller::new(put),
            mounts: Mounts::default(),
            folders: HashMap::new(),
            shared,
            events,
            said_limit: false,
        }
    }

    /// Whether each folder has to be named, rather than whole trees.
    pub(super) fn each(&self) -> bool {
        EACH || self.system.is_none()
    }

    /// Watches a folder, again if need be. Gives whether it is a new one. Blocking.
    pub(super) fn watch(&mut self, folder: &Path) -> bool {
        let Some(by) = self.choose(folder) else { return false };
        let before = self.folders.get(folder).copied();
        if by == By::Events {
            if before.is_some_and(|before| before != By::Events) {
                self.poller.hand_over(folder);
            }
        } else if let Err(why) = self.poller.add(folder) {
            // Gone again: its folder's watch says so.
            if why.kind() != io::ErrorKind::NotFound {
                self.fault(folder, why.to_string());
            }
            if by != By::Both {
                return false;
            }
        }
        self.folders.insert(folder.to_owned(), by);
        before.is_none()
    }

    /// Watches a file, or a folder above all others, if there are events for each of them; looking would
    /// show nothing that it does not show anyway.
    pub(super) fn watch_by_itself(&mut self, path: &Path) -> bool {
        EACH && self.system.as_mut().is_some_and(|system| system.watch(path).is_ok())
    }

    /// No longer watches a folder.
    pub(super) fn unwatch(&mut self, folder: &Path) {
        self.folders.remove(folder);
        self.poller.remove(folder);
        if let Some(system) = &mut self.system {
            system.unwatch(folder);
        }
    }

    /// Somebody uses a path, or waits for it.
    pub(super) fn uses(&self, path: &Path) {
        self.poller.uses(path);
    }

    /// The system told of a path: it need not be found out once more.
    pub(super) fn heard(&self, path: &Path) {
        let folder = path.parent().and_then(|folder| self.folders.get(folder));
        if folder == Some(&By::Both) {
            self.poller.heard(path);
        }
    }

    /// Tries again to have the watches that were refused.
    pub(super) fn retry(&mut self) {
        let limited = |(folder, by): (&PathBuf, &By)| (*by == By::Limit).then(|| folder.clone());
        let mut limited: Vec<_> = self.folders.iter().filter_map(limited).collect();
        while let Some(folder) = limited.pop() {
            self.watch(&folder);
            if self.folders.get(&folder) == Some(&By::Limit) {
                return;
            }
        }
        self.poller.retries(false);
        self.said_limit = false;
        self.shared.polls(None);
    }

    /// Asks the system for a watch. None where there can be none.
    fn choose(&mut self, folder: &Path) -> Option<By> {
        let Some(system) = &mut self.system else { return Some(By::Looking) };
        match system.watch(folder).map_err(|error| error.kind) {
            Ok(()) => Some(match self.mounts.silent(folder) {
                None => By::Events,
                Some(kind) => {
                    self.shared.polls(Some(Polling::Mount(kind)));
                    By::Both
                }
            }),
            Err(ErrorKind::MaxFilesWatch) => {
                self.say_limit(folder);
                Some(By::Limit)
            }
            // Gone again: its folder's watch says so.
            Err(ErrorKind::PathNotFound) => None,
            Err(ErrorKind::Io(why)) if why.kind() == io::ErrorKind::NotFound => None,
            Err(kind) => {
                self.fault(folder, notify::Error::new(kind).to_string());
                None
            }
        }
    }

    fn say_limit(&mut self, folder: &Path) {
        self.poller.retries(true);
        if !std::mem::replace(&mut self.said_limit, true) {
            self.shared.polls(Some(Polling::Limit));
            let why = format!(
                "the system's limit of watches is reached after {} folders, so the others are \
                 polled: raise it with 'sysctl fs.inotify.max_user_watches=524288'",
                self.folders.len()
            );
            self.fault(folder, why);
        }
    }

    fn fault(&self, path: &Path, why: String) {
        self.events.emit(Event::WatchFault { path: path.to_owned(), why });
    }
}

/// What to say where the system gives no watcher.
pub(super) fn refused(error: &notify::Error) -> String {
    // EMFILE, of inotify_init: its own limit, or that of open files.
    let limit = matches!(&error.kind, ErrorKind::Io(why) if EACH && why.raw_os_error() == Some(24));
    let way = if limit {
        "raise the limit with 'sysctl fs.inotify.max_user_instances=512'".to_owned()
    } else {
        error.to_string()
    };
    format!("the system gives no watcher, so everything is polled: {way}")
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
            mpsc::{Receiver, sync_channel},
        },
        time::Duration,
    };

    use super::{By, Observer, Polling, System, refused};
    use crate::{
        docroot::{Allow, Root},
        event::{Event, Events},
        watch::{Input, Options, Shared, coalesce::Signal},
    };

    /// A system with a limit of watches.
    #[derive(Clone, Default)]
    struct Limited {
        watched: Arc<Mutex<HashSet<PathBuf>>>,
        limit: Arc<AtomicUsize>,
    }

    impl System for Limited {
        fn watch(&mut self, folder: &Path) -> notify::Result<()> {
            let mut watched = self.watched.lock().unwrap();
            if !watched.contains(folder) && watched.len() >= self.limit.load(Ordering::Relaxed) {
                return Err(notify::Error::new(notify::ErrorKind::MaxFilesWatch));
            }
            watched.insert(folder.to_owned());
            Ok(())
        }

        fn unwatch(&mut self, folder: &Path) {
            self.watched.lock().unwrap().remove(folder);
        }
    }

    /// The next thing that is told of a path.
    fn next(inputs: &Receiver<Input>) -> (PathBuf, Signal) {
        loop {
            let input = inputs.recv_timeout(Duration::from_secs(20)).expect("a signal");
            if let Input::Polled(path, signal) = input {
                return (path, signal);
            }
        }
    }

    fn new_shared() -> Arc<Shared> {
        let root = Arc::new(Root::new(&std::env::temp_dir(), Allow::default(), &[]).unwrap());
        let (extra_watch_paths, ignore) = (Vec::new(), Vec::new());
        Arc::new(Shared::new(
            &Options { root, extra_watch_paths, ignore, poll: false },
            Box::new(|_| {}),
        ))
    }

    #[test]
    fn what_the_system_does_not_watch_is_polled_until_it_does() {
        let top = std::env::temp_dir().join(format!("livers-observer-{}", std::process::id()));
        let folders = ["a", "b", "c"].map(|name| top.join(name));
        for folder in &folders {
            fs::create_dir_all(folder).unwrap();
            fs::write(folder.join("file"), "old").unwrap();
        }
        let (system, shared, events) = (Limited::default(), new_shared(), Events::default());
        system.limit.store(1, Ordering::Relaxed);
        let (mut said, (put, inputs)) = (events.subscribe(), sync_channel(100));
        let put = Arc::new(move |input| put.send(input).unwrap_or(()));
        let limited = Ok(Box::new(system.clone()) as Box<dyn System>);
        let mut observer = Observer::new(limited, put, Arc::clone(&shared), events);

        assert!(folders.iter().all(|folder| observer.watch(folder)));
        assert!(!folders.iter().any(|folder| observer.watch(folder)), "they are not new");
        let by = |observer: &Observer| folders.clone().map(|folder| observer.folders[&folder]);
        assert_eq!(by(&observer), [By::Events, By::Limit, By::Limit]);
        assert_eq!(shared.polling(), Some(Polling::Limit));
        match said.try_recv().expect("a fault") {
            Event::WatchFault { path, why } => {
                assert_eq!(path, folders[1]);
                assert!(why.contains("'sysctl fs.inotify.max_user_watches="), "{why}");
            }
            other => panic!("{other:?}"),
        }
        assert!(said.try_recv().is_err(), "it is said once");

        // What has no watch is polled, what has one is not.
        fs::write(folders[0].join("file"), "new").unwrap();
        fs::write(folders[1].join("file"), "new").unwrap();
        assert_eq!(next(&inputs), (folders[1].join("file"), Signal::Written));
        assert_eq!(next(&inputs), (folders[1].join("file"), Signal::Finished));

        // A watch is free again: one of them has it, and what happened until then is told.
        system.limit.store(2, Ordering::Relaxed);
        observer.retry();
        let with = |by: [By; 3], wanted| by.iter().filter(|by| **by == wanted).count();
        assert_eq!(with(by(&observer), By::Events), 2);
        assert_eq!(shared.polling(), Some(Polling::Limit));
        system.limit.store(9, Ordering::Relaxed);
        fs::write(folders[2].join("new"), "").unwrap();
        observer.retry();
        assert_eq!(with(by(&observer), By::Events), 3);
        assert_eq!(shared.polling(), None);
        observer.unwatch(&folders[2]);
        assert_eq!(system.watched.lock().unwrap().len(), 2);
        drop(observer);
        fs::remove_dir_all(&top).unwrap();
    }

    #[test]
    fn without_a_system_everything_is_polled() {
        let top = std::env::temp_dir().join(format!("livers-polled-{}", std::process::id()));
        fs::create_dir_all(&top).unwrap();
        let shared = new_shared();
        let put = Arc::new(|_| ());
        let mut observer =
            Observer::new(Err(Polling::Asked), put, Arc::clone(&shared), Events::default());
        assert!(observer.each() && observer.watch(&top) && !observer.watch(&top.join("nothing")));
        assert_eq!(shared.polling(), Some(Polling::Asked));
        assert_eq!(observer.folders[&top], By::Looking);
        fs::remove_dir_all(&top).unwrap();
    }

    #[test]
    fn a_watcher_that_is_refused_is_explained() {
        let many = notify::Error::io(std::io::Error::from_raw_os_error(24));
        assert!(refused(&many).contains("max_user_instances"), "{}", refused(&many));
        assert!(refused(&notify::Error::generic("odd")).contains("odd"));
    }
}
