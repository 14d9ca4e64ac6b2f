//! The body type of all responses.
//!
//! Most bodies are bytes in memory, and cost no allocation here. A page is sent as the segments
//! around the injected element, without a copy: hyper passes them to the socket in one vectored
//! write. Everything else is a stream that is polled when the socket is writable, so a slow client
//! delays only its own response.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body_util::{BodyExt, combinators::UnsyncBoxBody};
use hyper::body::{Body as HttpBody, Frame, SizeHint};

/// An error that ends a body early. The connection is closed, so that the client does not take the
/// part that it received for the whole.
pub(crate) type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// How many segments a body in memory can have: a page before and after the injected element, and
/// the element.
pub(crate) const SEGMENTS: usize = 3;

/// A response body.
#[derive(Debug)]
pub(crate) struct Body(Kind);

/// A response.
pub(crate) type Response = hyper::Response<Body>;

#[derive(Debug)]
enum Kind {
    /// Segments in memory. Those that were sent are empty.
    Memory([Bytes; SEGMENTS]),
    Stream(UnsyncBoxBody<Bytes, BodyError>),
}

/// Returns a body of bytes in memory.
pub(crate) fn full(bytes: impl Into<Bytes>) -> Body {
    segments([bytes.into(), Bytes::new(), Bytes::new()])
}

/// Returns a body of these segments, one after the other.
pub(crate) fn segments(segments: [Bytes; SEGMENTS]) -> Body {
    Body(Kind::Memory(segments))
}

/// Returns a body without bytes.
pub(crate) fn empty() -> Body {
    full(Bytes::new())
}

/// Returns a body that streams another.
pub(crate) fn stream<B>(body: B) -> Body
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BodyError>,
{
    Body(Kind::Stream(body.map_err(Into::into).boxed_unsync()))
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut self.0 {
            Kind::Memory(segments) => {
                let next = segments.iter_mut().find(|segment| !segment.is_empty());
                Poll::Ready(next.map(|segment| Ok(Frame::data(std::mem::take(segment)))))
            }
            Kind::Stream(body) => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Memory(segments) => segments.iter().all(Bytes::is_empty),
            Kind::Stream(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Memory(segments) => {
                SizeHint::with_exact(segments.iter().map(|segment| segment.len() as u64).sum())
            }
            Kind::Stream(body) => body.size_hint(),
        }
    }
}

/// A body whose error comes one poll late.
///
/// hyper drops what it has not written yet when a body fails. It writes first if the body is
/// pending, so the client gets everything that came before the error.
#[derive(Debug)]
pub(crate) struct FlushedBeforeError {
    body: Body,
    error: Option<BodyError>,
}

impl FlushedBeforeError {
    pub(crate) fn new(body: Body) -> Self {
        Self { body, error: None }
    }
}

impl HttpBody for FlushedBeforeError {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(error) = self.error.take() {
            return Poll::Ready(Some(Err(error)));
        }
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(Some(Err(error))) => {
                self.error = Some(error);
                context.waker().wake_by_ref();
                Poll::Pending
            }
            poll => poll,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.error.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http_body_util::BodyExt;
    use hyper::body::Body as _;

    use super::segments;

    #[tokio::test]
    async fn segments_are_sent_in_order_and_empty_ones_are_skipped() {
        let mut body = segments([Bytes::from("ab"), Bytes::new(), Bytes::from("c")]);
        assert_eq!(body.size_hint().exact(), Some(3));
        for sent in ["ab", "c"] {
            assert!(!body.is_end_stream());
            let frame = body.frame().await.unwrap().unwrap();
            assert_eq!(frame.into_data().unwrap(), sent);
        }
        assert!(body.is_end_stream() && body.frame().await.is_none());
    }
}
