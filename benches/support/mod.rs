//! Shared by the benches: servers as child processes, their CPU time and memory, a client, and
//! statistics.
//!
//! Every server is a process of its own, so that its CPU time does not include the client's. It is
//! killed when its [`Server`] is dropped.

// Each bench uses its part of this, and one prints.
#![allow(dead_code, clippy::print_stdout)]

pub(crate) mod bare;

use std::{
    env, error,
    ffi::OsStr,
    fmt, fs,
    io::{BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

pub(crate) type Error = Box<dyn error::Error + Send + Sync>;
pub(crate) type Result<T> = std::result::Result<T, Error>;

/// The kernel's units of CPU time per second: `USER_HZ`, which is 100 on all platforms of Rust's
/// Linux.
const TICKS: f64 = 100.0;

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

    fn below(folder: &Path, name: &str) -> Result<Self> {
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

/// A server in a child process.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
    /// The command that stops it, if killing it is not enough.
    stop: Option<Command>,
}

impl Server {
    /// Starts the release binary.
    pub(crate) fn livers(folder: &Path) -> Result<Self> {
        Self::livers_binary(env!("CARGO_BIN_EXE_livers"), folder, &[])
    }

    /// Starts a livers binary with further arguments.
    pub(crate) fn livers_binary(
        binary: impl AsRef<OsStr>,
        folder: &Path,
        args: &[String],
    ) -> Result<Self> {
        let mut command = Command::new(binary);
        command.args(["--port", "0"]).args(args).arg(folder);
        Self::printing_its_port(command, |line| {
            let at = line.find("http://localhost:")? + "http://localhost:".len();
            line[at..].split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
        })
    }

    /// Starts this bench's own program in another role. It prints its port as its first line.
    pub(crate) fn own(role: &str, folder: &Path) -> Result<Self> {
        let mut command = Command::new(env::current_exe()?);
        command.arg(role).arg(folder);
        Self::printing_its_port(command, |line| line.trim().parse().ok())
    }

    /// Starts a program, and waits until it listens on a port.
    pub(crate) fn listening(mut command: Command, port: u16) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut server = Self { child: command.spawn()?, port, stop: None };
        while server.connect().is_err() {
            if let Some(status) = server.child.try_wait()? {
                return Err(format!("{command:?} ended: {status}").into());
            }
            sleep(Duration::from_millis(2));
        }
        Ok(server)
    }

    /// Starts nginx with one worker. `None` if it is not installed.
    pub(crate) fn nginx(folder: &Path, own: &Folder) -> Result<Option<Self>> {
        let (port, root) = (free_port()?, folder.display());
        let http = format!(
            "sendfile on; types {{ text/html html; text/css css; }}
            server {{ listen 127.0.0.1:{port}; root {root}; }}"
        );
        Self::nginx_with(own, "1", port, &http)
    }

    /// Starts nginx with this many workers and these contents of its `http` block, which listens on
    /// `port`. `None` if it is not installed.
    pub(crate) fn nginx_with(
        own: &Folder,
        workers: &str,
        port: u16,
        http: &str,
    ) -> Result<Option<Self>> {
        let own = own.path().display();
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {own}/{name};"))
            .concat();
        let configuration = format!(
            "daemon off; user root; worker_processes {workers}; pid {own}/pid; error_log {own}/log crit;
            events {{}}
            http {{
                access_log off; keepalive_requests 1000000000; {temporary}
                {http}
            }}"
        );
        let file = format!("{own}/nginx.conf");
        fs::write(&file, configuration)?;
        let nginx = || {
            let mut command = Command::new("nginx");
            command.args(["-c", &file]).stdin(Stdio::null()).stderr(Stdio::null());
            command
        };
        let Ok(child) = nginx().spawn() else { return Ok(None) };
        let mut stop = nginx();
        stop.args(["-s", "stop"]);
        let server = Self { child, port, stop: Some(stop) };
        for _ in 0..100 {
            if server.connect().is_ok() {
                return Ok(Some(server));
            }
            sleep(Duration::from_millis(20));
        }
        Err("nginx does not answer".into())
    }

    fn printing_its_port(mut command: Command, port: impl Fn(&str) -> Option<u16>) -> Result<Self> {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let mut output = BufReader::new(child.stdout.take().ok_or("no output")?);
        let mut server = Self { child, port: 0, stop: None };
        let mut line = String::new();
        while output.read_line(&mut line)? > 0 {
            if let Some(port) = port(&line) {
                server.port = port;
                // A full pipe would block it.
                std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
                return Ok(server);
            }
            line.clear();
        }
        Err("a server ended before it listened".into())
    }

    pub(crate) fn connect(&self) -> Result<TcpStream> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        Ok(stream)
    }

    /// Returns the CPU time of the process and its children, user and system, in seconds.
    pub(crate) fn cpu(&self) -> Result<f64> {
        let id = self.child.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children"))?;
        let mut ticks = 0;
        for id in std::iter::once(id.to_string().as_str()).chain(children.split_whitespace()) {
            let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
            // The second field is a name in parentheses, and may contain any characters.
            let (_, fields) = stat.rsplit_once(") ").ok_or("no stat")?;
            for field in fields.split(' ').skip(11).take(2) {
                ticks += field.parse::<u32>()?;
            }
        }
        Ok(f64::from(ticks) / TICKS)
    }

    /// Returns the resident memory of the process, in MB.
    pub(crate) fn resident(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes: u32 =
            line.and_then(|line| line.split_whitespace().next()).unwrap_or("").parse()?;
        Ok(f64::from(kilobytes) / 1024.0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.stop.as_mut().is_none_or(|stop| !stop.status().is_ok_and(|status| status.success()))
        {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

/// Returns a port that is free now.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
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
