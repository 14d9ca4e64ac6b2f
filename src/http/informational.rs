//! Informational responses (1xx; RFC 9110, section 15.2), which hyper's server cannot send.
//!
//! A gateway forwards the informational responses of its backend, such as 103 Early Hints. Each
//! client connection is wrapped in an [`InformationalStream`], and each of its requests carries an
//! [`InformationalWriter`] that queues a response head on that stream.
//!
//! This is safe because hyper serves one request of a connection at a time and flushes the stream
//! whenever it has nothing left to write: at a flush, no other response is partly written.
//! [`InformationalWriter::send`] returns after the bytes are written, so the final response always
//! follows them.

use std::{
    future::poll_fn,
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker, ready},
};

use bytes::{Buf, Bytes, BytesMut};
use hyper::{HeaderMap, StatusCode};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Sends informational responses on one client connection. Clones share the connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct InformationalWriter(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// Whether `pending` has bytes. Lets a connection without informational responses skip the
    /// lock.
    has_pending: AtomicBool,
    pending: Mutex<Pending>,
}

#[derive(Debug, Default)]
struct Pending {
    bytes: Bytes,
    /// The first byte is written, so the rest must follow before anything else.
    partly_written: bool,
    /// The stream was dropped.
    closed: bool,
    on_written: Option<Waker>,
}

impl InformationalWriter {
    /// Queues an informational response, and returns once it is written or the connection is
    /// closed.
    pub(crate) async fn send(&self, status: StatusCode, headers: &HeaderMap) {
        self.pending().bytes = encode(status, headers);
        self.0.has_pending.store(true, Ordering::Release);
        poll_fn(|context| {
            let mut pending = self.pending();
            if pending.bytes.is_empty() || pending.closed {
                return Poll::Ready(());
            }
            // The task that polls this future also drives the connection, and flushes it next.
            pending.on_written = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        // No code that holds the lock can panic.
        self.0.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Encodes a status line and header fields (RFC 9112). hyper has rejected values with line breaks.
fn encode(status: StatusCode, headers: &HeaderMap) -> Bytes {
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

/// A client connection that writes queued informational responses when it is flushed.
pub(crate) struct InformationalStream<S> {
    stream: S,
    writer: InformationalWriter,
}

impl<S> InformationalStream<S> {
    pub(crate) fn new(stream: S, writer: InformationalWriter) -> Self {
        Self { stream, writer }
    }
}

impl<S> Drop for InformationalStream<S> {
    fn drop(&mut self) {
        let mut pending = self.writer.pending();
        pending.closed = true;
        if let Some(waker) = pending.on_written.take() {
            waker.wake();
        }
    }
}

impl<S: AsyncWrite + Unpin> InformationalStream<S> {
    /// Writes the queued bytes; with `only_rest`, only if they are partly written already.
    fn poll_pending(&mut self, context: &mut Context<'_>, only_rest: bool) -> Poll<io::Result<()>> {
        let Self { stream, writer } = self;
        if !writer.0.has_pending.load(Ordering::Acquire) {
            return Poll::Ready(Ok(()));
        }
        let mut pending = writer.pending();
        if only_rest && !pending.partly_written {
            return Poll::Ready(Ok(()));
        }
        while !pending.bytes.is_empty() {
            let count = ready!(Pin::new(&mut *stream).poll_write(context, &pending.bytes))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            pending.partly_written = true;
            pending.bytes.advance(count);
        }
        pending.partly_written = false;
        writer.0.has_pending.store(false, Ordering::Release);
        if let Some(waker) = pending.on_written.take() {
            waker.wake();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for InformationalStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for InformationalStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_pending(context, true))?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_pending(context, true))?;
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_pending(context, false))?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_pending(context, true))?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use hyper::{HeaderMap, StatusCode, header::LINK};
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::{InformationalStream, InformationalWriter};

    #[tokio::test]
    async fn informational_response_is_written_at_the_next_flush_and_before_the_response() {
        // Each write takes at most 7 bytes.
        let (near, mut far) = duplex(7);
        let writer = InformationalWriter::default();
        let mut stream = InformationalStream::new(near, writer.clone());
        let mut headers = HeaderMap::new();
        headers.append(LINK, "</a.css>; rel=preload".parse().unwrap());
        let writing = async {
            stream.write_all(b"before ").await.unwrap();
            let send = writer.send(StatusCode::EARLY_HINTS, &headers);
            let ((), flushed) = tokio::join!(send, stream.flush());
            flushed.unwrap();
            stream.write_all(b"after").await.unwrap();
            drop(stream);
        };
        let mut received = String::new();
        let ((), count) = tokio::join!(writing, far.read_to_string(&mut received));
        count.unwrap();
        let expected =
            "before HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\n\r\nafter";
        assert_eq!(received, expected);
    }

    #[tokio::test]
    async fn send_returns_when_the_connection_is_closed() {
        let (near, _far) = duplex(7);
        let writer = InformationalWriter::default();
        let stream = InformationalStream::new(near, writer.clone());
        let headers = HeaderMap::new();
        let send = writer.send(StatusCode::PROCESSING, &headers);
        let ((), ()) = tokio::join!(send, async { drop(stream) });
        writer.send(StatusCode::PROCESSING, &headers).await;
    }
}
