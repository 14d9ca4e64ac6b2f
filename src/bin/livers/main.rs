//! The command-line program: parses the arguments, runs the server, prints its events, and stops on
//! Ctrl-C or SIGTERM. Or it [asks](ask) a server that runs.
//!
//! Exit codes of the server: 2 for invalid arguments, 1 for a runtime failure such as a port in use, 0 after the
//! first signal, and 130 (Ctrl-C) or 143 (SIGTERM) if a second one ends the program at once.

mod agents;
mod args;
mod ask;
mod browser;
mod descriptors;
mod editor;
mod line;
mod memory;
mod messages;
mod servers;
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
    args::{Cli, LogFormat, Parsed},
    servers::Registration,
    shutdown::Ended,
    terminal::Terminal,
};

fn main() -> ExitCode {
    let began = Instant::now();
    let args: Vec<OsString> = env::args_os().collect();
    match args::parse(&args) {
        Parsed::Run(cli) => serve(*cli, &args, began),
        Parsed::Ask(command) => ask::run(command),
        Parsed::Print(text) => {
            let _ = text.print();
            ExitCode::SUCCESS
        }
        Parsed::Invalid(error) => {
            terminal::print_error(&error);
            ExitCode::from(2)
        }
    }
}

/// Runs the server until it ends.
fn serve(cli: Cli, args: &[OsString], began: Instant) -> ExitCode {
    memory::prepare();
    descriptors::raise_limit();
    let root = cli.root(args);
    let registration = Registration::default();
    let ended = shutdown::run({
        let registration = registration.clone();
        |stop_requested| run(cli, began, registration, stop_requested)
    });
    // Also if the server hangs.
    registration.remove();
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
    registration: Registration,
    mut stop_requested: oneshot::Receiver<()>,
) -> Result<(), Error> {
    let events = Events::default().with_requests(cli.verbose);
    let terminal = Terminal::start(events.subscribe(), cli.verbosity(), cli.log);
    let (quiet, log, open) = (cli.quiet, cli.log, cli.open.clone());
    let config = editor::configure(cli.into_config(), |name| env::var(name).ok());
    let server = tokio::select! {
        server = Server::bind(config.clone(), events) => server?,
        _ = &mut stop_requested => return Ok(()),
    };
    // Before the banner: a script that has read it may ask.
    let registered = registration.write(&server, &config);
    if log == LogFormat::Text {
        terminal.print(if quiet {
            terminal::url(&server)
        } else {
            terminal::banner(&server, &config, began.elapsed())
        });
    }
    if let Err(error) = registered {
        terminal.print(messages::registration_error(&error));
    }
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
    registration.remove();
    terminal.finish();
    Ok(())
}
