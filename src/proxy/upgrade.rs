//! An upgraded WebSocket, as the bytes it is.
//!
//! The backend is asked first, and the browser gets *its* answer: after a 101 the two sockets are
//! joined, byte for byte, so that subprotocols, compression and frames of any shape pass untouched.
//! What either side sent too early (in one packet with the backend's 101, or before the browser had
//! it) is in hyper's buffers, and comes first.
//!
//! A side that has ended is still written to: its end is passed on as a half-close, and the other
//! direction goes on until it ends too, or until nothing has passed for [`GRACE`]. A peer that
//! never closes would otherwise hold the sockets for ever.
//!
//! Left out on purpose: any knowledge of frames.

use std::{future::Future, io, pin::pin, time::Duration};

use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf, split},
    sync::Notify,
    time::{Instant, sleep},
};

/// How long the second direction may be silent after the first has ended.
const GRACE: Duration = Duration::from_secs(10);

/// How many bytes are read at a time, in each direction.
const BUFFER: usize = 16 * 1024;

/// How a tunnel ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// Both sides were through, or went away.
    Closed,
    /// One side was through, and the other fell silent.
    Silent,
    /// The backend's socket failed.
    BackendBroke(io::Error),
}

/// Joins the two sides once hyper has let go of them. `left` is called when the backend is the first
/// to end.
pub(super) async fn tunnel(browser: OnUpgrade, backend: OnUpgrade, left: impl FnOnce()) -> Ended {
    let both: Result<(Upgraded, Upgraded), _> = tokio::try_join!(browser, backend);
    match both {
        Ok((browser, backend)) => {
            relay(TokioIo::new(browser), TokioIo::new(backend), GRACE, left).await
        }
        // The browser went away before it had its 101.
        Err(_) => Ended::Closed,
    }
}

/// Why a direction ended.
enum End {
    Eof,
    Read(io::Error),
    /// Nobody takes the bytes; what the same peer has said before is still to be read.
    Write,
}

/// Copies bytes both ways until both have ended.
async fn relay<A, B>(browser: A, backend: B, grace: Duration, left: impl FnOnce()) -> Ended
where
    A: AsyncRead + AsyncWrite,
    B: AsyncRead + AsyncWrite,
{
    let traffic = Notify::new();
    let (from_browser, to_browser) = split(browser);
    let (from_backend, to_backend) = split(backend);
    let mut up = pin!(copy(from_browser, to_backend, &traffic));
    let mut down = pin!(copy(from_backend, to_browser, &traffic));
    tokio::select! {
        end = &mut up => match end {
            // A reset browser takes nothing any more.
            End::Read(_) => Ended::Closed,
            End::Eof | End::Write => match rest(down, &traffic, grace).await {
                Some(End::Read(error)) => Ended::BackendBroke(error),
                Some(_) => Ended::Closed,
                None => Ended::Silent,
            },
        },
        end = &mut down => match end {
            End::Read(error) => Ended::BackendBroke(error),
            End::Eof | End::Write => {
                if matches!(end, End::Eof) {
                    left();
                }
                match rest(up, &traffic, grace).await {
                    Some(_) => Ended::Closed,
                    None => Ended::Silent,
                }
            }
        },
    }
}

/// Waits for the second direction as long as something passes.
async fn rest(
    direction: impl Future<Output = End> + Unpin,
    traffic: &Notify,
    grace: Duration,
) -> Option<End> {
    let mut direction = direction;
    let mut silence = pin!(sleep(grace));
    loop {
        tokio::select! {
            end = &mut direction => return Some(end),
            () = traffic.notified() => silence.as_mut().reset(Instant::now() + grace),
            () = &mut silence => return None,
        }
    }
}

/// Copies one direction to its end, and passes that on.
async fn copy<R, W>(mut from: ReadHalf<R>, mut to: WriteHalf<W>, traffic: &Notify) -> End
where
    R: AsyncRead,
    W: AsyncWrite,
{
    let mut buffer = vec![0; BUFFER];
    loop {
        // All bytes of the tunnel pass here.
        let bytes = match from.read(&mut buffer).await {
            Ok(0) => break,
            Ok(count) => &buffer[..count],
            Err(error) => return End::Read(error),
        };
        traffic.notify_one();
        // Flushed, because a TLS socket may keep bytes back until there are more.
        if to.write_all(bytes).await.is_err() || to.flush().await.is_err() {
            return End::Write;
        }
        traffic.notify_one();
    }
    if to.shutdown().await.is_err() { End::Write } else { End::Eof }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt, duplex},
        time::{Instant, sleep, timeout},
    };

    use super::{Ended, GRACE, relay};

    #[tokio::test]
    async fn bytes_pass_both_ways_at_once() {
        let (mut browser, near) = duplex(1000);
        let (far, mut backend) = duplex(1000);
        let tunnel = tokio::spawn(relay(near, far, GRACE, || ()));
        let up: Vec<u8> = (0..200_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let down: Vec<u8> = up.iter().rev().copied().collect();
        let (up2, down2) = (up.clone(), down.clone());
        let echo = tokio::spawn(async move {
            let (mut read, mut write) = tokio::io::split(&mut backend);
            let mut heard = Vec::new();
            let (written, read) = tokio::join!(
                async {
                    write.write_all(&down2).await?;
                    write.shutdown().await
                },
                read.read_to_end(&mut heard)
            );
            written.and(read).unwrap();
            heard
        });
        let mut heard = Vec::new();
        let (mut read, mut write) = tokio::io::split(&mut browser);
        let (written, done) = tokio::join!(
            async {
                write.write_all(&up2).await?;
                write.shutdown().await
            },
            read.read_to_end(&mut heard)
        );
        written.and(done).unwrap();
        assert!(heard == down && echo.await.unwrap() == up);
        assert!(matches!(tunnel.await.unwrap(), Ended::Closed));
    }

    #[tokio::test]
    async fn the_end_of_one_direction_is_not_the_end_of_the_other() {
        const GRACE: Duration = Duration::from_secs(1);
        async fn half_closed(swapped: bool) {
            let (mut early, near) = duplex(64);
            let (far, mut late) = duplex(64);
            let (browser, backend) = if swapped { (far, near) } else { (near, far) };
            let tunnel = tokio::spawn(relay(browser, backend, GRACE, || ()));
            early.write_all(b"last words").await.unwrap();
            early.shutdown().await.unwrap();
            let mut heard = Vec::new();
            late.read_to_end(&mut heard).await.unwrap();
            assert_eq!(heard, b"last words");
            // Longer than the grace altogether, but never silent for so long.
            for _ in 0..5 {
                sleep(GRACE / 4).await;
                late.write_all(b"and yours").await.unwrap();
                let mut nine = [0; 9];
                early.read_exact(&mut nine).await.unwrap();
                assert_eq!(&nine, b"and yours");
            }
            late.shutdown().await.unwrap();
            assert_eq!(early.read(&mut [0]).await.unwrap(), 0);
            assert!(matches!(tunnel.await.unwrap(), Ended::Closed));
        }
        tokio::join!(half_closed(false), half_closed(true));
    }

    #[tokio::test]
    async fn a_peer_that_never_closes_is_dropped_after_the_grace() {
        let (mut early, near) = duplex(64);
        let (far, mut late) = duplex(64);
        let since = Instant::now();
        let grace = Duration::from_millis(200);
        let tunnel = tokio::spawn(relay(near, far, grace, || ()));
        early.shutdown().await.unwrap();
        let ended = timeout(Duration::from_secs(5), tunnel).await.expect("dropped").unwrap();
        assert!(matches!(ended, Ended::Silent));
        assert!(since.elapsed() >= grace);
        assert_eq!(late.read(&mut [0]).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn two_open_sides_may_be_silent_for_longer_than_the_grace() {
        let (mut browser, near) = duplex(64);
        let (far, mut backend) = duplex(64);
        let _tunnel = tokio::spawn(relay(near, far, Duration::from_millis(20), || ()));
        sleep(Duration::from_millis(200)).await;
        browser.write_all(b"!").await.unwrap();
        assert_eq!(backend.read_u8().await.unwrap(), b'!');
    }

    #[tokio::test]
    async fn last_words_arrive_of_a_side_that_no_longer_listens() {
        for swapped in [false, true] {
            let (mut early, near) = duplex(1000);
            let (far, mut late) = duplex(64);
            let words = [b'!'; 1000];
            early.write_all(&words).await.unwrap();
            drop(early);
            late.write_all(b"nobody hears this").await.unwrap();
            let (browser, backend) = if swapped { (far, near) } else { (near, far) };
            let tunnel = tokio::spawn(relay(browser, backend, GRACE, || ()));
            let mut heard = Vec::new();
            late.read_to_end(&mut heard).await.unwrap();
            assert!(heard == words, "{} of {}", heard.len(), words.len());
            drop(late);
            assert!(matches!(tunnel.await.unwrap(), Ended::Closed));
        }
    }
}
