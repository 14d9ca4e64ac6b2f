//! Adapters that report a connection's activity to its [`Permit`], and hide from hyper how a client
//! ends its stream.
//!
//! The stream owns the permit, so that it lasts as long as the socket, also after an upgrade. hyper
//! drops a response's body before its last bytes are written, and flushes the stream after that:
//! the connection is idle at the first flush after the drop.
//!
//! hyper takes the end of the client's stream for the end of the client. While a response is in
//! progress, it sees that end only once the client [is gone](super::half_close). And it closes the
//! socket right after the last response, which is [delayed](super::linger) while the client sends.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{half_close::HalfClosed, limit::Permit, linger::Linger, request::RequestProgress};
use crate::http::body::{Body, BodyError, FlushedBeforeError};

/// A client's stream.
pub(super) struct TrackedStream<S> {
    stream: S,
    permit: Arc<Permit>,
    request: Arc<RequestProgress>,
    /// The client has ended its stream.
    has_ended: bool,
    /// Set when the client has ended its stream while a response was in progress.
    half_closed: Option<HalfClosed>,
    /// Set when the rest of what the client sends is discarded.
    linger: Option<Linger>,
    is_shut_down: bool,
}

impl<S> TrackedStream<S> {
    pub(super) fn new(stream: S, permit: Arc<Permit>, request: Arc<RequestProgress>) -> Self {
        let (half_closed, linger) = (None, None);
        let (has_ended, is_shut_down) = (false, false);
        Self { stream, permit, request, has_ended, half_closed, linger, is_shut_down }
    }
}

impl<S: AsyncRead + Unpin> TrackedStream<S> {
    /// Notes the result of writing bytes. While the socket is full, reads what is left of a
    /// discarded body: the client may not read before it has sent all of it.
    fn wrote<T>(&mut self, written: &Poll<T>, context: &mut Context<'_>) {
        if written.is_ready() {
            self.request.response_begins();
        }
        if let Some(half_closed) = &mut self.half_closed {
            half_closed.wrote(written);
        }
        if written.is_pending() && self.request.is_discarded() && self.half_closed.is_none() {
            // At a limit the client has to read, or is closed as idle.
            let _ = self.linger.get_or_insert_with(Linger::new).poll(&mut self.stream, context);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for TrackedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.half_closed.is_none() {
            let before = buffer.filled().len();
            ready!(Pin::new(&mut this.stream).poll_read(context, buffer))?;
            if buffer.filled().len() > before {
                this.request.received();
                return Poll::Ready(Ok(()));
            }
        }
        if !this.permit.is_busy() {
            // hyper looks for the end before it hands over a request that came with it.
            if !std::mem::replace(&mut this.has_ended, true) {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            return Poll::Ready(Ok(()));
        }
        let half_closed =
            this.half_closed.get_or_insert_with(|| HalfClosed::new(this.request.age()));
        half_closed.poll_gone(context, this.request.at_end()).map(Ok)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for TrackedStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.wrote(&written, context);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.wrote(&written, context);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        self.permit.flushed();
        if self.half_closed.is_some() && !self.permit.is_busy() {
            // hyper waits for the next request, and can see now that none follows.
            context.waker().wake_by_ref();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if !this.is_shut_down {
            ready!(Pin::new(&mut this.stream).poll_shutdown(context))?;
            this.is_shut_down = true;
        }
        if this.permit.is_upgraded() || this.half_closed.is_some() || !this.request.is_partial() {
            return Poll::Ready(Ok(()));
        }
        this.linger.get_or_insert_with(Linger::new).poll(&mut this.stream, context).map(Ok)
    }
}

/// A response's body, which reports its end.
pub(super) struct TrackedBody {
    body: FlushedBeforeError,
    permit: Arc<Permit>,
}

impl TrackedBody {
    pub(super) fn new(body: Body, permit: Arc<Permit>) -> Self {
        Self { body: FlushedBeforeError::new(body), permit }
    }
}

impl HttpBody for TrackedBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for TrackedBody {
    fn drop(&mut self) {
        self.permit.response_completed();
    }
}
