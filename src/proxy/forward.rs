//! One exchange with a backend over HTTP/1.1.
//!
//! Every request has a connection of its own. That is on purpose: hyper-util's pool gives an error
//! where the backend has closed a kept connection meanwhile, and does not try again; on loopback a
//! connection costs less than that. Its driver is a tracked task that ends with the exchange, when
//! the browser gives the exchange up, or when livers stops.
//!
//! There is no limit on how long a backend may take to answer: long polls and breakpoints wait as
//! long as the browser does. Only opening the connection has one.
//!
//! Left out on purpose: TLS, reuse of connections, and any second try.

use std::{error::Error as _, io, time::Duration};

use hyper::{Request, Response, StatusCode, body::Incoming, client::conn::http1, header::UPGRADE};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpStream, lookup_host},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    bodies::{Patient, Upload},
    unreachable::Trouble,
    upstream::Upstream,
};

/// How long opening a connection may take, all addresses of the name together.
const CONNECT: Duration = Duration::from_secs(5);

/// Opens a connection to a backend, or says why it cannot.
pub(super) async fn dial(upstream: &Upstream) -> Result<TcpStream, String> {
    let connect = async {
        let addresses: Vec<_> = lookup_host(upstream.address())
            .await
            .map_err(|error| format!("its name has no address ({error})"))?
            .collect();
        let socket = TcpStream::connect(&*addresses).await.map_err(|error| in_words(&error))?;
        // Small messages are what a development server carries: they must not wait for each other.
        socket.set_nodelay(true).map_err(|error| in_words(&error))?;
        Ok(socket)
    };
    timeout(CONNECT, connect)
        .await
        .unwrap_or_else(|_| Err(format!("no answer within {} seconds", CONNECT.as_secs())))
}

/// Sends a request over a new connection and waits for the head of its answer.
///
/// The connection closes when this is given up, when the answer's body is dropped, and when
/// `cancel` is cancelled.
pub(super) async fn exchange(
    socket: TcpStream,
    request: Request<Upload>,
    tasks: &TaskTracker,
    cancel: &CancellationToken,
) -> Result<Response<Incoming>, Trouble> {
    // Only the opening of a WebSocket still has `Upgrade` here.
    let forgives = !request.headers().contains_key(UPGRADE);
    let (mut sender, driver) = http1::Builder::new()
        .handshake(TokioIo::new(Patient::new(socket, forgives)))
        .await
        .map_err(|error| Trouble::Broken(explain(&error)))?;
    let stop = cancel.clone();
    tasks.spawn(async move {
        // Its faults come out of the request, or of the answer's body.
        let _ = stop.run_until_cancelled_owned(driver.with_upgrades()).await;
    });
    match sender.send_request(request).await {
        Ok(response) => Ok(response),
        Err(_) if cancel.is_cancelled() => Err(Trouble::Stopping),
        // The browser's own body failed, and that was said to hyper by us.
        Err(error) if error.is_user() => {
            Err(Trouble::Request(StatusCode::BAD_REQUEST, "its body broke off"))
        }
        Err(error) => Err(Trouble::Broken(explain(&error))),
    }
}

/// What went wrong on a connection to a backend, in words.
pub(super) fn explain(error: &hyper::Error) -> String {
    if error.is_parse_too_large() {
        return "its headers are too large".to_owned();
    }
    if error.is_parse() {
        return "what it sent is not HTTP".to_owned();
    }
    if error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
        return "it closed the connection".to_owned();
    }
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(error) = cause.downcast_ref::<io::Error>() {
            return in_words(error);
        }
        source = cause.source();
    }
    error.to_string()
}

/// A socket's error, in the words that people know.
pub(super) fn in_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            "it reset the connection".to_owned()
        }
        io::ErrorKind::UnexpectedEof => "it closed the connection".to_owned(),
        io::ErrorKind::HostUnreachable => "no way to its host".to_owned(),
        io::ErrorKind::NetworkUnreachable => "no way to its network".to_owned(),
        _ => error.to_string(),
    }
}
