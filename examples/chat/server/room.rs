//! The chat room: relays each message of a member to all other members.
//!
//! Each member has a bounded mailbox. A client that does not read fills its mailbox and is
//! disconnected, without delaying the others. Clients are pinged; one that sends nothing until the
//! next ping is disconnected.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use hyper::{body::Bytes, upgrade::Upgraded};
use hyper_util::rt::TokioIo;
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval_at, timeout},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error, Message,
        protocol::{CloseFrame, frame::coding::CloseCode},
    },
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// Number of messages that can wait for a member.
const MAILBOX: usize = 256;
/// Time that a client may take to accept a message.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);

/// State that all members share.
pub(crate) struct Room {
    members: Mutex<Members>,
    ping: Duration,
    stop: CancellationToken,
    pub(crate) tasks: TaskTracker,
}

#[derive(Default)]
struct Members {
    next: u64,
    mailboxes: HashMap<u64, mpsc::Sender<Message>>,
}

impl Room {
    pub(crate) fn new(ping: Duration) -> Self {
        Self {
            members: Mutex::default(),
            ping: ping.max(Duration::from_millis(1)),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }
    }

    /// Sends every client a close frame, and waits until their tasks end.
    pub(crate) async fn close(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Adds a member, which receives all messages from now on.
    pub(crate) fn join(self: &Arc<Self>) -> Member {
        let (sender, mailbox) = mpsc::channel(MAILBOX);
        let id = self.with(|members| {
            members.next += 1;
            members.mailboxes.insert(members.next, sender);
            members.next
        });
        Member { room: Arc::clone(self), id, mailbox }
    }

    /// Puts a message into the mailboxes of all other members. Removes a full mailbox, which ends
    /// the task of its member.
    fn relay(&self, from: u64, message: &Message) {
        self.with(|members| {
            members
                .mailboxes
                .retain(|id, mailbox| *id == from || mailbox.try_send(message.clone()).is_ok());
        });
    }

    fn with<T>(&self, change: impl FnOnce(&mut Members) -> T) -> T {
        // No change can panic halfway, so a poisoned lock protects valid data.
        change(&mut self.members.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A member of the room. Dropping it leaves the room.
pub(crate) struct Member {
    room: Arc<Room>,
    id: u64,
    mailbox: mpsc::Receiver<Message>,
}

impl Drop for Member {
    fn drop(&mut self) {
        self.room.with(|members| members.mailboxes.remove(&self.id));
    }
}

impl Member {
    /// Relays messages between the client and the room until the client disconnects.
    ///
    /// # Errors
    /// The connection fails, or the client violates the protocol.
    pub(crate) async fn run(mut self, mut socket: Socket) -> Result<(), Error> {
        let room = Arc::clone(&self.room);
        let mut pings = interval_at(Instant::now() + room.ping, room.ping);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_alive = true; // whether the client sent anything since the last ping
        loop {
            tokio::select! {
                received = socket.next() => {
                    let Some(message) = received.transpose()? else { return Ok(()) };
                    is_alive = true;
                    if message.is_text() || message.is_binary() {
                        room.relay(self.id, &message);
                    }
                }
                message = self.mailbox.recv() => match message {
                    Some(message) => send(&mut socket, message).await?,
                    None => return close(&mut socket, CloseCode::Policy, "too slow").await,
                },
                _ = pings.tick() => {
                    if !is_alive {
                        return Ok(());
                    }
                    is_alive = false;
                    send(&mut socket, Message::Ping(Bytes::new())).await?;
                }
                () = room.stop.cancelled() => {
                    return close(&mut socket, CloseCode::Away, "the server is shutting down").await;
                }
            }
        }
    }
}

async fn send(socket: &mut Socket, message: Message) -> Result<(), Error> {
    let timed_out = |_| Error::Io(io::ErrorKind::TimedOut.into());
    timeout(SEND_TIMEOUT, socket.send(message)).await.map_err(timed_out)?
}

async fn close(socket: &mut Socket, code: CloseCode, reason: &'static str) -> Result<(), Error> {
    send(socket, Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await
}
