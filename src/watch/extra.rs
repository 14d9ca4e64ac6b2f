//! The folders and files that are watched but not served: the `--watch` paths.
//!
//! These files are never requested, so there is no content to compare with. But the names of the
//! files that are there are kept: a save of such a file is published at once, like that of a file
//! in use, while a new name may be a temporary file on its way to a rename.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::error::Error;

/// How many names are kept. Files beyond are treated as new ones: their saves wait a moment.
const NAMES: usize = 100_000;

/// A folder or file that is watched but not served.
#[derive(Debug)]
struct ExtraPath {
    path: PathBuf,
    /// The paths of changes are relative to this folder.
    parent: PathBuf,
    is_folder: bool,
}

/// What the files below these paths are called in changes.
#[derive(Clone, Debug)]
pub(super) struct ExtraNames(Arc<[ExtraPath]>);

impl ExtraNames {
    /// Returns the name of a path: relative to the folder that its extra path lies in.
    pub(super) fn of(&self, path: &Path) -> Option<String> {
        let extra = self.0.iter().find(|extra| path.starts_with(&extra.path))?;
        Some(path.strip_prefix(&extra.parent).ok()?.to_string_lossy().into_owned())
    }
}

/// All of them.
#[derive(Debug)]
pub(super) struct ExtraPaths {
    paths: Arc<[ExtraPath]>,
    names: HashSet<PathBuf>,
}

impl ExtraPaths {
    /// Resolves the paths.
    ///
    /// # Errors
    /// [`Error::WatchPathMissing`] if a path does not exist, [`Error::Unreadable`] if a folder
    /// cannot be listed.
    pub(super) fn new(paths: impl IntoIterator<Item = PathBuf>) -> Result<Self, Error> {
        let paths = paths.into_iter().map(ExtraPath::new).collect::<Result<_, _>>()?;
        Ok(Self { paths, names: HashSet::new() })
    }

    /// Returns the folders and files.
    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.paths.iter().map(|extra| &*extra.path)
    }

    /// Returns the folders.
    pub(super) fn folders(&self) -> impl Iterator<Item = &Path> {
        self.paths.iter().filter(|extra| extra.is_folder).map(|extra| &*extra.path)
    }

    /// Returns the files, each with its folder.
    pub(super) fn files(&self) -> impl Iterator<Item = (&Path, &Path)> {
        let files = self.paths.iter().filter(|extra| !extra.is_folder);
        files.map(|extra| (&*extra.path, &*extra.parent))
    }

    /// Returns whether a path is one of these, or below one.
    pub(super) fn contains(&self, path: &Path) -> bool {
        self.paths.iter().any(|extra| path.starts_with(&extra.path))
    }

    /// Returns the name of a path: relative to the folder that its extra path lies in.
    pub(super) fn name(&self, path: &Path) -> Option<String> {
        self.naming().of(path)
    }

    /// Returns what names the paths, for other threads.
    pub(super) fn naming(&self) -> ExtraNames {
        ExtraNames(Arc::clone(&self.paths))
    }

    /// Records whether a file exists. Does nothing for other paths.
    pub(super) fn set_exists(&mut self, path: &Path, exists: bool) {
        if !exists {
            self.names.remove(path);
        } else if self.names.len() < NAMES && self.contains(path) {
            self.names.insert(path.to_owned());
        }
    }

    /// Returns whether a path is a file that is known to exist.
    pub(super) fn is_known_file(&self, path: &Path) -> bool {
        self.names.contains(path)
    }
}

impl ExtraPath {
    fn new(path: PathBuf) -> Result<Self, Error> {
        let absolute =
            dunce::canonicalize(&path).map_err(|_| Error::WatchPathMissing(path.clone()))?;
        let is_folder = absolute.is_dir();
        if is_folder {
            fs::read_dir(&absolute).map_err(|why| Error::Unreadable(path, why))?;
        }
        let parent = absolute.parent().unwrap_or(&absolute).to_owned();
        Ok(Self { path: absolute, parent, is_folder })
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf};

    use super::ExtraPaths;
    use crate::error::Error;

    #[test]
    fn names_are_relative_to_the_parent_and_existing_files_are_known() {
        let dir = tempfile::tempdir().unwrap();
        let top = dunce::canonicalize(dir.path()).unwrap();
        fs::create_dir(top.join("templates")).unwrap();
        fs::write(top.join("config.toml"), "").unwrap();
        let paths = ["templates", "config.toml"].map(|name| top.join(name));
        let mut extra = ExtraPaths::new(paths).unwrap();
        assert_eq!(extra.name(&top.join("templates/a.html")).unwrap(), "templates/a.html");
        assert_eq!(extra.name(&top.join("config.toml")).unwrap(), "config.toml");
        assert_eq!(extra.name(&top.join("beside.toml")), None);

        let [page, beside] = ["templates/a.html", "beside.toml"].map(|name| top.join(name));
        extra.set_exists(&page, true);
        extra.set_exists(&beside, true);
        assert!(extra.is_known_file(&page) && !extra.is_known_file(&beside));
        extra.set_exists(&page, false);
        assert!(!extra.is_known_file(&page));
    }

    #[test]
    fn missing_path_is_an_error() {
        let error = ExtraPaths::new([PathBuf::from("/no/such/folder")]).unwrap_err();
        assert!(matches!(error, Error::WatchPathMissing(_)), "{error}");
    }
}
