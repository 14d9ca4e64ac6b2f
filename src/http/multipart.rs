//! Several ranges in one response: `multipart/byteranges` (RFC 9110, section 14.6).

use std::ops::Range;

use bytes::Bytes;
use hyper::header::HeaderValue;

use super::file_body::Part;

/// Returns the `Content-Type` of a response with several ranges.
pub(super) fn content_type(boundary: &str) -> HeaderValue {
    let value = format!("multipart/byteranges; boundary={boundary}");
    HeaderValue::try_from(value)
        .unwrap_or_else(|_| HeaderValue::from_static("multipart/byteranges"))
}

/// Returns the `Content-Range` of one range (section 14.4). The range must not be empty.
pub(super) fn content_range(range: &Range<u64>, total: u64) -> String {
    format!("bytes {}-{}/{total}", range.start, range.end.saturating_sub(1))
}

/// Returns the parts of the body: each range with a head before it, and the final delimiter.
pub(super) fn parts(
    ranges: &[Range<u64>],
    total: u64,
    boundary: &str,
    content_type: &HeaderValue,
) -> Vec<Part> {
    let mut parts = Vec::with_capacity(2 * ranges.len() + 1);
    let mut line_break = "";
    for range in ranges {
        let start = format!("{line_break}--{boundary}\r\nContent-Type: ");
        let end = format!("\r\nContent-Range: {}\r\n\r\n", content_range(range, total));
        let head = [start.as_bytes(), content_type.as_bytes(), end.as_bytes()].concat();
        parts.push(Part::Bytes(head.into()));
        parts.push(Part::Content(range.clone()));
        line_break = "\r\n";
    }
    parts.push(Part::Bytes(Bytes::from(format!("\r\n--{boundary}--\r\n"))));
    parts
}
