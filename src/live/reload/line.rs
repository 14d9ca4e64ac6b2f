//! An open reload WebSocket, as both its own task and whoever publishes a change may use it.
//!
//! To wake a task on another thread costs more than to write a message, so who publishes says what is
//! in the mailbox at once ([`Tell`]), where the socket takes it without waiting. Where it does not,
//! or where the task is at it, the task is woken, and does the rest. The mailbox is emptied under the
//! socket's lock: messages leave in the order of their versions, whoever sends them.
//!
//! The lock is held while a socket is polled, which never waits, and never across an await.

use std::{
    fmt,
    future::poll_fn,
    sync::{Mutex, MutexGuard, PoisonError, TryLockError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite;

use super::hub::{Handle, Tell};

/// How long a peer may take no byte.
const STUCK: Duration = Duration::from_secs(15);

/// The peer is gone, or stuck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gone;

/// A frame from the peer.
type Received = Option<Result<tungstenite::Message, tungstenite::Error>>;

/// A socket and its tab.
pub(super) struct Line<S> {
    pub(super) handle: Handle,
    state: Mutex<State<S>>,
}

struct State<S> {
    socket: S,
    /// Whether what is in the mailbox may be said; see [`Line::greeted`].
    greeted: bool,
    /// Something that was sent is not out yet, or the task is about to send.
    busy: bool,
}

impl<S> Line<S>
where
    S: Stream<Item = Result<tungstenite::Message, tungstenite::Error>>
        + Sink<tungstenite::Message, Error = tungstenite::Error>
        + Unpin
        + Send,
{
    pub(super) fn new(handle: Handle, socket: S) -> Self {
        Self { handle, state: Mutex::new(State { socket, greeted: false, busy: false }) }
    }

    fn state(&self) -> MutexGuard<'_, State<S>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the peer says next.
    pub(super) async fn next(&self) -> Received {
        poll_fn(|context| self.state().socket.poll_next_unpin(context)).await
    }

    /// The peer is known now, or known to be silent: from now on, it may be told.
    pub(super) fn greeted(&self) {
        self.state().greeted = true;
    }

    /// Says one message.
    pub(super) async fn send(&self, message: tungstenite::Message) -> Result<(), Gone> {
        let mut message = Some(message);
        self.out(|state| match message.take() {
            Some(message) => state.socket.start_send_unpin(message),
            None => Ok(()),
        })
        .await
    }

    /// Says what is in the mailbox, and what is not out yet.
    pub(super) async fn catch_up(&self) -> Result<(), Gone> {
        self.out(|state| self.say(state)).await
    }

    /// Ends the conversation with this.
    pub(super) async fn close(&self, message: tungstenite::Message) {
        let _ = self.send(message).await;
        let _ =
            timeout(STUCK, poll_fn(|context| self.state().socket.poll_close_unpin(context))).await;
    }

    /// Hands something to the socket as soon as that is ready for it, and waits until it is out.
    async fn out(
        &self,
        mut send: impl FnMut(&mut State<S>) -> Result<(), tungstenite::Error>,
    ) -> Result<(), Gone> {
        let mut sent = false;
        let out = poll_fn(|context| {
            let state = &mut *self.state();
            state.busy = true;
            if !sent {
                match state.socket.poll_ready_unpin(context) {
                    Poll::Ready(Ok(())) => {}
                    other => return other,
                }
                if let Err(why) = send(state) {
                    return Poll::Ready(Err(why));
                }
                sent = true;
            }
            let flushed = state.socket.poll_flush_unpin(context);
            state.busy = flushed.is_pending();
            flushed
        });
        match timeout(STUCK, out).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Gone),
        }
    }

    /// Hands what there is to say to the socket.
    fn say(&self, state: &mut State<S>) -> Result<(), tungstenite::Error> {
        for message in self.handle.messages() {
            state.socket.start_send_unpin(message.to_json().into())?;
        }
        Ok(())
    }
}

impl<S> Tell for Line<S>
where
    S: Stream<Item = Result<tungstenite::Message, tungstenite::Error>>
        + Sink<tungstenite::Message, Error = tungstenite::Error>
        + Unpin
        + Send,
{
    fn tell(&self) -> bool {
        let mut state = match self.state.try_lock() {
            Ok(state) => state,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return false,
        };
        if !state.greeted || state.busy {
            return false;
        }
        // Where it has to wait, its own task does.
        let mut context = Context::from_waker(Waker::noop());
        let sent = self.say(&mut state);
        let flushed = sent.map(|()| state.socket.poll_flush_unpin(&mut context));
        let told = matches!(flushed, Ok(Poll::Ready(Ok(()))));
        state.busy = !told;
        told
    }
}

impl<S> fmt::Debug for Line<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Line").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::VecDeque,
        pin::Pin,
        sync::Arc,
        task::{Context, Poll},
    };

    use futures_util::{Sink, Stream};
    use tokio_tungstenite::tungstenite::{Error, Message};

    use super::{Line, Tell};
    use crate::{
        change::{Change, ChangeSet, Kind},
        live::reload::hub::{Hub, Reload},
    };

    /// A socket that takes as many flushes to get something out as it is told to.
    #[derive(Default)]
    struct Slow {
        flushes: VecDeque<Poll<()>>,
        taken: Vec<String>,
    }

    impl Stream for Slow {
        type Item = Result<Message, Error>;

        fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            Poll::Pending
        }
    }

    impl Sink<Message> for Slow {
        type Error = Error;

        fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
            Poll::Ready(Ok(()))
        }

        fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
            self.taken.push(message.to_string());
            Ok(())
        }

        fn poll_flush(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
        ) -> Poll<Result<(), Error>> {
            let flushed = self.flushes.pop_front().unwrap_or(Poll::Ready(()));
            if flushed.is_pending() {
                context.waker().wake_by_ref();
            }
            flushed.map(Ok)
        }

        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
            Poll::Ready(Ok(()))
        }
    }

    fn publish(hub: &Hub, path: &str) {
        let change = Change { path: path.into(), kind: Kind::Modified };
        hub.publish(&ChangeSet::from_iter([change]));
    }

    #[tokio::test]
    async fn who_publishes_says_it_where_that_takes_no_waiting() {
        let hub = Hub::new(Reload::Used);
        let line = Arc::new(Line::new(hub.join(), Slow::default()));
        let tell: Arc<dyn Tell> = line.clone();
        line.handle.told_by(Arc::downgrade(&tell));
        let taken = || std::mem::take(&mut line.state().socket.taken);

        publish(&hub, "/a");
        assert!(taken().is_empty(), "nobody knows yet what it uses");
        line.greeted();
        line.catch_up().await.unwrap();
        assert!(taken()[0].contains("/a"));

        publish(&hub, "/b");
        assert!(taken()[0].contains("/b"), "at once");

        // It takes the message, and cannot get it out.
        line.state().socket.flushes.push_back(Poll::Pending);
        publish(&hub, "/c");
        assert!(taken()[0].contains("/c"));
        publish(&hub, "/d");
        assert!(taken().is_empty(), "its task is to see to it");
        line.handle.changed().await;
        line.catch_up().await.unwrap();
        assert!(taken()[0].contains("/d"));
        publish(&hub, "/e");
        assert!(taken()[0].contains("/e"));

        {
            let held = line.state();
            publish(&hub, "/f");
            assert!(held.socket.taken.is_empty(), "its task is at it");
        }
        line.catch_up().await.unwrap();
        assert_eq!(taken().len(), 1);
    }
}
