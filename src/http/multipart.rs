//! Several parts of a representation in one answer: `multipart/byteranges` (RFC 9110, section 14.6).

use std::ops::Range;

use bytes::Bytes;
use hyper::header::HeaderValue;

use super::parts::Part;

/// The media type of such an answer.
pub(super) fn content_type(boundary: &str) -> HeaderValue {
    let value = format!("multipart/byteranges; boundary={boundary}");
    HeaderValue::try_from(value)
        .unwrap_or_else(|_| HeaderValue::from_static("multipart/byteranges"))
}

/// The value of `Content-Range` for one part (section 14.4).
pub(super) fn content_range(part: &Range<u64>, total: u64) -> String {
    // No part is empty.
    format!("bytes {}-{}/{total}", part.start, part.end.saturating_sub(1))
}

/// What is sent: each part under its own head, and the end.
pub(super) fn parts(
    ranges: &[Range<u64>],
    total: u64,
    boundary: &str,
    content_type: &HeaderValue,
) -> Vec<Part> {
    let mut parts = Vec::with_capacity(2 * ranges.len() + 1);
    let mut between = "";
    for range in ranges {
        let head = format!("{between}--{boundary}\r\nContent-Type: ");
        let rest = format!("\r\nContent-Range: {}\r\n\r\n", content_range(range, total));
        let head = [head.as_bytes(), content_type.as_bytes(), rest.as_bytes()].concat();
        parts.push(Part::Bytes(head.into()));
        parts.push(Part::Content(range.clone()));
        between = "\r\n";
    }
    parts.push(Part::Bytes(Bytes::from(format!("\r\n--{boundary}--\r\n"))));
    parts
}
