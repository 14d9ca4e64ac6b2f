//! The reload WebSocket, `/__livers/socket`: accepts it and serves it until either side closes.
//!
//! A page offers the subprotocol `livers` and says hello first; a tool may do neither, and is
//! notified of every change from the beginning. What a page says affects its own tab and nothing
//! else. Frames and messages are bounded, and a peer that vanished without closing is found by
//! pings.

use std::{
    future::{Future, poll_fn},
    sync::Arc,
    time::{Duration, SystemTime},
};

use hyper::Request;
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, sleep};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message, Utf8Bytes,
        protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode},
    },
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    handshake,
    hub::Hub,
    mailbox::PushNow,
    message::{ClientMessage, Hello, ServerMessage},
    reload_socket::{Disconnected, ReloadSocket, Transport},
    reports::Reports,
    tab_handle::{Missed, TabHandle},
    tab_record::{Ack, ClientInfo},
};
use crate::{
    event::{Event, Events},
    http::body::Response,
    live::{
        change_source::ChangeSource,
        page_errors::{PageError, PageErrors},
    },
    page_message::{MessageKind, PageMessage},
};

/// The maximum size of a message from a page, bytes: room for a few thousand paths.
const MESSAGE: usize = 256 * 1024;

/// The size of the buffer that each socket reads into, bytes. Longer messages get a buffer of their
/// size. tungstenite's default, 128 KiB, would be nearly all of the memory of an idle socket.
const READ_BUFFER: usize = 512;

/// How often a peer is pinged.
const PING: Duration = Duration::from_secs(30);

/// How long a peer may send nothing at all.
const SILENCE: Duration = Duration::from_secs(75);

/// How long a page may take to say hello before it is notified of every change. The client says
/// hello as soon as its socket is open.
const HELLO: Duration = Duration::from_secs(1);

/// What all reload sockets and event streams share.
pub(crate) struct Context {
    pub(crate) hub: Arc<Hub>,
    pub(crate) changes: Arc<dyn ChangeSource>,
    pub(crate) page_errors: Option<Arc<dyn PageErrors>>,
    pub(crate) events: Events,
    /// Counts the tasks of the sockets.
    pub(crate) tasks: TaskTracker,
    /// Closes the sockets.
    pub(crate) cancel: CancellationToken,
}

/// Counts a tab as open, and reports the number of open tabs when that changes.
pub(super) struct TabCount(Arc<Context>);

impl TabCount {
    /// Reports a tab that has joined.
    pub(super) fn new(context: Arc<Context>) -> Self {
        let count = Self(context);
        count.report();
        count
    }

    fn report(&self) {
        self.0.events.emit(Event::Tabs { open: self.0.hub.open_tabs() });
    }
}

impl Drop for TabCount {
    fn drop(&mut self) {
        self.report();
    }
}

/// Answers a request of a client for the socket, and serves the socket once it is open.
pub(crate) fn accept<B>(
    context: Arc<Context>,
    mut request: Request<B>,
    client: ClientInfo,
) -> Response {
    let key = match handshake::accept_key(request.method(), request.headers()) {
        Ok(key) => key,
        Err(error) => return error.response(),
    };
    let page = handshake::is_page(request.headers());
    let upgrade = hyper::upgrade::on(&mut request);
    context.tasks.clone().spawn(async move {
        // An upgrade that fails is a client that went away.
        if let Ok(upgraded) = upgrade.await {
            let config = WebSocketConfig::default()
                .read_buffer_size(READ_BUFFER)
                .max_message_size(Some(MESSAGE))
                .max_frame_size(Some(MESSAGE));
            let io = TokioIo::new(upgraded);
            // In a box that is gone afterwards, to keep the socket's task small.
            let socket = Box::pin(WebSocketStream::from_raw_socket(io, Role::Server, Some(config)));
            serve(context, socket.await, page, client).await;
        }
    });
    handshake::switching_protocols(key, page)
}

/// Adds a tab for an open socket. The future serves it until the peer disconnects or livers stops.
///
/// Not an async function: its future would hold the socket, which is 330 bytes, a second time.
fn serve<S: Transport + 'static>(
    context: Arc<Context>,
    socket: S,
    page: bool,
    client: ClientInfo,
) -> impl Future<Output = ()> + Send {
    let tab = TabHandle::join(Arc::clone(&context.hub), client);
    let count = TabCount::new(Arc::clone(&context));
    let socket = Arc::new(ReloadSocket::new(tab.mailbox(), socket));
    let connection: Arc<dyn PushNow> = socket.clone();
    tab.register(Arc::downgrade(&connection));
    async move {
        // How a peer disconnects makes no difference.
        let _: Result<(), Disconnected> = converse(&context, &tab, &socket, page).await;
        drop(tab);
        drop(count);
    }
}

async fn converse<S: Transport>(
    context: &Context,
    tab: &TabHandle,
    socket: &ReloadSocket<S>,
    is_page: bool,
) -> Result<(), Disconnected> {
    socket.send(connected(&context.hub).into()).await?;
    // A page is not notified before its hello: it would be of changes that do not affect it.
    let mut greeted = !is_page;
    if greeted {
        socket.allow_push();
        socket.catch_up().await?;
    }
    let mut page = String::new();
    let (errors, mut reports) = (context.page_errors.as_deref(), Reports::default());
    let mut heard = Instant::now();
    // One timer for the hello first and pings afterwards, since every socket has one.
    let timer = sleep(if greeted { PING } else { HELLO });
    let cancelled = context.cancel.cancelled();
    tokio::pin!(timer, cancelled);
    loop {
        let frame = tokio::select! {
            () = &mut cancelled => {
                let close = CloseFrame { code: CloseCode::Away, reason: Utf8Bytes::from_static("") };
                socket.close(Message::Close(Some(close))).await;
                return Ok(());
            }
            () = &mut timer => {
                if !greeted {
                    greeted = true;
                    socket.allow_push();
                    socket.catch_up().await?;
                } else if heard.elapsed() > SILENCE {
                    return Err(Disconnected);
                } else {
                    socket.send(Message::Ping(bytes::Bytes::new())).await?;
                }
                timer.as_mut().reset(Instant::now() + PING);
                continue;
            }
            () = tab.changed(), if greeted => {
                socket.catch_up().await?;
                continue;
            }
            described = poll_fn(|waker| reports.poll_described(errors, &page, waker)) => {
                reports.finish(described, &page, tab, &context.events);
                continue;
            }
            frame = socket.next() => frame,
        };
        heard = Instant::now();
        // tungstenite answers pings and closes; binary frames have no meaning here.
        let Some(Ok(frame)) = frame else { return Err(Disconnected) };
        let Message::Text(text) = frame else { continue };
        match ClientMessage::from_json(&text) {
            ClientMessage::Hello(hello) => {
                greet(tab, &context.changes, &hello).await;
                page = hello.page;
                greeted = true;
                socket.allow_push();
                socket.catch_up().await?;
            }
            ClientMessage::Uses { add, drop } => tab.update_uses(&add, &drop),
            ClientMessage::Applied { version, how, ms, why, kept } => {
                let how = printable(&how, 40);
                let why = why.map(|why| printable(&why, 120));
                let took = Duration::from_millis(ms);
                context.events.emit(Event::Applied {
                    page: page.clone(),
                    version,
                    how: how.clone(),
                    took,
                    why: why.clone(),
                });
                tab.acknowledge(Ack { version, how, ms, why, kept, at: now() });
            }
            ClientMessage::Loaded => tab.loaded(now()),
            ClientMessage::Console { entries, dropped } => {
                reports.add(entries, dropped, now());
                tab.set_undescribed(reports.len());
            }
            ClientMessage::Error(error) => {
                if let Some(errors) = errors {
                    errors.report(error.clone()).await;
                }
                let PageError { path, message, .. } = error;
                let message = message.strip_prefix("Uncaught ").unwrap_or(&message).to_owned();
                let file = path.strip_prefix('/').map(str::to_owned);
                let (kind, path) = (MessageKind::Link, Some(path));
                let link =
                    PageMessage { kind, message, path, file, count: 1, ..Default::default() };
                tab.record(link, now(), false, None);
            }
            ClientMessage::Unknown => {}
        }
    }
}

fn now() -> std::time::Instant {
    Instant::now().into_std()
}

/// Returns the beginning of a text from a page without control characters, for the terminal.
fn printable(text: &str, length: usize) -> String {
    text.chars().filter(|char| !char.is_control()).take(length).collect()
}

/// Returns the first message on a connection.
pub(super) fn connected(hub: &Hub) -> String {
    ServerMessage::Connected { boot: hub.boot(), version: hub.version() }.to_json()
}

/// Takes in a tab's hello, and puts what it missed into its mailbox.
pub(super) async fn greet(tab: &TabHandle, changes: &Arc<dyn ChangeSource>, hello: &Hello) {
    let Missed::Since(paths, since) = tab.hello(hello, SystemTime::now()) else { return };
    let changes = Arc::clone(changes);
    let changed = tokio::task::spawn_blocking(move || changes.changed_since(&paths, since));
    if let Ok(missed) = changed.await {
        tab.add_missed(missed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::{SinkExt, StreamExt};
    use tokio::{
        io::{DuplexStream, duplex},
        time::{Duration, Instant},
    };
    use tokio_tungstenite::{
        WebSocketStream,
        tungstenite::{Message, protocol::Role},
    };
    use tokio_util::{sync::CancellationToken, task::TaskTracker};

    use super::{ClientInfo, Context, HELLO, PING, SILENCE, serve};
    use crate::{
        change::{Change, ChangeSet, Kind},
        event::Events,
        live::{
            change_source::NoChanges,
            reload::hub::{Hub, Reload},
        },
    };

    type Client = WebSocketStream<DuplexStream>;

    struct Session {
        context: Arc<Context>,
        client: Client,
    }

    impl Session {
        /// Opens a socket and reads `connected`.
        async fn open(page: bool) -> Self {
            let context = Arc::new(Context {
                hub: Hub::new(Reload::Used),
                changes: Arc::new(NoChanges),
                page_errors: None,
                events: Events::default(),
                tasks: TaskTracker::new(),
                cancel: CancellationToken::new(),
            });
            let (server, client) = duplex(4096);
            let server = WebSocketStream::from_raw_socket(server, Role::Server, None).await;
            context.tasks.spawn(serve(Arc::clone(&context), server, page, ClientInfo::default()));
            let client = WebSocketStream::from_raw_socket(client, Role::Client, None).await;
            let mut session = Self { context, client };
            assert!(session.text().await.contains("connected"));
            session
        }

        fn publish(&self, path: &str) {
            let change = Change { path: path.into(), kind: Kind::Modified };
            self.context.hub.publish(&ChangeSet::from_iter([change]));
        }

        async fn text(&mut self) -> String {
            loop {
                match self.client.next().await.expect("a frame").expect("a valid frame") {
                    Message::Text(text) => return text.to_string(),
                    Message::Ping(_) | Message::Pong(_) => {}
                    other => panic!("{other:?}"),
                }
            }
        }
    }

    // The paused clock advances only while every task waits for a timer.

    #[tokio::test(start_paused = true)]
    async fn a_tool_without_hello_is_notified_without_delay() {
        let (began, mut session) = (Instant::now(), Session::open(false).await);
        session.publish("/a");
        assert!(session.text().await.contains("/a"));
        assert_eq!(began.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_is_notified_once_it_has_said_hello() {
        let (began, mut session) = (Instant::now(), Session::open(true).await);
        session.publish("/unused");
        session.publish("/a");
        let hello = format!(
            r#"{{"type":"hello","page":"/","uses":["/a"],"boot":"{}","version":0}}"#,
            session.context.hub.boot()
        );
        session.client.send(Message::text(hello)).await.unwrap();
        let updated = session.text().await;
        assert!(updated.contains(r#"[{"path":"/a","kind":"modified"}]"#), "{updated}");
        assert_eq!(began.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_that_says_no_hello_is_notified_of_everything_after_a_second() {
        let (began, mut session) = (Instant::now(), Session::open(true).await);
        session.publish("/a");
        assert!(session.text().await.contains("/a"));
        assert_eq!(began.elapsed(), HELLO);
        session.publish("/b");
        assert!(session.text().await.contains("/b"));
        assert_eq!(began.elapsed(), HELLO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_answers_no_ping_is_disconnected() {
        let (began, session) = (Instant::now(), Session::open(false).await);
        session.context.tasks.close();
        session.context.tasks.wait().await;
        assert!(began.elapsed() > SILENCE && began.elapsed() < SILENCE + 2 * PING);
        assert_eq!(session.context.hub.open_tabs(), 0);
    }
}
