//! Events of a running server, as plain data.
//!
//! The library never prints. It emits [`Event`]s, which subscribers (the terminal, a test, a
//! dashboard) read at their own pace. A slow subscriber loses the oldest events, learns how many,
//! and never delays the server.

use std::{
    borrow::Cow,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;

use crate::{
    change::Change, editor_error::EditorError, fault::Fault, page_message::PageMessage,
    refusal::Refusal, wire_format,
};

/// How many events a subscriber may lag behind before it loses the oldest. Their memory is
/// allocated at the start.
const BACKLOG: usize = 256;

/// Why a setting has no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum NoEffect {
    /// It is about backends, and there is no proxy route.
    NoProxy,
    /// It is about TLS backends, and no route leads to one.
    NoTlsBackend,
    /// It is about files, and a proxy route covers all paths.
    AllProxied,
    /// The same value is given twice.
    GivenTwice,
}

/// What of a project's `vite.config.*` has no effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ConfigNotice {
    /// A plug-in that may have an effect on the page, by the name of its package.
    PluginNotRun(String),
    /// A setting whose value is not known without running the file.
    NotUnderstood {
        /// The setting, such as `resolve.alias`.
        setting: String,
        /// The line, counted from 1, if it is in that file.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        line: Option<u32>,
    },
    /// The host or address to listen on: only a setting of the server opens it to the network.
    HostNotApplied(String),
    /// A folder outside of the served one, such as `publicDir`.
    FolderNotServed {
        /// The setting.
        setting: Cow<'static, str>,
        /// The folder.
        #[serde(with = "wire_format::path")]
        folder: PathBuf,
    },
    /// The file was changed. It is read at the start.
    Changed,
}

/// Where a compiler of the project runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum CompilerHost {
    /// In the JavaScript engine of livers.
    Engine,
    /// In a process of Node.
    Node,
}

/// An event of a running server. As JSON, it is an object with its name in `event`, in kebab case:
/// `{"event":"tabs","open":2}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Event {
    /// The server listens. Emitted once, when clients can connect.
    Listening {
        /// The URL to open on this machine.
        url: String,
        /// The served folder, as an absolute path.
        #[serde(with = "wire_format::path")]
        root: PathBuf,
        /// The version of livers.
        livers: Cow<'static, str>,
    },
    /// Files changed, and tabs were notified.
    Updated {
        /// The version of the change set.
        version: u64,
        /// The changed files.
        changes: Vec<Change>,
        /// How many tabs were notified.
        tabs: usize,
    },
    /// A compiler that the project has installed was started.
    CompilerStarted {
        /// The name and version of its package.
        compiler: String,
        /// Where it runs.
        host: CompilerHost,
    },
    /// A file takes more than half a second to compile. Emitted then, and at the end.
    Compiling {
        /// The URL path of the file; `/node_modules` stands for packages.
        path: String,
        /// Whether the compilation has ended.
        ended: bool,
    },
    /// A tab reported that it applied a change.
    Applied {
        /// The page's URL path.
        page: String,
        /// The version of the change.
        version: u64,
        /// What the page did: `css`, `image`, `morph`, `reload`, several joined by a `+`, or
        /// `none`.
        how: String,
        /// The time in the page, from the arrival of the message on.
        #[serde(rename = "ms", with = "wire_format::milliseconds")]
        took: Duration,
        /// Why the page had to reload, in its own words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// A tab opened or closed its reload socket or event stream.
    Tabs {
        /// How many tabs are open now.
        open: usize,
    },
    /// A backend is unreachable or failed. Emitted once until it responds again.
    BackendDown {
        /// The backend, as the URL of the route.
        backend: String,
        /// What failed.
        why: String,
    },
    /// A backend that was down responds again.
    BackendUp {
        /// The backend, as the URL of the route.
        backend: String,
    },
    /// A response of a backend is not HTTP, is incomplete, or took too long.
    BackendFault {
        /// The backend, as the URL of the route.
        backend: String,
        /// The request's path.
        path: String,
        /// What failed.
        why: String,
    },
    /// A request was refused with 403.
    Refused {
        /// The request's path.
        path: String,
        /// The reason.
        reason: Refusal,
    },
    /// A page needs a file, such as a script, that does not exist. Emitted once until it does.
    Missing {
        /// The URL path of the file.
        path: String,
        /// The URL path of the page, style sheet or script that uses it, if the request told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        used_by: Option<String>,
        /// The URL path of an existing file that was probably meant: a relative URL leads elsewhere
        /// on a page with a longer path.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        meant: Option<String>,
    },
    /// livers' script and socket were added to a page's Content Security Policy. Emitted once.
    PolicyAmended {
        /// The page's URL path.
        path: String,
    },
    /// A setting has no effect. Emitted at the start.
    SettingUnused {
        /// The setting, as it is spelled in a file.
        setting: Cow<'static, str>,
        /// The reason.
        why: NoEffect,
    },
    /// Something in the `vite.config.*` of the served folder has no effect. Emitted at the start,
    /// and when the file changes.
    ProjectConfig {
        /// The name of the file.
        file: String,
        /// What has no effect.
        notice: ConfigNotice,
    },
    /// The SPA page does not exist, or is not a file, at the start.
    SpaPageMissing {
        /// The page, as configured.
        file: String,
    },
    /// A line of `_headers`, `_redirects` or a `.gitignore` is invalid or has no effect. Emitted
    /// once until the file changes.
    RuleFault {
        /// The file's name, relative to the root if it is below.
        file: String,
        /// The line, and what is wrong with it.
        why: String,
    },
    /// The folders of a large tree are being found. Emitted at the start only: after half a second,
    /// then less and less often, and at the end.
    Watching {
        /// How many folders are watched so far.
        folders: usize,
        /// Whether these are all.
        all: bool,
    },
    /// A folder or file cannot be watched or read.
    WatchFault {
        /// The folder or file.
        #[serde(with = "wire_format::path")]
        path: PathBuf,
        /// What failed.
        why: String,
    },
    /// A file was served while a process had it open for writing, after a wait. Emitted once until
    /// the file is closed.
    StillWritten {
        /// The file.
        #[serde(with = "wire_format::path")]
        path: PathBuf,
    },
    /// A source has a compile error or an import that cannot be resolved. Emitted once until the
    /// error changes.
    SourceFault(Fault),
    /// A page reported an error, or a message on its console.
    PageMessage {
        /// The page's URL path.
        page: String,
        /// The browser, and the address of another device; only if tabs of several are open.
        browser: Option<String>,
        /// The message.
        message: PageMessage,
    },
    /// Changes are held back, or published again.
    Paused {
        /// Whether they are held back.
        paused: bool,
    },
    /// A request was responded to. Emitted only with [`Events::set_requests`].
    Request {
        /// The method.
        method: String,
        /// The path and query.
        target: String,
        /// The status of the response.
        status: u16,
        /// The time from the request's head to the response's head.
        #[serde(rename = "ms", with = "wire_format::milliseconds")]
        took: Duration,
    },
    /// A place was opened in an editor.
    EditorOpened {
        /// The URL path of the file.
        path: String,
        /// The line, counted from 1.
        line: u32,
        /// The column, counted from 1.
        column: u32,
        /// The name of the program.
        editor: String,
    },
    /// A place was not opened in an editor.
    EditorFault {
        /// The URL path of the file.
        path: String,
        /// The reason.
        why: EditorError,
    },
    /// Events before this one were not kept for a subscriber that was too slow.
    Lost {
        /// How many.
        count: u64,
    },
    /// A connection could not be accepted or was refused.
    ConnectionFault {
        /// What failed.
        why: String,
    },
}

/// An event and when it happened. As JSON, one object:
/// `{"time":"2026-11-28T23:55:46.012Z","event":"tabs","open":2}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    /// When it happened.
    #[serde(with = "wire_format::utc")]
    pub time: SystemTime,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

impl Record {
    /// Returns the record of an event that happens now.
    pub fn now(event: Event) -> Self {
        Self { time: SystemTime::now(), event }
    }
}

/// The stream of a server's events. Clones share it.
#[derive(Clone, Debug)]
pub struct Events {
    sender: broadcast::Sender<Record>,
    requests: Arc<AtomicBool>,
}

impl Default for Events {
    fn default() -> Self {
        Self { sender: broadcast::channel(BACKLOG).0, requests: Arc::default() }
    }
}

impl Events {
    /// Sets whether an [`Event::Request`] is emitted for each request from now on. Off by default,
    /// because it costs each request two allocations.
    pub fn set_requests(&self, requests: bool) {
        self.requests.store(requests, Ordering::Relaxed);
    }

    /// Returns whether requests are emitted.
    pub(crate) fn requests(&self) -> bool {
        self.requests.load(Ordering::Relaxed)
    }

    /// Returns a receiver of all events from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Record> {
        self.sender.subscribe()
    }

    /// Emits an event. Without a subscriber it is dropped.
    pub(crate) fn emit(&self, event: Event) {
        // An error means that there is no subscriber.
        let _ = self.sender.send(Record::now(event));
    }
}

#[cfg(test)]
mod tests {
    use super::{Event, Record};

    /// Returns a record as JSON after it was read from JSON and written again.
    fn again(json: &str) -> String {
        let record: Record = serde_json::from_str(json).unwrap();
        serde_json::to_string(&record).unwrap()
    }

    #[test]
    fn records_are_read_as_they_were_written() {
        for event in [
            r#""event":"listening","url":"http://localhost:8080/","root":"/a","livers":"0.1.0""#,
            r#""event":"updated","version":18,"changes":[{"path":"/a.css","kind":"modified"}],"tabs":2"#,
            r#""event":"compiler-started","compiler":"sass 1.99.0","host":"node""#,
            r#""event":"applied","page":"/","version":18,"how":"hot","ms":12"#,
            r#""event":"applied","page":"/","version":18,"how":"reload","ms":12,"why":"a.js changed""#,
            r#""event":"compiling","path":"/a.ts","ended":true"#,
            r#""event":"tabs","open":2"#,
            r#""event":"backend-down","backend":"http://localhost:3000","why":"refused""#,
            r#""event":"refused","path":"/.env","reason":"dotfile""#,
            r#""event":"refused","path":"/","reason":{"unknown-host":"evil.example"}"#,
            r#""event":"missing","path":"/a.js","used_by":"/","meant":"/b/a.js""#,
            r#""event":"setting-unused","setting":"spa","why":"all-proxied""#,
            r#""event":"project-config","file":"vite.config.ts","notice":"changed""#,
            r#""event":"project-config","file":"vite.config.ts","notice":{"folder-not-served":{"setting":"publicDir","folder":"/x"}}"#,
            r#""event":"project-config","file":"vite.config.ts","notice":{"not-understood":{"setting":"base","line":3}}"#,
            r#""event":"watch-fault","path":"/a","why":"denied""#,
            r#""event":"source-fault","path":"/a.ts","file":"a.ts","line":1,"column":2,"message":"m","frame":"f""#,
            r#""event":"request","method":"GET","target":"/?x","status":200,"ms":1.5"#,
            r#""event":"editor-opened","path":"/a.ts","line":3,"column":5,"editor":"code""#,
            r#""event":"editor-fault","path":"/a.ts","why":"not-found""#,
            r#""event":"editor-fault","path":"/a.ts","why":{"exited":{"editor":"e","status":"1"}}"#,
            r#""event":"lost","count":7"#,
        ] {
            let json = format!(r#"{{"time":"2026-11-28T23:55:46.012Z",{event}}}"#);
            assert_eq!(again(&json), json);
        }
    }

    /// A name of a file need not be Unicode.
    #[cfg(unix)]
    #[test]
    fn every_path_has_a_json_form() {
        use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
        let path = OsStr::from_bytes(b"/a\xff").into();
        let json = serde_json::to_string(&Event::StillWritten { path }).unwrap();
        assert_eq!(json, "{\"event\":\"still-written\",\"path\":\"/a\u{fffd}\"}");
    }
}
