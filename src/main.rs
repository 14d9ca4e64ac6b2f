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
    let cli = Cli::parse();
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
    let events = Events::default().with_requests(cli.verbose);
    let terminal = Terminal::start(events.subscribe(), cli.amount());
    let server = cli.builder(Server::builder(&cli.root)).events(events).bind().await?;
    if !cli.quiet {
        terminal::banner(&server, &cli.root, began.elapsed());
    }
    if cli.open
        && let Err(why) = open::that_detached(server.url())
    {
        terminal::no_browser(&server.url(), &why);
    }
    server.run_until(stopped()).await;
    terminal.stop();
    Ok(())
}

/// Ends on the first Ctrl-C or SIGTERM. A second Ctrl-C ends the program at once.
async fn stopped() {
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminated() => {}
    }
    tokio::spawn(async {
        if tokio::signal::ctrl_c().await.is_ok() {
            #[allow(clippy::exit)]
            std::process::exit(130);
        }
    });
}

#[cfg(unix)]
async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(_) => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn terminated() {
    std::future::pending().await
}
