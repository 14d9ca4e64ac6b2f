//! The room: what one says, all the others hear.
//!
//! Each client has a mailbox with an end. Who does not read, and so lets it fill up, is dropped, and
//! costs the others nothing. Who is silent is pinged; who does not answer until the next ping is gone.

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

/// How many messages wait for a client.
const MAILBOX: usize = 256;
/// How long a client may take to accept one.
const PATIENCE: Duration = Duration::from_secs(10);

/// What all clients share.
pub(crate) struct Room {
    clients: Mutex<Clients>,
    ping: Duration,
    stop: CancellationToken,
    pub(crate) talks: TaskTracker,
}

#[derive(Default)]
struct Clients {
    next: u64,
    mailboxes: HashMap<u64, mpsc::Sender<Message>>,
}

impl Room {
    pub(crate) fn new(ping: Duration) -> Self {
        Self {
            clients: Mutex::default(),
            ping: ping.max(Duration::from_millis(1)),
            stop: CancellationToken::new(),
            talks: TaskTracker::new(),
        }
    }

    /// Says goodbye to everybody, and waits until they are gone.
    pub(crate) async fn close(&self) {
        self.stop.cancel();
        self.talks.close();
        self.talks.wait().await;
    }

    /// A place in the room: what is said from now on comes to it.
    pub(crate) fn enter(self: &Arc<Self>) -> Place {
        let (sender, mailbox) = mpsc::channel(MAILBOX);
        let id = self.with(|clients| {
            clients.next += 1;
            clients.mailboxes.insert(clients.next, sender);
            clients.next
        });
        Place { room: Arc::clone(self), id, mailbox }
    }

    /// To all the others. A mailbox that is full is taken away, which its owner notices.
    fn relay(&self, from: u64, message: &Message) {
        self.with(|clients| {
            clients
                .mailboxes
                .retain(|id, mailbox| *id == from || mailbox.try_send(message.clone()).is_ok());
        });
    }

    fn with<T>(&self, change: impl FnOnce(&mut Clients) -> T) -> T {
        // Each change is whole, so one that panicked elsewhere leaves nothing half done.
        change(&mut self.clients.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A client's place in the room, until it is dropped.
pub(crate) struct Place {
    room: Arc<Room>,
    id: u64,
    mailbox: mpsc::Receiver<Message>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.room.with(|clients| clients.mailboxes.remove(&self.id));
    }
}

impl Place {
    /// Passes on what the client says, and what is said to it, until it leaves or is gone.
    pub(crate) async fn talk(mut self, mut socket: Socket) -> Result<(), Error> {
        let room = Arc::clone(&self.room);
        let mut pings = interval_at(Instant::now() + room.ping, room.ping);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard_from = true; // since the last ping
        loop {
            tokio::select! {
                heard = socket.next() => {
                    let Some(message) = heard.transpose()? else { return Ok(()) };
                    heard_from = true;
                    if message.is_text() || message.is_binary() {
                        room.relay(self.id, &message);
                    }
                }
                message = self.mailbox.recv() => match message {
                    Some(message) => send(&mut socket, message).await?,
                    None => return goodbye(&mut socket, CloseCode::Policy, "too slow").await,
                },
                _ = pings.tick() => {
                    if !heard_from {
                        return Ok(()); // nobody is there to be told
                    }
                    heard_from = false;
                    send(&mut socket, Message::Ping(Bytes::new())).await?;
                }
                () = room.stop.cancelled() => {
                    return goodbye(&mut socket, CloseCode::Away, "the server is going away").await;
                }
            }
        }
    }
}

async fn send(socket: &mut Socket, message: Message) -> Result<(), Error> {
    let late = |_| Error::Io(io::ErrorKind::TimedOut.into());
    timeout(PATIENCE, socket.send(message)).await.map_err(late)?
}

async fn goodbye(socket: &mut Socket, code: CloseCode, reason: &'static str) -> Result<(), Error> {
    send(socket, Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await
}
