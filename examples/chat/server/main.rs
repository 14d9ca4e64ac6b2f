//! The backend of a chat: what one client says is given to all the others.
//!
//! ```text
//! cargo run --example chat
//! livers examples/chat/web --proxy /ws=localhost:3000
//! ```
//!
//! The port is the first argument, else `PORT`, else 3000; 0 takes any free one. The second one says
//! how many milliseconds a silent client may take to answer a ping, the third one where the built
//! pages are.
//!
//! One HTTP server does both: at `/ws` it speaks WebSocket ([`room`]), everywhere else it gives the
//! files that `npm run build` made of the pages ([`files`]). While the pages are worked on, livers
//! serves their source, and only `/ws` comes here.
//!
//! Left out on purpose: TLS, accounts, a check of the `Origin` header, a limit on the number of
//! clients, and a memory of what was said. The server listens on the loopback interface only.
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

/// The longest message taken; a longer one ends the connection.
const MAX_MESSAGE: usize = 64 * 1024;
const PING: Duration = Duration::from_secs(10);

/// What every connection shares.
struct Backend {
    room: Arc<Room>,
    /// Where the built pages are.
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
                // Out of file descriptors, most likely: let some connections end first.
                Err(_) => sleep(Duration::from_millis(100)).await,
            },
            _ = &mut ctrl_c => break,
        }
    }
    // Everyone gets a proper goodbye, but nobody can hold up the exit.
    let _ = timeout(Duration::from_secs(1), backend.room.close()).await;
    Ok(())
}

fn argument<N: std::str::FromStr>(at: usize) -> io::Result<Option<N>> {
    number(std::env::args().nth(at))
}

fn number<N: std::str::FromStr>(text: Option<String>) -> io::Result<Option<N>> {
    let read = |text: String| {
        text.parse()
            .map_err(|_| io::Error::other(format!("not a number that is allowed: {text:?}")))
    };
    text.map(read).transpose()
}

/// Speaks HTTP on one connection, until it ends or becomes a WebSocket.
async fn serve(stream: TcpStream, backend: Arc<Backend>) {
    let _ = stream.set_nodelay(true); // what is said is short, and somebody waits for it
    let service = service_fn(|request| {
        let backend = Arc::clone(&backend);
        async move { Ok::<_, Infallible>(answer(request, &backend).await) }
    });
    let _ = http1::Builder::new()
        .timer(TokioTimer::new()) // with it, hyper gives up on a request that never ends
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

/// Answers a WebSocket request, then the connection is in the room.
fn upgrade(request: Request<Incoming>, room: &Arc<Room>) -> Response<Full<Bytes>> {
    let switching = match create_response_with_body(&request, Full::default) {
        Ok(switching) => switching,
        Err(error) => {
            let mut refusal = Response::new(format!("Not a WebSocket request: {error}\n").into());
            *refusal.status_mut() = StatusCode::UPGRADE_REQUIRED;
            return refusal;
        }
    };
    // Before the client knows that it is connected: it misses nothing.
    let place = room.enter();
    room.talks.spawn(async move {
        // Resolves once hyper has sent the answer and let go of the connection.
        let Ok(upgraded) = hyper::upgrade::on(request).await else { return };
        let io = TokioIo::new(upgraded);
        let config = WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE));
        let socket = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await;
        // However it ends, there is nobody left to tell.
        let _ = place.talk(socket).await;
    });
    switching
}
