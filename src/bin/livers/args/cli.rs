//! The definition of the command line.

use std::{ffi::OsString, path::PathBuf, str::FromStr, time::Duration};

use clap::{Parser, builder::Styles};
use livers::{AllowedHost, Config, Console, Cors, Header, Mount, Packs, PageUpdate, Reload, Route};

use super::{
    commands,
    root::Root,
    values::{host, port, seconds, url_path},
};
use crate::verbosity::Verbosity;

const EXAMPLES: &str = "\
Examples:
  livers                                     serve the current folder
  livers ./site --open                       serve another folder and open the browser
  livers --proxy /ws=localhost:3000          forward /ws to a backend, WebSockets included
  livers --proxy /api=http://localhost:3000/v1
                                             forward /api/users as /v1/users
  livers --watch ./templates                 reload when a template changes, too
  livers --host 0.0.0.0                      accept connections from other devices";

/// Serves a folder and reloads the browser the moment a file is saved.
#[derive(Debug, Parser)]
#[command(version, after_help = format!("{EXAMPLES}\n\n{}", commands::HELP), styles = Styles::plain(), max_term_width = 100)]
pub(crate) struct Cli {
    /// Folder to serve
    #[arg(value_name = "ROOT", default_value = ".")]
    root: PathBuf,

    /// Port to listen on; if it is in use, the next free one. 0 lets the system choose [default:
    /// 8080]
    #[arg(short, long, help_heading = "Address", value_parser = port)]
    #[arg(allow_negative_numbers = true)]
    port: Option<u16>,

    /// Fail if the port is in use
    #[arg(long, help_heading = "Address")]
    strict_port: bool,

    /// Host name or address to listen on [default: loopback only]
    #[arg(long, help_heading = "Address", value_name = "HOST", value_parser = host)]
    host: Option<String>,

    /// Additional host name to accept; .example.com includes its subdomains
    #[arg(long, help_heading = "Address", value_name = "NAME")]
    allowed_host: Vec<AllowedHost>,

    /// Serve another folder below /PATH, over ROOT. The first one that has the file wins
    #[arg(long, help_heading = "Files", value_name = "PATH=FOLDER")]
    mount: Vec<Mount>,

    /// Serve this page for navigations that match no file [without FILE: index.html]
    #[arg(long, help_heading = "Files", value_name = "FILE", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "index.html")]
    spa: Option<String>,

    /// Serve TypeScript, JSX and imports of packages unchanged
    #[arg(long, help_heading = "Files")]
    no_compile: bool,

    /// Which pages get their modules together, in packs: those with many modules, all, or none
    #[arg(long, help_heading = "Files", value_name = "auto|always|never", default_value = "auto")]
    packs: Packs,

    /// Serve files and folders whose name begins with a dot
    #[arg(long, help_heading = "Files")]
    dotfiles: bool,

    /// Serve private keys: *.pem, *.key, id_rsa and similar names
    #[arg(long, help_heading = "Files")]
    serve_keys: bool,

    /// Follow symbolic links that lead out of ROOT
    #[arg(long, help_heading = "Files")]
    follow_symlinks: bool,

    /// Header to add to every file, like 'Name: value'
    #[arg(long, help_heading = "Files", value_name = "HEADER")]
    header: Vec<Header>,

    /// Let pages of another origin read files [without ORIGIN: of all origins]
    #[arg(long, help_heading = "Files", value_name = "ORIGIN", num_args = 0..=1)]
    #[arg(require_equals = true, default_missing_value = "*")]
    cors: Vec<Cors>,

    /// Isolate pages from other origins, so that they may use SharedArrayBuffer
    #[arg(long, help_heading = "Files")]
    isolate: bool,

    /// Forward /PATH and everything below it to a backend. TARGET is a port, host:port,
    /// http://host:port/base, https://host or unix:/path/of.sock
    #[arg(long, help_heading = "Proxy", value_name = "PATH=TARGET")]
    proxy: Vec<Route>,

    /// How long requests wait for a backend that is down [default: 0]
    #[arg(long, help_heading = "Proxy", value_name = "SECONDS", value_parser = seconds)]
    #[arg(allow_negative_numbers = true)]
    proxy_wait: Option<Duration>,

    /// How long a backend may take to begin a page; 0 is unlimited. Fetches, streams and WebSockets
    /// are never limited [default: 120]
    #[arg(long, help_heading = "Proxy", value_name = "SECONDS", value_parser = seconds)]
    #[arg(allow_negative_numbers = true)]
    proxy_timeout: Option<Duration>,

    /// Send backends their own Host and Origin. Always on for https:// backends
    #[arg(long, help_heading = "Proxy")]
    proxy_change_origin: bool,

    /// Accept self-signed and invalid certificates from backends
    #[arg(long, help_heading = "Proxy")]
    proxy_insecure: bool,

    /// Additional folder or file to watch; it is not served
    #[arg(long, help_heading = "Changes", value_name = "PATH")]
    watch: Vec<PathBuf>,

    /// Ignore changes of these files, in the syntax of .gitignore
    #[arg(long, help_heading = "Changes", value_name = "GLOB")]
    ignore: Vec<String>,

    /// Poll for changes. Automatic where the system has no file events
    #[arg(long, help_heading = "Changes")]
    poll: bool,

    /// Which tabs to notify of a change: those that use the file, or all
    #[arg(long, help_heading = "Changes", value_name = "used|all", default_value = "used")]
    reload: Reload,

    /// How to update a page when its own file changes: morph it in place where that is safe, or
    /// always reload it
    #[arg(long, help_heading = "Changes", value_name = "morph|reload", default_value = "morph")]
    html: PageUpdate,

    /// Which console messages of pages to print: errors and warnings, all, or none. With off,
    /// uncaught errors are not heard either
    #[arg(long, help_heading = "Changes", value_name = "errors|all|off", default_value = "errors")]
    console: Console,

    /// Open a page in the browser [without PATH: the index of ROOT]
    #[arg(short, long, value_name = "PATH", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "/", value_parser = url_path)]
    pub(crate) open: Option<String>,

    /// Print only the URL, and errors
    #[arg(short, long, conflicts_with = "verbose")]
    pub(crate) quiet: bool,

    /// Print each request, and what each tab did with a change, with the time of day
    #[arg(short, long)]
    pub(crate) verbose: bool,

    /// How to print: text for people, or one JSON object per line
    #[arg(long, value_name = "text|json", default_value = "text")]
    pub(crate) log: LogFormat,
}

/// How the server prints what it reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object per line.
    Json,
}

impl FromStr for LogFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(format!("{text} is not known: write text (the default) or json")),
        }
    }
}

impl Cli {
    /// Returns how much to print.
    pub(crate) fn verbosity(&self) -> Verbosity {
        match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Errors,
            (false, false) => Verbosity::Changes,
            (false, true) => Verbosity::All,
        }
    }

    /// Returns the folder to serve, for messages about it.
    pub(crate) fn root(&self, args: &[OsString]) -> Root {
        Root::new(&self.root, args)
    }

    /// Returns the configuration that the flags describe.
    pub(crate) fn into_config(self) -> Config {
        let default = Config::default();
        Config {
            root: self.root,
            port: self.port,
            strict_port: self.strict_port,
            host: self.host,
            allowed_host: self.allowed_host,
            proxy: self.proxy,
            proxy_wait: self.proxy_wait.unwrap_or(default.proxy_wait),
            proxy_timeout: self.proxy_timeout.unwrap_or(default.proxy_timeout),
            proxy_change_origin: self.proxy_change_origin,
            proxy_insecure: self.proxy_insecure,
            watch: self.watch,
            ignore: self.ignore,
            poll: self.poll,
            reload: self.reload,
            mount: self.mount,
            spa: self.spa,
            header: self.header,
            cors: self.cors,
            isolate: self.isolate,
            dotfiles: self.dotfiles,
            serve_keys: self.serve_keys,
            follow_symlinks: self.follow_symlinks,
            html: self.html,
            console: self.console,
            compile: !self.no_compile,
            packs: self.packs,
            editor: default.editor,
            editors: default.editors,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Cli;

    #[test]
    fn argument_definitions_are_consistent() {
        Cli::command().debug_assert();
    }
}
