//! Amends Content Security Policies for the injected element, and reports it once per run.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use hyper::header::HeaderMap;

use super::inject::{csp::Needs, meta::Amend};
use crate::{
    event::{Event, Events},
    http::own_paths,
};

/// What policy amendments share, for all pages of a run.
pub(super) struct PolicyAmender {
    nonce: String,
    reported: Arc<AtomicBool>,
    events: Events,
}

impl PolicyAmender {
    pub(super) fn new(nonce: &str, events: Events) -> Self {
        Self { nonce: nonce.to_owned(), reported: Arc::default(), events }
    }

    /// Returns what the injected elements of a page need of its policies.
    pub(super) fn needs(&self, host: &str, path: &str, inline: bool) -> Needs {
        let (host, path) = (host.to_owned(), path.to_owned());
        Needs { host, path, own: own_paths::FOLDER, nonce: self.nonce.clone(), inline }
    }

    /// Amends the policies in a response's headers.
    pub(super) fn amend_head(&self, needs: &Needs, headers: &mut HeaderMap) {
        if needs.amend_headers(headers) {
            report(&self.reported, &self.events, &needs.path);
        }
    }

    /// Returns what amends the policies that a document contains.
    pub(super) fn amender(&self, needs: Needs) -> Amend {
        let (reported, events) = (Arc::clone(&self.reported), self.events.clone());
        Box::new(move |policy| {
            let amended = needs.amend(policy)?;
            report(&reported, &events, &needs.path);
            Some(amended)
        })
    }
}

fn report(reported: &AtomicBool, events: &Events, path: &str) {
    if !reported.swap(true, Ordering::Relaxed) {
        events.emit(Event::PolicyAmended { path: path.to_owned() });
    }
}
