//! Accepts connections and serves each in a task of its own.
//!
//! One loop accepts on all addresses. When there are too many connections, or the system has no more
//! descriptors, one that is idle gives way ([`room`](super::room)); where none is, the loop waits,
//! rather than to spin or to end. Whatever takes time with a client happens in that client's task.

use std::{future::poll_fn, io, net::SocketAddr, pin::pin, sync::Arc, task::Poll, time::Duration};

use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    time::sleep,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    room::{PATIENCE, Room, Seat},
    seated::{Seated, telling},
};
use crate::{
    event::Event,
    http::informational::{InformationalStream, InformationalWriter},
    site::Site,
};

/// How long a client may take to send a request's head, or to send the next request.
const HEAD: Duration = Duration::from_secs(30);

/// How long to wait after accepting failed: descriptors may be free then.
const BACK_OFF: Duration = Duration::from_millis(100);

/// The sockets that are listened on.
pub(super) struct Listener {
    sockets: Vec<TcpListener>,
    room: Arc<Room>,
}

impl Listener {
    pub(super) fn new(sockets: Vec<TcpListener>) -> Self {
        Self { sockets, room: Room::new() }
    }

    /// Accepts connections until the future is dropped, and the sockets with it.
    pub(super) async fn accept(
        self,
        site: &Arc<Site>,
        tasks: &TaskTracker,
        cancel: &CancellationToken,
        abort: &CancellationToken,
    ) {
        // Once one has waited in vain, the next ones need not.
        let mut patience = PATIENCE;
        loop {
            let (stream, from) = match self.next().await {
                Ok(accepted) => accepted,
                Err(why) if is_the_clients(&why) => continue,
                Err(why) => {
                    if !self.room.cut() {
                        let why = format!("a connection could not be accepted: {why}");
                        site.events.emit(Event::ConnectionFault { why });
                    }
                    sleep(BACK_OFF).await;
                    continue;
                }
            };
            let Some(seat) = self.room.seat(patience).await else {
                let all = format!("all {} connections are in use", self.room.most());
                if !patience.is_zero() {
                    let why = format!("{all}: whoever comes now is told so");
                    site.events.emit(Event::ConnectionFault { why });
                }
                patience = Duration::ZERO;
                refuse(&stream, &all);
                continue;
            };
            patience = PATIENCE;
            let site = Arc::clone(site);
            let connection = Connection { site, stream, from, cancel: cancel.clone(), seat };
            let abort = abort.clone();
            tasks.spawn(async move { abort.run_until_cancelled(connection.serve()).await });
        }
    }

    /// The next connection on any of the sockets.
    async fn next(&self) -> io::Result<(TcpStream, SocketAddr)> {
        poll_fn(|context| {
            let mut accepted = self.sockets.iter().map(|socket| socket.poll_accept(context));
            accepted.find(Poll::is_ready).unwrap_or(Poll::Pending)
        })
        .await
    }
}

/// Whether accepting failed because of one client, which is gone.
fn is_the_clients(why: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(why.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Tells a client that there is no room, if it takes that without waiting. What it asked for is read,
/// since a socket that is closed with something unread takes back what was said on it.
fn refuse(stream: &TcpStream, why: &str) {
    let why = format!("Busy: {why}.\n");
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Length: {}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n{why}",
        why.len()
    );
    let _ = stream.try_read(&mut [0; 16 * 1024]);
    let _ = stream.try_write(answer.as_bytes());
}

/// One client's connection.
struct Connection {
    site: Arc<Site>,
    stream: TcpStream,
    from: SocketAddr,
    cancel: CancellationToken,
    seat: Arc<Seat>,
}

impl Connection {
    /// Serves requests until the client has no more, or the server stops.
    async fn serve(self) {
        let Self { site, stream, from, cancel, seat } = self;
        // A message of a few bytes must not wait for more to come.
        let _ = stream.set_nodelay(true);
        let from = from.ip().to_canonical();
        // Only a backend says something before its answer.
        let proxied = !site.routes.is_empty();
        let informational = InformationalWriter::default();
        let stream =
            Seated::new(InformationalStream::new(stream, informational.clone()), Arc::clone(&seat));
        let at_work = Arc::clone(&seat);
        let service = service_fn(move |mut request: Request<Incoming>| {
            let site = Arc::clone(&site);
            if proxied {
                request.extensions_mut().insert(informational.clone());
            }
            let seat = Arc::clone(&at_work);
            async move {
                // Who was cut may be heard once more before that: it ends without an answer.
                if !seat.work() {
                    return Err(io::Error::from(io::ErrorKind::ConnectionAborted));
                }
                Ok(telling(site.respond(request, from).await, seat))
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD)
            // Backends written by hand may know `Sec-WebSocket-Key` in this spelling only.
            .preserve_header_case(true)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let mut connection = pin!(connection);
        // How a client's connection ends is the client's affair.
        tokio::select! {
            _ = connection.as_mut() => {}
            () = seat.cut() => {}
            () = cancel.cancelled() => {
                connection.as_mut().graceful_shutdown();
                let _ = connection.await;
            }
        }
    }
}
