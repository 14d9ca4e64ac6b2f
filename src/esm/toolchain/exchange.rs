//! What a host and the compiler of livers tell each other, as plain data.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::SystemTime,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{driver::Tool, installed::Installed};
use crate::esm::resolve::file_stamp;

/// The files that an answer was made from, and their stamps when they were read; 0 for one that is
/// missing.
pub(crate) type Dependencies = BTreeMap<PathBuf, u64>;

/// Answers the questions of drivers about files.
pub(crate) trait Files {
    /// Returns the file that a specifier in a file leads to.
    fn resolve(&self, specifier: &str, from: &Path, kind: &str) -> Option<PathBuf>;

    /// Returns what a specifier in a file stands for because of an alias, without looking for it.
    fn alias(&self, specifier: &str, from: &Path) -> Option<String>;

    /// Returns the content of a file of the project or of a package, or `None` if there is none.
    /// `kind` is `"sheet"` for a style sheet whose relative URLs are to become absolute.
    fn read(&self, path: &Path, kind: &str) -> Option<String>;
}

/// Finds and reads nothing.
pub(super) struct NoFiles;

impl Files for NoFiles {
    fn resolve(&self, _: &str, _: &Path, _: &str) -> Option<PathBuf> {
        None
    }

    fn alias(&self, _: &str, _: &Path) -> Option<String> {
        None
    }

    fn read(&self, _: &Path, _: &str) -> Option<String> {
        None
    }
}

/// A question of a driver.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", tag = "ask")]
pub(crate) enum Ask {
    /// Which file does this specifier lead to? Answered with a path or `null`.
    Resolve { specifier: String, from: PathBuf, kind: String },
    /// What does this specifier stand for because of an alias? Answered with a path or another
    /// specifier, or `null`.
    Alias { specifier: String, from: PathBuf },
    /// What does this file contain? Answered with a string or `null`.
    Read {
        path: PathBuf,
        #[serde(default)]
        kind: String,
    },
    /// Which stamps do these files have? The answer also depends on them. Answered with strings.
    Stamps { paths: Vec<PathBuf> },
    /// The answer also depends on these files. Answered with `null`.
    Depend { paths: Vec<PathBuf> },
}

/// An error in a source, as a driver reports it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Reported {
    pub(crate) message: String,
    /// The file, if it is another one than that of the request.
    pub(crate) file: Option<PathBuf>,
    /// Counted from 1.
    pub(crate) line: Option<u32>,
    /// Counted from 1, in UTF-16 code units.
    pub(crate) column: Option<u32>,
    /// Whether the request has to be repeated in Node: what the compiler loads is not available in
    /// the engine.
    pub(crate) needs_node: bool,
}

/// The reason why a compiler has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ToolError {
    pub(crate) reported: Reported,
    pub(crate) help: Option<String>,
    /// The files that were read. A change of them may fix the error.
    pub(crate) dependencies: Vec<PathBuf>,
}

/// The reason why a host has no answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum HostError {
    /// The compiler reports an error.
    Reported(Reported, Vec<PathBuf>),
    /// The compiler needs Node, and there is none.
    NoNode,
    /// The compiler did not answer in time.
    Overdue(u64),
    /// The host ended. The last lines that it wrote.
    Ended(String),
}

impl HostError {
    /// Describes the error to the developer.
    pub(super) fn describe(self, tool: Tool, installed: &Installed) -> ToolError {
        let name = format!("{} {}", installed.package, installed.version);
        let (message, help) = match self {
            Self::Reported(reported, dependencies) => {
                return ToolError { reported, help: None, dependencies };
            }
            Self::NoNode => (
                format!("{} needs Node, and there is no \"node\" on the PATH", tool.driver().name),
                Some("install Node: https://nodejs.org".to_owned()),
            ),
            Self::Overdue(seconds) => {
                (format!("{name} takes more than {seconds} s; livers has given up on it"), None)
            }
            Self::Ended(output) => (format!("{name} ended unexpectedly{output}"), None),
        };
        let reported = Reported { message, ..Reported::default() };
        ToolError { reported, help, dependencies: Vec::new() }
    }
}

impl ToolError {
    pub(super) fn not_installed(tool: Tool) -> Self {
        let packages = tool.driver().packages;
        let package = packages[packages.len() - 1];
        Self {
            reported: Reported {
                message: format!("this file needs the package {package:?}, which is not installed"),
                ..Reported::default()
            },
            help: Some(format!("npm install --save-dev {package}")),
            dependencies: Vec::new(),
        }
    }
}

/// Answers the questions of one request, and records what was read.
pub(super) struct Conversation<'f> {
    files: &'f dyn Files,
    dependencies: Dependencies,
    began: SystemTime,
}

impl<'f> Conversation<'f> {
    pub(super) fn new(files: &'f dyn Files) -> Self {
        Self { files, dependencies: Dependencies::new(), began: SystemTime::now() }
    }

    /// Returns the answer to a question, as JSON.
    ///
    /// # Blocking
    /// Reads files.
    pub(super) fn answer(&mut self, ask: &Ask) -> Value {
        match ask {
            Ask::Resolve { specifier, from, kind } => {
                let found = self.files.resolve(specifier, from, kind);
                found.map_or(Value::Null, |path| path.to_string_lossy().into())
            }
            Ask::Alias { specifier, from } => {
                self.files.alias(specifier, from).map_or(Value::Null, Value::from)
            }
            Ask::Read { path, kind } => {
                self.depend(path);
                self.files.read(path, kind).map_or(Value::Null, Value::from)
            }
            Ask::Stamps { paths } => {
                let stamp = |path: &PathBuf| {
                    self.depend(path);
                    self.dependencies.get(path).map(u64::to_string).unwrap_or_default()
                };
                paths.iter().map(stamp).collect()
            }
            Ask::Depend { paths } => {
                for path in paths {
                    self.depend(path);
                }
                Value::Null
            }
        }
    }

    /// Records that the answer depends on a file.
    fn depend(&mut self, path: &Path) {
        let began = self.began;
        self.dependencies.entry(path.to_owned()).or_insert_with(|| stamp_before(path, began));
    }

    /// Returns the outcome of a request from what the driver answers.
    pub(super) fn outcome(&self, reply: Reply) -> Result<Value, HostError> {
        let paths = || self.dependencies.keys().cloned().collect();
        match reply {
            Reply::Output { output } => Ok(output),
            Reply::Error { error } => Err(HostError::Reported(error, paths())),
        }
    }

    #[cfg(test)]
    pub(super) fn dependencies(&self) -> impl Iterator<Item = &PathBuf> {
        self.dependencies.keys()
    }

    pub(super) fn into_dependencies(self) -> Dependencies {
        self.dependencies
    }
}

/// Returns the stamp of a file. A file that was modified after a time gets one that no file has,
/// because the driver may have read its old or its new content.
fn stamp_before(path: &Path, time: SystemTime) -> u64 {
    if is_newer(path, time) { u64::MAX } else { file_stamp(path) }
}

/// Returns whether a file was modified after a time.
pub(super) fn is_newer(file: &Path, time: SystemTime) -> bool {
    let modified = std::fs::metadata(file).and_then(|metadata| metadata.modified());
    modified.is_ok_and(|modified| modified > time)
}

/// What a driver answers to a request.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Reply {
    Output { output: Value },
    Error { error: Reported },
}
