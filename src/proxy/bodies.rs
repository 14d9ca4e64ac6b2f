//! The two bodies of an exchange on their way through, and the socket that carries them.
//!
//! Both are pulled by the side that wants them, frame by frame, so that a slow reader holds up the
//! writer and memory stays constant; trailers are frames like any other.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    runtime::Handle,
};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use super::{expect::Gate, forward::explain, health::Health, upstream::Upstream};
use crate::{
    event::Event,
    http::body::{Body, BodyError},
};

/// How long the rest of a request that nobody wants is read.
const LINGER: Duration = Duration::from_secs(30);

/// A request's body on its way to the backend.
///
/// When the answer is there before the body's end (a 413, or no backend at all), the rest is read
/// and dropped, for some time: closing a socket with unread bytes resets it, and the browser might
/// never see the answer (RFC 9112 section 9.6).
pub(super) struct Upload {
    body: Option<Body>,
    tasks: TaskTracker,
    cancel: CancellationToken,
    /// There for a client that waits for a 100 before it sends its body.
    gate: Option<Gate>,
}

impl Upload {
    pub(super) fn new(
        body: Body,
        tasks: TaskTracker,
        cancel: CancellationToken,
        gate: Option<Gate>,
    ) -> Self {
        Self { body: Some(body), tasks, cancel, gate }
    }

    /// The same without a body: a request that had none can be sent again.
    pub(super) fn none(&self) -> Self {
        Self { body: None, tasks: self.tasks.clone(), cancel: self.cancel.clone(), gate: None }
    }
}

impl HttpBody for Upload {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(gate) = &mut self.gate {
            ready!(gate.poll_open(context));
            self.gate = None;
        }
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(body).poll_frame(context));
        if !matches!(frame, Some(Ok(_))) {
            self.body = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let Some(mut body) = self.body.take() else { return };
        // Who still waits for a 100 has sent nothing that would have to be read.
        if self.gate.is_some() || body.is_end_stream() {
            return;
        }
        // Without a runtime there is no socket left either.
        let Ok(runtime) = Handle::try_current() else { return };
        let cancel = self.cancel.clone();
        let rest = async move { while let Some(Ok(_)) = body.frame().await {} };
        self.tasks.spawn_on(
            async move { cancel.run_until_cancelled(tokio::time::timeout(LINGER, rest)).await },
            &runtime,
        );
    }
}

/// An answer's body on its way to the browser.
///
/// Dropped, because the browser went away, it closes the connection to the backend at once, even
/// while the backend is quiet: hyper's driver is woken by that.
pub(super) struct Download {
    body: Incoming,
    /// Whom to tell when the body breaks off, and what.
    fault: Option<Fault>,
    /// What ends with it: a connection on which the rest of the request will never be sent.
    _ends: Option<DropGuard>,
}

/// What is told when an answer breaks off, and who is asked whether the backend is still there.
pub(super) struct Fault {
    pub(super) health: Health,
    pub(super) upstream: Upstream,
    pub(super) path: String,
}

impl Fault {
    fn tell(self, error: &hyper::Error) {
        let Self { health, upstream, path } = self;
        // Breaking off is no fault of the backend's when livers stops.
        if !health.cancel.is_cancelled() {
            let why = format!("its answer broke off: {}", explain(error));
            health.events.emit(Event::BackendFault { backend: upstream.to_string(), path, why });
            health.doubt(&upstream);
        }
    }
}

impl Download {
    pub(super) fn new(body: Incoming, fault: Fault, ends: Option<DropGuard>) -> Self {
        Self { body, fault: Some(fault), _ends: ends }
    }
}

impl HttpBody for Download {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match ready!(Pin::new(&mut self.body).poll_frame(context)) {
            Some(Ok(frame)) => Poll::Ready(Some(Ok(frame))),
            Some(Err(error)) => {
                if let Some(fault) = self.fault.take() {
                    fault.tell(&error);
                }
                Poll::Ready(Some(Err(error.into())))
            }
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A socket on which a failed write does not hide what can still be read.
///
/// A backend may answer and close before it has read the whole request. The next write fails then,
/// and hyper would give the exchange up with the answer unread in the socket. Here the rest of the
/// request is taken as written; reading ends soon, with the answer or with the true error.
pub(super) struct Patient<S> {
    socket: S,
    forgives: bool,
    /// Nobody reads what is written.
    deaf: bool,
}

impl<S> Patient<S> {
    /// Not for a tunnel, which has to know that nobody reads: that one does not forgive.
    pub(super) fn new(socket: S, forgives: bool) -> Self {
        Self { socket, forgives, deaf: false }
    }

    fn forgive<T>(&mut self, written: Poll<io::Result<T>>, instead: T) -> Poll<io::Result<T>> {
        match written {
            Poll::Ready(Err(_)) if self.forgives => {
                self.deaf = true;
                Poll::Ready(Ok(instead))
            }
            other => other,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.deaf {
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = Pin::new(&mut self.socket).poll_write(context, bytes);
        self.forgive(written, bytes.len())
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let all = slices.iter().map(|slice| slice.len()).sum();
        if self.deaf {
            return Poll::Ready(Ok(all));
        }
        let written = Pin::new(&mut self.socket).poll_write_vectored(context, slices);
        self.forgive(written, all)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.deaf {
            return Poll::Ready(Ok(()));
        }
        let flushed = Pin::new(&mut self.socket).poll_flush(context);
        self.forgive(flushed, ())
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}
