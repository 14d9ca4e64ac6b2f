//! The command line: reads the arguments, wires the library to the terminal, and stops on Ctrl-C.

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
        // What was asked for (--help, --version), not what went wrong.
        Err(text) if !text.use_stderr() => {
            let _ = text.print();
            return ExitCode::SUCCESS;
        }
        Err(wrong) => {
            terminal::failed(&args::explain(&wrong));
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
        Ok(runtime) => runtime.block_on(run(&cli, began)),
        Err(why) => Err(Error::System(why.to_string())),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            terminal::failed(&messages::startup_error(&error));
            // What was typed is wrong: 2, like any wrong flag. What this machine lacks: 1.
            let typed =
                !matches!(error, Error::AddressInUse(_) | Error::Bind(..) | Error::System(_));
            ExitCode::from(if typed { 2 } else { 1 })
        }
    }
}

async fn run(cli: &Cli, began: Instant) -> Result<(), Error> {
    // Before anybody can know that there is a server to stop.
    let stop = Stop::listen().map_err(|why| Error::System(why.to_string()))?;
    let events = Events::default().with_requests(cli.verbose);
    let terminal = Terminal::start(events.subscribe(), cli.amount());
    let server = cli.builder(Server::builder(&cli.root)).events(events).bind().await?;
    if !cli.quiet {
        terminal::banner(&server, &cli.watch, began.elapsed());
    }
    if cli.open
        && let Err(why) = open::that_detached(server.url())
    {
        terminal::no_browser(&server.url(), &why);
    }
    server.run_until(stop.asked()).await;
    terminal.stop();
    Ok(())
}

/// The ways in which a person or a system asks a program to end.
struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

#[cfg(unix)]
type Signal = tokio::signal::unix::Signal;

#[cfg(windows)]
type Signal = tokio::signal::windows::CtrlC;

impl Stop {
    /// From here on, Ctrl-C and SIGTERM are ours.
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

    /// Ends when it is asked for. If it is asked for twice, the program ends at once.
    async fn asked(mut self) {
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
