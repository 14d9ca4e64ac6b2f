//! Folders that are served below a path, over the root: `/assets=../shared`.
//!
//! A [`Mount`] is what the person says; a [`Layer`] is what comes of it when the server starts. The
//! root is a layer, too: the last one, at `/`.

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

/// A path, and the folder that is served below it: `/assets=../shared`.
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
        let (at, folder) = parts.ok_or_else(|| {
            invalid("is not a mount", "write /PATH=FOLDER, for example /assets=../shared")
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

impl Mount {
    /// The folder, as it was written.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A layer of it. A folder that lies in the root is spelled as the root is, as events of its
    /// files are.
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

/// A folder whose files have URLs.
#[derive(Debug)]
pub(super) struct Layer {
    /// The folder's path, absolute.
    pub(super) path: PathBuf,
    /// What all its URLs begin with, where they do not begin at `/`.
    at: Option<UrlPath>,
    /// Where the folder really is; found again when the folder was replaced.
    real: Mutex<PathBuf>,
}

impl Layer {
    /// Checks that the folder is one and can be read.
    pub(super) fn new(path: &Path, at: Option<UrlPath>) -> Result<Self, Error> {
        let metadata = fs::metadata(path).map_err(|why| match why.kind() {
            io::ErrorKind::NotFound => Error::RootMissing(path.to_owned()),
            _ => Error::Unreadable(path.to_owned(), why),
        })?;
        if !metadata.is_dir() {
            return Err(Error::RootNotDirectory(path.to_owned()));
        }
        let unreadable = |why| Error::Unreadable(path.to_owned(), why);
        fs::read_dir(path).map_err(unreadable)?;
        let real = Mutex::new(dunce::canonicalize(path).map_err(unreadable)?);
        let path = std::path::absolute(path).map_err(unreadable)?;
        Ok(Self { path, at, real })
    }

    /// The names that all its URLs begin with.
    pub(super) fn prefix(&self) -> impl Iterator<Item = &[u8]> {
        self.at.iter().flat_map(UrlPath::names)
    }

    /// The names of a URL below this layer; nothing if it is not below.
    pub(super) fn below<'u>(&self, url: &'u UrlPath) -> Option<impl Iterator<Item = &'u [u8]>> {
        let mut names = url.names();
        self.prefix().all(|name| names.next() == Some(name)).then_some(names)
    }

    /// The rest of a real path that lies in the folder. The folder may have been replaced since it
    /// was last looked at.
    pub(super) fn holds(&self, path: &Path) -> Option<PathBuf> {
        let mut real = self.real();
        let below = |real: &Path| path.strip_prefix(real).ok().map(Path::to_owned);
        below(&real).or_else(|| {
            *real = dunce::canonicalize(&self.path).ok()?;
            below(&real)
        })
    }

    /// Whether a path in the folder is the real one with other cases, where the system takes one for the
    /// other and says how the names are really written (Windows does, Linux does not). Blocking.
    pub(super) fn is_another_case(&self, path: &Path, real: &Path) -> bool {
        let below = path.strip_prefix(&self.path).unwrap_or(path);
        let mut above = path.ancestors().take_while(|above| *above != self.path);
        path != real && differs_in_case(below, real) && !above.any(Path::is_symlink)
    }

    fn real(&self) -> std::sync::MutexGuard<'_, PathBuf> {
        self.real.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the names at the end of a path are these but for their cases, from the last one up to where
/// a link leads elsewhere.
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
    fn a_name_in_another_case_is_another_name() {
        let table = [
            ("css/app.css", "/site/css/app.css", false),
            ("css/App.css", "/site/css/app.css", true),
            ("CSS/app.css", "/site/css/app.css", true),
            ("É.css", "/site/é.css", true),
            ("css/app.css", "/SITE/css/app.css", false), // as the folder was written
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
    fn a_mount_is_a_path_and_a_folder() {
        let table = [
            ("/assets=../shared", Ok("/assets/ -> ../shared")),
            ("/a%20b/c/=x=y", Ok("/a%20b/c/ -> x=y")),
            ("/=overlay", Ok("/ -> overlay")),
            (
                "assets",
                Err("assets is not a mount: write /PATH=FOLDER, for example /assets=../shared"),
            ),
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
