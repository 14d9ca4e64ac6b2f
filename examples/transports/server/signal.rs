//! Signaling for WebRTC: before two peers can connect directly, they exchange their capabilities
//! and addresses. The server relays these messages without reading them.
//!
//! The server's own message is `{"peers":N}`, sent to a room when a peer enters or leaves.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use hyper::body::Bytes;
use tokio::sync::broadcast;
use tokio::time::{Instant, interval_at};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};
use tokio_util::sync::CancellationToken;

use crate::{Socket, close, send};

/// A message and its sender; 0 is the server.
type Room = broadcast::Sender<(u64, Utf8Bytes)>;
type Inbox = broadcast::Receiver<(u64, Utf8Bytes)>;

const PEERS: usize = 2;
const MAX_ROOMS: usize = 256;
/// Messages that may wait for a peer. A peer that falls further behind is disconnected.
const MAX_WAITING: usize = 64;
/// Interval of pings. A peer that sends nothing before the next ping is disconnected.
const PING: Duration = Duration::from_secs(20);

#[derive(Default)]
pub(crate) struct Rooms {
    rooms: Mutex<HashMap<String, Room>>,
    next_peer: AtomicU64,
}

impl Rooms {
    /// Joins a peer to the room with this name until its socket closes.
    pub(crate) async fn join(
        &self,
        mut socket: Socket,
        name: String,
        stop: CancellationToken,
    ) -> Result<(), Error> {
        let Some((room, mut inbox)) = self.enter(&name) else {
            return close(&mut socket, CloseCode::Again, "the room is full").await;
        };
        let me = 1 + self.next_peer.fetch_add(1, Ordering::Relaxed);
        let result = relay(&mut socket, me, &room, &mut inbox, &stop).await;
        self.leave(&name, &room, inbox);
        result
    }

    fn enter(&self, name: &str) -> Option<(Room, Inbox)> {
        let mut rooms = self.lock();
        if rooms.len() >= MAX_ROOMS && !rooms.contains_key(name) {
            return None;
        }
        let room = rooms.entry(name.into()).or_insert_with(|| Room::new(MAX_WAITING));
        (room.receiver_count() < PEERS).then(|| {
            let inbox = room.subscribe();
            announce(room);
            (room.clone(), inbox)
        })
    }

    fn leave(&self, name: &str, room: &Room, inbox: Inbox) {
        let mut rooms = self.lock();
        drop(inbox);
        announce(room);
        if room.receiver_count() == 0 {
            rooms.remove(name);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Room>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends the number of peers to the room.
fn announce(room: &Room) {
    let peers = room.receiver_count();
    let _ = room.send((0, format!(r#"{{"peers":{peers}}}"#).into()));
}

async fn relay(
    socket: &mut Socket,
    me: u64,
    room: &Room,
    inbox: &mut Inbox,
    stop: &CancellationToken,
) -> Result<(), Error> {
    let mut ping = interval_at(Instant::now() + PING, PING);
    let mut alive = true;
    loop {
        tokio::select! {
            relayed = inbox.recv() => match relayed {
                Ok((from, text)) if from != me => send(socket, Message::Text(text)).await?,
                Ok(_) => {}
                Err(_) => return close(socket, CloseCode::Policy, "too slow").await,
            },
            received = socket.next() => match received {
                Some(Ok(message)) => {
                    alive = true; // also set by the response to a ping
                    if let Message::Text(text) = message {
                        let _ = room.send((me, text));
                    }
                }
                Some(Err(error)) => return Err(error),
                None => return Ok(()),
            },
            _ = ping.tick() => {
                if !alive {
                    return Ok(());
                }
                alive = false;
                send(socket, Message::Ping(Bytes::new())).await?;
            }
            () = stop.cancelled() => return close(socket, CloseCode::Away, "stopping").await,
        }
    }
}
