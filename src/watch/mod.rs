//! Finds out that files changed, and says so once.
//!
//! notify's thread puts what the system says into a bounded queue ([`source`]); one thread of ours
//! takes it from there to the end, because every step is either pure or blocking: [`coalesce`] says
//! when to look, [`snapshot`] whether anything is different, and what is left is published as one
//! [`ChangeSet`]. [`tree`] and [`ignore`] decide which folders cost a watch, [`links`] what changes under another
//! name. [`worker`] is that thread. When the queue is full, events are dropped and everything that was asked for is looked at instead: nothing is lost.
//!
//! What changed while no server ran is asked of the disk: [`changed_since`].
//!
//! The server tells the [`Watch`] what it served ([`Watch::note`]), which is what changes are
//! compared with, and which ignored folders are worth a watch after all.
//!
//! Left out on purpose, for now: polling where the system gives no events.

mod coalesce;
mod ignore;
mod links;
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
};

pub(crate) use self::{since::changed_since, snapshot::State};
use self::{
    snapshot::{Noted, Snapshot},
    source::Says,
    worker::Worker,
};
use crate::{change::ChangeSet, error::Error, event::Events, root::Root};

/// How many inputs may wait; a checkout of a thousand files is about this many.
const QUEUE: usize = 8192;

/// What is to be watched.
pub(crate) struct Options {
    /// The folder that is served.
    pub(crate) root: Arc<Root>,
    /// More folders and files, that are not served.
    pub(crate) more: Vec<PathBuf>,
    /// What never counts.
    pub(crate) ignore: Vec<String>,
}

/// What is done with changes: called on the watch's own thread.
pub(crate) type Publish = Box<dyn Fn(ChangeSet) + Send>;

/// A running watch.
pub(crate) struct Watch {
    shared: Arc<Shared>,
    queue: SyncSender<Input>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    snapshot: Mutex<Snapshot>,
    /// Inputs were dropped.
    lost: AtomicBool,
    /// How many folders are watched.
    folders: AtomicUsize,
}

enum Input {
    /// notify says this.
    Event(notify::Event),
    /// notify failed.
    Fault(notify::Error),
    /// Somebody asked for this path, for the first time.
    Asked(PathBuf),
    /// Somebody was served something else than the tabs know of.
    Suspect(PathBuf),
    /// The end.
    Stop,
}

impl Watch {
    /// Begins to watch; when this returns, every folder is. Blocking.
    pub(crate) fn start(options: Options, events: Events, publish: Publish) -> Result<Self, Error> {
        let (queue, inputs) = sync_channel(QUEUE);
        let shared = Arc::new(Shared {
            snapshot: Mutex::default(),
            lost: AtomicBool::new(false),
            folders: AtomicUsize::new(0),
        });
        let (to, flag) = (queue.clone(), Arc::clone(&shared));
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let input = match event {
                Ok(event) if source::says(&event) == Says::Nothing => return,
                Ok(event) => Input::Event(event),
                Err(error) => Input::Fault(error),
            };
            if to.try_send(input).is_err() {
                flag.lost.store(true, Ordering::Release);
            }
        })
        .map_err(|error| Error::Watch(error.to_string()))?;

        let worker = Worker::start(options, watcher, Arc::clone(&shared), events, publish)?;
        let thread = std::thread::Builder::new()
            .name("livers-watch".to_owned())
            .spawn(move || worker.run(&inputs))
            .map_err(|why| Error::Watch(why.to_string()))?;
        Ok(Self { shared, queue, thread: Mutex::new(Some(thread)) })
    }

    /// Somebody was served this.
    pub(crate) fn note(&self, path: &Path, state: State) {
        let input = match self.shared.snapshot().note(path, state) {
            Noted::Same => return,
            Noted::New => Input::Asked(path.to_owned()),
            Noted::Changed => Input::Suspect(path.to_owned()),
        };
        if self.queue.try_send(input).is_err() {
            self.shared.lost.store(true, Ordering::Release);
        }
    }

    /// How many folders are watched.
    pub(crate) fn folders(&self) -> usize {
        self.shared.folders.load(Ordering::Relaxed)
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
    fn snapshot(&self) -> MutexGuard<'_, Snapshot> {
        self.snapshot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
