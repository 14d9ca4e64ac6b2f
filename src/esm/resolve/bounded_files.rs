//! The file system of the resolver, with bounds on what hostile files can make of it.
//!
//! The resolver recurses over the configuration files that extend each other and over the links in
//! a path. Each step asks the file system, which can end the recursion with an error.

use std::{
    cell::Cell,
    fs, io,
    path::{Path, PathBuf},
};

use oxc_resolver::{FileMetadata, FileSystem, FileSystemOs, ResolveError};

use super::manifest;

/// The stack that one lookup may use, bytes. Threads have 2 MiB by default.
const MAX_STACK: usize = 1024 * 1024;

/// What is read in place of a file that is refused: no valid JSON.
const REFUSED: &[u8] = b"refused";

thread_local! {
    /// The stack address at which the current lookup began.
    static START: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Runs a lookup whose use of the stack is bounded.
pub(crate) fn bounded<T>(lookup: impl FnOnce() -> T) -> T {
    START.set(Some(stack_address()));
    let found = lookup();
    START.set(None);
    found
}

/// The files of the operating system.
pub(crate) struct BoundedFiles(FileSystemOs);

impl FileSystem for BoundedFiles {
    fn new() -> Self {
        Self(FileSystemOs::new())
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        check_stack()?;
        // An error would be taken for a missing file.
        match manifest::read_bounded(path) {
            Ok(text) if manifest::check(&text).is_ok() => Ok(text),
            Err(error) if !manifest::is_refused(&error) => Err(error),
            _ => Ok(REFUSED.to_vec()),
        }
    }

    fn read_to_string(&self, path: &Path) -> io::Result<String> {
        check_stack()?;
        let text = manifest::read_bounded(path)?;
        FileSystemOs::validate_string(text)
    }

    fn metadata(&self, path: &Path) -> io::Result<FileMetadata> {
        FileSystemOs::metadata(path)
    }

    fn symlink_metadata(&self, path: &Path) -> io::Result<FileMetadata> {
        check_stack()?;
        let metadata = FileSystemOs::symlink_metadata(path)?;
        if metadata.is_symlink() {
            // The kernel follows a bounded number of links, the resolver any number.
            fs::metadata(path)?;
        }
        Ok(metadata)
    }

    fn read_link(&self, path: &Path) -> Result<PathBuf, ResolveError> {
        check_stack()?;
        FileSystemOs::read_link(path)
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        FileSystemOs::canonicalize(path)
    }
}

/// Checks how much of the stack the current lookup uses.
fn check_stack() -> io::Result<()> {
    let is_deep = START.get().is_some_and(|start| start.abs_diff(stack_address()) > MAX_STACK);
    if is_deep { Err(io::Error::other("too many files refer to each other")) } else { Ok(()) }
}

/// Returns the address of a local variable.
#[inline(never)]
fn stack_address() -> usize {
    let local = 0_u8;
    std::hint::black_box(std::ptr::from_ref(&local)).addr()
}
