//! What the live-reload core knows about one request.

use hyper::{Method, header::HeaderMap};

use super::stamp::Stamp;

/// The parts of a request that the core reads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestHead<'r> {
    pub(crate) method: &'r Method,
    pub(crate) headers: &'r HeaderMap,
    /// The host and port that the request was sent to.
    pub(crate) host: &'r str,
    /// The path of the request's target, percent-encoded as it came.
    pub(crate) path: &'r str,
    /// The query of the request's target.
    pub(crate) query: Option<&'r str>,
}

impl RequestHead<'_> {
    /// Returns whether the client of a page asks for the new content of a file that the page shows,
    /// with the version in the query (`withVersion` in address.js).
    pub(super) fn is_swap(&self) -> bool {
        self.query.is_some_and(|query| query.split('&').any(|pair| pair.starts_with("livers=")))
    }
}

/// What [`Live::on_request`](super::Live::on_request) found out about a request.
#[derive(Clone, Debug)]
pub(crate) struct Ticket {
    /// What was current before the response was made. A page is stamped with it, so a change that
    /// happens while the response is made is reported once too often, never missed.
    pub(crate) stamp: Stamp,
    pub(super) page: Option<PageRequest>,
}

/// A request whose response becomes a document in a tab or frame.
#[derive(Clone, Debug)]
pub(super) struct PageRequest {
    pub(super) host: String,
    pub(super) path: String,
    /// Whether the request is a [navigation](super::inject::is_navigation).
    pub(super) navigation: bool,
    /// Whether the response has a body: the method is not HEAD.
    pub(super) has_body: bool,
}

impl Ticket {
    /// Returns whether the response becomes a document in a tab or frame.
    pub(crate) fn is_page(&self) -> bool {
        self.page.is_some()
    }
}
