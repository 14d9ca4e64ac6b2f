//! An HTTP/1.1 connection to a backend, driven by the task of the request that uses it.
//!
//! hyper splits a connection into a handle that takes requests and a future that does the I/O,
//! meant for a task of its own. Polling that future in the task of the client's connection instead
//! saves two task switches, and often two thread switches, for each request.
//!
//! hyper's halves wake each other through channels. Where one half is polled right after the other,
//! such a wake-up would only poll the whole task again. Those halves are polled with a [no-op
//! waker](Waker::noop), and outside of tokio's cooperative budget, which would otherwise return
//! `Pending` without a change to wait for.

use std::{
    future::Future,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use hyper::{
    Request, Response,
    body::{Body, Frame, Incoming},
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use tokio::task::coop::unconstrained;

use super::{
    request_body::RequestBody,
    socket::{IgnoreWriteErrors, Socket},
};

/// Limit of header fields in a response of [`Heads::Large`]. hyper limits their size, to about 400
/// KiB.
const MAX_HEADERS: usize = 1000;

/// How many header fields a response may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heads {
    /// hyper's limit, 100.
    Usual,
    /// [`MAX_HEADERS`], for which hyper allocates and fills 64 KB per response: a tenth of the cost
    /// of a small exchange.
    Large,
}

type Driver = http1::Connection<TokioIo<IgnoreWriteErrors>, RequestBody>;

/// A connection that serves one request at a time. Dropping it closes the socket.
pub(super) struct Connection {
    sender: SendRequest<RequestBody>,
    /// `None` once the connection has ended and its channels are closed.
    driver: Option<Driver>,
    /// The driver has completed and must not be polled again.
    ended: bool,
    heads: Heads,
}

impl Connection {
    /// Starts HTTP on an open socket.
    ///
    /// # Errors
    /// Never on a fresh socket; hyper reserves the right.
    pub(super) async fn start(socket: Socket, heads: Heads) -> hyper::Result<Box<Self>> {
        let mut builder = http1::Builder::new();
        builder
            .preserve_header_case(true)
            // A gateway normalizes these (RFC 9112, sections 5.1 and 5.2).
            .allow_spaces_after_header_name_in_responses(true)
            .allow_obsolete_multiline_headers_in_responses(true);
        if heads == Heads::Large {
            builder.max_headers(MAX_HEADERS);
        }
        let socket = TokioIo::new(IgnoreWriteErrors::new(socket));
        let (sender, driver) = builder.handshake(socket).await?;
        Ok(Box::new(Self { sender, driver: Some(driver), ended: false, heads }))
    }

    /// Returns how many header fields a response may have.
    pub(super) fn heads(&self) -> Heads {
        self.heads
    }

    /// Does pending I/O. Ready once the connection has ended.
    pub(super) fn poll_drive(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(driver) = self.driver.as_mut().filter(|_| !self.ended) else {
            return Poll::Ready(());
        };
        match Pin::new(driver).poll(context) {
            Poll::Ready(result) => {
                self.ended = true;
                // An error has been passed on to the response or its body. The socket of a
                // successful upgrade is still needed.
                if result.is_err() {
                    self.driver = None;
                }
                Poll::Ready(())
            }
            Poll::Pending => Poll::Pending,
        }
    }

    /// Does pending I/O without waiting, and returns whether the connection can take a request.
    pub(super) fn is_idle(&mut self) -> bool {
        now(|context| self.poll_drive(context)).is_pending() && self.sender.is_ready()
    }

    /// Hands a request to a connection that is new or was [idle](Self::is_idle) just before. That
    /// call has replaced the waker of the connection's last use, so that this wakes no other task.
    /// The response must be polled by [`poll_response`](Self::poll_response).
    pub(super) fn send(
        &mut self,
        request: Request<RequestBody>,
    ) -> impl Future<Output = hyper::Result<Response<Incoming>>> + use<> {
        self.sender.send_request(request)
    }

    /// Polls for a response of [`send`](Self::send).
    pub(super) fn poll_response(
        &mut self,
        context: &mut Context<'_>,
        response: &mut Pin<&mut impl Future<Output = hyper::Result<Response<Incoming>>>>,
    ) -> Poll<hyper::Result<Response<Incoming>>> {
        let ended = self.poll_drive(context).is_ready();
        match now(|context| response.as_mut().poll(context)) {
            Poll::Pending if ended => {
                // Fails requests that the driver never saw.
                self.driver = None;
                now(|context| response.as_mut().poll(context))
            }
            poll => poll,
        }
    }

    /// Polls for a frame of a response's body.
    pub(super) fn poll_frame(
        &mut self,
        context: &mut Context<'_>,
        body: &mut Incoming,
    ) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        let ended = self.poll_drive(context).is_ready();
        match now(|context| Pin::new(&mut *body).poll_frame(context)) {
            Poll::Pending if ended => {
                self.driver = None;
                now(|context| Pin::new(&mut *body).poll_frame(context))
            }
            poll => poll,
        }
    }

    /// Drives the connection until its request is written and its response is read, then closes it.
    pub(super) async fn finish(mut self: Box<Self>) {
        std::future::poll_fn(|context| match self.poll_drive(context) {
            Poll::Pending if !self.sender.is_ready() => Poll::Pending,
            _ => Poll::Ready(()),
        })
        .await;
    }

    /// Returns the socket after a 101, with the bytes that were read past the response.
    pub(super) async fn into_upgraded(mut self: Box<Self>) -> Option<(Socket, Bytes)> {
        std::future::poll_fn(|context| self.poll_drive(context)).await;
        let parts = self.driver.take()?.into_parts();
        Some((parts.io.into_inner().into_inner(), parts.read_buf))
    }
}

/// Polls once, without registering for a wake-up.
fn now<T>(mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
    let poll = pin!(unconstrained(std::future::poll_fn(|context| poll(context))));
    poll.poll(&mut Context::from_waker(Waker::noop()))
}
