//! Header fields of common syntax (RFC 9110, section 5): lists, single values, whole lines.

use hyper::header::{HeaderMap, HeaderName, HeaderValue};

use crate::error::InvalidValue;

/// Fields of a response that only the server itself can set correctly.
const OWN: [&str; 16] = [
    "accept-ranges",
    "connection",
    "content-encoding",
    "content-length",
    "content-range",
    "date",
    "etag",
    "keep-alive",
    "last-modified",
    "location",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "vary",
];

/// Returns the members of a list field, over all of its lines.
pub(crate) fn list_members<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = &'h str> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

/// Whether a list field contains a token, in any case.
pub(crate) fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    list_members(headers, name).any(|member| member.eq_ignore_ascii_case(token))
}

/// Returns the value of a field, or `None` if it is absent or repeated.
pub(crate) fn single_value<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).into_iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then(|| value.trim())
}

/// Parses a header line that is to be added to responses: `Name: value`.
///
/// # Errors
/// Fails if the text is no header line, or if its field is set by livers.
pub(crate) fn parse_header(text: &str) -> Result<(HeaderName, HeaderValue), InvalidValue> {
    let wrong = || InvalidValue::new(text, "is not a header", "write 'Name: value'");
    let (name, value) = text.split_once(':').ok_or_else(wrong)?;
    let name: HeaderName = name.trim().parse().map_err(|_| wrong())?;
    let value = HeaderValue::from_str(value.trim()).map_err(|_| wrong())?;
    if OWN.contains(&name.as_str()) {
        return Err(InvalidValue::new(text, "is a header that livers sets itself", "leave it out"));
    }
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    use super::parse_header;

    #[test]
    fn header_line_is_a_name_and_a_value() {
        for (text, wanted) in [
            ("X-A: b", Some("x-a: b")),
            ("X-A:b:c ", Some("x-a: b:c")),
            ("X-A:", Some("x-a: ")),
            ("X-A", None),
            (": b", None),
            ("X A: b", None),
            ("X-A: b\r\nX-C: d", None),
            ("Content-Length: 1", None),
            ("TRANSFER-ENCODING: chunked", None),
            ("ETag: \"a\"", None),
            ("Location: /b", None),
        ] {
            let read = parse_header(text).ok();
            let read = read.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()));
            assert_eq!(read.as_deref(), wanted, "{text}");
        }
    }
}
