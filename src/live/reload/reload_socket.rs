//! An open reload WebSocket, shared by its own task and by the thread that publishes a change.
//!
//! The publisher writes to the socket directly where that takes no waiting ([`PushNow`]), because
//! waking the socket's task on another thread costs more than the write. Where the socket is not
//! ready, or its task is using it, the task is woken and does the rest. The mailbox is emptied
//! under the socket's lock, so messages leave in the order of their versions from either thread.
//!
//! The lock is held while the socket is polled, which never blocks, and never across an await.

use std::{
    fmt,
    future::poll_fn,
    sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::mailbox::{Mailbox, PushNow};

/// How long a peer may accept no byte.
const STUCK: Duration = Duration::from_secs(15);

/// The peer has disconnected, or accepts no more bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Disconnected;

/// A WebSocket as this module uses it.
pub(super) trait Transport:
    Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error> + Unpin + Send
{
}

impl<S> Transport for S where
    S: Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error> + Unpin + Send
{
}

/// A socket and the mailbox of its tab.
pub(super) struct ReloadSocket<S> {
    mailbox: Arc<Mailbox>,
    state: Mutex<State<S>>,
}

struct State<S> {
    socket: S,
    /// See [`ReloadSocket::allow_push`].
    push_allowed: bool,
    /// Not everything that was sent is flushed, or the task is about to send.
    busy: bool,
}

impl<S: Transport> ReloadSocket<S> {
    pub(super) fn new(mailbox: Arc<Mailbox>, socket: S) -> Self {
        Self { mailbox, state: Mutex::new(State { socket, push_allowed: false, busy: false }) }
    }

    fn state(&self) -> MutexGuard<'_, State<S>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Receives the next frame.
    pub(super) async fn next(&self) -> Option<Result<Message, Error>> {
        poll_fn(|context| self.state().socket.poll_next_unpin(context)).await
    }

    /// Lets publishers write to the socket from now on: it is known which changes affect the tab.
    pub(super) fn allow_push(&self) {
        self.state().push_allowed = true;
    }

    /// Sends one message.
    ///
    /// # Errors
    /// The peer has disconnected, or accepted nothing for 15 s.
    pub(super) async fn send(&self, message: Message) -> Result<(), Disconnected> {
        let mut message = Some(message);
        self.write(|socket| match message.take() {
            Some(message) => socket.start_send_unpin(message),
            None => Ok(()),
        })
        .await
    }

    /// Sends what is in the mailbox, and flushes what was sent before.
    ///
    /// # Errors
    /// Like [`send`](Self::send).
    pub(super) async fn catch_up(&self) -> Result<(), Disconnected> {
        self.write(|socket| self.empty_mailbox(socket)).await
    }

    /// Sends a last message and closes the socket.
    pub(super) async fn close(&self, message: Message) {
        let _ = self.send(message).await;
        let closed = poll_fn(|context| self.state().socket.poll_close_unpin(context));
        let _ = timeout(STUCK, closed).await;
    }

    /// Calls `send` as soon as the socket is ready for it, and waits until everything is flushed.
    async fn write(
        &self,
        mut send: impl FnMut(&mut S) -> Result<(), Error>,
    ) -> Result<(), Disconnected> {
        let mut sent = false;
        let flushed = poll_fn(|context| {
            let state = &mut *self.state();
            state.busy = true;
            if !sent {
                match state.socket.poll_ready_unpin(context) {
                    Poll::Ready(Ok(())) => {}
                    other => return other,
                }
                if let Err(error) = send(&mut state.socket) {
                    return Poll::Ready(Err(error));
                }
                sent = true;
            }
            let flushed = state.socket.poll_flush_unpin(context);
            state.busy = flushed.is_pending();
            flushed
        });
        match timeout(STUCK, flushed).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Disconnected),
        }
    }

    /// Hands the mailbox's contents to the socket.
    fn empty_mailbox(&self, socket: &mut S) -> Result<(), Error> {
        let mut frames = self.mailbox.take().frames();
        frames.try_for_each(|frame| socket.start_send_unpin(Message::Text(frame)))
    }
}

impl<S: Transport> PushNow for ReloadSocket<S> {
    fn push_now(&self) -> bool {
        let mut state = match self.state.try_lock() {
            Ok(state) => state,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return false,
        };
        if !state.push_allowed || state.busy {
            return false;
        }
        // Where the socket has to wait, its own task does.
        let mut context = Context::from_waker(Waker::noop());
        let sent = self.empty_mailbox(&mut state.socket);
        let flushed = sent.map(|()| state.socket.poll_flush_unpin(&mut context));
        let pushed = matches!(flushed, Ok(Poll::Ready(Ok(()))));
        state.busy = !pushed;
        pushed
    }
}

impl<S> fmt::Debug for ReloadSocket<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ReloadSocket").finish_non_exhaustive()
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

    use super::{PushNow, ReloadSocket};
    use crate::{
        change::{Change, ChangeSet, Kind},
        live::reload::{
            hub::{Hub, Reload},
            tab_handle::TabHandle,
            tab_record::ClientInfo,
        },
    };

    /// A socket that needs as many flushes as the test says.
    #[derive(Default)]
    struct Slow {
        flushes: VecDeque<Poll<()>>,
        sent: Vec<String>,
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
            self.sent.push(message.to_string());
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
    async fn publish_writes_directly_when_the_socket_is_ready() {
        let hub = Hub::new(Reload::Used);
        let tab = TabHandle::join(Arc::clone(&hub), ClientInfo::default());
        let socket = Arc::new(ReloadSocket::new(tab.mailbox(), Slow::default()));
        let connection: Arc<dyn PushNow> = socket.clone();
        tab.register(Arc::downgrade(&connection));
        let sent = || std::mem::take(&mut socket.state().socket.sent);

        publish(&hub, "/a");
        assert!(sent().is_empty(), "nothing is pushed before the tab's uses are known");
        socket.allow_push();
        socket.catch_up().await.unwrap();
        assert!(sent()[0].contains("/a"));

        publish(&hub, "/b");
        assert!(sent()[0].contains("/b"), "written by publish");

        // The socket accepts the message and cannot flush it.
        socket.state().socket.flushes.push_back(Poll::Pending);
        publish(&hub, "/c");
        assert!(sent()[0].contains("/c"));
        publish(&hub, "/d");
        assert!(sent().is_empty(), "left to the socket's task");
        tab.changed().await;
        socket.catch_up().await.unwrap();
        assert!(sent()[0].contains("/d"));
        publish(&hub, "/e");
        assert!(sent()[0].contains("/e"));

        {
            let held = socket.state();
            publish(&hub, "/f");
            assert!(held.socket.sent.is_empty(), "the task is using the socket");
        }
        socket.catch_up().await.unwrap();
        assert_eq!(sent().len(), 1);
    }
}
