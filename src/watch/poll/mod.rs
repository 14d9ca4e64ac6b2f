//! Looks at folders again and again, where the system gives no events.
//!
//! It stands in for the system's watches, folder by folder, and speaks as they do: what is found goes
//! as signals into the watch's own queue. A thread of its own looks ([`facts`]), compares with what it
//! saw before ([`table`], [`settle`]), and rests for so long that looking costs next to nothing
//! ([`pace`]). What somebody uses is looked at most often, what changed a moment ago at once again,
//! to know when its writer is done.
//!
//! notify has a watcher that polls; it compares whole seconds for being later, and so misses a second
//! save in one second, and older files. It would also know nothing of what is used.
//!
//! The thread begins with the first folder, and ends with the [`Poller`].

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
    facts::{Facts, absent},
    pace::{Meter, pause},
    table::{Listing, Place, Signals, Table},
};
use super::inbox::{Inbox, Input};

/// How long it takes at least until a folder is looked at again.
const ALL: Duration = Duration::from_millis(100);

/// The same for what somebody uses.
const USED: Duration = Duration::from_millis(50);

/// The same for what changed a moment ago.
const RESTLESS: Duration = Duration::from_millis(20);

/// How often it is tried whether folders may be watched after all.
const RETRY: Duration = Duration::from_secs(10);

/// The folders that are polled, and the thread that does it.
pub(super) struct Poller {
    shared: Arc<Shared>,
    inbox: Arc<Inbox>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    table: Mutex<Table>,
    /// There is something to do: a first folder, or the end.
    wake: Condvar,
    stop: AtomicBool,
    retry: AtomicBool,
}

impl Poller {
    /// Polls nothing yet. What is found is put there.
    pub(super) fn new(inbox: Arc<Inbox>) -> Self {
        Self { shared: Arc::default(), inbox, thread: None }
    }

    /// Polls a folder from now on: what it holds now is what changes are told against. Gives whether
    /// it is a new one. Blocking.
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

    /// No longer polls a folder.
    pub(super) fn remove(&self, folder: &Path) {
        self.shared.table().remove(folder);
    }

    /// Something else watches a folder now: what happened before that is told for the last time.
    /// Blocking.
    pub(super) fn hand_over(&self, folder: &Path) {
        let place = self.shared.table().place(folder);
        if let Some(place) = place {
            self.shared.look_at_all(&place, &self.inbox);
            self.remove(folder);
        }
    }

    /// Somebody uses a path, or waits for it.
    pub(super) fn prioritize(&self, path: &Path) {
        self.shared.table().prioritize(path);
    }

    /// The system told of a path after all. Blocking.
    pub(super) fn reported(&self, path: &Path) {
        if self.thread.is_some()
            && let Ok(facts) = Facts::at(path)
        {
            self.shared.table().reported(path, facts);
        }
    }

    /// Whether to put [`Input::RetryWatches`] now and then.
    pub(super) fn retry_watches(&self, retry: bool) {
        self.shared.retry.store(retry, Ordering::Relaxed);
    }
}

impl Drop for Poller {
    fn drop(&mut self) {
        {
            // Under the lock, so that it does not fall between the thread's look and its sleep.
            let _table = self.shared.table();
            self.shared.stop.store(true, Ordering::Release);
        }
        self.shared.wake.notify_all();
        // A panic over there was said by the panic hook.
        self.thread.take().map(JoinHandle::join);
    }
}

impl Shared {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stops(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    /// Looks at all that is in a folder.
    fn look_at_all(&self, at: &Place, inbox: &Inbox) {
        // A folder that cannot be read now says nothing.
        if let Ok(listing) = list(&at.folder) {
            let signals = self.table().see(at, listing, Instant::now());
            tell(signals, inbox);
        }
    }

    /// Looks at some of what is in a folder.
    fn look_at_some(&self, at: &Place, inbox: &Inbox) {
        let facts = |name| Some((name, Facts::at(&at.folder.join(name)).ok()?));
        let seen = at.names.iter().filter_map(facts);
        let seen = seen.map(|(name, facts)| (name.clone(), facts)).collect();
        let signals = self.table().see_some(at, seen, Instant::now());
        tell(signals, inbox);
    }
}

fn tell(signals: Signals, inbox: &Inbox) {
    for (path, signal) in signals {
        inbox.send(Input::Polled(path, signal));
    }
}

/// What a folder holds; nothing where there is none. Blocking.
fn list(folder: &Path) -> io::Result<Option<Listing>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(why) => return absent(why),
    };
    let mut listing = Listing::new();
    for entry in entries {
        // Half a listing would tell of files that are gone.
        let entry = entry?;
        match entry.metadata() {
            Ok(metadata) => listing.push((entry.file_name(), Facts::of(&metadata))),
            Err(why) => _ = absent::<()>(why)?,
        }
    }
    Ok(Some(listing))
}

/// When the thread looks at what.
struct Rounds<'a> {
    shared: &'a Shared,
    inbox: &'a Inbox,
    meter: Meter,
    all: Instant,
    used: Instant,
    restless: Instant,
    retry: Instant,
}

impl<'a> Rounds<'a> {
    fn new(shared: &'a Shared, inbox: &'a Inbox) -> Self {
        let now = Instant::now();
        let meter = Meter::new();
        let (all, used) = (now + ALL, now + USED);
        Self { shared, inbox, meter, all, used, restless: now, retry: now + RETRY }
    }

    fn run(mut self) {
        while self.wait() {
            self.look_at_some();
            if Instant::now() >= self.all {
                self.look_at_all();
            }
            if Instant::now() >= self.retry {
                self.retry = Instant::now() + RETRY;
                if self.shared.retry.load(Ordering::Relaxed) {
                    self.inbox.send(Input::RetryWatches);
                }
            }
        }
    }

    /// Waits until something is due; nothing is after the end.
    fn wait(&self) -> bool {
        let mut table = self.shared.table();
        loop {
            if self.shared.stops() {
                return false;
            }
            let wake = &self.shared.wake;
            if table.is_empty() {
                table = wake.wait(table).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let used = table.is_used().then_some(self.used);
            let restless = table.is_restless().then_some(self.restless);
            let due = [used, restless].into_iter().flatten().fold(self.all, Instant::min);
            let wait = due.saturating_duration_since(Instant::now());
            if wait.is_zero() {
                return true;
            }
            table = wake.wait_timeout(table, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Looks at all folders. What is used has its turn in between: this may take long.
    fn look_at_all(&mut self) {
        let began = Instant::now();
        let places = self.shared.table().all();
        for place in places {
            if self.shared.stops() {
                return;
            }
            self.shared.look_at_all(&place, self.inbox);
            self.look_at_some();
        }
        self.all = Instant::now() + pause(self.meter.cost(began), ALL);
    }

    /// Looks at what is used, and at what changed a moment ago, if it is time.
    fn look_at_some(&mut self) {
        let began = Instant::now();
        if began >= self.used {
            let places = self.shared.table().used();
            self.look_at(&places);
            self.used = Instant::now() + pause(self.meter.cost(began), USED);
        }
        let began = Instant::now();
        if began >= self.restless {
            let places = self.shared.table().restless();
            self.look_at(&places);
            self.restless = Instant::now() + pause(self.meter.cost(began), RESTLESS);
        }
    }

    fn look_at(&self, places: &[Place]) {
        for place in places.iter().take_while(|_| !self.shared.stops()) {
            self.shared.look_at_some(place, self.inbox);
        }
    }
}
