//! What a GET for a file or folder finds on the disk.
//!
//! [`find`] takes a path to what there is to send, in one go on a blocking thread: it locates, stats,
//! opens and reads, so that a request pays for one hop between threads and a file's bytes are read
//! once. Files up to [`IN_MEMORY`] are read whole and known by a hash of their content; larger ones
//! are opened, to be streamed, and known by what the system says of them.

mod listing;
pub(crate) mod not_found;

use std::{
    fs::{File, Metadata},
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
    time::UNIX_EPOCH,
};

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_128;

use crate::{
    root::{Located, Root},
    url_path::UrlPath,
};

/// Up to this size a file is read whole, bytes.
pub(crate) const IN_MEMORY: u64 = 1024 * 1024;

/// What a folder shows.
const INDEX: &str = "index.html";

/// What a path leads to.
#[derive(Debug)]
pub(crate) enum Found {
    /// A file.
    File(Source),
    /// A folder without an index: its listing, as a page.
    Listing(String),
    /// A folder that was asked for without its slash: the path to ask for instead.
    Redirect(UrlPath),
    /// Nothing. The paths are those on the disk that would change this.
    NotFound(Vec<PathBuf>),
    /// Something that is kept back, and why.
    Refused(&'static str),
    /// Something that the system does not let us read.
    Unreadable(io::Error),
}

/// A file that was opened, and what was read of it.
#[derive(Debug)]
pub(crate) struct Source {
    /// Where it is on the disk.
    pub(crate) path: PathBuf,
    /// Its own URL path: that of the index for a folder.
    pub(crate) url: UrlPath,
    /// Its bytes.
    pub(crate) content: Content,
    /// A hash of its content, or of what the system says of it where it is large.
    pub(crate) identity: u128,
}

/// A file's bytes, or the way to them.
#[derive(Debug)]
pub(crate) enum Content {
    /// All of them.
    Memory(Bytes),
    /// The open file, and its length.
    Large(File, u64),
}

/// Finds what a path leads to, on a blocking thread.
pub(crate) async fn find(root: Arc<Root>, url: UrlPath) -> Found {
    match tokio::task::spawn_blocking(move || look(&root, &url)).await {
        Ok(found) => found,
        Err(stopped) => Found::Unreadable(io::Error::other(stopped)),
    }
}

fn look(root: &Root, url: &UrlPath) -> Found {
    match root.locate(url) {
        Located::File(path, _) if url.is_directory() => Found::NotFound(vec![path]),
        Located::File(path, _) => read(path, url.clone()),
        Located::Directory(_) if !url.is_directory() => Found::Redirect(url.as_directory()),
        Located::Directory(path) => {
            let index = url.child(INDEX);
            match root.locate(&index) {
                Located::File(path, _) => read(path, index),
                Located::Unreadable(why) => Found::Unreadable(why),
                _ => match listing::page(root, &path, url) {
                    Ok(page) => Found::Listing(page),
                    Err(why) => Found::Unreadable(why),
                },
            }
        }
        Located::Missing(path) => Found::NotFound(vec![path]),
        Located::Refused(why) => Found::Refused(why),
        Located::Unreadable(why) => Found::Unreadable(why),
    }
}

fn read(path: PathBuf, url: UrlPath) -> Found {
    match open(&path) {
        Ok((content, identity)) => Found::File(Source { path, url, content, identity }),
        Err(why) if why.kind() == io::ErrorKind::NotFound => Found::NotFound(vec![path]),
        Err(why) => Found::Unreadable(why),
    }
}

fn open(path: &Path) -> io::Result<(Content, u128)> {
    let (mut file, metadata) = Root::open(path)?;
    if metadata.len() > IN_MEMORY {
        let length = metadata.len();
        return Ok((Content::Large(file, length), identity_of(&metadata)));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0) + 1);
    // A file that grows while it is read is not followed for ever.
    file.by_ref().take(4 * IN_MEMORY).read_to_end(&mut bytes)?;
    let identity = xxh3_128(&bytes);
    Ok((Content::Memory(bytes.into()), identity))
}

/// The identity of a file's content, as [`find`] gives it. Blocking.
pub(crate) fn identity(path: &Path) -> io::Result<u128> {
    open(path).map(|(_, identity)| identity)
}

/// The identity of content that is too large to be read for it.
fn identity_of(metadata: &Metadata) -> u128 {
    let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let facts = (metadata.len(), modified.map(|time| time.as_nanos()));
    xxh3_128(format!("{facts:?}").as_bytes())
}
