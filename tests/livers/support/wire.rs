//! One end of an HTTP/1.1 connection, parsed without the library under test.
//!
//! A malformed message panics. An incomplete body does not: [`Response::complete`] reports it, for
//! tests with broken backends.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::http::{Framing, Headers, RequestHead, Response};
use super::within;

/// A client's or a server's end of a connection.
pub struct Wire {
    stream: TcpStream,
    /// Bytes that were read from the stream and not yet returned.
    buffer: Vec<u8>,
}

impl Wire {
    /// Connects to a port on 127.0.0.1.
    pub async fn open(port: u16) -> Self {
        let connecting = TcpStream::connect(("127.0.0.1", port));
        match within(&format!("a connection to port {port}"), connecting).await {
            Ok(stream) => Self::over(stream),
            Err(e) => panic!("connect to port {port}: {e}"),
        }
    }

    /// Uses an open connection.
    pub fn over(stream: TcpStream) -> Self {
        Self { stream, buffer: Vec::new() }
    }

    /// Sends bytes.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).await.expect("send");
    }

    /// Sends bytes to a peer that may have closed the connection.
    pub async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        within("buffer space for sending", self.stream.write_all(bytes.as_ref())).await
    }

    /// Reads the next response. `to_head`: the request was HEAD. Skips 1xx responses except 101.
    pub async fn response(&mut self, to_head: bool) -> Response {
        self.try_response(to_head).await.expect("a response before the end of the connection")
    }

    /// Like [`response`](Self::response). Returns `None` if the connection ends before the head.
    pub async fn try_response(&mut self, to_head: bool) -> Option<Response> {
        let head = loop {
            let head = self.head().await?;
            if !head.starts_with("HTTP/1.1 1") || head.starts_with("HTTP/1.1 101") {
                break head;
            }
        };
        let (line, fields) = head.split_once("\r\n").unwrap_or((&head, ""));
        let mut words = line.splitn(3, ' ');
        let mut word = || words.next().unwrap_or_default().to_owned();
        let (version, status, reason) = (word(), word(), word());
        let status = status.parse().unwrap_or_else(|_| panic!("status line {line:?}"));
        let headers = Headers::parse(fields);
        let bodiless = to_head || matches!(status, 100..200 | 204 | 304);
        let framing = if bodiless { Framing::None } else { headers.framing() };
        let (body, trailers, complete) = self.body(framing).await;
        Some(Response { version, status, reason, headers, body, trailers, framing, complete })
    }

    /// Reads the head of the next request, or returns `None` at the end of the connection.
    pub async fn request(&mut self) -> Option<RequestHead> {
        let head = self.head().await?;
        let (line, fields) = head.split_once("\r\n").unwrap_or((&head, ""));
        let [method, target, version] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("request line {line:?}")
        };
        Some(RequestHead {
            method: method.into(),
            target: target.into(),
            version: version.into(),
            headers: Headers::parse(fields),
        })
    }

    /// Reads the body of a request. Returns whether it is complete.
    pub async fn request_body(&mut self, head: &RequestHead) -> (Vec<u8>, bool) {
        let framing = match head.headers.framing() {
            Framing::Close => Framing::None,
            framing => framing,
        };
        let (body, _, complete) = self.body(framing).await;
        (body, complete)
    }

    async fn body(&mut self, framing: Framing) -> (Vec<u8>, Headers, bool) {
        match framing {
            Framing::None => (Vec::new(), Headers::default(), true),
            Framing::Length(length) => {
                let body = self.exactly(length).await;
                let complete = body.len() == length;
                (body, Headers::default(), complete)
            }
            Framing::Close => {
                let mut complete = true;
                loop {
                    match self.fill().await {
                        Ok(0) => break,
                        Ok(_) => {}
                        Err(_) => break complete = false,
                    }
                }
                (std::mem::take(&mut self.buffer), Headers::default(), complete)
            }
            Framing::Chunked => self.chunks().await,
        }
    }

    async fn chunks(&mut self) -> (Vec<u8>, Headers, bool) {
        let mut body = Vec::new();
        loop {
            let Some(line) = self.until(b"\r\n").await else {
                return (body, Headers::default(), false);
            };
            let size = line.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16).unwrap_or_else(|_| panic!("chunk {line:?}"));
            if size == 0 {
                break;
            }
            body.extend(self.exactly(size).await);
            match self.exactly(2).await.as_slice() {
                b"\r\n" => {}
                end if end.len() < 2 => return (body, Headers::default(), false),
                end => panic!("a chunk of {size} ends in {end:?}"),
            }
        }
        let mut trailers = String::new();
        loop {
            match self.until(b"\r\n").await.as_deref() {
                Some("") => return (body, Headers::parse(&trailers), true),
                Some(line) => trailers = trailers + line + "\r\n",
                None => return (body, Headers::parse(&trailers), false),
            }
        }
    }

    async fn head(&mut self) -> Option<String> {
        self.until(b"\r\n\r\n").await
    }

    /// Reads up to and including `end`, which is not returned. Returns `None` if the connection
    /// ends first.
    pub async fn until(&mut self, end: &[u8]) -> Option<String> {
        loop {
            if let Some(at) = self.buffer.windows(end.len()).position(|part| part == end) {
                let text = String::from_utf8_lossy(&self.buffer[..at]).into_owned();
                self.buffer.drain(..at + end.len());
                return Some(text);
            }
            if !matches!(self.fill().await, Ok(1..)) {
                return None;
            }
        }
    }

    /// Reads `length` bytes, or fewer if the connection ends first.
    pub async fn exactly(&mut self, length: usize) -> Vec<u8> {
        while self.buffer.len() < length && matches!(self.fill().await, Ok(1..)) {}
        let length = length.min(self.buffer.len());
        self.buffer.drain(..length).collect()
    }

    /// Reads at least one byte, or none at the end of the connection.
    ///
    /// # Errors
    /// The connection was reset.
    pub async fn some(&mut self) -> io::Result<Vec<u8>> {
        if self.buffer.is_empty() {
            self.fill().await?;
        }
        Ok(std::mem::take(&mut self.buffer))
    }

    async fn fill(&mut self) -> io::Result<usize> {
        self.buffer.reserve(1 << 16);
        within("bytes", self.stream.read_buf(&mut self.buffer)).await
    }

    /// Shuts down the sending side (FIN). Responses can still be read.
    pub async fn finish_sending(&mut self) {
        self.stream.shutdown().await.expect("shut down the sending side");
    }

    /// Resets the connection (RST) instead of closing it (FIN).
    pub fn reset(self) {
        self.stream.set_zero_linger().expect("SO_LINGER");
    }

    /// Returns the stream. Panics if bytes were read ahead.
    pub fn into_stream(self) -> TcpStream {
        assert!(self.buffer.is_empty(), "read ahead: {:?}", String::from_utf8_lossy(&self.buffer));
        self.stream
    }
}
