//! Interim answers (RFC 9110, section 15.2) for a client of ours, which hyper's server cannot send.
//!
//! A gateway must pass on what its backend says before the answer: 103 Early Hints, 102 Processing.
//! Each of our connections is wrapped in an [`Interposed`], and each request of it carries a
//! [`Line`] on which whoever makes the answer can say something first.
//!
//! It fits in between because hyper serves one request of a connection at a time, and flushes the
//! socket whenever it has nothing left to write: in there, nothing of another answer can be torn.
//! [`Line::say`] ends when its bytes are written, so the answer itself always comes after them.

use std::{
    future::poll_fn,
    io::{self, IoSlice},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker, ready},
};

use bytes::{Buf, Bytes, BytesMut};
use hyper::{HeaderMap, StatusCode};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Where a request's interim answers are said. Clones are of the same connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line(Arc<Mutex<Pending>>);

/// What is still to be written.
#[derive(Debug, Default)]
struct Pending {
    bytes: Bytes,
    /// Its first byte is on the wire: nothing else may be, before its last.
    begun: bool,
    /// Nobody will ever write it.
    closed: bool,
    written: Option<Waker>,
}

impl Line {
    /// Sends an interim answer; ends when it is on its way, or nobody can have it any more.
    pub(crate) async fn say(&self, status: StatusCode, headers: &HeaderMap) {
        self.pending().bytes = head(status, headers);
        poll_fn(|context| {
            let mut pending = self.pending();
            if pending.bytes.is_empty() || pending.closed {
                return Poll::Ready(());
            }
            // The same task serves the connection, and flushes it next.
            pending.written = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        // Nothing in here can panic half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A status line and fields, as RFC 9112 writes them. hyper has checked that no value has a line end.
fn head(status: StatusCode, headers: &HeaderMap) -> Bytes {
    let mut head = BytesMut::new();
    head.extend_from_slice(b"HTTP/1.1 ");
    head.extend_from_slice(status.as_str().as_bytes());
    head.extend_from_slice(b" ");
    head.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    head.extend_from_slice(b"\r\n");
    for (name, value) in headers {
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head.freeze()
}

/// A client's socket, in which interim answers find their place.
pub(crate) struct Interposed<S> {
    socket: S,
    line: Line,
}

impl<S> Interposed<S> {
    pub(crate) fn new(socket: S, line: Line) -> Self {
        Self { socket, line }
    }
}

impl<S> Drop for Interposed<S> {
    fn drop(&mut self) {
        let mut pending = self.line.pending();
        pending.closed = true;
        if let Some(waker) = pending.written.take() {
            waker.wake();
        }
    }
}

impl<S: AsyncWrite + Unpin> Interposed<S> {
    /// Writes what is pending: all of it, or only the rest of what was begun.
    fn poll_said(&mut self, context: &mut Context<'_>, only_begun: bool) -> Poll<io::Result<()>> {
        let Self { socket, line } = self;
        let mut pending = line.pending();
        if only_begun && !pending.begun {
            return Poll::Ready(Ok(()));
        }
        while !pending.bytes.is_empty() {
            let count = ready!(Pin::new(&mut *socket).poll_write(context, &pending.bytes))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            pending.begun = true;
            pending.bytes.advance(count);
        }
        pending.begun = false;
        if let Some(waker) = pending.written.take() {
            waker.wake();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Interposed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Interposed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_said(context, true))?;
        Pin::new(&mut self.socket).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_said(context, true))?;
        Pin::new(&mut self.socket).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_said(context, false))?;
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_said(context, true))?;
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use hyper::{HeaderMap, StatusCode, header::LINK};
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::{Interposed, Line};

    #[tokio::test]
    async fn it_is_written_at_the_next_flush_and_the_answer_after_it() {
        // A socket that takes a few bytes at a time.
        let (near, mut far) = duplex(7);
        let line = Line::default();
        let mut socket = Interposed::new(near, line.clone());
        let mut headers = HeaderMap::new();
        headers.append(LINK, "</a.css>; rel=preload".parse().unwrap());
        let writing = async {
            socket.write_all(b"before ").await.unwrap();
            let say = line.say(StatusCode::EARLY_HINTS, &headers);
            let ((), flushed) = tokio::join!(say, socket.flush());
            flushed.unwrap();
            socket.write_all(b"after").await.unwrap();
            drop(socket);
        };
        let mut read = String::new();
        let ((), count) = tokio::join!(writing, far.read_to_string(&mut read));
        count.unwrap();
        let expected =
            "before HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\n\r\nafter";
        assert_eq!(read, expected);
    }

    #[tokio::test]
    async fn nobody_waits_for_a_client_that_is_gone() {
        let (near, _far) = duplex(7);
        let line = Line::default();
        let socket = Interposed::new(near, line.clone());
        let none = HeaderMap::new();
        let say = line.say(StatusCode::PROCESSING, &none);
        let ((), ()) = tokio::join!(say, async { drop(socket) });
        line.say(StatusCode::PROCESSING, &none).await;
    }
}
