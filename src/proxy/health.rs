//! Which backends can be reached, said once, and the pages that wait for one.
//!
//! A backend is down when no connection to it can be opened, and up again with the next one that
//! can, be it a request's or the probe's. While it is down and a browser shows the page that says
//! so, one probe for each backend knocks (after 100 ms, then more seldom, at last every second);
//! when it is heard, the paths of those pages are handed over as changed, and they reload.
//!
//! Left out on purpose: answers that are broken, or never come. They are told one by one: a backend
//! that takes connections and fails would otherwise reload its pages for ever. Nothing is probed
//! that nobody waits for.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{forward::dial, upstream::Upstream};
use crate::{
    change::{Change, ChangeSet, Kind},
    event::{Event, Events},
};

/// How many pages are remembered for each backend; of more, the oldest are forgotten, and have to
/// be reloaded by hand.
const WAITING: usize = 256;

const FIRST_PROBE: Duration = Duration::from_millis(100);
const SLOWEST_PROBE: Duration = Duration::from_secs(1);

/// Told which pages can be loaded now.
pub(super) type Recovered = Arc<dyn Fn(ChangeSet) + Send + Sync>;

/// What is known of all backends. Clones share it.
#[derive(Clone)]
pub(super) struct Health {
    /// By authority: two routes to one backend share its state.
    backends: Arc<Mutex<HashMap<String, State>>>,
    events: Events,
    tasks: TaskTracker,
    cancel: CancellationToken,
    recovered: Recovered,
}

/// What is known of one backend.
#[derive(Debug, Default)]
struct State {
    down: bool,
    probing: bool,
    waiting: VecDeque<String>,
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
    /// No connection could be opened; `page` shows that and waits.
    fn failed(&mut self, page: Option<&str>) -> Failed {
        let news = !self.down;
        self.down = true;
        if let Some(page) = page {
            self.waiting.retain(|waiting| waiting != page);
            if self.waiting.len() == WAITING {
                self.waiting.pop_front();
            }
            self.waiting.push_back(page.to_owned());
        }
        let probe = !self.probing && !self.waiting.is_empty();
        self.probing |= probe;
        Failed { news, probe }
    }

    /// A connection was opened: the pages to be told, if that is news.
    fn answered(&mut self) -> Option<VecDeque<String>> {
        let waiting = std::mem::take(&mut self.waiting);
        std::mem::take(&mut self.down).then_some(waiting)
    }

    /// Whether there is still something to probe for; otherwise the probe ends.
    fn probes_on(&mut self) -> bool {
        self.probing = self.down && !self.waiting.is_empty();
        self.probing
    }
}

impl Health {
    pub(super) fn new(
        events: Events,
        tasks: TaskTracker,
        cancel: CancellationToken,
        recovered: Recovered,
    ) -> Self {
        Self { backends: Arc::default(), events, tasks, cancel, recovered }
    }

    /// No connection could be opened. `page` is the path of the navigation that is told so.
    pub(super) fn failed(&self, upstream: &Upstream, why: &str, page: Option<&str>) {
        let Failed { news, probe } =
            self.backends().entry(upstream.authority()).or_default().failed(page);
        if news {
            let backend = upstream.to_string();
            self.events.emit(Event::BackendDown { backend, why: why.to_owned() });
        }
        if probe {
            let (health, upstream) = (self.clone(), upstream.clone());
            let cancel = self.cancel.clone();
            self.tasks.spawn(async move {
                cancel.run_until_cancelled_owned(health.probe(upstream)).await;
            });
        }
    }

    /// A connection was opened.
    pub(super) fn answered(&self, upstream: &Upstream) {
        let news = self.backends().get_mut(&upstream.authority()).and_then(State::answered);
        let Some(waiting) = news else { return };
        self.events.emit(Event::BackendUp { backend: upstream.to_string() });
        let pages: ChangeSet =
            waiting.into_iter().map(|path| Change { path, kind: Kind::Modified }).collect();
        if !pages.is_empty() {
            (self.recovered)(pages);
        }
    }

    async fn probe(self, upstream: Upstream) {
        let mut delay = FIRST_PROBE;
        loop {
            tokio::time::sleep(delay).await;
            let on = self.backends().get_mut(&upstream.authority()).is_some_and(State::probes_on);
            if !on {
                return;
            }
            if dial(&upstream).await.is_ok() {
                self.answered(&upstream);
            }
            delay = (delay * 2).min(SLOWEST_PROBE);
        }
    }

    fn backends(&self) -> MutexGuard<'_, HashMap<String, State>> {
        // Nothing in here can panic half-way.
        self.backends.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{Failed, State, WAITING};

    enum Step {
        Fails(Option<&'static str>, bool, bool),
        Answers(Option<&'static [&'static str]>),
        Probes(bool),
    }
    use Step::{Answers, Fails, Probes};

    #[test]
    fn each_change_is_told_once() {
        let table: &[(&str, &[Step])] = &[
            ("up is no news", &[Answers(None), Answers(None)]),
            ("down is news once", &[Fails(None, true, false), Fails(None, false, false)]),
            (
                "up again is news once",
                &[
                    Fails(None, true, false),
                    Answers(Some(&[])),
                    Answers(None),
                    Fails(None, true, false),
                ],
            ),
            (
                "one probe for all pages",
                &[
                    Fails(None, true, false),
                    Fails(Some("/b"), false, true),
                    Fails(Some("/a"), false, false),
                    Fails(Some("/b"), false, false),
                    Probes(true),
                    Answers(Some(&["/a", "/b"])),
                    Probes(false),
                ],
            ),
            (
                "a request is faster than the probe",
                &[
                    Fails(Some("/a"), true, true),
                    Answers(Some(&["/a"])),
                    Probes(false),
                    Fails(Some("/a"), true, true),
                ],
            ),
            (
                "down again before the probe has seen it up",
                &[
                    Fails(Some("/a"), true, true),
                    Answers(Some(&["/a"])),
                    Fails(Some("/c"), true, false),
                    Probes(true),
                    Answers(Some(&["/c"])),
                ],
            ),
        ];
        for (name, steps) in table {
            let mut state = State::default();
            for (at, step) in steps.iter().enumerate() {
                match step {
                    Fails(page, news, probe) => {
                        let expected = Failed { news: *news, probe: *probe };
                        assert_eq!(state.failed(*page), expected, "{name}, step {at}");
                    }
                    Answers(pages) => {
                        let told = state.answered().map(Vec::from);
                        let expected = pages
                            .map(|pages| pages.iter().map(ToString::to_string).collect::<Vec<_>>());
                        assert_eq!(told, expected, "{name}, step {at}");
                    }
                    Probes(on) => assert_eq!(state.probes_on(), *on, "{name}, step {at}"),
                }
            }
        }
    }

    #[test]
    fn the_oldest_pages_are_forgotten_when_there_are_too_many() {
        let mut state = State::default();
        for page in 0..WAITING + 2 {
            state.failed(Some(&format!("/{page}")));
        }
        let told = state.answered().unwrap();
        assert_eq!((told.len(), told[0].as_str()), (WAITING, "/2"));
    }
}
