//! Command-line arguments, and the messages for invalid ones.

mod cli;
mod commands;
mod explain;
mod other_tools;
mod root;
mod values;

use std::ffi::OsString;

use clap::Parser;

use self::commands::CommandLine;
pub(crate) use self::{
    cli::{Cli, LogFormat},
    commands::{Command, Logs, Target, Wait},
    explain::folder_hint,
    root::{Root, UNEXPANDED},
};

/// Parses the arguments, the first of which is the name of the program.
pub(crate) fn parse(args: &[OsString]) -> Parsed {
    if args.get(1).is_some_and(commands::is_command) {
        return match CommandLine::try_parse_from(args) {
            Ok(line) => Parsed::Ask(line.command),
            Err(text) if !text.use_stderr() => Parsed::Print(text),
            Err(error) => Parsed::Invalid(explain::explain_command(&error, args)),
        };
    }
    if let Some(error) = explain::misspelt_hyphens(args) {
        return Parsed::Invalid(error);
    }
    match Cli::try_parse_from(args) {
        Ok(cli) => Parsed::Run(Box::new(cli)),
        // --help and --version.
        Err(text) if !text.use_stderr() => Parsed::Print(text),
        Err(error) => Parsed::Invalid(explain::explain(&error, args)),
    }
}

/// What the arguments ask for.
#[derive(Debug)]
pub(crate) enum Parsed {
    /// To run the server.
    Run(Box<Cli>),
    /// To ask a running server.
    Ask(Command),
    /// To print a text: the help or the version.
    Print(clap::Error),
    /// Nothing that livers can do: the error, in one sentence.
    Invalid(String),
}
