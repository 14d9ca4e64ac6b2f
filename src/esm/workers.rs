//! Threads that compile: few, with a large stack, and with a deadline for every job.
//!
//! A job gets one of a few running slots. After [`Limits::slow`] it moves to one of the slow slots,
//! so that a job that hangs does not delay the others; after [`Limits::deadline`] its caller gets
//! an error. A thread cannot be stopped, so an overdue job keeps its slot until it ends, and the
//! same job is not started again meanwhile. The number of slots bounds the threads, which are
//! separate from those that serve files.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, Mutex, Weak, mpsc},
    thread,
    time::{Duration, Instant},
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, oneshot},
    time::timeout,
};

use super::{
    lock::lock,
    stack::{self, INTERNAL_ERROR},
};

/// The time that a job may take, and the numbers of jobs at the same time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// How long a caller waits, including for a slot.
    pub(super) deadline: Duration,
    /// The time after which a job makes room for others.
    pub(super) slow: Duration,
    /// The number of jobs that have not become slow.
    pub(super) running_jobs: usize,
    /// The number of slow jobs. Further ones keep their running slots.
    pub(super) slow_jobs: usize,
}

impl Default for Limits {
    fn default() -> Self {
        let cores = thread::available_parallelism().map_or(2, usize::from);
        Self {
            deadline: Duration::from_secs(10),
            slow: Duration::from_millis(500),
            running_jobs: cores.clamp(2, 8),
            slow_jobs: 16,
        }
    }
}

/// The reason why a job has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stopped {
    /// The job did not end in time.
    Overdue(Duration),
    /// No slot became free in time, because other jobs do not end.
    Busy,
    /// The job panicked, or no thread could be started.
    Failed,
}

impl Stopped {
    /// Returns the message for the developer.
    pub(super) fn message(self) -> String {
        match self {
            Self::Overdue(deadline) => format!(
                "compiling this file takes more than {} s; livers has given up on it",
                deadline.as_secs()
            ),
            Self::Busy => "livers could not compile this file, because it is still busy with \
                other files that take too long"
                .to_owned(),
            Self::Failed => INTERNAL_ERROR.to_owned(),
        }
    }
}

/// The threads.
pub(super) struct Workers {
    pub(super) limits: Limits,
    running: Arc<Semaphore>,
    slow: Arc<Semaphore>,
    shared: Arc<Shared>,
}

/// What the threads share with [`Workers`].
#[derive(Default)]
struct Shared {
    /// The threads that wait for a job.
    idle: Mutex<Vec<mpsc::Sender<Assignment>>>,
    /// The jobs that run, and when they were started.
    started: Mutex<HashMap<u64, Instant>>,
}

/// Runs a job, and returns what is to be done when its thread is free for another one.
type Work = Box<dyn FnOnce() -> Box<dyn FnOnce()> + Send>;

/// A job for a thread, and the way to give it another one.
struct Assignment {
    work: Work,
    again: mpsc::Sender<Assignment>,
}

/// The slot of a job, which is freed when the job has ended.
type Slot = Arc<Mutex<Option<OwnedSemaphorePermit>>>;

impl Workers {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            running: Arc::new(Semaphore::new(limits.running_jobs)),
            slow: Arc::new(Semaphore::new(limits.slow_jobs)),
            shared: Arc::default(),
        }
    }

    /// Runs a job on a thread. `job` identifies it among those that are overdue.
    ///
    /// # Errors
    /// The job does not end in time, does not begin in time, or panics.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        job: impl Hash,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Stopped> {
        self.run_within(self.limits.deadline, job, work).await
    }

    /// Like [`run`](Self::run), with another deadline.
    ///
    /// # Errors
    /// Like [`run`](Self::run).
    pub(super) async fn run_within<T: Send + 'static>(
        &self,
        deadline: Duration,
        job: impl Hash,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Stopped> {
        let slow = self.limits.slow;
        let (began, key) = (Instant::now(), key(job));
        let started = lock(&self.shared.started).get(&key).copied();
        if started.is_some_and(|started| started.elapsed() >= deadline) {
            return Err(Stopped::Overdue(deadline));
        }
        let slot = match timeout(deadline, Arc::clone(&self.running).acquire_owned()).await {
            Ok(Ok(permit)) => Arc::new(Mutex::new(Some(permit))),
            _ => return Err(Stopped::Busy),
        };
        let (sender, mut result) = oneshot::channel();
        self.start(key, &slot, work, move |result| drop(sender.send(result)))?;
        // Also if the client goes away and this future is dropped.
        let room = MakeRoom { workers: self, slot };
        if let Ok(result) = timeout(slow, &mut result).await {
            return result.map_err(|_| Stopped::Failed);
        }
        drop(room);
        let rest = deadline.saturating_sub(began.elapsed());
        let result = timeout(rest, result).await.map_err(|_| Stopped::Overdue(deadline))?;
        result.map_err(|_| Stopped::Failed)
    }

    /// Like [`run`](Self::run), for a thread that cannot wait long: fails at once if no slot is
    /// free, and after [`Limits::slow`] if the job has not ended.
    ///
    /// # Errors
    /// Like [`run`](Self::run).
    ///
    /// # Blocking
    /// Waits for the job.
    pub(super) fn run_blocking<T: Send + 'static>(
        &self,
        job: impl Hash,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Stopped> {
        let key = key(job);
        let permit = Arc::clone(&self.running).try_acquire_owned().map_err(|_| Stopped::Busy)?;
        let slot = Arc::new(Mutex::new(Some(permit)));
        let (sender, result) = mpsc::channel();
        self.start(key, &slot, work, move |result| drop(sender.send(result)))?;
        match result.recv_timeout(self.limits.slow) {
            Ok(result) => Ok(result),
            Err(mpsc::RecvTimeoutError::Disconnected) => Err(Stopped::Failed),
            Err(mpsc::RecvTimeoutError::Timeout) => {
                drop(MakeRoom { workers: self, slot });
                Err(Stopped::Overdue(self.limits.slow))
            }
        }
    }

    /// Hands work to an idle thread, or to a new one. Its result is delivered when the slot is free
    /// and the thread idle, so that the next job finds both.
    fn start<T: 'static>(
        &self,
        key: u64,
        slot: &Slot,
        work: impl FnOnce() -> T + Send + 'static,
        deliver: impl FnOnce(T) + Send + 'static,
    ) -> Result<(), Stopped> {
        let is_first = match lock(&self.shared.started).entry(key) {
            Entry::Vacant(entry) => {
                entry.insert(Instant::now());
                true
            }
            Entry::Occupied(_) => false,
        };
        let end = End { key, is_first, slot: Arc::clone(slot), shared: Arc::clone(&self.shared) };
        let work: Work = Box::new(move || {
            let result = work();
            Box::new(move || {
                drop(end);
                deliver(result);
            })
        });
        let idle = lock(&self.shared.idle).pop();
        let (thread, receiver) = if let Some(thread) = idle {
            (thread, None)
        } else {
            let (thread, receiver) = mpsc::channel();
            (thread, Some(receiver))
        };
        let again = thread.clone();
        thread.send(Assignment { work, again }).map_err(|_| Stopped::Failed)?;
        let Some(receiver) = receiver else { return Ok(()) };
        let (shared, kept) = (Arc::downgrade(&self.shared), self.limits.running_jobs);
        let builder =
            thread::Builder::new().name("livers-compile".to_owned()).stack_size(stack::LARGE);
        let spawned = builder.spawn(move || serve(&receiver, &shared, kept));
        spawned.map(drop).map_err(|_| Stopped::Failed)
    }
}

/// Runs jobs until there are enough idle threads, or no [`Workers`] any more.
fn serve(jobs: &mpsc::Receiver<Assignment>, shared: &Weak<Shared>, kept: usize) {
    while let Ok(Assignment { work, again }) = jobs.recv() {
        let finish = work();
        let is_kept = shared.upgrade().is_some_and(|shared| {
            let mut idle = lock(&shared.idle);
            let is_kept = idle.len() < kept;
            if is_kept {
                idle.push(again);
            }
            is_kept
        });
        finish();
        if !is_kept {
            return;
        }
    }
}

/// Moves a job that has not ended to a slow slot, if there is one.
struct MakeRoom<'w> {
    workers: &'w Workers,
    slot: Slot,
}

impl Drop for MakeRoom<'_> {
    fn drop(&mut self) {
        let mut slot = lock(&self.slot);
        if slot.is_some()
            && let Ok(permit) = Arc::clone(&self.workers.slow).try_acquire_owned()
        {
            *slot = Some(permit);
        }
    }
}

/// Frees the slot of a job when it has ended, also by a panic.
struct End {
    key: u64,
    /// Whether the job was not running already.
    is_first: bool,
    slot: Slot,
    shared: Arc<Shared>,
}

impl Drop for End {
    fn drop(&mut self) {
        if self.is_first {
            lock(&self.shared.started).remove(&self.key);
        }
        *lock(&self.slot) = None;
    }
}

fn key(job: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    job.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc::channel, time::Duration};

    use super::{Limits, Stopped, Workers};

    /// Returns workers with limits for jobs that never end. The deadline is long enough for the
    /// start of a thread on a busy machine.
    fn workers() -> Workers {
        let (deadline, slow) = (Duration::from_secs(2), Duration::from_millis(20));
        Workers::new(Limits { deadline, slow, running_jobs: 1, slow_jobs: 1 })
    }

    #[tokio::test]
    async fn jobs_run_one_after_another_on_the_same_thread() {
        let workers = Workers::new(Limits::default());
        let id = || std::thread::current().id();
        let first = workers.run("a", id).await;
        assert_eq!(workers.run("b", id).await, first);
        assert!(first.is_ok());
    }

    #[tokio::test]
    async fn a_panic_fails_its_job_only() {
        // A panic can take long, because it prints a backtrace.
        let workers = Workers::new(Limits::default());
        #[allow(clippy::panic)]
        let failed = workers.run("a", || -> u8 { panic!("expected by the test") }).await;
        assert_eq!(failed, Err(Stopped::Failed));
        assert_eq!(workers.run("a", || 1).await, Ok(1));
    }

    #[tokio::test]
    async fn jobs_that_hang_are_bounded_and_make_room_for_others() {
        let workers = workers();
        let overdue = Err(Stopped::Overdue(workers.limits.deadline));
        let (end_first, first) = channel::<()>();
        let hangs = move || first.recv().unwrap_or_default();
        assert_eq!(workers.run("a", hangs).await, overdue);
        // The first one has moved to the only slow slot.
        assert_eq!(workers.run("b", || 1).await, Ok(1));
        // It is not started again.
        let again = workers.run("a", || ()).await;
        assert_eq!(again, overdue);
        // The second one has no slow slot, and keeps its running slot.
        let (end_second, second) = channel::<()>();
        assert_eq!(workers.run("c", move || second.recv().unwrap_or_default()).await, overdue);
        assert_eq!(workers.run("d", || 1).await, Err(Stopped::Busy));
        assert_eq!(workers.run_blocking("d", || 1), Err(Stopped::Busy));
        // The slots are free once the jobs end.
        drop(end_second);
        assert_eq!(workers.run("d", || 1).await, Ok(1));
        drop(end_first);
        while !super::lock(&workers.shared.started).is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(workers.run("a", || 1).await.map(|_| ()), Ok(()));
    }

    #[test]
    fn a_blocking_call_waits_a_short_time() {
        assert_eq!(Workers::new(Limits::default()).run_blocking("a", || 1), Ok(1));
        let workers = workers();
        let (end, hangs) = channel::<()>();
        let result = workers.run_blocking("b", move || hangs.recv().unwrap_or_default());
        assert_eq!(result, Err(Stopped::Overdue(workers.limits.slow)));
        drop(end);
    }
}
