//! The reload WebSocket, `/__livers/socket` (RFC 6455).
//!
//! tungstenite speaks the frames; the handshake is answered here, on a request that the guard has
//! let in. A page offers the subprotocol `livers` and gets it back, a tool may leave it out. What a
//! page says concerns its own tab and nothing else; frames and messages are bounded. A peer that
//! vanished without a word is found by pings.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use hyper::{
    Method, Request, StatusCode,
    header::{
        CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderMap, HeaderValue, SEC_WEBSOCKET_ACCEPT,
        SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
    },
    upgrade::Upgraded,
};
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        self, Utf8Bytes,
        handshake::derive_accept_key,
        protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode},
    },
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    hub::{Handle, Hub, Missed, Tell},
    line::{Gone, Line},
    message::{Hello, Message, Said},
};
use crate::{
    change::ChangeSet,
    event::{Event, Events},
    http::{
        body::{self, Response},
        field::has_token,
    },
};

/// The subprotocol that pages offer.
const PROTOCOL: &str = "livers";

/// The largest message that a page may send, bytes: room for a few thousand paths.
const MESSAGE: usize = 256 * 1024;

/// How often a silent peer is asked whether it is there.
const PING: Duration = Duration::from_secs(30);

/// How long a peer may say nothing at all.
const SILENCE: Duration = Duration::from_secs(75);

/// How long a page may take to say hello before it is told everything. It says so as soon as its
/// socket is open; a tool, which never does, is told everything at once.
const HELLO: Duration = Duration::from_secs(1);

/// What the reload sockets share.
#[derive(Clone)]
pub(crate) struct Context {
    /// The tabs.
    pub(crate) hub: Arc<Hub>,
    /// Which of these URL paths changed on the disk since a time: blocking.
    pub(crate) recall: Recall,
    /// Where to say who came and went.
    pub(crate) events: Events,
    /// Where the sockets' tasks are counted.
    pub(crate) tasks: TaskTracker,
    /// Ends them.
    pub(crate) cancel: CancellationToken,
}

/// Looks at the disk for a tab that comes from another run of the server.
pub(crate) type Recall = Arc<dyn Fn(&[String], SystemTime) -> ChangeSet + Send + Sync>;

/// Answers a request for the socket, and speaks on it once it is open.
pub(crate) fn accept<B>(context: Context, mut request: Request<B>) -> Response {
    let key = match handshake(request.method(), request.headers()) {
        Ok(key) => key,
        Err(refusal) => return refusal.response(),
    };
    let mut response = Response::new(body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, key);
    let page = has_token(request.headers(), &SEC_WEBSOCKET_PROTOCOL, PROTOCOL);
    if page {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PROTOCOL));
    }
    let upgrade = hyper::upgrade::on(&mut request);
    context.tasks.clone().spawn(async move {
        // An upgrade that fails is a client that went away.
        if let Ok(upgraded) = upgrade.await {
            let config = WebSocketConfig::default()
                .max_message_size(Some(MESSAGE))
                .max_frame_size(Some(MESSAGE));
            let io = TokioIo::new(upgraded);
            let socket = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await;
            speak(context, socket, page).await;
        }
    });
    response
}

/// Why a request is no handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It asks for no upgrade: 426 says what to ask for (RFC 9110, section 15.5.22).
    NoUpgrade,
    /// It is of another version: 426 names ours (RFC 6455, section 4.4).
    Version,
    /// It is malformed.
    Malformed,
}

impl Refusal {
    fn response(self) -> Response {
        let mut response = Response::new(body::full(match self {
            Self::NoUpgrade => {
                "This is a WebSocket. For a stream of events, see /__livers/events.\n"
            }
            Self::Version => "This WebSocket speaks version 13.\n",
            Self::Malformed => "This is no WebSocket handshake.\n",
        }));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self == Self::Malformed {
            *response.status_mut() = StatusCode::BAD_REQUEST;
        } else {
            headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
            *response.status_mut() = StatusCode::UPGRADE_REQUIRED;
        }
        response
    }
}

/// Checks a handshake (RFC 6455, section 4.2.1); gives the answer to its key.
pub(crate) fn handshake(method: &Method, headers: &HeaderMap) -> Result<HeaderValue, Refusal> {
    if method != Method::GET
        || !has_token(headers, &UPGRADE, "websocket")
        || !has_token(headers, &CONNECTION, "upgrade")
    {
        return Err(Refusal::NoUpgrade);
    }
    if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        return Err(Refusal::Version);
    }
    // 16 bytes in base64.
    let key = headers.get(SEC_WEBSOCKET_KEY).filter(|key| key.len() == 24);
    let key = key.ok_or(Refusal::Malformed)?;
    HeaderValue::from_str(&derive_accept_key(key.as_bytes())).map_err(|_| Refusal::Malformed)
}

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// Speaks on an open socket until either side ends it.
async fn speak(context: Context, socket: Socket, page: bool) {
    let handle = context.hub.join();
    context.events.emit(Event::Tabs { open: context.hub.tabs() });
    let line = Arc::new(Line::new(handle, socket));
    let tell: Arc<dyn Tell> = line.clone();
    line.handle.told_by(Arc::downgrade(&tell));
    drop(tell);
    // Whoever went is no news.
    let _: Result<(), Gone> = converse(&context, &line, page).await;
    drop(line);
    context.events.emit(Event::Tabs { open: context.hub.tabs() });
}

/// Ends when the peer goes, or all of livers does.
async fn converse(context: &Context, line: &Line<Socket>, page: bool) -> Result<(), Gone> {
    line.send(connected(&context.hub).into()).await?;
    // What comes before its hello would be told to a page whether it uses it or not.
    let mut greeted = !page;
    if greeted {
        line.greeted();
    }
    let patience = sleep(HELLO);
    tokio::pin!(patience);
    let mut page = String::new();
    let mut pings = interval(PING);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick would be now.
    pings.reset();
    let mut heard = Instant::now();
    loop {
        let frame = tokio::select! {
            () = context.cancel.cancelled() => {
                let close = CloseFrame { code: CloseCode::Away, reason: Utf8Bytes::from_static("") };
                line.close(tungstenite::Message::Close(Some(close))).await;
                return Ok(());
            }
            () = &mut patience, if !greeted => {
                greeted = true;
                line.greeted();
                continue;
            }
            () = line.handle.changed(), if greeted => {
                line.catch_up().await?;
                continue;
            }
            _ = pings.tick() => {
                if heard.elapsed() > SILENCE {
                    return Err(Gone);
                }
                line.send(tungstenite::Message::Ping(bytes::Bytes::new())).await?;
                continue;
            }
            frame = line.next() => frame,
        };
        heard = Instant::now();
        match frame {
            Some(Ok(tungstenite::Message::Text(text))) => match Said::from_json(&text) {
                Said::Hello(hello) => {
                    page.clone_from(&hello.page);
                    greet(&line.handle, &context.recall, &hello).await;
                    greeted = true;
                    line.greeted();
                }
                Said::Uses { add, drop } => line.handle.uses(&add, &drop),
                Said::Applied { version, how, ms, why } => context.events.emit(Event::Applied {
                    page: page.clone(),
                    version,
                    how: short(&how, 40),
                    took: Duration::from_millis(ms),
                    why: why.map(|why| short(&why, 120)),
                }),
                Said::Unknown => {}
            },
            // Pongs and closes are tungstenite's; binary frames mean nothing here.
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return Err(Gone),
        }
    }
}

/// What a page says in words, as far as it is fit for a line.
fn short(text: &str, length: usize) -> String {
    text.chars().filter(|char| !char.is_control()).take(length).collect()
}

/// The first message on a connection.
pub(super) fn connected(hub: &Hub) -> String {
    Message::Connected { boot: hub.boot().to_owned(), version: hub.version() }.to_json()
}

/// Takes in who a tab is, and looks up what it missed.
pub(super) async fn greet(handle: &Handle, recall: &Recall, hello: &Hello) {
    let Missed::Since(paths, since) = handle.hello(hello, SystemTime::now()) else { return };
    let recall = Arc::clone(recall);
    if let Ok(changes) = tokio::task::spawn_blocking(move || recall(&paths, since)).await {
        handle.tell(changes);
    }
}

#[cfg(test)]
mod tests {
    use hyper::{
        Method,
        header::{HeaderMap, HeaderName, HeaderValue},
    };

    use super::{Refusal, handshake};

    #[test]
    fn only_a_handshake_opens_the_socket() {
        const GOOD: [(&str, &str); 4] = [
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "WebSocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        let headers = |change: Option<(&'static str, &'static str)>| -> HeaderMap {
            GOOD.into_iter()
                .map(|(name, value)| match change {
                    Some((changed, value)) if changed == name => (name, value),
                    _ => (name, value),
                })
                .map(|(name, value)| {
                    (HeaderName::from_static(name), HeaderValue::from_static(value))
                })
                .collect()
        };
        // The example of RFC 6455, section 1.3.
        let accepted = handshake(&Method::GET, &headers(None)).unwrap();
        assert_eq!(accepted, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        for (change, refusal) in [
            (("connection", "keep-alive"), Refusal::NoUpgrade),
            (("upgrade", "h2c"), Refusal::NoUpgrade),
            (("sec-websocket-version", "8"), Refusal::Version),
            (("sec-websocket-key", "short"), Refusal::Malformed),
        ] {
            assert_eq!(handshake(&Method::GET, &headers(Some(change))), Err(refusal), "{change:?}");
        }
        assert_eq!(handshake(&Method::POST, &headers(None)), Err(Refusal::NoUpgrade));
    }
}
