//! Runs the server and ends it on Ctrl-C, SIGTERM, SIGHUP or the key `q`, whatever it is blocked on.
//!
//! The first of these asks the server to stop, and the terminal is restored at once: the shell may
//! be back before the server has stopped. Two seconds later, or at the second signal, the process
//! exits without it. Ctrl-\\ (SIGQUIT) ends it at once. A server that reads a dead network mount can block every thread of its
//! runtime, also while it starts; the main thread therefore handles signals on a runtime of its
//! own, and waits for no other thread. Threads that are still blocked end with the process.
//! Meanwhile the main thread returns freed memory to the system.

use std::{future::Future, io, panic::resume_unwind, time::Duration};
#[cfg(unix)]
use std::{future::poll_fn, task::Poll};

use tokio::{
    runtime::{Builder, Runtime},
    sync::oneshot,
    time::sleep,
};

use crate::{
    keyboard::{Keyboard, Keys},
    memory,
};

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
    /// A second signal came before the server had stopped, or one that does not wait for it.
    Interrupted(Signal),
}

/// Runs a server until it returns or is to be abandoned. The server receives a message when it is
/// asked to stop, and the keys that are pressed.
///
/// # Errors
/// The system refuses a thread or the signal handlers.
pub(crate) fn run<F>(
    server: impl FnOnce(oneshot::Receiver<()>, Keys) -> F,
) -> io::Result<Ended<F::Output>>
where
    F: Future<Output: Send> + Send + 'static,
{
    let workers = workers()?;
    let ended: io::Result<_> =
        Builder::new_current_thread().enable_all().build()?.block_on(async {
            // Before the server's first output, after which a signal may come.
            let mut signals = Signals::listen()?;
            // Restores the terminal when it is dropped, however the server ends.
            let (mut keyboard, keys) = Keyboard::start();
            let (stop, stop_requested) = oneshot::channel();
            let mut server = workers.spawn(server(stop_requested, keys));
            tokio::select! {
                biased;
                result = &mut server => return Ok(Ended::Returned(result)),
                signal = signals.next() => if signal == Signal::Quit {
                    return Ok(Ended::Interrupted(signal));
                },
                () = keyboard.quit() => {}
                never = memory::return_freed() => match never {},
            }
            drop(keyboard);
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(windows, allow(dead_code))]
pub(crate) enum Signal {
    /// SIGHUP: the terminal was closed.
    HangUp,
    /// SIGINT, as of Ctrl-C.
    Interrupt,
    /// SIGQUIT, as of Ctrl-\.
    Quit,
    /// SIGTERM.
    Terminate,
}

impl Signal {
    /// Returns the exit code that shells report for a process that the signal ended.
    pub(crate) fn exit_code(self) -> u8 {
        128 + match self {
            Self::HangUp => 1,
            Self::Interrupt => 2,
            Self::Quit => 3,
            Self::Terminate => 15,
        }
    }
}

/// The handlers of signals.
#[cfg(unix)]
struct Signals(Vec<(Signal, tokio::signal::unix::Signal)>);

#[cfg(unix)]
impl Signals {
    /// Installs the handlers.
    fn listen() -> io::Result<Self> {
        use std::io::{IsTerminal, stdin};

        use tokio::signal::unix::{SignalKind, signal};

        use crate::ignored_signals::is_ignored;
        let mut signals = vec![
            (Signal::Interrupt, signal(SignalKind::interrupt())?),
            (Signal::Terminate, signal(SignalKind::terminate())?),
            (Signal::Quit, signal(SignalKind::quit())?),
        ];
        // `nohup` ignores it, and where the system does not tell, it replaces a terminal as input.
        if stdin().is_terminal() && !is_ignored(SignalKind::hangup().as_raw_value()) {
            signals.push((Signal::HangUp, signal(SignalKind::hangup())?));
        }
        Ok(Self(signals))
    }

    /// Waits for the next signal.
    async fn next(&mut self) -> Signal {
        poll_fn(|cx| {
            let ready = |(signal, listener): &mut (Signal, tokio::signal::unix::Signal)| {
                listener.poll_recv(cx).is_ready().then_some(*signal)
            };
            self.0.iter_mut().find_map(ready).map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

/// The handler of Ctrl-C.
#[cfg(windows)]
struct Signals(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Signals {
    /// Installs the handler.
    fn listen() -> io::Result<Self> {
        tokio::signal::windows::ctrl_c().map(Self)
    }

    /// Waits for the next Ctrl-C.
    async fn next(&mut self) -> Signal {
        self.0.recv().await;
        Signal::Interrupt
    }
}
