//! The script elements that pages get: the client, and before it a small classic script that hears
//! the errors of the scripts that run before the client does.

use std::hash::{BuildHasher, RandomState};

use bytes::Bytes;

use super::stamp::Stamp;
use crate::http::own_paths;

/// What the element contains about the source of its page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum PageSource {
    /// Nothing: the page is reloaded when it changes.
    #[default]
    None,
    /// The source is kept under this content hash: see [`Live::keep`](super::Live::keep).
    Kept(u128),
    /// The page reports that a backend is down. No file can bring it up to date; it asks again when
    /// livers was restarted, perhaps with another route.
    Failed,
}

/// The namespace of the element. In HTML the attribute has no effect; in XHTML and SVG it makes the
/// element independent of where it is inserted.
const XHTML: &str = "http://www.w3.org/1999/xhtml";

/// Renders the element, which is the same in HTML and XML.
///
/// The run, the version, its beginning and the page's source are the query of the script's URL,
/// where the script reads them. They cannot be the fragment: Chromium gives a cached script the URL
/// of its first use, fragment included, so a reloaded page would take itself for the old one and
/// reload forever.
#[derive(Debug)]
pub(super) struct ScriptElement {
    /// Everything before the version.
    before: String,
    /// Everything after the page's source.
    after: String,
    nonce: String,
}

impl ScriptElement {
    /// An element of one run of the server, with a random nonce.
    ///
    /// The nonce is the same for all pages of a run: a 304 response must not carry another one than
    /// the stored page has. A page knows the nonce of its own element, and pages of other origins
    /// cannot read it.
    ///
    /// `hears_errors`: whether the errors of pages are reported.
    pub(super) fn new(boot: &str, hears_errors: bool) -> Self {
        // The keys of a `RandomState` are random numbers of the operating system.
        let [a, b] = [0, 1].map(|number| RandomState::new().hash_one(number));
        let nonce = format!("{a:016x}{b:016x}");
        let nonced = format!("nonce=\"{nonce}\"");
        let rest = format!("data-livers=\"\" xmlns=\"{XHTML}\"></script>");
        // The run is part of the URL, so that the script can be cached.
        let early = format!("<script src=\"{}?{boot}\" {nonced} {rest}", own_paths::EARLY);
        let early = if hears_errors { &*early } else { "" };
        Self {
            before: format!("{early}<script type=\"module\" src=\"{}?{boot}.", own_paths::CLIENT),
            after: format!("\" {nonced} async=\"\" {rest}"),
            nonce,
        }
    }

    pub(super) fn nonce(&self) -> &str {
        &self.nonce
    }

    pub(super) fn render(&self, stamp: Stamp, source: PageSource) -> Bytes {
        let Stamp { version, since } = stamp;
        let rest = match source {
            PageSource::None => format!("{version}.{since}"),
            PageSource::Kept(hash) => format!("{version}.{since}.{hash:032x}"),
            // Its time would not tell what it missed.
            PageSource::Failed => format!("{version}..failed"),
        };
        [&self.before, &*rest, &self.after].concat().into()
    }
}
