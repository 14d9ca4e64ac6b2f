//! Reverse proxy: forwards requests to backends over HTTP/1.1, with WebSockets.
//!
//! [`Proxy::forward`] never fails: an error of a backend becomes a response for the one client that
//! sent the request, and an event. Its steps:
//!
//! 1. [`route`] finds the backend and the request target, [`headers`] rewrites the header fields.
//! 2. [`exchange`] takes an idle connection from the [`pool`] or opens one ([`mod@connect`],
//!    [`mod@tls`]), sends the request and waits for the head of the response ([`timeouts`],
//!    [`mod@continue_gate`], [`informational`]). [`health`] tracks whether the backend is up.
//! 3. [`headers`] and [`rewrite`] rewrite the fields of the response. Its body is streamed
//!    ([`response_body`]), or the sockets of a WebSocket are joined ([`tunnel`]).
//! 4. Without a response, [`error_page`] makes one.
//!
//! Bodies are never changed here, and nothing is known of files or of the client script: the caller
//! says with `injectable` that it will inject a script into the response if it is a page.

mod connect;
mod connection;
mod continue_gate;
mod error;
mod error_page;
mod exchange;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod headers;
mod health;
mod hop;
mod informational;
mod listener;
mod pool;
mod request_body;
mod response_body;
mod rewrite;
mod route;
mod socket;
#[cfg(test)]
mod tests;
mod timeouts;
#[cfg_attr(not(feature = "tls"), path = "no_tls.rs")]
mod tls;
mod tunnel;
mod upstream;

use std::{
    net::IpAddr,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use bytes::Bytes;
use hyper::{
    HeaderMap, Request, StatusCode, Uri, Version,
    body::Body as HttpBody,
    header::{CONTENT_LENGTH, EXPECT, HeaderValue, TRANSFER_ENCODING},
    upgrade::OnUpgrade,
};
use hyper_util::rt::TokioIo;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub(crate) use self::health::Pages;
pub use self::route::Route;
use self::{
    continue_gate::continue_gate,
    error::{ProxyError, describe_io},
    exchange::{Carrier, ExchangeOptions, Exchanged, Transport},
    headers::{Backend, ForwardKind},
    health::Health,
    pool::Pool,
    request_body::RequestBody,
    response_body::{ResponseBody, Source},
    rewrite::RewriteContext,
    tls::Tls,
    tunnel::Ended,
};
use crate::{
    event::{Event, Events},
    http::informational::InformationalWriter,
    http::{
        body::{BodyError, Response, empty, stream},
        field::has_token,
    },
};

/// Configuration of the proxy.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    pub(crate) routes: Vec<Route>,
    /// How long a request waits for a backend that is down.
    pub(crate) wait: Duration,
    /// Time limit for the response to a navigation or a subresource. Zero disables it.
    pub(crate) timeout: Duration,
    /// Sends the backend's own host, and its own origin for pages of livers.
    pub(crate) change_origin: bool,
    /// Accepts every certificate of a backend.
    pub(crate) insecure: bool,
}

/// The routes and the state of their backends.
pub(crate) struct Proxy {
    options: Options,
    transport: Arc<Transport>,
}

/// The sender of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Client {
    pub(crate) address: IpAddr,
    /// Its connection is encrypted.
    pub(crate) https: bool,
    /// It is on this machine, and may learn the addresses of backends.
    pub(crate) local: bool,
}

/// What is needed of a request after it was sent.
struct Forwarded<'r> {
    route: &'r Route,
    uri: Uri,
    injectable: bool,
    /// The client is on this machine.
    local: bool,
}

impl Proxy {
    /// `tasks` tracks the tasks that outlive a request, `cancel` ends them.
    pub(crate) fn new(
        options: Options,
        events: Events,
        tasks: TaskTracker,
        cancel: CancellationToken,
        pages: Pages,
    ) -> Self {
        let (tls, routes) = (Tls::new(options.insecure), options.routes.clone().into());
        let health = Health::new(routes, events, tls.clone(), pages, tasks.clone(), cancel.clone());
        let (pool, large_heads) = (Pool::default(), AtomicBool::new(false));
        let transport = Transport { pool, tls, health, large_heads, tasks, cancel };
        Self { options, transport: Arc::new(transport) }
    }

    /// Returns the route of a raw path.
    pub(crate) fn route(&self, path: &str) -> Option<&Route> {
        route::longest_match(&self.options.routes, path)
    }

    /// Returns the prefixes of all routes.
    pub(crate) fn prefixes(&self) -> Vec<String> {
        self.options.routes.iter().map(|route| route.prefix().to_owned()).collect()
    }

    /// Forwards a request to the backend of a route, and returns its response or one that describes
    /// the error.
    ///
    /// `injectable` marks a navigation: the caller injects a script into the response if it is a
    /// page. The letter case of field names is kept if the server that received the request
    /// preserves it, because some WebSocket servers accept `Sec-WebSocket-Key` in this spelling
    /// only.
    pub(crate) async fn forward<B>(
        &self,
        route: &Route,
        mut request: Request<B>,
        client: Client,
        injectable: bool,
    ) -> Response
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BodyError>,
    {
        // Always removed: hyper's client must not take it for its own.
        let client_upgrade = hyper::upgrade::on(&mut request);
        // A handshake has no body (RFC 6455, section 4.1): with one, this is a plain GET.
        let opens_websocket = request.body().is_end_stream()
            && hop::opens_websocket(request.method(), request.version(), request.headers());
        let kind = match (opens_websocket, injectable) {
            (true, _) => ForwardKind::Upgrade,
            (false, true) => ForwardKind::Injectable,
            (false, false) => ForwardKind::Plain,
        };
        let local = client.local;
        let forwarded = Forwarded { route, uri: request.uri().clone(), injectable, local };
        let response = match self.outgoing(route, request, client, kind) {
            Ok(outgoing) => {
                let upgrade = opens_websocket.then_some(client_upgrade);
                self.exchange(&forwarded, outgoing, upgrade).await
            }
            Err(error) => Err(error),
        };
        response.unwrap_or_else(|error| self.report(&forwarded, &error))
    }

    /// Returns the response that replaces a page whose body failed before any of it was sent.
    /// `local`: the request was sent on this machine.
    pub(crate) fn failed_page(
        &self,
        route: &Route,
        error: &dyn std::error::Error,
        local: bool,
    ) -> Response {
        let error = if self.transport.cancel.is_cancelled() {
            ProxyError::ShuttingDown
        } else {
            ProxyError::BadResponse(error.to_string())
        };
        error_page::response(error_page::Backend::new(route, local), &error, true)
    }

    /// Makes the request for the backend.
    fn outgoing<B>(
        &self,
        route: &Route,
        request: Request<B>,
        client: Client,
        kind: ForwardKind,
    ) -> Result<Outgoing, ProxyError>
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BodyError>,
    {
        let (mut parts, body) = request.into_parts();
        let (target, upstream) = (route.target(&parts.uri), route.upstream());
        if hop::is_loop(&parts.headers) {
            let reason = "the proxy route leads back to livers itself";
            return Err(ProxyError::BadRequest(StatusCode::LOOP_DETECTED, reason));
        }
        let informational = parts.extensions.remove::<InformationalWriter>();
        let mut options = ExchangeOptions {
            upgrade: kind == ForwardKind::Upgrade,
            response_limit: timeouts::response_limit(&parts.headers, self.options.timeout),
            wait: self.options.wait,
            informational: informational.filter(|_| parts.version == Version::HTTP_11),
            continue_signal: None,
        };
        // A server with TLS is often one of several names at its address.
        let change_origin = self.options.change_origin || route.changes_origin();
        let origin = change_origin.then(|| upstream.origin());
        let backend = Backend { authority: upstream.authority(), origin };
        let host = headers::request(&mut parts, backend, &client, kind);
        let body = if body.is_end_stream() {
            RequestBody::EMPTY
        } else {
            // hyper assumes that a GET without a length has no body.
            if body.size_hint().exact().is_none() && !parts.headers.contains_key(CONTENT_LENGTH) {
                parts.headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
            }
            let waits = has_token(&parts.headers, &EXPECT, "100-continue");
            let (signal, gate) = waits.then(continue_gate).unzip();
            options.continue_signal = signal;
            let Transport { tasks, cancel, .. } = &*self.transport;
            RequestBody::new(stream(body), gate, tasks.clone(), cancel.clone())
        };
        parts.uri = target.map_err(|_| {
            ProxyError::BadRequest(StatusCode::URI_TOO_LONG, "its path is too long")
        })?;
        parts.version = Version::HTTP_11;
        Ok(Outgoing { request: Request::from_parts(parts, body), host, options })
    }

    /// Sends the request and makes the response for the client. `client_upgrade` is set if the
    /// request opens a WebSocket.
    async fn exchange(
        &self,
        forwarded: &Forwarded<'_>,
        outgoing: Outgoing,
        client_upgrade: Option<OnUpgrade>,
    ) -> Result<Response, ProxyError> {
        let Outgoing { request, host, options } = outgoing;
        let upstream = forwarded.route.upstream();
        let mut exchanged = self.transport.exchange(upstream, request, &options).await?;
        let response = &mut exchanged.response;
        *response.version_mut() = Version::HTTP_11;
        let status = response.status();
        let accepts_websocket = hop::accepts_websocket(response.headers());
        if hop::has_unknown_transfer_coding(response.headers()) {
            let reason = "the response has a transfer coding that was not requested";
            return Err(ProxyError::BadResponse(reason.to_owned()));
        }
        self.incoming(forwarded.route, host.as_ref(), status, response.headers_mut());
        if status != StatusCode::SWITCHING_PROTOCOLS {
            return Ok(self.relay(forwarded, exchanged));
        }
        let reason = match client_upgrade {
            Some(upgrade) if accepts_websocket => {
                return self.open_tunnel(forwarded, exchanged, upgrade).await;
            }
            Some(_) => "the backend switched to another protocol than requested",
            None => "the backend switched protocols without a request",
        };
        Err(ProxyError::BadResponse(reason.to_owned()))
    }

    /// Rewrites the fields of a response.
    fn incoming(
        &self,
        route: &Route,
        host: Option<&HeaderValue>,
        status: StatusCode,
        headers: &mut HeaderMap,
    ) {
        headers::response(status, headers);
        let host = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
        let context = RewriteContext { routes: &self.options.routes, route, host };
        rewrite::response(headers, context);
    }

    /// Returns the response with its body as a stream.
    fn relay(&self, forwarded: &Forwarded<'_>, exchanged: Exchanged) -> Response {
        let upstream = forwarded.route.upstream();
        if forwarded.injectable {
            self.transport.health.monitor(upstream);
        }
        let source = Source {
            transport: Arc::clone(&self.transport),
            upstream: Arc::clone(upstream),
            uri: forwarded.uri.clone(),
        };
        let Exchanged { response, carrier } = exchanged;
        response.map(|body| stream(ResponseBody::new(body, carrier, source)))
    }

    /// Returns the backend's 101, and joins the two sockets in a task.
    async fn open_tunnel(
        &self,
        forwarded: &Forwarded<'_>,
        exchanged: Exchanged,
        client: OnUpgrade,
    ) -> Result<Response, ProxyError> {
        let Exchanged { response, carrier } = exchanged;
        let backend = match carrier {
            Carrier::Reader(connection) => connection.into_upgraded().await,
            Carrier::Task { .. } => None,
        };
        let closed = || ProxyError::BadResponse("the backend closed the connection".to_owned());
        let (backend, early) = backend.ok_or_else(closed)?;
        let transport = Arc::clone(&self.transport);
        let (upstream, uri) = (Arc::clone(forwarded.route.upstream()), forwarded.uri.clone());
        let tunnel = async move {
            // Fails if the client has gone before it received the 101.
            let Ok(client) = client.await else { return };
            let health = &transport.health;
            let backend_closed = || health.verify(&upstream);
            let ended = tunnel::relay(TokioIo::new(client), backend, early, backend_closed).await;
            if let Ended::BackendFailed(error) = ended {
                health.events.emit(Event::BackendFault {
                    backend: upstream.to_string(),
                    path: uri.path().to_owned(),
                    why: format!("the WebSocket was interrupted: {}", describe_io(&error)),
                });
                health.verify(&upstream);
            }
        };
        let Transport { tasks, cancel, .. } = &*self.transport;
        tasks.spawn(cancel.clone().run_until_cancelled_owned(tunnel));
        Ok(response.map(|_| empty()))
    }

    /// Reports an error as an event, and returns the response that describes it.
    fn report(&self, forwarded: &Forwarded<'_>, error: &ProxyError) -> Response {
        let (upstream, path) = (forwarded.route.upstream(), forwarded.uri.path());
        let health = &self.transport.health;
        match error {
            ProxyError::Unreachable(error) => {
                health.failed(upstream, &error.reason, forwarded.injectable.then_some(path));
            }
            ProxyError::BadResponse(_) | ProxyError::Timeout(_) => {
                health.events.emit(Event::BackendFault {
                    backend: upstream.to_string(),
                    path: path.to_owned(),
                    why: error.to_string(),
                });
            }
            ProxyError::BadRequest(..) | ProxyError::ShuttingDown => {}
        }
        let backend = error_page::Backend::new(forwarded.route, forwarded.local);
        error_page::response(backend, error, forwarded.injectable)
    }
}

/// A request for a backend.
struct Outgoing {
    request: Request<RequestBody>,
    /// The host that the client requested.
    host: Option<HeaderValue>,
    options: ExchangeOptions,
}
