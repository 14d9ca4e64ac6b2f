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

/// The most worker threads. One costs as much CPU time per request and serves as much; the second
/// keeps the server responsive while a call of the first blocks, as a `stat` on a slow network
/// mount does.
const MAX_WORKERS: usize = 2;

/// The most threads for blocking calls, such as disk reads and name resolution. Each costs memory
/// for its stack and in the allocator; further calls are queued.
const MAX_BLOCKING_THREADS: usize = 32;

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
            terminal::print_error(&args::explain(&invalid));
            return ExitCode::from(2);
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(MAX_WORKERS);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .max_blocking_threads(MAX_BLOCKING_THREADS)
        .enable_all()
        .build();
    let result = match runtime {
        Ok(runtime) => {
            let result = runtime.block_on(run(cli, began));
            // Not waiting for blocking tasks, which a dead network mount can hold forever.
            runtime.shutdown_background();
            result
        }
        Err(why) => Err(Error::System(why.to_string())),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            terminal::print_error(&messages::startup_error(&error));
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
        terminal::print_banner(&server, &extra_watch_paths, began.elapsed());
    }
    if open && let Err(error) = open::that_detached(server.url()) {
        terminal::print_browser_error(&server.url(), &error);
    }
    server.run_until(stop.received()).await;
    terminal.finish();
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
