//! HTTP answers from representations (RFC 9110), whatever they are representations of.
//!
//! A file, an injected page, a listing all become a [`Representation`], and all pass through the
//! same two steps: [`conditional`] and, where the content allows it, ranges. This room knows nothing
//! of files or of livers.

pub(crate) mod body;
