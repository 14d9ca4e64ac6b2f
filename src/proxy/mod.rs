//! Requests that a backend answers.
//!
//! [`Proxy::forward`] cannot fail: whatever a backend does becomes an answer for the one browser
//! that asked, and an event; no other request notices. In order: the target is made
//! ([`route`]), the header fields are made the backend's ([`headers`]), a connection is opened
//! ([`forward`]), its success or failure is remembered ([`health`]), the answer's fields are made
//! the browser's, and then either its body streams ([`bodies`]) or the two sockets are joined
//! ([`upgrade`]). Where there is no answer, [`mod@unreachable`] writes one.
//!
//! This room never changes a body, and knows nothing of files or of the live client: who asks says
//! with `injectable` that the answer is a page to be changed.

mod bodies;
mod forward;
mod headers;
mod health;
mod hop;
mod route;
#[cfg(test)]
mod tests;
mod unreachable;
mod upgrade;
mod upstream;

use std::{net::IpAddr, sync::Arc};

use bytes::Bytes;
use hyper::{
    Request, StatusCode, Version,
    body::{Body as HttpBody, Incoming},
    header::{CONTENT_LENGTH, EXPECT, HeaderValue, TRANSFER_ENCODING},
    upgrade::OnUpgrade,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use self::route::{Route, RouteError};
use self::{
    bodies::{Download, Fault, Upload},
    headers::Onward,
    health::Health,
    unreachable::Trouble,
    upgrade::Ended,
};
use crate::{
    change::ChangeSet,
    event::{Event, Events},
    respond::body::{BodyError, Response, empty, stream},
};

/// All routes and what is known of their backends.
pub(crate) struct Proxy {
    routes: Vec<Route>,
    health: Health,
    events: Events,
    tasks: TaskTracker,
    cancel: CancellationToken,
}

/// Who asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Client {
    /// Where the connection comes from.
    pub(crate) address: IpAddr,
    /// Whether it is encrypted.
    pub(crate) https: bool,
}

/// The parts of a request that are still needed when it is on its way.
struct Asked<'r> {
    route: &'r Route,
    path: String,
    injectable: bool,
}

impl Proxy {
    /// `tasks` tracks all that outlives a request, `cancel` ends it. `recovered` is told of the
    /// pages that said that a backend is down, when it is up again.
    pub(crate) fn new(
        routes: Vec<Route>,
        events: Events,
        tasks: TaskTracker,
        cancel: CancellationToken,
        recovered: Arc<dyn Fn(ChangeSet) + Send + Sync>,
    ) -> Self {
        let health = Health::new(events.clone(), tasks.clone(), cancel.clone(), recovered);
        Self { routes, health, events, tasks, cancel }
    }

    /// The route of a raw path.
    pub(crate) fn route(&self, path: &str) -> Option<&Route> {
        route::best(&self.routes, path)
    }

    /// Has the route's backend answer the request.
    ///
    /// `injectable` says that it is a navigation, whose answer the caller will change. The letter
    /// case of field names passes where the server that took the request preserves it: a WebSocket
    /// server written by hand may look for `Sec-WebSocket-Key` and nothing else.
    pub(crate) async fn forward<B>(
        &self,
        route: &Route,
        mut request: Request<B>,
        from: Client,
        injectable: bool,
    ) -> Response
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BodyError>,
    {
        let asked = Asked { route, path: request.uri().path().to_owned(), injectable };
        // Taken off in any case: an upgrade that is not passed on must not go to the client's side
        // of hyper.
        let browser = hyper::upgrade::on(&mut request);
        // The opening of a WebSocket has no body (RFC 6455 section 4.1): with one it is a GET.
        let opens = request.body().is_end_stream()
            && hop::opens_websocket(request.method(), request.version(), request.headers());
        let onward = match (opens, injectable) {
            (true, _) => Onward::Upgrade,
            (false, true) => Onward::Injectable,
            (false, false) => Onward::Plain,
        };
        let answered = match self.outgoing(route, request, from, onward) {
            Ok(request) => self.exchange(&asked, request, opens.then_some(browser)).await,
            Err(trouble) => Err(trouble),
        };
        answered.unwrap_or_else(|trouble| self.instead(&asked, &trouble))
    }

    /// Makes the browser's request the backend's.
    fn outgoing<B>(
        &self,
        route: &Route,
        request: Request<B>,
        from: Client,
        onward: Onward,
    ) -> Result<Request<Upload>, Trouble>
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BodyError>,
    {
        let (mut parts, body) = request.into_parts();
        let target = route.target(&parts.uri);
        headers::request(&mut parts, &route.upstream().authority(), &from, onward);
        // hyper takes a GET without a length for one without a body.
        let unmeasured = !body.is_end_stream() && body.size_hint().exact().is_none();
        if unmeasured && !parts.headers.contains_key(CONTENT_LENGTH) {
            parts.headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
        let lingers = !parts.headers.contains_key(EXPECT);
        let body = Upload::new(stream(body), self.tasks.clone(), self.cancel.clone(), lingers);
        parts.uri = target
            .map_err(|_| Trouble::Request(StatusCode::URI_TOO_LONG, "its path is too long"))?;
        parts.version = Version::HTTP_11;
        Ok(Request::from_parts(parts, body))
    }

    /// Asks the backend. `browser` is there when a WebSocket is asked for.
    async fn exchange(
        &self,
        asked: &Asked<'_>,
        request: Request<Upload>,
        browser: Option<OnUpgrade>,
    ) -> Result<Response, Trouble> {
        let upstream = asked.route.upstream();
        let dialled = self.cancel.run_until_cancelled(forward::dial(upstream)).await;
        let socket = dialled.ok_or(Trouble::Stopping)?.map_err(Trouble::Unreachable)?;
        self.health.answered(upstream);
        let mut response = forward::exchange(socket, request, &self.tasks, &self.cancel).await?;
        *response.version_mut() = Version::HTTP_11;
        let agrees = hop::agrees_to_websocket(response.headers());
        headers::response(response.status(), response.headers_mut());
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Ok(self.relayed(asked, response));
        }
        match browser {
            Some(browser) if agrees => Ok(self.joined(asked, response, browser)),
            Some(_) => Err(Trouble::Broken("it switched to another protocol than asked".into())),
            None => Err(Trouble::Broken("it switched protocols without being asked".into())),
        }
    }

    /// The backend's answer, with its body as it comes.
    fn relayed(&self, asked: &Asked<'_>, response: hyper::Response<Incoming>) -> Response {
        let fault = Fault {
            events: self.events.clone(),
            cancel: self.cancel.clone(),
            backend: asked.route.upstream().to_string(),
            path: asked.path.clone(),
        };
        response.map(|body| stream(Download::new(body, fault)))
    }

    /// The backend's 101, behind which the two sockets are joined.
    fn joined(
        &self,
        asked: &Asked<'_>,
        mut response: hyper::Response<Incoming>,
        browser: OnUpgrade,
    ) -> Response {
        let backend = hyper::upgrade::on(&mut response);
        let (events, cancel) = (self.events.clone(), self.cancel.clone());
        let (name, path) = (asked.route.upstream().to_string(), asked.path.clone());
        self.tasks.spawn(async move {
            let ended = cancel.run_until_cancelled(upgrade::tunnel(browser, backend)).await;
            if let Some(Ended::BackendBroke(error)) = ended {
                let why = format!("its WebSocket broke off: {}", forward::in_words(&error));
                events.emit(Event::BackendFault { backend: name, path, why });
            }
        });
        response.map(|_| empty())
    }

    /// The answer where there is none, and what is to be told of it.
    fn instead(&self, asked: &Asked<'_>, trouble: &Trouble) -> Response {
        let upstream = asked.route.upstream();
        let backend = upstream.to_string();
        match trouble {
            Trouble::Unreachable(why) => {
                self.health.failed(upstream, why, asked.injectable.then_some(&asked.path));
            }
            Trouble::Broken(why) => self.events.emit(Event::BackendFault {
                backend: backend.clone(),
                path: asked.path.clone(),
                why: why.clone(),
            }),
            Trouble::Request(..) | Trouble::Stopping => {}
        }
        unreachable::answer(&backend, trouble, asked.injectable)
    }
}
