//! The command line: reads the arguments, wires the library to the terminal, and stops on Ctrl-C.

mod cli;
mod terminal;

use std::{process::ExitCode, time::Instant};

use clap::Parser;
use livers::{Error, Events, Server};

use self::{cli::Cli, terminal::Terminal};

/// More threads than this only cost memory: a request's work is small, and its I/O waits.
const THREADS: usize = 4;

fn main() -> ExitCode {
    let began = Instant::now();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // What was asked for (--help, --version), not what went wrong.
        Err(text) if !text.use_stderr() => {
            let _ = text.print();
            return ExitCode::SUCCESS;
        }
        Err(wrong) => {
            terminal::failed(&cli::explain(&wrong));
            return ExitCode::from(2);
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(run(&cli, began)),
        Err(why) => Err(Error::Watch(why.to_string())),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            terminal::failed(&error);
            // What was typed is wrong: 2, like any wrong flag. What this machine lacks: 1.
            let typed =
                !matches!(error, Error::AddressInUse(_) | Error::Bind(..) | Error::Watch(_));
            ExitCode::from(if typed { 2 } else { 1 })
        }
    }
}

async fn run(cli: &Cli, began: Instant) -> Result<(), Error> {
    // Before anybody can know that there is a server to stop.
    let mut signals = Signals::new();
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
    let stopped = async {
        signals.next().await;
        // A second one ends the program at once.
        tokio::spawn(async move {
            signals.next().await;
            #[allow(clippy::exit)]
            std::process::exit(130);
        });
    };
    server.run_until(stopped).await;
    terminal.stop();
    Ok(())
}

/// Ctrl-C, and the wish of a system that ends. From its making on, none is missed, and none ends the
/// program by itself.
#[cfg(unix)]
struct Signals([Option<tokio::signal::unix::Signal>; 2]);

#[cfg(unix)]
impl Signals {
    fn new() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        Self([SignalKind::interrupt(), SignalKind::terminate()].map(|kind| signal(kind).ok()))
    }

    async fn next(&mut self) {
        std::future::poll_fn(|context| {
            let mut signals = self.0.iter_mut().flatten();
            if signals.any(|signal| signal.poll_recv(context).is_ready()) {
                std::task::Poll::Ready(())
            } else {
                std::task::Poll::Pending
            }
        })
        .await;
    }
}

/// Ctrl-C.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> Self {
        Self
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    }
}
