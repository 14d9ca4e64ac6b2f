//! A connection's socket and answers, as its [`Seat`] wants to know of them.
//!
//! The socket holds the seat, so that a connection keeps it when it becomes a WebSocket, for as long
//! as that is open. And it sees when all was written: hyper lets go of a body before its last bytes
//! are out, and flushes the socket when they are.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use hyper::{
    StatusCode,
    body::{Body as HttpBody, Frame, SizeHint},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::room::Seat;
use crate::http::body::{self, Body, BodyError, Response};

/// A socket that has a seat.
pub(super) struct Seated<S> {
    socket: S,
    seat: Arc<Seat>,
}

impl<S> Seated<S> {
    pub(super) fn new(socket: S, seat: Arc<Seat>) -> Self {
        Self { socket, seat }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Seated<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Seated<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.socket).poll_flush(context))?;
        self.seat.flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}

/// An answer that says when it is made. After one that switches protocols, the connection is at work
/// for good.
pub(super) fn telling(response: Response, seat: Arc<Seat>) -> Response {
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return response;
    }
    response.map(|body| body::stream(Telling { body, seat }))
}

/// The body of such an answer.
struct Telling {
    body: Body,
    seat: Arc<Seat>,
}

impl HttpBody for Telling {
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

impl Drop for Telling {
    fn drop(&mut self) {
        self.seat.answered();
    }
}
