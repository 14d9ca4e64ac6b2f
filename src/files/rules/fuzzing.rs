//! Entry points for [fuzzing](crate::fuzzing) the rules files.

use hyper::header::{HeaderName, HeaderValue};

use super::{RuleTarget, headers, redirects};
use crate::http::url_path::UrlPath;

/// The target of a rule: the status, the path or location, and whether it is a redirect.
pub type Target = (u16, String, bool);

/// Returns the fields that a file `_headers` adds for a path, and the lines of the file with errors.
pub fn fields(file: &str, path: &str) -> (Vec<(HeaderName, HeaderValue)>, Vec<usize>) {
    let (rules, faults) = headers::parse(file);
    let path = UrlPath::parse(path).ok();
    let fields = path.map(|path| headers::matching(&rules, &path)).unwrap_or_default();
    (fields, faults.into_iter().map(|fault| fault.line).collect())
}

/// Returns the targets for a path in a file `_redirects`, of the forced rules and of the others, and the
/// lines of the file with errors.
pub fn instead(file: &str, path: &str, query: Option<&str>) -> ([Option<Target>; 2], Vec<usize>) {
    let (rules, faults) = redirects::parse(file);
    let path = UrlPath::parse(path).ok();
    let targets = [true, false].map(|forced| {
        let target = redirects::matching(&rules, path.as_ref()?, query, forced)?;
        Some(match target {
            RuleTarget::Redirect(status, place) => (status.as_u16(), place, true),
            RuleTarget::Rewrite(status, path) => (status.as_u16(), path.to_string(), false),
        })
    });
    (targets, faults.into_iter().map(|fault| fault.line).collect())
}
