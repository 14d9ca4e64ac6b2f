//! Finds the compilers that are installed.

use std::path::{Path, PathBuf};

use super::driver::Tool;
use crate::esm::{disk_view::DiskView, resolve::manifest};

/// An installed compiler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Installed {
    /// The folder whose `node_modules` has the package.
    pub(super) base: PathBuf,
    /// The name of the package.
    pub(super) package: &'static str,
    pub(super) version: String,
    /// The state of its `package.json`.
    pub(super) stamp: u64,
}

/// Returns the compiler that a file could import.
///
/// # Blocking
/// Looks for its `package.json` in the folders above the file.
pub(super) fn find(tool: Tool, file: &Path, disk: &DiskView) -> Option<Installed> {
    let find = |package: &'static str| {
        file.ancestors().skip(1).find_map(|base| {
            let path = base.join("node_modules").join(package).join("package.json");
            if !disk.has_file(&path) {
                return None;
            }
            let manifest = manifest::read(&path)?;
            let version = manifest.get("version")?.as_str()?.to_owned();
            let stamp = disk.stamp(&path);
            Some(Installed { base: base.to_owned(), package, version, stamp })
        })
    };
    tool.driver().packages.iter().find_map(|package| find(package))
}
