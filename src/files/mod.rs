//! What a GET for a file or folder finds on the disk.
//!
//! [`find`] takes a path to what there is to send, in one go on a blocking thread: it locates, stats,
//! opens and reads, so that a request pays for one hop between threads and a file's bytes are read
//! once.
//!
//! A file that somebody is writing is half of what it will be, so it is looked at again until the
//! writer is done, for a bounded time ([`patience`]).

mod listing;
pub(crate) mod not_found;
mod patience;

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use self::patience::{Patience, Verdict};
use crate::{
    root::{self, Content, FileRead, Identity, Located, Root, Writer},
    url_path::UrlPath,
};

/// What a folder shows.
pub(crate) const INDEX: &str = "index.html";

/// What a path leads to.
#[derive(Debug)]
pub(crate) enum Found {
    /// A file.
    File(Source),
    /// A folder without an index: where it is, and its listing, as a page.
    Listing(PathBuf, String),
    /// A folder that was asked for without its slash: the path to ask for instead.
    Redirect(UrlPath),
    /// Nothing, at this place on the disk.
    Nothing(PathBuf),
    /// Something that is kept back, and why.
    Refused(&'static str),
    /// Something that the system does not let us read.
    Unreadable(PathBuf, io::Error),
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
    /// Which content it is.
    pub(crate) identity: Identity,
    /// Who was writing it when it was read.
    writer: Writer,
    /// Whether it may be half of what is being written.
    pub(crate) whole: Whole,
}

/// Whether a file is all there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whole {
    /// Nobody is writing it.
    Yes,
    /// Somebody is, still, after having been waited for.
    WaitedInVain,
    /// Somebody is, and has been for long: nobody waits for that.
    Unending,
}

/// The files of a root.
#[derive(Debug)]
pub(crate) struct Files {
    root: Arc<Root>,
    patience: Mutex<Patience>,
}

impl Files {
    /// The files of this root.
    pub(crate) fn new(root: Arc<Root>) -> Self {
        Self { root, patience: Mutex::default() }
    }

    /// Finds what a path leads to, on a blocking thread; waits a moment for whoever is writing it.
    pub(crate) async fn find(&self, url: &UrlPath) -> Found {
        let began = Instant::now();
        loop {
            let (root, asked) = (Arc::clone(&self.root), url.clone());
            let found = match tokio::task::spawn_blocking(move || look(&root, &asked)).await {
                Ok(found) => found,
                Err(stopped) => Found::Unreadable(PathBuf::new(), io::Error::other(stopped)),
            };
            let Found::File(source) = found else { return found };
            match self.verdict(&source.path, source.writer, began) {
                Verdict::Serve(whole) => return Found::File(Source { whole, ..source }),
                Verdict::LookAgain(wait) => tokio::time::sleep(wait).await,
            }
        }
    }

    fn verdict(&self, path: &Path, writer: Writer, began: Instant) -> Verdict {
        let mut patience = self.patience.lock().unwrap_or_else(PoisonError::into_inner);
        patience.verdict(path, writer, began.elapsed())
    }
}

fn look(root: &Root, url: &UrlPath) -> Found {
    match root.locate(url) {
        Located::File(path) if url.is_directory() => Found::Nothing(path),
        Located::File(path) => read(path, url.clone()),
        Located::Directory(_) if !url.is_directory() => Found::Redirect(url.as_directory()),
        Located::Directory(path) => {
            let index = url.child(INDEX);
            match root.locate(&index) {
                Located::File(path) => read(path, index),
                Located::Unreadable(path, why) => Found::Unreadable(path, why),
                // A listing in its place would leave a person to guess.
                Located::Refused(why) => Found::Refused(why),
                _ => match listing::page(root, &path, url) {
                    Ok(page) => Found::Listing(path, page),
                    Err(why) => Found::Unreadable(path, why),
                },
            }
        }
        Located::Missing(path) => Found::Nothing(path),
        Located::Refused(why) => Found::Refused(why),
        Located::Unreadable(path, why) => Found::Unreadable(path, why),
    }
}

fn read(path: PathBuf, url: UrlPath) -> Found {
    match root::read(&path) {
        Ok(FileRead { content, identity, writer }) => {
            Found::File(Source { path, url, content, identity, writer, whole: Whole::Yes })
        }
        Err(why) if why.kind() == io::ErrorKind::NotFound => Found::Nothing(path),
        Err(why) => Found::Unreadable(path, why),
    }
}
