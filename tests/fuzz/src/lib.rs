//! Input formats of the fuzz targets, and reference implementations that several of them share.
//!
//! Inputs are text where possible, so that seeds can be read and written by hand.

use hyper::{
    Request, Version,
    header::{HeaderMap, HeaderName, HeaderValue},
};

/// Hop-by-hop header fields, which a proxy does not forward (RFC 9110, section 7.6.1).
pub const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
];

/// Splits off the first line.
pub fn first_line(text: &[u8]) -> (&[u8], &[u8]) {
    match text.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&text[..end], &text[end + 1..]),
        None => (text, b""),
    }
}

/// Splits off the first line as text. Returns `None` if it is not UTF-8.
pub fn first_line_text(text: &[u8]) -> Option<(&str, &[u8])> {
    let (line, rest) = first_line(text);
    Some((std::str::from_utf8(line).ok()?, rest))
}

/// Parses header fields, one per line as in HTTP/1.1. Skips invalid lines, which hyper would
/// reject.
pub fn header_fields(text: &[u8]) -> HeaderMap {
    let mut fields = HeaderMap::new();
    for line in text.split(|byte| *byte == b'\n') {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let name = HeaderName::from_bytes(&line[..colon]);
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            fields.append(name, value);
        }
    }
    fields
}

/// Parses a request: a line `GET /path HTTP/1.1`, and its header fields. The default version is
/// 1.1.
pub fn request(text: &[u8]) -> Option<Request<()>> {
    let (first, rest) = first_line_text(text)?;
    let mut words = first.split(' ');
    let mut request = Request::builder().method(words.next()?).uri(words.next()?);
    if words.next() == Some("HTTP/1.0") {
        request = request.version(Version::HTTP_10);
    }
    let mut request = request.body(()).ok()?;
    *request.headers_mut() = header_fields(rest);
    Some(request)
}

/// Cuts bytes into pieces of 1 to 16 bytes, as they might arrive from a socket. The number seeds
/// the lengths.
pub fn pieces(bytes: &[u8], number: u8) -> Vec<&[u8]> {
    let (mut rest, mut state) = (bytes, u32::from(number) + 1);
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        // Xorshift (Marsaglia).
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        let (piece, after) = rest.split_at(rest.len().min(1 + state as usize % 16));
        pieces.push(piece);
        rest = after;
    }
    pieces
}

/// Returns the first value of a header field, as text.
pub fn field_text<'h>(fields: &'h HeaderMap, name: &str) -> Option<&'h str> {
    fields.get(name)?.to_str().ok()
}

/// Returns whether a browser resolves a URL reference to its own host (WHATWG URL, "basic URL
/// parser"): tabs and line breaks are removed, a backslash is a slash, and two slashes start a
/// host.
pub fn is_same_host(url: &str) -> bool {
    let is_end = |char: char| char <= ' ';
    let url: String = url.trim_matches(is_end).replace(['\t', '\n', '\r'], "").replace('\\', "/");
    url.starts_with('/') && !url.starts_with("//")
}

/// Parses a host with an optional port (RFC 9110, section 7.2), in lower case. Accepts the host
/// names of RFC 952, and underscores.
pub fn authority(text: &str) -> Option<(String, Option<u16>)> {
    let text = text.to_ascii_lowercase();
    let (name, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let end = rest.find(']')?;
            let address: std::net::Ipv6Addr = rest[..end].parse().ok()?;
            (address.to_string(), &rest[end + 1..])
        }
        None => {
            let end = text.bytes().position(|byte| byte == b':').unwrap_or(text.len());
            let name = &text[..end];
            let name = name.strip_suffix('.').unwrap_or(name);
            let is_label = |label: &str| {
                !label.is_empty()
                    && label.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '-' | '_'))
            };
            if !name.split('.').all(is_label) {
                return None;
            }
            (name.to_owned(), &text[end..])
        }
    };
    match port.chars().next() {
        None => Some((name, None)),
        Some(':') if port.len() == 1 => Some((name, None)),
        Some(':') => {
            let digits = port[1..].chars().all(|char| char.is_ascii_digit());
            let port = digits.then(|| port[1..].parse().ok())??;
            Some((name, Some(port)))
        }
        Some(_) => None,
    }
}
