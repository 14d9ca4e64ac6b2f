//! Runs the server and ends it on Ctrl-C or SIGTERM, whatever it is blocked on.
//!
//! The first signal asks the server to stop. Two seconds later, or at the second signal, the
//! process exits without it. A server that reads a dead network mount can block every thread of its
//! runtime, also while it starts; the main thread therefore handles signals on a runtime of its
//! own, and waits for no other thread. Threads that are still blocked end with the process.
//! Meanwhile the main thread returns freed memory to the system.

use std::{future::Future, io, panic::resume_unwind, time::Duration};

use tokio::{
    runtime::{Builder, Runtime},
    sync::oneshot,
    time::sleep,
};

use crate::memory;

/// How long the server may take to stop. [`Server::run_until`](livers::Server::run_until) needs
/// less.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// The most worker threads. One costs as much CPU time per request and serves as much; the second
/// keeps the server responsive while a call of the first blocks, as a `stat` on a slow network
/// mount does.
const MAX_WORKERS: usize = 2;

/// The most threads for blocking calls, such as disk reads and name resolution. Each costs memory
/// for its stack and in the allocator; further calls are queued.
const MAX_BLOCKING_THREADS: usize = 32;

/// How the server ended.
#[derive(Debug)]
pub(crate) enum Ended<T> {
    /// The server returned, by itself or because it was asked to stop.
    Returned(T),
    /// The server did not stop in time.
    TimedOut,
    /// A second signal came before the server had stopped.
    Interrupted(Signal),
}

/// Runs a server until it returns or is to be abandoned. The server receives a message when it is
/// asked to stop.
///
/// # Errors
/// The system refuses a thread or the signal handlers.
pub(crate) fn run<F>(
    server: impl FnOnce(oneshot::Receiver<()>) -> F,
) -> io::Result<Ended<F::Output>>
where
    F: Future<Output: Send> + Send + 'static,
{
    let workers = workers()?;
    let ended: io::Result<_> =
        Builder::new_current_thread().enable_all().build()?.block_on(async {
            // Before the server's first output, after which a signal may come.
            let mut signals = Signals::listen()?;
            let (stop, stop_requested) = oneshot::channel();
            let mut server = workers.spawn(server(stop_requested));
            tokio::select! {
                biased;
                result = &mut server => return Ok(Ended::Returned(result)),
                _ = signals.next() => {}
                never = memory::return_freed() => match never {},
            }
            // Fails if the server returns at this moment.
            let _ = stop.send(());
            Ok(tokio::select! {
                biased;
                result = server => Ended::Returned(result),
                signal = signals.next() => Ended::Interrupted(signal),
                () = sleep(STOP_TIMEOUT) => Ended::TimedOut,
            })
        });
    workers.shutdown_background();
    Ok(match ended? {
        Ended::Returned(Ok(result)) => Ended::Returned(result),
        Ended::Returned(Err(error)) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // Only a runtime that shuts down cancels a task.
            Err(_) => Ended::TimedOut,
        },
        Ended::TimedOut => Ended::TimedOut,
        Ended::Interrupted(signal) => Ended::Interrupted(signal),
    })
}

/// Starts the runtime of the server.
fn workers() -> io::Result<Runtime> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(MAX_WORKERS);
    Builder::new_multi_thread()
        .worker_threads(threads)
        .max_blocking_threads(MAX_BLOCKING_THREADS)
        .enable_all()
        .build()
}

/// A signal that asks the program to end.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Signal {
    /// SIGINT, as of Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

impl Signal {
    /// Returns the exit code that shells report for a process that the signal ended.
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Self::Interrupt => 128 + 2,
            Self::Terminate => 128 + 15,
        }
    }
}

#[cfg(unix)]
type Listener = tokio::signal::unix::Signal;

#[cfg(windows)]
type Listener = tokio::signal::windows::CtrlC;

/// The handlers of signals.
struct Signals {
    interrupt: Listener,
    terminate: Listener,
}

impl Signals {
    /// Installs the handlers.
    #[cfg(unix)]
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    #[cfg(windows)]
    fn listen() -> io::Result<Self> {
        use tokio::signal::windows::ctrl_c;
        Ok(Self { interrupt: ctrl_c()?, terminate: ctrl_c()? })
    }

    /// Waits for the next signal.
    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
        }
    }
}
