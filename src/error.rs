//! Errors of starting a server, and of parsing one of its settings.
//!
//! Only start-up fails with an [`Error`]. Later failures (of a backend, a client, a file, a watch)
//! are reported as an [`Event`](crate::Event) and never end the server.
//!
//! Errors carry data. Their `Display` is neutral: it names settings, not command-line flags,
//! because a program that embeds the library has none. The binary words its own messages.

use std::{fmt, io, net::SocketAddr, path::PathBuf};

/// A server that could not be started.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The root or a mounted folder does not exist.
    RootMissing(PathBuf),
    /// The root or a mounted path is not a folder.
    RootNotDirectory(PathBuf),
    /// A folder to serve or to watch cannot be read.
    Unreadable(PathBuf, io::Error),
    /// A path to watch does not exist.
    WatchPathMissing(PathBuf),
    /// The port is in use, and no other port was tried or none was free.
    AddressInUse(SocketAddr),
    /// The host name could not be resolved.
    UnknownHost(String, io::Error),
    /// The socket could not be opened for another reason.
    Bind(SocketAddr, io::Error),
    /// An ignore pattern is not a valid glob: the pattern, and the parser's message.
    IgnorePattern(String, String),
    /// The SPA fallback page is not a path inside the root.
    SpaPath(String),
    /// Two proxy routes have the same prefix.
    DuplicateRoute(String),
    /// The system refused a resource that livers needs, such as a thread or a file watcher.
    System(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RootMissing(path) => write!(f, "folder {} does not exist", path.display()),
            Self::RootNotDirectory(path) => write!(f, "{} is not a folder", path.display()),
            Self::Unreadable(path, error) => {
                write!(f, "cannot read {}: {error}", path.display())
            }
            Self::WatchPathMissing(path) => {
                write!(f, "path to watch {} does not exist", path.display())
            }
            Self::AddressInUse(address) => {
                write!(f, "port {} on {} is in use", address.port(), address.ip())
            }
            Self::UnknownHost(host, error) => write!(f, "cannot resolve host {host}: {error}"),
            Self::Bind(address, error) => write!(f, "cannot listen on {address}: {error}"),
            Self::IgnorePattern(pattern, reason) => {
                write!(f, "ignore pattern '{pattern}' is not a valid glob: {reason}")
            }
            Self::SpaPath(file) => write!(f, "SPA page {file} is not a path inside the root"),
            Self::DuplicateRoute(prefix) => write!(f, "two proxy routes have the prefix {prefix}"),
            Self::System(reason) => write!(f, "the system refused a resource: {reason}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable(_, error) | Self::UnknownHost(_, error) | Self::Bind(_, error) => {
                Some(error)
            }
            _ => None,
        }
    }
}

/// A text that cannot be parsed as the value of a setting.
///
/// Its `Display` is one sentence: `foo is not a proxy route: write /PREFIX=TARGET`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidValue {
    value: String,
    problem: String,
    remedy: String,
}

impl InvalidValue {
    /// `problem` is a predicate of the value ("is not a port"), `remedy` an imperative with an
    /// example ("write a number like 8080").
    pub fn new(
        value: impl Into<String>,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { value: value.into(), problem: problem.into(), remedy: remedy.into() }
    }

    /// The text as it was given.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// What is wrong with the text, as its predicate.
    pub fn problem(&self) -> &str {
        &self.problem
    }

    /// What to write instead.
    pub fn remedy(&self) -> &str {
        &self.remedy
    }
}

impl fmt::Display for InvalidValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.value, self.problem, self.remedy)
    }
}

impl std::error::Error for InvalidValue {}
