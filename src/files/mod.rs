//! Resolves a GET request's path to a file, a folder listing or a redirect.
//!
//! [`Files::find`] does the whole lookup in one call on a blocking thread: it locates, opens and
//! reads the file, so that a request pays for one hop between threads. The order of precedence is:
//! forced rules of `_redirects`; the file itself; the folder's index; `page.html` for `/page`; the
//! other [`rules`]; the `--spa` page, for navigations; the nearest `404.html`.
//!
//! A file that is being written may be an incomplete save. It is read again until its writer has
//! closed it, for a bounded time ([`retry`]).

pub(crate) mod cache;
pub(crate) mod error_page;
mod listing;
mod lookup;
mod precompressed;
mod retry;
pub(crate) mod rules;

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use hyper::{
    StatusCode,
    header::{HeaderName, HeaderValue},
};

pub(crate) use self::precompressed::Precompressed;
use self::{
    lookup::Disk,
    retry::{Retries, Verdict},
    rules::RuleFaults,
};
use crate::{
    docroot::{Content, ContentHash, Dependencies, FileStamp, Root, Writer},
    http::{encoding::Accepted, url_path::UrlPath},
    refusal::Refusal,
};

/// The file that is served for its folder.
pub(crate) const INDEX: &str = "index.html";

/// The extension that a page's URL may leave out.
pub(crate) const PAGE: &str = ".html";

/// What decides, besides the path, which file answers a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct FileRequest {
    pub(crate) query: Option<String>,
    /// Whether the response is displayed as a page in a tab or frame.
    pub(crate) page: bool,
    /// Whether the request is a navigation, or asks for HTML.
    pub(crate) navigation: bool,
    /// The content codings that the client accepts.
    pub(crate) accepted: Accepted,
    /// Whether only the content is wanted, for a response made from it: no precompressed copies,
    /// and nothing to [cache] the file with.
    pub(crate) content_only: bool,
}

/// The result of a lookup, and what the rules of the folder add to it.
#[derive(Debug)]
pub(crate) struct Resolution {
    pub(crate) lookup: Lookup,
    /// Header fields from `_headers`.
    pub(crate) fields: Vec<(HeaderName, HeaderValue)>,
    /// Paths other than the file itself that the result depends on, whether they exist or not.
    pub(crate) dependencies: Vec<UrlPath>,
    /// Errors in the rules files, reported once per version of the file.
    pub(crate) faults: RuleFaults,
    /// What the result stays valid with, if it may be [cached](cache).
    pub(crate) cacheable: Option<Dependencies>,
}

/// What a path resolves to.
#[derive(Debug)]
pub(crate) enum Lookup {
    /// A file, and the status to send it with.
    File(StatusCode, ServedFile),
    /// A folder without an index: its disk path, when it was last modified, and its listing as an
    /// HTML document.
    Listing(PathBuf, Option<SystemTime>, String),
    /// A folder requested without its trailing slash: the path to redirect to.
    AddSlash(UrlPath),
    /// A redirect by a rule: its status and location.
    RuleRedirect(StatusCode, String),
    /// No file. The disk path where it would be, if there is one.
    NotFound(Option<PathBuf>),
    /// A file that the access rules withhold, and the reason.
    Refused(Refusal),
    /// A file that cannot be read because of an I/O error.
    Unreadable(PathBuf, io::Error),
}

impl Lookup {
    /// Returns whether a file that is created at the requested path could give another outcome.
    pub(crate) fn is_without_file(&self) -> bool {
        match self {
            Self::File(status, _) => *status != StatusCode::OK,
            Self::Listing(..) | Self::RuleRedirect(..) | Self::NotFound(_) => true,
            Self::AddSlash(_) | Self::Refused(_) | Self::Unreadable(..) => false,
        }
    }
}

/// A file that was opened for a response.
#[derive(Debug)]
pub(crate) struct ServedFile {
    /// Its path on the disk.
    pub(crate) path: PathBuf,
    /// Its own URL path; for a folder, that of the index.
    pub(crate) url: UrlPath,
    pub(crate) content: Content,
    pub(crate) content_hash: ContentHash,
    /// The time of its last modification.
    pub(crate) modified: Option<SystemTime>,
    /// Its precompressed version, if there is one.
    pub(crate) precompressed: Precompressed,
    /// The writer that was detected while it was read.
    writer: Writer,
    pub(crate) stamp: Option<FileStamp>,
    pub(crate) completeness: Completeness,
}

/// Whether a file was read without a concurrent writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Completeness {
    /// No process was writing it.
    Complete,
    /// A writer did not close it in time, so it may be incomplete.
    TimedOut,
    /// A writer has had it open since an earlier request that timed out, such as for a log.
    Ongoing,
}

/// The files of the served folders.
#[derive(Debug)]
pub(crate) struct Files {
    disk: Arc<Disk>,
    retries: Mutex<Retries>,
}

impl Files {
    /// Creates the files of these folders. `spa` is the page served to navigations that match no
    /// file.
    pub(crate) fn new(root: Arc<Root>, spa: Option<UrlPath>) -> Self {
        Self { disk: Arc::new(Disk::new(root, spa)), retries: Mutex::default() }
    }

    /// Resolves a path on a blocking thread. Waits up to half a second for a writer to close the
    /// file.
    pub(crate) async fn find(&self, url: &UrlPath, request: FileRequest) -> Resolution {
        let began = Instant::now();
        let mut faults = Vec::new();
        loop {
            // Before the lookup: a lookup that began within the limit is repeated, however long it
            // took on a busy machine. The writer that it found may be gone.
            let waited = began.elapsed();
            let (disk, url, request) = (Arc::clone(&self.disk), url.clone(), request.clone());
            let lookup = tokio::task::spawn_blocking(move || disk.resolve(&url, &request));
            let mut resolution = lookup.await.unwrap_or_else(|panicked| {
                Resolution::from(Lookup::Unreadable(PathBuf::new(), io::Error::other(panicked)))
            });
            faults.append(&mut resolution.faults);
            let verdict = match &resolution.lookup {
                Lookup::File(_, file) => self.verdict(&file.path, file.writer, waited),
                _ => Verdict::Serve(Completeness::Complete),
            };
            match verdict {
                Verdict::Retry(wait) => tokio::time::sleep(wait).await,
                Verdict::Serve(completeness) => {
                    if let Lookup::File(_, file) = &mut resolution.lookup {
                        file.completeness = completeness;
                    }
                    if completeness != Completeness::Complete {
                        resolution.cacheable = None;
                    }
                    return Resolution { faults, ..resolution };
                }
            }
        }
    }

    fn verdict(&self, path: &Path, writer: Writer, waited: Duration) -> Verdict {
        let mut retries = self.retries.lock().unwrap_or_else(PoisonError::into_inner);
        retries.verdict(path, writer, waited)
    }
}

impl From<Lookup> for Resolution {
    fn from(lookup: Lookup) -> Self {
        let (fields, dependencies, faults) = (Vec::new(), Vec::new(), Vec::new());
        Self { lookup, fields, dependencies, faults, cacheable: None }
    }
}
