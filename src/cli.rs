//! The arguments, typed once.

use std::path::PathBuf;

use clap::{Parser, builder::Styles};
use livers::{Builder, Route};

use crate::terminal::Amount;

const EXAMPLES: &str = "\
Examples:
  livers                                     serve this folder
  livers ./site                              serve another one
  livers ./site --open                       and show it in the browser
  livers --proxy /ws=localhost:3000          send /ws to a backend, WebSockets too
  livers --proxy /api=http://localhost:3000/v1
                                             /api/users becomes /v1/users there
  livers --watch ./templates                 reload when these change, too
  livers --host 0.0.0.0                      let other devices on the network in";

/// Serves a folder and reloads the browser the moment a file is saved.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES, styles = Styles::plain(), max_term_width = 100)]
pub(crate) struct Cli {
    /// The folder to serve
    #[arg(value_name = "ROOT", default_value = ".")]
    pub(crate) root: PathBuf,

    /// The port to listen on; when it is taken, the next free one. 0 lets the system choose
    #[arg(short, long, default_value = "8080", value_parser = port)]
    port: u16,

    /// Fail when the port is taken, rather than to use the next free one
    #[arg(long)]
    strict_port: bool,

    /// The name or address to listen on, and to answer to [default: this machine only]
    #[arg(long, value_name = "HOST")]
    host: Option<String>,

    /// Let a backend answer a path and all below it: a port, host:port or http://host:port/base
    #[arg(long, value_name = "/PATH=TARGET")]
    proxy: Vec<Route>,

    /// Watch this folder or file too, without serving it
    #[arg(long, value_name = "PATH")]
    watch: Vec<PathBuf>,

    /// Let no change of these files count, as in a .gitignore
    #[arg(long, value_name = "GLOB")]
    ignore: Vec<String>,

    /// Serve files and folders whose name begins with a dot
    #[arg(long)]
    dotfiles: bool,

    /// Open the page in the browser
    #[arg(short, long)]
    pub(crate) open: bool,

    /// Say nothing but what went wrong
    #[arg(short, long, conflicts_with = "verbose")]
    pub(crate) quiet: bool,

    /// Say more: each request, and what each tab did
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

impl Cli {
    /// How much the terminal says.
    pub(crate) fn amount(&self) -> Amount {
        match (self.quiet, self.verbose) {
            (true, _) => Amount::Faults,
            (false, false) => Amount::Changes,
            (false, true) => Amount::All,
        }
    }

    /// A builder with all that was asked for.
    pub(crate) fn builder(&self, mut builder: Builder) -> Builder {
        builder = builder.port(self.port).strict_port(self.strict_port).dotfiles(self.dotfiles);
        if let Some(host) = &self.host {
            builder = builder.host(host);
        }
        builder = self.proxy.iter().fold(builder, |builder, route| builder.proxy(route.clone()));
        builder = self.watch.iter().fold(builder, Builder::watch);
        self.ignore.iter().fold(builder, Builder::ignore)
    }
}

fn port(text: &str) -> Result<u16, &'static str> {
    text.parse().map_err(|_| "a port is a number from 0 to 65535, like 8080")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Cli;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }
}
