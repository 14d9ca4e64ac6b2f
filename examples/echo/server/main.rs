//! The first WebSocket lesson: a backend that greets, and repeats what it hears.
//!
//! ```text
//! cargo run --example echo
//! livers examples/echo/web --proxy /ws=localhost:3000
//! ```
//!
//! The port is the first argument, else `PORT`, else 3000; 0 takes any free one.
//!
//! A WebSocket starts its life as an HTTP request that asks to become something else. So hyper
//! reads the request and answers `101 Switching Protocols`, then hands over the bare connection,
//! on which tokio-tungstenite speaks WebSocket from there on.
//!
//! Left out on purpose: TLS, accounts, a check of the `Origin` header, a limit on the number of
//! clients, and pings that would find out a client which vanished without a word. The server
//! listens on the loopback interface only.
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

/// The longest message taken; a longer one ends the conversation.
const MAX_MESSAGE: usize = 64 * 1024;
/// How long a client may take to accept what it is sent.
const PATIENCE: Duration = Duration::from_secs(10);

const PAGE: &str = "This is the echo backend. It speaks WebSocket at /ws; its page is served by\n\
                    livers examples/echo/web --proxy /ws=localhost:3000\n";

/// What every connection shares: how to learn that it is over, and who is still talking.
#[derive(Clone, Default)]
struct Backend {
    stop: CancellationToken,
    talks: TaskTracker,
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
                // Out of file descriptors, most likely: let some connections end first.
                Err(_) => sleep(Duration::from_millis(100)).await,
            },
            _ = &mut ctrl_c => break,
        }
    }
    // Everyone gets a proper goodbye, but nobody can hold up the exit.
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

/// Speaks HTTP on one connection, until it ends or becomes a WebSocket.
async fn serve(stream: TcpStream, backend: Backend) {
    let service = service_fn(|request| {
        let backend = backend.clone();
        async move { Ok::<_, Infallible>(answer(request, &backend)) }
    });
    let _ = http1::Builder::new()
        .timer(TokioTimer::new()) // with it, hyper gives up on a request that never ends
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
}

fn answer(request: Request<Incoming>, backend: &Backend) -> Response<Full<Bytes>> {
    if request.uri().path() != "/ws" {
        return Response::new(PAGE.into());
    }
    // Checks the headers of the request and proves with `Sec-WebSocket-Accept` that it did.
    match create_response_with_body(&request, Full::default) {
        Ok(switching) => {
            let stop = backend.stop.clone();
            backend.talks.spawn(async move {
                // Resolves once hyper has sent the answer and let go of the connection.
                let Ok(upgraded) = hyper::upgrade::on(request).await else { return };
                let config = WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE));
                let io = TokioIo::new(upgraded);
                let socket = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await;
                // However the conversation ends, there is nobody left to tell.
                let _ = converse(socket, stop).await;
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

/// The lesson itself.
async fn converse(mut socket: Socket, stop: CancellationToken) -> Result<(), Error> {
    say(&mut socket, "Hello WebSocket".into()).await?;
    loop {
        let heard = tokio::select! {
            heard = socket.next() => heard,
            () = stop.cancelled() => {
                let reason = "the server is going away".into();
                return socket.close(Some(CloseFrame { code: CloseCode::Away, reason })).await;
            }
        };
        match heard {
            Some(Ok(Message::Text(text))) => {
                say(&mut socket, format!("I heard you say \"{text}\"")).await?;
            }
            // Pings and the closing handshake are answered by the library on the way.
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(error),
            None => return Ok(()),
        }
    }
}

/// Sends, and does not read on before it is sent: a slow client waits for itself.
async fn say(socket: &mut Socket, text: String) -> Result<(), Error> {
    timeout(PATIENCE, socket.send(Message::text(text)))
        .await
        .map_err(|_| Error::Io(io::ErrorKind::TimedOut.into()))?
}
