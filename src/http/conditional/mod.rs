//! Validators and preconditions (RFC 9110, sections 8.8 and 13).
//!
//! [`evaluate`] handles four of the preconditions in the order of section 13.2.2; the fifth,
//! `If-Range`, only decides whether a range is used ([`if_range_matches`]). Invalid values are
//! treated as section 13 says: an invalid entity tag matches nothing, and an invalid date is
//! ignored.

use std::time::SystemTime;

use hyper::{
    Method,
    header::{
        HeaderMap, HeaderName, HeaderValue, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE,
        IF_UNMODIFIED_SINCE,
    },
};
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use super::{date::Date, field::single_value};

/// A strong entity tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EntityTag(HeaderValue);

impl EntityTag {
    /// Returns the tag of these bytes.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self::from_hash(xxh3_128(bytes))
    }

    /// Returns the tag of bytes with this hash.
    pub(crate) fn from_hash(hash: u128) -> Self {
        // Hexadecimal digits in quotes are a valid value.
        let value = HeaderValue::try_from(format!("\"{hash:032x}\""));
        Self(value.unwrap_or(HeaderValue::from_static("\"\"")))
    }

    /// Returns the tag of content that is determined by the hash of a file and by what is added to
    /// it.
    pub(crate) fn derived(hash: u128, added: &[u8]) -> Self {
        let mut hasher = Xxh3::new();
        hasher.update(&hash.to_le_bytes());
        hasher.update(added);
        Self::from_hash(hasher.digest128())
    }

    /// Returns the tag as a header value.
    pub(crate) fn value(&self) -> HeaderValue {
        self.0.clone()
    }

    /// Returns the tag without its quotes.
    pub(super) fn opaque(&self) -> &str {
        self.quoted().trim_matches('"')
    }

    fn quoted(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }
}

/// The time of the last modification: a date, and the same as a header value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LastModified {
    date: Date,
    value: HeaderValue,
}

impl LastModified {
    /// Returns the date of a time. A time in the future becomes the present, because a response
    /// must not have a `Last-Modified` later than its `Date` (section 8.8.2.1).
    pub(crate) fn of(time: SystemTime) -> Option<Self> {
        Self::from_date(Date::of(time.min(SystemTime::now()))?)
    }

    pub(crate) fn from_date(date: Date) -> Option<Self> {
        Some(Self { date, value: date.value()? })
    }

    pub(super) fn into_value(self) -> HeaderValue {
        self.value
    }
}

/// The validators of a representation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Validators {
    /// The tag of exactly the bytes that are sent.
    pub(crate) tag: Option<EntityTag>,
    pub(crate) modified: Option<LastModified>,
}

impl Validators {
    fn modified(&self) -> Option<Date> {
        self.modified.as_ref().map(|modified| modified.date)
    }
}

/// The result of evaluating the preconditions of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Precondition {
    /// The request is answered as if it had no preconditions.
    Proceed,
    /// The client has the current representation: 304.
    NotModified,
    /// The representation is not the one that the client expects: 412.
    Failed,
}

/// Evaluates the preconditions of a request whose response would be a success (section 13.2.2).
pub(crate) fn evaluate(method: &Method, request: &HeaderMap, current: &Validators) -> Precondition {
    let reads = method == Method::GET || method == Method::HEAD;
    let dates = |name| single_value(request, name).and_then(Date::parse).zip(current.modified());
    if request.contains_key(IF_MATCH) {
        if !matches(request, &IF_MATCH, current, Comparison::Strong) {
            return Precondition::Failed;
        }
    } else if let Some((since, modified)) = dates(&IF_UNMODIFIED_SINCE)
        && modified > since
    {
        return Precondition::Failed;
    }
    if request.contains_key(IF_NONE_MATCH) {
        match matches(request, &IF_NONE_MATCH, current, Comparison::Weak) {
            true if reads => Precondition::NotModified,
            true => Precondition::Failed,
            false => Precondition::Proceed,
        }
    } else {
        match dates(&IF_MODIFIED_SINCE) {
            Some((since, modified)) if reads && modified <= since => Precondition::NotModified,
            _ => Precondition::Proceed,
        }
    }
}

/// Whether the `Range` of a request applies: its `If-Range` is absent, or matches (section 13.1.5).
///
/// A weak tag never matches. A date must be equal, and its second must be over at `now`: before,
/// the file may have had two states with that date (section 8.8.2.2).
pub(crate) fn if_range_matches(request: &HeaderMap, current: &Validators, now: SystemTime) -> bool {
    if !request.contains_key(IF_RANGE) {
        return true;
    }
    let Some(value) = single_value(request, &IF_RANGE) else { return false };
    if let Some(Tag { quoted, .. }) = Tags(value).next() {
        // The tag must be the whole value, so it is neither weak nor one of a list.
        quoted == value && current.tag.as_ref().is_some_and(|tag| tag.quoted() == quoted)
    } else {
        let modified = current.modified();
        let is_over = modified.is_some_and(|modified| Some(modified) < Date::of(now));
        is_over && Date::parse(value) == modified
    }
}

/// How two tags are compared (section 8.8.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    /// Neither tag may be weak. Those of livers never are.
    Strong,
    /// Weak tags match, too.
    Weak,
}

/// Whether a list of tags contains the current one, or is `*`.
fn matches(
    request: &HeaderMap,
    name: &HeaderName,
    current: &Validators,
    comparison: Comparison,
) -> bool {
    if single_value(request, name).is_some_and(|value| value == "*") {
        return true;
    }
    let Some(tag) = &current.tag else { return false };
    let values = request.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(Tags).any(|other| {
        other.quoted == tag.quoted() && (comparison == Comparison::Weak || !other.weak)
    })
}

/// An entity tag in a header field.
#[derive(Debug, PartialEq, Eq)]
struct Tag<'a> {
    weak: bool,
    /// The opaque tag, with its quotes.
    quoted: &'a str,
}

/// Parses a list of tags, up to the first that is invalid. A tag may contain commas.
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
        let valid = quoted[1..length - 1].bytes().all(inside);
        if !valid || !(after.is_empty() || after.starts_with(',')) {
            return None;
        }
        self.0 = after;
        Some(Tag { weak, quoted })
    }
}

#[cfg(test)]
mod tests;
