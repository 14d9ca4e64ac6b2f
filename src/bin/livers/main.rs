//! The command-line program: parses the arguments, runs the server, prints its events, and stops on
//! Ctrl-C or SIGTERM.
//!
//! Exit codes: 2 for invalid arguments, 1 for a runtime failure such as a port in use, 0 after the
//! first signal, and 130 (Ctrl-C) or 143 (SIGTERM) if a second one ends the program at once.

mod args;
mod browser;
mod descriptors;
mod line;
mod memory;
mod messages;
mod shutdown;
mod startup_error;
mod terminal;
mod verbosity;

use std::{
    env,
    ffi::OsString,
    io::{self, IsTerminal},
    process::ExitCode,
    time::Instant,
};

use livers::{Error, Events, Server};
use tokio::sync::oneshot;

use self::{
    args::{Cli, Parsed},
    shutdown::Ended,
    terminal::Terminal,
};

fn main() -> ExitCode {
    let began = Instant::now();
    memory::prepare();
    descriptors::raise_limit();
    let args: Vec<OsString> = env::args_os().collect();
    let cli = match args::parse(&args) {
        Parsed::Run(cli) => cli,
        Parsed::Print(text) => {
            let _ = text.print();
            return ExitCode::SUCCESS;
        }
        Parsed::Invalid(error) => {
            terminal::print_error(&error);
            return ExitCode::from(2);
        }
    };
    let root = cli.root(&args);
    let ended = shutdown::run(|stop_requested| run(*cli, began, stop_requested));
    let error = match ended.map_err(|why| Error::System(why.to_string())) {
        // What did not stop in time has nothing to lose: livers keeps no data.
        Ok(Ended::Returned(Ok(())) | Ended::TimedOut) => return ExitCode::SUCCESS,
        Ok(Ended::Interrupted(signal)) => return ExitCode::from(signal.exit_code()),
        Ok(Ended::Returned(Err(error))) | Err(error) => error,
    };
    terminal::print_error(&startup_error::startup_error(&error, &root));
    let runtime = matches!(error, Error::AddressInUse(_) | Error::Bind(..) | Error::System(_));
    ExitCode::from(if runtime { 1 } else { 2 })
}

async fn run(
    cli: Cli,
    began: Instant,
    mut stop_requested: oneshot::Receiver<()>,
) -> Result<(), Error> {
    let events = Events::default().with_requests(cli.verbose);
    let terminal = Terminal::start(events.subscribe(), cli.verbosity());
    let (quiet, open) = (cli.quiet, cli.open.clone());
    let config = cli.into_config();
    let server = tokio::select! {
        server = Server::bind(config.clone(), events) => server?,
        _ = &mut stop_requested => return Ok(()),
    };
    terminal.print(if quiet {
        terminal::url(&server)
    } else {
        terminal::banner(&server, &config, began.elapsed())
    });
    // A script that starts the server of a project wants no browser.
    let of_project = server.open_path().filter(|_| io::stdout().is_terminal());
    if let Some(path) = open.or_else(|| of_project.map(str::to_owned)) {
        let url = browser::url(&server.url(), &path);
        if let Err(error) = open::that_detached(&url) {
            terminal.print(messages::browser_error(&url, &error));
        }
    }
    let stop_requested = async move {
        // Fails if the main thread has given up.
        let _ = stop_requested.await;
    };
    server.run_until(stop_requested).await;
    terminal.finish();
    Ok(())
}
