//! One stream of numbered messages over every transport that browsers have.
//!
//! ```text
//! cargo run --example transports
//! livers examples/transports/web --proxy /live=localhost:3000
//! ```
//!
//! The port is the first argument, or else `PORT`, or else 3000. Port 0 chooses a free one.
//!
//! | endpoint                      | response                                                 |
//! |-------------------------------|----------------------------------------------------------|
//! | `GET /live/poll?after=N`      | the messages after number N, immediately                 |
//! | `GET /live/long-poll?after=N` | the same once there is one, or none after 25 seconds     |
//! | `GET /live/events`            | Server-Sent Events, resumed after `Last-Event-ID`        |
//! | `/live/socket`                | a WebSocket that receives the messages                   |
//! | `/live/signal?room=NAME`      | a WebSocket that relays text to the other peer           |
//! | `GET`, `POST /live/rate`      | messages per second; `?per_second=N` sets the rate       |
//!
//! All clients share one ring buffer of the newest messages. A client is a position in it, so a
//! slow client costs nothing; its stream ends once its position has been overwritten. Without
//! `after`, the stream begins with the next message.
//!
//! Deliberately absent: TLS, accounts, a check of the `Origin` header, a limit on the number of
//! clients, compression. The server listens on the loopback interface only.
#![allow(clippy::print_stderr)]

mod signal;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt::{self, Write as _};
use std::io::{self, Write as _};
use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::{SinkExt, StreamExt, stream};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::Upgraded;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

type Body = UnsyncBoxBody<Bytes, Infallible>;
type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// Number of messages in the ring buffer.
const RING: usize = 512;
const RATES: std::ops::RangeInclusive<u64> = 1..=50;
const LONG_POLL: Duration = Duration::from_secs(25);
/// How long a client may take to receive a message.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// Maximum length of a client's message, in bytes. Session descriptions have a few kilobytes.
const MAX_MESSAGE: usize = 64 * 1024;

#[derive(Clone, Copy)]
struct Tick {
    n: u64,
    sent_at: u128,
}

impl fmt::Display for Tick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, r#"{{"n":{},"sentAt":{}}}"#, self.n, self.sent_at)
    }
}

/// The newest messages, oldest first.
#[derive(Default)]
struct Ring {
    last: u64,
    ticks: VecDeque<Tick>,
}

impl Ring {
    fn push(&mut self) {
        if self.ticks.len() == RING {
            self.ticks.pop_front();
        }
        self.last += 1;
        let sent_at = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_millis());
        self.ticks.push_back(Tick { n: self.last, sent_at });
    }

    /// Returns the position of a client that has received all messages up to `after`. A number that
    /// is not reached yet is from before a restart of the server.
    fn begin(&self, after: Option<u64>) -> u64 {
        after.map_or(self.last, |after| after.clamp(self.oldest(), self.last))
    }

    /// Returns the messages after `after`, or `None` if some of them are overwritten.
    fn since(&self, after: u64) -> Option<Vec<Tick>> {
        (after >= self.oldest())
            .then(|| self.ticks.iter().filter(|tick| tick.n > after).copied().collect())
    }

    /// Returns the number before the oldest message.
    fn oldest(&self) -> u64 {
        self.last - self.ticks.len() as u64
    }
}

/// Waits for messages after `after`. Returns `None` if the client is too slow.
async fn next_messages(ring: &mut watch::Receiver<Ring>, after: u64) -> Option<Vec<Tick>> {
    ring.wait_for(|ring| ring.last > after).await.ok()?.since(after)
}

struct Backend {
    ring: watch::Sender<Ring>,
    rate: watch::Sender<u64>,
    rooms: signal::Rooms,
    stop: CancellationToken,
    /// The open WebSockets.
    sockets: TaskTracker,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("transports: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port()?)).await?;
    writeln!(io::stdout(), "transports: listening on http://{}", listener.local_addr()?)?;
    io::stdout().flush()?;

    let backend = Arc::new(Backend {
        ring: watch::Sender::default(),
        rate: watch::Sender::new(5),
        rooms: signal::Rooms::default(),
        stop: CancellationToken::new(),
        sockets: TaskTracker::new(),
    });
    tokio::spawn(make_ticks(Arc::clone(&backend)));
    let mut ctrl_c = std::pin::pin!(tokio::signal::ctrl_c());
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(tokio::spawn(serve(stream, Arc::clone(&backend)))),
                // Probably out of file descriptors: wait for connections to close.
                Err(_) => sleep(Duration::from_millis(100)).await,
            },
            _ = &mut ctrl_c => break,
        }
    }
    backend.stop.cancel();
    backend.sockets.close();
    let _ = timeout(Duration::from_secs(1), backend.sockets.wait()).await;
    Ok(())
}

fn port() -> io::Result<u16> {
    let Some(text) = std::env::args().nth(1).or_else(|| std::env::var("PORT").ok()) else {
        return Ok(3000);
    };
    text.parse().map_err(|_| io::Error::other(format!("not a port number: {text:?}")))
}

/// Adds messages at the current rate.
async fn make_ticks(backend: Arc<Backend>) {
    let mut rate = backend.rate.subscribe();
    loop {
        let mut next = interval(Duration::from_millis(1000 / *rate.borrow_and_update()));
        next.set_missed_tick_behavior(MissedTickBehavior::Skip);
        while !rate.has_changed().unwrap_or_default() {
            next.tick().await;
            backend.ring.send_modify(Ring::push);
        }
    }
}

/// Serves HTTP on one connection, until it closes or becomes a WebSocket.
async fn serve(stream: TcpStream, backend: Arc<Backend>) {
    let _ = stream.set_nodelay(true); // Nagle's algorithm would delay small messages
    let service = service_fn(|request| {
        let backend = Arc::clone(&backend);
        async move { Ok::<_, Infallible>(respond(request, backend).await) }
    });
    let _ = http1::Builder::new()
        .timer(TokioTimer::new()) // enables the time limit for incomplete requests
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
}

async fn respond(request: Request<Incoming>, backend: Arc<Backend>) -> Response<Body> {
    let request_size = head_size(&request);
    let after = query(&request, "after").and_then(|text| text.parse().ok());
    let mut ring = backend.ring.subscribe();
    let begin = ring.borrow().begin(after);

    let mut response = match (request.method(), request.uri().path()) {
        (&Method::GET, "/live/poll") => messages(&ring, begin),
        (&Method::GET, "/live/long-poll") => {
            tokio::select! {
                _ = timeout(LONG_POLL, next_messages(&mut ring, begin)) => {}
                () = backend.stop.cancelled() => {}
            }
            messages(&ring, begin)
        }
        (&Method::GET, "/live/events") => {
            let id = request.headers().get("last-event-id").and_then(|id| id.to_str().ok());
            let begin = ring.borrow().begin(id.and_then(|id| id.parse().ok()).or(after));
            events(ring, begin)
        }
        (&Method::GET, "/live/socket") => upgrade(request, &backend.sockets, {
            let stop = backend.stop.clone();
            async move |socket| stream_ticks(socket, ring, begin, stop).await
        }),
        (&Method::GET, "/live/signal") => {
            let room = query(&request, "room").unwrap_or_default().chars().take(64).collect();
            let signaling = Arc::clone(&backend);
            upgrade(request, &backend.sockets, async move |socket| {
                signaling.rooms.join(socket, room, signaling.stop.clone()).await
            })
        }
        (&Method::GET | &Method::POST, "/live/rate") => {
            let requested = query(&request, "per_second").and_then(|text| text.parse::<u64>().ok());
            if let (&Method::POST, Some(requested)) = (request.method(), requested) {
                backend.rate.send_replace(requested.clamp(*RATES.start(), *RATES.end()));
            }
            let rate = *backend.rate.borrow();
            reply(StatusCode::OK, "application/json", format!(r#"{{"perSecond":{rate}}}"#))
        }
        (_, path) => {
            let status = if path == "/" { StatusCode::OK } else { StatusCode::NOT_FOUND };
            let page = "This is the transports backend. Serve its page with\n\
                        livers examples/transports/web --proxy /live=localhost:3000\n";
            reply(status, "text/plain", page.into())
        }
    };
    // A page cannot see the headers that its browser sends, so the response contains their size.
    response.headers_mut().insert("x-request-bytes", request_size.into());
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Returns the size of a request's head, in bytes.
fn head_size(request: &Request<Incoming>) -> usize {
    let line = request.method().as_str().len() + request.uri().to_string().len() + 12;
    let fields = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len());
    line + fields.map(|size| size + 4).sum::<usize>() + 2
}

/// Returns a query parameter, without percent-decoding: the values are numbers and plain names.
fn query<'a>(request: &'a Request<Incoming>, name: &str) -> Option<&'a str> {
    let pairs = request.uri().query()?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|pair| pair.0 == name).map(|pair| pair.1).next()
}

fn reply(status: StatusCode, kind: &'static str, text: String) -> Response<Body> {
    let mut response = Response::new(Full::from(text).boxed_unsync());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// Returns the response to a poll or long poll.
fn messages(ring: &watch::Receiver<Ring>, after: u64) -> Response<Body> {
    let ring = ring.borrow();
    let ticks = ring.since(ring.begin(Some(after))).unwrap_or_default();
    let ticks: Vec<_> = ticks.iter().map(Tick::to_string).collect();
    let text = format!(r#"{{"last":{},"messages":[{}]}}"#, ring.last, ticks.join(","));
    reply(StatusCode::OK, "application/json", text)
}

/// Returns a response with Server-Sent Events. hyper polls for the next event only when the last
/// one is written, so none accumulate.
fn events(ring: watch::Receiver<Ring>, begin: u64) -> Response<Body> {
    let first = stream::iter([Ok(Frame::data(Bytes::from_static(b"retry: 1000\n\n")))]);
    let rest = stream::unfold((ring, begin), async |(mut ring, mut after)| {
        let mut text = String::new();
        for tick in next_messages(&mut ring, after).await? {
            after = tick.n;
            let _ = write!(text, "id: {after}\ndata: {tick}\n\n");
        }
        Some((Ok(Frame::data(text.into())), (ring, after)))
    });
    let mut response = Response::new(StreamBody::new(first.chain(rest)).boxed_unsync());
    let kind = HeaderValue::from_static("text/event-stream");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// Accepts a WebSocket, and runs `talk` on it.
fn upgrade<Talk, Talking>(
    request: Request<Incoming>,
    sockets: &TaskTracker,
    talk: Talk,
) -> Response<Body>
where
    Talk: FnOnce(Socket) -> Talking + Send + 'static,
    Talking: Future<Output = Result<(), Error>> + Send,
{
    let switching = match create_response_with_body(&request, Body::default) {
        Ok(switching) => switching,
        Err(error) => {
            let why = format!("Not a WebSocket request: {error}\n");
            return reply(StatusCode::UPGRADE_REQUIRED, "text/plain", why);
        }
    };
    sockets.spawn(async move {
        let Ok(upgraded) = hyper::upgrade::on(request).await else { return };
        let io = TokioIo::new(upgraded);
        let config = WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE));
        // The client is gone, so an error cannot be reported to it.
        let _ = talk(WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await).await;
    });
    switching
}

async fn send(socket: &mut Socket, message: Message) -> Result<(), Error> {
    let late = |_| Error::Io(io::ErrorKind::TimedOut.into());
    timeout(SEND_TIMEOUT, socket.send(message)).await.map_err(late)?
}

async fn close(socket: &mut Socket, code: CloseCode, reason: &'static str) -> Result<(), Error> {
    send(socket, Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await
}

async fn stream_ticks(
    mut socket: Socket,
    mut ring: watch::Receiver<Ring>,
    mut after: u64,
    stop: CancellationToken,
) -> Result<(), Error> {
    loop {
        let ticks = tokio::select! {
            ticks = next_messages(&mut ring, after) => ticks,
            // Reads the close frame of the client. No other messages are expected.
            received = socket.next() => match received {
                Some(received) => { received?; continue }
                None => return Ok(()),
            },
            () = stop.cancelled() => return close(&mut socket, CloseCode::Away, "stopping").await,
        };
        let Some(ticks) = ticks else {
            return close(&mut socket, CloseCode::Policy, "too slow").await;
        };
        for tick in ticks {
            after = tick.n;
            send(&mut socket, Message::text(tick.to_string())).await?;
        }
    }
}
