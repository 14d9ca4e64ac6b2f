//! One stream of numbered messages, handed out in every way a browser can ask for it.
//!
//! ```text
//! cargo run --example transports
//! livers examples/transports/web --proxy /live=localhost:3000
//! ```
//!
//! The port is the first argument, else `PORT`, else 3000; 0 takes any free one.
//!
//! | endpoint                      | answers                                                  |
//! |-------------------------------|----------------------------------------------------------|
//! | `GET /live/poll?after=N`      | at once, with the messages after number N                |
//! | `GET /live/long-poll?after=N` | as soon as there is one, or with none after 25 s         |
//! | `GET /live/events`            | Server-Sent Events; goes on after `Last-Event-ID`        |
//! | `/live/socket`                | a WebSocket on which the messages come                   |
//! | `/live/signal?room=NAME`      | a WebSocket that passes text on to the other peer        |
//! | `GET`, `POST /live/rate`      | messages a second; `?per_second=N` sets it               |
//!
//! There is one queue for everyone: a ring of the newest messages. A client is no more than a
//! number, the last message it got, so a slow one costs nothing; its stream ends once the ring has
//! overtaken it. Without `after`, the stream begins with the next message.
//!
//! Left out on purpose: TLS, accounts, a check of the `Origin` header, a limit on the number of
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

/// How many messages are kept for those who come late.
const RING: usize = 512;
const RATES: std::ops::RangeInclusive<u64> = 1..=50;
const LONG_POLL: Duration = Duration::from_secs(25);
/// How long a client may take to accept what it is sent.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest message taken from a client; session descriptions have a few kilobytes.
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

    /// Where to begin for a client that asks for what came after `after`. A number this server
    /// has not reached is from a time before its restart.
    fn begin(&self, after: Option<u64>) -> u64 {
        after.map_or(self.last, |after| after.clamp(self.oldest(), self.last))
    }

    /// The messages after `after`, or `None` if some of them are gone already.
    fn since(&self, after: u64) -> Option<Vec<Tick>> {
        (after >= self.oldest())
            .then(|| self.ticks.iter().filter(|tick| tick.n > after).copied().collect())
    }

    /// The number before the oldest message still here.
    fn oldest(&self) -> u64 {
        self.last - self.ticks.len() as u64
    }
}

/// Waits until there is something after `after`. `None` says: too slow, drop this client.
async fn fresh(ring: &mut watch::Receiver<Ring>, after: u64) -> Option<Vec<Tick>> {
    ring.wait_for(|ring| ring.last > after).await.ok()?.since(after)
}

struct Backend {
    ring: watch::Sender<Ring>,
    rate: watch::Sender<u64>,
    rooms: signal::Rooms,
    stop: CancellationToken,
    /// The sockets, which get a proper goodbye at the end.
    talks: TaskTracker,
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
        talks: TaskTracker::new(),
    });
    tokio::spawn(make_ticks(Arc::clone(&backend)));
    let mut ctrl_c = std::pin::pin!(tokio::signal::ctrl_c());
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(tokio::spawn(serve(stream, Arc::clone(&backend)))),
                // Out of file descriptors, most likely: let some connections end first.
                Err(_) => sleep(Duration::from_millis(100)).await,
            },
            _ = &mut ctrl_c => break,
        }
    }
    backend.stop.cancel();
    backend.talks.close();
    let _ = timeout(Duration::from_secs(1), backend.talks.wait()).await;
    Ok(())
}

fn port() -> io::Result<u16> {
    let Some(text) = std::env::args().nth(1).or_else(|| std::env::var("PORT").ok()) else {
        return Ok(3000);
    };
    text.parse().map_err(|_| io::Error::other(format!("not a port number: {text:?}")))
}

/// The source of the stream.
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

/// Speaks HTTP on one connection, until it ends or becomes a WebSocket.
async fn serve(stream: TcpStream, backend: Arc<Backend>) {
    let _ = stream.set_nodelay(true); // small messages, and the delay is what we are here for
    let service = service_fn(|request| {
        let backend = Arc::clone(&backend);
        async move { Ok::<_, Infallible>(answer(request, backend).await) }
    });
    let _ = http1::Builder::new()
        .timer(TokioTimer::new()) // with it, hyper gives up on a request that never ends
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
}

async fn answer(request: Request<Incoming>, backend: Arc<Backend>) -> Response<Body> {
    let request_size = head_size(&request);
    let after = query(&request, "after").and_then(|text| text.parse().ok());
    let mut ring = backend.ring.subscribe();
    let begin = ring.borrow().begin(after);

    let mut response = match (request.method(), request.uri().path()) {
        (&Method::GET, "/live/poll") => messages(&ring, begin),
        (&Method::GET, "/live/long-poll") => {
            tokio::select! {
                _ = timeout(LONG_POLL, fresh(&mut ring, begin)) => {}
                () = backend.stop.cancelled() => {}
            }
            messages(&ring, begin)
        }
        (&Method::GET, "/live/events") => {
            let id = request.headers().get("last-event-id").and_then(|id| id.to_str().ok());
            let begin = ring.borrow().begin(id.and_then(|id| id.parse().ok()).or(after));
            events(ring, begin)
        }
        (&Method::GET, "/live/socket") => upgrade(request, &backend.talks, {
            let stop = backend.stop.clone();
            async move |socket| stream_ticks(socket, ring, begin, stop).await
        }),
        (&Method::GET, "/live/signal") => {
            let room = query(&request, "room").unwrap_or_default().chars().take(64).collect();
            let signalling = Arc::clone(&backend);
            upgrade(request, &backend.talks, async move |socket| {
                signalling.rooms.visit(socket, room, signalling.stop.clone()).await
            })
        }
        (&Method::GET | &Method::POST, "/live/rate") => {
            let asked = query(&request, "per_second").and_then(|text| text.parse::<u64>().ok());
            if let (&Method::POST, Some(asked)) = (request.method(), asked) {
                backend.rate.send_replace(asked.clamp(*RATES.start(), *RATES.end()));
            }
            let rate = *backend.rate.borrow();
            reply(StatusCode::OK, "application/json", format!(r#"{{"perSecond":{rate}}}"#))
        }
        (_, path) => {
            let status = if path == "/" { StatusCode::OK } else { StatusCode::NOT_FOUND };
            let page = "This is the transports backend. Its page is served by\n\
                        livers examples/transports/web --proxy /live=localhost:3000\n";
            reply(status, "text/plain", page.into())
        }
    };
    // A page cannot see the headers its browser sends, so it is told what they came to.
    response.headers_mut().insert("x-request-bytes", request_size.into());
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The size of a request without its body, which none of ours has.
fn head_size(request: &Request<Incoming>) -> usize {
    let line = request.method().as_str().len() + request.uri().to_string().len() + 12;
    let fields = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len());
    line + fields.map(|size| size + 4).sum::<usize>() + 2
}

/// A parameter of the query. Ours are numbers and plain names, so nothing is decoded.
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

/// What both kinds of polling get.
fn messages(ring: &watch::Receiver<Ring>, after: u64) -> Response<Body> {
    let ring = ring.borrow();
    let ticks = ring.since(ring.begin(Some(after))).unwrap_or_default();
    let ticks: Vec<_> = ticks.iter().map(Tick::to_string).collect();
    let text = format!(r#"{{"last":{},"messages":[{}]}}"#, ring.last, ticks.join(","));
    reply(StatusCode::OK, "application/json", text)
}

/// Server-Sent Events: an answer that does not end. hyper asks for the next piece only when the
/// last one is on its way, so nothing piles up here.
fn events(ring: watch::Receiver<Ring>, begin: u64) -> Response<Body> {
    let first = stream::iter([Ok(Frame::data(Bytes::from_static(b"retry: 1000\n\n")))]);
    let rest = stream::unfold((ring, begin), async |(mut ring, mut after)| {
        let mut text = String::new();
        for tick in fresh(&mut ring, after).await? {
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

/// Answers a WebSocket request, then leaves the connection to `talk`.
fn upgrade<Talk, Talking>(
    request: Request<Incoming>,
    talks: &TaskTracker,
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
    talks.spawn(async move {
        let Ok(upgraded) = hyper::upgrade::on(request).await else { return };
        let io = TokioIo::new(upgraded);
        let config = WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE));
        // However the conversation ends, there is nobody left to tell.
        let _ = talk(WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await).await;
    });
    switching
}

async fn send(socket: &mut Socket, message: Message) -> Result<(), Error> {
    let late = |_| Error::Io(io::ErrorKind::TimedOut.into());
    timeout(PATIENCE, socket.send(message)).await.map_err(late)?
}

async fn goodbye(socket: &mut Socket, code: CloseCode, reason: &'static str) -> Result<(), Error> {
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
            ticks = fresh(&mut ring, after) => ticks,
            // Nothing is expected from the client, but its goodbye has to be heard.
            heard = socket.next() => match heard {
                Some(heard) => { heard?; continue }
                None => return Ok(()),
            },
            () = stop.cancelled() => return goodbye(&mut socket, CloseCode::Away, "stopping").await,
        };
        let Some(ticks) = ticks else {
            return goodbye(&mut socket, CloseCode::Policy, "too slow").await;
        };
        for tick in ticks {
            after = tick.n;
            send(&mut socket, Message::text(tick.to_string())).await?;
        }
    }
}
