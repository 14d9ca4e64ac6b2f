//! A chat backend: relays each message of a client to all other clients.
//!
//! ```text
//! cargo run --example chat
//! livers examples/chat/web --proxy /ws=localhost:3000
//! ```
//!
//! Arguments, all optional: the port (default: the variable `PORT`, else 3000; 0 selects a free
//! port), the ping interval in milliseconds, and the folder of the built pages.
//!
//! `/ws` is a WebSocket endpoint ([`room`]). Every other path is a file of the pages that
//! `npm run build` made ([`files`]). During development livers serves the pages from source and
//! forwards only `/ws` to this server.
//!
//! Left out on purpose: TLS, accounts, a check of the `Origin` header, a limit on the number of
//! clients, and a message history. The server listens on the loopback interface only.
#![allow(clippy::print_stderr)]

mod files;
mod room;

use std::{
    convert::Infallible,
    io::{self, Write},
    net::Ipv4Addr,
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use http_body_util::Full;
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        handshake::server::create_response_with_body,
        protocol::{Role, WebSocketConfig},
    },
};

use room::Room;

/// Size in bytes above which a message ends the connection.
const MAX_MESSAGE: usize = 64 * 1024;
/// Default interval between pings.
const PING: Duration = Duration::from_secs(10);

/// State that all connections share.
struct Backend {
    room: Arc<Room>,
    /// The folder of the built pages.
    folder: PathBuf,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("chat: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> io::Result<()> {
    let port = match argument(1)? {
        Some(port) => port,
        None => number(std::env::var("PORT").ok())?.unwrap_or(3000),
    };
    let ping = argument(2)?.map_or(PING, Duration::from_millis);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    writeln!(io::stdout(), "chat: listening on http://{}", listener.local_addr()?)?;
    io::stdout().flush()?;

    let folder = std::env::args_os().nth(3).map_or_else(|| files::BUILT.into(), PathBuf::from);
    let backend = Arc::new(Backend { room: Arc::new(Room::new(ping)), folder });
    let mut ctrl_c = std::pin::pin!(tokio::signal::ctrl_c());
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(tokio::spawn(serve(stream, Arc::clone(&backend)))),
                // Usually too many open files: wait until some connections end.
                Err(_) => sleep(Duration::from_millis(100)).await,
            },
            _ = &mut ctrl_c => break,
        }
    }
    // Send every client a close frame, but do not wait for clients that do not read.
    let _ = timeout(Duration::from_secs(1), backend.room.close()).await;
    Ok(())
}

fn argument<N: std::str::FromStr>(at: usize) -> io::Result<Option<N>> {
    number(std::env::args().nth(at))
}

fn number<N: std::str::FromStr>(text: Option<String>) -> io::Result<Option<N>> {
    let parse = |text: String| {
        text.parse().map_err(|_| io::Error::other(format!("not a valid number: {text:?}")))
    };
    text.map(parse).transpose()
}

/// Serves one HTTP connection until it closes or is upgraded.
async fn serve(stream: TcpStream, backend: Arc<Backend>) {
    let _ = stream.set_nodelay(true); // messages are short and should arrive at once
    let service = service_fn(|request| {
        let backend = Arc::clone(&backend);
        async move { Ok::<_, Infallible>(answer(request, &backend).await) }
    });
    let _ = http1::Builder::new()
        .timer(TokioTimer::new()) // enables hyper's timeout for request heads
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
}

async fn answer(request: Request<Incoming>, backend: &Backend) -> Response<Full<Bytes>> {
    if request.uri().path() == "/ws" {
        return upgrade(request, &backend.room);
    }
    files::answer(&backend.folder, request.method(), request.uri().path()).await
}

/// Accepts a WebSocket, and adds the client to the room.
fn upgrade(request: Request<Incoming>, room: &Arc<Room>) -> Response<Full<Bytes>> {
    let switching = match create_response_with_body(&request, Full::default) {
        Ok(switching) => switching,
        Err(error) => {
            let text = format!("Not a WebSocket request: {error}\n");
            let mut response = Response::new(text.into());
            *response.status_mut() = StatusCode::UPGRADE_REQUIRED;
            return response;
        }
    };
    // Join before the client sees the response, so that it misses no message.
    let member = room.join();
    room.tasks.spawn(async move {
        // Resolves once hyper has sent the response and released the connection.
        let Ok(upgraded) = hyper::upgrade::on(request).await else { return };
        let io = TokioIo::new(upgraded);
        let config = WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE));
        let socket = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await;
        // An error means that the connection is lost: there is nothing left to do.
        let _ = member.run(socket).await;
    });
    switching
}
