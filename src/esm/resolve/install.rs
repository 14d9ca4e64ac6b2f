//! Who installs packages here, up to where, and when that was last done.
//!
//! The workspace is the folder that `server.fs.allow` of Vite is by default: the nearest one above
//! the root that says it is a workspace, or else the one with the project's `package.json`.

use std::{
    hash::Hasher,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use xxhash_rust::xxh3::Xxh3;

/// Files that every installation writes, and what asks for one.
const WRITTEN: [&str; 10] = [
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

/// The lock files that name the program, and how it adds a package.
const PROGRAMS: [(&str, &str); 5] = [
    ("pnpm-lock.yaml", "pnpm add"),
    ("yarn.lock", "yarn add"),
    ("bun.lock", "bun add"),
    ("bun.lockb", "bun add"),
    ("package-lock.json", "npm install"),
];

/// The workspace that a root is in.
pub(super) fn workspace(root: &Path) -> PathBuf {
    let is_one = |folder: &&Path| {
        folder.join("pnpm-workspace.yaml").is_file()
            || folder.join("lerna.json").is_file()
            || std::fs::read(folder.join("package.json"))
                .ok()
                .and_then(|text| serde_json::from_slice::<serde_json::Value>(&text).ok())
                .is_some_and(|package| !package["workspaces"].is_null())
    };
    let is_project = |folder: &&Path| folder.join("package.json").is_file();
    let above = || root.ancestors();
    above().find(is_one).or_else(|| above().find(is_project)).unwrap_or(root).to_owned()
}

/// Differs after each installation of packages for a root.
pub(super) fn stamp(root: &Path, workspace: &Path) -> u64 {
    let mut hash = Xxh3::new();
    for folder in root.ancestors().take_while(|folder| folder.starts_with(workspace)) {
        for name in WRITTEN {
            hash.write_u64(file_stamp(&folder.join(name)));
        }
    }
    hash.finish()
}

/// Differs when a file has another size or time; 0 where there is none.
pub(crate) fn file_stamp(file: &Path) -> u64 {
    let Ok(facts) = std::fs::metadata(file) else { return 0 };
    let modified = facts.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let mut hash = Xxh3::new();
    hash.write_u64(facts.len());
    hash.write_u128(modified.unwrap_or_default().as_nanos());
    hash.finish()
}

/// The command that adds a package.
pub(super) fn command(root: &Path, workspace: &Path, package: &str) -> String {
    let mut folders = root.ancestors().take_while(|folder| folder.starts_with(workspace));
    let program = folders.find_map(|folder| {
        PROGRAMS.iter().find(|(lock, _)| folder.join(lock).is_file()).map(|(_, program)| program)
    });
    format!("{} {package}", program.unwrap_or(&"npm install"))
}
