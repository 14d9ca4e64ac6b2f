//! Closes a connection in stages (RFC 9112, section 9.6).
//!
//! Closing a socket with unread bytes, or to which more are sent, resets the connection: the client
//! fails to send, and its system may drop the response before the client has read it. So the server
//! ends its own stream first and discards what the client still sends, until the client closes the
//! connection or has sent too much for too long.

use std::{
    future::Future,
    mem::MaybeUninit,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, ReadBuf},
    time::{Sleep, sleep},
};

/// How many bytes are discarded at most.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// How long bytes are discarded at most.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How many bytes are read with one call.
const BUFFER: usize = 16 * 1024;

/// Discards what a client still sends, within limits.
pub(super) struct Linger {
    remaining: usize,
    timer: Pin<Box<Sleep>>,
}

impl Linger {
    pub(super) fn new() -> Self {
        Self { remaining: MAX_BYTES, timer: Box::pin(sleep(TIMEOUT)) }
    }

    /// Returns when the client has closed the connection or a limit is reached.
    pub(super) fn poll<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        context: &mut Context<'_>,
    ) -> Poll<()> {
        if self.timer.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        let mut buffer = [MaybeUninit::uninit(); BUFFER];
        while self.remaining > 0 {
            let mut buffer = ReadBuf::uninit(&mut buffer);
            let read = ready!(Pin::new(&mut *stream).poll_read(context, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                break;
            }
            self.remaining = self.remaining.saturating_sub(buffer.filled().len());
        }
        Poll::Ready(())
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt, duplex},
        time::Instant,
    };

    use super::{BUFFER, Linger, MAX_BYTES, TIMEOUT};

    #[tokio::test(start_paused = true)]
    async fn bytes_are_discarded_until_the_client_closes_or_a_limit_is_reached() {
        let (mut near, mut far) = duplex(1 << 20);
        far.write_all(&vec![0; 100_000]).await.unwrap();
        far.shutdown().await.unwrap();
        let mut linger = Linger::new();
        poll_fn(|context| linger.poll(&mut near, context)).await;
        assert_eq!(near.read(&mut [0]).await.unwrap(), 0, "all bytes are read");

        let (mut near, _far) = duplex(10);
        let (began, mut linger) = (Instant::now(), Linger::new());
        poll_fn(|context| linger.poll(&mut near, context)).await;
        assert!(began.elapsed() >= TIMEOUT, "a client that sends nothing");

        let mut endless = tokio::io::repeat(0);
        let mut linger = Linger::new();
        poll_fn(|context| linger.poll(&mut endless, context)).await;
        assert_eq!(linger.remaining, 0);
        assert_eq!(MAX_BYTES % BUFFER, 0);
    }
}
