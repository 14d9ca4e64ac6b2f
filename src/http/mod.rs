//! HTTP semantics (RFC 9110), independent of files and of live reload.
//!
//! A file, an injected page and a folder listing all become a
//! [`Representation`](representation::Representation). Its `into_response` evaluates the
//! preconditions, selects the range and returns the response.

pub(crate) mod body;
pub(crate) mod conditional;
pub(crate) mod date;
pub(crate) mod encoding;
pub(crate) mod field;
mod file_body;
pub(crate) mod guard;
pub(crate) mod informational;
pub(crate) mod json_request;
pub(crate) mod media_type;
mod multipart;
pub(crate) mod own_paths;
pub(crate) mod page;
mod range;
pub(crate) mod representation;
pub(crate) mod url_path;
pub(crate) mod user_agent;
