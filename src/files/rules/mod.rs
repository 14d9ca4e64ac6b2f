//! The files `_headers` and `_redirects` of the served folder, in the syntax of Netlify and
//! Cloudflare Pages. [`headers`] and [`redirects`] say which part of it is supported.
//!
//! Each file is read again when its size or modification time has changed.

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

pub(crate) use self::redirects::RuleTarget;
use crate::{
    docroot::{Content, Facts, Located, Root},
    http::url_path::UrlPath,
};

/// The names of the rules files, in the served folder.
pub(super) const HEADERS: &str = "_headers";
pub(super) const REDIRECTS: &str = "_redirects";

/// The size up to which a file is read, bytes.
const SIZE: usize = 1024 * 1024;

/// How many rules of a file are used. Each request is matched against all of them.
const RULES: usize = 10_000;

/// How many faulty lines of a file are reported. A file with more is probably not a rules file.
const FAULTS: usize = 20;

/// A line that is ignored because of an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RuleFault {
    /// Its number, from 1; 0 for the file as a whole.
    pub(crate) line: usize,
    /// What is wrong, and what to write instead.
    pub(crate) message: String,
}

/// Errors, each with the name of its file.
pub(crate) type RuleFaults = Vec<(&'static str, RuleFault)>;

/// The rules of a served folder.
#[derive(Debug, Default)]
pub(super) struct Rules {
    headers: Mutex<RulesFile<headers::Rule>>,
    redirects: Mutex<RulesFile<redirects::Rule>>,
}

/// A rules file as it was last read.
#[derive(Debug)]
struct RulesFile<R> {
    /// Its size and time; `None` if there was no file.
    facts: Option<Facts>,
    rules: Arc<Vec<R>>,
}

impl<R> Default for RulesFile<R> {
    fn default() -> Self {
        Self { facts: None, rules: Arc::default() }
    }
}

/// The current rules of a file.
struct Current<R> {
    rules: Arc<Vec<R>>,
    exists: bool,
    /// The errors, if the file was read by this call.
    faults: Vec<RuleFault>,
}

/// The rules that match one request.
#[derive(Debug, Default)]
pub(super) struct RuleMatch {
    /// Header fields to add to the response.
    pub(super) fields: Vec<(HeaderName, HeaderValue)>,
    /// The target of a rule that takes precedence over files.
    pub(super) forced: Option<RuleTarget>,
    /// The target of a rule for paths without a file.
    pub(super) fallback: Option<RuleTarget>,
    /// The URL paths of the rules files that exist.
    pub(super) dependencies: Vec<UrlPath>,
    pub(super) faults: RuleFaults,
}

impl Rules {
    /// Returns the rules that match a request.
    ///
    /// # Blocking
    /// Calls `stat` for each rules file, and reads those that have changed.
    pub(super) fn matching(&self, root: &Root, path: &UrlPath, query: Option<&str>) -> RuleMatch {
        let headers = current(&self.headers, root, HEADERS, headers::parse);
        let redirects = current(&self.redirects, root, REDIRECTS, redirects::parse);
        let mut matching = RuleMatch {
            fields: headers::matching(&headers.rules, path),
            forced: redirects::matching(&redirects.rules, path, query, true),
            fallback: redirects::matching(&redirects.rules, path, query, false),
            ..RuleMatch::default()
        };
        let files = [
            (HEADERS, headers.exists, headers.faults),
            (REDIRECTS, redirects.exists, redirects.faults),
        ];
        for (name, exists, faults) in files {
            matching.dependencies.extend(exists.then(|| url_of(name)));
            matching.faults.extend(faults.into_iter().map(|fault| (name, fault)));
        }
        matching
    }
}

fn url_of(name: &str) -> UrlPath {
    UrlPath::root().child(name)
}

/// Returns the rules of a file, which is read if it has changed.
fn current<R>(
    known: &Mutex<RulesFile<R>>,
    root: &Root,
    name: &str,
    parse: fn(&str) -> (Vec<R>, Vec<RuleFault>),
) -> Current<R> {
    let metadata = fs::metadata(root.path().join(name)).ok().filter(fs::Metadata::is_file);
    let facts = metadata.as_ref().map(Facts::of);
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    let mut faults = Vec::new();
    if known.facts != facts {
        let (mut rules, all_faults) = match facts.map(|_| read(root, name)) {
            None => Default::default(),
            Some(Ok(text)) => parse(&text),
            Some(Err(message)) => (Vec::new(), vec![RuleFault { line: 0, message }]),
        };
        faults = limited(all_faults, rules.len());
        rules.truncate(RULES);
        *known = RulesFile { facts, rules: Arc::new(rules) };
    }
    Current { rules: Arc::clone(&known.rules), exists: facts.is_some(), faults }
}

/// Limits the number of reported faults, and adds one if the file has too many rules.
fn limited(mut faults: Vec<RuleFault>, rules: usize) -> Vec<RuleFault> {
    let more = faults.len().saturating_sub(FAULTS);
    faults.truncate(FAULTS);
    if more > 0 {
        faults.push(RuleFault { line: 0, message: format!("{more} more lines have errors") });
    }
    if rules > RULES {
        let message = format!("only the first {RULES} of {rules} rules are used");
        faults.push(RuleFault { line: 0, message });
    }
    faults
}

/// Reads a rules file.
///
/// # Errors
/// Describes why it is ignored: it cannot be read, is not served, or is too large.
fn read(root: &Root, name: &str) -> Result<String, String> {
    let content = match root.locate(&url_of(name)) {
        Located::File(file) => file.read().map(|read| read.content),
        Located::Refused(reason) => return Err(format!("ignored, because {reason}")),
        Located::Unreadable(_, why) => Err(why),
        Located::Directory(_) | Located::Missing(_) => return Ok(String::new()),
    };
    match content.map_err(|why| format!("cannot be read: {why}"))? {
        Content::Memory(bytes) if bytes.len() <= SIZE => {
            Ok(String::from_utf8_lossy(&bytes).trim_start_matches('\u{feff}').to_owned())
        }
        _ => Err(format!("ignored, because it has more than {SIZE} bytes")),
    }
}

#[cfg(test)]
mod tests {
    use super::{FAULTS, RULES, RuleFault, limited};

    #[test]
    fn number_of_reported_faults_is_limited() {
        let faults = |count| (1..=count).map(|line| RuleFault { line, message: "no".to_owned() });
        for (count, rules, reported, last) in [
            (0, 1, 0, None),
            (1, 1, 1, Some("no")),
            (FAULTS, RULES, FAULTS, Some("no")),
            (FAULTS + 3, 1, FAULTS + 1, Some("3 more lines have errors")),
            (0, RULES + 1, 1, Some("only the first 10000 of 10001 rules are used")),
        ] {
            let faults = limited(faults(count).collect(), rules);
            let message = faults.last().map(|fault| &*fault.message);
            assert_eq!((faults.len(), message), (reported, last));
        }
    }
}
