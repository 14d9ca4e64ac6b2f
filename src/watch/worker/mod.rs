//! The watch's thread: takes signals from its inbox, and publishes changes.
//!
//! All state is the worker's, under one lock that only this thread and the system's thread take;
//! the latter to apply an event that needs no watch ([`apply_now`](Worker::apply_now)), which
//! spares the common save a wake-up. One round is: take the inbox, apply what the requests
//! [noted](follow), apply the [signals](intake), [compare] the paths that are due and
//! publish the differences, walk a few folders of the tree.
//!
//! The notes of a round are applied before its signals, so whatever was served before a save is
//! known when the save's events are applied.
//!
//! Every step may block; the longest one is reading a file that changed.

mod barrier;
mod compare;
mod follow;
mod intake;
#[cfg(test)]
mod tests;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak},
    time::{Duration, Instant, SystemTime},
};

use tokio::sync::watch;

use self::barrier::Barrier;
use super::{
    burst_gate::BurstGate,
    coalesce::{Coalescer, Interest},
    extra::{ExtraNames, ExtraPaths},
    ignore::Ignore,
    inbox::{Inbox, Input},
    links::Links,
    mounts::Mounts,
    observer::Observer,
    options::{Options, Publish},
    progress::Progress,
    signal::{Signal, SystemEvent},
    snapshot::Snapshot,
    status::{Polling, Status},
    system,
    tree::{Entry, Tree},
};
use crate::{
    docroot::Root,
    error::Error,
    event::{Event, Events},
};

/// How often it is checked whether a root that went away is back.
const AWAY: Duration = Duration::from_millis(100);

/// What the thread shares with requests.
pub(super) struct Shared {
    pub(super) inbox: Arc<Inbox>,
    pub(super) gate: Arc<BurstGate>,
    pub(super) status: Arc<Status>,
    pub(super) established: watch::Sender<bool>,
}

/// The state of the thread.
pub(super) struct Worker {
    root: Arc<Root>,
    /// The served folders outside the root.
    mounted: Vec<PathBuf>,
    extra: ExtraPaths,
    ignore: Ignore,
    tree: Tree,
    links: Links,
    snapshot: Snapshot,
    coalescer: Coalescer,
    /// Paths that may have changed between being read for a request and being watched.
    unverified: Vec<PathBuf>,
    barriers: Vec<Barrier>,
    /// Requested files that were published, see [`watch_replaced`](Self::watch_replaced).
    replaced: Vec<PathBuf>,
    /// The root, or other folders, that went away; they may come back.
    away: Vec<PathBuf>,
    started: SystemTime,
    /// When all folders were watched for the first time.
    established: Option<SystemTime>,
    progress: Progress,
    shared: Shared,
    publish: Publish,
    events: Events,
}

impl Worker {
    /// Checks the options, and creates the system's watcher. No folder is watched yet.
    ///
    /// # Errors
    /// See [`Watch::start`](super::Watch::start).
    pub(super) fn new(
        options: Options,
        shared: Shared,
        worker: Handle,
        publish: Publish,
        events: Events,
    ) -> Result<Self, Error> {
        let Options { root, extra_watch_paths, ignore, poll: polls } = options;
        let extra = ExtraPaths::new(extra_watch_paths)?;
        let mounted: Vec<_> = root.mounted().map(Path::to_owned).collect();
        let others: Vec<_> = mounted.iter().map(PathBuf::as_path).chain(extra.folders()).collect();
        let ignore = Ignore::new(root.path(), &others, &ignore, events.clone())?;
        let system = if polls {
            shared.status.set_polling(Polling::Configured);
            None
        } else {
            system_watcher(&root, &extra, &shared, worker, &events)
        };
        let inbox = Arc::clone(&shared.inbox);
        let observer = Observer::new(system, inbox, Arc::clone(&shared.status), events.clone());
        let served = [root.path()].into_iter().chain(mounted.iter().map(PathBuf::as_path));
        Ok(Self {
            links: Links::new(served, root.leads_out()),
            root,
            mounted,
            extra,
            ignore,
            tree: Tree::new(observer, events.clone()),
            snapshot: Snapshot::default(),
            coalescer: Coalescer::default(),
            unverified: Vec::new(),
            barriers: Vec::new(),
            replaced: Vec::new(),
            away: Vec::new(),
            started: SystemTime::now(),
            established: None,
            progress: Progress::new(Instant::now()),
            shared,
            publish,
            events,
        })
    }

    /// Returns what names the paths that are watched but not served.
    pub(super) fn extra_names(&self) -> ExtraNames {
        self.extra.naming()
    }

    /// Takes the inbox and does what is due. Returns whether the thread should go on.
    fn round(&mut self) -> bool {
        let content = self.shared.inbox.take();
        if content.stopped {
            return false;
        }
        self.shared.gate.close();
        let mut overflowed = content.overflowed;
        let mut events = Vec::new();
        self.take_inputs(content.inputs, &mut events);
        for event in events {
            for (path, signal) in event.signals() {
                self.reported(path, signal);
            }
            match event {
                SystemEvent::Signal(..) | SystemEvent::Renamed(..) => {}
                SystemEvent::Overflow => overflowed = true,
                SystemEvent::Failed(why) => self.report(PathBuf::new(), why),
            }
        }
        self.check_away();
        if overflowed {
            self.compare_everything();
        }
        self.publish_due();
        self.watch_replaced();
        self.walk();
        self.release_barriers();
        self.finish();
        true
    }

    /// Ends a round, or an event applied on the system's thread: sets when the next round is due,
    /// and whether pages wait.
    fn finish(&self) {
        let now = Instant::now();
        self.shared.gate.hold_until(self.coalescer.hold_until());
        self.shared.gate.hold_missing_until(self.coalescer.misses_files_until());
        self.shared.gate.open_unless(self.coalescer.expects_more(now));
        let at_once = (self.tree.is_walking() || !self.replaced.is_empty()).then_some(now);
        let away = (!self.away.is_empty()).then(|| now + AWAY);
        let due = [at_once, away, self.coalescer.next()].into_iter().flatten().min();
        self.shared.inbox.set_due(due);
    }

    /// Applies notes at once, and collects the system's events, which are applied after them.
    fn take_inputs(&mut self, inputs: Vec<Input>, events: &mut Vec<SystemEvent>) {
        for input in inputs {
            match input {
                Input::Note(path, state) => self.note(path, state, Instant::now()),
                Input::Listing(folder, modified) => {
                    self.note_listing(folder, modified, Instant::now());
                }
                Input::Event(event) => events.push(event),
                Input::Polled(path, signal) => {
                    // The poller finds only what was written, never that a file was just opened.
                    if signal == Signal::Finished {
                        self.signal(path.clone(), Signal::Written, Instant::now());
                    }
                    self.signal(path, signal, Instant::now());
                }
                Input::CatchUp(paths, done) => self.catch_up(paths, done),
                Input::RetryWatches => self.tree.retry(),
            }
        }
    }

    /// Begins to watch everything.
    fn watch_all(&mut self) {
        self.tree.walk(self.root.path(), false);
        self.tree.add_above(self.root.path());
        for folder in self.mounted.iter().map(PathBuf::as_path).chain(self.extra.folders()) {
            self.tree.walk(folder, false);
        }
        let files = self.extra.files().map(|(file, folder)| (file.to_owned(), folder.to_owned()));
        for (file, folder) in files.collect::<Vec<_>>() {
            self.tree.add_one(&folder);
            self.extra.set_exists(&file, file.is_file());
        }
    }

    /// Walks a few folders of the tree, if some are left.
    fn walk(&mut self) {
        if self.tree.is_walking() {
            let mut new = Vec::new();
            let Self { tree, ignore, extra, .. } = self;
            tree.walk_step(ignore, |entry| match entry {
                Entry { path, is_new: true, .. } => new.push(path),
                Entry { path, is_folder, .. } if !is_folder => extra.set_exists(&path, true),
                _ => {}
            });
            self.appeared(new, Instant::now());
        }
        let folders = self.tree.len();
        self.shared.status.set_folders(folders);
        if self.established.is_some() {
            return;
        }
        let all = !self.tree.is_walking();
        if self.progress.is_due(Instant::now(), all) {
            self.events.emit(Event::Watching { folders, all });
        }
        if all {
            self.established = Some(SystemTime::now());
            self.shared.established.send_replace(true);
        }
    }

    /// Returns the folders whose trees are watched.
    fn roots(&self) -> impl Iterator<Item = &Path> {
        let others = self.mounted.iter().map(PathBuf::as_path).chain(self.extra.folders());
        [self.root.path()].into_iter().chain(others)
    }

    /// Returns the interest in a path.
    fn interest(&self, path: &Path) -> Interest {
        if self.snapshot.contains(path) {
            Interest::Requested
        } else if self.extra.is_known_file(path) {
            Interest::Extra
        } else {
            Interest::None
        }
    }

    fn report(&self, path: PathBuf, why: String) {
        self.events.emit(Event::WatchFault { path, why });
    }
}

/// Runs the watch's thread until the inbox is stopped.
pub(super) fn run(worker: &Mutex<Worker>, inbox: &Inbox) {
    {
        let mut worker = lock(worker);
        worker.watch_all();
        worker.finish();
    }
    loop {
        inbox.wait();
        if !lock(worker).round() {
            return;
        }
    }
}

fn lock(worker: &Mutex<Worker>) -> MutexGuard<'_, Worker> {
    worker.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The system's thread's way to the worker, which is created after the system's watcher.
pub(super) type Handle = Arc<OnceLock<Weak<Mutex<Worker>>>>;

/// Applies an event on the system's thread, or puts it into the inbox. The inbox is taken under the
/// worker's lock, so no event overtakes another one: a write that follows its own close would wait.
fn system_event(worker: &Handle, inbox: &Inbox, event: SystemEvent) {
    let worker = worker.get().and_then(Weak::upgrade);
    if let Some(Ok(mut worker)) = worker.as_ref().map(|worker| worker.try_lock())
        && inbox.is_empty()
        && worker.apply_now(&event)
    {
        return worker.finish();
    }
    inbox.send(Input::Event(event));
}

/// Creates the system's watcher. A failure is reported, and everything is polled.
fn system_watcher(
    root: &Root,
    extra: &ExtraPaths,
    shared: &Shared,
    worker: Handle,
    events: &Events,
) -> Option<system::Watcher> {
    let inbox = Arc::clone(&shared.inbox);
    // The folder above a root is watched, too. What is written beside the root wakes no one.
    let watched = [root.path()].into_iter().chain(root.mounted()).chain(extra.paths());
    let watched: Vec<_> = watched.map(Path::to_owned).collect();
    let leads_out = root.leads_out();
    let watcher = system::Watcher::new(move |event| {
        let concerns = |path: &Path| watched.iter().any(|watched| path.starts_with(watched));
        match event {
            SystemEvent::Signal(path, _) | SystemEvent::Renamed(_, path)
                if !leads_out && !concerns(&path) => {}
            event => system_event(&worker, &inbox, event),
        }
    });
    match watcher {
        Ok(watcher) => {
            // Known at once, so that the banner can say it.
            if let Some(kind) = Mounts::default().without_events(root.path()) {
                shared.status.set_polling(Polling::Mount(kind));
            }
            Some(watcher)
        }
        Err(error) => {
            let (path, why) = (root.path().to_owned(), system::explain(&error));
            events.emit(Event::WatchFault { path, why });
            shared.status.set_polling(Polling::Refused);
            None
        }
    }
}
