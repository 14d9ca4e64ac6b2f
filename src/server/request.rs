//! How far the current request of a connection is read.
//!
//! hyper reads a request while it is answered. Two decisions depend on how far it came: whether the
//! end of the client's stream is the end of a request (then the client waits for its response) or
//! cuts one off, and whether bytes of a request are still to come when the connection is closed.
//!
//! A body of which the rest is of no interest is read to its end if it is short, so that the
//! connection can be kept. Otherwise the response announces that the connection ends.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::{
    Request,
    body::{Body as HttpBody, Frame, Incoming, SizeHint},
    header::EXPECT,
};
use tokio::{
    sync::oneshot,
    time::{Instant, timeout},
};

/// The most bytes of a body that are read for the sake of the connection.
const MAX_REST: u64 = 64 * 1024;

/// How long these bytes may take. Most clients send them with the head.
const REST_TIMEOUT: Duration = Duration::from_millis(100);

/// The progress of the current request of a connection.
#[derive(Debug)]
pub(super) struct RequestProgress {
    connected: Instant,
    /// When the request began, ms after `connected`.
    began: AtomicU64,
    /// Bytes were read of a request that is not read to its end.
    is_partial: AtomicBool,
    /// The body was polled, and more of it is needed.
    is_awaited: AtomicBool,
    /// The rest of the body is of no interest.
    is_discarded: AtomicBool,
    /// The response has begun.
    is_answered: AtomicBool,
}

/// What the end of the client's stream means for the current request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AtEnd {
    /// The request is complete.
    Complete,
    /// More of the body is needed, and does not come.
    CutOff,
    /// The last bytes may be on their way to the one who reads the body.
    Unknown,
}

impl RequestProgress {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            connected: Instant::now(),
            began: AtomicU64::new(0),
            is_partial: AtomicBool::new(false),
            is_awaited: AtomicBool::new(false),
            is_discarded: AtomicBool::new(false),
            is_answered: AtomicBool::new(false),
        })
    }

    /// Notes that the head of a request is read. Returns the request with a body that reports its
    /// end, and what is left of the body if it is dropped before the response begins.
    pub(super) fn start(
        self: &Arc<Self>,
        request: Request<Incoming>,
    ) -> (Request<RequestBody>, DroppedBody) {
        let now = u64::try_from(self.connected.elapsed().as_millis()).unwrap_or(0);
        self.began.store(now, Ordering::Relaxed);
        self.is_partial.store(!request.body().is_end_stream(), Ordering::Relaxed);
        self.is_awaited.store(false, Ordering::Relaxed);
        self.is_answered.store(false, Ordering::Relaxed);
        let (dropped, receiver) = self.is_partial().then(oneshot::channel).unzip();
        let waits = request.headers().contains_key(EXPECT);
        let body = |body| RequestBody { body: Some(body), dropped, progress: Arc::clone(self) };
        (request.map(body), DroppedBody { receiver, waits })
    }

    /// Notes that bytes were read.
    pub(super) fn received(&self) {
        self.is_partial.store(true, Ordering::Relaxed);
    }

    /// Notes that the request is read to its end.
    fn complete(&self) {
        self.is_partial.store(false, Ordering::Relaxed);
    }

    /// Returns whether bytes of a request are still to come: of its head or of its body.
    pub(super) fn is_partial(&self) -> bool {
        self.is_partial.load(Ordering::Relaxed)
    }

    /// Returns whether the rest of the body is not read any more.
    pub(super) fn is_discarded(&self) -> bool {
        self.is_discarded.load(Ordering::Relaxed)
    }

    /// Notes that bytes of the response were written.
    pub(super) fn response_begins(&self) {
        self.is_answered.store(true, Ordering::Relaxed);
    }

    /// Returns the time since the head of the request was read, or `None` if its response has
    /// begun.
    pub(super) fn age(&self) -> Option<Duration> {
        if self.is_answered.load(Ordering::Relaxed) {
            return None;
        }
        let began = Duration::from_millis(self.began.load(Ordering::Relaxed));
        Some(self.connected.elapsed().saturating_sub(began))
    }

    /// Returns what the end of the client's stream means for the request, if it comes now.
    pub(super) fn at_end(&self) -> AtEnd {
        if !self.is_partial() {
            AtEnd::Complete
        } else if self.is_awaited.load(Ordering::Relaxed) {
            AtEnd::CutOff
        } else {
            AtEnd::Unknown
        }
    }

    /// Reads the rest of a dropped body, if there is one and it is short. Returns whether the
    /// connection can be kept.
    pub(super) async fn finish(&self, mut dropped: DroppedBody) -> bool {
        let Some(mut body) = dropped.receiver.as_mut().and_then(|body| body.try_recv().ok()) else {
            return true;
        };
        let is_short = body.size_hint().exact().is_some_and(|length| length <= MAX_REST);
        let read = async {
            while let Some(frame) = body.frame().await {
                if frame.is_err() {
                    return false;
                }
            }
            true
        };
        // A client that waits for `100 Continue` does not send the body after another response.
        if is_short && !dropped.waits && timeout(REST_TIMEOUT, read).await == Ok(true) {
            self.complete();
            return true;
        }
        self.is_discarded.store(true, Ordering::Relaxed);
        false
    }
}

/// What is left of a body that was dropped.
pub(super) struct DroppedBody {
    receiver: Option<oneshot::Receiver<Incoming>>,
    /// The client waits for `100 Continue`.
    waits: bool,
}

/// A request's body, which reports its end.
pub(super) struct RequestBody {
    /// Present until this is dropped.
    body: Option<Incoming>,
    dropped: Option<oneshot::Sender<Incoming>>,
    progress: Arc<RequestProgress>,
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Self { body, progress, .. } = &mut *self;
        let Some(body) = body else { return Poll::Ready(None) };
        let polled = Pin::new(&mut *body).poll_frame(context);
        progress.is_awaited.store(polled.is_pending(), Ordering::Relaxed);
        // The end of a chunked body is known only after its last frame.
        if matches!(polled, Poll::Ready(None)) || (polled.is_ready() && body.is_end_stream()) {
            progress.complete();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or(SizeHint::with_exact(0), Incoming::size_hint)
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if !self.progress.is_partial() {
            return;
        }
        if let (Some(body), Some(dropped)) = (self.body.take(), self.dropped.take()) {
            // Fails if the response has begun.
            let _ = dropped.send(body);
        }
    }
}
