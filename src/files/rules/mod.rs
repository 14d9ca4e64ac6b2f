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
    docroot::{self, Content, Facts, Located, Root},
    http::url_path::UrlPath,
};

const HEADERS: &str = "_headers";
const REDIRECTS: &str = "_redirects";

/// How many rules of a file count: each request is held against all of them. Static hosts have fewer.
const RULES: usize = 10_000;

/// How many lines of a file are told that cannot be meant: more make it some other file.
const FAULTS: usize = 20;

/// A line that is passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Its number; 0 for all of the file.
    pub(crate) line: usize,
    /// What is wrong, and what to write instead.
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
        let (mut rules, wrong) = parse(&text);
        faults = told(wrong, rules.len());
        rules.truncate(RULES);
        *known = File { facts, rules: Arc::new(rules) };
    }
    Now { rules: Arc::clone(&known.rules), there: facts.is_some(), faults }
}

/// What is told of what is wrong with a file of so many rules.
fn told(mut faults: Vec<Fault>, rules: usize) -> Vec<Fault> {
    let more = faults.len().saturating_sub(FAULTS);
    faults.truncate(FAULTS);
    if more > 0 {
        faults.push(Fault { line: 0, why: format!("and {more} more lines") });
    }
    if rules > RULES {
        let why = format!("only the first {RULES} of {rules} rules count: leave some out");
        faults.push(Fault { line: 0, why });
    }
    faults
}

/// The file's text. One that is too large to be read at once is none of these.
fn read(root: &Root, name: &str) -> Option<String> {
    let Located::File(path) = root.locate(&at(name)) else { return None };
    let Content::Memory(bytes) = docroot::read(&path).ok()?.content else { return None };
    Some(String::from_utf8_lossy(&bytes).trim_start_matches('\u{feff}').to_owned())
}

#[cfg(test)]
mod tests {
    use super::{FAULTS, Fault, RULES, told};

    #[test]
    fn what_is_wrong_is_told_for_as_long_as_anybody_reads() {
        let faults = |count| (1..=count).map(|line| Fault { line, why: "no".to_owned() });
        for (count, rules, told_of, last) in [
            (0, 1, 0, None),
            (1, 1, 1, Some("no")),
            (FAULTS, RULES, FAULTS, Some("no")),
            (FAULTS + 3, 1, FAULTS + 1, Some("and 3 more lines")),
            (0, RULES + 1, 1, Some("only the first 10000 of 10001 rules count: leave some out")),
        ] {
            let said = told(faults(count).collect(), rules);
            assert_eq!((said.len(), said.last().map(|fault| &*fault.why)), (told_of, last));
        }
    }
}
