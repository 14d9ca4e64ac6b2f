//! One HTTP/1.1 exchange with a backend: sends the request and waits for the head of the response.
//!
//! A request that may be repeated (its method is idempotent, RFC 9110, section 9.2.2, and it has no
//! body that would be used up) is sent on an idle connection, if there is one
//! ([`pool`](super::pool)). If the backend has closed that connection, or if its response has more
//! header fields [than usual](Heads), the request is sent again, once, on a new one. Every other
//! request is sent once, on a new connection.
//!
//! The task of the request drives its [`Connection`]. Only when a response comes before the end of
//! the request's body does the connection get a task of its own, so that the upload goes on while
//! the client reads slowly.
//!
//! There is no limit on how long a backend may take to respond: long polls and breakpoints wait as
//! long as the client does. [`timeouts`](super::timeouts) lists the exceptions.

use std::{
    future::{pending, poll_fn},
    io,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
    time::Duration,
};

use hyper::{Method, Request, Response, StatusCode, body::Incoming};
use tokio::{
    runtime::Handle,
    time::{Instant, sleep, timeout},
};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use super::{
    connect::connect,
    connection::{Connection, Heads},
    continue_gate::ContinueSignal,
    error::{ProxyError, describe_http, io_cause},
    health::Health,
    informational::Informational,
    pool::{Idle, Pool, Put, STUCK_AFTER},
    request_body::RequestBody,
    tls::Tls,
    upstream::Upstream,
};
use crate::http::informational::InformationalWriter;

/// Interval at which connections that became idle start to be monitored.
const MONITOR_INTERVAL: Duration = Duration::from_millis(250);

/// Opens, uses and keeps connections to backends.
pub(super) struct Transport {
    pub(super) pool: Pool<Box<Connection>>,
    pub(super) tls: Tls,
    pub(super) health: Health,
    /// A backend has sent more header fields than usual: new connections accept as many.
    pub(super) large_heads: AtomicBool,
    /// Tracks the tasks that outlive a request.
    pub(super) tasks: TaskTracker,
    /// Ends them.
    pub(super) cancel: CancellationToken,
}

/// Options of one exchange.
pub(super) struct ExchangeOptions {
    /// The request opens a WebSocket.
    pub(super) upgrade: bool,
    /// Time limit for the head of the response.
    pub(super) response_limit: Option<Duration>,
    /// How long to wait for a backend that is down.
    pub(super) wait: Duration,
    /// Takes informational responses.
    pub(super) informational: Option<InformationalWriter>,
    /// Opens the gate of a body that waits for a 100.
    pub(super) continue_signal: Option<ContinueSignal>,
}

/// The head of a response, and the connection that its body arrives on.
pub(super) struct Exchanged {
    pub(super) response: Response<Incoming>,
    pub(super) carrier: Carrier,
}

/// Who drives the connection of a response.
pub(super) enum Carrier {
    /// The reader of the response.
    Reader(Box<Connection>),
    /// A task. It ends with the guard, where the connection must not outlive the response.
    Task { _end: Option<DropGuard> },
}

enum Failure {
    Http(hyper::Error),
    Timeout(Duration),
    ShuttingDown,
}

impl Transport {
    /// Sends a request and waits for the head of its response.
    ///
    /// The connection closes when the returned future or the response's body is dropped, and when
    /// the server shuts down.
    ///
    /// # Errors
    /// Why there is no response.
    pub(super) async fn exchange(
        self: &Arc<Self>,
        upstream: &Upstream,
        mut request: Request<RequestBody>,
        options: &ExchangeOptions,
    ) -> Result<Exchanged, ProxyError> {
        let informational = Informational::collect(
            &mut request,
            options.informational.as_ref(),
            options.continue_signal.as_ref(),
        );
        let endpoint = upstream.endpoint();
        let mut copy = is_repeatable(&request).then(|| copy(&request));
        let mut heads = if copy.is_some() && !self.large_heads.load(Ordering::Relaxed) {
            Heads::Usual
        } else {
            Heads::Large
        };
        let mut idle = if copy.is_some() && !options.upgrade {
            self.pool.take(endpoint, Instant::now())
        } else {
            self.pool.make_room(endpoint);
            None
        };
        loop {
            let opened_for = idle.is_none().then_some(upstream);
            let connection = if let Some(connection) = idle.take() {
                connection
            } else {
                let connect = self.connect(upstream, options.wait, heads);
                let connected = self.cancel.run_until_cancelled(connect).await;
                connected.ok_or(ProxyError::ShuttingDown)??
            };
            heads = connection.heads();
            let sent = self.send(connection, request, options, &informational, opened_for).await;
            let failure = match sent {
                Ok(exchanged) => return Ok(exchanged),
                Err(failure) => failure,
            };
            let Failure::Http(error) = &failure else { return Err(self.error(failure)) };
            let stale = opened_for.is_none() && is_stale(error);
            let too_large = heads == Heads::Usual && error.is_parse_too_large();
            match copy.take() {
                Some(copy) if stale || too_large => request = copy,
                _ => return Err(self.error(failure)),
            }
            if too_large {
                self.large_heads.store(true, Ordering::Relaxed);
            }
            heads = Heads::Large;
        }
    }

    /// Opens a connection. If the backend is down, waits for it to come up.
    async fn connect(
        &self,
        upstream: &Upstream,
        wait: Duration,
        heads: Heads,
    ) -> Result<Box<Connection>, ProxyError> {
        let deadline = Instant::now() + wait;
        loop {
            match connect(upstream, &self.tls).await {
                Ok(socket) => {
                    self.health.connected(upstream);
                    let connection = Connection::start(socket, heads).await;
                    return connection
                        .map_err(|error| ProxyError::BadResponse(describe_http(&error)));
                }
                Err(error) => {
                    if !self.health.wait_until_up(upstream, &error, deadline).await {
                        return Err(ProxyError::Unreachable(error));
                    }
                }
            }
        }
    }

    /// Sends a request on a connection and waits for the head of its response. `opened_for` is set
    /// if the connection is new: idle ones may then delay it.
    async fn send(
        &self,
        mut connection: Box<Connection>,
        request: Request<RequestBody>,
        options: &ExchangeOptions,
        informational: &Informational,
        opened_for: Option<&Upstream>,
    ) -> Result<Exchanged, Failure> {
        let upload = request.body().progress();
        let mut response = pin!(connection.send(request));
        let mut cancelled = pin!(self.cancel.cancelled());
        let mut limit = pin!(after(options.response_limit));
        let (mut stuck_after, mut stuck) = (pin!(after(opened_for.map(|_| STUCK_AFTER))), None);
        let response = loop {
            let received = poll_fn(|context| {
                let response = connection.poll_response(context, &mut response);
                let nothing = response.is_pending() && informational.is_empty();
                if nothing { Poll::Pending } else { Poll::Ready(response) }
            });
            tokio::select! {
                biased;
                response = received => {
                    informational.forward().await;
                    if let Poll::Ready(response) = response {
                        break response.map_err(Failure::Http)?;
                    }
                }
                () = &mut cancelled => return Err(Failure::ShuttingDown),
                () = &mut limit => {
                    return Err(Failure::Timeout(options.response_limit.unwrap_or_default()));
                }
                () = &mut stuck_after, if stuck.is_none() => {
                    stuck = opened_for.map(|upstream| self.pool.stuck(upstream.endpoint()));
                }
            }
        };
        let locked = options.continue_signal.as_ref().is_some_and(ContinueSignal::lock);
        let carrier = if upload.has_ended() {
            Carrier::Reader(connection)
        } else {
            let end = self.cancel.child_token();
            self.tasks.spawn(end.clone().run_until_cancelled_owned(connection.finish()));
            Carrier::Task { _end: locked.then(|| end.drop_guard()) }
        };
        Ok(Exchanged { response, carrier })
    }

    /// Takes a connection back whose response has been read.
    pub(super) fn release(self: &Arc<Self>, upstream: &Upstream, mut connection: Box<Connection>) {
        // Without a runtime the server has ended.
        let Ok(runtime) = Handle::try_current() else { return };
        if !connection.is_idle() {
            // The end of the request may not be written yet.
            let finish = self.cancel.clone().run_until_cancelled_owned(connection.finish());
            self.tasks.spawn_on(finish, &runtime);
        } else if self.pool.put(upstream.endpoint(), connection, Instant::now()) == Put::KeptFirst {
            let (transport, upstream) = (Arc::clone(self), upstream.clone());
            let monitor = async move {
                let monitor = transport.monitor(&upstream);
                if transport.cancel.run_until_cancelled(monitor).await.is_none() {
                    transport.pool.clear();
                }
            };
            self.tasks.spawn_on(monitor, &runtime);
        }
    }

    /// Watches the idle connections to a backend until none is left.
    async fn monitor(&self, upstream: &Upstream) {
        loop {
            let idle = poll_fn(|context| {
                self.pool.poll_idle(upstream.endpoint(), Instant::now(), context)
            });
            // The timeout polls those that became idle meanwhile for the first time.
            match timeout(MONITOR_INTERVAL, idle).await {
                Ok(Idle::None) => return,
                Ok(Idle::Closed { unexpected: true }) => self.health.verify(upstream),
                Ok(Idle::Closed { unexpected: false }) | Err(_) => {}
            }
        }
    }

    fn error(&self, failure: Failure) -> ProxyError {
        match failure {
            _ if self.cancel.is_cancelled() => ProxyError::ShuttingDown,
            Failure::ShuttingDown => ProxyError::ShuttingDown,
            Failure::Timeout(limit) => ProxyError::Timeout(limit),
            // The request's body failed, which hyper reports as an error of its user.
            Failure::Http(error) if error.is_user() => {
                ProxyError::BadRequest(StatusCode::BAD_REQUEST, "the request body was interrupted")
            }
            Failure::Http(error) => ProxyError::BadResponse(describe_http(&error)),
        }
    }
}

/// Sleeps, or waits forever without a limit.
async fn after(limit: Option<Duration>) {
    match limit {
        Some(limit) => sleep(limit).await,
        None => pending().await,
    }
}

/// Returns whether a request may be sent twice.
fn is_repeatable(request: &Request<RequestBody>) -> bool {
    use hyper::body::Body;
    let idempotent = [Method::GET, Method::HEAD, Method::OPTIONS, Method::PUT, Method::DELETE];
    request.body().is_end_stream() && idempotent.contains(request.method())
}

/// Copies a request that has no body.
fn copy(request: &Request<RequestBody>) -> Request<RequestBody> {
    let mut copy = Request::new(RequestBody::EMPTY);
    request.method().clone_into(copy.method_mut());
    request.uri().clone_into(copy.uri_mut());
    *copy.version_mut() = request.version();
    request.headers().clone_into(copy.headers_mut());
    request.extensions().clone_into(copy.extensions_mut());
    copy
}

/// Returns whether a reused connection was closed before a response came.
fn is_stale(error: &hyper::Error) -> bool {
    let reset = io_cause(error).is_some_and(|error| {
        matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
    });
    reset || error.is_incomplete_message() || error.is_canceled() || error.is_closed()
}
