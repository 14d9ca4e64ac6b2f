//! What a GET for a file or folder finds on the disk.
//!
//! [`Files::find`] takes a path to what there is to send, in one go on a blocking thread: it locates,
//! stats, opens and reads, so that a request pays for one hop between threads and a file's bytes are
//! read once. In order: what `_redirects` forces; the file; the folder's index; `page.html` for `/page`;
//! what else [`rules`] say; the page of `--spa`, for navigations; `404.html`.
//!
//! A file that somebody is writing is half of what it will be, so it is looked at again until the
//! writer is done, for a bounded time ([`patience`]).

mod encoded;
mod listing;
pub(crate) mod not_found;
mod patience;
pub(crate) mod rules;

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Instant, SystemTime},
};

use hyper::{
    StatusCode,
    header::{HeaderName, HeaderValue},
};

pub(crate) use self::encoded::Encoded;
use self::{
    patience::{Patience, Verdict},
    rules::{Elsewhere, Faults, Rules, Said},
};
use crate::{
    docroot::{self, Content, ContentHash, FileRead, Located, Root, Writer},
    http::url_path::UrlPath,
    http::{encoding::Accepted, media_type},
    refusal::Refusal,
};

/// What a folder shows.
pub(crate) const INDEX: &str = "index.html";

/// What is shown where nothing is, if it is there.
const NOT_FOUND: &str = "404.html";

/// What the name of a page ends with that can be asked for without that.
pub(crate) const PAGE: &str = ".html";

/// What of a request, beside its path, decides over what it finds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ask {
    /// The query.
    pub(crate) query: Option<String>,
    /// Whether the answer becomes a page in a tab or frame.
    pub(crate) page: bool,
    /// Whether somebody went there.
    pub(crate) navigation: bool,
    /// The codings that a file may have.
    pub(crate) accepted: Accepted,
}

/// What was found, and by what rules.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) found: Found,
    /// Fields to add to the answer, whatever it is.
    pub(crate) fields: Vec<(HeaderName, HeaderValue)>,
    /// What else decides over the answer, there or not.
    pub(crate) uses: Vec<UrlPath>,
    /// What is wrong with the rules, once.
    pub(crate) faults: Faults,
}

/// What a path leads to.
#[derive(Debug)]
pub(crate) enum Found {
    /// A file, and the status to send it with.
    File(StatusCode, Source),
    /// A folder without an index: where it is, and its listing, as a page.
    Listing(PathBuf, String),
    /// A folder that was asked for without its slash: the path to ask for instead.
    Redirect(UrlPath),
    /// Another place, that a rule names.
    Elsewhere(StatusCode, String),
    /// Nothing, and where on the disk it would be; nowhere, where something else is.
    Nothing(Option<PathBuf>),
    /// Something that is kept back, and why.
    Refused(Refusal),
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
    pub(crate) content_hash: ContentHash,
    /// When it was changed.
    pub(crate) modified: Option<SystemTime>,
    /// The same in a coding, where there is one.
    pub(crate) encoded: Encoded,
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
    disk: Arc<Disk>,
    patience: Mutex<Patience>,
}

/// What is looked at on a blocking thread.
#[derive(Debug)]
struct Disk {
    root: Arc<Root>,
    rules: Rules,
    /// The page of an application that finds its way by itself.
    spa: Option<UrlPath>,
}

impl Files {
    /// The files of this root; with a page that is shown to navigations that would find nothing.
    pub(crate) fn new(root: Arc<Root>, spa: Option<UrlPath>) -> Self {
        let disk = Disk { root, rules: Rules::default(), spa };
        Self { disk: Arc::new(disk), patience: Mutex::default() }
    }

    /// Finds what a path leads to, on a blocking thread; waits a moment for whoever is writing it.
    pub(crate) async fn find(&self, url: &UrlPath, ask: Ask) -> Answer {
        let began = Instant::now();
        let mut faults = Vec::new();
        loop {
            let (disk, url, asked) = (Arc::clone(&self.disk), url.clone(), ask.clone());
            let looking = tokio::task::spawn_blocking(move || disk.look(&url, &asked));
            let mut answer = looking.await.unwrap_or_else(|stopped| {
                let why = io::Error::other(stopped);
                Answer::of(Found::Unreadable(PathBuf::new(), why), Said::default())
            });
            faults.append(&mut answer.faults);
            let verdict = match &answer.found {
                Found::File(_, source) => self.verdict(&source.path, source.writer, began),
                _ => Verdict::Serve(Whole::Yes),
            };
            match verdict {
                Verdict::LookAgain(wait) => tokio::time::sleep(wait).await,
                Verdict::Serve(whole) => {
                    if let Found::File(_, source) = &mut answer.found {
                        source.whole = whole;
                    }
                    return Answer { faults, ..answer };
                }
            }
        }
    }

    fn verdict(&self, path: &Path, writer: Writer, began: Instant) -> Verdict {
        let mut patience = self.patience.lock().unwrap_or_else(PoisonError::into_inner);
        patience.verdict(path, writer, began.elapsed())
    }
}

impl Answer {
    fn of(found: Found, said: Said) -> Self {
        let Said { fields, uses, faults, .. } = said;
        Self { found, fields, uses, faults }
    }
}

impl Disk {
    fn look(&self, url: &UrlPath, ask: &Ask) -> Answer {
        let mut said = self.rules.say(&self.root, url, ask.query.as_deref());
        let mut found = match said.forced.take() {
            Some(elsewhere) => self.elsewhere(elsewhere, ask),
            None => self.here(url, ask),
        };
        if let Found::Nothing(_) = found {
            found = self.otherwise(found, url, ask, &mut said);
        }
        if let Found::File(_, source) = &mut found
            // A page's bytes are made here.
            && !(ask.page && media_type::is_html(&media_type::of(&source.path)))
        {
            source.encoded = Encoded::beside(source, &self.root, &ask.accepted);
        }
        Answer::of(found, said)
    }

    /// What is at a path.
    fn here(&self, url: &UrlPath, ask: &Ask) -> Found {
        match self.root.locate(url) {
            Located::File(_) if url.is_directory() => Found::Nothing(None),
            Located::File(path) => read(path, url.clone()),
            Located::Directory(path) => self.folder(path, url, ask),
            Located::Missing(path) => self.page(url).unwrap_or(Found::Nothing(path)),
            Located::Refused(why) => Found::Refused(why),
            Located::Unreadable(path, why) => Found::Unreadable(path, why),
        }
    }

    /// What a folder shows: its index; or else, asked for without its slash, the page beside it.
    fn folder(&self, path: PathBuf, url: &UrlPath, ask: &Ask) -> Found {
        let index = url.child(INDEX);
        match self.root.locate(&index) {
            Located::File(_) | Located::Unreadable(..) | Located::Refused(_)
                if !url.is_directory() =>
            {
                Found::Redirect(url.as_directory())
            }
            Located::File(path) => read(path, index),
            Located::Unreadable(path, why) => Found::Unreadable(path, why),
            // A listing in its place would leave a person to guess.
            Located::Refused(why) => Found::Refused(why),
            // An application has no listings.
            _ if ask.navigation && self.spa.is_some() => Found::Nothing(None),
            _ if !url.is_directory() => {
                self.page(url).unwrap_or_else(|| Found::Redirect(url.as_directory()))
            }
            _ => match listing::page(&self.root, url, ask.query.as_deref()) {
                Ok(page) => Found::Listing(path, page),
                Err(why) => Found::Unreadable(path, why),
            },
        }
    }

    /// The page that is asked for without the end of its name.
    fn page(&self, url: &UrlPath) -> Option<Found> {
        self.file(&url.with_suffix(PAGE)?)
    }

    fn file(&self, url: &UrlPath) -> Option<Found> {
        match self.root.locate(url) {
            Located::File(path) => Some(read(path, url.clone())),
            _ => None,
        }
    }

    /// What a rule names.
    fn elsewhere(&self, elsewhere: Elsewhere, ask: &Ask) -> Found {
        match elsewhere {
            Elsewhere::Redirect(status, place) => Found::Elsewhere(status, place),
            Elsewhere::Rewrite(status, url) => match self.here(&url, ask) {
                Found::File(_, source) => Found::File(status, source),
                // A folder's listing under another name would have links that lead nowhere.
                Found::Listing(..) => Found::Nothing(None),
                found => found,
            },
        }
    }

    /// What is shown where nothing is. All that could be is used: creating it is a change.
    fn otherwise(&self, nothing: Found, url: &UrlPath, ask: &Ask, said: &mut Said) -> Found {
        said.uses.extend(url.with_suffix(PAGE));
        if let Some(elsewhere) = said.otherwise.take() {
            match self.elsewhere(elsewhere, ask) {
                Found::Nothing(_) => {}
                found => return found,
            }
        }
        if let Some(spa) = self.spa.as_ref().filter(|_| ask.navigation) {
            said.uses.push(spa.clone());
            if let Some(found) = self.file(spa) {
                return found;
            }
        }
        if !ask.page {
            return nothing;
        }
        // The nearest one counts.
        let folders = url
            .folders()
            .take_while(|folder| matches!(self.root.locate(folder), Located::Directory(_)));
        let pages: Vec<_> = folders.map(|folder| folder.child(NOT_FOUND)).collect();
        let found = pages.iter().rev().find_map(|page| self.file(page));
        said.uses.extend(pages);
        match found {
            Some(Found::File(_, source)) => Found::File(StatusCode::NOT_FOUND, source),
            _ => nothing,
        }
    }
}

fn read(path: PathBuf, url: UrlPath) -> Found {
    match docroot::read(&path) {
        Ok(FileRead { content, content_hash, writer, modified }) => {
            let (encoded, whole) = (Encoded::default(), Whole::Yes);
            let source =
                Source { path, url, content, content_hash, modified, encoded, writer, whole };
            Found::File(StatusCode::OK, source)
        }
        Err(why) if why.kind() == io::ErrorKind::NotFound => Found::Nothing(Some(path)),
        Err(why) => Found::Unreadable(path, why),
    }
}
