//! A client that stands for a tab of each server: requests the files, listens, and requests again
//! after each message.

use std::{
    io::{BufRead, BufReader, ErrorKind, Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{
    Error, Message, WebSocket, client::IntoClientRequest, http::HeaderValue,
};

use crate::{
    Kind,
    support::{Result, Server, Timed},
};

/// How long a message may take.
const LOST: Duration = Duration::from_secs(3);

/// How long a server may take to answer its first request.
const START: Duration = Duration::from_mins(2);

/// The connection that the messages arrive on.
enum Connection {
    Plain(BufReader<Timed>),
    Socket(Box<WebSocket<Timed>>),
}

/// A tab.
pub(crate) struct Tab {
    kind: Kind,
    port: u16,
    line: Connection,
}

impl Tab {
    /// Opens the page, which uses these files.
    pub(crate) fn open(kind: Kind, server: &Server, files: &[String]) -> Result<Self> {
        if kind == Kind::Bare {
            let line = Connection::Plain(BufReader::new(Timed::new(server.connect()?)));
            return Ok(Self { kind, port: server.port, line });
        }
        let port = server.port;
        for path in std::iter::once("page.html").chain(files.iter().map(String::as_str)) {
            get(port, path)?;
        }
        let (path, protocol) = match kind {
            Kind::Livers => ("__livers/socket", Some("livers")),
            Kind::Vite => ("", Some("vite-hmr")),
            Kind::LiveServer | Kind::Bare => ("ws", None),
        };
        let mut request = format!("ws://127.0.0.1:{port}/{path}").into_client_request()?;
        if let Some(protocol) = protocol {
            request
                .headers_mut()
                .insert("Sec-WebSocket-Protocol", HeaderValue::from_static(protocol));
        }
        let stream = Timed::new(server.connect()?);
        stream.wait_at_most(START)?;
        let (mut socket, _) = tokio_tungstenite::tungstenite::client(request, stream)
            .map_err(|why| why.to_string())?;
        // Each server greets first, some only after they have walked the folder.
        let greeting = socket.read()?;
        if kind == Kind::Livers {
            let connected: Value = serde_json::from_str(greeting.to_text()?)?;
            let uses: Vec<_> = files.iter().map(|file| format!("/{file}")).collect();
            let hello = json!({
                "type": "hello", "page": "/page.html", "uses": uses,
                "boot": connected["boot"], "version": connected["version"], "age": 10,
            });
            socket.send(Message::text(hello.to_string()))?;
        }
        Ok(Self { kind, port, line: Connection::Socket(Box::new(socket)) })
    }

    /// Waits for the message of a change. Returns when it was read, or `None` if it does not come.
    pub(crate) fn changed(&mut self) -> Result<Option<Instant>> {
        self.message(LOST)
    }

    /// Counts the messages until none has come for this long.
    pub(crate) fn until_quiet(&mut self, quiet: Duration) -> Result<usize> {
        let mut count = 0;
        while self.message(quiet)?.is_some() {
            count += 1;
        }
        Ok(count)
    }

    fn message(&mut self, wait: Duration) -> Result<Option<Instant>> {
        let deadline = Instant::now() + wait;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let left = left.max(Duration::from_micros(10));
            let (text, read_at) = match &mut self.line {
                Connection::Plain(line) => {
                    line.get_ref().wait_at_most(left)?;
                    let mut text = String::new();
                    match line.read_line(&mut text) {
                        Ok(0) => return Err("the loop has ended".into()),
                        Ok(_) => (text, line.get_ref().read_at),
                        Err(why) if is_timeout(why.kind()) => return Ok(None),
                        Err(why) => return Err(why.into()),
                    }
                }
                Connection::Socket(socket) => {
                    socket.get_ref().wait_at_most(left)?;
                    match socket.read() {
                        Ok(message) => {
                            let text = message.to_text().unwrap_or_default().to_owned();
                            (text, socket.get_ref().read_at)
                        }
                        Err(Error::Io(why)) if is_timeout(why.kind()) => return Ok(None),
                        Err(why) => return Err(why.into()),
                    }
                }
            };
            if self.kind.is_change(&text) {
                return Ok(Some(read_at));
            }
        }
    }

    /// Requests a file again, as a page does that applies a change.
    pub(crate) fn load(&self, file: &str) -> Result<()> {
        if self.kind == Kind::Bare { Ok(()) } else { get(self.port, file) }
    }
}

fn is_timeout(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// Requests a file, as the browser does for the page.
pub(crate) fn get(port: u16, path: &str) -> Result<()> {
    let headers = match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("css") => "Accept: text/css,*/*;q=0.1\r\nSec-Fetch-Dest: style",
        Some("js") => "Accept: */*\r\nSec-Fetch-Dest: script",
        _ if path == "page.html" => "Accept: text/html\r\nSec-Fetch-Dest: document",
        _ => "Accept: */*\r\nSec-Fetch-Dest: empty",
    };
    let referer = match path {
        "page.html" => String::new(),
        _ => format!("Referer: http://127.0.0.1:{port}/page.html\r\n"),
    };
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(START))?;
    let request = format!(
        "GET /{path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n{headers}\r\n\
         {referer}\r\n"
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    if answer.starts_with(b"HTTP/1.1 200") { Ok(()) } else { Err(format!("no {path}").into()) }
}
