//! Records the events of a page from its opening on.
//!
//! The thread that reads from Chromium writes them. Tests wait for a state, not for an event, so
//! events before the wait count. Only the main frame and the requests of the page itself are
//! recorded. Workers and frames of other sites are separate targets and left out.

use std::sync::Mutex;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::support::lock;

/// The deadline of every wait for a page.
pub(super) const DEADLINE: Duration = Duration::from_secs(15);

/// A line of the console: a logged message, an uncaught exception, or a report of the browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsoleLine {
    /// `console`, `exception`, or the subject of the browser's report, such as `network`.
    pub source: String,
    /// `log`, `info`, `warning`, `error`, `debug` and so on.
    pub level: String,
    /// The arguments, joined by a space.
    pub text: String,
}

/// A request of a page. WebSocket handshakes are requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    id: String,
    pub method: String,
    pub url: String,
    /// `Document`, `Script`, `Fetch`, `WebSocket` and so on.
    pub kind: String,
    /// The status of the response, once it has arrived.
    pub status: Option<u16>,
    /// Whether the response came from the browser's cache.
    pub cached: bool,
    /// Why there is no response, such as `net::ERR_CONNECTION_REFUSED`.
    pub error: Option<String>,
}

/// A message on a WebSocket of a page or of a frame in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Identifies the socket.
    pub socket: String,
    /// Whether the page sent it.
    pub sent: bool,
    pub text: String,
}

/// A document that the main frame navigated to.
#[derive(Clone, Debug)]
pub(super) struct Navigation {
    pub(super) loader: String,
    pub(super) url: String,
    pub(super) loaded: bool,
}

/// The recorded state of a page.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) main_frame: String,
    /// Whether the initial blank page has loaded.
    pub(super) open: bool,
    pub(super) navigations: Vec<Navigation>,
    /// The number of navigations that a test has waited for.
    pub(super) awaited: usize,
    /// The number of URL changes within a document.
    pub(super) moves: usize,
    pub(super) console: Vec<ConsoleLine>,
    pub(super) requests: Vec<Request>,
    pub(super) frames: Vec<Frame>,
    /// The URLs and IDs of style sheets. A page reports them after `CSS.enable`.
    pub(super) style_sheets: Vec<(String, String)>,
    pub(super) ended: Option<&'static str>,
}

/// The events of a page.
pub(super) struct Events {
    seen: Mutex<Seen>,
    changed: watch::Sender<()>,
}

impl Events {
    pub(super) fn new(main_frame: &str) -> Self {
        let seen = Seen { main_frame: main_frame.to_owned(), ..Seen::default() };
        Self { seen: Mutex::new(seen), changed: watch::Sender::new(()) }
    }

    /// Reads or changes the state.
    pub(super) fn look<T>(&self, look: impl FnOnce(&mut Seen) -> T) -> T {
        look(&mut lock(&self.seen))
    }

    /// Returns a receiver that is notified of each event.
    pub(super) fn subscribe(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Waits until `find` returns a value.
    ///
    /// # Panics
    /// After [`DEADLINE`], or if the page ends, with `what` was waited for.
    pub(super) async fn until<T>(
        &self,
        what: &str,
        mut find: impl FnMut(&mut Seen) -> Option<T>,
    ) -> T {
        let mut changed = self.subscribe();
        let deadline = Instant::now() + DEADLINE;
        loop {
            let ended = {
                let mut seen = lock(&self.seen);
                if let Some(found) = find(&mut seen) {
                    return found;
                }
                seen.ended
            };
            if let Some(why) = ended {
                panic!("{why} while waiting for {what}; {}", self.summary());
            }
            let woken = tokio::time::timeout_at(deadline, changed.changed()).await.is_ok();
            assert!(woken, "waited {} s for {what}; {}", DEADLINE.as_secs(), self.summary());
        }
    }

    /// Describes the page for a failing test.
    pub(super) fn summary(&self) -> String {
        let seen = lock(&self.seen);
        let mut text = "the page's navigations:".to_owned();
        for navigation in &seen.navigations {
            let loaded = if navigation.loaded { "" } else { " (not loaded)" };
            text = format!("{text}\n  {}{loaded}", navigation.url);
        }
        text += "\nits console:";
        for line in &seen.console {
            text = format!("{text}\n  {} {}: {}", line.source, line.level, line.text);
        }
        text
    }

    pub(super) fn end(&self, why: &'static str) {
        self.look(|seen| seen.ended = Some(why));
        self.changed.send_replace(());
    }

    pub(super) fn take(&self, method: &str, params: &Value) {
        self.look(|seen| seen.take(method, params));
        self.changed.send_replace(());
    }
}

impl Seen {
    fn take(&mut self, method: &str, params: &Value) {
        match method {
            "Page.frameNavigated" if self.open && params["frame"]["parentId"].is_null() => {
                let frame = &params["frame"];
                let url = frame["unreachableUrl"].as_str().or(frame["url"].as_str());
                self.navigations.push(Navigation {
                    loader: text(&frame["loaderId"]),
                    url: url.unwrap_or_default().to_owned(),
                    // A page from the back-forward cache is loaded.
                    loaded: params["type"] == "BackForwardCacheRestore",
                });
            }
            "Page.lifecycleEvent"
                if params["name"] == "load" && params["frameId"] == *self.main_frame =>
            {
                let loader = &params["loaderId"];
                match self.navigations.iter_mut().rev().find(|n| *loader == *n.loader) {
                    Some(navigation) => navigation.loaded = true,
                    None => self.open = true,
                }
            }
            "Page.navigatedWithinDocument" if params["frameId"] == *self.main_frame => {
                self.moves += 1;
            }
            "Network.webSocketFrameSent" | "Network.webSocketFrameReceived" => {
                self.frames.push(Frame {
                    socket: text(&params["requestId"]),
                    sent: method.ends_with("Sent"),
                    text: text(&params["response"]["payloadData"]),
                });
            }
            "CSS.styleSheetAdded" => {
                let header = &params["header"];
                let sheet = (text(&header["sourceURL"]), text(&header["styleSheetId"]));
                self.style_sheets.push(sheet);
            }
            "Runtime.consoleAPICalled" => {
                let arguments = params["args"].as_array().into_iter().flatten().map(argument);
                let text = arguments.collect::<Vec<_>>().join(" ");
                self.print("console", &params["type"], text);
            }
            "Runtime.exceptionThrown" => {
                let thrown = exception(&params["exceptionDetails"]);
                self.print("exception", &Value::from("error"), thrown);
            }
            "Log.entryAdded" => {
                let entry = &params["entry"];
                let url = entry["url"].as_str().map(|url| format!(" ({url})")).unwrap_or_default();
                let source = text(&entry["source"]);
                self.print(&source, &entry["level"], text(&entry["text"]) + &url);
            }
            "Inspector.targetCrashed" => self.ended = Some("the page crashed"),
            _ => self.take_network(method, params),
        }
    }

    fn take_network(&mut self, method: &str, params: &Value) {
        let id = text(&params["requestId"]);
        let request = self.requests.iter_mut().rev().find(|request| request.id == id);
        match (method, request) {
            ("Network.requestWillBeSent", before) => {
                // A redirect has the same ID: it is the response to the request before.
                if let (Some(before), Some(status)) =
                    (before, params["redirectResponse"]["status"].as_u64())
                {
                    before.status = u16::try_from(status).ok();
                }
                let (request, kind) = (&params["request"], text(&params["type"]));
                self.request(id, text(&request["method"]), text(&request["url"]), kind);
            }
            ("Network.webSocketCreated", _) => {
                self.request(id, "GET".into(), text(&params["url"]), "WebSocket".into());
            }
            (
                "Network.responseReceived" | "Network.webSocketHandshakeResponseReceived",
                Some(request),
            ) => {
                let response = &params["response"];
                request.status = response["status"].as_u64().and_then(|s| u16::try_from(s).ok());
                request.cached |= response["fromDiskCache"] == true;
            }
            ("Network.requestServedFromCache", Some(request)) => request.cached = true,
            ("Network.loadingFailed", Some(request)) => {
                request.error = Some(text(&params["errorText"]));
            }
            ("Network.webSocketFrameError", Some(request)) => {
                request.error = Some(text(&params["errorMessage"]));
            }
            _ => {}
        }
    }

    fn print(&mut self, source: &str, level: &Value, text: String) {
        self.console.push(ConsoleLine {
            source: source.to_owned(),
            level: level.as_str().unwrap_or_default().to_owned(),
            text,
        });
    }

    fn request(&mut self, id: String, method: String, url: String, kind: String) {
        let (status, cached, error) = (None, false, None);
        self.requests.push(Request { id, method, url, kind, status, cached, error });
    }
}

/// Formats an exception, with its stack if it has one.
pub(super) fn exception(details: &Value) -> String {
    let thrown = &details["exception"];
    match thrown["description"].as_str() {
        Some(description) => description.to_owned(),
        None if thrown["value"].is_null() => text(&details["text"]),
        None => format!("{} {}", text(&details["text"]), argument(thrown)),
    }
}

fn argument(argument: &Value) -> String {
    match (&argument["value"], argument["description"].as_str()) {
        (Value::String(text), _) => text.clone(),
        (Value::Null, Some(description)) => description.to_owned(),
        (Value::Null, None) if argument["type"] == "undefined" => "undefined".into(),
        (value, _) => value.to_string(),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
