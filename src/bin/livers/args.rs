//! The arguments, typed once.

use std::{error::Error as _, path::PathBuf, time::Duration};

use clap::{
    Parser, ValueEnum,
    builder::Styles,
    error::{ContextKind, ErrorKind},
};
use livers::{AllowedHost, Builder, Cors, Header, Mount, Reload, Route};

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
    #[arg(short, long, default_value = "8080", value_parser = port, allow_negative_numbers = true)]
    port: u16,

    /// Fail when the port is taken, rather than to use the next free one
    #[arg(long)]
    strict_port: bool,

    /// The name or address to listen on, and to answer to [default: this machine only]
    #[arg(long, value_name = "HOST")]
    host: Option<String>,

    /// A name that it answers to, too; .example.com is all names below that one
    #[arg(long, value_name = "NAME")]
    allowed_host: Vec<AllowedHost>,

    /// Let a backend answer /PATH and all below it. TARGET is a port, host:port,
    /// http://host:port/base, https://host or unix:/path/of.sock
    #[arg(long, value_name = "PATH=TARGET")]
    proxy: Vec<Route>,

    /// How long requests wait for a backend that is down, for a restart [default: not at all]
    #[arg(long, value_name = "SECONDS", value_parser = seconds, allow_negative_numbers = true)]
    proxy_wait: Option<Duration>,

    /// How long a page of a backend may take to begin; 0 is for ever. What scripts fetch, streams and
    /// WebSockets are always waited for [default: 120]
    #[arg(long, value_name = "SECONDS", value_parser = seconds, allow_negative_numbers = true)]
    proxy_timeout: Option<Duration>,

    /// Let backends see their own Host, and their own Origin where it is livers'. Always so for
    /// https://
    #[arg(long)]
    proxy_change_origin: bool,

    /// Trust any certificate of a backend, as one that it signed itself
    #[arg(long)]
    proxy_insecure: bool,

    /// Watch this folder or file too, without serving it
    #[arg(long, value_name = "PATH")]
    pub(crate) watch: Vec<PathBuf>,

    /// Let no change of these files count, as in a .gitignore
    #[arg(long, value_name = "GLOB")]
    ignore: Vec<String>,

    /// Look for changes again and again. Done unasked where the system does not tell of them
    #[arg(long)]
    poll: bool,

    /// Which tabs are told of a change: those that use the file, or all
    #[arg(long, value_name = "used|all", default_value = "used", value_parser = reload)]
    reload: Reload,

    /// Serve another folder below /PATH, over ROOT. The first one that has a file wins
    #[arg(long, value_name = "PATH=FOLDER")]
    mount: Vec<Mount>,

    /// Show this page of ROOT to whoever goes where nothing is [without FILE: index.html]
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "index.html")]
    spa: Option<String>,

    /// Add a header to every file, like 'Name: value'
    #[arg(long, value_name = "HEADER")]
    header: Vec<Header>,

    /// Let pages of another origin read files [without ORIGIN: all of them]
    #[arg(long, value_name = "ORIGIN", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "*")]
    cors: Vec<Cors>,

    /// Isolate pages from other origins, so that they may use SharedArrayBuffer
    #[arg(long)]
    isolate: bool,

    /// Serve files and folders whose name begins with a dot
    #[arg(long)]
    dotfiles: bool,

    /// Serve private keys: *.pem, *.key, id_rsa and the like
    #[arg(long)]
    serve_keys: bool,

    /// Serve what symbolic links out of ROOT lead to
    #[arg(long)]
    follow_symlinks: bool,

    /// What a page does when its own file is saved: change in place, where that is sure to be right,
    /// or always reload
    #[arg(long, value_name = "HOW", default_value = "morph")]
    html: Html,

    /// Serve TypeScript, JSX and imports of packages as they are, rather than as what a browser runs
    #[arg(long)]
    no_compile: bool,

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

/// What a page does when its own file is saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Html {
    Morph,
    Reload,
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
        builder = builder.poll(self.poll).morph(self.html == Html::Morph);
        builder = builder.reload(self.reload).compile(!self.no_compile);
        builder = builder.serve_keys(self.serve_keys).follow_symlinks(self.follow_symlinks);
        builder = builder.isolate(self.isolate);
        if let Some(file) = &self.spa {
            builder = builder.spa(file);
        }
        builder = self.mount.iter().fold(builder, |builder, mount| builder.mount(mount.clone()));
        builder =
            self.header.iter().fold(builder, |builder, header| builder.header(header.clone()));
        builder = self.cors.iter().fold(builder, |builder, origin| builder.cors(origin.clone()));
        if let Some(host) = &self.host {
            builder = builder.host(host);
        }
        let hosts = self.allowed_host.iter();
        builder = hosts.fold(builder, |builder, host| builder.allowed_host(host.clone()));
        builder = self.proxy.iter().fold(builder, |builder, route| builder.proxy(route.clone()));
        builder = builder.proxy_change_origin(self.proxy_change_origin);
        builder = builder.proxy_insecure(self.proxy_insecure);
        builder = self.proxy_wait.into_iter().fold(builder, Builder::proxy_wait);
        builder = self.proxy_timeout.into_iter().fold(builder, Builder::proxy_timeout);
        builder = self.watch.iter().fold(builder, Builder::watch);
        self.ignore.iter().fold(builder, Builder::ignore)
    }
}

/// Reads a port; what it says otherwise follows the name of the flag.
fn port(text: &str) -> Result<u16, String> {
    text.parse()
        .map_err(|_| format!("{text} is not a port: write a number from 0 to 65535, like 8080"))
}

/// Reads a time; what it says otherwise follows the name of the flag.
fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.strip_suffix('s').unwrap_or(text).parse().ok();
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|time| *time <= Duration::from_hours(24))
        .ok_or_else(|| format!("{text} is not a number of seconds up to a day: write one, like 10"))
}

/// Reads who is told; what it says otherwise follows the name of the flag.
fn reload(text: &str) -> Result<Reload, String> {
    match text {
        "used" => Ok(Reload::Used),
        "all" => Ok(Reload::All),
        _ => Err(format!("{text} is not known: write used (the default) or all")),
    }
}

/// What is wrong with the arguments: one sentence that names the value and the right form.
pub(crate) fn explain(error: &clap::Error) -> String {
    let said = |kind| error.get(kind).map(ToString::to_string).unwrap_or_default();
    let (whole, value) = (said(ContextKind::InvalidArg), said(ContextKind::InvalidValue));
    let flag = whole.split([' ', '[']).next().unwrap_or_default();
    match error.kind() {
        ErrorKind::ValueValidation => match error.source() {
            Some(why) => format!("{flag} {why}"),
            None => format!("{flag} {value} is not what it takes: see livers --help"),
        },
        ErrorKind::InvalidValue if value.is_empty() => {
            format!("{flag} needs a value: write {whole}")
        }
        ErrorKind::UnknownArgument if whole.contains("://") => {
            format!("{whole} is no folder: if it is an origin for --cors, write --cors={whole}")
        }
        ErrorKind::UnknownArgument if !whole.starts_with('-') => {
            format!("{whole} is one folder too many: name only the one to serve")
        }
        ErrorKind::UnknownArgument => match said(ContextKind::SuggestedArg) {
            known if known.is_empty() => format!("{whole} is no option: see livers --help"),
            known => format!("{whole} is no option: {known} is, see livers --help"),
        },
        ErrorKind::ArgumentConflict => {
            let other = said(ContextKind::PriorArg);
            let other = other.split(' ').next().unwrap_or_default();
            if flag == other {
                format!("{flag} is there more than once: leave only one")
            } else {
                format!("{flag} and {other} contradict each other: leave one out")
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
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_is_typed_wrong_is_one_sentence() {
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
            (&["--prot", "1"], "--prot is no option: --port is, see livers --help"),
            (
                &["--proxy-wait", "-1"],
                "--proxy-wait -1 is not a number of seconds up to a day: write one, like 10",
            ),
            (
                &["--proxy-timeout", "long"],
                "--proxy-timeout long is not a number of seconds up to a day: write one, like 10",
            ),
            (&["--frobnicate"], "--frobnicate is no option: see livers --help"),
            (
                &["--allowed-host", "*.app.test"],
                "--allowed-host *.app.test contains a *: write .app.test for a name and its \
                 subdomains",
            ),
            (&["-x"], "-x is no option: see livers --help"),
            (&["--reload", "none"], "--reload none is not known: write used (the default) or all"),
            (
                &["a", "--cors", "http://b.test"],
                "http://b.test is no folder: if it is an origin for --cors, write --cors=http://b.test",
            ),
            (&["a", "b"], "b is one folder too many: name only the one to serve"),
            (&["-q", "-v"], "--quiet and --verbose contradict each other: leave one out"),
            (&["-p1", "-p2"], "--port is there more than once: leave only one"),
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
