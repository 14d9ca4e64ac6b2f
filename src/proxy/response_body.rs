//! The body of a backend's response on its way to the client.
//!
//! The client's connection pulls it frame by frame, so a slow client holds up the backend and
//! memory use is constant. Trailers are frames like any other.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use hyper::{
    Uri,
    body::{Body as HttpBody, Frame, Incoming, SizeHint},
};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::{
    error::describe_http,
    exchange::{Carrier, Transport},
    upstream::Upstream,
};
use crate::{event::Event, http::body::BodyError};

/// A response body. Once it has been read to its end, its connection can be used again.
///
/// Dropping it before its end, because the client has gone, closes the connection to the backend at
/// once.
pub(super) struct ResponseBody {
    body: Incoming,
    ended: bool,
    carrier: Option<Carrier>,
    source: Source,
    shutdown: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
}

/// Where a response comes from.
pub(super) struct Source {
    pub(super) transport: Arc<Transport>,
    pub(super) upstream: Arc<Upstream>,
    /// The URI of the client's request.
    pub(super) uri: Uri,
}

impl Source {
    /// Reports that the response broke off, and returns the reason.
    fn interrupted(&self, error: &hyper::Error) -> BodyError {
        let Self { transport, upstream, uri } = self;
        let why = format!("the response was interrupted: {}", describe_http(error));
        if !transport.cancel.is_cancelled() {
            transport.health.events.emit(Event::BackendFault {
                backend: upstream.to_string(),
                path: uri.path().to_owned(),
                why: why.clone(),
            });
            transport.health.verify(upstream);
        }
        why.into()
    }
}

impl ResponseBody {
    pub(super) fn new(body: Incoming, carrier: Carrier, source: Source) -> Self {
        Self { body, ended: false, carrier: Some(carrier), source, shutdown: None }
    }

    /// Ready once the server shuts down.
    fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let cancel = &self.source.transport.cancel;
        let cancelled = || Box::pin(cancel.clone().cancelled_owned());
        self.shutdown.get_or_insert_with(cancelled).as_mut().poll(context)
    }
}

impl HttpBody for ResponseBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        let poll = match &mut this.carrier {
            Some(Carrier::Reader(connection)) => connection.poll_frame(context, &mut this.body),
            _ => Pin::new(&mut this.body).poll_frame(context),
        };
        if poll.is_pending() {
            ready!(this.poll_shutdown(context));
            // Closes the connection.
            this.carrier = None;
            return Poll::Ready(Some(Err("livers is shutting down".into())));
        }
        match ready!(poll) {
            Some(Ok(frame)) => Poll::Ready(Some(Ok(frame))),
            Some(Err(error)) => {
                this.carrier = None;
                Poll::Ready(Some(Err(this.source.interrupted(&error))))
            }
            None => {
                this.ended = true;
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        if let Some(Carrier::Reader(connection)) = self.carrier.take()
            && (self.ended || self.body.is_end_stream())
        {
            self.source.transport.release(&self.source.upstream, connection);
        }
    }
}
