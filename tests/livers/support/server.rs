//! Runs the `livers` binary on a folder and a free port.
//!
//! The server is started with `--port 0` and is ready when it has printed the line that begins with
//! `local`, which contains its URL. Threads collect its output, so nothing is lost while a test
//! waits for something else, and a failing test prints it. Later lines of the banner may be missing
//! at that time: [`Livers::wait_for_line`] waits for them. The server is killed on drop, but not if
//! the test process itself is killed by SIGKILL.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::lock;

const BINARY: &str = env!("CARGO_BIN_EXE_livers");
const DEADLINE: Duration = Duration::from_secs(20);

/// The user's runtime folder of all servers and commands, unless a test has one of its own: tests
/// must neither find the servers of the developer nor leave files beside them.
pub const RUNTIME_DIR: &str = env!("CARGO_TARGET_TMPDIR");

/// Starts a program without root's capabilities to read and write every file. A change of the user
/// would also need another owner for the files of the test.
const UNPRIVILEGED: [&str; 3] = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"];

/// Runs `livers` until it exits. Returns its exit status, standard output and standard error.
pub async fn run<S: AsRef<OsStr>>(
    args: impl IntoIterator<Item = S>,
) -> (ExitStatus, String, String) {
    run_in(Path::new("."), args).await
}

/// Runs `livers` in a folder until it exits.
pub async fn run_in<S: AsRef<OsStr>>(
    folder: &Path,
    args: impl IntoIterator<Item = S>,
) -> (ExitStatus, String, String) {
    run_with(folder, &[], args).await
}

/// Runs `livers` in a folder, with environment variables, until it exits.
pub async fn run_with<S: AsRef<OsStr>>(
    folder: &Path,
    env: &[(&str, &OsStr)],
    args: impl IntoIterator<Item = S>,
) -> (ExitStatus, String, String) {
    let mut command = Command::new(BINARY);
    command.args(args).current_dir(folder).env("XDG_RUNTIME_DIR", RUNTIME_DIR);
    command.envs(env.iter().copied());
    output(command).await
}

/// Runs `livers` in a folder until it exits, subject to file permissions even if this is root.
pub async fn run_unprivileged_in<S: AsRef<OsStr>>(
    folder: &Path,
    args: impl IntoIterator<Item = S>,
) -> (ExitStatus, String, String) {
    if !is_root() {
        return run_in(folder, args).await;
    }
    let mut command = Command::new(UNPRIVILEGED[0]);
    command.args(&UNPRIVILEGED[1..]).arg(BINARY).args(args).current_dir(folder);
    command.env("XDG_RUNTIME_DIR", RUNTIME_DIR);
    output(command).await
}

async fn output(command: Command) -> (ExitStatus, String, String) {
    let mut command = tokio::process::Command::from(command);
    command.stdin(Stdio::null()).kill_on_drop(true);
    let what = format!("the end of {:?}", command.as_std());
    let output = super::within(&what, command.output()).await.expect("run livers");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8 output");
    (output.status, text(output.stdout), text(output.stderr))
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().expect("run id");
    output.stdout == b"0\n"
}

/// Options for starting a server.
#[derive(Clone, Debug, Default)]
pub struct Start {
    folder: Option<PathBuf>,
    working: Option<PathBuf>,
    port: u16,
    without_port: bool,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    under: Vec<OsString>,
}

impl Start {
    /// Adds an argument.
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    pub fn args<S: Into<OsString>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Starts the server through another program, with these arguments before the server's command
    /// line.
    pub fn under<S: Into<OsString>>(
        mut self,
        program: &str,
        args: impl IntoIterator<Item = S>,
    ) -> Self {
        self.under.push(program.into());
        self.under.extend(args.into_iter().map(Into::into));
        self
    }

    /// Subjects the server to file permissions even if this is root.
    pub fn unprivileged(self) -> Self {
        if is_root() {
            self.under(UNPRIVILEGED[0], UNPRIVILEGED[1..].iter().copied())
        } else {
            self
        }
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Requests a port instead of any free one.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Leaves the port to the server.
    pub fn without_port(mut self) -> Self {
        self.without_port = true;
        self
    }

    /// Sets the working directory.
    pub fn working_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.working = Some(path.into());
        self
    }

    /// Starts the server and waits until it is ready.
    pub async fn start(self) -> Livers {
        let mut livers = self.start_without_waiting();
        livers.ready(0).await;
        livers
    }

    /// Starts the server, which may never be ready. Its URL and port are not known.
    pub fn start_without_waiting(self) -> Livers {
        let output = Arc::new(Output::default());
        let child = self.spawn(&output);
        Livers { start: self, child, output, url: String::new(), port: 0 }
    }

    fn spawn(&self, output: &Arc<Output>) -> Child {
        let mut line = self.under.iter().cloned().chain([BINARY.into()]);
        let mut command = Command::new(line.next().unwrap_or_default());
        command.args(line);
        command.args(&self.folder).args(&self.args);
        if !self.without_port {
            command.arg("--port").arg(self.port.to_string());
        }
        command.env("XDG_RUNTIME_DIR", RUNTIME_DIR);
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        if let Some(working) = &self.working {
            command.current_dir(working);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("start livers");
        output.collect(Stream::Stdout, child.stdout.take().expect("a pipe"));
        output.collect(Stream::Stderr, child.stderr.take().expect("a pipe"));
        child
    }
}

/// The stream that a line was printed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

#[derive(Default)]
struct Output {
    lines: Mutex<Vec<(Stream, String)>>,
    /// The number of streams that have not ended.
    open: watch::Sender<usize>,
}

impl Output {
    fn collect(self: &Arc<Self>, from: Stream, stream: impl Read + Send + 'static) {
        let output = Arc::clone(self);
        output.open.send_modify(|open| *open += 1);
        std::thread::spawn(move || {
            let mut stream = BufReader::new(stream);
            let mut line = Vec::new();
            while stream.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                let text = String::from_utf8_lossy(&line);
                let text = without_time(text.trim_end_matches(['\r', '\n'])).to_owned();
                lock(&output.lines).push((from, text));
                output.open.send_modify(|_| ());
                line.clear();
            }
            output.open.send_modify(|open| *open -= 1);
        });
    }
}

/// Returns a line without the time of day that `--verbose` puts before it.
fn without_time(line: &str) -> &str {
    let time =
        |(at, byte): (usize, u8)| if at % 3 == 2 { byte == b':' } else { byte.is_ascii_digit() };
    match line.split_once("  ") {
        Some((first, rest)) if first.len() == 8 && first.bytes().enumerate().all(time) => rest,
        _ => line,
    }
}

/// A running server.
pub struct Livers {
    start: Start,
    child: Child,
    output: Arc<Output>,
    url: String,
    port: u16,
}

impl Livers {
    /// Returns the options for serving a folder that is named by an argument.
    pub fn on(folder: impl Into<PathBuf>) -> Start {
        Start { folder: Some(folder.into()), ..Start::default() }
    }

    /// Returns the options for serving the working directory, without an argument.
    pub fn within(folder: impl Into<PathBuf>) -> Start {
        Start::default().working_dir(folder)
    }

    /// Returns the URL that the server printed, such as `http://localhost:8080/`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the URL of a path that begins with `/`.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url.trim_end_matches('/'))
    }

    /// Returns the URL of the reload socket.
    pub fn ws_url(&self) -> String {
        format!("ws://localhost:{}{}", self.port, super::socket::PATH)
    }

    /// Returns the port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the process ID.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns all lines printed so far, including before restarts, in the order they were read.
    pub fn lines(&self) -> Vec<(Stream, String)> {
        lock(&self.output.lines).clone()
    }

    /// Returns the lines printed on standard output so far.
    pub fn stdout(&self) -> Vec<String> {
        self.printed(Stream::Stdout)
    }

    /// Returns the lines printed on standard error so far.
    pub fn stderr(&self) -> Vec<String> {
        self.printed(Stream::Stderr)
    }

    fn printed(&self, on: Stream) -> Vec<String> {
        let lines = lock(&self.output.lines);
        lines.iter().filter(|(from, _)| *from == on).map(|(_, text)| text.clone()).collect()
    }

    /// Waits for a line that matches, on either stream. Lines printed before the call count.
    pub async fn wait_for_line(&self, matches: impl Fn(&str) -> bool) -> String {
        self.wait_for_line_after(0, matches).await
    }

    /// Waits for a line that matches and is not among the first `after` of [`Livers::lines`].
    pub async fn wait_for_line_after(&self, after: usize, m: impl Fn(&str) -> bool) -> String {
        match self.find_line(after, |_, text| m(text).then(|| text.to_owned())).await {
            Ok(line) => line,
            Err(why) => panic!("no matching line: {why}; printed:\n{}", self.transcript()),
        }
    }

    async fn find_line<T>(
        &self,
        after: usize,
        find: impl Fn(Stream, &str) -> Option<T>,
    ) -> Result<T, &'static str> {
        let mut open = self.output.open.subscribe();
        let deadline = tokio::time::Instant::now() + DEADLINE;
        let mut after = after;
        loop {
            // Read before the lines, so that these contain the last one printed.
            let ended = *open.borrow_and_update() == 0;
            let lines = self.lines();
            let new = lines.get(after..).unwrap_or_default();
            if let Some(found) = new.iter().find_map(|(from, text)| find(*from, text)) {
                return Ok(found);
            }
            if ended {
                return Err("the server ended");
            }
            after = after.max(lines.len());
            if tokio::time::timeout_at(deadline, open.changed()).await.is_err() {
                return Err("waited 20 s");
            }
        }
    }

    async fn ready(&mut self, after: usize) {
        let address = |from, text: &str| {
            let rest = text.trim().strip_prefix("local")?;
            let url = rest.split_whitespace().find(|word| word.starts_with("http://"))?;
            (from == Stream::Stdout).then(|| url.to_owned())
        };
        match self.find_line(after, address).await {
            Ok(url) => self.url = url,
            Err(why) => panic!("livers is not ready: {why}; printed:\n{}", self.transcript()),
        }
        let port = self.url.trim_end_matches('/').rsplit(':').next().and_then(|p| p.parse().ok());
        self.port = port.unwrap_or_else(|| panic!("no port in {}", self.url));
    }

    /// Returns whether the server has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("the state of a child process").is_some()
    }

    /// Kills the server (SIGKILL) and waits for its end.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Sends SIGINT, as Ctrl-C does.
    pub fn interrupt(&self) {
        self.signal("INT");
    }

    /// Stops the server (SIGSTOP), and waits until all its threads have stopped: on a busy machine,
    /// they run on for a while. SIGCONT resumes it.
    pub fn pause(&self) {
        self.signal("STOP");
        let deadline = Instant::now() + DEADLINE;
        while runs(self.child.id()) {
            assert!(Instant::now() < deadline, "the server did not stop");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Sends a signal by name, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status().expect("run kill");
        assert!(sent.success(), "kill -s {name} {id}: {sent}");
    }

    /// Waits for the end of the server and of its output.
    pub async fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + DEADLINE;
        // The standard library cannot wait for a process with a timeout.
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("the state of a child process") {
                break status;
            }
            assert!(
                Instant::now() < deadline,
                "waited {} s for the end of livers; printed:\n{}",
                DEADLINE.as_secs(),
                self.transcript()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        let mut open = self.output.open.subscribe();
        let _ = super::within("the end of its output", open.wait_for(|open| *open == 0)).await;
        status
    }

    /// Kills the server if it is running and starts it again on the same port.
    pub async fn restart(&mut self) {
        self.kill();
        self.wait().await;
        let (before, port) = (lock(&self.output.lines).len(), self.port);
        self.start.port = port;
        self.child = self.start.spawn(&self.output);
        self.ready(before).await;
        assert_eq!(self.port, port, "restarted on another port:\n{}", self.transcript());
    }

    fn transcript(&self) -> String {
        self.lines().into_iter().map(|(from, text)| format!("  {from:?}: {text}\n")).collect()
    }
}

impl Drop for Livers {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("livers on port {} printed:\n{}", self.port, self.transcript());
        }
    }
}

/// Returns whether a thread of a process is not stopped, where the system tells (proc(5)).
fn runs(process: u32) -> bool {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task"));
    tasks.into_iter().flatten().flatten().any(|task| {
        let stat = std::fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        // The state follows the name, which is in parentheses.
        stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('T'))
    })
}
