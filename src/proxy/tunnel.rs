//! Relays the bytes of an upgraded WebSocket between client and backend.
//!
//! After the backend's 101 the two sockets are joined byte for byte, so subprotocols, compression
//! and frames of any shape pass unchanged. Bytes that either side sent early (in one packet with
//! the 101, or before the client had it) are in hyper's read buffers and are relayed first.
//!
//! The end of one direction is passed on as a half-close. The other direction goes on until it
//! ends, too, or until nothing has passed for [`GRACE`]: a peer that never closes would otherwise
//! hold the sockets forever.
//!
//! A tunnel has no buffers while it is idle: bytes are read into the stack and stored only when the
//! other side does not take them at once.
//!
//! Deliberately absent: any knowledge of WebSocket frames.

use std::{
    future::poll_fn,
    io,
    mem::MaybeUninit,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf, Bytes};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};

/// How long the second direction may be silent after the first has ended.
const GRACE: Duration = Duration::from_secs(10);

/// Bytes read at a time, in each direction.
const BUFFER: usize = 16 * 1024;

/// How a tunnel ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// Both directions ended, or one side is gone.
    Closed,
    /// One direction ended, and the other was silent for [`GRACE`].
    Silent,
    /// Reading from the backend failed.
    BackendFailed(io::Error),
}

/// Why a direction ended.
enum End {
    Eof,
    ReadFailed(io::Error),
    /// The reader is gone. What it has sent before can still be read.
    WriteFailed,
}

/// The direction that ended first.
enum First {
    Up(End),
    Down(End),
}

/// Relays bytes in both directions until both have ended. `early` are bytes that the backend has
/// sent already. Calls `backend_closed` if the backend is the first to close.
pub(super) async fn relay(
    client: impl AsyncRead + AsyncWrite,
    backend: impl AsyncRead + AsyncWrite,
    early: Bytes,
    backend_closed: impl FnOnce(),
) -> Ended {
    let (mut client, mut backend) = (pin!(client), pin!(backend));
    let (mut up, mut down) = (Direction::new(Bytes::new()), Direction::new(early));
    let first = poll_fn(|context| {
        if let Poll::Ready(end) = up.poll(context, client.as_mut(), backend.as_mut()) {
            return Poll::Ready(First::Up(end));
        }
        down.poll(context, backend.as_mut(), client.as_mut()).map(First::Down)
    })
    .await;
    match first {
        // A client that resets its connection takes nothing any more.
        First::Up(End::ReadFailed(_)) => Ended::Closed,
        First::Down(End::ReadFailed(error)) => Ended::BackendFailed(error),
        First::Up(End::Eof | End::WriteFailed) => {
            match down.finish(backend.as_mut(), client.as_mut()).await {
                Some(End::ReadFailed(error)) => Ended::BackendFailed(error),
                Some(_) => Ended::Closed,
                None => Ended::Silent,
            }
        }
        First::Down(end) => {
            if matches!(end, End::Eof) {
                backend_closed();
            }
            match up.finish(client.as_mut(), backend.as_mut()).await {
                Some(_) => Ended::Closed,
                None => Ended::Silent,
            }
        }
    }
}

/// One direction of a tunnel.
struct Direction {
    /// Bytes that were read and not written yet.
    pending: Bytes,
    needs_flush: bool,
    eof: bool,
    /// Counts reads and writes.
    activity: u64,
}

impl Direction {
    fn new(pending: Bytes) -> Self {
        Self { pending, needs_flush: false, eof: false, activity: 0 }
    }

    /// Copies bytes until the end, and passes the end on.
    fn poll(
        &mut self,
        context: &mut Context<'_>,
        mut from: Pin<&mut impl AsyncRead>,
        mut to: Pin<&mut impl AsyncWrite>,
    ) -> Poll<End> {
        loop {
            while !self.pending.is_empty() {
                match ready!(to.as_mut().poll_write(context, &self.pending)) {
                    Ok(count) if count > 0 => self.pending.advance(count),
                    _ => return Poll::Ready(End::WriteFailed),
                }
                self.activity += 1;
                self.needs_flush = true;
            }
            if self.needs_flush {
                // A TLS socket may hold bytes back.
                if ready!(to.as_mut().poll_flush(context)).is_err() {
                    return Poll::Ready(End::WriteFailed);
                }
                self.needs_flush = false;
            }
            if self.eof {
                let shutdown = ready!(to.as_mut().poll_shutdown(context));
                return Poll::Ready(if shutdown.is_err() { End::WriteFailed } else { End::Eof });
            }
            if let Err(error) = ready!(self.poll_read(context, from.as_mut(), to.as_mut())) {
                return Poll::Ready(error);
            }
        }
    }

    /// Reads once, and writes as much as the other side takes at once.
    fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        from: Pin<&mut impl AsyncRead>,
        to: Pin<&mut impl AsyncWrite>,
    ) -> Poll<Result<(), End>> {
        let mut buffer = [MaybeUninit::uninit(); BUFFER];
        let mut buffer = ReadBuf::uninit(&mut buffer);
        if let Err(error) = ready!(from.poll_read(context, &mut buffer)) {
            return Poll::Ready(Err(End::ReadFailed(error)));
        }
        let bytes = buffer.filled();
        self.activity += 1;
        self.eof = bytes.is_empty();
        self.needs_flush = !self.eof;
        let written = match to.poll_write(context, bytes) {
            _ if self.eof => 0,
            Poll::Ready(Ok(count)) if count > 0 => count,
            Poll::Ready(_) => return Poll::Ready(Err(End::WriteFailed)),
            Poll::Pending => 0,
        };
        self.pending = Bytes::copy_from_slice(&bytes[written..]);
        Poll::Ready(Ok(()))
    }

    /// Copies the rest after the other direction has ended. Returns `None` after [`GRACE`] without
    /// activity.
    async fn finish(
        &mut self,
        mut from: Pin<&mut impl AsyncRead>,
        mut to: Pin<&mut impl AsyncWrite>,
    ) -> Option<End> {
        let mut silence = pin!(sleep(GRACE));
        let mut seen = self.activity;
        poll_fn(|context| {
            if let Poll::Ready(end) = self.poll(context, from.as_mut(), to.as_mut()) {
                return Poll::Ready(Some(end));
            }
            if self.activity != seen {
                seen = self.activity;
                Sleep::reset(silence.as_mut(), Instant::now() + GRACE);
            }
            silence.as_mut().poll(context).map(|()| None)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt, duplex},
        time::{Instant, sleep},
    };

    use super::{Ended, GRACE, relay};

    #[tokio::test]
    async fn bytes_pass_in_both_directions_at_once() {
        let (mut client, near) = duplex(1000);
        let (far, mut backend) = duplex(1000);
        let tunnel = tokio::spawn(relay(near, far, Bytes::from_static(b"early"), || ()));
        let up: Vec<u8> = (0..200_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let down: Vec<u8> = up.iter().rev().copied().collect();
        let (up_copy, down_copy) = (up.clone(), down.clone());
        let peer = tokio::spawn(async move {
            let (mut read, mut write) = tokio::io::split(&mut backend);
            let mut received = Vec::new();
            let (written, read) = tokio::join!(
                async {
                    write.write_all(&down_copy).await?;
                    write.shutdown().await
                },
                read.read_to_end(&mut received)
            );
            written.and(read).unwrap();
            received
        });
        let mut received = Vec::new();
        let (mut read, mut write) = tokio::io::split(&mut client);
        let (written, read) = tokio::join!(
            async {
                write.write_all(&up_copy).await?;
                write.shutdown().await
            },
            read.read_to_end(&mut received)
        );
        written.and(read).unwrap();
        assert!(received == [b"early", down.as_slice()].concat() && peer.await.unwrap() == up);
        assert!(matches!(tunnel.await.unwrap(), Ended::Closed));
    }

    #[tokio::test(start_paused = true)]
    async fn half_closed_tunnel_stays_open_while_bytes_pass() {
        async fn half_closed(swapped: bool) {
            let (mut early, near) = duplex(64);
            let (far, mut late) = duplex(64);
            let (client, backend) = if swapped { (far, near) } else { (near, far) };
            let tunnel = tokio::spawn(relay(client, backend, Bytes::new(), || ()));
            early.write_all(b"request").await.unwrap();
            early.shutdown().await.unwrap();
            let mut received = Vec::new();
            late.read_to_end(&mut received).await.unwrap();
            assert_eq!(received, b"request");
            // Longer than the grace period in total, but never silent for as long.
            for _ in 0..5 {
                sleep(GRACE / 4).await;
                late.write_all(b"response").await.unwrap();
                let mut response = [0; 8];
                early.read_exact(&mut response).await.unwrap();
                assert_eq!(&response, b"response");
            }
            late.shutdown().await.unwrap();
            assert_eq!(early.read(&mut [0]).await.unwrap(), 0);
            assert!(matches!(tunnel.await.unwrap(), Ended::Closed));
        }
        tokio::join!(half_closed(false), half_closed(true));
    }

    #[tokio::test(start_paused = true)]
    async fn half_closed_tunnel_ends_after_the_grace_period() {
        let (mut early, near) = duplex(64);
        let (far, mut late) = duplex(64);
        let since = Instant::now();
        let tunnel = tokio::spawn(relay(near, far, Bytes::new(), || ()));
        early.shutdown().await.unwrap();
        assert!(matches!(tunnel.await.unwrap(), Ended::Silent));
        assert!(since.elapsed() >= GRACE);
        assert_eq!(late.read(&mut [0]).await.unwrap(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn open_tunnel_may_be_silent_longer_than_the_grace_period() {
        let (mut client, near) = duplex(64);
        let (far, mut backend) = duplex(64);
        let _tunnel = tokio::spawn(relay(near, far, Bytes::new(), || ()));
        sleep(GRACE * 10).await;
        client.write_all(b"!").await.unwrap();
        assert_eq!(backend.read_u8().await.unwrap(), b'!');
    }

    #[tokio::test]
    async fn bytes_of_a_side_that_no_longer_reads_arrive() {
        for swapped in [false, true] {
            let (mut early, near) = duplex(1000);
            let (far, mut late) = duplex(64);
            let bytes = [b'!'; 1000];
            early.write_all(&bytes).await.unwrap();
            drop(early);
            late.write_all(b"never read").await.unwrap();
            let (client, backend) = if swapped { (far, near) } else { (near, far) };
            let tunnel = tokio::spawn(relay(client, backend, Bytes::new(), || ()));
            let mut received = Vec::new();
            late.read_to_end(&mut received).await.unwrap();
            assert!(received == bytes, "{} of {}", received.len(), bytes.len());
            drop(late);
            assert!(matches!(tunnel.await.unwrap(), Ended::Closed));
        }
    }
}
