//! A response body with the script element inserted as it streams.

use std::{
    collections::VecDeque,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use hyper::{
    HeaderMap,
    body::{Body as HttpBody, Frame},
};

use super::{described, injector::Injector};

/// How much of a body is read before any of it is sent, in bytes, if it is there already.
const AHEAD: usize = 64 * 1024;

/// A body with the element inserted as it streams.
pub(crate) struct InjectedBody<B> {
    inner: B,
    injector: Injector,
    /// Whether the inner body may have more frames.
    more: bool,
    /// Frames that were read ahead.
    ahead: VecDeque<Frame<Bytes>>,
    /// Sent after what the injector held back.
    trailers: Option<HeaderMap>,
}

impl<B: HttpBody<Data = Bytes> + Unpin> InjectedBody<B> {
    /// Wraps a body that is a document.
    pub(crate) fn new(inner: B, injector: Injector) -> Self {
        Self { inner, injector, more: true, ahead: VecDeque::new(), trailers: None }
    }

    /// Waits for the first bytes that can be sent, and reads what is there already, up to about
    /// [`AHEAD`] bytes.
    ///
    /// # Errors
    /// The inner body failed in these bytes.
    pub(crate) async fn begin(&mut self) -> Result<(), B::Error> {
        let (mut ahead, mut size) = (VecDeque::new(), 0);
        let read = poll_fn(|context| {
            while size < AHEAD {
                match Pin::new(&mut *self).poll_frame(context) {
                    Poll::Ready(Some(frame)) => {
                        let frame = frame?;
                        size += frame.data_ref().map_or(0, Bytes::len);
                        ahead.push_back(frame);
                    }
                    Poll::Pending if ahead.is_empty() => return Poll::Pending,
                    Poll::Ready(None) | Poll::Pending => break,
                }
            }
            Poll::Ready(Ok(()))
        });
        read.await?;
        self.ahead = ahead;
        Ok(())
    }
}

impl<B: HttpBody<Data = Bytes> + Unpin> HttpBody for InjectedBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = &mut *self;
        if let Some(frame) = this.ahead.pop_front() {
            return Poll::Ready(Some(Ok(frame)));
        }
        while this.more {
            let frame = match ready!(Pin::new(&mut this.inner).poll_frame(context)) {
                Some(Ok(frame)) => frame,
                Some(Err(why)) => {
                    this.more = false;
                    this.injector.release();
                    return Poll::Ready(Some(Err(why)));
                }
                None => {
                    this.more = false;
                    break;
                }
            };
            match frame.into_data() {
                Ok(data) => {
                    let out = this.injector.push(data);
                    if !out.is_empty() {
                        return Poll::Ready(Some(Ok(Frame::data(out))));
                    }
                }
                // The last frame.
                Err(frame) => {
                    this.more = false;
                    this.trailers = frame.into_trailers().ok();
                }
            }
        }
        let rest = this.injector.finish();
        if !rest.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(rest))));
        }
        let Some(mut trailers) = this.trailers.take() else { return Poll::Ready(None) };
        described::remove(&mut trailers);
        Poll::Ready((!trailers.is_empty()).then(|| Ok(Frame::trailers(trailers))))
    }
}
