//! How the inputs of the fuzz targets are written: as text wherever that can be, so that a seed can
//! be read, and written by hand.

use hyper::{
    Request, Version,
    header::{HeaderMap, HeaderName, HeaderValue},
};

/// What speaks of one connection, and ends there (RFC 9110, section 7.6.1).
pub const HOP: [&str; 9] = [
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

/// The first line, and what follows it.
pub fn line(text: &[u8]) -> (&[u8], &[u8]) {
    match text.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&text[..end], &text[end + 1..]),
        None => (text, b""),
    }
}

/// The first line as text, and what follows it.
pub fn word(text: &[u8]) -> Option<(&str, &[u8])> {
    let (line, rest) = line(text);
    Some((std::str::from_utf8(line).ok()?, rest))
}

/// Fields, one a line, as in HTTP/1.1. What is none is passed over, as it never comes so far.
pub fn fields(text: &[u8]) -> HeaderMap {
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

/// A request: `GET /path HTTP/1.1`, and its fields. Without a version it is 1.1.
pub fn request(text: &[u8]) -> Option<Request<()>> {
    let (first, rest) = word(text)?;
    let mut words = first.split(' ');
    let mut request = Request::builder().method(words.next()?).uri(words.next()?);
    if words.next() == Some("HTTP/1.0") {
        request = request.version(Version::HTTP_10);
    }
    let mut request = request.body(()).ok()?;
    *request.headers_mut() = fields(rest);
    Some(request)
}

/// Bytes as they might come from a socket: in pieces of up to 16 bytes, whose lengths a number says.
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

/// The first value of a field, as text.
pub fn text<'h>(fields: &'h HeaderMap, name: &str) -> Option<&'h str> {
    fields.get(name)?.to_str().ok()
}

/// Whether a browser that reads a URL stays where it is (WHATWG URL, "basic URL parser"): tabs and
/// line ends are no part of one, a backslash is a slash, and two of these begin a host.
pub fn stays(url: &str) -> bool {
    let is_end = |char: char| char <= ' ';
    let url: String = url.trim_matches(is_end).replace(['\t', '\n', '\r'], "").replace('\\', "/");
    url.starts_with('/') && !url.starts_with("//")
}

/// A host of a request and its port, in lower case, if it is one (RFC 9110, section 7.2, with the
/// names of RFC 952 and underscores).
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
            let letters = |label: &str| {
                !label.is_empty()
                    && label.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '-' | '_'))
            };
            if !name.split('.').all(letters) {
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
