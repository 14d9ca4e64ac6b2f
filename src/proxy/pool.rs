//! Connections to backends that may be used again.
//!
//! An idle connection is the backend's to close, at any time, and a request that is already on its
//! way is lost then. Only a request that may be sent twice is given one ([`forward`](super::forward)
//! decides); any other has a connection opened for it, so that no fault is ever made by this.
//!
//! Some backends serve one connection at a time, and would sit on an idle one while a request waits
//! behind it. So when a request on a new connection has waited for a while, what is idle is closed,
//! and nothing becomes idle until it is answered; and who does not take an idle connection closes
//! one.
//!
//! Idle connections are few, and closed by us after a few seconds: before the backend does, for most
//! (Node waits five seconds). One that the backend closes tells that it may be gone, at once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use hyper::client::conn::http1::SendRequest;
use tokio::time::Instant;

use super::{bodies::Upload, upstream::Place};

/// How long a connection may be idle.
pub(super) const IDLE: Duration = Duration::from_secs(4);

/// How many may be idle for one backend.
const MOST: usize = 16;

/// What is closed after a shorter time is how some backends end every answer.
pub(super) const REST: Duration = Duration::from_millis(500);

/// How often somebody looks.
pub(super) const SWEEP: Duration = Duration::from_secs(1);

/// How long a request on a new connection may wait before what is idle could be the reason.
pub(super) const PATIENCE: Duration = Duration::from_millis(250);

/// A connection, as its user sees it.
pub(super) trait Connection {
    /// Whether nobody is at its other end any more.
    fn is_closed(&self) -> bool;
}

impl Connection for SendRequest<Upload> {
    fn is_closed(&self) -> bool {
        Self::is_closed(self) || !self.is_ready()
    }
}

/// The idle connections of all backends. Clones share them.
pub(super) struct Pool<C>(Arc<Mutex<HashMap<Place, Backend<C>>>>);

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

/// What is known of one backend.
struct Backend<C> {
    /// The one that was used last comes last.
    idle: Vec<(C, Instant)>,
    /// How many requests have waited for too long.
    stuck: usize,
    /// Somebody looks for what has been idle for too long.
    swept: bool,
}

impl<C> Default for Backend<C> {
    fn default() -> Self {
        Self { idle: Vec::new(), stuck: 0, swept: false }
    }
}

/// What became of a connection that is no longer used.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// It is idle.
    Yes,
    /// It is idle, and somebody has to call [`Pool::sweep`] from now on.
    First,
    /// It is closed.
    No,
}

impl<C: Connection> Pool<C> {
    /// The connection that was used last, if one is idle.
    pub(super) fn take(&self, place: &Place, now: Instant) -> Option<C> {
        let mut backends = self.backends();
        let idle = &mut backends.get_mut(place)?.idle;
        while let Some((connection, since)) = idle.pop() {
            if !connection.is_closed() && now < since + IDLE {
                return Some(connection);
            }
        }
        None
    }

    /// Closes an idle connection, because a new one is about to be opened.
    pub(super) fn make_room(&self, place: &Place) {
        let mut backends = self.backends();
        if let Some(backend) = backends.get_mut(place).filter(|backend| !backend.idle.is_empty()) {
            backend.idle.remove(0);
        }
    }

    /// A connection that nobody uses any more.
    pub(super) fn put(&self, place: &Place, connection: C, now: Instant) -> Kept {
        if connection.is_closed() {
            return Kept::No;
        }
        let mut backends = self.backends();
        let backend = backends.entry(place.clone()).or_default();
        if backend.stuck > 0 || backend.idle.len() == MOST {
            return Kept::No;
        }
        backend.idle.push((connection, now));
        if std::mem::replace(&mut backend.swept, true) { Kept::Yes } else { Kept::First }
    }

    /// Closes what has been idle for too long, and says whether this is to be done again.
    pub(super) fn sweep(&self, place: &Place, now: Instant) -> bool {
        let mut backends = self.backends();
        let Some(backend) = backends.get_mut(place) else { return false };
        backend.idle.retain(|(_, since)| now < *since + IDLE);
        backend.swept = !backend.idle.is_empty();
        backend.swept
    }

    /// Forgets the idle connections that the backend has closed, and says whether there were any
    /// that had been idle for a while.
    pub(super) fn closed(&self, place: &Place, now: Instant) -> bool {
        let mut backends = self.backends();
        let Some(backend) = backends.get_mut(place) else { return false };
        let closed = backend.idle.extract_if(.., |(connection, _)| connection.is_closed());
        closed.filter(|(_, since)| now >= *since + REST).count() > 0
    }

    /// A request has waited for too long; until what is given is dropped.
    pub(super) fn stuck(&self, place: &Place) -> Stuck<C> {
        let mut backends = self.backends();
        let backend = backends.entry(place.clone()).or_default();
        backend.stuck += 1;
        backend.idle.clear();
        drop(backends);
        Stuck { pool: self.clone(), place: place.clone() }
    }
}

impl<C> Pool<C> {
    fn backends(&self) -> MutexGuard<'_, HashMap<Place, Backend<C>>> {
        // Nothing in here can panic half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that has waited for too long.
pub(super) struct Stuck<C> {
    pool: Pool<C>,
    place: Place,
}

impl<C> Drop for Stuck<C> {
    fn drop(&mut self) {
        if let Some(backend) = self.pool.backends().get_mut(&self.place) {
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
        time::Duration,
    };

    use tokio::time::Instant;

    use super::{Connection, IDLE, Kept, MOST, Pool};
    use crate::proxy::upstream::Place;

    #[derive(Clone, Debug, Default)]
    struct Fake(u32, Arc<AtomicBool>);

    impl Connection for Fake {
        fn is_closed(&self) -> bool {
            self.1.load(Ordering::Relaxed)
        }
    }

    fn fake(number: u32) -> Fake {
        Fake(number, Arc::default())
    }

    fn place(port: u16) -> Place {
        Place::Tcp { host: "a".into(), port, tls: false }
    }

    #[test]
    fn the_last_one_is_taken_first_and_only_for_its_own_backend() {
        let (pool, now) = (Pool::default(), Instant::now());
        assert_eq!(pool.put(&place(1), fake(1), now), Kept::First);
        assert_eq!(pool.put(&place(1), fake(2), now), Kept::Yes);
        assert!(pool.take(&place(2), now).is_none());
        assert_eq!(pool.take(&place(1), now).unwrap().0, 2);
        assert_eq!(pool.take(&place(1), now).unwrap().0, 1);
        assert!(pool.take(&place(1), now).is_none());
    }

    #[test]
    fn what_is_old_or_closed_is_not_given() {
        let (pool, now) = (Pool::default(), Instant::now());
        let later = now + IDLE - Duration::from_millis(1);
        let gone = fake(1);
        pool.put(&place(1), gone.clone(), now);
        pool.put(&place(1), fake(2), now);
        assert!(!pool.closed(&place(1), later), "both are open");
        gone.1.store(true, Ordering::Relaxed);
        assert!(pool.closed(&place(1), later) && !pool.closed(&place(1), later), "said once");
        assert_eq!(pool.put(&place(1), gone, now), Kept::No);
        pool.put(&place(1), fake(3), later);
        assert!(pool.sweep(&place(1), now + IDLE), "there is a younger one");
        assert_eq!(pool.take(&place(1), now + IDLE).unwrap().0, 3);
        assert!(!pool.sweep(&place(1), now), "there is none");
        pool.put(&place(1), fake(4), now);
        assert!(pool.take(&place(1), now + IDLE).is_none(), "nobody swept yet");
    }

    #[test]
    fn there_are_never_many() {
        let (pool, now) = (Pool::default(), Instant::now());
        for number in 0..100 {
            pool.put(&place(1), fake(number), now);
        }
        let kept = std::iter::from_fn(|| pool.take(&place(1), now)).count();
        assert_eq!(kept, MOST);
    }

    #[test]
    fn a_request_that_is_stuck_closes_what_is_idle() {
        let (pool, now) = (Pool::default(), Instant::now());
        pool.put(&place(1), fake(1), now);
        pool.put(&place(2), fake(2), now);
        let stuck = [pool.stuck(&place(1)), pool.stuck(&place(1))];
        assert!(pool.take(&place(1), now).is_none());
        for stuck in stuck {
            assert_eq!(pool.put(&place(1), fake(3), now), Kept::No);
            drop(stuck);
        }
        assert_ne!(pool.put(&place(1), fake(4), now), Kept::No, "nobody waits any more");
        assert!(pool.take(&place(2), now).is_some(), "another backend is not meant");
    }

    #[test]
    fn a_new_connection_takes_the_room_of_an_idle_one() {
        let (pool, now) = (Pool::default(), Instant::now());
        pool.make_room(&place(1));
        pool.put(&place(1), fake(1), now);
        pool.put(&place(1), fake(2), now);
        pool.make_room(&place(1));
        assert_eq!(pool.take(&place(1), now).unwrap().0, 2);
        assert!(pool.take(&place(1), now).is_none());
    }
}
