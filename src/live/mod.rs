//! The live-reload core: it instruments pages, tracks which page uses which file, and notifies open
//! tabs of changes.
//!
//! [`Live`] stands on its own. It knows neither the disk nor a file watcher nor a server, only
//! requests, responses and [change sets](ChangeSet), so anything that answers HTTP requests can be
//! put behind it:
//!
//! 1. [`on_request`](Live::on_request) records which file uses the requested one, and returns a
//!    [`Ticket`] with the stamp that the response gets if it is a page.
//! 2. [`on_response`](Live::on_response) adds the script element to a response that becomes a page,
//!    and amends Content Security Policies that would block it.
//! 3. [`publish`](Live::publish) notifies the tabs that a set of changes affects.
//!
//! A server of files that caches complete pages skips `on_response`: it computes a
//! [`Placement`](inject::placement::Placement) once per page, gets the element from
//! [`element`](Live::element), and joins them without copying the page.
//!
//! [`inject`] knows HTML; [`reload`] knows tabs, versions and the graph of which file uses which.
//! What the core needs from outside are two traits, [`ChangeSource`] and [`PageErrors`].

mod change_source;
mod element;
pub(crate) mod inject;
pub(crate) mod page_errors;
mod policies;
pub(crate) mod referrer;
pub(crate) mod reload;
mod request;
mod response;
mod seen;
mod stamp;

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use hyper::{
    Method, Request,
    header::{HeaderMap, REFERER},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub(crate) use self::{
    change_source::ChangeSource,
    element::PageSource,
    page_errors::{Described, PageError, PageErrors, RawMessage},
    request::{RequestHead, Ticket},
    stamp::Stamp,
};
use self::{
    element::ScriptElement,
    inject::{csp::Needs, meta::Amend, sources::Sources},
    policies::PolicyAmender,
    reload::{
        hub::{Hub, User},
        session::Context,
        tab_record::ClientInfo,
    },
    request::PageRequest,
    response::Instrumenter,
    seen::Seen,
};
use crate::{
    change::ChangeSet,
    event::Events,
    http::{
        body::{BodyError, Response},
        user_agent::browser,
    },
};

/// What a [`Live`] is made from.
pub(crate) struct Options {
    /// The tabs and the version.
    pub(crate) hub: Arc<Hub>,
    pub(crate) changes: Arc<dyn ChangeSource>,
    /// Takes in the errors that pages report.
    pub(crate) page_errors: Option<Arc<dyn PageErrors>>,
    /// Whether pages hear their errors from the first script on.
    pub(crate) hears_errors: bool,
    /// Whether page sources are kept, so that an open page can be patched instead of reloaded.
    pub(crate) morph: bool,
    pub(crate) events: Events,
    /// Counts the tasks of sockets and event streams.
    pub(crate) tasks: TaskTracker,
    /// Ends them.
    pub(crate) cancel: CancellationToken,
}

/// The live-reload core.
pub(crate) struct Live {
    instrumenter: Instrumenter,
    sources: Option<Mutex<Sources>>,
    seen: Seen,
    context: Arc<Context>,
}

impl Live {
    pub(crate) fn new(options: Options) -> Arc<Self> {
        let Options { hub, changes, page_errors, hears_errors, morph, events, tasks, cancel } =
            options;
        let element = ScriptElement::new(hub.boot(), hears_errors);
        let policies = PolicyAmender::new(element.nonce(), events.clone());
        Arc::new(Self {
            instrumenter: Instrumenter { element, policies, events: events.clone() },
            sources: morph.then(Mutex::default),
            seen: Seen::default(),
            context: Arc::new(Context { hub, changes, page_errors, events, tasks, cancel }),
        })
    }

    /// Takes in a request before it is answered.
    ///
    /// Waits for the end of a burst of changes if the request is for a page, so that the page is
    /// loaded once and its stamp covers the whole burst.
    pub(crate) async fn on_request(&self, head: RequestHead<'_>) -> Ticket {
        let page = inject::is_page_request(head.method, head.headers);
        if let Some(settled) = self.context.changes.until_settled()
            && (page || is_own_referrer(&head))
        {
            settled.await;
        }
        let stamp = self.stamp();
        // A link is no part of its page, and a document in a frame reports itself. A page that swaps
        // a file has reported it. If that page is replaced meanwhile, the request arrives when the
        // next document at the same path is open, which may not use the file.
        if !page && !head.is_swap() {
            self.observe_request(&head);
        }
        let page = page.then(|| PageRequest {
            host: head.host.to_owned(),
            path: head.path.to_owned(),
            navigation: inject::is_navigation(head.headers),
            has_body: head.method != Method::HEAD,
        });
        Ticket { stamp, page }
    }

    /// Adds the element to a response that becomes a page, and waits for its first bytes; returns
    /// any other response unchanged, except for `Vary`.
    ///
    /// `origin` names the server that the response came from, in events.
    ///
    /// # Errors
    /// The page's body failed before its first bytes, so that another response can still be sent:
    /// it was interrupted, or is not encoded as its `Content-Encoding` says. An event has reported
    /// it.
    pub(crate) async fn on_response(
        &self,
        ticket: &Ticket,
        response: Response,
        origin: &str,
    ) -> Result<Response, BodyError> {
        self.instrumenter.instrument(ticket, response, origin).await
    }

    /// Notifies the tabs that a set of changes affects. Returns the new version, and how many tabs
    /// were notified.
    ///
    /// A watcher that has to exist before the core, because the core asks it for changes, publishes
    /// to the [`Hub`] directly.
    #[cfg_attr(not(test), allow(dead_code))]
    pub(crate) fn publish(&self, changes: &ChangeSet) -> (u64, usize) {
        self.context.hub.publish(changes)
    }

    /// The tabs.
    pub(crate) fn hub(&self) -> &Hub {
        &self.context.hub
    }

    /// Returns the stamp of a page that is read from now on.
    pub(crate) fn stamp(&self) -> Stamp {
        self.context.hub.stamp()
    }

    /// Returns the script element for a page with a stamp.
    ///
    /// About 150 bytes, built from ready parts: cheaper than a look-up in a shared cache.
    pub(crate) fn element(&self, stamp: Stamp, source: PageSource) -> Bytes {
        self.instrumenter.element.render(stamp, source)
    }

    #[cfg_attr(not(feature = "esm"), allow(dead_code))]
    /// The nonce that injected elements carry, the same for the whole run.
    pub(crate) fn nonce(&self) -> &str {
        self.instrumenter.element.nonce()
    }

    /// Keeps the source of a UTF-8 page under its content hash, so that the open page can ask for
    /// it when the file changes, and compare. Returns what to put into the page's element.
    pub(crate) fn keep(&self, hash: u128, source: &Bytes) -> PageSource {
        let kept = self.sources().is_some_and(|mut sources| sources.keep(hash, source));
        if kept { PageSource::Kept(hash) } else { PageSource::None }
    }

    /// Returns a kept source by its name, 32 hexadecimal digits.
    pub(crate) fn source(&self, name: &str) -> Option<Bytes> {
        self.sources()?.find(name)
    }

    fn sources(&self) -> Option<MutexGuard<'_, Sources>> {
        let sources = self.sources.as_ref()?;
        Some(sources.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Records which file uses the requested one, as far as the request's headers tell.
    ///
    /// Costs a hash and an atomic load when the same request was seen since the graph last changed,
    /// and never waits for a notification under way.
    pub(crate) fn observe_request(&self, head: &RequestHead<'_>) {
        self.seen.unless_seen(self.context.hub.epoch(), referrer::fingerprint(head), || {
            if let Some((user, path)) = referrer::user(head) {
                self.context.hub.observe(&user, &path);
            }
        });
    }

    /// Records that a path uses another one, with the same cost as
    /// [`observe_request`](Self::observe_request).
    pub(crate) fn observe(&self, user: &str, used: &str) {
        self.seen.unless_seen(self.context.hub.epoch(), (user, used), || {
            self.context.hub.observe(&User::Path(user.to_owned()), used);
        });
    }

    /// Records that a path was answered with the listing of its directory.
    pub(crate) fn observe_listing(&self, path: &str) {
        self.context.hub.observe_listing(path);
    }

    /// Returns what the element needs of the Content Security Policies of a page.
    ///
    /// `inline` is whether an inline script is injected beside the element.
    pub(crate) fn needs(&self, host: &str, path: &str, inline: bool) -> Needs {
        self.instrumenter.policies.needs(host, path, inline)
    }

    /// Amends the policies in a response's headers.
    pub(crate) fn amend_head(&self, needs: &Needs, headers: &mut HeaderMap) {
        self.instrumenter.policies.amend_head(needs, headers);
    }

    /// Returns what amends the policies that a document contains.
    pub(crate) fn amender(&self, needs: Needs) -> Amend {
        self.instrumenter.policies.amender(needs)
    }

    /// Answers a request for the reload WebSocket. `device` is the address of another device.
    pub(crate) fn socket<B>(&self, request: Request<B>, device: Option<IpAddr>) -> Response {
        let client = client(request.headers(), device, true);
        reload::session::accept(Arc::clone(&self.context), request, client)
    }

    /// Answers a request for the event stream. `device` is the address of another device.
    pub(crate) fn event_stream<B>(&self, request: &Request<B>, device: Option<IpAddr>) -> Response {
        let client = client(request.headers(), device, false);
        reload::events::accept(Arc::clone(&self.context), request, client)
    }
}

fn client(headers: &HeaderMap, address: Option<IpAddr>, reports: bool) -> ClientInfo {
    ClientInfo { browser: browser(headers), address, reports }
}

/// Returns whether a page requests itself from a script.
fn is_own_referrer(head: &RequestHead<'_>) -> bool {
    let referer = head.headers.get(REFERER).and_then(|value| value.to_str().ok());
    referer.is_some_and(|referer| referer.contains(head.path))
        && referrer::referrer(head.headers, head.host).is_some_and(|page| page == head.path)
}

#[cfg(test)]
mod tests;
