//! The definition of the commands, which ask a running server.
//!
//! A command is the first argument. Everything else on the command line belongs to the server: see
//! [`Cli`](super::Cli).

use std::{ffi::OsString, path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, builder::Styles};

use super::values::{milliseconds, page_path, port, seconds, version};

/// The commands as `livers --help` lists them.
pub(super) const HELP: &str = "\
Commands, for scripts and agents (livers wait --help):
  livers wait [FILE...]                      wait until the open tabs run what is saved
  livers errors                              print what is wrong now
  livers tabs                                print the open tabs
  livers reload [PATH]                       reload all tabs, or those of a page
  livers logs [-f]                           print what the server reported
  livers list                                print the running servers
  livers init agents                         write instructions for agents to AGENTS.md";

#[derive(Debug, Parser)]
#[command(name = "livers", styles = Styles::plain(), max_term_width = 100)]
#[command(disable_help_subcommand = true)]
pub(super) struct CommandLine {
    #[command(subcommand)]
    pub(super) command: Command,
}

/// A command.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Waits until every open tab that uses the files runs their current content, or cannot. Exit
    /// codes: 0 applied or unchanged, 1 errors, 3 not used by an open tab, 4 timeout, 5 no server
    Wait(Wait),
    /// Prints compile errors, and the errors and console messages of the open tabs. Exit codes: 0
    /// no errors, 1 some, 5 no server
    Errors(Target),
    /// Prints the open tabs
    Tabs(Target),
    /// Reloads all tabs, or those that show a page. Exit codes: 0 reloaded, 3 none is open, 5 no
    /// server
    Reload(Reload),
    /// Prints what the server reported, as its terminal does
    Logs(Logs),
    /// Prints the running servers of this user
    List(List),
    /// Writes a file for the project
    Init(Init),
}

/// Which server is asked, and how the answer is printed.
#[derive(Clone, Debug, Args)]
pub(crate) struct Target {
    /// Print the answer of the server as JSON
    #[arg(long)]
    pub(crate) json: bool,

    /// Port of the server [default: the server whose folder holds the current one]
    #[arg(short, long, value_parser = port, allow_negative_numbers = true)]
    pub(crate) port: Option<u16>,
}

#[derive(Debug, Args)]
pub(crate) struct Wait {
    /// Files to wait for, which may be deleted [default: those of the last change]
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    /// How long to wait [default: 10]
    #[arg(long, value_name = "SECONDS", value_parser = seconds, allow_negative_numbers = true)]
    pub(crate) timeout: Option<Duration>,

    /// How long errors may follow a change; 0 answers at once [default: 300]
    #[arg(long, value_name = "MS", value_parser = milliseconds, allow_negative_numbers = true)]
    pub(crate) settle: Option<Duration>,

    /// Ask about the changes after this version, from an earlier answer
    #[arg(long, value_name = "VERSION", value_parser = version, allow_negative_numbers = true)]
    pub(crate) since: Option<u64>,

    #[command(flatten)]
    pub(crate) target: Target,
}

#[derive(Debug, Args)]
pub(crate) struct Reload {
    /// URL path of a page, like /about.html [default: all pages]
    #[arg(value_name = "PATH", value_parser = page_path)]
    pub(crate) page: Option<String>,

    #[command(flatten)]
    pub(crate) target: Target,
}

#[derive(Debug, Args)]
pub(crate) struct Logs {
    /// Print what the server reports from now on, too, until it stops
    #[arg(short, long)]
    pub(crate) follow: bool,

    /// Print what each tab did with a change, too
    #[arg(short, long)]
    pub(crate) verbose: bool,

    #[command(flatten)]
    pub(crate) target: Target,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// What to write: agents, for instructions in AGENTS.md of the current folder
    #[arg(value_name = "agents", value_parser = ["agents"])]
    what: String,
}

/// Returns whether an argument is the name of a command.
pub(super) fn is_command(arg: &OsString) -> bool {
    let is_name = |name: &str| {
        <CommandLine as clap::CommandFactory>::command()
            .get_subcommands()
            .any(|command| command.get_name() == name)
    };
    arg.to_str().is_some_and(is_name)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::{CommandLine, HELP};

    #[test]
    fn the_help_lists_every_command() {
        let command = CommandLine::command();
        command.clone().debug_assert();
        let rows = HELP.lines().skip(1).filter_map(|row| row.split_whitespace().nth(1));
        let names = command.get_subcommands().map(clap::Command::get_name);
        assert_eq!(rows.collect::<Vec<_>>(), names.collect::<Vec<_>>());
    }
}
