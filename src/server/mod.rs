//! The server: builds its parts from a [`Config`], accepts connections, and shuts down.
//!
//! [`Server::bind`] reports every error of starting. After it, nothing ends the server but the
//! future given to [`Server::run_until`].
//!
//! **Shutdown.** The listeners close, reload sockets and tunnels are closed, and requests in
//! progress have one second to finish. Then the remaining connections are closed. Blocking calls,
//! such as reads of a dead network mount, are not waited for longer than that: within two seconds
//! [`Server::run_until`] returns and leaves them to the runtime, as long as the runtime has a
//! thread that is not blocked. A program that ends then must not wait for them either
//! (`Runtime::shutdown_background`).

mod accept;
mod activity;
mod assemble;
mod connection;
mod control;
mod half_close;
mod host_names;
mod limit;
mod linger;
mod listen;
mod project;
mod request;

use std::{
    future::Future,
    net::{IpAddr, SocketAddr},
    path::Path,
    sync::Arc,
    time::Duration,
};

use tokio::{net::TcpListener, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use self::control::Control;
use self::{
    assemble::Folders,
    host_names::host_names,
    limit::{Close, ConnectionLimiter},
    listen::{listen, resolve},
    project::Project,
};
use crate::{
    config::Config,
    error::Error,
    esm::Esm,
    event::{Event, Events},
    live::reload::hub::Hub,
    site::Site,
    watch::Watch,
};

/// The port to listen on if none is configured.
const DEFAULT_PORT: u16 = 8080;

/// How long requests in progress may take to finish when the server stops.
const GRACE: Duration = Duration::from_secs(1);

/// How long tasks may take to end after that, and then the watch.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(300);

/// A server whose sockets are open. [`run_until`](Self::run_until) serves requests.
pub struct Server {
    site: Arc<Site>,
    host: Option<String>,
    addresses: Vec<SocketAddr>,
    listeners: Vec<TcpListener>,
    port: u16,
    requested_port: u16,
    open: Option<String>,
    control: Control,
    tasks: TaskTracker,
    cancel: CancellationToken,
}

impl Server {
    /// Opens the sockets and begins to watch the folders. Clients can connect from here on; they
    /// are served once [`run_until`](Self::run_until) is polled.
    ///
    /// Subscribe to `events` before the call to receive all of them.
    ///
    /// # Errors
    /// A folder, an address, or another setting is invalid, or the system refuses a resource.
    pub async fn bind(mut config: Config, events: Events) -> Result<Self, Error> {
        if let Some(error) = config.contradiction() {
            return Err(error);
        }
        let addresses = resolve(config.host.as_deref()).await?;
        let recorded = events.subscribe();
        let apply = tokio::task::spawn_blocking(move || {
            let project = Project::apply(&mut config);
            (config, project)
        });
        let (config, project) = apply.await.map_err(|error| Error::System(error.to_string()))?;
        let hub = Hub::new(config.reload);
        let folders = tokio::task::spawn_blocking({
            let (config, hub, events) = (config.clone(), Arc::clone(&hub), events.clone());
            let settings = project.as_ref().map(|project| Arc::clone(&project.settings));
            move || Folders::open(&config, &settings.unwrap_or_default(), &hub, &events)
        });
        let folders = folders.await.map_err(|error| Error::System(error.to_string()))??;
        let requested_port = config.port.unwrap_or(DEFAULT_PORT);
        let listening = match listen(&addresses, requested_port, config.strict_port).await {
            Ok(listening) => listening,
            Err(error) => {
                stop(folders.watch, None).await;
                return Err(error);
            }
        };
        if let Some(project) = &project {
            project.report(&events);
        }
        for (setting, why) in config.without_effect() {
            events.emit(Event::SettingUnused { setting: setting.into(), why });
        }
        let (tasks, cancel) = (TaskTracker::new(), CancellationToken::new());
        let host = config.host.clone();
        let mut config = config;
        if !addresses.iter().all(IpAddr::is_loopback) {
            config.allowed_host.extend(host_names());
        }
        let control = Control::new(Arc::clone(&hub), Arc::clone(&folders.hold), events.clone());
        let site = assemble::site(config, folders, hub, events, &tasks, &cancel);
        tasks.spawn(Arc::clone(&site.log).record(recorded));
        let server = Self {
            site: Arc::new(site),
            host,
            addresses: listening.addresses(),
            port: listening.port,
            listeners: listening.listeners,
            requested_port,
            open: project.and_then(|project| project.settings.server.open.clone()),
            control,
            tasks,
            cancel,
        };
        server.site.events.emit(Event::Listening {
            url: server.url(),
            root: server.root().to_owned(),
            livers: env!("CARGO_PKG_VERSION").into(),
        });
        Ok(server)
    }

    /// Returns a handle that controls the server while it runs.
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// Returns the URL to open on this machine.
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

    /// Returns the path that the project's `vite.config.*` opens in the browser.
    pub fn open_path(&self) -> Option<&str> {
        self.open.as_deref()
    }

    /// Returns the addresses that the server listens on.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Returns the configured port if it was in use, so that the server listens on another one.
    pub fn port_in_use(&self) -> Option<u16> {
        (self.requested_port != 0 && self.requested_port != self.port)
            .then_some(self.requested_port)
    }

    /// Returns the id of this run of the server, `boot` in its messages and its status.
    pub fn boot(&self) -> &str {
        self.site.live.hub().boot()
    }

    /// Returns the proxy routes, as text.
    pub fn routes(&self) -> &[String] {
        &self.site.routes
    }

    /// Returns the served folder, as an absolute path.
    pub fn root(&self) -> &Path {
        self.site.root.path()
    }

    /// Returns the number of watched folders.
    pub fn folders(&self) -> usize {
        self.site.watch.folders()
    }

    /// Returns why folders are polled, or `None` if none are.
    pub fn polling(&self) -> Option<String> {
        self.site.watch.polling().map(|why| why.to_string())
    }

    /// Serves requests until the future ends, then shuts down. Returns when every task has ended,
    /// or after two seconds.
    pub async fn run_until(self, stop_requested: impl Future<Output = ()>) {
        let Self { site, listeners, tasks, cancel, .. } = self;
        let limiter = ConnectionLimiter::new();
        tokio::select! {
            () = stop_requested => {}
            () = accept::accept(listeners, &limiter, &site, &tasks) => {}
        }
        cancel.cancel();
        limiter.close_all(Close::Gracefully);
        tasks.close();
        if timeout(GRACE, tasks.wait()).await.is_err() {
            limiter.close_all(Close::Now);
            let _ = timeout(CLOSE_TIMEOUT, tasks.wait()).await;
        }
        // A look at a dead network mount can block the watch's thread.
        let (watch, esm) = (Arc::clone(&site.watch), site.esm.clone());
        let _ = timeout(CLOSE_TIMEOUT, stop(watch, esm)).await;
    }
}

/// Stops a watch and waits for its thread. Ends the processes that compile.
async fn stop(watch: Arc<Watch>, esm: Option<Arc<Esm>>) {
    let stop = move || {
        if let Some(esm) = esm {
            esm.stop();
        }
        watch.stop();
    };
    // This fails only if the runtime is shutting down, which ends the thread too.
    let _ = tokio::task::spawn_blocking(stop).await;
}
