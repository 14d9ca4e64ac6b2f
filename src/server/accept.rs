//! The accept loop: one for all addresses, with a task for each connection.
//!
//! When too many connections are open, or the system has no more descriptors, an idle one is
//! [evicted](super::limit). If all are busy, the loop waits instead of spinning. Everything that
//! waits for a client happens in the task of its connection.

use std::{future::poll_fn, io, net::SocketAddr, sync::Arc, task::Poll, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream},
    time::{Instant, sleep, sleep_until},
};
use tokio_util::task::TaskTracker;

use super::{
    connection::{self, Protocol},
    limit::ConnectionLimiter,
};
use crate::{event::Event, site::Site};

/// How long a client may take to send the head of a request, or the next request.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// How often the idle time-out is checked, while connections are open.
const IDLE_CHECK: Duration = Duration::from_secs(5);

/// How long a new connection waits while all are busy.
const ADMISSION_TIMEOUT: Duration = Duration::from_secs(5);

/// How long to wait after an error of accepting: descriptors may be free then.
const BACK_OFF: Duration = Duration::from_millis(100);

/// Accepts connections until the future is dropped, which closes the listeners.
pub(super) async fn accept(
    listeners: Vec<TcpListener>,
    limiter: &Arc<ConnectionLimiter>,
    site: &Arc<Site>,
    tasks: &TaskTracker,
) {
    // Once one connection has waited in vain, the next ones are refused at once.
    let mut patience = ADMISSION_TIMEOUT;
    let mut idle_check = Instant::now() + IDLE_CHECK;
    loop {
        let accepted = tokio::select! {
            biased;
            () = sleep_until(idle_check), if !limiter.is_empty() => {
                limiter.close_idle(IDLE_TIMEOUT);
                idle_check = Instant::now() + IDLE_CHECK;
                continue;
            }
            accepted = next(&listeners) => accepted,
        };
        let (stream, from) = match accepted {
            Ok(accepted) => accepted,
            Err(error) if is_of_one_client(&error) => continue,
            Err(error) => {
                if !limiter.evict_longest_idle() {
                    let why = format!("cannot accept a connection: {error}");
                    site.events.emit(Event::ConnectionFault { why });
                }
                sleep(BACK_OFF).await;
                continue;
            }
        };
        let Some(permit) = limiter.admit(patience).await else {
            let reason = format!("all {} connections are in use", limiter.max());
            if !patience.is_zero() {
                let why = format!("{reason}: new ones are refused");
                site.events.emit(Event::ConnectionFault { why });
            }
            patience = Duration::ZERO;
            refuse(&stream, &reason);
            continue;
        };
        patience = ADMISSION_TIMEOUT;
        // A message of a few bytes must not wait for more.
        let _ = stream.set_nodelay(true);
        let from = from.ip().to_canonical();
        tasks.spawn(connection::serve(stream, Protocol::Http1, from, Arc::clone(site), permit));
    }
}

/// Returns the next connection on any of the listeners.
async fn next(listeners: &[TcpListener]) -> io::Result<(TcpStream, SocketAddr)> {
    poll_fn(|context| {
        let mut accepted = listeners.iter().map(|listener| listener.poll_accept(context));
        accepted.find(Poll::is_ready).unwrap_or(Poll::Pending)
    })
    .await
}

/// Returns whether accepting failed because one client is gone already.
fn is_of_one_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Sends a 503 response, as far as the socket takes it without waiting. The request is read first:
/// closing a socket with unread bytes resets the connection, and the client may not see the
/// response.
fn refuse(stream: &TcpStream, reason: &str) {
    let body = format!("Busy: {reason}.\n");
    let response = format!(
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Length: {}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let _ = stream.try_read(&mut [0; 16 * 1024]);
    let _ = stream.try_write(response.as_bytes());
}
