//! What the server has to say, as plain data.
//!
//! The library never prints: it emits [`Event`]s, and whoever subscribed (the terminal, a test, a
//! dashboard) reads them at its own pace. A subscriber that is too slow loses the oldest events and
//! is told how many; it never holds the server up.

use std::{path::PathBuf, time::Duration};

use tokio::sync::broadcast;

use crate::{change::Change, fault::Fault, refusal::Refusal};

/// How many events a subscriber may be behind before it loses the oldest.
const BACKLOG: usize = 1024;

/// Something that happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// Files changed, and so many tabs were told.
    Updated {
        /// The version that they led to.
        version: u64,
        /// The files.
        changes: Vec<Change>,
        /// How many tabs use one of them.
        tabs: usize,
    },
    /// A tab said that it has taken over a change.
    Applied {
        /// The page's URL path.
        page: String,
        /// The version of the change.
        version: u64,
        /// What the page did: `css`, `image`, `morph`, `reload`, several joined by a `+`, or `none`.
        how: String,
        /// How long that took in the page, from the message's arrival on.
        took: Duration,
        /// Why it had to reload, in the page's words.
        why: Option<String>,
    },
    /// A tab opened its reload socket or event stream, or closed it.
    Tabs {
        /// How many are open now.
        open: usize,
    },
    /// A backend could not be reached, or failed. Emitted once until it answers again.
    BackendDown {
        /// The backend, as the URL of the route.
        backend: String,
        /// What failed, in words.
        why: String,
    },
    /// A backend that was down answers again.
    BackendUp {
        /// The backend, as the URL of the route.
        backend: String,
    },
    /// A backend answered one request with something that is not HTTP, or broke off its answer.
    BackendFault {
        /// The backend, as the URL of the route.
        backend: String,
        /// The request's path.
        path: String,
        /// What failed, in words.
        why: String,
    },
    /// A request was refused with 403.
    Refused {
        /// The request's path.
        path: String,
        /// The reason.
        reason: Refusal,
    },
    /// A page's Content Security Policy was amended, so that the page may be live. Emitted once.
    PolicyAmended {
        /// The page's path.
        path: String,
    },
    /// A line of `_headers` or `_redirects` cannot be meant, and is passed over. Emitted once until the
    /// file changes.
    RuleFault {
        /// The file's name.
        file: String,
        /// Which line, and what is wrong with it.
        why: String,
    },
    /// A folder or file cannot be watched or read.
    WatchFault {
        /// The folder or file.
        path: PathBuf,
        /// What failed, in words.
        why: String,
    },
    /// A file was asked for and served although somebody was still writing it, after having been waited
    /// for. Emitted once until its writer is done.
    StillWritten {
        /// The file.
        path: PathBuf,
    },
    /// A source cannot be compiled, or imports what is not there. Emitted once until that changes.
    SourceFault(Fault),
    /// A request was answered. Emitted only where [`Events::with_requests`] was asked for.
    Request {
        /// The method.
        method: String,
        /// The path and query.
        target: String,
        /// The status of the answer.
        status: u16,
        /// From the request's head to the answer's.
        took: Duration,
    },
    /// A connection ended with an error.
    ConnectionFault {
        /// What failed, in words.
        why: String,
    },
}

/// Where events are emitted, and subscribed to. Clones share one stream.
#[derive(Clone, Debug)]
pub struct Events {
    sender: broadcast::Sender<Event>,
    requests: bool,
}

impl Default for Events {
    fn default() -> Self {
        Self { sender: broadcast::channel(BACKLOG).0, requests: false }
    }
}

impl Events {
    /// Emits an [`Event::Request`] for each request too, which costs each request a little.
    #[must_use]
    pub fn with_requests(mut self, requests: bool) -> Self {
        self.requests = requests;
        self
    }

    /// Whether requests are emitted.
    pub(crate) fn requests(&self) -> bool {
        self.requests
    }

    /// A stream of all events from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.sender.subscribe()
    }

    /// Emits an event; without a subscriber it is dropped.
    pub(crate) fn emit(&self, event: Event) {
        // An error means that nobody is subscribed.
        let _ = self.sender.send(event);
    }
}
