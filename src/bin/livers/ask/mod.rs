//! The commands that ask a running server: `livers wait`, `errors`, `tabs`, `reload`, `logs`,
//! `list`.
//!
//! A command finds its server by the files in [`servers`], sends one request, and prints the
//! answer: as text for people, or with `--json` as it was received. It starts no server and no
//! thread.

mod answer;
mod client;
mod logs;
mod question;
#[cfg(test)]
mod tests;
mod text;

use std::{
    env, fmt,
    io::{self, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use bytes::Bytes;
use hyper::Method;
use livers::{Errors, Tabs, Verdict, WaitAnswer};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use self::{
    answer::{Problem, Reloaded},
    client::{Connection, Unreachable},
    question::{Question, absolute},
};
use crate::{
    agents,
    args::{Command, Target, folder_hint},
    line::Message,
    servers::{self, RunningServer, Several},
    terminal,
};

/// How much longer than the server a command waits for the answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How a command ended, as an exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// What was asked is so.
    Good = 0,
    /// There are errors.
    Errors = 1,
    /// The arguments are wrong.
    Usage = 2,
    /// No open tab is concerned.
    Unused = 3,
    /// The time is over.
    TimedOut = 4,
    /// No server answers.
    NoServer = 5,
}

impl From<Verdict> for Outcome {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Applied | Verdict::Unchanged => Self::Good,
            Verdict::Failed | Verdict::Kept => Self::Errors,
            Verdict::Unused | Verdict::NoTabs => Self::Unused,
            Verdict::Timeout => Self::TimedOut,
            // A verdict of a later version.
            _ => Self::NoServer,
        }
    }
}

/// Why a command has no answer, in one sentence.
#[derive(Debug)]
struct NoAnswer {
    outcome: Outcome,
    why: String,
}

impl NoAnswer {
    fn no_server(why: impl Into<String>) -> Self {
        Self { outcome: Outcome::NoServer, why: why.into() }
    }
}

/// Runs a command. Returns the exit code.
pub(crate) fn run(command: Command) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ended = match runtime {
        Ok(runtime) => runtime.block_on(answer(command)),
        Err(error) => Err(NoAnswer::no_server(error.to_string())),
    };
    let outcome = ended.unwrap_or_else(|NoAnswer { outcome, why }| {
        terminal::print_error(&why);
        outcome
    });
    ExitCode::from(outcome as u8)
}

async fn answer(command: Command) -> Result<Outcome, NoAnswer> {
    match command {
        Command::Wait(wait) => {
            let question = Question::of_wait(&wait);
            let mut asked = Asked::find(&wait.target, &wait.files, "wait").await?;
            let target = question.target(&asked.folders);
            let limit = question.timeout() + PATIENCE;
            let body = asked.ask(Method::GET, &target, limit).await?;
            let answer: WaitAnswer = parse(&body)?;
            print(&wait.target, &body, || text::wait(&answer, &wait.files, question.timeout()));
            Ok(answer.verdict.into())
        }
        Command::Errors(target) => {
            let mut asked = Asked::find(&target, &[], "errors").await?;
            let body = asked.ask(Method::GET, "/__livers/errors", PATIENCE).await?;
            let answer: Errors = parse(&body)?;
            print(&target, &body, || text::errors(&answer));
            Ok(if text::has_errors(&answer) { Outcome::Errors } else { Outcome::Good })
        }
        Command::Tabs(target) => {
            let mut asked = Asked::find(&target, &[], "tabs").await?;
            let body = asked.ask(Method::GET, "/__livers/tabs", PATIENCE).await?;
            let answer: Tabs = parse(&body)?;
            print(&target, &body, || text::tabs(&answer));
            Ok(Outcome::Good)
        }
        Command::Reload(reload) => {
            let mut asked = Asked::find(&reload.target, &[], "reload").await?;
            let target = question::reload(reload.page.as_deref());
            let body = asked.ask(Method::POST, &target, PATIENCE).await?;
            let answer: Reloaded = parse(&body)?;
            print(&reload.target, &body, || text::reload(&answer, reload.page.as_deref()));
            Ok(if answer.reloaded > 0 { Outcome::Good } else { Outcome::Unused })
        }
        Command::Logs(logs) => {
            let mut asked = Asked::find(&logs.target, &[], "logs").await?;
            logs::print(&mut asked.connection, &logs).await
        }
        Command::List(list) => {
            let servers = reachable().await?;
            if list.json {
                let json = serde_json::to_string(&servers).unwrap_or_default();
                write_out(format!("{json}\n").as_bytes());
            } else {
                write_message(&text::servers(&servers));
            }
            Ok(Outcome::Good)
        }
        Command::Init(_) => {
            let port = match Asked::find(&Target { json: false, port: None }, &[], "init").await {
                Ok(asked) => asked.port,
                Err(_) => agents::DEFAULT_PORT,
            };
            let written = agents::write(&current_folder()?, port);
            let why = |error| format!("cannot write {}: {error}", agents::FILE);
            let written =
                written.map_err(|error| NoAnswer { outcome: Outcome::Errors, why: why(error) })?;
            write_out(format!("{written}\n").as_bytes());
            Ok(Outcome::Good)
        }
    }
}

/// A server that answers.
struct Asked {
    connection: Connection,
    port: u16,
    /// The folders that it serves, if they are known.
    folders: Vec<PathBuf>,
}

impl Asked {
    /// Finds the server for a command: by its port, or by the current folder.
    async fn find(target: &Target, files: &[PathBuf], command: &str) -> Result<Self, NoAnswer> {
        let running = servers::running();
        if let Some(port) = target.port {
            return Self::at(port, &running.unwrap_or_default()).await;
        }
        let running = running.map_err(|error| NoAnswer::no_server(error.to_string()))?;
        let current = current_folder()?;
        let files: Vec<_> = files.iter().map(|file| absolute(&current, file)).collect();
        for server in servers::candidates(&running, &current, &files).map_err(several)? {
            match Connection::to(server).await {
                Ok(connection) => return Ok(Self::of(server, connection)),
                Err(Unreachable::Gone) => server.forget(),
                Err(Unreachable::Silent) => return Err(silent(&server.url)),
            }
        }
        let hint = folder_hint(command).map(|hint| format!("; {hint}")).unwrap_or_default();
        Err(NoAnswer::no_server(format!(
            "no livers server runs for this folder: start one with livers, or see livers list{hint}"
        )))
    }

    /// Connects to the server on a port, which need not have a file.
    async fn at(port: u16, running: &[RunningServer]) -> Result<Self, NoAnswer> {
        for server in running.iter().filter(|server| server.port == port) {
            match Connection::to(server).await {
                Ok(connection) => return Ok(Self::of(server, connection)),
                Err(Unreachable::Gone) => server.forget(),
                Err(Unreachable::Silent) => return Err(silent(&server.url)),
            }
        }
        for address in [IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()] {
            match Connection::to_boot((address, port).into(), None).await {
                Ok(connection) => return Ok(Self { connection, port, folders: Vec::new() }),
                Err(Unreachable::Gone) => {}
                Err(Unreachable::Silent) => return Err(silent(&format!("port {port}"))),
            }
        }
        Err(NoAnswer::no_server(format!(
            "no livers server runs on port {port}: see livers list for those that run"
        )))
    }

    fn of(server: &RunningServer, connection: Connection) -> Self {
        let folders = server.folders().map(ToOwned::to_owned).collect();
        Self { connection, port: server.port, folders }
    }

    /// Asks, and returns the JSON of the answer.
    async fn ask(
        &mut self,
        method: Method,
        target: &str,
        limit: Duration,
    ) -> Result<Bytes, NoAnswer> {
        let asked = timeout(limit, self.connection.ask(method, target)).await;
        match asked.map_err(|_| silent(&format!("port {}", self.port)))? {
            Ok((200, body)) => Ok(body),
            Ok((status, body)) => Err(refused(status, &body)),
            Err(error) => Err(NoAnswer::no_server(format!(
                "the server ended before it answered ({error}): start it again with livers"
            ))),
        }
    }
}

/// Returns the servers that answer, in the order of their start. The files of others are removed.
async fn reachable() -> Result<Vec<RunningServer>, NoAnswer> {
    let running = servers::running().map_err(|error| NoAnswer::no_server(error.to_string()))?;
    let mut asked = tokio::task::JoinSet::new();
    for server in running {
        asked.spawn(async move {
            match Connection::to(&server).await {
                Ok(_) | Err(Unreachable::Silent) => Some(server),
                Err(Unreachable::Gone) => {
                    server.forget();
                    None
                }
            }
        });
    }
    let mut servers: Vec<_> = asked.join_all().await.into_iter().flatten().collect();
    servers.sort_by_key(|server| server.started);
    Ok(servers)
}

fn current_folder() -> Result<PathBuf, NoAnswer> {
    let unknown = |error: io::Error| NoAnswer {
        outcome: Outcome::Usage,
        why: format!("the current folder cannot be used ({error}): change to another one"),
    };
    env::current_dir().and_then(dunce::canonicalize).map_err(unknown)
}

fn several(Several(ports): Several) -> NoAnswer {
    let ports: Vec<_> = ports.iter().map(ToString::to_string).collect();
    NoAnswer::no_server(format!(
        "several servers run below this folder: choose one with --port ({})",
        ports.join(", ")
    ))
}

fn silent(server: &str) -> NoAnswer {
    NoAnswer::no_server(format!("the server at {server} does not answer: restart it"))
}

/// Words an answer that is not 200.
fn refused(status: u16, body: &[u8]) -> NoAnswer {
    let why = match serde_json::from_slice(body) {
        Ok(Problem { error }) => error,
        Err(_) => String::from_utf8_lossy(body).trim().trim_end_matches('.').to_owned(),
    };
    match status {
        400 => NoAnswer { outcome: Outcome::Usage, why },
        404 => {
            NoAnswer::no_server("the server is another version of livers: restart it".to_owned())
        }
        _ => NoAnswer::no_server(format!("the server refuses to answer ({status}): {why}")),
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, NoAnswer> {
    serde_json::from_slice(body).map_err(|error| {
        NoAnswer::no_server(format!("the answer of the server is not understood: {error}"))
    })
}

/// Prints an answer: as it was received, or as text.
fn print(target: &Target, body: &[u8], text: impl FnOnce() -> Message) {
    if target.json {
        write_out(body);
        if !body.ends_with(b"\n") {
            write_out(b"\n");
        }
    } else {
        write_message(&text());
    }
}

fn write_message(message: &Message) {
    let lines = message.0.iter().map(|line| format!("{line}\n"));
    // A closed output is no error: the reader has seen enough.
    let _ = anstream::stdout().lock().write_all(lines.collect::<String>().as_bytes());
}

fn write_out(bytes: &[u8]) {
    let _ = io::stdout().lock().write_all(bytes);
}

impl fmt::Display for agents::Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = agents::FILE;
        match self {
            Self::Created => write!(f, "created {file}"),
            Self::Appended => write!(f, "added a section about livers to {file}"),
            Self::Present => write!(f, "{file} has a section about livers already"),
        }
    }
}
