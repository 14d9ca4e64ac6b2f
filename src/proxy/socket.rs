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

/// The spelling of field names in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Names {
    /// As hyper writes them: `Sec-Websocket-Key`.
    TitleCase,
    /// `Sec-WebSocket-Key`, as in RFC 6455: some hand-written servers find it in this spelling
    /// only. For a handshake, which is a head without a body.
    WebSocket,
}

/// The socket that hyper writes requests to and reads responses from.
///
/// A failed write does not hide data that can still be read. A backend may respond and close before
/// it has read the whole request. The next write fails then, and hyper would give up the exchange
/// with the response unread in the socket. This wrapper discards the rest of the request instead;
/// reading ends soon, with the response or with the error.
pub(super) struct RequestWriter {
    socket: Socket,
    names: Names,
    /// A write has failed: everything that follows is discarded.
    failed: bool,
}

impl RequestWriter {
    pub(super) fn new(socket: Socket, names: Names) -> Self {
        Self { socket, names, failed: false }
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

/// Spells the names of WebSocket's fields as RFC 6455 does.
fn spell_websocket(head: &mut [u8]) {
    const TITLE_CASE: &[u8] = b"Sec-Websocket-";
    const CAPITAL: usize = "Sec-Web".len();
    for line in head.split_mut(|byte| *byte == b'\n') {
        if line.starts_with(TITLE_CASE) {
            line[CAPITAL] = b'S';
        }
    }
}

impl AsyncRead for RequestWriter {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(context, buffer)
    }
}

impl AsyncWrite for RequestWriter {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.failed {
            return Poll::Ready(Ok(bytes.len()));
        }
        let names = self.names;
        let socket = Pin::new(&mut self.socket);
        let result = match names {
            Names::TitleCase => socket.poll_write(context, bytes),
            Names::WebSocket => {
                let mut head = bytes.to_vec();
                spell_websocket(&mut head);
                socket.poll_write(context, &head)
            }
        };
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

    /// A handshake is written in one piece.
    fn is_write_vectored(&self) -> bool {
        self.names == Names::TitleCase && self.socket.is_write_vectored()
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

#[cfg(test)]
mod tests {
    use super::spell_websocket;

    #[test]
    fn names_of_websocket_fields_are_spelled_as_in_the_rfc() {
        let mut head = b"GET /Sec-Websocket- HTTP/1.1\r\nHost: a\r\nSec-Websocket-Key: \
            Sec-Websocket-\r\nSec-Websocket-Version: 13\r\n\r\n"
            .to_vec();
        spell_websocket(&mut head);
        let expected = "GET /Sec-Websocket- HTTP/1.1\r\nHost: a\r\nSec-WebSocket-Key: \
            Sec-Websocket-\r\nSec-WebSocket-Version: 13\r\n\r\n";
        assert_eq!(String::from_utf8_lossy(&head), expected);
    }
}
