//! A scripted TCP server to proxy to.
//!
//! A closure of the test handles each connection as a [`Wire`]: it reads requests, sends raw bytes,
//! and closes the connection (by dropping it) or resets it. The backend can be stopped, which ends
//! its connections, and started again on the same port. A panic in a closure fails the test when
//! the backend is stopped or dropped. WebSocket backends pass [`Wire::into_stream`] to tungstenite.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::{JoinError, JoinHandle, JoinSet};

use super::http::Wire;
use super::{lock, within};

type Script = dyn Fn(Wire) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync;

/// A server that runs a closure of the test on each connection.
pub struct Backend {
    address: SocketAddr,
    script: Arc<Script>,
    running: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
    accepted: Arc<watch::Sender<usize>>,
    panics: Arc<Mutex<Vec<String>>>,
}

impl Backend {
    /// Listens on a free port and runs `script` on each connection.
    pub async fn start<F>(script: impl Fn(Wire) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut backend = Self {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            script: Arc::new(move |wire| Box::pin(script(wire))),
            running: None,
            accepted: Arc::default(),
            panics: Arc::default(),
        };
        backend.start_again().await;
        backend
    }

    /// Answers the first request of each connection with these bytes and closes the connection.
    pub async fn answering(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes: Arc<[u8]> = bytes.into().into();
        Self::start(move |mut wire| {
            let bytes = Arc::clone(&bytes);
            async move {
                if let Some(head) = wire.request().await {
                    wire.request_body(&head).await;
                    wire.send(&bytes).await;
                }
            }
        })
        .await
    }

    /// Returns the port, which stays the same while the backend is stopped.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Returns the URL, such as `http://127.0.0.1:3000`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the number of connections accepted so far.
    pub fn connections(&self) -> usize {
        *self.accepted.borrow()
    }

    /// Waits until `count` connections were accepted in total.
    pub async fn wait_for_connections(&self, count: usize) {
        let mut accepted = self.accepted.subscribe();
        let reached = accepted.wait_for(|accepted| *accepted >= count);
        let _ = within(&format!("connection {count} to the backend"), reached).await;
    }

    /// Stops listening and drops all connections. When this returns, new connections are refused.
    pub async fn stop(&mut self) {
        if let Some((stop, task)) = self.running.take() {
            drop(stop);
            within("the end of the backend", task).await.expect("the backend's task");
            // A child process that another test is starting inherits the listening socket until
            // exec.
            within("the end of the backend's socket", async {
                while TcpStream::connect(self.address).await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            })
            .await;
        }
        self.check();
    }

    /// Starts listening again on the same port.
    pub async fn start_again(&mut self) {
        assert!(self.running.is_none(), "the backend is running");
        let listener = TcpListener::bind(self.address).await.expect("listen");
        self.address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel();
        let (script, accepted) = (Arc::clone(&self.script), Arc::clone(&self.accepted));
        let panics = Arc::clone(&self.panics);
        let task = tokio::spawn(serve(listener, script, accepted, panics, stopped));
        self.running = Some((stop, task));
    }

    fn check(&self) {
        let panics = lock(&self.panics);
        assert!(panics.is_empty(), "the backend's script panicked: {}", panics.join("; "));
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        if let Some((_, task)) = &self.running {
            task.abort();
        }
        if !std::thread::panicking() {
            self.check();
        }
    }
}

async fn serve(
    listener: TcpListener,
    script: Arc<Script>,
    accepted: Arc<watch::Sender<usize>>,
    panics: Arc<Mutex<Vec<String>>>,
    mut stopped: oneshot::Receiver<()>,
) {
    let record = |ended: Result<(), JoinError>| {
        if let Err(error) = ended
            && let Ok(panic) = error.try_into_panic()
        {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
            lock(&panics).push(text.unwrap_or_default());
        }
    };
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut stopped => break,
            Some(ended) = connections.join_next() => record(ended),
            connection = listener.accept() => {
                let (stream, _) = connection.expect("accept");
                connections.spawn(script(Wire::over(stream)));
                accepted.send_modify(|accepted| *accepted += 1);
            }
        }
    }
    drop(listener);
    connections.abort_all();
    while let Some(ended) = connections.join_next().await {
        record(ended);
    }
}
