//! The socket of a connection to a backend: TCP, TLS over TCP, or Unix.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A byte stream in both directions.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// An open connection to a backend.
pub(super) type Socket = Box<dyn Stream>;

/// A socket on which a failed write does not hide data that can still be read.
///
/// A backend may respond and close before it has read the whole request. The next write fails then,
/// and hyper would give up the exchange with the response unread in the socket. This wrapper
/// discards the rest of the request instead; reading ends soon, with the response or with the
/// error.
pub(super) struct IgnoreWriteErrors {
    socket: Socket,
    /// A write has failed: everything that follows is discarded.
    failed: bool,
}

impl IgnoreWriteErrors {
    pub(super) fn new(socket: Socket) -> Self {
        Self { socket, failed: false }
    }

    pub(super) fn into_inner(self) -> Socket {
        self.socket
    }

    fn ignore<T>(&mut self, result: Poll<io::Result<T>>, success: T) -> Poll<io::Result<T>> {
        match result {
            Poll::Ready(Err(_)) => {
                self.failed = true;
                Poll::Ready(Ok(success))
            }
            other => other,
        }
    }
}

impl AsyncRead for IgnoreWriteErrors {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(context, buffer)
    }
}

impl AsyncWrite for IgnoreWriteErrors {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.failed {
            return Poll::Ready(Ok(bytes.len()));
        }
        let result = Pin::new(&mut self.socket).poll_write(context, bytes);
        self.ignore(result, bytes.len())
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let length = slices.iter().map(|slice| slice.len()).sum();
        if self.failed {
            return Poll::Ready(Ok(length));
        }
        let result = Pin::new(&mut self.socket).poll_write_vectored(context, slices);
        self.ignore(result, length)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.failed {
            return Poll::Ready(Ok(()));
        }
        let result = Pin::new(&mut self.socket).poll_flush(context);
        self.ignore(result, ())
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}
