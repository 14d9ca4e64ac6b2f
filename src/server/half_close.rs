//! Tells a client that waits for its response from one that is gone.
//!
//! Both end their stream with a FIN. A client that shuts down its sending side (`nc -N`, many
//! scripts) does so right after its request, before the response begins; a tab that is closed or a
//! fetch that is aborted does so later. The first is waited for, even if the response takes long.
//! The second still gets a response that is being written, but does not keep a backend busy. In
//! both cases the client is gone when nothing was written for a while; writing to a client that is
//! gone fails by itself.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};

use super::request::AtEnd;

/// How long after its request a client shuts down its sending side, if it waits for the response.
const PROMPT: Duration = Duration::from_millis(250);

/// How long such a client waits for the next byte.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long the next byte may take for a client that ended its stream later: reading a file from a
/// disk takes less.
const GRACE: Duration = Duration::from_millis(500);

/// A connection whose client has ended its stream.
pub(super) struct HalfClosed {
    waits: bool,
    last_write: Instant,
    /// Bytes wait for space in the socket: the system notices if the client is gone.
    is_write_blocked: bool,
    timer: Pin<Box<Sleep>>,
}

impl HalfClosed {
    /// `age` is the time since the request, or `None` if the response has begun.
    pub(super) fn new(age: Option<Duration>) -> Self {
        let now = Instant::now();
        let timer = Box::pin(sleep_until(now + GRACE));
        let waits = age.is_some_and(|age| age <= PROMPT);
        Self { waits, last_write: now, is_write_blocked: false, timer }
    }

    /// Notes the result of writing bytes of the response.
    pub(super) fn wrote<T>(&mut self, written: &Poll<T>) {
        self.is_write_blocked = written.is_pending();
        if written.is_ready() {
            self.last_write = Instant::now();
        }
    }

    /// Returns when the client is gone.
    pub(super) fn poll_gone(&mut self, context: &mut Context<'_>, request: AtEnd) -> Poll<()> {
        loop {
            ready!(self.timer.as_mut().poll(context));
            let now = Instant::now();
            let from = if self.is_write_blocked { now } else { self.last_write };
            let until = from + patience(request, self.waits);
            if until <= now {
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(until);
        }
    }
}

/// Returns how long the next byte of the response may take.
fn patience(request: AtEnd, waits: bool) -> Duration {
    match request {
        AtEnd::Complete if waits => PATIENCE,
        AtEnd::Complete | AtEnd::CutOff => GRACE,
        AtEnd::Unknown => PATIENCE,
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, task::Poll, time::Duration};

    use tokio::time::{Instant, sleep, timeout};

    use super::{AtEnd, GRACE, HalfClosed, PATIENCE, PROMPT};

    const MS: Duration = Duration::from_millis(1);

    async fn gone(half_closed: &mut HalfClosed, request: AtEnd) -> Duration {
        let began = Instant::now();
        poll_fn(|context| half_closed.poll_gone(context, request)).await;
        began.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_is_gone_when_nothing_was_written_for_a_while() {
        for (age, request, patience) in [
            (Some(Duration::ZERO), AtEnd::Complete, PATIENCE),
            (Some(PROMPT), AtEnd::Complete, PATIENCE),
            (Some(PROMPT + MS), AtEnd::Complete, GRACE),
            (None, AtEnd::Complete, GRACE),
            (Some(Duration::ZERO), AtEnd::CutOff, GRACE),
            (Some(PROMPT + MS), AtEnd::Unknown, PATIENCE),
        ] {
            let took = gone(&mut HalfClosed::new(age), request).await;
            assert!(took >= patience && took <= patience + 2 * MS, "{age:?} {request:?}: {took:?}");

            let mut writing = HalfClosed::new(age);
            for _ in 0..5 {
                let next = timeout(patience * 9 / 10, gone(&mut writing, request)).await;
                assert!(next.is_err(), "{age:?} {request:?}");
                writing.wrote(&Poll::Ready(()));
            }
            assert!(gone(&mut writing, request).await >= patience * 9 / 10, "{age:?} {request:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_whose_socket_is_full_is_not_gone() {
        let mut half_closed = HalfClosed::new(None);
        half_closed.wrote(&Poll::<()>::Pending);
        assert!(timeout(100 * GRACE, gone(&mut half_closed, AtEnd::Complete)).await.is_err());
        half_closed.wrote(&Poll::Ready(()));
        sleep(GRACE / 2).await;
        assert!(gone(&mut half_closed, AtEnd::Complete).await <= GRACE);
    }
}
