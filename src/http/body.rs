//! The one type of body that every answer has.
//!
//! A body is either bytes in memory or a stream that is pulled by the socket, so that a slow client
//! holds up nothing but its own answer.

use bytes::Bytes;
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::body::Body as HttpBody;

/// What a body may fail with; the connection is closed then, so that nobody takes the part for the
/// whole.
pub(crate) type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// A response's body.
pub(crate) type Body = UnsyncBoxBody<Bytes, BodyError>;

/// An answer.
pub(crate) type Response = hyper::Response<Body>;

/// Bytes in memory.
pub(crate) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// No bytes at all.
pub(crate) fn empty() -> Body {
    full(Bytes::new())
}

/// A stream.
pub(crate) fn stream<B>(body: B) -> Body
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BodyError>,
{
    body.map_err(Into::into).boxed_unsync()
}
