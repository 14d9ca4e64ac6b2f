//! Wording of the errors of starting the server: what is wrong, and which flag fixes it.

use std::io::ErrorKind;

use livers::Error;

use crate::args::{Root, UNEXPANDED};

/// Words an error of starting the server: what is wrong, and what to do instead.
pub(crate) fn startup_error(error: &Error, root: &Root) -> String {
    let hint = root.hint();
    match error {
        Error::RootMissing(path) | Error::RootNotDirectory(path)
            if root.is(path)
                && let Some(hint) = hint =>
        {
            format!("{} {hint}", path.display())
        }
        Error::RootMissing(path) if path.starts_with("~") => {
            format!("{} {UNEXPANDED}", root.name_of(path))
        }
        Error::RootMissing(path) => {
            format!("{} does not exist: name a folder to serve", root.name_of(path))
        }
        Error::RootNotDirectory(path) => {
            let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            let parent = parent.map_or(".".into(), |parent| parent.display().to_string());
            let name = root.name_of(path);
            format!("{name} is a file: name the folder that contains it, {parent}")
        }
        Error::Unreadable(path, error) => {
            format!("cannot read {} ({error}): check its permissions", path.display())
        }
        Error::WatchPathMissing(path) => watch_path_missing(&path.to_string_lossy()),
        Error::AddressInUse(address) => format!(
            "port {} on {} is in use by another program: choose another with --port, or omit \
             --strict-port",
            address.port(),
            address.ip()
        ),
        Error::UnknownHost(host, error) => format!(
            "--host {host} cannot be resolved ({error}): name an address of this machine, or 0.0.0.0 \
             for all"
        ),
        Error::Bind(address, error) => match error.kind() {
            ErrorKind::PermissionDenied => format!(
                "this user may not listen on port {}: choose one above 1023 with --port",
                address.port()
            ),
            ErrorKind::AddrNotAvailable => format!(
                "{} is not an address of this machine: choose another with --host, or 0.0.0.0 for all",
                address.ip()
            ),
            _ => format!("cannot listen on {address}: {error}"),
        },
        Error::IgnorePattern(pattern, reason) => format!(
            "--ignore '{pattern}' is not a valid pattern ({reason}): write one like 'drafts/**'"
        ),
        Error::SpaPath(file) => format!(
            "--spa={file} is not a path inside the folder: write it relative to the folder, like \
             --spa=app.html"
        ),
        Error::DuplicateRoute(prefix) => format!(
            "--proxy {prefix} is given twice: write one target for each path, or a longer path for one \
             of them"
        ),
        error => error.to_string(),
    }
}

/// Words that a path to watch does not exist.
fn watch_path_missing(path: &str) -> String {
    let folder = path.split(['*', '?', '{']).next().unwrap_or_default();
    if folder.len() < path.len() {
        let folder = folder.rsplit_once('/').map_or(".", |(folder, _)| folder);
        return format!("--watch {path} is a pattern: write --watch {folder} for all files in it");
    }
    if path.contains(',') {
        return format!("--watch {path} does not exist: write --watch once for each path");
    }
    if path.starts_with("~/") {
        return format!("--watch {path} {UNEXPANDED}");
    }
    format!("--watch {path} does not exist: name a folder or a file")
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Error as IoError, ErrorKind},
        path::Path,
    };

    use livers::Error;

    use super::startup_error;
    use crate::args::{self, Parsed};

    /// Errors that depend on the machine. Those of the arguments alone are tested with the binary.
    #[test]
    fn errors_of_the_system_name_the_remedy() {
        let Parsed::Run(cli) = args::parse(&["livers".into()]) else { panic!("valid arguments") };
        let root = cli.root(&["livers".into()]);
        let address = "127.0.0.1:80".parse().unwrap();
        let io = |kind: ErrorKind| IoError::new(kind, "why");
        let table = [
            (
                Error::AddressInUse(address),
                "port 80 on 127.0.0.1 is in use by another program: choose another with --port, or \
                 omit --strict-port",
            ),
            (
                Error::Bind(address, io(ErrorKind::PermissionDenied)),
                "this user may not listen on port 80: choose one above 1023 with --port",
            ),
            (
                Error::Bind(address, io(ErrorKind::AddrNotAvailable)),
                "127.0.0.1 is not an address of this machine: choose another with --host, or \
                 0.0.0.0 for all",
            ),
            (Error::Bind(address, io(ErrorKind::Other)), "cannot listen on 127.0.0.1:80: why"),
            (
                Error::UnknownHost("a.invalid".to_owned(), io(ErrorKind::Other)),
                "--host a.invalid cannot be resolved (why): name an address of this machine, or \
                 0.0.0.0 for all",
            ),
            (
                Error::Unreadable(Path::new("locked").to_owned(), io(ErrorKind::PermissionDenied)),
                "cannot read locked (why): check its permissions",
            ),
        ];
        for (error, wanted) in table {
            assert_eq!(startup_error(&error, &root), wanted);
        }
    }
}
