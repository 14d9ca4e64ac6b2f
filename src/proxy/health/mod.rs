//! Tracks which backends are up, and reloads the pages of one that has come up again.
//!
//! A backend is down once no connection to it can be opened, and up again with the next one that
//! can, be it a request's or a probe's. When a connection ends unexpectedly (an idle one, a
//! WebSocket, or one in the middle of a response) while pages of the backend are open, a connection
//! is opened to [verify](Health::verify) that the backend is still there. Where the system can list
//! the [`listener`](super::listener), it is [monitored](Health::monitor) while pages are open.
//!
//! While a backend is down and awaited, one task probes it, first after 100 ms, then less often, at
//! last every second. Requests await it, for a limited time; so do error pages and other open pages
//! of the backend. Once a probe connects, the requests go on and the pages are reloaded.
//!
//! Deliberately absent: backends that accept connections and fail. Their failures are reported one
//! by one; reloading their pages could go on forever. A backend that nothing awaits is not probed.

mod state;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::state::{Failed, State, Waiter};
use super::{
    connect::connect,
    error::ConnectError,
    listener::{Listener, Observation, Transition},
    route::{Route, longest_match},
    tls::Tls,
    upstream::{Endpoint, Upstream},
};
use crate::{
    change::{Change, ChangeSet, Kind},
    event::{Event, Events},
};

/// Interval at which the listener of a backend is observed, and how many times without an open
/// page: a page that was just sent has not connected its reload socket yet.
const MONITOR_INTERVAL: Duration = Duration::from_millis(500);
const MONITORS_WITHOUT_PAGES: usize = 20;

/// Delay of the first probe. It doubles up to [`MAX_PROBE_DELAY`].
const MIN_PROBE_DELAY: Duration = Duration::from_millis(100);
const MAX_PROBE_DELAY: Duration = Duration::from_secs(1);

/// The pages that are open in tabs.
#[derive(Clone)]
pub(crate) struct Pages {
    /// Returns the paths of all open pages.
    pub(crate) open: Arc<dyn Fn() -> Vec<String> + Send + Sync>,
    /// Reloads pages.
    pub(crate) reload: Arc<dyn Fn(ChangeSet) + Send + Sync>,
}

/// The health of all backends. Clones share it.
#[derive(Clone)]
pub(super) struct Health {
    /// Two routes to one endpoint share its state.
    backends: Arc<Mutex<HashMap<Endpoint, State>>>,
    routes: Arc<[Route]>,
    pub(super) events: Events,
    tls: Tls,
    pages: Pages,
    tasks: TaskTracker,
    cancel: CancellationToken,
}

impl Health {
    pub(super) fn new(
        routes: Arc<[Route]>,
        events: Events,
        tls: Tls,
        pages: Pages,
        tasks: TaskTracker,
        cancel: CancellationToken,
    ) -> Self {
        Self { backends: Arc::default(), routes, events, tls, pages, tasks, cancel }
    }

    /// Records that no connection could be opened. `page` is the path of the error page, if the
    /// request was a navigation.
    pub(super) fn failed(&self, upstream: &Upstream, reason: &str, page: Option<&str>) {
        self.record_failure(upstream, reason, page.map_or(Waiter::None, Waiter::Page));
    }

    fn record_failure(&self, upstream: &Upstream, reason: &str, waiter: Waiter<'_>) {
        let has_pages = !self.open_pages(upstream).is_empty();
        let mut backends = self.backends();
        let state = backends.entry(upstream.endpoint().clone()).or_default();
        let Failed { is_news, start_probe } = state.failed(waiter, has_pages);
        drop(backends);
        if is_news {
            let (backend, why) = (upstream.to_string(), reason.to_owned());
            self.events.emit(Event::BackendDown { backend, why });
        }
        if start_probe {
            self.spawn(self.clone().probe(upstream.clone()));
        }
    }

    /// Waits until an unreachable backend is up. Returns `false` if it is not by the deadline.
    pub(super) async fn wait_until_up(
        &self,
        upstream: &Upstream,
        error: &ConnectError,
        deadline: Instant,
    ) -> bool {
        if Instant::now() >= deadline {
            return false;
        }
        self.record_failure(upstream, &error.reason, Waiter::Request);
        let _waiting = WaitingRequest { health: self, upstream };
        let up = self.backends().get(upstream.endpoint()).map(|state| Arc::clone(&state.up));
        let Some(up) = up else { return false };
        let mut notified = std::pin::pin!(up.notified());
        notified.as_mut().enable();
        // It may have come up before the notification was enabled.
        let down = self.backends().get(upstream.endpoint()).is_some_and(|state| state.down);
        !down || timeout_at(deadline, notified).await.is_ok()
    }

    /// Records that a connection was opened. If the backend was down, reloads its pages.
    pub(super) fn connected(&self, upstream: &Upstream) {
        let recovered = self.backends().get_mut(upstream.endpoint()).and_then(State::connected);
        let Some(waiting) = recovered else { return };
        self.events.emit(Event::BackendUp { backend: upstream.to_string() });
        let pages: ChangeSet = waiting
            .into_iter()
            .chain(self.open_pages(upstream))
            .map(|path| Change { path, kind: Kind::Modified })
            .collect();
        if !pages.is_empty() {
            (self.pages.reload)(pages);
        }
    }

    /// Checks in a task whether the backend still accepts connections, if pages of it are open.
    /// Called when a connection has ended unexpectedly.
    pub(super) fn verify(&self, upstream: &Upstream) {
        if self.open_pages(upstream).is_empty() {
            return;
        }
        let mut backends = self.backends();
        let state = backends.entry(upstream.endpoint().clone()).or_default();
        if self.cancel.is_cancelled() || state.down || std::mem::replace(&mut state.verifying, true)
        {
            return;
        }
        drop(backends);
        let (health, upstream) = (self.clone(), upstream.clone());
        self.spawn(async move {
            let connected = connect(&upstream, &health.tls).await;
            if let Some(state) = health.backends().get_mut(upstream.endpoint()) {
                state.verifying = false;
            }
            if let Err(error) = connected {
                health.failed(&upstream, &error.reason, None);
            }
        });
    }

    /// Starts to monitor the backend's listener, because one of its pages is about to be shown.
    pub(super) fn monitor(&self, upstream: &Upstream) {
        let mut backends = self.backends();
        let state = backends.entry(upstream.endpoint().clone()).or_default();
        if std::mem::replace(&mut state.monitored, true) {
            return;
        }
        drop(backends);
        self.spawn(self.clone().observe(upstream.clone()));
    }

    /// Observes the listener while pages are open.
    async fn observe(self, upstream: Upstream) {
        let mut before = Observation { listener: Listener::Unknown, recoveries: 0 };
        let mut without_pages = 0;
        while without_pages < MONITORS_WITHOUT_PAGES {
            let (endpoint, recoveries) = (upstream.endpoint().clone(), self.recoveries(&upstream));
            let listener = tokio::task::spawn_blocking(move || Listener::at(&endpoint)).await;
            let Ok(listener) = listener else { break };
            if listener == Listener::Unknown {
                break;
            }
            let now = Observation { listener, recoveries };
            match before.transition(&now, self.recoveries(&upstream)) {
                Transition::None => {}
                Transition::Stopped => self.failed(&upstream, "it no longer listens", None),
                Transition::Restarted => self.failed(&upstream, "it is restarting", None),
            }
            before = now;
            sleep(MONITOR_INTERVAL).await;
            let has_pages = !self.open_pages(&upstream).is_empty();
            without_pages = if has_pages { 0 } else { without_pages + 1 };
        }
        if let Some(state) = self.backends().get_mut(upstream.endpoint()) {
            state.monitored = false;
        }
    }

    fn recoveries(&self, upstream: &Upstream) -> u64 {
        self.backends().get(upstream.endpoint()).map_or(0, |state| state.recoveries)
    }

    /// Connects again and again while the backend is down and awaited.
    async fn probe(self, upstream: Upstream) {
        let mut delay = MIN_PROBE_DELAY;
        loop {
            sleep(delay).await;
            if !self.keeps_probing(&upstream) {
                return;
            }
            if connect(&upstream, &self.tls).await.is_ok() {
                self.connected(&upstream);
            }
            delay = (delay * 2).min(MAX_PROBE_DELAY);
        }
    }

    fn keeps_probing(&self, upstream: &Upstream) -> bool {
        let has_pages = !self.open_pages(upstream).is_empty();
        let mut backends = self.backends();
        backends.get_mut(upstream.endpoint()).is_some_and(|state| state.keeps_probing(has_pages))
    }

    /// Returns the paths of the open pages that a backend serves.
    fn open_pages(&self, upstream: &Upstream) -> Vec<String> {
        let mut pages = (self.pages.open)();
        pages.retain(|page| {
            let route = longest_match(&self.routes, page);
            route.is_some_and(|route| route.upstream().endpoint() == upstream.endpoint())
        });
        pages
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(self.cancel.clone().run_until_cancelled_owned(task));
    }

    fn backends(&self) -> MutexGuard<'_, HashMap<Endpoint, State>> {
        // No code that holds the lock can panic.
        self.backends.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a request among those that wait, until it is dropped.
struct WaitingRequest<'w> {
    health: &'w Health,
    upstream: &'w Upstream,
}

impl Drop for WaitingRequest<'_> {
    fn drop(&mut self) {
        if let Some(state) = self.health.backends().get_mut(self.upstream.endpoint()) {
            state.waiting_requests = state.waiting_requests.saturating_sub(1);
        }
    }
}
