//! Tests of the proxy over real sockets: the browser and the backend are scripts of raw bytes, and
//! between them is hyper's server with [`Proxy::forward`].
//!
//! Every wait has a deadline.

mod faults;
mod headers;
mod http;
mod informational;
mod restart;
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
    event::{Event, Events, Record},
    http::body::{FlushedBeforeError, full},
    http::informational::{InformationalStream, InformationalWriter},
};

/// Awaits a future that must complete within 20 seconds.
async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("within 20 s")
}

/// A server that only proxies.
struct TestProxy {
    address: SocketAddr,
    events: broadcast::Receiver<Record>,
    /// The paths of open pages.
    pages: Arc<std::sync::Mutex<Vec<String>>>,
    reloads: mpsc::UnboundedReceiver<ChangeSet>,
    tasks: TaskTracker,
    cancel: CancellationToken,
}

impl TestProxy {
    /// Proxies all paths to a backend. A request with `Sec-Fetch-Dest: document` is a navigation.
    async fn to(backend: SocketAddr) -> Self {
        Self::with_routes(&[&format!("/={backend}")]).await
    }

    async fn with_routes(routes: &[&str]) -> Self {
        Self::with_options(routes, Options::default()).await
    }

    async fn with_options(routes: &[&str], options: Options) -> Self {
        let routes = routes.iter().map(|route| route.parse().unwrap()).collect();
        let options = Options { routes, ..options };
        let open_pages: Arc<std::sync::Mutex<Vec<String>>> = Arc::default();
        let open = Arc::clone(&open_pages);
        let events = Events::default();
        let (tasks, cancel) = (TaskTracker::new(), CancellationToken::new());
        let (sender, reloads) = mpsc::unbounded_channel();
        let pages = Pages {
            open: Arc::new(move || open.lock().unwrap().clone()),
            reload: Arc::new(move |pages| sender.send(pages).unwrap_or_default()),
        };
        let subscription = events.subscribe();
        let proxy = Arc::new(Proxy::new(options, events, tasks.clone(), cancel.clone(), pages));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((socket, peer)) = listener.accept().await {
                // Like the real server: Nagle's algorithm would delay every chunk by 40 ms.
                socket.set_nodelay(true).unwrap();
                let proxy = proxy.clone();
                let writer = InformationalWriter::default();
                let socket = InformationalStream::new(socket, writer.clone());
                let service = service_fn(move |mut request: Request<Incoming>| {
                    let proxy = proxy.clone();
                    request.extensions_mut().insert(writer.clone());
                    async move {
                        let client = Client { address: peer.ip(), https: false, local: true };
                        let page = request.headers().get("sec-fetch-dest");
                        let page = page.is_some_and(|dest| dest == "document");
                        let response = match proxy.route(request.uri().path()) {
                            Some(route) => proxy.forward(route, request, client, page).await,
                            None => Response::new(full("no route")),
                        };
                        Ok::<_, Infallible>(response.map(FlushedBeforeError::new))
                    }
                });
                let connection = http1::Builder::new()
                    .preserve_header_case(true)
                    .serve_connection(TokioIo::new(socket), service)
                    .with_upgrades();
                tokio::spawn(connection);
            }
        });
        Self { address, events: subscription, pages: open_pages, reloads, tasks, cancel }
    }

    /// Opens a connection and sends bytes on it.
    async fn browser(&self, sent: &str) -> TcpStream {
        let mut socket = TcpStream::connect(self.address).await.unwrap();
        socket.write_all(sent.as_bytes()).await.unwrap();
        socket
    }

    /// Sends a `GET` on its own connection, and returns the whole response.
    async fn get(&self, path: &str, fields: &str) -> String {
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{fields}\r\n");
        let mut socket = self.browser(&request).await;
        read_all(&mut socket).await
    }

    /// Returns the next event.
    async fn event(&mut self) -> Event {
        soon(self.events.recv()).await.unwrap().event
    }

    /// Returns the reason in the next event, which must be a `BackendFault`.
    async fn fault(&mut self) -> String {
        match self.event().await {
            Event::BackendFault { why, .. } => why,
            other => panic!("{other:?}"),
        }
    }

    fn expect_no_event(&mut self) {
        let event = self.events.try_recv();
        assert!(event.is_err(), "unexpected {event:?}");
    }
}

/// A backend scripted by the test.
struct Backend(TcpListener);

impl Backend {
    async fn new() -> (Self, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (Self(listener), address)
    }

    /// Returns a bound socket that does not listen, and its address.
    fn down() -> (TcpSocket, SocketAddr) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = socket.local_addr().unwrap();
        (socket, address)
    }

    /// Accepts the next connection.
    async fn accept(&self) -> TcpStream {
        soon(self.0.accept()).await.unwrap().0
    }

    /// Accepts the next connection, and reads the head of a request.
    async fn receive(&self) -> (TcpStream, String) {
        let mut socket = self.accept().await;
        let received = read_head(&mut socket).await;
        (socket, received)
    }

    /// Responds to the next request and keeps the connection open.
    async fn respond_and_keep(&self, response: &str) -> TcpStream {
        let (mut socket, _) = self.receive().await;
        socket.write_all(response.as_bytes()).await.unwrap();
        socket
    }

    /// Responds to the next request and closes. Returns the head of the request.
    async fn respond(&self, response: &str) -> String {
        let (mut socket, received) = self.receive().await;
        socket.write_all(response.as_bytes()).await.unwrap();
        received
    }
}

/// Reads up to the end of a head, and no further.
async fn read_head(socket: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        bytes.push(soon(socket.read_u8()).await.unwrap());
    }
    String::from_utf8(bytes).unwrap()
}

/// Reads these bytes.
async fn read_exactly(socket: &mut TcpStream, expected: &str) {
    let mut bytes = vec![0; expected.len()];
    soon(socket.read_exact(&mut bytes)).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&bytes), expected);
}

/// Reads until the connection ends, in order or by a reset.
async fn read_all(socket: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let _ = soon(socket.read_to_end(&mut bytes)).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Waits until the peer closes the connection, in order or by a reset.
async fn wait_closed(socket: &mut TcpStream) {
    let _ = read_all(socket).await;
}

/// Closes a connection with a RST.
fn reset(socket: TcpStream) {
    socket.set_zero_linger().unwrap();
    drop(socket);
}
