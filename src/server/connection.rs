//! Accepts connections and serves each in a task of its own.
//!
//! One loop accepts on all addresses. It waits when there are too many connections, or when the
//! system has no more descriptors, rather than to spin or to end; whatever takes time with a client
//! happens in that client's task.

use std::{
    convert::Infallible, future::poll_fn, io, net::SocketAddr, pin::pin, sync::Arc, task::Poll,
    time::Duration,
};

use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::sleep,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    event::Event,
    net::interim::{Interposed, Line},
    site::Site,
};

/// How many connections may be open. A tab holds one for its socket and up to six more.
const CONNECTIONS: usize = 4096;

/// How long a client may take to send a request's head, or to send the next request.
const HEAD: Duration = Duration::from_secs(30);

/// How long to wait after accepting failed: descriptors may be free then.
const BACK_OFF: Duration = Duration::from_millis(100);

/// The sockets that are listened on.
pub(super) struct Listener {
    sockets: Vec<TcpListener>,
    free: Arc<Semaphore>,
}

impl Listener {
    pub(super) fn new(sockets: Vec<TcpListener>) -> Self {
        Self { sockets, free: Arc::new(Semaphore::new(CONNECTIONS)) }
    }

    /// Accepts connections until the future is dropped, and the sockets with it.
    pub(super) async fn accept(
        self,
        site: &Arc<Site>,
        tasks: &TaskTracker,
        cancel: &CancellationToken,
        abort: &CancellationToken,
    ) {
        // The semaphore is never closed.
        while let Ok(permit) = Arc::clone(&self.free).acquire_owned().await {
            match self.next().await {
                Ok((stream, from)) => {
                    let connection = Connection {
                        site: Arc::clone(site),
                        stream,
                        from,
                        cancel: cancel.clone(),
                        permit,
                    };
                    let abort = abort.clone();
                    tasks.spawn(async move { abort.run_until_cancelled(connection.serve()).await });
                }
                Err(why) if is_the_clients(&why) => {}
                Err(why) => {
                    let why = format!("a connection could not be accepted: {why}");
                    site.events.emit(Event::ConnectionFault { why });
                    sleep(BACK_OFF).await;
                }
            }
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

/// One client's connection.
struct Connection {
    site: Arc<Site>,
    stream: TcpStream,
    from: SocketAddr,
    cancel: CancellationToken,
    permit: OwnedSemaphorePermit,
}

impl Connection {
    /// Serves requests until the client has no more, or the server stops.
    async fn serve(self) {
        let Self { site, stream, from, cancel, permit } = self;
        // A message of a few bytes must not wait for more to come.
        let _ = stream.set_nodelay(true);
        let from = from.ip().to_canonical();
        // Only a backend says something before its answer.
        let proxied = !site.routes.is_empty();
        let line = Line::default();
        let stream = Interposed::new(stream, line.clone());
        let service = service_fn(move |mut request: Request<Incoming>| {
            let site = Arc::clone(&site);
            if proxied {
                request.extensions_mut().insert(line.clone());
            }
            async move { Ok::<_, Infallible>(site.respond(request, from).await) }
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
            () = cancel.cancelled() => {
                connection.as_mut().graceful_shutdown();
                let _ = connection.await;
            }
        }
        drop(permit);
    }
}
