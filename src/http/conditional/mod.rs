//! Validators and the preconditions on them (RFC 9110, sections 8.8 and 13).
//!
//! The four preconditions are looked at in the order of section 13.2.2, by [`evaluate`]; the fifth,
//! `If-Range`, decides over a range only, by [`range_holds`]. What cannot be read counts as section 13
//! says: a tag that is none matches nothing, a date that is none is not there.

use std::time::SystemTime;

use hyper::{
    Method,
    header::{
        HeaderMap, HeaderName, HeaderValue, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE,
        IF_UNMODIFIED_SINCE,
    },
};
use xxhash_rust::xxh3::xxh3_128;

use super::{date::Date, field::single_value};

/// A strong entity tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EntityTag(String);

impl EntityTag {
    /// The tag of these very bytes.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self::from_hash(xxh3_128(bytes))
    }

    /// The tag of bytes that were hashed already.
    pub(crate) fn from_hash(hash: u128) -> Self {
        Self(format!("\"{hash:032x}\""))
    }

    /// The tag as a header's value.
    pub(crate) fn value(&self) -> HeaderValue {
        // Hexadecimal digits in quotes are a valid value; anything else cannot be made.
        HeaderValue::from_str(&self.0).unwrap_or_else(|_| HeaderValue::from_static("\"\""))
    }

    /// The tag without its quotes.
    pub(super) fn text(&self) -> &str {
        self.0.trim_matches('"')
    }
}

/// What tells one state of a representation from another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Validators {
    /// Of the very bytes that are sent.
    pub(crate) tag: Option<EntityTag>,
    /// When they were last changed.
    pub(crate) modified: Option<Date>,
}

/// What the preconditions of a request come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The request is to be answered as if there were none.
    Proceed,
    /// The client has it already: 304.
    NotModified,
    /// It is not what the client takes it for: 412.
    Failed,
}

/// Looks at the preconditions of a request whose answer would be a success.
pub(crate) fn evaluate(method: &Method, request: &HeaderMap, now: &Validators) -> Verdict {
    let reads = method == Method::GET || method == Method::HEAD;
    let date = |name| single_value(request, name).and_then(Date::parse).zip(now.modified);
    if request.contains_key(IF_MATCH) {
        if !matches(request, &IF_MATCH, now, Comparison::Strong) {
            return Verdict::Failed;
        }
    } else if let Some((asked, modified)) = date(&IF_UNMODIFIED_SINCE)
        && modified > asked
    {
        return Verdict::Failed;
    }
    if request.contains_key(IF_NONE_MATCH) {
        match matches(request, &IF_NONE_MATCH, now, Comparison::Weak) {
            true if reads => Verdict::NotModified,
            true => Verdict::Failed,
            false => Verdict::Proceed,
        }
    } else {
        match date(&IF_MODIFIED_SINCE) {
            Some((asked, modified)) if reads && modified <= asked => Verdict::NotModified,
            _ => Verdict::Proceed,
        }
    }
}

/// Whether a request's range is to be looked at: it is of what there is now (section 13.1.5). A weak
/// tag never matches, and of a date nothing but the very same is good enough, once its second is over:
/// before, there may be two states of that date (section 8.8.2.2).
pub(crate) fn range_holds(request: &HeaderMap, now: &Validators, at: SystemTime) -> bool {
    if !request.contains_key(IF_RANGE) {
        return true;
    }
    let Some(value) = single_value(request, &IF_RANGE) else { return false };
    if let Some(Tag { quoted, .. }) = Tags(value).next() {
        // All there is, so not a weak one.
        quoted == value && now.tag.as_ref().is_some_and(|tag| tag.0 == quoted)
    } else {
        let is_over = now.modified.is_some_and(|modified| Some(modified) < Date::of(at));
        is_over && Date::parse(value) == now.modified
    }
}

/// How two tags are compared (section 8.8.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    /// Neither may be weak. Ours never is.
    Strong,
    /// `W/` makes no difference.
    Weak,
}

/// Whether a field names the tag, or any.
fn matches(request: &HeaderMap, name: &HeaderName, now: &Validators, how: Comparison) -> bool {
    if single_value(request, name).is_some_and(|value| value == "*") {
        return true;
    }
    let Some(tag) = &now.tag else { return false };
    let values = request.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    let mut tags = values.flat_map(Tags);
    tags.any(|other| other.quoted == tag.0 && (how == Comparison::Weak || !other.weak))
}

/// An entity tag as it is in a field.
#[derive(Debug, PartialEq, Eq)]
struct Tag<'a> {
    weak: bool,
    /// With its quotes.
    quoted: &'a str,
}

/// The tags in a list. One may hold a comma, so it is not split at these; from what is no tag on,
/// nothing is read.
struct Tags<'a>(&'a str);

impl<'a> Iterator for Tags<'a> {
    type Item = Tag<'a>;

    fn next(&mut self) -> Option<Tag<'a>> {
        let rest = self.0.trim_start_matches([',', ' ', '\t']);
        let (weak, rest) = match rest.strip_prefix("W/") {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        self.0 = "";
        let length = rest.strip_prefix('"')?.find('"')? + 2;
        let (quoted, rest) = rest.split_at(length);
        let inside = |byte: u8| byte == 0x21 || (0x23..=0x7e).contains(&byte) || byte >= 0x80;
        let after = rest.trim_start_matches([' ', '\t']);
        let whole = quoted[1..length - 1].bytes().all(inside);
        if !whole || !(after.is_empty() || after.starts_with(',')) {
            return None;
        }
        self.0 = after;
        Some(Tag { weak, quoted })
    }
}

#[cfg(test)]
mod tests;
