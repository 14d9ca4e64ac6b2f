//! Precompressed copies of a file, stored beside it: `app.js.br`, `app.js.zst`, `app.js.gz`.
//!
//! A copy that is older than its file was made from an earlier version and is ignored.

use std::{
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use super::ServedFile;
use crate::{
    docroot::{Content, ContentHash, FileRead, Located, Root, Writer},
    http::encoding::{Accepted, Coding},
    http::url_path::UrlPath,
};

/// The precompressed copies of a file, for one client.
#[derive(Debug, Default)]
pub(crate) enum Precompressed {
    /// There is none, so `Accept-Encoding` makes no difference.
    #[default]
    None,
    /// There are some, but none in a coding that the client prefers to the file itself.
    NotAccepted,
    /// The copy in the coding that the client prefers.
    Accepted(Box<CompressedFile>),
}

/// A copy of a file in a content coding.
#[derive(Debug)]
pub(crate) struct CompressedFile {
    pub(crate) coding: Coding,
    pub(crate) path: PathBuf,
    pub(crate) url: UrlPath,
    pub(crate) content: Content,
    pub(crate) content_hash: ContentHash,
    pub(crate) modified: Option<SystemTime>,
}

impl Precompressed {
    /// Finds the copy of a file that a client prefers, and reads it.
    ///
    /// # Blocking
    /// Calls `stat` for each coding, and reads the copy.
    pub(super) fn find(file: &ServedFile, root: &Root, accepted: Accepted) -> Self {
        let present: Vec<_> =
            Coding::ALL.into_iter().filter(|coding| is_current(file, *coding)).collect();
        let mut preferred = accepted.iter().filter(|coding| present.contains(coding));
        match preferred.find_map(|coding| read(file, root, coding)) {
            Some(copy) => Self::Accepted(Box::new(copy)),
            None if present.is_empty() => Self::None,
            None => Self::NotAccepted,
        }
    }
}

/// Returns the paths that copies of a file would have.
pub(super) fn candidates(file: &Path) -> [PathBuf; Coding::ALL.len()] {
    Coding::ALL.map(|coding| candidate(file, coding))
}

fn candidate(file: &Path, coding: Coding) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(coding.suffix());
    name.into()
}

/// Whether there is a copy that is not older than its file.
fn is_current(file: &ServedFile, coding: Coding) -> bool {
    fs::metadata(candidate(&file.path, coding))
        .is_ok_and(|metadata| metadata.is_file() && metadata.modified().ok() >= file.modified)
}

fn read(file: &ServedFile, root: &Root, coding: Coding) -> Option<CompressedFile> {
    let url = file.url.with_suffix(coding.suffix())?;
    let Located::File(copy) = root.locate(&url) else { return None };
    let FileRead { content, content_hash, writer, modified, .. } = copy.read().ok()?;
    (writer == Writer::None).then_some(CompressedFile {
        coding,
        path: copy.path,
        url,
        content,
        content_hash,
        modified,
    })
}
