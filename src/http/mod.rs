//! HTTP answers from representations (RFC 9110), whatever they are representations of.
//!
//! A file, an injected page, a listing all become a [`Representation`](representation::Representation)
//! and pass through the same step, its `answer`: preconditions, then the range, then the content. This
//! room knows nothing of files or of livers.

pub(crate) mod body;
pub(crate) mod conditional;
pub(crate) mod date;
pub(crate) mod encoding;
pub(crate) mod field;
pub(crate) mod guard;
pub(crate) mod informational;
pub(crate) mod media_type;
mod multipart;
pub(crate) mod own_paths;
pub(crate) mod page;
mod parts;
mod range;
pub(crate) mod representation;
pub(crate) mod url_path;
