//! Command-line arguments, and the messages for invalid ones.

use std::{error::Error as _, path::PathBuf, time::Duration};

use clap::{
    Parser,
    builder::Styles,
    error::{ContextKind, ErrorKind},
};
use livers::{AllowedHost, Config, Cors, Header, Mount, PageUpdate, Reload, Route};

use crate::terminal::Verbosity;

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
#[command(version, after_help = EXAMPLES, styles = Styles::plain(), max_term_width = 100)]
pub(crate) struct Cli {
    /// Folder to serve
    #[arg(value_name = "ROOT", default_value = ".")]
    root: PathBuf,

    /// Port to listen on; if it is in use, the next free one. 0 lets the system choose
    #[arg(short, long, help_heading = "Address", default_value = "8080", value_parser = port)]
    #[arg(allow_negative_numbers = true)]
    port: u16,

    /// Fail if the port is in use
    #[arg(long, help_heading = "Address")]
    strict_port: bool,

    /// Host name or address to listen on [default: loopback only]
    #[arg(long, help_heading = "Address", value_name = "HOST")]
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

    /// Open the page in the browser
    #[arg(short, long)]
    pub(crate) open: bool,

    /// Print only errors
    #[arg(short, long, conflicts_with = "verbose")]
    pub(crate) quiet: bool,

    /// Print each request, and what each tab did with a change
    #[arg(short, long)]
    pub(crate) verbose: bool,
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
            compile: !self.no_compile,
        }
    }
}

/// Parses a port number.
fn port(text: &str) -> Result<u16, String> {
    text.parse()
        .map_err(|_| format!("{text} is not a port: write a number from 0 to 65535, like 8080"))
}

/// Parses a number of seconds, up to a day.
fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.strip_suffix('s').unwrap_or(text).parse().ok();
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|time| *time <= Duration::from_hours(24))
        .ok_or_else(|| {
            format!("{text} is not a number of seconds up to a day: write a number like 10")
        })
}

/// Words an error of parsing the arguments: one sentence that names the argument, what is wrong,
/// and what to write instead.
pub(crate) fn explain(error: &clap::Error) -> String {
    let context = |kind| error.get(kind).map(ToString::to_string).unwrap_or_default();
    let (argument, value) = (context(ContextKind::InvalidArg), context(ContextKind::InvalidValue));
    let flag = argument.split([' ', '[']).next().unwrap_or_default();
    match error.kind() {
        // The parser's message begins with the value.
        ErrorKind::ValueValidation => match error.source() {
            Some(message) => format!("{flag} {message}"),
            None => format!("{flag} {value} is not valid: see livers --help"),
        },
        ErrorKind::InvalidValue if value.is_empty() => {
            format!("{flag} needs a value: write {argument}")
        }
        ErrorKind::UnknownArgument if argument.contains("://") => {
            format!("{argument} is not a folder: to allow an origin, write --cors={argument}")
        }
        ErrorKind::UnknownArgument if !argument.starts_with('-') => {
            format!("{argument} is a second folder: name only one, or add it with --mount")
        }
        ErrorKind::UnknownArgument => match context(ContextKind::SuggestedArg) {
            similar if similar.is_empty() => {
                format!("{argument} is not an option: see livers --help")
            }
            similar => {
                format!("{argument} is not an option: did you mean {similar}? See livers --help")
            }
        },
        ErrorKind::ArgumentConflict => {
            let other = context(ContextKind::PriorArg);
            let other = other.split(' ').next().unwrap_or_default();
            if flag == other {
                format!("{flag} is given more than once: give it once")
            } else {
                format!("{flag} and {other} exclude each other: give only one of them")
            }
        }
        _ => {
            let text = error.to_string();
            let line = text.lines().next().unwrap_or_default();
            line.strip_prefix("error: ").unwrap_or(line).to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::{Cli, explain};

    #[test]
    fn argument_definitions_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn invalid_arguments_are_explained_in_one_sentence() {
        let table: &[(&[&str], &str)] = &[
            (
                &["--port", "99999"],
                "--port 99999 is not a port: write a number from 0 to 65535, like 8080",
            ),
            (&["-p"], "--port needs a value: write --port <PORT>"),
            (
                &["--proxy", "foo"],
                "--proxy foo is not a proxy route: write /PREFIX=TARGET, for example \
                 /ws=localhost:3000",
            ),
            (&["--prot", "1"], "--prot is not an option: did you mean --port? See livers --help"),
            (
                &["--proxy-wait", "-1"],
                "--proxy-wait -1 is not a number of seconds up to a day: write a number like 10",
            ),
            (
                &["--proxy-timeout", "long"],
                "--proxy-timeout long is not a number of seconds up to a day: write a number like 10",
            ),
            (&["--frobnicate"], "--frobnicate is not an option: see livers --help"),
            (
                &["--allowed-host", "*.app.test"],
                "--allowed-host *.app.test contains a *: write .app.test for a name and its \
                 subdomains",
            ),
            (&["-x"], "-x is not an option: see livers --help"),
            (&["--reload", "none"], "--reload none is not known: write used (the default) or all"),
            (
                &["a", "--cors", "http://b.test"],
                "http://b.test is not a folder: to allow an origin, write --cors=http://b.test",
            ),
            (&["a", "b"], "b is a second folder: name only one, or add it with --mount"),
            (&["-q", "-v"], "--quiet and --verbose exclude each other: give only one of them"),
            (&["-p1", "-p2"], "--port is given more than once: give it once"),
            (
                &["--dotfiles=yes"],
                "unexpected value 'yes' for '--dotfiles' found; no more were expected",
            ),
        ];
        for (args, wanted) in table {
            let args = ["livers"].iter().chain(*args);
            assert_eq!(explain(&Cli::try_parse_from(args).unwrap_err()), *wanted);
        }
    }
}
