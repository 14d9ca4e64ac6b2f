//! Requests that a backend answers.
//!
//! [`Proxy::forward`] cannot fail: whatever a backend does becomes an answer for the one browser
//! that asked, and an event; no other request notices. In order: the target is made
//! ([`route`]), the header fields are made the backend's ([`headers`]), a connection is opened
//! ([`dial`], [`mod@tls`]) or one that is idle taken ([`pool`]), its success or failure is remembered
//! ([`health`], [`listener`]), the request is sent and the answer's head awaited ([`forward`]; [`expect`],
//! [`patience`]), the answer's fields are made the browser's ([`headers`], [`rewrite`]), and then
//! either its body streams ([`bodies`]) or the two sockets are joined ([`upgrade`]). Where there is
//! no answer, [`mod@unreachable`] writes one.
//!
//! This room never changes a body, and knows nothing of files or of the live client: who asks says
//! with `injectable` that the answer is a page to be changed.

mod bodies;
mod dial;
mod expect;
mod forward;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod headers;
mod health;
mod hop;
mod listener;
mod patience;
mod pool;
mod rewrite;
mod route;
#[cfg(test)]
mod tests;
#[cfg_attr(not(feature = "tls"), path = "no_tls.rs")]
mod tls;
mod unreachable;
mod upgrade;
mod upstream;

use std::{net::IpAddr, time::Duration};

use bytes::Bytes;
use hyper::{
    HeaderMap, Request, StatusCode, Version,
    body::Body as HttpBody,
    header::{CONTENT_LENGTH, EXPECT, HOST, HeaderValue, TRANSFER_ENCODING},
    upgrade::OnUpgrade,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub(crate) use self::health::Pages;
pub use self::route::Route;
use self::{
    bodies::{Download, Fault, Upload},
    forward::{Answered, Manner, Transport},
    headers::{Backend, Onward},
    health::Health,
    pool::Pool,
    rewrite::Way,
    tls::Tls,
    unreachable::Trouble,
    upgrade::Ended,
};
use crate::{
    event::{Event, Events},
    http::informational::InformationalWriter,
    http::{
        body::{BodyError, Response, empty, stream},
        field::has_token,
    },
};

/// What is asked of the proxy.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    pub(crate) routes: Vec<Route>,
    /// How long a request waits for a backend that is down.
    pub(crate) wait: Duration,
    /// How long a page may take to begin, if not as long as by default; zero is for ever.
    pub(crate) timeout: Option<Duration>,
    /// Whether backends see their own host, and their own origin for pages of ours.
    pub(crate) change_origin: bool,
    /// Whether any certificate of a backend will do.
    pub(crate) insecure: bool,
}

/// All routes and what is known of their backends.
pub(crate) struct Proxy {
    options: Options,
    transport: Transport,
    events: Events,
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
    /// The host and port by which the browser knows livers.
    host: String,
    injectable: bool,
}

impl Proxy {
    /// `tasks` tracks all that outlives a request, `cancel` ends it. `pages` are told of the pages that
    /// can be loaded again.
    pub(crate) fn new(
        options: Options,
        events: Events,
        tasks: TaskTracker,
        cancel: CancellationToken,
        pages: Pages,
    ) -> Self {
        let tls = Tls::new(options.insecure);
        let (routes, told) = (options.routes.clone().into(), events.clone());
        let health = Health::new(routes, told, tls.clone(), pages, tasks.clone(), cancel.clone());
        let transport = Transport { pool: Pool::default(), tls, health, tasks, cancel };
        Self { options, transport, events }
    }

    /// The route of a raw path.
    pub(crate) fn route(&self, path: &str) -> Option<&Route> {
        route::best(&self.options.routes, path)
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
        // Taken off in any case: an upgrade that is not passed on must not go to the client's side
        // of hyper.
        let browser = hyper::upgrade::on(&mut request);
        let asked = Asked {
            route,
            path: request.uri().path().to_owned(),
            host: host(&request),
            injectable,
        };
        // The opening of a WebSocket has no body (RFC 6455 section 4.1): with one it is a GET.
        let opens = request.body().is_end_stream()
            && hop::opens_websocket(request.method(), request.version(), request.headers());
        let onward = match (opens, injectable) {
            (true, _) => Onward::Upgrade,
            (false, true) => Onward::Injectable,
            (false, false) => Onward::Plain,
        };
        let answered = match self.outgoing(route, request, from, onward) {
            Ok((request, manner)) => {
                self.exchange(&asked, request, &manner, opens.then_some(browser)).await
            }
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
    ) -> Result<(Request<Upload>, Manner), Trouble>
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BodyError>,
    {
        let (mut parts, body) = request.into_parts();
        let (target, upstream) = (route.target(&parts.uri), route.upstream());
        if hop::goes_round(&parts.headers) {
            let why = "it goes round: a route leads back to livers itself";
            return Err(Trouble::Request(StatusCode::LOOP_DETECTED, why));
        }
        let limit = patience::of(&parts.headers, self.options.timeout);
        let line = parts
            .extensions
            .remove::<InformationalWriter>()
            .filter(|_| parts.version == Version::HTTP_11);
        let (authority, origin) = (upstream.authority(), upstream.origin());
        // Who is reached by TLS is often one of many names at its address.
        let changes = self.options.change_origin || upstream.tls();
        let backend = Backend { authority: &authority, origin: changes.then_some(&origin) };
        headers::request(&mut parts, backend, &from, onward);
        // hyper takes a GET without a length for one without a body.
        let unmeasured = !body.is_end_stream() && body.size_hint().exact().is_none();
        if unmeasured && !parts.headers.contains_key(CONTENT_LENGTH) {
            parts.headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
        let waits = !body.is_end_stream() && has_token(&parts.headers, &EXPECT, "100-continue");
        let (word, gate) = waits.then(expect::gate).unzip();
        let Transport { tasks, cancel, .. } = &self.transport;
        let body = Upload::new(stream(body), tasks.clone(), cancel.clone(), gate);
        parts.uri = target
            .map_err(|_| Trouble::Request(StatusCode::URI_TOO_LONG, "its path is too long"))?;
        parts.version = Version::HTTP_11;
        let upgrades = onward == Onward::Upgrade;
        let manner = Manner { upgrades, limit, wait: self.options.wait, line, word };
        Ok((Request::from_parts(parts, body), manner))
    }

    /// Asks the backend. `browser` is there when a WebSocket is asked for.
    async fn exchange(
        &self,
        asked: &Asked<'_>,
        request: Request<Upload>,
        manner: &Manner,
        browser: Option<OnUpgrade>,
    ) -> Result<Response, Trouble> {
        let mut answered = self.transport.exchange(asked.route.upstream(), request, manner).await?;
        let response = &mut answered.response;
        *response.version_mut() = Version::HTTP_11;
        let agrees = hop::agrees_to_websocket(response.headers());
        let status = response.status();
        if hop::is_recoded(response.headers()) {
            return Err(Trouble::Broken(
                "its transfer coding is none that it was asked for".into(),
            ));
        }
        self.incoming(asked, status, response.headers_mut());
        if status != StatusCode::SWITCHING_PROTOCOLS {
            return Ok(self.relayed(asked, answered));
        }
        match browser {
            Some(browser) if agrees => Ok(self.joined(asked, answered, browser)),
            Some(_) => Err(Trouble::Broken("it switched to another protocol than asked".into())),
            None => Err(Trouble::Broken("it switched protocols without being asked".into())),
        }
    }

    /// The answer instead of a page that cannot be read.
    pub(crate) fn unreadable(
        &self,
        route: &Route,
        path: &str,
        why: &dyn std::error::Error,
    ) -> Response {
        let asked = Asked { route, path: path.to_owned(), host: String::new(), injectable: true };
        self.instead(&asked, &Trouble::Broken(why.to_string()))
    }

    /// Makes the backend's fields the browser's.
    fn incoming(&self, asked: &Asked<'_>, status: StatusCode, headers: &mut HeaderMap) {
        headers::response(status, headers);
        let way = Way { routes: &self.options.routes, route: asked.route, host: &asked.host };
        rewrite::response(headers, way);
    }

    /// The backend's answer, with its body as it comes.
    fn relayed(&self, asked: &Asked<'_>, answered: Answered) -> Response {
        if asked.injectable {
            self.transport.health.attend(asked.route.upstream());
        }
        let fault = Fault {
            health: self.transport.health.clone(),
            upstream: asked.route.upstream().clone(),
            path: asked.path.clone(),
        };
        let Answered { response, ends } = answered;
        response.map(|body| stream(Download::new(body, fault, ends)))
    }

    /// The backend's 101, behind which the two sockets are joined.
    fn joined(&self, asked: &Asked<'_>, answered: Answered, browser: OnUpgrade) -> Response {
        let mut response = answered.response;
        let backend = hyper::upgrade::on(&mut response);
        let (health, cancel) = (self.transport.health.clone(), self.transport.cancel.clone());
        let (upstream, path) = (asked.route.upstream().clone(), asked.path.clone());
        self.transport.tasks.spawn(async move {
            let left = || health.doubt(&upstream);
            let ended = cancel.run_until_cancelled(upgrade::tunnel(browser, backend, left)).await;
            if let Some(Ended::BackendBroke(error)) = ended {
                let why = format!("its WebSocket broke off: {}", dial::in_words(&error));
                let backend = upstream.to_string();
                health.events.emit(Event::BackendFault { backend, path, why });
                health.doubt(&upstream);
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
                let page = asked.injectable.then_some(asked.path.as_str());
                self.transport.health.failed(upstream, &why.why, page);
            }
            Trouble::Broken(_) | Trouble::Slow(_) => self.events.emit(Event::BackendFault {
                backend: backend.clone(),
                path: asked.path.clone(),
                why: trouble.why(),
            }),
            Trouble::Request(..) | Trouble::Stopping => {}
        }
        unreachable::answer(&backend, trouble, asked.injectable)
    }
}

/// The host and port by which a browser knows livers.
fn host<B>(request: &Request<B>) -> String {
    let of_target = request.uri().authority().map(hyper::http::uri::Authority::as_str);
    let of_field = || request.headers().get(HOST).and_then(|host| host.to_str().ok());
    of_target.or_else(of_field).unwrap_or_default().to_owned()
}
