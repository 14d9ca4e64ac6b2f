//! Mounts: folders that are served below a URL path, over the root (`/assets=../shared`).
//!
//! A [`Mount`] is the setting; a [`Layer`] is a folder that was checked and opened. The root is a
//! layer too: the last one, at `/`.

use std::{
    ffi::OsStr,
    fmt, fs, io, iter,
    path::{Path, PathBuf},
    str::FromStr,
    sync::{Mutex, PoisonError},
};

use crate::{
    error::{Error, InvalidValue},
    http::{own_paths, url_path::UrlPath},
};

/// A URL path and the folder that is served below it, written as `/assets=../shared`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    at: UrlPath,
    folder: PathBuf,
}

impl FromStr for Mount {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let invalid = |problem, remedy| InvalidValue::new(text, problem, remedy);
        let parts = text.split_once('=').filter(|(_, folder)| !folder.is_empty());
        let (at, folder) = parts.ok_or_else(|| match text.split_once(':') {
            Some((at, folder)) if at.starts_with('/') && !folder.is_empty() => {
                InvalidValue::new(text, "is not a mount", format!("write {at}={folder}"))
            }
            _ => invalid("is not a mount", "write /PATH=FOLDER, for example /assets=../shared"),
        })?;
        let path = UrlPath::parse(at).map_err(|_| {
            invalid("does not begin with a path", "write it like /assets, without . and ..")
        })?;
        if path.names().next() == Some(own_paths::SEGMENT.as_bytes()) {
            return Err(invalid("is livers' own path", "choose another"));
        }
        Ok(Self { at: path.as_directory(), folder: PathBuf::from(folder) })
    }
}

impl fmt::Display for Mount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {}", self.at, self.folder.display())
    }
}

/// The first segment of the URL paths of linked packages. It is not `node_modules`, whose files
/// developer tools step over.
const LINKED: &str = "@linked";

impl Mount {
    /// Returns the mount of a linked package, by its name.
    pub(super) fn linked(name: &str, folder: PathBuf) -> Option<Self> {
        let names = std::iter::once(LINKED).chain(name.split('/'));
        Some(Self { at: UrlPath::from_names(names.map(str::as_bytes), true)?, folder })
    }

    /// Returns the folder as it was written.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Opens the folder.
    ///
    /// A folder inside the root gets a path that begins with the root's path, like the paths in the
    /// watch's events.
    pub(super) fn layer(&self, root: &Layer) -> Result<Layer, Error> {
        let mut layer = Layer::new(&self.folder, Some(self.at.clone()))?;
        let real = layer.real().clone();
        layer.path = match real.strip_prefix(&*root.real()) {
            Ok(below) if below.as_os_str().is_empty() => root.path.clone(),
            Ok(below) => root.path.join(below),
            Err(_) => real,
        };
        Ok(layer)
    }
}

/// A served folder and the URL path of its files.
#[derive(Debug)]
pub(super) struct Layer {
    /// The absolute path of the folder, with symbolic links.
    pub(super) path: PathBuf,
    /// The URL path of the folder; `None` is `/`.
    at: Option<UrlPath>,
    /// The real path of the folder, resolved again after the folder was replaced.
    real: Mutex<PathBuf>,
}

impl Layer {
    /// Checks that the path is a readable folder.
    ///
    /// # Blocking
    /// Reads the folder.
    ///
    /// # Errors
    /// The path does not exist, is not a folder, or cannot be read.
    pub(super) fn new(path: &Path, at: Option<UrlPath>) -> Result<Self, Error> {
        let metadata = fs::metadata(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Error::RootMissing(path.to_owned()),
            _ => Error::Unreadable(path.to_owned(), error),
        })?;
        if !metadata.is_dir() {
            return Err(Error::RootNotDirectory(path.to_owned()));
        }
        let unreadable = |error| Error::Unreadable(path.to_owned(), error);
        fs::read_dir(path).map_err(unreadable)?;
        let real = Mutex::new(dunce::canonicalize(path).map_err(unreadable)?);
        let path = std::path::absolute(path).map_err(unreadable)?;
        Ok(Self { path, at, real })
    }

    /// Returns the segments that all URL paths of this layer begin with.
    pub(super) fn prefix(&self) -> impl Iterator<Item = &[u8]> {
        self.at.iter().flat_map(UrlPath::names)
    }

    /// Returns the segments of a URL path below this layer, or `None` if it is elsewhere.
    pub(super) fn below<'u>(&self, url: &'u UrlPath) -> Option<impl Iterator<Item = &'u [u8]>> {
        let mut names = url.names();
        self.prefix().all(|name| names.next() == Some(name)).then_some(names)
    }

    /// Returns a real path relative to the folder, or `None` if it lies elsewhere. Follows a folder
    /// that was replaced since.
    ///
    /// # Blocking
    /// Resolves the folder's path if the path does not lie in it.
    pub(super) fn holds(&self, path: &Path) -> Option<PathBuf> {
        let mut real = self.real();
        let below = |real: &Path| path.strip_prefix(real).ok().map(Path::to_owned);
        below(&real).or_else(|| {
            *real = dunce::canonicalize(&self.path).ok()?;
            below(&real)
        })
    }

    /// Returns whether a path differs from the real path of its file only in letter case. This
    /// happens on file systems that ignore case, where the real path has the names as they are
    /// stored.
    ///
    /// # Blocking
    /// Reads metadata.
    pub(super) fn is_another_case(&self, path: &Path, real: &Path) -> bool {
        let below = path.strip_prefix(&self.path).unwrap_or(path);
        let mut above = path.ancestors().take_while(|above| *above != self.path);
        path != real && differs_in_case(below, real) && !above.any(Path::is_symlink)
    }

    pub(super) fn real(&self) -> std::sync::MutexGuard<'_, PathBuf> {
        self.real.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns whether the last names of two paths differ only in case. Compares from the end, up to
/// the first name that differs otherwise, as behind a symbolic link.
fn differs_in_case(names: &Path, real: &Path) -> bool {
    let lower = |name: &OsStr| name.to_string_lossy().to_lowercase();
    iter::zip(names.iter().rev(), real.iter().rev())
        .take_while(|(name, real)| lower(name) == lower(real))
        .any(|(name, real)| name != real)
}

#[cfg(test)]
mod tests {
    use super::{Mount, differs_in_case};

    #[test]
    fn names_that_differ_only_in_case_are_detected() {
        let table = [
            ("css/app.css", "/site/css/app.css", false),
            ("css/App.css", "/site/css/app.css", true),
            ("CSS/app.css", "/site/css/app.css", true),
            ("É.css", "/site/é.css", true),
            ("css/app.css", "/SITE/css/app.css", false), // the folder itself may differ
            ("Link.css", "/site/css/app.css", false),
            ("Link/app.css", "/site/css/app.css", false),
            ("Link/App.css", "/site/css/app.css", true),
            ("", "/site", false),
        ];
        for (names, real, differs) in table {
            assert_eq!(differs_in_case(names.as_ref(), real.as_ref()), differs, "{names} {real}");
        }
    }

    #[test]
    fn mounts_are_parsed_and_displayed() {
        let table = [
            ("/assets=../shared", Ok("/assets/ -> ../shared")),
            ("/a%20b/c/=x=y", Ok("/a%20b/c/ -> x=y")),
            ("/=overlay", Ok("/ -> overlay")),
            (
                "assets",
                Err("assets is not a mount: write /PATH=FOLDER, for example /assets=../shared"),
            ),
            ("/assets:../shared", Err("/assets:../shared is not a mount: write /assets=../shared")),
            (
                "/assets=",
                Err("/assets= is not a mount: write /PATH=FOLDER, for example /assets=../shared"),
            ),
            (
                "assets=x",
                Err("assets=x does not begin with a path: write it like /assets, without . and .."),
            ),
            (
                "/a/../b=x",
                Err(
                    "/a/../b=x does not begin with a path: write it like /assets, without . and ..",
                ),
            ),
            ("/__livers/x=y", Err("/__livers/x=y is livers' own path: choose another")),
        ];
        for (text, wanted) in table {
            let read = text.parse::<Mount>();
            let read = read.map(|mount| mount.to_string()).map_err(|why| why.to_string());
            assert_eq!(read.as_deref().map_err(String::as_str), wanted, "{text}");
        }
    }
}
