//! The command-line program: parses the arguments, runs the server, prints its events, and stops on
//! Ctrl-C or SIGTERM.
//!
//! Exit codes: 2 for invalid arguments, 1 for a runtime failure such as a port in use.

mod args;
mod messages;
mod process;
mod terminal;

use std::{io, process::ExitCode, time::Instant};

use clap::Parser;
use livers::{Error, Events, Server};

use self::{args::Cli, terminal::Terminal};

/// More threads than this only cost memory: a request's work is small, and its I/O waits.
const THREADS: usize = 4;

/// More threads than this that wait for the disk, or for a name to be resolved, cost memory too, each
/// its stack and its share of the allocator's; what is asked for beyond waits in line.
const WAITING: usize = 32;

fn main() -> ExitCode {
    let began = Instant::now();
    process::prepare();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // --help and --version.
        Err(text) if !text.use_stderr() => {
            let _ = text.print();
            return ExitCode::SUCCESS;
        }
        Err(invalid) => {
            terminal::failed(&args::explain(&invalid));
            return ExitCode::from(2);
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .max_blocking_threads(WAITING)
        .enable_all()
        .build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(run(cli, began)),
        Err(why) => Err(Error::System(why.to_string())),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            terminal::failed(&messages::startup_error(&error));
            let runtime =
                matches!(error, Error::AddressInUse(_) | Error::Bind(..) | Error::System(_));
            ExitCode::from(if runtime { 1 } else { 2 })
        }
    }
}

async fn run(cli: Cli, began: Instant) -> Result<(), Error> {
    // Before the first output, after which a signal may come.
    let stop = Stop::listen().map_err(|why| Error::System(why.to_string()))?;
    let events = Events::default().with_requests(cli.verbose);
    let terminal = Terminal::start(events.subscribe(), cli.verbosity());
    let (quiet, open) = (cli.quiet, cli.open);
    let config = cli.into_config();
    let extra_watch_paths = config.watch.clone();
    let server = Server::bind(config, events).await?;
    if !quiet {
        terminal::banner(&server, &extra_watch_paths, began.elapsed());
    }
    if open && let Err(why) = open::that_detached(server.url()) {
        terminal::no_browser(&server.url(), &why);
    }
    server.run_until(stop.received()).await;
    terminal.stop();
    Ok(())
}

/// The signals that ask the program to end.
struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

#[cfg(unix)]
type Signal = tokio::signal::unix::Signal;

#[cfg(windows)]
type Signal = tokio::signal::windows::CtrlC;

impl Stop {
    /// Installs the handlers of SIGINT (Ctrl-C) and SIGTERM.
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

    /// Returns at the first signal. A second SIGINT ends the process at once.
    async fn received(mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
        tokio::spawn(async move {
            self.interrupt.recv().await;
            #[allow(clippy::exit)]
            std::process::exit(130);
        });
    }
}
