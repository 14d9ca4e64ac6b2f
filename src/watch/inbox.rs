//! The bounded inbox of the watch's thread: requests, the poller and, except on Linux, the system's
//! watcher put inputs into it.
//!
//! The lock is held while one input is added, or while all of them are taken out, and never while
//! the thread works. Only the first input after the inbox was emptied wakes the thread. When the
//! inbox is full, inputs are dropped and the overflow is recorded; the thread then compares
//! everything that was served.

use std::{
    path::PathBuf,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
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
    /// An event of a system whose watcher has a thread of its own.
    #[cfg_attr(target_os = "linux", allow(dead_code))]
    Event(SystemEvent),
    /// The poller found this.
    Polled(PathBuf, Signal),
    /// Try again to get the watches that the system refused.
    RetryWatches,
}

/// The inbox.
#[derive(Debug)]
pub(super) struct Inbox {
    inputs: Mutex<Vec<Input>>,
    overflowed: AtomicBool,
    stopped: AtomicBool,
    waker: mio::Waker,
}

impl Inbox {
    /// Creates an inbox that wakes its reader with this waker.
    pub(super) fn new(waker: mio::Waker) -> Self {
        Self {
            inputs: Mutex::default(),
            overflowed: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
            waker,
        }
    }

    /// Adds an input, or records an overflow. Does not wait for the reader.
    pub(super) fn send(&self, input: Input) {
        let mut inputs = self.inputs();
        if inputs.len() >= CAPACITY {
            self.overflowed.store(true, Ordering::Release);
            return;
        }
        inputs.push(input);
        let first = inputs.len() == 1;
        drop(inputs);
        if first {
            self.wake();
        }
    }

    /// Takes all inputs, in the order in which they were sent.
    pub(super) fn take(&self) -> Vec<Input> {
        std::mem::take(&mut *self.inputs())
    }

    /// Returns whether inputs were dropped since the last call.
    pub(super) fn take_overflow(&self) -> bool {
        self.overflowed.swap(false, Ordering::AcqRel)
    }

    /// Asks the reader to end.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.wake();
    }

    /// Returns whether the reader should end.
    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    fn wake(&self) {
        // Fails only if the reader is gone.
        let _ = self.waker.wake();
    }

    fn inputs(&self) -> MutexGuard<'_, Vec<Input>> {
        self.inputs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::{sync::Arc, time::Duration};

    use super::{CAPACITY, Inbox, Input};

    /// An inbox, and the poll that its waker wakes.
    pub(in crate::watch) fn new_inbox() -> (Arc<Inbox>, mio::Poll) {
        let poll = mio::Poll::new().unwrap();
        let waker = mio::Waker::new(poll.registry(), mio::Token(0)).unwrap();
        (Arc::new(Inbox::new(waker)), poll)
    }

    #[test]
    fn first_input_wakes_the_reader_and_an_overflow_is_reported_once() {
        let (inbox, mut poll) = new_inbox();
        let mut events = mio::Events::with_capacity(4);
        let mut is_woken = || {
            poll.poll(&mut events, Some(Duration::ZERO)).unwrap();
            !events.is_empty()
        };
        inbox.send(Input::RetryWatches);
        assert!(is_woken());
        (0..CAPACITY).for_each(|_| inbox.send(Input::RetryWatches));
        assert!(!is_woken(), "the reader has not emptied the inbox since it was woken");
        assert_eq!(inbox.take().len(), CAPACITY);
        assert!(inbox.take_overflow());
        assert!(!inbox.take_overflow());
        inbox.send(Input::RetryWatches);
        assert!(is_woken());
    }
}
