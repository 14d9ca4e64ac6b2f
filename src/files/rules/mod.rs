//! The files `_headers` and `_redirects` of the served folder, as Netlify and Cloudflare Pages read
//! them: [`headers`] and [`redirects`] say which part of that.
//!
//! They are read again when they changed; a look costs each request one call for each of them.

#[cfg(fuzzing)]
pub(crate) mod fuzzing;
pub(super) mod headers;
mod pattern;
pub(super) mod redirects;

use std::{
    fs,
    sync::{Arc, Mutex, PoisonError},
};

use hyper::header::{HeaderName, HeaderValue};

pub(crate) use self::redirects::Elsewhere;
use crate::{
    root::{self, Content, Facts, Located, Root},
    url_path::UrlPath,
};

const HEADERS: &str = "_headers";
const REDIRECTS: &str = "_redirects";

/// A line that is passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Its number.
    pub(crate) line: usize,
    /// What is wrong with it, and what to write instead.
    pub(crate) why: String,
}

/// The rules of a folder, as they were read last.
#[derive(Debug, Default)]
pub(super) struct Rules {
    headers: Mutex<File<headers::Rule>>,
    redirects: Mutex<File<redirects::Rule>>,
}

/// One of the files.
#[derive(Debug)]
struct File<R> {
    /// Of the file as it was read; nothing if there was none.
    facts: Option<Facts>,
    rules: Arc<Vec<R>>,
}

impl<R> Default for File<R> {
    fn default() -> Self {
        Self { facts: None, rules: Arc::default() }
    }
}

/// What the rules of a file are now.
struct Now<R> {
    rules: Arc<Vec<R>>,
    /// Whether there is such a file.
    there: bool,
    /// What was read just now and cannot be meant.
    faults: Vec<Fault>,
}

/// What was found wrong, and where.
pub(crate) type Faults = Vec<(&'static str, Fault)>;

/// What the rules say of one request.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// Fields to add.
    pub(super) fields: Vec<(HeaderName, HeaderValue)>,
    /// Where to look instead, whatever is there.
    pub(super) forced: Option<Elsewhere>,
    /// Where to look instead, if nothing is there.
    pub(super) otherwise: Option<Elsewhere>,
    /// The files that said so.
    pub(super) uses: Vec<UrlPath>,
    /// What is to be told of them.
    pub(super) faults: Faults,
}

impl Rules {
    /// What the rules say of a path. Blocking.
    pub(super) fn say(&self, root: &Root, path: &UrlPath, query: Option<&str>) -> Said {
        let headers = current(&self.headers, root, HEADERS, headers::parse);
        let redirects = current(&self.redirects, root, REDIRECTS, redirects::parse);
        let mut said = Said {
            fields: headers::of(&headers.rules, path),
            forced: redirects::of(&redirects.rules, path, query, true),
            otherwise: redirects::of(&redirects.rules, path, query, false),
            ..Said::default()
        };
        let files = [
            (HEADERS, headers.there, headers.faults),
            (REDIRECTS, redirects.there, redirects.faults),
        ];
        for (name, there, faults) in files {
            said.uses.extend(there.then(|| at(name)));
            said.faults.extend(faults.into_iter().map(|fault| (name, fault)));
        }
        said
    }
}

/// The URL path of one of the files.
fn at(name: &str) -> UrlPath {
    UrlPath::root().child(name)
}

/// The rules of a file, read again if it changed. Blocking.
fn current<R>(
    known: &Mutex<File<R>>,
    root: &Root,
    name: &str,
    parse: fn(&str) -> (Vec<R>, Vec<Fault>),
) -> Now<R> {
    let metadata = fs::metadata(root.path().join(name)).ok().filter(fs::Metadata::is_file);
    let facts = metadata.as_ref().map(Facts::of);
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    let mut faults = Vec::new();
    if known.facts != facts {
        let text = facts.and_then(|_| read(root, name)).unwrap_or_default();
        let (rules, wrong) = parse(&text);
        *known = File { facts, rules: Arc::new(rules) };
        faults = wrong;
    }
    Now { rules: Arc::clone(&known.rules), there: facts.is_some(), faults }
}

/// The file's text. One that is too large to be read at once is none of these.
fn read(root: &Root, name: &str) -> Option<String> {
    let Located::File(path) = root.locate(&at(name)) else { return None };
    let Content::Memory(bytes) = root::read(&path).ok()?.content else { return None };
    Some(String::from_utf8_lossy(&bytes).trim_start_matches('\u{feff}').to_owned())
}
