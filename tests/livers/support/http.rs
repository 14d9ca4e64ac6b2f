//! HTTP/1.1 requests byte by byte: what is sent is what the test wrote, and what
//! comes back is parsed here, not by the library under test.
//!
//! The functions use a connection for one request; [`Wire`] is one kept open.
//! TLS, compression and HTTP/2 are left out.

use std::fmt;

use serde::de::DeserializeOwned;

pub use super::wire::Wire;

/// Header fields in the order they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(pub Vec<(String, String)>);

impl Headers {
    /// The first value of a field; the case of its name does not matter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// All values of a field, in their order.
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

/// How the end of a body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is none: an answer to HEAD, or a status that has no body.
    None,
    /// By `content-length`.
    Length(usize),
    /// By `transfer-encoding: chunked`.
    Chunked,
    /// By the end of the connection.
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
    /// The fields after a chunked body.
    pub trailers: Headers,
    pub framing: Framing,
    /// Whether the whole body came before the connection ended.
    pub complete: bool,
}

impl Response {
    /// The first value of a field.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)
    }

    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a body of UTF-8")
    }

    /// The body read as JSON.
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
        let cut = if self.complete { "" } else { " (cut short)" };
        write!(f, "\n{}{cut}", String::from_utf8_lossy(&self.body))
    }
}

/// The head of a request, as a backend reads it.
#[derive(Clone, Debug)]
pub struct RequestHead {
    pub method: String,
    pub target: String,
    pub version: String,
    pub headers: Headers,
}

/// Sends bytes on a connection of their own and reads one response.
pub async fn request(port: u16, raw: impl AsRef<[u8]>) -> Response {
    let raw = raw.as_ref();
    let mut wire = Wire::open(port).await;
    wire.send(raw).await;
    wire.response(raw.starts_with(b"HEAD ")).await
}

/// `GET path`.
pub async fn get(port: u16, path: &str) -> Response {
    get_with(port, path, &[]).await
}

/// `GET path` with header fields; a `Host` among them replaces the usual one.
pub async fn get_with(port: u16, path: &str, headers: &[(&str, &str)]) -> Response {
    send(port, "GET", path, headers, b"").await
}

/// `HEAD path`.
pub async fn head(port: u16, path: &str) -> Response {
    send(port, "HEAD", path, &[], b"").await
}

/// A request with a body, and `content-length` if there is one. The response
/// must be complete.
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
    assert!(response.complete, "{method} {path}: the answer was cut short: {response:?}");
    response
}

/// The bytes of a request head that asks to close the connection after it,
/// unless `headers` have a `Connection` of their own.
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
