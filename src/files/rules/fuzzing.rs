//! The rules' part of the [door](crate::fuzzing).

use hyper::header::{HeaderName, HeaderValue};

use super::{RuleTarget, headers, redirects};
use crate::http::url_path::UrlPath;

/// Where a request goes instead: the status, the place, and whether the browser is sent there.
pub type Instead = (u16, String, bool);

/// The fields that a file `_headers` gives a path, and the lines of the file that are passed over.
pub fn fields(file: &str, path: &str) -> (Vec<(HeaderName, HeaderValue)>, Vec<usize>) {
    let (rules, faults) = headers::parse(file);
    let path = UrlPath::parse(path).ok();
    let fields = path.map(|path| headers::matching(&rules, &path)).unwrap_or_default();
    (fields, faults.into_iter().map(|fault| fault.line).collect())
}

/// Where a file `_redirects` leads a path, if a rule is forced and if not, and the lines of the file
/// that are passed over.
pub fn instead(file: &str, path: &str, query: Option<&str>) -> ([Option<Instead>; 2], Vec<usize>) {
    let (rules, faults) = redirects::parse(file);
    let path = UrlPath::parse(path).ok();
    let said = [true, false].map(|forced| {
        let elsewhere = redirects::matching(&rules, path.as_ref()?, query, forced)?;
        Some(match elsewhere {
            RuleTarget::Redirect(status, place) => (status.as_u16(), place, true),
            RuleTarget::Rewrite(status, path) => (status.as_u16(), path.to_string(), false),
        })
    });
    (said, faults.into_iter().map(|fault| fault.line).collect())
}
