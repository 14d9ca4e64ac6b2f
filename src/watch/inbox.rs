//! The bounded inbox of the watch's thread: requests, the poller and the system's watcher put
//! inputs into it.
//!
//! The lock is held while one input is added, or while all of them are taken out, and never while
//! the thread works. Only the first input after the inbox was emptied wakes the thread. When the
//! inbox is full, inputs are dropped and the overflow is recorded; the thread then compares
//! everything that was served.

use std::{
    path::PathBuf,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use super::{
    signal::{Signal, SystemEvent},
    state::PathState,
};

/// The most inputs that wait. The snapshot remembers as many paths.
const CAPACITY: usize = 100_000;

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
    /// Try again to get the watches that the system refused.
    RetryWatches,
}

/// The inbox.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    content: Mutex<Content>,
    first: Condvar,
}

/// What the inbox holds, and what its reader takes out at once.
#[derive(Debug, Default)]
pub(super) struct Content {
    /// The inputs, in the order in which they were sent.
    pub(super) inputs: Vec<Input>,
    /// Inputs were dropped.
    pub(super) overflowed: bool,
    /// The reader was woken without an input.
    woken: bool,
    /// The reader should end.
    pub(super) stopped: bool,
}

impl Inbox {
    /// Adds an input, or records an overflow. Does not wait for the reader.
    pub(super) fn send(&self, input: Input) {
        let mut content = self.content();
        if content.inputs.len() >= CAPACITY {
            content.overflowed = true;
            return;
        }
        content.inputs.push(input);
        let is_first = content.inputs.len() == 1;
        drop(content);
        if is_first {
            self.first.notify_one();
        }
    }

    /// Asks the reader to end.
    pub(super) fn stop(&self) {
        self.content().stopped = true;
        self.first.notify_one();
    }

    /// Waits until there is something in the inbox, or the time is over.
    ///
    /// # Blocking
    /// Waits for up to `timeout`, or without limit.
    pub(super) fn wait(&self, timeout: Option<Duration>) {
        let is_empty =
            |content: &mut Content| content.inputs.is_empty() && !content.woken && !content.stopped;
        let content = self.content();
        match timeout {
            None => drop(self.first.wait_while(content, is_empty)),
            Some(timeout) => drop(self.first.wait_timeout_while(content, timeout, is_empty)),
        }
    }

    /// Takes everything out.
    pub(super) fn take(&self) -> Content {
        std::mem::take(&mut *self.content())
    }

    /// Returns whether no input waits.
    pub(super) fn is_empty(&self) -> bool {
        self.content().inputs.is_empty()
    }

    /// Wakes the reader without an input: something may be due sooner than it knows.
    pub(super) fn wake(&self) {
        let was_woken = std::mem::replace(&mut self.content().woken, true);
        if !was_woken {
            self.first.notify_one();
        }
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, thread, time::Duration};

    use super::{CAPACITY, Inbox, Input};

    #[test]
    fn an_input_ends_the_wait_and_an_overflow_is_reported_once() {
        let inbox = Arc::new(Inbox::default());
        let (reader, writer) = (Arc::clone(&inbox), Arc::clone(&inbox));
        let waiting = thread::spawn(move || {
            reader.wait(None);
            reader.take().inputs.len()
        });
        thread::spawn(move || writer.send(Input::RetryWatches));
        assert_eq!(waiting.join().unwrap(), 1);

        (0..=CAPACITY).for_each(|_| inbox.send(Input::RetryWatches));
        let content = inbox.take();
        assert_eq!((content.inputs.len(), content.overflowed), (CAPACITY, true));
        inbox.wait(Some(Duration::ZERO));
        let content = inbox.take();
        assert_eq!((content.inputs.len(), content.overflowed), (0, false));
    }

    #[test]
    fn stopping_ends_the_wait() {
        let inbox = Arc::new(Inbox::default());
        let reader = Arc::clone(&inbox);
        let waiting = thread::spawn(move || {
            reader.wait(None);
            reader.take().stopped
        });
        inbox.stop();
        assert!(waiting.join().unwrap());
    }
}
