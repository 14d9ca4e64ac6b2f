//! Header fields by their general forms (RFC 9110, section 5): lists, single values, weights.

use hyper::header::{HeaderMap, HeaderName, HeaderValue};

use crate::error::InvalidValue;

/// Fields that say how an answer is sent, or what it is; nobody else can know.
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

/// The members of a list, which may be spread over several lines.
pub(crate) fn list_members<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = &'h str> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

/// Whether a list has a token among its members, in any case.
pub(crate) fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    list_members(headers, name).any(|member| member.eq_ignore_ascii_case(token))
}

/// The value of a field that is to be there once.
pub(crate) fn single_value<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).into_iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then(|| value.trim())
}

/// Reads a field that somebody wants to have added to answers: `Name: value`.
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
    fn a_field_is_a_name_and_a_value() {
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
