//! The proxy over real sockets: a browser and a backend that are scripts of raw bytes, and between
//! them hyper's server with [`Proxy::forward`] behind it.
//!
//! Whatever is waited for has a deadline; nothing sleeps in the hope that something has happened.

mod down;
mod faults;
mod fields;
mod http;
mod interim;
mod reuse;
mod websocket;

use std::{convert::Infallible, future::Future, net::SocketAddr, sync::Arc, time::Duration};

use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{broadcast, mpsc},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Client, Options, Pages, Proxy};
use crate::{
    change::ChangeSet,
    event::{Event, Events},
    http::body::full,
    http::informational::{InformationalStream, InformationalWriter},
};

/// Awaits what must happen soon.
async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("within 20 s")
}

/// livers, as far as this room goes.
struct Front {
    address: SocketAddr,
    events: broadcast::Receiver<Event>,
    /// What is open in tabs.
    pages: Arc<std::sync::Mutex<Vec<String>>>,
    recovered: mpsc::UnboundedReceiver<ChangeSet>,
    tasks: TaskTracker,
    cancel: CancellationToken,
}

impl Front {
    /// Proxies everything to a backend. A request is a navigation when it says so as browsers do.
    async fn of(backend: SocketAddr) -> Self {
        Self::with(&[&format!("/={backend}")]).await
    }

    async fn with(routes: &[&str]) -> Self {
        Self::with_options(routes, Options::default()).await
    }

    async fn with_options(routes: &[&str], options: Options) -> Self {
        let routes = routes.iter().map(|route| route.parse().unwrap()).collect();
        let options = Options { routes, ..options };
        let open_pages: Arc<std::sync::Mutex<Vec<String>>> = Arc::default();
        let open = Arc::clone(&open_pages);
        let events = Events::default();
        let (tasks, cancel) = (TaskTracker::new(), CancellationToken::new());
        let (tell, recovered) = mpsc::unbounded_channel();
        let pages = Pages {
            open: Arc::new(move || open.lock().unwrap().clone()),
            reload: Arc::new(move |pages| tell.send(pages).unwrap_or_default()),
        };
        let seen = events.subscribe();
        let proxy = Arc::new(Proxy::new(options, events, tasks.clone(), cancel.clone(), pages));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((socket, from)) = listener.accept().await {
                // As the real server does: without it, every chunk waits 40 ms for the one before.
                socket.set_nodelay(true).unwrap();
                let proxy = proxy.clone();
                let line = InformationalWriter::default();
                let socket = InformationalStream::new(socket, line.clone());
                let service = service_fn(move |mut request: Request<Incoming>| {
                    let proxy = proxy.clone();
                    request.extensions_mut().insert(line.clone());
                    async move {
                        let from = Client { address: from.ip(), https: false };
                        let page = request.headers().get("sec-fetch-dest");
                        let page = page.is_some_and(|dest| dest == "document");
                        let Some(route) = proxy.route(request.uri().path()) else {
                            return Ok(Response::new(full("no route")));
                        };
                        Ok::<_, Infallible>(proxy.forward(route, request, from, page).await)
                    }
                });
                let connection = http1::Builder::new()
                    .preserve_header_case(true)
                    .serve_connection(TokioIo::new(socket), service)
                    .with_upgrades();
                tokio::spawn(connection);
            }
        });
        Self { address, events: seen, pages: open_pages, recovered, tasks, cancel }
    }

    /// A browser that has sent this much.
    async fn browser(&self, sent: &str) -> TcpStream {
        let mut socket = TcpStream::connect(self.address).await.unwrap();
        socket.write_all(sent.as_bytes()).await.unwrap();
        socket
    }

    /// A whole answer to a request of its own.
    async fn get(&self, path: &str, fields: &str) -> String {
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{fields}\r\n");
        let mut socket = self.browser(&request).await;
        all(&mut socket).await
    }

    /// The next event.
    async fn event(&mut self) -> Event {
        soon(self.events.recv()).await.unwrap()
    }

    /// The next event, which must be a fault; why.
    async fn fault(&mut self) -> String {
        match self.event().await {
            Event::BackendFault { why, .. } => why,
            other => panic!("{other:?} is no fault"),
        }
    }

    fn quiet(&mut self) {
        let event = self.events.try_recv();
        assert!(event.is_err(), "nothing more is told than {event:?}");
    }
}

/// A backend that the test plays itself.
struct Backend(TcpListener);

impl Backend {
    async fn new() -> (Self, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (Self(listener), address)
    }

    /// A port that is taken, and where nobody listens yet.
    fn down() -> (TcpSocket, SocketAddr) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = socket.local_addr().unwrap();
        (socket, address)
    }

    /// The next connection.
    async fn accept(&self) -> TcpStream {
        soon(self.0.accept()).await.unwrap().0
    }

    /// The next connection, and the head of the request on it.
    async fn asked(&self) -> (TcpStream, String) {
        let mut socket = self.accept().await;
        let asked = head(&mut socket).await;
        (socket, asked)
    }

    /// Answers the next request and keeps the connection.
    async fn answer_and_keep(&self, answer: &str) -> TcpStream {
        let (mut socket, _) = self.asked().await;
        socket.write_all(answer.as_bytes()).await.unwrap();
        socket
    }

    /// Answers the next request and closes.
    async fn answer(&self, answer: &str) -> String {
        let (mut socket, asked) = self.asked().await;
        socket.write_all(answer.as_bytes()).await.unwrap();
        asked
    }
}

/// Exactly the bytes up to the end of a head.
async fn head(socket: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        bytes.push(soon(socket.read_u8()).await.unwrap());
    }
    String::from_utf8(bytes).unwrap()
}

/// Exactly these bytes next.
async fn expect(socket: &mut TcpStream, expected: &str) {
    let mut bytes = vec![0; expected.len()];
    soon(socket.read_exact(&mut bytes)).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&bytes), expected);
}

/// All that comes before the connection ends, however it ends.
async fn all(socket: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let _ = soon(socket.read_to_end(&mut bytes)).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Waits for the other side's end, however it comes, ignoring what it still sends.
async fn ended(socket: &mut TcpStream) {
    let _ = all(socket).await;
}

/// Ends a connection with a RST.
fn reset(socket: TcpStream) {
    socket.set_zero_linger().unwrap();
    drop(socket);
}
