//! Puts the house together (the [`Builder`]), and runs it until it is told to stop.
//!
//! [`Builder::bind`] surfaces every error there can be at the start; after it, nothing ends the
//! server but the future given to [`Server::run_until`].

mod builder;
mod connection;
mod listen;
mod room;
mod seated;

use std::{
    future::Future,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::time::timeout;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use self::builder::Builder;
use self::connection::Listener;
use crate::{site::Site, watch::Watch};

/// How long answers under way may take to finish once the server stops.
const GRACE: Duration = Duration::from_secs(1);

/// A server that listens already; [`run_until`](Self::run_until) makes it answer.
pub struct Server {
    site: Arc<Site>,
    host: Option<String>,
    addresses: Vec<SocketAddr>,
    listener: Listener,
    port: u16,
    asked_port: u16,
    tasks: TaskTracker,
    cancel: CancellationToken,
}

impl Server {
    /// A server of a folder, with everything else as it is by default.
    pub fn builder(root: impl Into<PathBuf>) -> Builder {
        Builder::new(root.into())
    }

    /// The URL to open on this machine.
    pub fn url(&self) -> String {
        let host = match self.host.as_deref() {
            None => "localhost".to_owned(),
            Some(host) => match host.parse() {
                Ok(address @ (IpAddr::V4(_) | IpAddr::V6(_))) if address.is_unspecified() => {
                    "localhost".to_owned()
                }
                Ok(IpAddr::V6(address)) => format!("[{address}]"),
                _ => host.to_owned(),
            },
        };
        format!("http://{host}:{}/", self.port)
    }

    /// The sockets that it listens on.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The port that was asked for, if it was taken and another one was found.
    pub fn port_taken(&self) -> Option<u16> {
        (self.asked_port != 0 && self.asked_port != self.port).then_some(self.asked_port)
    }

    /// The routes to backends, as text.
    pub fn routes(&self) -> &[String] {
        &self.site.routes
    }

    /// The folder that is served.
    pub fn root(&self) -> &Path {
        self.site.root.path()
    }

    /// How many folders are watched.
    pub fn folders(&self) -> usize {
        self.site.watch.folders()
    }

    /// Why folders are polled, in words, if any are.
    pub fn polling(&self) -> Option<String> {
        self.site.watch.polling().map(|why| why.to_string())
    }

    /// Answers requests until the future ends; then closes every socket and waits for every task.
    pub async fn run_until(self, stopped: impl Future<Output = ()>) {
        let Self { site, listener, tasks, cancel, .. } = self;
        let abort = CancellationToken::new();
        let accept = listener.accept(&site, &tasks, &cancel, &abort);
        tokio::select! {
            () = stopped => {}
            () = accept => {}
        }
        cancel.cancel();
        tasks.close();
        if timeout(GRACE, tasks.wait()).await.is_err() {
            abort.cancel();
            tasks.wait().await;
        }
        stop(Arc::clone(&site.watch)).await;
    }
}

/// Ends a watch.
async fn stop(watch: Arc<Watch>) {
    // The thread ends on its own if this runtime is going away.
    let _ = tokio::task::spawn_blocking(move || watch.stop()).await;
}
