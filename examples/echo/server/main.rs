//! A minimal WebSocket backend: it greets each client and echoes its messages.
//!
//! ```text
//! cargo run --example echo
//! livers examples/echo/web --proxy /ws=localhost:3000
//! ```
//!
//! The port is the first argument, or else `PORT`, or else 3000. Port 0 chooses a free one.
//!
//! A WebSocket starts as an HTTP request to switch protocols. hyper reads the request, responds
//! with `101 Switching Protocols` and hands over the connection. From then on, tokio-tungstenite
//! reads and writes WebSocket frames on it.
//!
//! Deliberately absent: TLS, accounts, a check of the `Origin` header, a limit on the number of
//! clients, and pings to detect clients that disappear. The server listens on the loopback
//! interface only.
#![allow(clippy::print_stderr)]

use std::convert::Infallible;
use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::Upgraded;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// Maximum length of a message, in bytes. A longer one closes the connection.
const MAX_MESSAGE: usize = 64 * 1024;
/// How long a client may take to receive a message.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);

const PAGE: &str = "This is the echo backend. It serves WebSockets at /ws. Serve its page with\n\
                    livers examples/echo/web --proxy /ws=localhost:3000\n";

/// State that all connections share.
#[derive(Clone, Default)]
struct Backend {
    /// Canceled when the server stops.
    stop: CancellationToken,
    /// The open WebSockets.
    sockets: TaskTracker,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("echo: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port()?)).await?;
    writeln!(io::stdout(), "echo: listening on http://{}", listener.local_addr()?)?;
    io::stdout().flush()?;

    let backend = Backend::default();
    let mut ctrl_c = std::pin::pin!(tokio::signal::ctrl_c());
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(tokio::spawn(serve(stream, backend.clone()))),
                // Probably out of file descriptors: wait for connections to close.
                Err(_) => sleep(Duration::from_millis(100)).await,
            },
            _ = &mut ctrl_c => break,
        }
    }
    // Sends a close frame to every client, and waits for one second at most.
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

/// Serves HTTP on one connection, until it closes or becomes a WebSocket.
async fn serve(stream: TcpStream, backend: Backend) {
    let service = service_fn(|request| {
        let backend = backend.clone();
        async move { Ok::<_, Infallible>(respond(request, &backend)) }
    });
    let _ = http1::Builder::new()
        .timer(TokioTimer::new()) // enables the time limit for incomplete requests
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
}

fn respond(request: Request<Incoming>, backend: &Backend) -> Response<Full<Bytes>> {
    if request.uri().path() != "/ws" {
        return Response::new(PAGE.into());
    }
    // Validates the handshake, and computes `Sec-WebSocket-Accept`.
    match create_response_with_body(&request, Full::default) {
        Ok(switching) => {
            let stop = backend.stop.clone();
            backend.sockets.spawn(async move {
                // Resolves once hyper has sent the response and released the connection.
                let Ok(upgraded) = hyper::upgrade::on(request).await else { return };
                let config = WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE));
                let io = TokioIo::new(upgraded);
                let socket = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await;
                // The client is gone, so an error cannot be reported to it.
                let _ = echo(socket, stop).await;
            });
            switching
        }
        Err(error) => {
            let mut refusal = Response::new(format!("Not a WebSocket request: {error}\n").into());
            *refusal.status_mut() = StatusCode::UPGRADE_REQUIRED;
            refusal
        }
    }
}

/// Greets the client and echoes its messages.
async fn echo(mut socket: Socket, stop: CancellationToken) -> Result<(), Error> {
    send(&mut socket, "Hello WebSocket".into()).await?;
    loop {
        let received = tokio::select! {
            received = socket.next() => received,
            () = stop.cancelled() => {
                let reason = "the server is going away".into();
                return socket.close(Some(CloseFrame { code: CloseCode::Away, reason })).await;
            }
        };
        match received {
            Some(Ok(Message::Text(text))) => {
                send(&mut socket, format!("I heard you say \"{text}\"")).await?;
            }
            // The library responds to pings and to the closing handshake.
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(error),
            None => return Ok(()),
        }
    }
}

/// Sends a message. Nothing is read meanwhile, so a slow client delays only itself.
async fn send(socket: &mut Socket, text: String) -> Result<(), Error> {
    timeout(SEND_TIMEOUT, socket.send(Message::text(text)))
        .await
        .map_err(|_| Error::Io(io::ErrorKind::TimedOut.into()))?
}
