//! A file system for the resolver that records which JSON files it looks for.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
};

use oxc_resolver::{FileMetadata, FileSystem, ResolveError};

use crate::esm::{lock::lock, resolve::BoundedFiles};

/// The paths of the JSON files that were looked for, whether they exist or not.
#[derive(Clone, Default)]
pub(super) struct Record {
    paths: Arc<Mutex<Vec<PathBuf>>>,
    /// A file that exists and could not be read, and why. The resolver ignores such files.
    unreadable: Arc<Mutex<Option<(PathBuf, String)>>>,
}

impl Record {
    pub(super) fn paths(&self) -> MutexGuard<'_, Vec<PathBuf>> {
        lock(&self.paths)
    }

    pub(super) fn unreadable(&self) -> MutexGuard<'_, Option<(PathBuf, String)>> {
        lock(&self.unreadable)
    }
}

/// The operating system's files, with a record of lookups.
pub(super) struct RecordingFileSystem {
    files: BoundedFiles,
    record: Record,
}

impl RecordingFileSystem {
    pub(super) fn with_record(record: Record) -> Self {
        Self { files: BoundedFiles::new(), record }
    }

    fn note(&self, path: &Path) {
        if path.extension().is_some_and(|extension| extension == "json") {
            self.record.paths().push(path.to_owned());
        }
    }
}

impl FileSystem for RecordingFileSystem {
    fn new() -> Self {
        Self::with_record(Record::default())
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.note(path);
        self.files.read(path)
    }

    fn read_to_string(&self, path: &Path) -> io::Result<String> {
        self.note(path);
        let text = self.files.read_to_string(path);
        if let Err(error) = &text
            && error.kind() != io::ErrorKind::NotFound
        {
            *self.record.unreadable() = Some((path.to_owned(), error.to_string()));
        }
        text
    }

    fn metadata(&self, path: &Path) -> io::Result<FileMetadata> {
        self.note(path);
        self.files.metadata(path).map(as_file)
    }

    fn symlink_metadata(&self, path: &Path) -> io::Result<FileMetadata> {
        self.note(path);
        self.files.symlink_metadata(path).map(as_file)
    }

    fn read_link(&self, path: &Path) -> Result<PathBuf, ResolveError> {
        self.files.read_link(path)
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        self.files.canonicalize(path)
    }
}

/// Passes a FIFO, socket or device off as a file, so that the resolver reads it, which fails,
/// instead of passing over it.
fn as_file(metadata: FileMetadata) -> FileMetadata {
    let (is_dir, is_symlink) = (metadata.is_dir(), metadata.is_symlink());
    FileMetadata::new(!is_dir && !is_symlink, is_dir, is_symlink)
}
