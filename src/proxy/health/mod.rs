//! Which backends can be reached, said once, and who waits for one.
//!
//! A backend is down when no connection to it can be opened, and up again with the next one that
//! can, be it a request's or the probe's. When a connection ends that the backend had no reason to
//! end (an idle one, a WebSocket, the middle of an answer), and pages of it are open, one is opened to
//! see: a restart is noticed although nobody asks for anything.
//!
//! While it is down and somebody waits, one probe for each backend knocks (after 100 ms, then more
//! seldom, at last every second). Those who wait are requests, for a bounded time; pages that say
//! that it is down; and pages of its own that are open. When the probe is heard, the requests go on,
//! and the paths of the pages are handed over as changed: they reload.
//!
//! Left out on purpose: answers that are broken, or never come. They are told one by one: a backend
//! that takes connections and fails would otherwise reload its pages for ever. Nothing is probed
//! that nobody waits for.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep, timeout_at},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    dial::{Unreachable, dial},
    listener::{Became, Listener, Look},
    route::{Route, best},
    tls::Tls,
    upstream::{Place, Upstream},
};
use crate::{
    change::{Change, ChangeSet, Kind},
    event::{Event, Events},
};

/// How many pages are remembered for each backend; of more, the oldest are forgotten, and have to
/// be reloaded by hand.
const WAITING: usize = 256;

/// How often it is looked who listens, while pages of a backend are open, and how often in vain for
/// pages: one that was just sent has not said yet that it is open.
const LOOK: Duration = Duration::from_millis(500);
const LOOKS: usize = 20;

const FIRST_PROBE: Duration = Duration::from_millis(100);
const SLOWEST_PROBE: Duration = Duration::from_secs(1);

/// The open pages, as far as backends go.
#[derive(Clone)]
pub(crate) struct Pages {
    /// The paths of all open pages.
    pub(crate) open: Arc<dyn Fn() -> Vec<String> + Send + Sync>,
    /// Told which pages can be loaded now.
    pub(crate) reload: Arc<dyn Fn(ChangeSet) + Send + Sync>,
}

/// What is known of all backends. Clones share it.
#[derive(Clone)]
pub(super) struct Health {
    /// Two routes to one backend share its state.
    backends: Arc<Mutex<HashMap<Place, State>>>,
    pub(super) routes: Arc<[Route]>,
    pub(super) events: Events,
    pub(super) tls: Tls,
    pub(super) pages: Pages,
    pub(super) tasks: TaskTracker,
    pub(super) cancel: CancellationToken,
}

/// What is known of one backend.
#[derive(Debug, Default)]
struct State {
    down: bool,
    probing: bool,
    /// Somebody is having a look.
    doubted: bool,
    /// It is looked who listens.
    attended: bool,
    /// The pages that say that it is down.
    waiting: VecDeque<String>,
    /// How many requests wait.
    held: usize,
    /// How many times it was found to be back.
    recoveries: u64,
    up: Arc<Notify>,
}

/// Who will wait for a backend that failed.
#[derive(Clone, Copy, Debug)]
enum Who<'p> {
    Nobody,
    Page(&'p str),
    Request,
}

/// What follows from a failure.
#[derive(Debug, PartialEq, Eq)]
struct Failed {
    /// It was not known before.
    news: bool,
    /// Somebody waits, and nobody probes yet.
    probe: bool,
}

impl State {
    /// No connection could be opened. `behind` says that pages of it are open.
    fn failed(&mut self, who: Who<'_>, behind: bool) -> Failed {
        let news = !self.down;
        self.down = true;
        match who {
            Who::Page(page) => {
                self.waiting.retain(|waiting| waiting != page);
                if self.waiting.len() == WAITING {
                    self.waiting.pop_front();
                }
                self.waiting.push_back(page.to_owned());
            }
            Who::Request => self.held += 1,
            Who::Nobody => {}
        }
        let probe = !self.probing && self.is_waited_for(behind);
        self.probing |= probe;
        Failed { news, probe }
    }

    /// A connection was opened: the pages to be told, if that is news.
    fn answered(&mut self) -> Option<VecDeque<String>> {
        let waiting = std::mem::take(&mut self.waiting);
        self.up.notify_waiters();
        self.recoveries += u64::from(self.down);
        std::mem::take(&mut self.down).then_some(waiting)
    }

    /// Whether there is still something to probe for; otherwise the probe ends.
    fn probes_on(&mut self, behind: bool) -> bool {
        self.probing = self.down && self.is_waited_for(behind);
        self.probing
    }

    fn is_waited_for(&self, behind: bool) -> bool {
        behind || self.held > 0 || !self.waiting.is_empty()
    }
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

    /// No connection could be opened. `page` is the path of the navigation that is told so.
    pub(super) fn failed(&self, upstream: &Upstream, why: &str, page: Option<&str>) {
        self.fail(upstream, why, page.map_or(Who::Nobody, Who::Page));
    }

    fn fail(&self, upstream: &Upstream, why: &str, who: Who<'_>) {
        let behind = !self.behind(upstream).is_empty();
        let mut backends = self.backends();
        let state = backends.entry(upstream.place().clone()).or_default();
        let Failed { news, probe } = state.failed(who, behind);
        drop(backends);
        if news {
            let backend = upstream.to_string();
            self.events.emit(Event::BackendDown { backend, why: why.to_owned() });
        }
        if probe {
            let probing = self.clone().probe(upstream.clone());
            let cancel = self.cancel.clone();
            self.tasks.spawn(async move { cancel.run_until_cancelled_owned(probing).await });
        }
    }

    /// Waits until a backend that could not be reached is up again, or for no longer than this.
    pub(super) async fn up_again(
        &self,
        upstream: &Upstream,
        why: &Unreachable,
        until: Instant,
    ) -> bool {
        if Instant::now() >= until {
            return false;
        }
        self.fail(upstream, &why.why, Who::Request);
        let _held = Held { health: self, upstream };
        let up = self.backends().get(upstream.place()).map(|state| Arc::clone(&state.up));
        let Some(up) = up else { return false };
        let mut notified = std::pin::pin!(up.notified());
        notified.as_mut().enable();
        // It may have come up before somebody listened.
        let down = self.backends().get(upstream.place()).is_some_and(|state| state.down);
        !down || timeout_at(until, notified).await.is_ok()
    }

    /// A connection was opened.
    pub(super) fn answered(&self, upstream: &Upstream) {
        let news = self.backends().get_mut(upstream.place()).and_then(State::answered);
        let Some(waiting) = news else { return };
        self.events.emit(Event::BackendUp { backend: upstream.to_string() });
        let pages: ChangeSet = waiting
            .into_iter()
            .chain(self.behind(upstream))
            .map(|path| Change { path, kind: Kind::Modified })
            .collect();
        if !pages.is_empty() {
            (self.pages.reload)(pages);
        }
    }

    /// A connection ended that there was no reason to end: looks whether the backend is still there,
    /// if a page would have to know.
    pub(super) fn doubt(&self, upstream: &Upstream) {
        if self.behind(upstream).is_empty() {
            return;
        }
        let mut backends = self.backends();
        let state = backends.entry(upstream.place().clone()).or_default();
        if self.cancel.is_cancelled() || state.down || std::mem::replace(&mut state.doubted, true) {
            return;
        }
        drop(backends);
        let (health, upstream) = (self.clone(), upstream.clone());
        let look = async move {
            let dialled = dial(&upstream, &health.tls).await;
            if let Some(state) = health.backends().get_mut(upstream.place()) {
                state.doubted = false;
            }
            if let Err(why) = dialled {
                health.failed(&upstream, &why.why, None);
            }
        };
        let cancel = self.cancel.clone();
        self.tasks.spawn(async move { cancel.run_until_cancelled_owned(look).await });
    }

    /// A page is about to be shown: from now on, a restart is to be noticed.
    pub(super) fn attend(&self, upstream: &Upstream) {
        let mut backends = self.backends();
        let state = backends.entry(upstream.place().clone()).or_default();
        if std::mem::replace(&mut state.attended, true) {
            return;
        }
        drop(backends);
        let (looking, cancel) = (self.clone().look(upstream.clone()), self.cancel.clone());
        self.tasks.spawn(async move { cancel.run_until_cancelled_owned(looking).await });
    }

    /// Looks who listens as long as pages are open.
    async fn look(self, upstream: Upstream) {
        let mut before = Look { listener: Listener::Unknown, recoveries: 0 };
        let mut in_vain = 0;
        while in_vain < LOOKS {
            let (place, recoveries) = (upstream.place().clone(), self.recoveries(&upstream));
            let listener = tokio::task::spawn_blocking(move || Listener::at(&place)).await;
            let Ok(listener) = listener else { break };
            if listener == Listener::Unknown {
                break;
            }
            let now = Look { listener, recoveries };
            match before.became(&now, self.recoveries(&upstream)) {
                Became::Same => {}
                Became::Gone => self.failed(&upstream, "nobody listens there any more", None),
                Became::Another => self.failed(&upstream, "it is being started again", None),
            }
            before = now;
            sleep(LOOK).await;
            in_vain = if self.behind(&upstream).is_empty() { in_vain + 1 } else { 0 };
        }
        if let Some(state) = self.backends().get_mut(upstream.place()) {
            state.attended = false;
        }
    }

    fn recoveries(&self, upstream: &Upstream) -> u64 {
        self.backends().get(upstream.place()).map_or(0, |state| state.recoveries)
    }

    async fn probe(self, upstream: Upstream) {
        let mut delay = FIRST_PROBE;
        loop {
            sleep(delay).await;
            if !self.probes_on(&upstream) {
                return;
            }
            if dial(&upstream, &self.tls).await.is_ok() {
                self.answered(&upstream);
            }
            delay = (delay * 2).min(SLOWEST_PROBE);
        }
    }

    fn probes_on(&self, upstream: &Upstream) -> bool {
        let behind = !self.behind(upstream).is_empty();
        let mut backends = self.backends();
        backends.get_mut(upstream.place()).is_some_and(|state| state.probes_on(behind))
    }

    /// The open pages that a backend answers.
    fn behind(&self, upstream: &Upstream) -> Vec<String> {
        let mut pages = (self.pages.open)();
        pages.retain(|page| {
            let route = best(&self.routes, page);
            route.is_some_and(|route| route.upstream().place() == upstream.place())
        });
        pages
    }

    fn backends(&self) -> MutexGuard<'_, HashMap<Place, State>> {
        // Nothing in here can panic half-way.
        self.backends.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that waits.
struct Held<'h> {
    health: &'h Health,
    upstream: &'h Upstream,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if let Some(state) = self.health.backends().get_mut(self.upstream.place()) {
            state.held = state.held.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests;
