//! Finds out that files changed, and says so once.
//!
//! notify's thread puts what the system says into a bounded queue ([`source`]); one thread of ours
//! takes it from there to the end, because every step is either pure or blocking: [`coalesce`] says
//! when to look, [`snapshot`] whether anything is different, and what is left is published as one
//! [`ChangeSet`]. [`tree`] and [`ignore`] decide which folders cost a watch, [`links`] what changes under another
//! name. [`worker`] is that thread. When the queue is full, events are dropped and everything that was
//! asked for is looked at instead: nothing is lost. A lone save of a file that is open in a tab does not
//! go that way: it is taken to the end at once, on notify's thread ([`short_way`]).
//!
//! What changed while no server ran is asked of the disk: [`changed_since`].
//!
//! The server tells the [`Watch`] what it served ([`Watch::note`]), which is what changes are
//! compared with, and which ignored folders are worth a watch after all. And it asks whether this is a
//! good moment to serve a page ([`Watch::until_settled`]).
//!
//! Where the system gives no events, or no watch, [`poll`] looks at the folders again and again;
//! [`observer`] decides for each of them, by what the system says and by the [`mounts`].

mod coalesce;
mod ignore;
mod links;
mod mounts;
mod observer;
mod poll;
mod short_way;
mod since;
mod snapshot;
mod source;
mod tree;
mod worker;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc::{SyncSender, sync_channel},
    },
    thread::JoinHandle,
    time::Instant,
};

use tokio::sync::Notify;

use self::{
    coalesce::{Coalesce, Signal},
    observer::{Observer, System},
    short_way::{Closed, Taken},
    snapshot::{Noted, Snapshot},
    source::Says,
    tree::Tree,
    worker::Worker,
};
pub(crate) use self::{observer::Polling, since::changed_since, snapshot::PathState};
use crate::{
    change::ChangeSet,
    docroot::Root,
    error::Error,
    event::{Event, Events},
};

/// How many inputs may wait; a checkout of a thousand files is about this many.
const QUEUE: usize = 8192;

/// What is to be watched.
pub(crate) struct Options {
    /// The folder that is served.
    pub(crate) root: Arc<Root>,
    /// More folders and files, that are not served.
    pub(crate) extra_watch_paths: Vec<PathBuf>,
    /// What never counts.
    pub(crate) ignore: Vec<String>,
    /// Look at the folders again and again, rather than to have the system tell.
    pub(crate) poll: bool,
}

/// What is done with changes: called on the watch's own thread, or notify's.
pub(crate) type Publish = Box<dyn Fn(ChangeSet) + Send + Sync>;

/// A running watch.
pub(crate) struct Watch {
    shared: Arc<Shared>,
    queue: SyncSender<Input>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// Puts something into the watch's queue; it does not wait.
type Put = Arc<dyn Fn(Input) + Send + Sync>;

struct Shared {
    root: Arc<Root>,
    /// The folders and files that are watched; events of others are of those beside them.
    roots: Vec<PathBuf>,
    snapshot: Mutex<Snapshot>,
    coalesce: Mutex<Coalesce>,
    /// Held from looking at paths to publishing what is different, so that no two looks at a path are
    /// told in the wrong order.
    looking: Mutex<()>,
    /// The last file that was told of before its close was heard of.
    closed: Mutex<Option<Closed>>,
    publish: Publish,
    /// How many inputs wait, or are being taken in.
    waiting: AtomicUsize,
    /// Woken whenever a burst may be over.
    calmed: Notify,
    /// Inputs were dropped.
    lost: AtomicBool,
    /// How many folders are watched.
    folders: AtomicUsize,
    /// Why folders are polled, if any are.
    polling: Mutex<Option<Polling>>,
}

enum Input {
    /// notify says this.
    Event(notify::Event),
    /// notify failed.
    Fault(notify::Error),
    /// A look at a folder that gives no events showed this.
    Polled(PathBuf, Signal),
    /// Watches that were refused may be had now.
    Retry,
    /// Somebody asked for this path, for the first time.
    Asked(PathBuf),
    /// Somebody was served something else than the tabs know of.
    Suspect(PathBuf),
    /// Something is due sooner than was said.
    Sooner,
    /// The end.
    Stop,
}

impl Watch {
    /// Begins to watch; when this returns, every folder is. Blocking.
    pub(crate) fn start(options: Options, events: Events, publish: Publish) -> Result<Self, Error> {
        let (queue, inputs) = sync_channel(QUEUE);
        let shared = Arc::new(Shared::new(&options, publish));
        let (to, flag) = (queue.clone(), Arc::clone(&shared));
        let put: Put = Arc::new(move |input| flag.send(&to, input));
        let system = if options.poll {
            Err(Polling::Asked)
        } else {
            system(Arc::clone(&shared), Arc::clone(&put)).map_err(|error| {
                let why = observer::refused(&error);
                events.emit(Event::WatchFault { path: options.root.path().to_owned(), why });
                Polling::Refused
            })
        };
        let observer = Observer::new(system, put, Arc::clone(&shared), events.clone());
        let tree = Tree::new(observer, events.clone());

        let worker = Worker::start(options, tree, Arc::clone(&shared), events)?;
        let thread = std::thread::Builder::new()
            .name("livers-watch".to_owned())
            .spawn(move || worker.run(&inputs))
            .map_err(|why| Error::System(why.to_string()))?;
        Ok(Self { shared, queue, thread: Mutex::new(Some(thread)) })
    }

    /// Somebody was served this.
    pub(crate) fn note(&self, path: &Path, state: PathState) {
        let input = match self.shared.snapshot().note(path, state) {
            Noted::Same => return,
            Noted::New => Input::Asked(path.to_owned()),
            Noted::Changed => Input::Suspect(path.to_owned()),
        };
        self.shared.send(&self.queue, input);
    }

    /// Somebody was served this by another run: its changes are told from what is there now. Blocking.
    pub(crate) fn note_current(&self, path: &Path) {
        let state = snapshot::look(path, true).unwrap_or_else(|| snapshot::look_anyway(path));
        self.note(path, state);
    }

    /// Waits, for a bounded time, while a burst of changes is going on: a page that is served then
    /// would have to be loaded again. At all other times it gives way at once.
    pub(crate) async fn until_settled(&self) {
        loop {
            let calmed = self.shared.calmed.notified();
            tokio::pin!(calmed);
            // Before the look, or a calming between the two would be missed.
            calmed.as_mut().enable();
            let Some(until) = self.shared.unsettled(Instant::now()) else { return };
            if tokio::time::timeout_at(until.into(), calmed).await.is_err() {
                return;
            }
        }
    }

    /// How many folders are watched.
    pub(crate) fn folders(&self) -> usize {
        self.shared.folders.load(Ordering::Relaxed)
    }

    /// Why folders are polled, if any are.
    pub(crate) fn polling(&self) -> Option<Polling> {
        self.shared.polling()
    }

    /// Ends the watch, and waits for its thread. Blocking.
    pub(crate) fn stop(&self) {
        // A full queue is emptied by the thread; it only ends on this.
        let _ = self.queue.send(Input::Stop);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // A panic over there was said by the panic hook.
        thread.map(JoinHandle::join);
    }
}

impl Shared {
    fn new(options: &Options, publish: Publish) -> Self {
        let more =
            options.extra_watch_paths.iter().filter_map(|path| dunce::canonicalize(path).ok());
        let served = [options.root.path()].into_iter().chain(options.root.mounted());
        Self {
            root: Arc::clone(&options.root),
            roots: served.map(Path::to_owned).chain(more).collect(),
            snapshot: Mutex::default(),
            coalesce: Mutex::default(),
            looking: Mutex::default(),
            closed: Mutex::default(),
            publish,
            waiting: AtomicUsize::new(0),
            calmed: Notify::new(),
            lost: AtomicBool::new(false),
            folders: AtomicUsize::new(0),
            polling: Mutex::default(),
        }
    }

    fn snapshot(&self) -> MutexGuard<'_, Snapshot> {
        self.snapshot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn coalesce(&self) -> MutexGuard<'_, Coalesce> {
        self.coalesce.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether one of these paths lies in what is watched. Where links may lead out of it, the
    /// worker knows.
    fn concerns(&self, paths: &[PathBuf]) -> bool {
        self.root.leads_out()
            || paths.iter().any(|path| self.roots.iter().any(|root| path.starts_with(root)))
    }

    /// Queues an input; where there is no room, it is known that something was lost.
    fn send(&self, queue: &SyncSender<Input>, input: Input) {
        self.waiting.fetch_add(1, Ordering::AcqRel);
        if queue.try_send(input).is_err() {
            self.waiting.fetch_sub(1, Ordering::AcqRel);
            self.lost.store(true, Ordering::Release);
        }
    }

    /// Until when a page that is asked for now should wait.
    fn unsettled(&self, now: Instant) -> Option<Instant> {
        self.coalesce().unsettled(now, self.waiting.load(Ordering::Acquire) > 0)
    }

    fn polling(&self) -> Option<Polling> {
        self.polling.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Folders are polled, for this reason, or none are. The first reason stays.
    fn polls(&self, why: Option<Polling>) {
        let mut polling = self.polling.lock().unwrap_or_else(PoisonError::into_inner);
        *polling = why.map(|why| polling.take().unwrap_or(why));
    }
}

/// The system's watcher.
fn system(shared: Arc<Shared>, put: Put) -> notify::Result<Box<dyn System>> {
    let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        put(match event {
            Ok(event) => match source::says(&event) {
                Says::Nothing => return,
                Says::Signal(_) if !shared.concerns(&event.paths) => return,
                Says::Signal(signal) => match shared.short_way(&event.paths, signal) {
                    Taken::Whole => return,
                    Taken::Sooner => Input::Sooner,
                    Taken::Not => Input::Event(event),
                },
                Says::Lost => Input::Event(event),
            },
            Err(error) => Input::Fault(error),
        });
    })?;
    Ok(Box::new(watcher))
}
