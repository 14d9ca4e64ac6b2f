//! Header fields that describe the bytes of a body, and do not hold once the body was changed.

use hyper::header::{
    ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_LENGTH, ETAG, HeaderMap, HeaderName, HeaderValue,
    LAST_MODIFIED, TRAILER,
};

use crate::http::field::list_members;

/// The fields, in a head or as trailers: those about the form of the body, the validators, the
/// digests (RFC 9530, and before it RFC 3230 and RFC 1864), and the signatures (RFC 9421), which
/// cover other fields of this list or the body's digest. `Want-Content-Digest` and its like are
/// about other messages.
const FIELDS: [HeaderName; 11] = [
    CONTENT_ENCODING,
    CONTENT_LENGTH,
    ACCEPT_RANGES,
    ETAG,
    LAST_MODIFIED,
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("repr-digest"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("signature"),
    HeaderName::from_static("signature-input"),
];

/// Removes these fields from a head or from trailers, and their names from the `Trailer` of a head.
pub(crate) fn remove(fields: &mut HeaderMap) {
    for name in &FIELDS {
        fields.remove(name);
    }
    if !fields.contains_key(TRAILER) {
        return;
    }
    let is_kept =
        |name: &&str| !FIELDS.iter().any(|field| name.eq_ignore_ascii_case(field.as_str()));
    let kept = list_members(fields, &TRAILER).filter(is_kept).collect::<Vec<_>>().join(", ");
    fields.remove(TRAILER);
    if let Some(kept) = HeaderValue::try_from(kept).ok().filter(|kept| !kept.is_empty()) {
        fields.insert(TRAILER, kept);
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::{HeaderMap, HeaderName};

    use super::remove;

    #[test]
    fn what_describes_the_body_is_removed_and_all_else_is_kept() {
        let lines = [
            ("Content-Encoding", "gzip", false),
            ("Content-Length", "1", false),
            ("Accept-Ranges", "bytes", false),
            ("ETag", "\"a\"", false),
            ("Last-Modified", "Mon, 01 Jan 2024 00:00:00 GMT", false),
            ("Content-Digest", "sha-256=:YQ==:", false),
            ("Repr-Digest", "sha-256=:YQ==:", false),
            ("Repr-Digest", "sha-512=:YQ==:", false),
            ("Digest", "SHA-256=YQ==", false),
            ("Content-MD5", "YQ==", false),
            ("Signature", "a=:YQ==:", false),
            ("Signature-Input", "a=(\"content-digest\")", false),
            ("Want-Content-Digest", "sha-256=1", true),
            ("Want-Repr-Digest", "sha-256=1", true),
            ("Want-Digest", "SHA-256", true),
            ("Accept-Signature", "a=()", true),
            ("Content-Language", "en", true),
            ("Content-Type", "text/html", true),
        ];
        let name = |name: &str| HeaderName::from_bytes(name.as_bytes()).unwrap();
        let mut fields = HeaderMap::new();
        for (field, value, _) in lines {
            fields.append(name(field), value.parse().unwrap());
        }
        remove(&mut fields);
        for (field, _, kept) in lines {
            assert_eq!(fields.contains_key(name(field)), kept, "{field}");
        }
    }

    #[test]
    fn trailers_that_are_removed_are_not_announced() {
        let table: [(&[&str], Option<&str>); 4] = [
            (&["X-End, Repr-Digest"], Some("X-End")),
            (&["repr-digest", "X-End", "X-Sum"], Some("X-End, X-Sum")),
            (&["Content-Digest, ETag"], None),
            (&["X-End"], Some("X-End")),
        ];
        for (given, expected) in table {
            let mut fields = HeaderMap::new();
            for value in given {
                fields.append("trailer", value.parse().unwrap());
            }
            remove(&mut fields);
            let left = fields.get("trailer").map(|value| value.to_str().unwrap());
            assert_eq!(left, expected, "{given:?}");
        }
    }
}
