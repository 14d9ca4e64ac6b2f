//! A file system for the resolver that records which JSON files it looks for.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use oxc_resolver::{FileMetadata, FileSystem, FileSystemOs, ResolveError};

/// The paths of the JSON files that were looked for, whether they exist or not.
#[derive(Clone, Default)]
pub(super) struct Record(Arc<Mutex<Vec<PathBuf>>>);

impl Record {
    pub(super) fn paths(&self) -> MutexGuard<'_, Vec<PathBuf>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The operating system's files, with a record of lookups.
pub(super) struct RecordingFileSystem {
    os: FileSystemOs,
    record: Record,
}

impl RecordingFileSystem {
    pub(super) fn with_record(record: Record) -> Self {
        Self { os: FileSystemOs::new(), record }
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
        self.os.read(path)
    }

    fn read_to_string(&self, path: &Path) -> io::Result<String> {
        self.note(path);
        self.os.read_to_string(path)
    }

    fn metadata(&self, path: &Path) -> io::Result<FileMetadata> {
        self.note(path);
        FileSystem::metadata(&self.os, path)
    }

    fn symlink_metadata(&self, path: &Path) -> io::Result<FileMetadata> {
        self.note(path);
        FileSystem::symlink_metadata(&self.os, path)
    }

    fn read_link(&self, path: &Path) -> Result<PathBuf, ResolveError> {
        FileSystem::read_link(&self.os, path)
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        FileSystem::canonicalize(&self.os, path)
    }
}
