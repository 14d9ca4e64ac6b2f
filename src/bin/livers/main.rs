//! The command-line program: parses the arguments, runs the server, prints its events, obeys the
//! keyboard, and stops on Ctrl-C, SIGTERM or SIGHUP. Or it [asks](ask) a server that runs.
//!
//! Exit codes of the server: 2 for invalid arguments, 1 for a runtime failure such as a port in use,
//! 0 after the first signal, and 128 more than the signal's number, such as 130 for Ctrl-C, if a
//! second one ends the program at once.

mod actions;
mod agents;
mod args;
mod ask;
mod browser;
mod clock;
mod descriptors;
mod editor;
mod errors;
mod foreground;
#[cfg(unix)]
mod ignored_signals;
mod keyboard;
mod line;
mod links;
mod memory;
mod messages;
mod place;
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
    actions::Actions,
    args::{Cli, Parsed},
    keyboard::Keys,
    servers::Registration,
    shutdown::Ended,
    terminal::Terminal,
    verbosity::Verbosity,
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
        |stop_requested, keys| run(cli, began, registration, stop_requested, keys)
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
    keys: Keys,
) -> Result<(), Error> {
    let (verbosity, log, open) = (cli.verbosity(), cli.log, cli.open.clone());
    let events = Events::default();
    events.set_requests(cli.verbose);
    let terminal = Terminal::start(events.subscribe(), verbosity, log);
    let config = editor::configure(cli.into_config(), |name| env::var(name).ok());
    let server = tokio::select! {
        server = Server::bind(config.clone(), events.clone()) => server?,
        _ = &mut stop_requested => return Ok(()),
    };
    // Before the banner: a script that has read it may ask.
    let registered = registration.write(&server, &config);
    let banner = if verbosity == Verbosity::Errors {
        terminal::url(&server)
    } else {
        terminal::banner(&server, &config, began.elapsed(), keys.ready)
    };
    terminal.banner(banner.clone());
    if let Err(error) = registered {
        terminal.print(messages::registration_error(&error));
    }
    // A script that starts the server of a project wants no browser.
    let of_project = server.open_path().filter(|_| io::stdout().is_terminal());
    let page = open.clone().or_else(|| server.open_path().map(str::to_owned));
    let actions = Actions {
        url: browser::url(&server.url(), page.as_deref().unwrap_or("/")),
        banner,
        control: server.control(),
        events,
        terminal: &terminal,
        verbosity,
    };
    if open.is_some() || of_project.is_some() {
        actions.open();
    }
    #[cfg(debug_assertions)]
    assert!(env::var_os("LIVERS_TEST_PANIC").is_none(), "LIVERS_TEST_PANIC is set");
    let stop_requested = async move {
        tokio::select! {
            // Fails if the main thread has given up.
            _ = stop_requested => {}
            never = actions.run(keys.pressed) => match never {},
        }
    };
    server.run_until(stop_requested).await;
    registration.remove();
    terminal.finish().await;
    Ok(())
}
