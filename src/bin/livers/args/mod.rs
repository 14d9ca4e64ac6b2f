//! Command-line arguments, and the messages for invalid ones.

mod cli;
mod explain;
mod other_tools;
mod root;
mod values;

use std::ffi::OsString;

use clap::Parser;

pub(crate) use self::{
    cli::Cli,
    root::{Root, UNEXPANDED},
};

/// Parses the arguments, the first of which is the name of the program.
pub(crate) fn parse(args: &[OsString]) -> Parsed {
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
    /// To print a text: the help or the version.
    Print(clap::Error),
    /// Nothing that livers can do: the error, in one sentence.
    Invalid(String),
}
