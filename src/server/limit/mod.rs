//! Connection limit with eviction: when full, the connection that has been idle longest is closed
//! to admit a new one.
//!
//! A connection is busy from the head of a request until its response is written to the socket.
//! Otherwise it is idle: before the first request, between two, and while a head is incomplete. A
//! flood of idle connections therefore delays no other client, and a busy connection is never
//! evicted. While all are busy, a new connection waits, and is then refused.
//!
//! An upgraded connection (a WebSocket) is busy for good and needs fewer file descriptors. It
//! leaves the limit of HTTP connections for a larger one of its own.
//!
//! Admission, closing, and the change between idle and busy take constant time and, for the latter,
//! no lock. All connections are scanned only while the limit is reached, and once every few seconds
//! for the idle timeout.

#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    fs,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Notify, Semaphore},
    time::{Instant, sleep_until},
};

/// The most HTTP connections that are open at once. A tab opens up to six.
const MAX_HTTP: usize = 4096;

/// The most upgraded connections that are open at once. A tab opens one, and those of its backends.
const MAX_UPGRADED: usize = 10_000;

/// How long a connection is not evicted after it became idle: it may have sent bytes that are not
/// read yet.
const MIN_IDLE: Duration = Duration::from_millis(100);

/// States of a connection, beside the time since when it is idle, ms after the limiter's start.
const BUSY: u64 = u64::MAX;
const UPGRADED: u64 = u64::MAX - 1;
const EVICTED: u64 = u64::MAX - 2;

/// Limits how many connections are open at once.
#[derive(Debug)]
pub(super) struct ConnectionLimiter {
    max: usize,
    start: Instant,
    /// One permit for each HTTP connection that may be opened.
    free: Semaphore,
    /// One permit for each connection that may be upgraded.
    free_upgraded: Semaphore,
    /// The HTTP connections, by a number that is not reused.
    connections: Mutex<Connections>,
    /// Whether a new connection waits for one to become idle.
    is_waited_for: AtomicBool,
    became_idle: Notify,
}

#[derive(Debug, Default)]
struct Connections {
    last: u64,
    open: HashMap<u64, Arc<Activity>>,
}

/// Whether a connection is busy, and the way to close it.
#[derive(Debug)]
struct Activity {
    state: AtomicU64,
    /// The response is complete, but may not be written to the socket yet.
    response_complete: AtomicBool,
    close: Notify,
}

/// How a connection is to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Close {
    /// After the response in progress.
    Gracefully,
    /// Immediately.
    Now,
}

/// The outcome of looking for a connection to evict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Eviction {
    /// One is being closed.
    Evicted,
    /// The first may be evicted at this time.
    NotBefore(Instant),
    /// All connections are busy.
    AllBusy,
}

impl ConnectionLimiter {
    /// Returns a limiter for the number of file descriptors that the process may open.
    ///
    /// An HTTP connection needs up to three: its own, a file, and one to a backend. A reload socket
    /// needs one, and a tunnel to a backend two; of the latter there are few.
    pub(super) fn new() -> Arc<Self> {
        let (http, upgraded) = match max_descriptors() {
            Some(max) => ((max / 6).clamp(1, MAX_HTTP), (max * 3 / 8).clamp(1, MAX_UPGRADED)),
            None => (MAX_HTTP, MAX_UPGRADED),
        };
        Self::with_limits(http, upgraded)
    }

    fn with_limits(max: usize, max_upgraded: usize) -> Arc<Self> {
        Arc::new(Self {
            max,
            start: Instant::now(),
            free: Semaphore::new(max),
            free_upgraded: Semaphore::new(max_upgraded),
            connections: Mutex::default(),
            is_waited_for: AtomicBool::new(false),
            became_idle: Notify::new(),
        })
    }

    /// Returns the most HTTP connections that are open at once.
    pub(super) fn max(&self) -> usize {
        self.max
    }

    /// Returns whether no HTTP connection is open.
    pub(super) fn is_empty(&self) -> bool {
        self.free.available_permits() == self.max
    }

    /// Admits a new connection, for which an idle one is evicted if necessary. Returns `None` if
    /// all connections are busy until the time-out. Must not be called concurrently.
    pub(super) async fn admit(self: &Arc<Self>, timeout: Duration) -> Option<Arc<Permit>> {
        if let Ok(free) = self.free.try_acquire() {
            free.forget();
            return Some(self.register());
        }
        self.is_waited_for.store(true, Ordering::SeqCst);
        let freed = self.wait_for_permit(Instant::now() + timeout).await;
        self.is_waited_for.store(false, Ordering::SeqCst);
        freed.then(|| self.register())
    }

    /// Takes a permit of `free` as soon as there is one; evicts one connection for it. Returns
    /// `false` at the deadline.
    async fn wait_for_permit(&self, deadline: Instant) -> bool {
        let free = self.free.acquire();
        tokio::pin!(free);
        let mut evicted = false;
        loop {
            let mut next = deadline;
            if !evicted {
                match self.evict_idle(MIN_IDLE) {
                    Eviction::Evicted => evicted = true,
                    Eviction::NotBefore(time) => next = time.min(deadline),
                    Eviction::AllBusy => {}
                }
            }
            tokio::select! {
                biased;
                free = &mut free => {
                    let Ok(free) = free else { return false };
                    free.forget();
                    return true;
                }
                () = self.became_idle.notified(), if !evicted => {}
                () = sleep_until(next) => if Instant::now() >= deadline { return false },
            }
        }
    }

    fn register(self: &Arc<Self>) -> Arc<Permit> {
        let activity = Arc::new(Activity {
            state: AtomicU64::new(self.now()),
            response_complete: AtomicBool::new(false),
            close: Notify::new(),
        });
        let mut connections = self.connections();
        connections.last += 1;
        let number = connections.last;
        connections.open.insert(number, Arc::clone(&activity));
        Arc::new(Permit { limiter: Arc::clone(self), number, activity })
    }

    /// Evicts the connection that has been idle longest. Returns whether there was one.
    pub(super) fn evict_longest_idle(&self) -> bool {
        self.evict_idle(Duration::ZERO) == Eviction::Evicted
    }

    /// Evicts the connection that has been idle longest, if that is at least `min_idle`.
    fn evict_idle(&self, min_idle: Duration) -> Eviction {
        let connections = self.connections();
        loop {
            let states = connections.open.values();
            let states = states.map(|activity| (activity.state.load(Ordering::SeqCst), activity));
            let idle = states.filter(|(state, _)| is_idle(*state));
            let Some((since, longest)) = idle.min_by_key(|(since, _)| *since) else {
                return Eviction::AllBusy;
            };
            let evictable = self.start + Duration::from_millis(since) + min_idle;
            if evictable > Instant::now() {
                return Eviction::NotBefore(evictable);
            }
            if longest.evict(since) {
                return Eviction::Evicted;
            }
        }
    }

    /// Closes all connections that have been idle for this long.
    pub(super) fn close_idle(&self, timeout: Duration) {
        let now = self.now();
        for activity in self.connections().open.values() {
            let since = activity.state.load(Ordering::Relaxed);
            if is_idle(since) && Duration::from_millis(now.saturating_sub(since)) >= timeout {
                activity.evict(since);
            }
        }
    }

    /// Closes all HTTP connections.
    pub(super) fn close_all(&self, how: Close) {
        for activity in self.connections().open.values() {
            if how == Close::Now {
                activity.state.store(EVICTED, Ordering::SeqCst);
            }
            activity.close.notify_one();
        }
    }

    /// Returns the time since the start, ms.
    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(0)
    }

    fn connections(&self) -> MutexGuard<'_, Connections> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_idle(state: u64) -> bool {
    state < EVICTED
}

impl Activity {
    /// Closes the connection if it is still idle since that time.
    fn evict(&self, since: u64) -> bool {
        let swap = self.state.compare_exchange(since, EVICTED, Ordering::SeqCst, Ordering::Relaxed);
        if swap.is_ok() {
            self.close.notify_one();
        }
        swap.is_ok()
    }
}

/// The right of one connection to be open. Dropping it admits another.
#[derive(Debug)]
pub(super) struct Permit {
    limiter: Arc<ConnectionLimiter>,
    number: u64,
    activity: Arc<Activity>,
}

impl Permit {
    /// Returns when the connection is to be closed.
    pub(super) async fn close_requested(&self) -> Close {
        self.activity.close.notified().await;
        match self.activity.state.load(Ordering::SeqCst) {
            EVICTED => Close::Now,
            _ => Close::Gracefully,
        }
    }

    /// Marks the connection as busy with a request. Returns `false` if it was evicted before.
    pub(super) fn request_started(&self) -> bool {
        self.activity.response_complete.store(false, Ordering::Relaxed);
        let busy = |state| (state != EVICTED).then_some(BUSY);
        self.activity.state.fetch_update(Ordering::SeqCst, Ordering::SeqCst, busy).is_ok()
    }

    /// Returns whether a response is in progress.
    pub(super) fn is_busy(&self) -> bool {
        self.activity.state.load(Ordering::Relaxed) == BUSY
    }

    /// Returns whether the connection is upgraded.
    pub(super) fn is_upgraded(&self) -> bool {
        self.activity.state.load(Ordering::Relaxed) == UPGRADED
    }

    /// Notes that the response is complete. The connection is idle after the next flush.
    pub(super) fn response_completed(&self) {
        self.activity.response_complete.store(true, Ordering::Relaxed);
    }

    /// Notes that all bytes so far are written to the socket.
    pub(super) fn flushed(&self) {
        if !self.activity.response_complete.load(Ordering::Relaxed) {
            return;
        }
        self.activity.response_complete.store(false, Ordering::Relaxed);
        let now = self.limiter.now();
        let idle =
            self.activity.state.compare_exchange(BUSY, now, Ordering::SeqCst, Ordering::Relaxed);
        // Stored before the load: the waiting side sets its flag and then looks at the states.
        if idle.is_ok() && self.limiter.is_waited_for.load(Ordering::SeqCst) {
            self.limiter.became_idle.notify_one();
        }
    }

    /// Moves the connection to the limit of upgraded ones. Returns `false` if that is reached.
    pub(super) fn upgrade(&self) -> bool {
        let Ok(upgraded) = self.limiter.free_upgraded.try_acquire() else { return false };
        upgraded.forget();
        self.activity.state.store(UPGRADED, Ordering::SeqCst);
        self.leave();
        true
    }

    /// Leaves the limit of HTTP connections.
    fn leave(&self) {
        self.limiter.connections().open.remove(&self.number);
        self.limiter.free.add_permits(1);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.activity.state.load(Ordering::SeqCst) == UPGRADED {
            self.limiter.free_upgraded.add_permits(1);
        } else {
            self.leave();
        }
    }
}

/// Returns how many file descriptors the process may open, on systems that say so in a file.
fn max_descriptors() -> Option<usize> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}
