//! The bounded inbox of the watch's thread: requests, the poller and the system's watcher put
//! inputs into it.
//!
//! The inbox also holds the time at which the thread has something to do without an input. The
//! system's thread may move it, and wakes the watch's thread only if that is too early to wait for:
//! a thread that wakes up for nothing would hold the worker's lock just when the next event needs
//! it.
//!
//! The lock is held while one input is added, or while all of them are taken out, and never while
//! the thread works. Only the first input after the inbox was emptied wakes the thread. When the
//! inbox is full, inputs are dropped and the overflow is recorded; the thread then compares
//! everything that was served.

use std::{
    path::PathBuf,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Instant, SystemTime},
};

use tokio::sync::oneshot;

use super::{
    signal::{Signal, SystemEvent},
    state::PathState,
};

/// The most inputs that wait. The snapshot remembers as many paths.
const CAPACITY: usize = 100_000;

/// How long the paths of these inputs may be together, bytes. A request can name a path of any
/// length.
const BYTES: usize = 16 << 20;

/// An input of the watch's thread.
#[derive(Debug)]
pub(super) enum Input {
    /// A request was served this state of a path.
    Note(PathBuf, PathState),
    /// A request was served the listing of a folder, which was last modified at this time.
    Listing(PathBuf, Option<SystemTime>),
    /// An event of the system's watcher.
    Event(SystemEvent),
    /// The poller found this.
    Polled(PathBuf, Signal),
    /// Publish the changes of these requested paths, or of all if there are none, and tell when that
    /// is done.
    CatchUp(Vec<PathBuf>, oneshot::Sender<()>),
    /// Try again to get the watches that the system refused.
    RetryWatches,
}

impl Input {
    /// Returns the length of its paths.
    fn bytes(&self) -> usize {
        match self {
            Self::Note(path, _)
            | Self::Listing(path, _)
            | Self::Polled(path, _)
            | Self::Event(SystemEvent::Signal(path, _)) => path.as_os_str().len(),
            Self::Event(SystemEvent::Renamed(from, to)) => {
                from.as_os_str().len() + to.as_os_str().len()
            }
            Self::CatchUp(paths, _) => paths.iter().map(|path| path.as_os_str().len()).sum(),
            Self::Event(SystemEvent::Overflow | SystemEvent::Failed(_)) | Self::RetryWatches => 0,
        }
    }
}

/// The inbox.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    content: Mutex<Content>,
    changed: Condvar,
}

/// What the inbox holds, and what its reader takes out at once.
#[derive(Debug, Default)]
pub(super) struct Content {
    /// The inputs, in the order in which they were sent.
    pub(super) inputs: Vec<Input>,
    /// Inputs were dropped.
    pub(super) overflowed: bool,
    /// The reader should end.
    pub(super) stopped: bool,
    /// The sum of the lengths of the paths.
    bytes: usize,
    /// When the reader has something to do without an input.
    due: Option<Instant>,
}

impl Inbox {
    /// Adds an input, or records an overflow. Does not wait for the reader.
    pub(super) fn send(&self, input: Input) {
        let mut content = self.content();
        let bytes = content.bytes + input.bytes();
        if content.inputs.len() >= CAPACITY || bytes > BYTES {
            content.overflowed = true;
            return;
        }
        content.bytes = bytes;
        content.inputs.push(input);
        let is_first = content.inputs.len() == 1;
        drop(content);
        if is_first {
            self.changed.notify_one();
        }
    }

    /// Asks the reader to end.
    pub(super) fn stop(&self) {
        self.content().stopped = true;
        self.changed.notify_one();
    }

    /// Waits until there is something in the inbox, or something is due.
    ///
    /// # Blocking
    /// Without limit if nothing is due.
    pub(super) fn wait(&self) {
        let mut content = self.content();
        while content.inputs.is_empty() && !content.stopped {
            content = match content.due.map(|due| due.saturating_duration_since(Instant::now())) {
                None => self.changed.wait(content).unwrap_or_else(PoisonError::into_inner),
                Some(left) if left.is_zero() => return,
                Some(left) => {
                    let waited = self.changed.wait_timeout(content, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// Sets when the reader has something to do without an input.
    pub(super) fn set_due(&self, due: Option<Instant>) {
        let mut content = self.content();
        let is_sooner = due.is_some_and(|due| content.due.is_none_or(|before| due < before));
        content.due = due;
        drop(content);
        if is_sooner {
            self.changed.notify_one();
        }
    }

    /// Takes everything out.
    pub(super) fn take(&self) -> Content {
        let mut content = self.content();
        let due = content.due;
        std::mem::replace(&mut *content, Content { due, ..Content::default() })
    }

    /// Returns whether no input waits.
    pub(super) fn is_empty(&self) -> bool {
        self.content().inputs.is_empty()
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::Arc,
        thread,
        time::{Duration, Instant},
    };

    use super::{BYTES, CAPACITY, Inbox, Input, Signal};

    #[test]
    fn an_input_ends_the_wait_and_an_overflow_is_reported_once() {
        let inbox = Arc::new(Inbox::default());
        let (reader, writer) = (Arc::clone(&inbox), Arc::clone(&inbox));
        let waiting = thread::spawn(move || {
            reader.wait();
            reader.take().inputs.len()
        });
        thread::spawn(move || writer.send(Input::RetryWatches));
        assert_eq!(waiting.join().unwrap(), 1);

        (0..=CAPACITY).for_each(|_| inbox.send(Input::RetryWatches));
        let content = inbox.take();
        assert_eq!((content.inputs.len(), content.overflowed), (CAPACITY, true));
        let content = inbox.take();
        assert_eq!((content.inputs.len(), content.overflowed), (0, false));

        let long = || Input::Polled("d/".repeat(2000).into(), Signal::Created);
        (0..=BYTES / 4000).for_each(|_| inbox.send(long()));
        let content = inbox.take();
        assert_eq!((content.inputs.len(), content.overflowed), (BYTES / 4000, true));
    }

    #[test]
    fn an_earlier_due_time_ends_the_wait() {
        let inbox = Arc::new(Inbox::default());
        inbox.set_due(Some(Instant::now() + Duration::from_hours(1)));
        let reader = Arc::clone(&inbox);
        let waiting = thread::spawn(move || {
            reader.wait();
            reader.take().inputs.len()
        });
        inbox.set_due(Some(Instant::now()));
        assert_eq!(waiting.join().unwrap(), 0);
    }

    #[test]
    fn stopping_ends_the_wait() {
        let inbox = Arc::new(Inbox::default());
        let reader = Arc::clone(&inbox);
        let waiting = thread::spawn(move || {
            reader.wait();
            reader.take().stopped
        });
        inbox.stop();
        assert!(waiting.join().unwrap());
    }
}
