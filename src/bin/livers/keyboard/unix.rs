//! Reads keys while the process is in the foreground, and hands the terminal back when it stops.
//!
//! **Ctrl-Z** (SIGTSTP) restores the terminal and then stops the process. The default action of
//! SIGTSTP is not available once it has a handler, so the process stops itself by SIGTTIN, which
//! differs from SIGTSTP only in the word that the shell prints. In contrast to SIGSTOP, neither
//! stops a process that no shell could continue (POSIX: an orphaned process group).
//!
//! **`fg`** sends SIGCONT if the process was stopped, and nothing if it ran in the background. In
//! the background livers therefore looks once a second whether it is in the foreground again.

use std::{
    future::pending,
    io::{self, IsTerminal, Stdin, stdin, stdout},
    time::{Duration, Instant},
};

use rustix::{
    io::Errno,
    process::{Signal, getpid, kill_process},
};
use tokio::{
    io::{Interest, unix::AsyncFd},
    signal::unix::{Signal as Listener, SignalKind, signal},
    sync::mpsc,
    time::sleep,
};

use super::{
    Keys,
    keys::{Key, Parser},
    mode::{Mode, may_read},
};
use crate::ignored_signals;

/// How many keys may wait for their effect. More are dropped.
const MAX_KEYS: usize = 16;

/// How often a process in the background looks whether it is in the foreground.
const FOREGROUND_INTERVAL: Duration = Duration::from_secs(1);

/// The most bytes that are read at once.
const BUFFER: usize = 256;

/// The keys of the terminal. Dropping it restores the terminal.
pub(crate) struct Keyboard(Option<Terminal>);

impl Keyboard {
    /// Starts to read keys, if standard input and output are a terminal. With the output in a pipe,
    /// the other end may be a pager, which reads keys as well.
    ///
    /// Called in a Tokio runtime.
    pub(crate) fn start() -> (Self, Keys) {
        let (sender, pressed) = mpsc::channel(MAX_KEYS);
        let is_terminal = stdin().is_terminal() && stdout().is_terminal();
        let mut terminal = is_terminal.then(|| Terminal::open(sender).ok()).flatten();
        let ready = terminal.as_mut().is_some_and(|terminal| terminal.mode.enter());
        (Self(terminal), Keys { pressed, ready })
    }

    /// Sends the keys on, until the one that ends livers.
    pub(crate) async fn quit(&mut self) {
        match &mut self.0 {
            Some(terminal) => terminal.read_keys().await,
            None => pending().await,
        }
    }
}

struct Terminal {
    stdin: AsyncFd<Stdin>,
    mode: Mode,
    parser: Parser,
    keys: mpsc::Sender<Key>,
    /// Ctrl-Z, unless it is ignored.
    stop: Option<Listener>,
    resumed: Listener,
}

impl Terminal {
    fn open(keys: mpsc::Sender<Key>) -> io::Result<Self> {
        let listen = |number: Signal| signal(SignalKind::from_raw(number.as_raw()));
        // Deprecated because the descriptor could be closed meanwhile. Standard input stays open.
        #[expect(deprecated)]
        let stdin = AsyncFd::with_interest(stdin(), Interest::READABLE)?;
        let ignores_stop = ignored_signals::is_ignored(Signal::TSTP.as_raw());
        Ok(Self {
            stdin,
            mode: Mode::default(),
            parser: Parser::default(),
            keys,
            stop: if ignores_stop { None } else { Some(listen(Signal::TSTP)?) },
            resumed: listen(Signal::CONT)?,
        })
    }

    async fn read_keys(&mut self) {
        loop {
            let is_entered = self.mode.is_entered();
            let input = async {
                if is_entered {
                    return read(&self.stdin).await;
                }
                sleep(FOREGROUND_INTERVAL).await;
                Ok(Vec::new())
            };
            let bytes = tokio::select! {
                biased;
                () = next(self.stop.as_mut()) => {
                    self.mode.restore();
                    // Stops every thread, until SIGCONT.
                    let _ = kill_process(getpid(), Signal::TTIN);
                    continue;
                }
                () = next(Some(&mut self.resumed)) => {
                    self.enter(true);
                    continue;
                }
                bytes = input => bytes,
            };
            match bytes {
                Ok(bytes) if bytes.is_empty() => self.enter(!is_entered),
                Ok(bytes) => {
                    for key in self.parser.keys(&bytes, Instant::now()) {
                        if key == Key::Quit {
                            return;
                        }
                        // With so many in the queue, the terminal or the server blocks.
                        let _ = self.keys.try_send(key);
                    }
                }
                // The terminal is gone.
                Err(_) => pending().await,
            }
        }
    }

    /// Enters the mode if it is not entered. `is_back` is whether another program may have used the
    /// terminal since the last key.
    fn enter(&mut self, is_back: bool) {
        if self.mode.enter() && is_back {
            let _ = self.keys.try_send(Key::Back);
        }
    }
}

/// Waits for a signal. Without a listener it never returns.
async fn next(listener: Option<&mut Listener>) {
    match listener {
        Some(listener) => drop(listener.recv().await),
        None => pending().await,
    }
}

/// Waits for input and returns it. Returns nothing if the process is in the background, where a
/// read would stop it.
///
/// # Errors
/// The terminal is closed.
async fn read(stdin: &AsyncFd<Stdin>) -> io::Result<Vec<u8>> {
    loop {
        let mut ready = stdin.readable().await?;
        if !may_read() {
            return Ok(Vec::new());
        }
        let mut buffer = [0; BUFFER];
        // Does not block: see `Mode::enter`.
        match rustix::io::retry_on_intr(|| rustix::io::read(stdin.get_ref(), &mut buffer)) {
            Ok(0) if ready.ready().is_read_closed() => {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            Ok(0) | Err(Errno::AGAIN) => ready.clear_ready(),
            Ok(length) => return Ok(buffer[..length].to_vec()),
            Err(error) => return Err(error.into()),
        }
    }
}
