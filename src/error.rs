//! What can end the server before it starts.
//!
//! Only start-up fails with an error; each one is a sentence that names the value and says what to
//! do instead. What goes wrong later (a backend, a client, a file, a watch) is an
//! [`Event`](crate::Event), never an error of the server's.

use std::{fmt, io, net::SocketAddr, path::PathBuf};

/// Why a server could not be started.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The folder to serve does not exist.
    RootMissing(PathBuf),
    /// The path to serve is not a folder.
    RootNotDirectory(PathBuf),
    /// The folder to serve, or one to watch, cannot be read.
    Unreadable(PathBuf, io::Error),
    /// A folder or file to watch does not exist.
    WatchMissing(PathBuf),
    /// The address is taken, and another port was not to be tried.
    AddressInUse(SocketAddr),
    /// The host name or address has no address of this machine.
    Host(String, io::Error),
    /// The socket could not be opened.
    Bind(SocketAddr, io::Error),
    /// A pattern of files to ignore is not a glob.
    Glob(String, String),
    /// The page of an application is not named as a file of the folder.
    Spa(String),
    /// The system gives no way to watch files.
    Watch(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RootMissing(path) => {
                write!(f, "{} does not exist: name a folder to serve", path.display())
            }
            Self::RootNotDirectory(path) => write!(
                f,
                "{} is a file: name the folder that holds it, {}",
                path.display(),
                match path.parent() {
                    Some(parent) if !parent.as_os_str().is_empty() => parent.display().to_string(),
                    _ => ".".to_owned(),
                }
            ),
            Self::Unreadable(path, why) => {
                write!(f, "{} cannot be read ({why}): check its permissions", path.display())
            }
            Self::WatchMissing(path) => {
                write!(f, "--watch {} does not exist: name a folder or a file", path.display())
            }
            Self::AddressInUse(address) => write!(
                f,
                "port {} on {} is taken by another program: choose another with --port, or leave out --strict-port",
                address.port(),
                address.ip()
            ),
            Self::Host(host, why) => write!(
                f,
                "--host {host} is no address of this machine ({why}): name one, or 0.0.0.0 for all"
            ),
            Self::Bind(address, why) => match why.kind() {
                io::ErrorKind::PermissionDenied => write!(
                    f,
                    "port {} needs more rights than this user has: choose one above 1023 with --port",
                    address.port()
                ),
                io::ErrorKind::AddrNotAvailable => write!(
                    f,
                    "{} is no address of this machine: name one with --host, or 0.0.0.0 for all",
                    address.ip()
                ),
                _ => write!(f, "{address} cannot be listened on: {why}"),
            },
            Self::Glob(glob, why) => {
                write!(f, "--ignore '{glob}' is not a pattern ({why}): write one like 'drafts/**'")
            }
            Self::Spa(file) => write!(
                f,
                "--spa={file} is not a file of the folder: write its path from there, like --spa=app.html"
            ),
            Self::Watch(why) => write!(f, "this system gives no way to watch files: {why}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable(_, why) | Self::Host(_, why) | Self::Bind(_, why) => Some(why),
            _ => None,
        }
    }
}

/// Why a text is not the setting that it is meant to be: a sentence that names it and the right form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadValue(pub(crate) String);

impl fmt::Display for BadValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadValue {}
