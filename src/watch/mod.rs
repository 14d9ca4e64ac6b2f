//! Watches files, and publishes what changed.
//!
//! One thread owns all state of a watch ([`worker`]): it reads the system's events ([`system`]) and
//! an [`inbox`], decides when a path is examined ([`coalesce`]) and whether its content differs
//! from what was served ([`snapshot`]), and publishes the differences as one set. Every save takes
//! this one way. No lock is held while changes are published.
//!
//! Requests send what they served to the inbox ([`Watch::note`]): it is the baseline for later
//! comparisons, and an ignored folder is watched once a file in it was requested. Requests read two
//! things: whether a burst of changes is going on ([`burst_gate`]), and the [`status`].
//!
//! [`Watch::start`] does not wait for the watches: the thread walks the tree in short steps
//! ([`tree`], [`ignore`]). The folder of a requested file is watched first, and the file is
//! compared then, so no change of a served file is lost meanwhile. Folders without events are
//! polled ([`observer`], [`poll`], [`mounts`]). [`links`] maps changes to the symbolic links that
//! lead to them.
//!
//! When the inbox or the kernel's queue overflows, everything that was served is compared.
//! [`changed_since`] finds what changed while no server ran, by the times on the disk.

mod burst_gate;
mod coalesce;
mod extra;
mod ignore;
mod inbox;
mod links;
mod mounts;
mod observer;
mod options;
mod poll;
mod progress;
mod signal;
mod since;
mod snapshot;
mod state;
mod status;
mod system;
mod tree;
mod worker;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
    time::SystemTime,
};

use tokio::sync::{oneshot, watch};

use self::{
    burst_gate::BurstGate,
    extra::ExtraNames,
    inbox::{Inbox, Input},
    status::Status,
    worker::Worker,
};
pub(crate) use self::{
    options::{Options, Publish},
    since::changed_since,
    state::PathState,
    status::Polling,
};
use crate::{error::Error, event::Events};

/// A running watch.
pub(crate) struct Watch {
    inbox: Arc<Inbox>,
    gate: Arc<BurstGate>,
    status: Arc<Status>,
    /// True once all folders are watched.
    established: watch::Receiver<bool>,
    extra: ExtraNames,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Watch {
    /// Starts to watch. Returns at once; see [`established`](Self::established).
    ///
    /// # Errors
    /// An extra path that does not exist or cannot be read, an invalid pattern, or a thread that
    /// cannot be started. A system without a watcher is no error: everything is polled then.
    ///
    /// # Blocking
    /// Reads the `.gitignore` files above the root.
    pub(crate) fn start(options: Options, events: Events, publish: Publish) -> Result<Self, Error> {
        let no_thread = |error: std::io::Error| Error::System(error.to_string());
        let inbox = Arc::new(Inbox::default());
        let (gate, status) = (Arc::new(BurstGate::new()), Arc::default());
        let (all, established) = watch::channel(false);
        let shared = worker::Shared {
            inbox: Arc::clone(&inbox),
            gate: Arc::clone(&gate),
            status: Arc::clone(&status),
            established: all,
        };
        let handle = worker::Handle::default();
        let worker = Worker::new(options, shared, Arc::clone(&handle), publish, events)?;
        let extra = worker.extra_names();
        let worker = Arc::new(Mutex::new(worker));
        let _ = handle.set(Arc::downgrade(&worker));
        let inputs = Arc::clone(&inbox);
        let thread = std::thread::Builder::new()
            .name("livers-watch".to_owned())
            .spawn(move || worker::run(&worker, &inputs))
            .map_err(no_thread)?;
        let thread = Mutex::new(Some(thread));
        Ok(Self { inbox, gate, status, established, extra, thread })
    }

    /// Records that a request was served this state of a path: the baseline of later comparisons. A
    /// state that differs from the baseline leads to an examination of the path.
    pub(crate) fn note(&self, path: &Path, state: PathState) {
        self.inbox.send(Input::Note(path.to_owned(), state));
    }

    /// Records that a request was served the listing of a folder, which was last modified at this
    /// time when it was read.
    pub(crate) fn note_listing(&self, folder: &Path, modified: Option<SystemTime>) {
        self.inbox.send(Input::Listing(folder.to_owned(), modified));
    }

    /// Records the state that a path has now: that of a page which another run of the server
    /// served.
    ///
    /// # Blocking
    /// Reads the file.
    pub(crate) fn note_current(&self, path: &Path) {
        let state = PathState::of(path, true);
        self.note(path, state.unwrap_or_else(|| PathState::of_file_being_written(path)));
    }

    /// Waits until all folders are watched: changes of files that were not requested are published
    /// only from then on.
    pub(crate) async fn established(&self) {
        // Fails if the thread ended: nothing is left to wait for.
        let _ = self.established.clone().wait_for(|all| *all).await;
    }

    /// Returns what a file is called in changes that is watched but not served.
    pub(crate) fn extra_name(&self, path: &Path) -> Option<String> {
        self.extra.of(path)
    }

    /// Waits until the changes of requested paths that were made before this call are published, or
    /// those of all if no path is given. A file that is being written is waited for.
    pub(crate) async fn catch_up(&self, paths: Vec<PathBuf>) {
        let (done, published) = oneshot::channel();
        self.inbox.send(Input::CatchUp(paths, done));
        // Fails if the thread ended: nothing is published any more.
        let _ = published.await;
    }

    /// Returns whether all folders are watched and none is polled. On some of the mounts that are
    /// polled, file metadata can be older than the content.
    pub(crate) fn needs_no_polling(&self) -> bool {
        *self.established.borrow() && self.polling().is_none()
    }

    /// Returns whether no burst of changes goes on. Takes no lock.
    pub(crate) fn is_settled(&self) -> bool {
        self.gate.is_open()
    }

    /// Waits while a burst of changes goes on, for at most 5 s: a page that is served in the middle
    /// of it would have to be loaded again.
    pub(crate) async fn until_settled(&self) {
        self.gate.pass().await;
    }

    /// Waits while files in use are missing because a generator has cleared its folder, for at most
    /// 3 s. Returns whether it waited. A request that found nothing may find its file then.
    pub(crate) async fn until_files_are_back(&self) -> bool {
        let has_waited = self.gate.pass_missing().await;
        if has_waited {
            self.gate.pass().await;
        }
        has_waited
    }

    /// Returns how many folders are watched so far.
    pub(crate) fn folders(&self) -> usize {
        self.status.folders()
    }

    /// Returns why folders are polled, or `None` if none are.
    pub(crate) fn polling(&self) -> Option<Polling> {
        self.status.polling()
    }

    /// Ends the watch.
    ///
    /// # Blocking
    /// Waits for the thread, which may be reading a file.
    pub(crate) fn stop(&self) {
        self.inbox.stop();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // The panic hook has reported a panic of the thread.
        thread.map(JoinHandle::join);
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path, sync::Arc, sync::mpsc::channel, time::Duration};

    use super::{Options, PathState, Watch};
    use crate::{
        change::{ChangeSet, Kind},
        docroot::{Allow, ContentHash, Root},
        event::Events,
    };

    fn options(root: &Path, poll: bool) -> Options {
        Options {
            root: Arc::new(Root::new(root, Allow::default(), &[]).unwrap()),
            extra_watch_paths: Vec::new(),
            ignore: Vec::new(),
            poll,
        }
    }

    #[test]
    fn file_that_changed_before_its_folder_was_watched_is_published() {
        let dir = tempfile::tempdir().unwrap();
        for folder in 0..50 {
            fs::create_dir(dir.path().join(folder.to_string())).unwrap();
        }
        let path = |name: &str| dir.path().join(name);
        fs::write(path("a"), "new").unwrap();
        fs::write(path("49/b"), "new").unwrap();
        let (publish, changes) = channel::<ChangeSet>();
        let publish = Box::new(move |changes| publish.send(changes).unwrap());
        let watch = Watch::start(options(dir.path(), false), Events::default(), publish).unwrap();
        // As if these had been served before the files were written.
        for name in ["a", "49/b"] {
            watch.note(&path(name), PathState::File(ContentHash::of(b"old")));
        }
        let mut published = ChangeSet::default();
        while published.len() < 2 {
            published.merge(changes.recv_timeout(Duration::from_secs(10)).expect("a change"));
        }
        let wanted = [("/49/b", Kind::Modified), ("/a", Kind::Modified)];
        assert_eq!(published.iter().collect::<Vec<_>>(), wanted);
        watch.stop();
    }

    /// The poller may find a change first, but hardly as soon as it is made.
    #[tokio::test]
    async fn catching_up_publishes_what_the_system_has_not_reported() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let (publish, changes) = channel::<ChangeSet>();
        let publish = Box::new(move |changes| publish.send(changes).unwrap());
        for name in ["a", "b"] {
            fs::write(path(name), "old").unwrap();
        }
        let watch = Watch::start(options(dir.path(), true), Events::default(), publish).unwrap();
        watch.established().await;
        for name in ["a", "b"] {
            watch.note(&path(name), PathState::File(ContentHash::of(b"old")));
        }
        let mut published = ChangeSet::default();
        let mut paths = || {
            published.extend(changes.try_iter().flatten());
            published.iter().map(|(path, _)| path.to_owned()).collect::<Vec<_>>()
        };
        watch.catch_up(vec![path("a"), path("never")]).await;
        assert!(paths().is_empty());
        fs::write(path("a"), "new").unwrap();
        watch.catch_up(vec![path("a")]).await;
        assert_eq!(paths(), ["/a"]);
        fs::write(path("b"), "new").unwrap();
        watch.catch_up(Vec::new()).await;
        assert_eq!(paths(), ["/a", "/b"]);
        watch.stop();
    }

    #[test]
    fn file_that_was_changed_and_changed_back_is_published_if_it_was_served_in_between() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        fs::write(&path, "old").unwrap();
        let (publish, changes) = channel::<ChangeSet>();
        let publish = Box::new(move |changes| publish.send(changes).unwrap());
        let watch = Watch::start(options(dir.path(), false), Events::default(), publish).unwrap();
        for served in [b"old", b"new"] {
            watch.note(&path, PathState::File(ContentHash::of(served)));
        }
        let published = changes.recv_timeout(Duration::from_secs(10)).expect("a change");
        assert_eq!(published.iter().collect::<Vec<_>>(), [("/a", Kind::Modified)]);
        watch.stop();
    }
}
