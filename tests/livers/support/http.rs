//! HTTP/1.1 requests, written as the test spells them and parsed without the library under test.
//!
//! Each function opens a connection for one request. [`Wire`] keeps a connection open. TLS, content
//! codings and HTTP/2 are left out.

use std::fmt;

use serde::de::DeserializeOwned;

pub use super::wire::Wire;

/// Header fields in the order of the message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(pub Vec<(String, String)>);

impl Headers {
    /// Returns the first value of a field. Names are case-insensitive.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// Returns all values of a field, in order.
    pub fn get_all(&self, name: &str) -> Vec<&str> {
        let same = self.0.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        same.map(|(_, v)| v.as_str()).collect()
    }

    pub(super) fn parse(lines: &str) -> Self {
        let field = |line: &str| {
            let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("field {line:?}"));
            (name.to_owned(), value.trim().to_owned())
        };
        Self(lines.split("\r\n").filter(|line| !line.is_empty()).map(field).collect())
    }

    pub(super) fn framing(&self) -> Framing {
        if self.get_all("transfer-encoding").iter().any(|v| v.eq_ignore_ascii_case("chunked")) {
            return Framing::Chunked;
        }
        match self.get_all("content-length").as_slice() {
            [] => Framing::Close,
            [length] => Framing::Length(length.parse().expect("a content-length")),
            several => panic!("content-length {several:?}"),
        }
    }
}

/// How the end of a body is delimited (RFC 9112, section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is no body: a response to HEAD, or a status without content.
    None,
    /// `Content-Length`.
    Length(usize),
    /// `Transfer-Encoding: chunked`.
    Chunked,
    /// The end of the connection.
    Close,
}

/// A response.
#[derive(Clone)]
pub struct Response {
    pub version: String,
    pub status: u16,
    pub reason: String,
    pub headers: Headers,
    pub body: Vec<u8>,
    /// The trailer fields of a chunked body.
    pub trailers: Headers,
    pub framing: Framing,
    /// Whether the whole body arrived before the connection ended.
    pub complete: bool,
}

impl Response {
    /// Returns the first value of a field.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)
    }

    /// Returns the body as UTF-8.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a body of UTF-8")
    }

    /// Parses the body as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e} in {self:?}"))
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {} {}", self.version, self.status, self.reason)?;
        for (name, value) in &self.headers.0 {
            writeln!(f, "{name}: {value}")?;
        }
        let cut = if self.complete { "" } else { " (incomplete)" };
        write!(f, "\n{}{cut}", String::from_utf8_lossy(&self.body))
    }
}

/// The head of a request, as a backend receives it.
#[derive(Clone, Debug)]
pub struct RequestHead {
    pub method: String,
    pub target: String,
    pub version: String,
    pub headers: Headers,
}

/// Sends raw bytes on a new connection and reads one response.
pub async fn request(port: u16, raw: impl AsRef<[u8]>) -> Response {
    let raw = raw.as_ref();
    let mut wire = Wire::open(port).await;
    wire.send(raw).await;
    wire.response(raw.starts_with(b"HEAD ")).await
}

/// Sends `GET path`.
pub async fn get(port: u16, path: &str) -> Response {
    get_with(port, path, &[]).await
}

/// Sends `GET path` with header fields. A `Host` field replaces the default.
pub async fn get_with(port: u16, path: &str, headers: &[(&str, &str)]) -> Response {
    send(port, "GET", path, headers, b"").await
}

/// Sends `HEAD path`.
pub async fn head(port: u16, path: &str) -> Response {
    send(port, "HEAD", path, &[], b"").await
}

/// Sends a request, with `Content-Length` if the body is not empty. The response must be complete.
pub async fn send(
    port: u16,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Response {
    let mut raw = request_head(port, method, path, headers, body.len()).into_bytes();
    raw.extend_from_slice(body);
    let response = request(port, raw).await;
    assert!(response.complete, "{method} {path}: the response is incomplete: {response:?}");
    response
}

/// Formats a request head. `Host` and `Connection: close` are added unless `headers` contain these
/// fields.
pub fn request_head(
    port: u16,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    length: usize,
) -> String {
    let given = |name| headers.iter().any(|(n, _)| n.eq_ignore_ascii_case(name));
    let mut head = format!("{method} {path} HTTP/1.1\r\n");
    if !given("host") {
        head += &format!("Host: localhost:{port}\r\n");
    }
    if !given("connection") {
        head += "Connection: close\r\n";
    }
    if length > 0 {
        head += &format!("Content-Length: {length}\r\n");
    }
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    head + "\r\n"
}
