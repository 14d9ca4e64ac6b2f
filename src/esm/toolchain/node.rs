//! A process of the project's Node as a host: runs drivers whose compilers, plug-ins or
//! configurations need Node.
//!
//! The process is started with the first request and kept. It runs one request after another, has a
//! limit of memory, an environment with nothing but what programs need to run, and the pipes of its
//! standard streams. Requests and answers are frames on these: a line with a marker that only this
//! process knows and the length, and JSON. Whatever compilers print goes elsewhere, and what stands
//! between frames is skipped.
//!
//! A process that does not answer in time is killed. It ends by itself when livers does, because
//! its standard input is closed then.

use std::{
    collections::{VecDeque, hash_map::RandomState},
    ffi::OsStr,
    hash::{BuildHasher, Hasher},
    io::{self, BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    driver::Tool,
    exchange::{Ask, Conversation, HostError, Reply},
};
use crate::esm::lock::lock;

/// The memory of a process, MiB: that of V8's old generation.
const MEMORY: u32 = 1536;

/// How long a request may take.
const DEADLINE: Duration = Duration::from_secs(25);

/// The size of a frame, bytes.
const MAX_FRAME: usize = 64 << 20;

/// How much of what a process prints is kept for the message when it ends.
const MAX_LINES: usize = 8;
const MAX_LINE: u64 = 1000;

/// The variables that the process inherits.
const VARIABLES: [&str; 9] = [
    "PATH",
    "HOME",
    "TMPDIR",
    "TEMP",
    "LANG",
    "SystemRoot",
    "APPDATA",
    "LOCALAPPDATA",
    "USERPROFILE",
];

/// What runs first in the process.
const HOST: &str = concat!(include_str!("drivers/report.js"), include_str!("drivers/node.js"));

/// The process of one project.
pub(super) struct Node {
    base: PathBuf,
    deadline: Duration,
    process: Mutex<Option<Process>>,
    /// The running process, to end it while it works on a request.
    child: Mutex<Option<SharedChild>>,
    is_stopped: AtomicBool,
}

type SharedChild = Arc<Mutex<Child>>;

/// A running process.
struct Process {
    child: SharedChild,
    stdin: ChildStdin,
    marker: String,
    frames: mpsc::Receiver<Vec<u8>>,
    printed: Arc<Mutex<VecDeque<String>>>,
    /// The drivers that were sent.
    loaded: Vec<Tool>,
    /// They end when the process does.
    threads: Vec<JoinHandle<()>>,
}

/// What the process sends.
#[derive(Deserialize)]
#[serde(untagged)]
enum Frame {
    Ask(Ask),
    Reply(Reply),
}

/// Returns whether there is a program named `node` on the PATH.
pub(super) fn is_available() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let name = if cfg!(windows) { "node.exe" } else { "node" };
    std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

impl Node {
    /// Creates the host of a project whose packages are installed in a folder. Starts nothing.
    pub(super) fn new(base: &Path) -> Self {
        Self {
            base: base.to_owned(),
            deadline: DEADLINE,
            process: Mutex::default(),
            child: Mutex::default(),
            is_stopped: AtomicBool::new(false),
        }
    }

    #[cfg(test)]
    pub(super) fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// Calls a function of a driver.
    ///
    /// # Blocking
    /// Waits for other requests, and for the answer.
    ///
    /// # Errors
    /// There is no Node; the compiler reports an error, or does not answer in time.
    pub(super) fn run(
        &self,
        tool: Tool,
        function: &str,
        input: &Value,
        conversation: &mut Conversation<'_>,
    ) -> Result<Value, HostError> {
        let mut slot = lock(&self.process);
        let process = if let Some(process) = &mut *slot {
            process
        } else {
            let process = Process::start(&self.base)?;
            *lock(&self.child) = Some(Arc::clone(&process.child));
            slot.insert(process)
        };
        if self.is_stopped.load(Ordering::SeqCst) {
            *slot = None;
            return Err(HostError::Ended(" with livers".to_owned()));
        }
        let outcome = process.run((tool, function), input, self.deadline, conversation);
        if !matches!(outcome, Ok(_) | Err(HostError::Reported(..))) {
            *slot = None;
        }
        outcome
    }

    /// Ends the process, also one that works on a request. Further requests fail.
    ///
    /// # Blocking
    /// Waits for the end of the process.
    pub(super) fn stop(&self) {
        self.is_stopped.store(true, Ordering::SeqCst);
        if let Some(child) = lock(&self.child).take() {
            end(&child);
        }
    }
}

/// Ends a process.
fn end(child: &SharedChild) -> Option<ExitStatus> {
    let mut child = lock(child);
    let _ = child.kill();
    child.wait().ok()
}

impl Process {
    fn start(base: &Path) -> Result<Self, HostError> {
        if !is_available() {
            return Err(HostError::NoNode);
        }
        let ended = |error: io::Error| HostError::Ended(format!(": {error}"));
        let marker = format!("livers-{:016x}", RandomState::new().build_hasher().finish());
        let variables =
            VARIABLES.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
        let mut child = Command::new("node")
            .arg(format!("--max-old-space-size={MEMORY}"))
            .args(["--no-warnings", "--input-type=module", "-e", HOST, "--", &marker])
            .current_dir(base)
            .env_clear()
            .envs(variables)
            .env("NODE_ENV", OsStr::new("development"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(ended)?;
        let missing = || HostError::Ended(": it has no pipes".to_owned());
        let stdin = child.stdin.take().ok_or_else(missing)?;
        let stdout = child.stdout.take().ok_or_else(missing)?;
        let stderr = child.stderr.take().ok_or_else(missing)?;
        let printed = Arc::new(Mutex::new(VecDeque::new()));
        let (kept, begin) = (Arc::clone(&printed), marker.clone());
        // A process that sends more than it is asked for has to wait.
        let (sender, frames) = mpsc::sync_channel(1);
        let log = move || keep_lines(BufReader::new(stderr), &kept);
        let read = move || {
            let mut stdout = BufReader::new(stdout);
            while let Ok(frame) = next_frame(&mut stdout, &begin) {
                if sender.send(frame).is_err() {
                    break;
                }
            }
        };
        let threads = [spawn("livers-node-log", log), spawn("livers-node", read)];
        let threads = threads.into_iter().collect::<io::Result<Vec<_>>>().map_err(ended)?;
        let child = Arc::new(Mutex::new(child));
        Ok(Self { child, stdin, marker, frames, printed, loaded: Vec::new(), threads })
    }

    fn run(
        &mut self,
        (tool, function): (Tool, &str),
        input: &Value,
        limit: Duration,
        conversation: &mut Conversation<'_>,
    ) -> Result<Value, HostError> {
        let deadline = Instant::now() + limit;
        let source = if self.loaded.contains(&tool) { None } else { Some(tool.driver().source) };
        let request = json!({
            "tool": tool.driver().name, "driver": source, "function": function, "input": input,
        });
        self.send(&request)?;
        self.loaded.push(tool);
        self.loaded.dedup();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let frame = match self.frames.recv_timeout(left) {
                Ok(frame) => frame,
                Err(RecvTimeoutError::Timeout) => {
                    return Err(HostError::Overdue(limit.as_secs()));
                }
                Err(RecvTimeoutError::Disconnected) => return Err(self.ended()),
            };
            match serde_json::from_slice(&frame) {
                Ok(Frame::Ask(ask)) => {
                    let answer = conversation.answer(&ask);
                    self.send(&json!({ "answer": answer }))?;
                }
                Ok(Frame::Reply(reply)) => return conversation.outcome(reply),
                Err(_) => {
                    return Err(HostError::Ended(": its answer is not understood".to_owned()));
                }
            }
        }
    }

    fn send(&mut self, message: &Value) -> Result<(), HostError> {
        let text = message.to_string();
        let frame = format!("{} {}\n{text}", self.marker, text.len());
        let written = self.stdin.write_all(frame.as_bytes()).and_then(|()| self.stdin.flush());
        written.map_err(|_| self.ended())
    }

    /// Describes why the process ended, with what it printed last.
    fn ended(&mut self) -> HostError {
        let status = end(&self.child);
        let status = status.map(|status| format!(" ({status})")).unwrap_or_default();
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
        let lines = lock(&self.printed).iter().cloned().collect::<Vec<_>>().join("\n");
        let separator = if lines.is_empty() { "" } else { ":\n" };
        HostError::Ended(format!("{status}{separator}{lines}"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        end(&self.child);
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name(name.to_owned()).spawn(work)
}

/// Reads the next frame. Skips what stands before it.
///
/// # Errors
/// The stream ends, or the frame is larger than [`MAX_FRAME`].
fn next_frame(stdout: &mut impl BufRead, marker: &str) -> io::Result<Vec<u8>> {
    loop {
        let mut line = Vec::new();
        if stdout.take(MAX_LINE).read_until(b'\n', &mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = String::from_utf8_lossy(&line);
        // Whatever was printed before may not have ended its line.
        let Some(at) = line.find(marker) else { continue };
        let length = line[at + marker.len()..].trim().parse().unwrap_or(usize::MAX);
        if length > MAX_FRAME {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut frame = vec![0; length];
        stdout.read_exact(&mut frame)?;
        return Ok(frame);
    }
}

/// Keeps the last lines of what a process prints.
fn keep_lines(mut output: impl BufRead, kept: &Mutex<VecDeque<String>>) {
    loop {
        let mut line = Vec::new();
        match output.by_ref().take(MAX_LINE).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let mut kept = lock(kept);
        if kept.len() == MAX_LINES {
            kept.pop_front();
        }
        kept.push_back(String::from_utf8_lossy(&line).trim_end().to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::next_frame;

    #[test]
    fn frames_are_found_between_other_output() {
        let mut stream = &b"hello\nno end of line @@ 2\n{}more\n@@ 3\nabc"[..];
        assert_eq!(next_frame(&mut stream, "@@").unwrap(), b"{}");
        assert_eq!(next_frame(&mut stream, "@@").unwrap(), b"abc");
        assert!(next_frame(&mut stream, "@@").is_err());
        for text in ["@@ 99999999999\n", "@@ x\n", "@@ 5\nab"] {
            assert!(next_frame(&mut text.as_bytes(), "@@").is_err(), "{text}");
        }
    }
}
