//! Idle connections to backends, kept for reuse.
//!
//! A backend may close an idle connection at any time, and a request that is already on its way is
//! lost then. Only a request that may be repeated takes a connection from the pool
//! ([`exchange`](super::exchange) decides and repeats it); every other request opens its own.
//!
//! A single-threaded backend can block on an idle keep-alive connection and delay a request on
//! another. So once a request on a new connection has waited for [`STUCK_AFTER`], the idle
//! connections are closed and none is kept until that request has its response; and opening a new
//! connection closes an idle one.
//!
//! At most [`MAX_IDLE`] connections per backend are kept, for [`IDLE_TIMEOUT`]: less than most
//! backends keep them (Node: 5 seconds). A task ([`monitor`](super::exchange)) polls idle
//! connections and notices when the backend closes one, which may mean that the backend has ended.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::Instant;
use xxhash_rust::xxh3::Xxh3DefaultBuilder;

use super::{connection::Connection, upstream::Endpoint};

/// How long a connection may be idle.
pub(super) const IDLE_TIMEOUT: Duration = Duration::from_secs(4);

/// Limit of idle connections per backend.
const MAX_IDLE: usize = 16;

/// A backend that closes a connection sooner than this after its response closes all of them so.
pub(super) const UNEXPECTED_AFTER: Duration = Duration::from_millis(500);

/// How long a request on a new connection may wait before idle connections could be the reason.
pub(super) const STUCK_AFTER: Duration = Duration::from_millis(250);

/// A connection as the pool sees it.
pub(super) trait Poolable {
    /// Returns whether it can take a request.
    fn is_idle(&mut self) -> bool;

    /// Ready once it is closed.
    fn poll_closed(&mut self, context: &mut Context<'_>) -> Poll<()>;
}

impl Poolable for Box<Connection> {
    fn is_idle(&mut self) -> bool {
        Connection::is_idle(self)
    }

    fn poll_closed(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.poll_drive(context)
    }
}

/// The idle connections of all backends. Clones share them.
pub(super) struct Pool<C>(Arc<Mutex<Backends<C>>>);

/// The endpoints are those of the routes, so the hash needs no protection against chosen keys.
type Backends<C> = HashMap<Endpoint, Backend<C>, Xxh3DefaultBuilder>;

impl<C> Clone for Pool<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<C> Default for Pool<C> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

struct Backend<C> {
    /// In the order of their last use, the most recent last.
    idle: Vec<(C, Instant)>,
    /// Number of requests that have waited for [`STUCK_AFTER`].
    stuck: usize,
    /// A task monitors the idle connections.
    monitored: bool,
}

impl<C> Default for Backend<C> {
    fn default() -> Self {
        Self { idle: Vec::new(), stuck: 0, monitored: false }
    }
}

/// Outcome of [`Pool::put`].
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Put {
    Kept,
    /// Kept, and the caller must start to call [`Pool::poll_idle`].
    KeptFirst,
    Closed,
}

/// Outcome of [`Pool::poll_idle`].
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Idle {
    /// No connection is left: monitoring ends.
    None,
    /// The backend has closed connections; `unexpected` if one of them had been idle for
    /// [`UNEXPECTED_AFTER`].
    Closed { unexpected: bool },
}

impl<C: Poolable> Pool<C> {
    /// Removes and returns the most recently used idle connection.
    pub(super) fn take(&self, endpoint: &Endpoint, now: Instant) -> Option<C> {
        loop {
            let (mut connection, since) = self.backends().get_mut(endpoint)?.idle.pop()?;
            if now < since + IDLE_TIMEOUT && connection.is_idle() {
                return Some(connection);
            }
        }
    }

    /// Closes an idle connection because a new one is about to be opened.
    pub(super) fn make_room(&self, endpoint: &Endpoint) {
        let mut backends = self.backends();
        let backend = backends.get_mut(endpoint).filter(|backend| !backend.idle.is_empty());
        let oldest = backend.map(|backend| backend.idle.remove(0));
        drop(backends);
        drop(oldest);
    }

    /// Keeps an idle connection, if there is room.
    pub(super) fn put(&self, endpoint: &Endpoint, connection: C, now: Instant) -> Put {
        let mut backends = self.backends();
        let backend = match backends.get_mut(endpoint) {
            Some(backend) => backend,
            None => backends.entry(endpoint.clone()).or_default(),
        };
        if backend.stuck > 0 || backend.idle.len() == MAX_IDLE {
            return Put::Closed;
        }
        backend.idle.push((connection, now));
        if std::mem::replace(&mut backend.monitored, true) { Put::Kept } else { Put::KeptFirst }
    }

    /// Closes connections that have been idle for too long, and polls for those that the backend
    /// has closed.
    pub(super) fn poll_idle(
        &self,
        endpoint: &Endpoint,
        now: Instant,
        context: &mut Context<'_>,
    ) -> Poll<Idle> {
        let mut backends = self.backends();
        let Some(backend) = backends.get_mut(endpoint) else { return Poll::Ready(Idle::None) };
        backend.idle.retain(|(_, since)| now < *since + IDLE_TIMEOUT);
        let (mut closed, mut unexpected) = (false, false);
        backend.idle.retain_mut(|(connection, since)| {
            let is_closed = connection.poll_closed(context).is_ready();
            closed |= is_closed;
            unexpected |= is_closed && now >= *since + UNEXPECTED_AFTER;
            !is_closed
        });
        if closed {
            return Poll::Ready(Idle::Closed { unexpected });
        }
        backend.monitored = !backend.idle.is_empty();
        if backend.monitored { Poll::Pending } else { Poll::Ready(Idle::None) }
    }

    /// Closes the idle connections, and keeps none until the returned guard is dropped.
    pub(super) fn stuck(&self, endpoint: &Endpoint) -> Stuck<C> {
        let mut backends = self.backends();
        let backend = backends.entry(endpoint.clone()).or_default();
        backend.stuck += 1;
        backend.idle.clear();
        drop(backends);
        Stuck { pool: self.clone(), endpoint: endpoint.clone() }
    }

    /// Closes all idle connections.
    pub(super) fn clear(&self) {
        self.backends().clear();
    }
}

impl<C> Pool<C> {
    fn backends(&self) -> MutexGuard<'_, Backends<C>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that has waited for [`STUCK_AFTER`].
pub(super) struct Stuck<C> {
    pool: Pool<C>,
    endpoint: Endpoint,
}

impl<C> Drop for Stuck<C> {
    fn drop(&mut self) {
        if let Some(backend) = self.pool.backends().get_mut(&self.endpoint) {
            backend.stuck = backend.stuck.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicBool, Ordering},
        },
        task::{Context, Poll, Waker},
        time::Duration,
    };

    use tokio::time::Instant;

    use super::{IDLE_TIMEOUT, Idle, MAX_IDLE, Pool, Poolable, Put, UNEXPECTED_AFTER};
    use crate::proxy::upstream::Endpoint;

    /// A connection with a number and a switch that closes it.
    #[derive(Clone, Debug, Default)]
    struct Fake(u32, Arc<AtomicBool>);

    impl Poolable for Fake {
        fn is_idle(&mut self) -> bool {
            !self.1.load(Ordering::Relaxed)
        }

        fn poll_closed(&mut self, _context: &mut Context<'_>) -> Poll<()> {
            if self.is_idle() { Poll::Pending } else { Poll::Ready(()) }
        }
    }

    fn fake(number: u32) -> Fake {
        Fake(number, Arc::default())
    }

    fn endpoint(port: u16) -> Endpoint {
        Endpoint::Tcp { host: "a".into(), port, tls: false, insecure: false }
    }

    fn poll(pool: &Pool<Fake>, now: Instant) -> Poll<Idle> {
        pool.poll_idle(&endpoint(1), now, &mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn take_returns_the_most_recently_used_connection_of_the_endpoint() {
        let (pool, now) = (Pool::default(), Instant::now());
        assert_eq!(pool.put(&endpoint(1), fake(1), now), Put::KeptFirst);
        assert_eq!(pool.put(&endpoint(1), fake(2), now), Put::Kept);
        assert!(pool.take(&endpoint(2), now).is_none());
        assert_eq!(pool.take(&endpoint(1), now).unwrap().0, 2);
        assert_eq!(pool.take(&endpoint(1), now).unwrap().0, 1);
        assert!(pool.take(&endpoint(1), now).is_none());
    }

    #[test]
    fn closed_connection_is_reported_once_and_never_taken() {
        let (pool, now) = (Pool::default(), Instant::now());
        let closed = fake(1);
        pool.put(&endpoint(1), closed.clone(), now);
        pool.put(&endpoint(1), fake(2), now);
        let later = now + UNEXPECTED_AFTER;
        assert_eq!(poll(&pool, later), Poll::Pending, "both are open");
        closed.1.store(true, Ordering::Relaxed);
        assert_eq!(poll(&pool, later), Poll::Ready(Idle::Closed { unexpected: true }));
        assert_eq!(poll(&pool, later), Poll::Pending);
        pool.put(&endpoint(1), closed, now);
        assert_eq!(pool.take(&endpoint(1), now).unwrap().0, 2);
        assert!(pool.take(&endpoint(1), now).is_none());
    }

    #[test]
    fn connection_closed_soon_after_its_response_is_expected() {
        let (pool, now) = (Pool::default(), Instant::now());
        let closed = fake(1);
        pool.put(&endpoint(1), closed.clone(), now);
        closed.1.store(true, Ordering::Relaxed);
        assert_eq!(poll(&pool, now), Poll::Ready(Idle::Closed { unexpected: false }));
    }

    #[test]
    fn connection_is_closed_after_the_idle_timeout() {
        let (pool, now) = (Pool::default(), Instant::now());
        pool.put(&endpoint(1), fake(1), now);
        pool.put(&endpoint(1), fake(2), now + Duration::from_millis(1));
        assert_eq!(poll(&pool, now + IDLE_TIMEOUT), Poll::Pending, "one is younger");
        assert_eq!(pool.take(&endpoint(1), now + IDLE_TIMEOUT).unwrap().0, 2);
        assert_eq!(poll(&pool, now), Poll::Ready(Idle::None));
        assert_eq!(pool.put(&endpoint(1), fake(3), now), Put::KeptFirst, "monitoring had ended");
        assert!(pool.take(&endpoint(1), now + IDLE_TIMEOUT).is_none(), "not polled since");
    }

    #[test]
    fn number_of_idle_connections_is_limited() {
        let (pool, now) = (Pool::default(), Instant::now());
        for number in 0..100 {
            pool.put(&endpoint(1), fake(number), now);
        }
        let kept = std::iter::from_fn(|| pool.take(&endpoint(1), now)).count();
        assert_eq!(kept, MAX_IDLE);
    }

    #[test]
    fn stuck_request_closes_idle_connections_of_its_endpoint() {
        let (pool, now) = (Pool::default(), Instant::now());
        pool.put(&endpoint(1), fake(1), now);
        pool.put(&endpoint(2), fake(2), now);
        let stuck = [pool.stuck(&endpoint(1)), pool.stuck(&endpoint(1))];
        assert!(pool.take(&endpoint(1), now).is_none());
        for stuck in stuck {
            assert_eq!(pool.put(&endpoint(1), fake(3), now), Put::Closed);
            drop(stuck);
        }
        assert_ne!(pool.put(&endpoint(1), fake(4), now), Put::Closed, "no request is stuck");
        assert!(pool.take(&endpoint(2), now).is_some(), "the other endpoint is not affected");
    }

    #[test]
    fn new_connection_replaces_the_least_recently_used_one() {
        let (pool, now) = (Pool::default(), Instant::now());
        pool.make_room(&endpoint(1));
        pool.put(&endpoint(1), fake(1), now);
        pool.put(&endpoint(1), fake(2), now);
        pool.make_room(&endpoint(1));
        assert_eq!(pool.take(&endpoint(1), now).unwrap().0, 2);
        assert!(pool.take(&endpoint(1), now).is_none());
    }
}
