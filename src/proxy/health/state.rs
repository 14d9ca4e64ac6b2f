//! What is known of one backend, as a pure state machine.

use std::{collections::VecDeque, sync::Arc};

use tokio::sync::Notify;

/// Limit of error pages to reload once the backend is up. The oldest are dropped, and have to be
/// reloaded by hand.
pub(super) const MAX_WAITING_PAGES: usize = 256;

/// The state of one backend.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) down: bool,
    /// A task probes the backend.
    pub(super) probing: bool,
    /// A task verifies that the backend is still there.
    pub(super) verifying: bool,
    /// A task monitors the backend's listener.
    pub(super) monitored: bool,
    /// Paths of the error pages that show that the backend is down.
    waiting_pages: VecDeque<String>,
    /// Number of requests that wait for the backend.
    pub(super) waiting_requests: usize,
    /// Number of times that the backend came up again.
    pub(super) recoveries: u64,
    pub(super) up: Arc<Notify>,
}

/// Who waits for a backend after a failed connection attempt.
#[derive(Clone, Copy, Debug)]
pub(super) enum Waiter<'w> {
    None,
    /// The error page of this path.
    Page(&'w str),
    Request,
}

/// Consequences of a failed connection attempt.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failed {
    /// The backend was not known to be down.
    pub(super) is_news: bool,
    /// The caller must start to probe.
    pub(super) start_probe: bool,
}

impl State {
    /// Records a failed connection attempt. `has_pages` tells whether pages of the backend are
    /// open.
    pub(super) fn failed(&mut self, waiter: Waiter<'_>, has_pages: bool) -> Failed {
        let is_news = !self.down;
        self.down = true;
        match waiter {
            Waiter::Page(page) => {
                self.waiting_pages.retain(|waiting| waiting != page);
                if self.waiting_pages.len() == MAX_WAITING_PAGES {
                    self.waiting_pages.pop_front();
                }
                self.waiting_pages.push_back(page.to_owned());
            }
            Waiter::Request => self.waiting_requests += 1,
            Waiter::None => {}
        }
        let start_probe = !self.probing && self.is_awaited(has_pages);
        self.probing |= start_probe;
        Failed { is_news, start_probe }
    }

    /// Records an opened connection. Returns the error pages to reload if the backend was down.
    pub(super) fn connected(&mut self) -> Option<VecDeque<String>> {
        let waiting = std::mem::take(&mut self.waiting_pages);
        self.up.notify_waiters();
        self.recoveries += u64::from(self.down);
        std::mem::take(&mut self.down).then_some(waiting)
    }

    /// Returns whether to go on probing; if not, the probe ends.
    pub(super) fn keeps_probing(&mut self, has_pages: bool) -> bool {
        self.probing = self.down && self.is_awaited(has_pages);
        self.probing
    }

    fn is_awaited(&self, has_pages: bool) -> bool {
        has_pages || self.waiting_requests > 0 || !self.waiting_pages.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::{Failed, MAX_WAITING_PAGES, State, Waiter};

    enum Step {
        /// The error page, and the expected consequences.
        Fails(Option<&'static str>, bool, bool),
        /// The pages to reload.
        Connects(Option<&'static [&'static str]>),
        KeepsProbing(bool),
    }
    use Step::{Connects, Fails, KeepsProbing};

    #[test]
    fn each_transition_is_reported_once() {
        let table: &[(&str, &[Step])] = &[
            ("up is the initial state", &[Connects(None), Connects(None)]),
            ("down", &[Fails(None, true, false), Fails(None, false, false)]),
            (
                "up again",
                &[
                    Fails(None, true, false),
                    Connects(Some(&[])),
                    Connects(None),
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
                    KeepsProbing(true),
                    Connects(Some(&["/a", "/b"])),
                    KeepsProbing(false),
                ],
            ),
            (
                "a request connects before the probe",
                &[
                    Fails(Some("/a"), true, true),
                    Connects(Some(&["/a"])),
                    KeepsProbing(false),
                    Fails(Some("/a"), true, true),
                ],
            ),
            (
                "down again before the next probe",
                &[
                    Fails(Some("/a"), true, true),
                    Connects(Some(&["/a"])),
                    Fails(Some("/c"), true, false),
                    KeepsProbing(true),
                    Connects(Some(&["/c"])),
                ],
            ),
        ];
        for (name, steps) in table {
            let mut state = State::default();
            for (at, step) in steps.iter().enumerate() {
                match step {
                    Fails(page, is_news, start_probe) => {
                        let (is_news, start_probe) = (*is_news, *start_probe);
                        let waiter = page.map_or(Waiter::None, Waiter::Page);
                        let failed = state.failed(waiter, false);
                        assert_eq!(failed, Failed { is_news, start_probe }, "{name}, step {at}");
                    }
                    Connects(pages) => {
                        let reloaded = state.connected().map(Vec::from);
                        let expected = pages
                            .map(|pages| pages.iter().map(ToString::to_string).collect::<Vec<_>>());
                        assert_eq!(reloaded, expected, "{name}, step {at}");
                    }
                    KeepsProbing(expected) => {
                        assert_eq!(state.keeps_probing(false), *expected, "{name}, step {at}");
                    }
                }
            }
        }
    }

    #[test]
    fn oldest_waiting_pages_are_dropped() {
        let mut state = State::default();
        for page in 0..MAX_WAITING_PAGES + 2 {
            state.failed(Waiter::Page(&format!("/{page}")), false);
        }
        let pages = state.connected().unwrap();
        assert_eq!((pages.len(), pages[0].as_str()), (MAX_WAITING_PAGES, "/2"));
    }

    #[test]
    fn open_pages_and_waiting_requests_keep_the_probe_alive() {
        let mut state = State::default();
        let failed = state.failed(Waiter::None, true);
        assert_eq!(failed, Failed { is_news: true, start_probe: true });
        assert!(state.keeps_probing(true));
        assert!(!state.keeps_probing(false), "the last page was closed");
        let failed = state.failed(Waiter::Request, false);
        assert_eq!(failed, Failed { is_news: false, start_probe: true });
        assert!(state.keeps_probing(false));
        state.waiting_requests -= 1;
        assert!(!state.keeps_probing(false), "the request was canceled");
        assert_eq!(state.connected().unwrap().len(), 0);
    }
}
