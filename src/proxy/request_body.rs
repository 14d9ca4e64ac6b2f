//! The body of a request on its way to the backend.
//!
//! hyper pulls it frame by frame, so a slow backend holds up the client and memory use is constant.
//! Trailers are frames like any other.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::runtime::Handle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::continue_gate::ContinueGate;
use crate::http::body::{Body, BodyError};

/// How long the unwanted rest of a body is read.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);

/// A request body, or none.
///
/// If the response comes before the body's end (a 413, or a 502 without a backend), dropping this
/// reads and discards the rest in a task for up to [`DRAIN_TIMEOUT`]: closing a socket with unread
/// data resets it, and the client might lose the response (RFC 9112, section 9.6).
pub(super) struct RequestBody(Option<Box<Upload>>);

struct Upload {
    body: Body,
    /// Present while a client waits for a 100 before it sends its body.
    gate: Option<ContinueGate>,
    ended: Arc<AtomicBool>,
    tasks: TaskTracker,
    cancel: CancellationToken,
}

/// Tells whether a [`RequestBody`] was read to its end.
#[derive(Clone)]
pub(super) struct UploadProgress(Option<Arc<AtomicBool>>);

impl UploadProgress {
    pub(super) fn has_ended(&self) -> bool {
        self.0.as_ref().is_none_or(|ended| ended.load(Ordering::Relaxed))
    }
}

impl RequestBody {
    /// No body.
    pub(super) const EMPTY: Self = Self(None);

    /// Forwards a body once `gate` is open.
    pub(super) fn new(
        body: Body,
        gate: Option<ContinueGate>,
        tasks: TaskTracker,
        cancel: CancellationToken,
    ) -> Self {
        Self(Some(Box::new(Upload { body, gate, ended: Arc::default(), tasks, cancel })))
    }

    /// Returns a handle that observes this body.
    pub(super) fn progress(&self) -> UploadProgress {
        UploadProgress(self.0.as_ref().map(|upload| Arc::clone(&upload.ended)))
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Some(upload) = &mut self.0 else { return Poll::Ready(None) };
        if let Some(gate) = &mut upload.gate {
            ready!(gate.poll_open(context));
            upload.gate = None;
        }
        let frame = ready!(Pin::new(&mut upload.body).poll_frame(context));
        if !matches!(frame, Some(Ok(_))) || upload.body.is_end_stream() {
            upload.ended.store(true, Ordering::Relaxed);
            self.0 = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(|upload| upload.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map_or_else(|| SizeHint::with_exact(0), |upload| upload.body.size_hint())
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        let Some(upload) = self.0.take() else { return };
        let Upload { mut body, gate, tasks, cancel, .. } = *upload;
        // A client that still waits for a 100 has sent nothing.
        if gate.is_some() || body.is_end_stream() {
            return;
        }
        // Without a runtime the client's socket is gone, too.
        let Ok(runtime) = Handle::try_current() else { return };
        let drain = async move { while let Some(Ok(_)) = body.frame().await {} };
        let drain = tokio::time::timeout(DRAIN_TIMEOUT, drain);
        tasks.spawn_on(cancel.run_until_cancelled_owned(drain), &runtime);
    }
}
