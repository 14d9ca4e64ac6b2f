//! Shared by the benches: servers as child processes, their CPU time and memory, a client, and
//! statistics.
//!
//! Every server is a process of its own, so that its CPU time does not include the client's. It is
//! killed when its [`Server`] is dropped.

// Each bench uses its part of this, and one prints.
#![allow(dead_code, unused_imports, clippy::print_stdout)]

pub(crate) mod bare;
mod server;

use std::{
    env, error, fmt, fs,
    io::{Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

pub(crate) use server::{Server, free_port};

pub(crate) type Error = Box<dyn error::Error + Send + Sync>;
pub(crate) type Result<T> = std::result::Result<T, Error>;

/// A temporary folder, removed when it is dropped.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Result<Self> {
        // Not below target/, which is in the repository's .gitignore.
        Self::below(&env::temp_dir(), name)
    }

    /// Creates a folder in memory if possible, or else on the disk.
    pub(crate) fn in_memory(name: &str) -> Result<Self> {
        Self::below(Path::new("/dev/shm"), name).or_else(|_| Self::new(name))
    }

    /// Creates a folder in another one.
    pub(crate) fn below(folder: &Path, name: &str) -> Result<Self> {
        let path = folder.join(format!("livers-bench-{}-{name}", std::process::id()));
        fs::create_dir(&path)?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> Result<()> {
        Ok(fs::write(self.0.join(name), content)?)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A connection that records when bytes last arrived, so that the time the client takes to decode
/// them is not measured.
pub(crate) struct Timed {
    stream: TcpStream,
    pub(crate) read_at: Instant,
}

impl Timed {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self { stream, read_at: Instant::now() }
    }

    pub(crate) fn wait_at_most(&self, wait: Duration) -> Result<()> {
        Ok(self.stream.set_read_timeout(Some(wait))?)
    }
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.stream.read(buffer);
        self.read_at = Instant::now();
        read
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.stream.flush()
    }
}

/// A request that is sent repeatedly on one connection.
pub(crate) struct Exchange {
    stream: TcpStream,
    request: Vec<u8>,
    /// The first response. The others have the same length.
    response: Vec<u8>,
    head: usize,
}

impl Exchange {
    /// Connects, and sends the request once.
    pub(crate) fn new(server: &Server, request: &str) -> Result<Self> {
        let mut exchange = Self {
            stream: server.connect()?,
            request: request.into(),
            response: Vec::new(),
            head: 0,
        };
        exchange.stream.write_all(&exchange.request)?;
        let mut byte = [0];
        while !exchange.response.ends_with(b"\r\n\r\n") {
            exchange.stream.read_exact(&mut byte)?;
            exchange.response.push(byte[0]);
        }
        exchange.head = exchange.response.len();
        let length = exchange.header("content-length").unwrap_or("0").parse::<usize>()?;
        let body = if exchange.status() == "304" { 0 } else { length };
        exchange.response.resize(exchange.head + body, 0);
        exchange.stream.read_exact(&mut exchange.response[exchange.head..])?;
        Ok(exchange)
    }

    /// Sends the request again.
    pub(crate) fn again(&mut self) -> Result<()> {
        let (first, head) = (self.response[..12].to_owned(), self.head);
        self.stream.write_all(&self.request)?;
        self.stream.read_exact(&mut self.response)?;
        if self.response[..12] != first || !self.response[..head].ends_with(b"\r\n\r\n") {
            return Err("the responses differ".into());
        }
        Ok(())
    }

    pub(crate) fn status(&self) -> &str {
        std::str::from_utf8(&self.response[9..12]).unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let head = std::str::from_utf8(&self.response[..self.head]).ok()?;
        head.lines()
            .filter_map(|line| line.split_once(": "))
            .find_map(|(field, value)| field.eq_ignore_ascii_case(name).then_some(value))
    }

    pub(crate) fn body(&self) -> &[u8] {
        &self.response[self.head..]
    }
}

/// Returns the quantile of the values for a fraction; 0.5 is the median.
pub(crate) fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_owned();
    sorted.sort_unstable_by(f64::total_cmp);
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)]
    let at = (part * sorted.len().saturating_sub(1) as f64).round() as usize;
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

/// Returns the number on the command line: `cargo bench --bench NAME -- NUMBER`.
pub(crate) fn number() -> Option<usize> {
    env::args().skip(1).find_map(|argument| argument.parse().ok())
}

/// Returns a text of exactly `length` bytes: `begin`, as many `line`s as fit, spaces, `end`.
pub(crate) fn text(length: usize, begin: &str, line: impl fmt::Display, end: &str) -> String {
    let line = line.to_string();
    let room = length - begin.len() - end.len();
    let lines = line.repeat(room / line.len());
    format!("{begin}{lines}{:room$}{end}", "", room = room % line.len())
}
