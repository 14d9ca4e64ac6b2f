//! Polls folders where the system reports no events.
//!
//! The poller stands in for the system's watches, folder by folder, and sends the same signals to
//! the inbox. A thread of its own reads metadata ([`facts`]), compares it with the last one
//! ([`table`], [`settle`]), and pauses so long that polling costs next to nothing ([`pace`]).
//! Requested paths are examined most often, and a path that changed is examined again soon, to find
//! out when its writer has finished.
//!
//! The polling watcher of `notify` compares whole seconds by order, and so misses a second save in
//! one second, and older files. It also cannot give requested paths priority.
//!
//! The thread starts with the first folder, and ends when the [`Poller`] is dropped.

mod facts;
mod pace;
mod settle;
mod table;

use std::{
    fs, io,
    path::Path,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use self::{
    facts::{Facts, none_if_missing},
    pace::{Meter, pause},
    table::{Listing, Signals, Table, Task},
};
use super::inbox::{Inbox, Input};

/// The shortest pause between two examinations of a folder.
const ALL: Duration = Duration::from_millis(100);

/// The same for requested paths.
const REQUESTED: Duration = Duration::from_millis(50);

/// The same for paths that changed recently.
const RECENT: Duration = Duration::from_millis(20);

/// How often the system is asked again for the watches that it refused.
const RETRY: Duration = Duration::from_secs(10);

/// The polled folders, and the thread that polls them.
pub(super) struct Poller {
    shared: Arc<Shared>,
    inbox: Arc<Inbox>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    table: Mutex<Table>,
    /// Notified of the first folder, and of the end.
    wake: Condvar,
    is_stopped: AtomicBool,
    retries: AtomicBool,
}

impl Poller {
    /// Creates a poller without folders that sends what it finds to an inbox.
    pub(super) fn new(inbox: Arc<Inbox>) -> Self {
        Self { shared: Arc::default(), inbox, thread: None }
    }

    /// Polls a folder: later changes are found by comparison with its entries now. Returns whether
    /// the folder is new.
    ///
    /// # Blocking
    /// Lists the folder.
    ///
    /// # Errors
    /// Any error of listing the folder, or of starting the thread.
    pub(super) fn add(&mut self, folder: &Path) -> io::Result<bool> {
        if self.shared.table().contains(folder) {
            return Ok(false);
        }
        let listing = list(folder)?.ok_or(io::ErrorKind::NotFound)?;
        self.shared.table().add(folder, listing);
        if self.thread.is_none() {
            let (shared, inbox) = (Arc::clone(&self.shared), Arc::clone(&self.inbox));
            let thread = std::thread::Builder::new().name("livers-poll".to_owned());
            self.thread = Some(thread.spawn(move || Rounds::new(&shared, &inbox).run())?);
        }
        self.shared.wake.notify_all();
        Ok(true)
    }

    /// Stops polling a folder.
    pub(super) fn remove(&self, folder: &Path) {
        self.shared.table().remove(folder);
    }

    /// Examines a folder for the last time, because the system watches it now, and stops polling
    /// it.
    ///
    /// # Blocking
    /// Lists the folder.
    pub(super) fn hand_over(&self, folder: &Path) {
        let task = self.shared.table().task(folder);
        if let Some(task) = task {
            self.shared.examine_all(&task, &self.inbox);
            self.remove(folder);
        }
    }

    /// Examines a requested path more often.
    pub(super) fn prioritize(&self, path: &Path) {
        self.shared.table().prioritize(path);
    }

    /// Takes note that the system reported a change of a path, so that polling does not find it
    /// again.
    ///
    /// # Blocking
    /// Reads metadata.
    pub(super) fn reported(&self, path: &Path) {
        if self.thread.is_some()
            && let Ok(facts) = Facts::at(path)
        {
            self.shared.table().reported(path, facts);
        }
    }

    /// Sets whether [`Input::RetryWatches`] is sent every 10 s.
    pub(super) fn retry_watches(&self, retry: bool) {
        self.shared.retries.store(retry, Ordering::Relaxed);
    }
}

impl Drop for Poller {
    fn drop(&mut self) {
        {
            // The lock keeps this from falling between the thread's check and its wait.
            let _table = self.shared.table();
            self.shared.is_stopped.store(true, Ordering::Release);
        }
        self.shared.wake.notify_all();
        // The panic hook has reported a panic of the thread.
        self.thread.take().map(JoinHandle::join);
    }
}

impl Shared {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Acquire)
    }

    /// Examines all entries of a folder.
    fn examine_all(&self, task: &Task, inbox: &Inbox) {
        // A folder that cannot be read now tells nothing.
        if let Ok(listing) = list(&task.folder) {
            let signals = self.table().apply(task, listing, Instant::now());
            send(signals, inbox);
        }
    }

    /// Examines some names in a folder.
    fn examine_names(&self, task: &Task, inbox: &Inbox) {
        let facts = |name| Some((name, Facts::at(&task.folder.join(name)).ok()?));
        let seen = task.names.iter().filter_map(facts);
        let seen = seen.map(|(name, facts)| (name.clone(), facts)).collect();
        let signals = self.table().apply_names(task, seen, Instant::now());
        send(signals, inbox);
    }
}

fn send(signals: Signals, inbox: &Inbox) {
    for (path, signal) in signals {
        inbox.send(Input::Polled(path, signal));
    }
}

/// Lists a folder, or returns `None` if it does not exist.
fn list(folder: &Path) -> io::Result<Option<Listing>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => return none_if_missing(error),
    };
    let mut listing = Listing::new();
    for entry in entries {
        // An incomplete listing would report files as removed.
        let entry = entry?;
        match entry.metadata() {
            Ok(metadata) => listing.push((entry.file_name(), Facts::of(&metadata))),
            Err(error) => _ = none_if_missing::<()>(error)?,
        }
    }
    Ok(Some(listing))
}

/// The schedule of the thread.
struct Rounds<'a> {
    shared: &'a Shared,
    inbox: &'a Inbox,
    meter: Meter,
    all: Instant,
    requested: Instant,
    recent: Instant,
    retry: Instant,
}

impl<'a> Rounds<'a> {
    fn new(shared: &'a Shared, inbox: &'a Inbox) -> Self {
        let now = Instant::now();
        let (meter, all, requested) = (Meter::new(), now + ALL, now + REQUESTED);
        Self { shared, inbox, meter, all, requested, recent: now, retry: now + RETRY }
    }

    fn run(mut self) {
        while self.wait() {
            self.examine_due_names();
            if Instant::now() >= self.all {
                self.examine_all();
            }
            if Instant::now() >= self.retry {
                self.retry = Instant::now() + RETRY;
                if self.shared.retries.load(Ordering::Relaxed) {
                    self.inbox.send(Input::RetryWatches);
                }
            }
        }
    }

    /// Waits until something is due. Returns false at the end.
    fn wait(&self) -> bool {
        let mut table = self.shared.table();
        loop {
            if self.shared.is_stopped() {
                return false;
            }
            let wake = &self.shared.wake;
            if table.is_empty() {
                table = wake.wait(table).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let requested = table.has_priorities().then_some(self.requested);
            let recent = table.has_urgent().then_some(self.recent);
            let due = [requested, recent].into_iter().flatten().fold(self.all, Instant::min);
            let wait = due.saturating_duration_since(Instant::now());
            if wait.is_zero() {
                return true;
            }
            table = wake.wait_timeout(table, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Examines all folders, which may take long, so names that are due have their turn in between.
    fn examine_all(&mut self) {
        let began = Instant::now();
        let tasks = self.shared.table().all();
        for task in tasks {
            if self.shared.is_stopped() {
                return;
            }
            self.shared.examine_all(&task, self.inbox);
            self.examine_due_names();
        }
        self.all = Instant::now() + pause(self.meter.cost(began), ALL);
    }

    /// Examines the requested names and the names that changed recently, if they are due.
    fn examine_due_names(&mut self) {
        let began = Instant::now();
        if began >= self.requested {
            let tasks = self.shared.table().priorities();
            self.examine(&tasks);
            self.requested = Instant::now() + pause(self.meter.cost(began), REQUESTED);
        }
        let began = Instant::now();
        if began >= self.recent {
            let tasks = self.shared.table().urgent();
            self.examine(&tasks);
            self.recent = Instant::now() + pause(self.meter.cost(began), RECENT);
        }
    }

    fn examine(&self, tasks: &[Task]) {
        for task in tasks.iter().take_while(|_| !self.shared.is_stopped()) {
            self.shared.examine_names(task, self.inbox);
        }
    }
}
