//! Entity tags and the precondition on them (RFC 9110, sections 8.8.3 and 13.1.2).
//!
//! Left out on purpose, for now: dates, `If-Match`, `If-Range`. A development server wants its pages
//! asked for each time; `If-None-Match` alone makes that cheap.

use hyper::header::{HeaderMap, HeaderValue, IF_NONE_MATCH};
use xxhash_rust::xxh3::xxh3_128;

use super::field::members;

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
}

/// Whether the request says that it has this representation already, so that 304 is the answer.
///
/// Weak comparison (section 8.8.3.2): `W/` makes no difference.
pub(crate) fn not_modified(request: &HeaderMap, tag: &EntityTag) -> bool {
    members(request, &IF_NONE_MATCH)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag.0)
}

#[cfg(test)]
mod tests {
    use hyper::header::{HeaderMap, IF_NONE_MATCH};

    use super::{EntityTag, not_modified};

    #[test]
    fn a_known_tag_needs_no_bytes() {
        let tag = EntityTag::of(b"hello");
        let own = tag.0.clone();
        let table = [
            (vec![], false),
            (vec![own.clone()], true),
            (vec![format!("W/{own}")], true),
            (vec![format!("\"a\", {own} , \"b\"")], true),
            (vec!["\"a\"".into(), own.clone()], true),
            (vec!["*".into()], true),
            (vec!["\"a\"".into()], false),
            (vec![own.trim_matches('"').into()], false),
            (vec![String::new()], false),
        ];
        for (values, wanted) in table {
            let mut request = HeaderMap::new();
            for value in &values {
                request.append(IF_NONE_MATCH, value.parse().unwrap());
            }
            assert_eq!(not_modified(&request, &tag), wanted, "{values:?}");
        }
    }

    #[test]
    fn other_bytes_have_another_tag() {
        assert_ne!(EntityTag::of(b"a"), EntityTag::of(b"b"));
    }
}
