//! [Entry points](crate::fuzzing) for fuzzing `_headers` and `_redirects`.

use hyper::header::{HeaderName, HeaderValue};

use super::{RuleTarget, headers, redirects};
use crate::http::url_path::UrlPath;

/// The effect of a redirect rule: the status, the target, and whether it is a redirect rather than
/// a rewrite.
pub type RuleEffect = (u16, String, bool);

/// Returns the headers that a file `_headers` sets for a path, and the numbers of the invalid
/// lines.
pub fn header_rules(file: &str, path: &str) -> (Vec<(HeaderName, HeaderValue)>, Vec<usize>) {
    let (rules, faults) = headers::parse(file);
    let path = UrlPath::parse(path).ok();
    let fields = path.map(|path| headers::matching(&rules, &path)).unwrap_or_default();
    (fields, faults.into_iter().map(|fault| fault.line).collect())
}

/// Returns the effects of a file `_redirects` for a path, of forced and of other rules, and the
/// numbers of the invalid lines.
pub fn redirect_rules(
    file: &str,
    path: &str,
    query: Option<&str>,
) -> ([Option<RuleEffect>; 2], Vec<usize>) {
    let (rules, faults) = redirects::parse(file);
    let path = UrlPath::parse(path).ok();
    let effects = [true, false].map(|forced| {
        let target = redirects::matching(&rules, path.as_ref()?, query, forced)?;
        Some(match target {
            RuleTarget::Redirect(status, url) => (status.as_u16(), url, true),
            RuleTarget::Rewrite(status, path) => (status.as_u16(), path.to_string(), false),
        })
    });
    (effects, faults.into_iter().map(|fault| fault.line).collect())
}
