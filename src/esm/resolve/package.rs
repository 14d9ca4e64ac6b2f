//! A package and its files, on the disk and in URLs.

use std::{fmt, path::PathBuf, sync::Arc};

use crate::http::url_path::UrlPath;

/// A package in a folder.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Package {
    /// `name@version~stamp`, the package in a URL.
    pub(crate) id: String,
    /// The name by which it is imported.
    pub(crate) name: String,
    /// The real path of the folder.
    pub(crate) path: PathBuf,
    /// Whether it is in a `node_modules`, so that its files do not change. Packages of a workspace
    /// are not.
    pub(crate) installed: bool,
    /// The [stamp](super::install::stamp) of the installation at which the package was found.
    pub(super) install_stamp: u64,
    /// Stamp of its `package.json`, combined with the stamp of the installation.
    pub(super) stamp: u64,
}

/// A file of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PackageFile {
    pub(crate) package: Arc<Package>,
    /// The path in the package, with slashes, without symbolic links.
    pub(crate) path: String,
}

impl PackageFile {
    /// Returns the path on the disk.
    pub(crate) fn path(&self) -> PathBuf {
        self.package.path.join(&self.path)
    }

    /// Returns the URL path below [`PACKAGES`](crate::http::own_paths::PACKAGES). It identifies the
    /// file in the page, too.
    pub(crate) fn key(&self) -> String {
        let names = self.package.id.split('/').chain(self.path.split('/')).map(str::as_bytes);
        let path = UrlPath::from_names(names, false).map(|path| path.to_string());
        path.unwrap_or_default().trim_start_matches('/').to_owned()
    }
}

impl fmt::Display for PackageFile {
    /// Writes the name of the package and the path in it, for messages.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.package.name, self.path)
    }
}
