//! Holds back page loads while a burst of changes is going on, so that a page is loaded once, after
//! the burst, and not in the middle of it.
//!
//! The watch's thread writes the gate, requests read it. Outside a burst a request loads one
//! atomic.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};

use tokio::sync::Notify;

/// The gate.
#[derive(Debug)]
pub(super) struct BurstGate {
    epoch: Instant,
    /// Until when pages wait at the most, in nanoseconds since `epoch`.
    hold_until: AtomicU64,
    /// More files are about to change, or the watch's thread is working.
    is_closed: AtomicBool,
    opened: Notify,
}

impl BurstGate {
    /// Creates an open gate.
    pub(super) fn new() -> Self {
        Self {
            epoch: Instant::now(),
            hold_until: AtomicU64::new(0),
            is_closed: AtomicBool::new(false),
            opened: Notify::new(),
        }
    }

    /// Closes the gate: the watch's thread begins to work.
    pub(super) fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
    }

    /// Sets until when pages wait at the most.
    pub(super) fn hold_until(&self, until: Option<Instant>) {
        let nanos = until.map_or(0, |until| (until - self.epoch).as_nanos());
        self.hold_until.store(u64::try_from(nanos).unwrap_or(0), Ordering::Release);
    }

    /// Opens the gate unless more changes are `expected`: the watch's thread has done its work.
    pub(super) fn open_unless(&self, expected: bool) {
        self.is_closed.store(expected, Ordering::Release);
        self.opened.notify_waiters();
    }

    /// Returns whether a page that is requested now need not wait. Costs an atomic load.
    pub(super) fn is_open(&self) -> bool {
        self.closed_until(Instant::now()).is_none()
    }

    /// Waits until the gate is open, for a bounded time.
    pub(super) async fn pass(&self) {
        loop {
            let opened = self.opened.notified();
            tokio::pin!(opened);
            // Registers before the check, so that an opening between the two is not missed.
            opened.as_mut().enable();
            let Some(until) = self.closed_until(Instant::now()) else { return };
            if tokio::time::timeout_at(until.into(), opened).await.is_err() {
                return;
            }
        }
    }

    /// Returns until when a page that is requested now waits, or `None` if the gate is open.
    fn closed_until(&self, now: Instant) -> Option<Instant> {
        if !self.is_closed.load(Ordering::Acquire) {
            return None;
        }
        let until = self.epoch + Duration::from_nanos(self.hold_until.load(Ordering::Acquire));
        (now < until).then_some(until)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::Future,
        task::{Context, Poll, Waker},
        time::{Duration, Instant},
    };

    use super::BurstGate;

    #[test]
    fn pages_wait_while_changes_are_expected_and_not_after_the_limit() {
        let (gate, now) = (BurstGate::new(), Instant::now());
        let limit = now + Duration::from_secs(1);
        assert_eq!(gate.closed_until(now), None);
        gate.close();
        assert_eq!(gate.closed_until(now), None, "there is no burst");
        gate.hold_until(Some(limit));
        assert_eq!(gate.closed_until(now), Some(limit));
        assert_eq!(gate.closed_until(limit), None);
        gate.open_unless(true);
        assert_eq!(gate.closed_until(now), Some(limit));
        gate.open_unless(false);
        assert_eq!(gate.closed_until(now), None);
    }

    #[tokio::test(start_paused = true)]
    async fn opening_the_gate_lets_waiting_pages_pass() {
        let gate = BurstGate::new();
        gate.close();
        gate.hold_until(Some(Instant::now() + Duration::from_mins(1)));
        let mut pass = Box::pin(gate.pass());
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(pass.as_mut().poll(&mut context), Poll::Pending);
        gate.open_unless(false);
        pass.await;
    }
}
