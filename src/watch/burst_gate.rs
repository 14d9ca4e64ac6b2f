//! Holds back page loads while a burst of changes is going on, so that a page is loaded once, after
//! the burst, and not in the middle of it. Holds back requests that find no file while a generator
//! has cleared its folder.
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
    /// Until when requests that find no file wait at the most, in nanoseconds since `epoch`.
    missing_until: AtomicU64,
    opened: Notify,
}

impl BurstGate {
    /// Creates an open gate.
    pub(super) fn new() -> Self {
        Self {
            epoch: Instant::now(),
            hold_until: AtomicU64::new(0),
            is_closed: AtomicBool::new(false),
            missing_until: AtomicU64::new(0),
            opened: Notify::new(),
        }
    }

    /// Closes the gate: the watch's thread begins to work.
    pub(super) fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
    }

    /// Sets until when pages wait at the most.
    pub(super) fn hold_until(&self, until: Option<Instant>) {
        self.hold_until.store(self.nanos(until), Ordering::Release);
    }

    /// Sets until when requests that find no file wait at the most. Takes effect for those that
    /// wait already when the gate [opens](Self::open_unless).
    pub(super) fn hold_missing_until(&self, until: Option<Instant>) {
        self.missing_until.store(self.nanos(until), Ordering::Release);
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
        self.wait_while(Self::closed_until).await;
    }

    /// Waits while files in use are missing, for a bounded time. Returns whether they were.
    pub(super) async fn pass_missing(&self) -> bool {
        self.wait_while(|gate, now| gate.later(now, &gate.missing_until)).await
    }

    /// Waits while a function returns until when to wait, but not beyond the time that it returned
    /// first: one burst can follow another without end. Returns whether it waited.
    async fn wait_while(&self, until: impl Fn(&Self, Instant) -> Option<Instant>) -> bool {
        let mut limit = None;
        loop {
            let opened = self.opened.notified();
            tokio::pin!(opened);
            // Registers before the check, so that an opening between the two is not missed.
            opened.as_mut().enable();
            let Some(until) = until(self, Instant::now()) else { return limit.is_some() };
            let limit = *limit.get_or_insert(until);
            if tokio::time::timeout_at(until.min(limit).into(), opened).await.is_err() {
                return true;
            }
        }
    }

    /// Returns until when a page that is requested now waits, or `None` if the gate is open.
    fn closed_until(&self, now: Instant) -> Option<Instant> {
        let is_closed = self.is_closed.load(Ordering::Acquire);
        is_closed.then(|| self.later(now, &self.hold_until)).flatten()
    }

    /// Returns a stored time if it is later than now.
    fn later(&self, now: Instant, stored: &AtomicU64) -> Option<Instant> {
        let until = self.epoch + Duration::from_nanos(stored.load(Ordering::Acquire));
        (now < until).then_some(until)
    }

    fn nanos(&self, until: Option<Instant>) -> u64 {
        let nanos = until.map_or(0, |until| until.saturating_duration_since(self.epoch).as_nanos());
        u64::try_from(nanos).unwrap_or(0)
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

    #[tokio::test(start_paused = true)]
    async fn a_request_waits_for_no_later_burst() {
        let (gate, now) = (BurstGate::new(), Instant::now());
        let limit = now + Duration::from_mins(1);
        gate.close();
        gate.hold_until(Some(limit));
        let mut pass = Box::pin(gate.pass());
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(pass.as_mut().poll(&mut context), Poll::Pending);
        gate.hold_until(Some(limit + Duration::from_hours(1)));
        gate.open_unless(true);
        pass.await;
        assert!(tokio::time::Instant::now() < (limit + Duration::from_mins(1)).into());
    }

    #[tokio::test(start_paused = true)]
    async fn requests_that_find_nothing_wait_while_files_are_missing() {
        let gate = BurstGate::new();
        assert!(!gate.pass_missing().await);
        gate.hold_missing_until(Some(Instant::now() + Duration::from_mins(1)));
        let mut pass = Box::pin(gate.pass_missing());
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(pass.as_mut().poll(&mut context), Poll::Pending);
        gate.open_unless(false);
        assert_eq!(pass.as_mut().poll(&mut context), Poll::Pending, "they are still missing");
        gate.hold_missing_until(None);
        gate.open_unless(false);
        assert!(pass.await);
    }
}
