//! HTTP answers from representations (RFC 9110), whatever they are representations of.
//!
//! A file, an injected page, a listing all become a [`Representation`](representation::Representation)
//! and pass through the same step, its `answer`: preconditions, then the content. This room knows
//! nothing of files or of livers. Ranges are left out for now.

pub(crate) mod body;
pub(crate) mod conditional;
pub(crate) mod field;
pub(crate) mod media_type;
pub(crate) mod page;
pub(crate) mod representation;
