//! Detects the workspace, the package manager, and installations of packages.
//!
//! The workspace is the nearest folder above the root that declares one, or else the folder with
//! the project's `package.json`. Vite uses the same folder as the default of `server.fs.allow`.

use std::{
    hash::Hasher,
    path::{Path, PathBuf},
};

use xxhash_rust::xxh3::Xxh3;

use super::manifest;
use crate::esm::disk_view::{DiskView, FileState};

/// Files that a package manager writes with each installation, and `package.json`.
const INSTALL_FILES: [&str; 10] = [
    "node_modules/.package-lock.json",
    "node_modules/.modules.yaml",
    "node_modules/.yarn-integrity",
    "node_modules/.yarn-state.yml",
    "package-lock.json",
    "pnpm-lock.yaml",
    "yarn.lock",
    "bun.lock",
    "bun.lockb",
    "package.json",
];

/// The lock files of package managers, and the command that adds a package.
const ADD_COMMANDS: [(&str, &str); 5] = [
    ("pnpm-lock.yaml", "pnpm add"),
    ("yarn.lock", "yarn add"),
    ("bun.lock", "bun add"),
    ("bun.lockb", "bun add"),
    ("package-lock.json", "npm install"),
];

/// Returns the workspace that a root belongs to.
pub(super) fn workspace(root: &Path) -> PathBuf {
    let is_workspace = |folder: &&Path| {
        folder.join("pnpm-workspace.yaml").is_file()
            || folder.join("lerna.json").is_file()
            || manifest::read(&folder.join("package.json"))
                .is_some_and(|package| !package["workspaces"].is_null())
    };
    let is_project = |folder: &&Path| folder.join("package.json").is_file();
    let above = || root.ancestors();
    above().find(is_workspace).or_else(|| above().find(is_project)).unwrap_or(root).to_owned()
}

/// Returns a hash that changes with each installation of packages for a root.
pub(super) fn stamp(root: &Path, workspace: &Path, disk: &DiskView) -> u64 {
    let mut hash = Xxh3::new();
    for folder in root.ancestors().take_while(|folder| folder.starts_with(workspace)) {
        for name in INSTALL_FILES {
            hash.write_u64(disk.stamp(&folder.join(name)));
        }
    }
    hash.finish()
}

/// Returns a hash of the size and modification time of a file, or 0 if there is no file.
pub(crate) fn file_stamp(file: &Path) -> u64 {
    FileState::of(file).map_or(0, FileState::stamp)
}

/// Returns the command that adds a package to the project.
pub(super) fn install_command(root: &Path, workspace: &Path, package: &str) -> String {
    let mut folders = root.ancestors().take_while(|folder| folder.starts_with(workspace));
    let command = folders.find_map(|folder| {
        ADD_COMMANDS.iter().find(|(lock, _)| folder.join(lock).is_file()).map(|(_, add)| add)
    });
    format!("{} {package}", command.unwrap_or(&"npm install"))
}
