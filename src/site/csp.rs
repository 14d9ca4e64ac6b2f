//! Content Security Policies on the way out: they are amended for livers' element, and it is said
//! once.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::{
    event::{Event, Events},
    http::{body::Response, own_paths},
    live::inject::{csp::Needs, meta::Amend},
};

/// What is the same for all pages of a run.
pub(crate) struct Csp {
    /// A page knows the nonce of its own element, and pages of other origins cannot read it.
    nonce: String,
    said: Arc<AtomicBool>,
    events: Events,
}

impl Csp {
    /// With a nonce of this run: an answer of 304 must not bring another one than the page has.
    pub(crate) fn new(events: Events) -> Self {
        // The keys of a `RandomState` are the system's random numbers.
        let [a, b] = [0, 1].map(|number| RandomState::new().hash_one(number));
        Self { nonce: format!("{a:016x}{b:016x}"), said: Arc::default(), events }
    }

    pub(super) fn nonce(&self) -> &str {
        &self.nonce
    }

    /// What the elements need that a page gets at a host and path.
    pub(super) fn needs(&self, host: &str, path: &str, inline: bool) -> Needs {
        let (host, path) = (host.to_owned(), path.to_owned());
        Needs { host, path, own: own_paths::FOLDER, nonce: self.nonce.clone(), inline }
    }

    /// Amends the policies in an answer's head.
    pub(super) fn amend_head(&self, needs: &Needs, response: &mut Response) {
        if needs.amend_headers(response.headers_mut()) {
            say(&self.said, &self.events, &needs.path);
        }
    }

    /// What amends the policies that a document brings itself.
    pub(super) fn amend(&self, needs: Needs) -> Amend {
        let (said, events) = (Arc::clone(&self.said), self.events.clone());
        Box::new(move |policy| {
            let amended = needs.amend(policy)?;
            say(&said, &events, &needs.path);
            Some(amended)
        })
    }
}

fn say(said: &AtomicBool, events: &Events, path: &str) {
    if !said.swap(true, Ordering::Relaxed) {
        events.emit(Event::PolicyAmended { path: path.to_owned() });
    }
}
