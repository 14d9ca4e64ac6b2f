//! A client of the reload socket, as strict or as odd as a test wants it.
//!
//! That a message does *not* come cannot be shown by waiting. It is shown by
//! order: messages arrive in the order they are sent, so the test does what must
//! be silent, then something that must be heard (the marker), and checks that
//! the marker's message is the next one ([`Socket::expect_silence`]).

use std::future::Future;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::within;

/// Where the reload socket is.
pub const PATH: &str = "/__livers/socket";

/// How the socket is opened.
#[derive(Clone, Debug)]
pub struct Open {
    port: u16,
    path: String,
    headers: Vec<(String, String)>,
    room: Option<u32>,
}

impl Open {
    /// Another path than [`PATH`].
    pub fn path(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    /// A header field; `Host` replaces the usual one.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The `Origin`, which every browser sends.
    pub fn origin(self, origin: &str) -> Self {
        self.header("Origin", origin)
    }

    /// A subprotocol, such as `livers`.
    pub fn subprotocol(self, name: &str) -> Self {
        self.header("Sec-WebSocket-Protocol", name)
    }

    /// How many bytes the system keeps of what is not read yet.
    pub fn room(mut self, bytes: u32) -> Self {
        self.room = Some(bytes);
        self
    }

    /// Opens the socket.
    pub async fn open(self) -> Socket {
        let to = format!("port {}{}", self.port, self.path);
        self.try_open().await.unwrap_or_else(|refused| panic!("{to}: {refused:?}"))
    }

    /// Opens the socket, or answers how it was refused.
    pub async fn try_open(self) -> Result<Socket, Refused> {
        let url = format!("ws://localhost:{}{}", self.port, self.path);
        let mut request = url.as_str().into_client_request().expect("a request");
        for (name, value) in &self.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
            request.headers_mut().insert(name, HeaderValue::from_str(value).expect("a value"));
        }
        let stream = TcpSocket::new_v4().expect("a socket");
        if let Some(room) = self.room {
            stream.set_recv_buffer_size(room).expect("a buffer of this size");
        }
        let address = ([127, 0, 0, 1], self.port).into();
        let stream = within("a connection", stream.connect(address))
            .await
            .unwrap_or_else(|e| panic!("connect to {url}: {e}"));
        let shaking = tokio_tungstenite::client_async(request, stream);
        match within("the WebSocket handshake", shaking).await {
            Ok((socket, response)) => {
                let chosen = response.headers().get("Sec-WebSocket-Protocol");
                let chosen = chosen.map(|v| v.to_str().expect("a subprotocol").to_owned());
                Ok(Socket { socket, subprotocol: chosen })
            }
            Err(Error::Http(response)) => Err(Refused {
                status: Some(response.status().as_u16()),
                why: String::from_utf8_lossy(response.body().as_deref().unwrap_or_default()).into(),
            }),
            Err(e) => Err(Refused { status: None, why: e.to_string() }),
        }
    }
}

/// Why there is no socket.
#[derive(Debug)]
pub struct Refused {
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
    /// The body of the answer, or the error.
    pub why: String,
}

/// An open socket.
pub struct Socket {
    socket: WebSocketStream<TcpStream>,
    /// The subprotocol the server chose.
    pub subprotocol: Option<String>,
}

impl Socket {
    /// The reload socket of the server on a port, without an origin and without
    /// a subprotocol unless they are added.
    pub fn on(port: u16) -> Open {
        Open { port, path: PATH.into(), headers: Vec::new(), room: None }
    }

    /// The next message, control frames included; `None` after the end.
    pub async fn next(&mut self) -> Option<Result<Message, Error>> {
        within("a message", self.socket.next()).await
    }

    /// The next text or binary message; pings and pongs are passed over.
    pub async fn next_message(&mut self) -> Message {
        loop {
            match self.next().await {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => return message,
                other => panic!("a message, not {other:?}"),
            }
        }
    }

    /// The next message, which must be JSON.
    pub async fn next_json(&mut self) -> Value {
        let message = self.next_message().await;
        let text = message.to_text().unwrap_or_else(|e| panic!("{e} in {message:?}"));
        serde_json::from_str(text).unwrap_or_else(|e| panic!("{e} in {text:?}"))
    }

    /// Shows that nothing was sent for what was done before this call: does
    /// `marker`, and the next message must be the one `is_marker` knows.
    /// Answers that message.
    ///
    /// The marker must go the same way as what is to be silent, or it may
    /// overtake it: after a change of an ignored file, change a served one. A
    /// ping would prove nothing about the watcher. As several changes may share
    /// one message, `is_marker` must look at all the message says, and be false
    /// if it speaks of anything but the marker.
    pub async fn expect_silence<F: Future>(
        &mut self,
        marker: impl FnOnce() -> F,
        is_marker: impl FnOnce(&Value) -> bool,
    ) -> Value {
        marker().await;
        let message = self.next_json().await;
        assert!(is_marker(&message), "expected nothing before the marker, got {message}");
        message
    }

    /// Sends JSON as text.
    pub async fn send_json(&mut self, value: &Value) {
        self.send(Message::text(value.to_string())).await;
    }

    /// Sends text as it is.
    pub async fn send_text(&mut self, text: &str) {
        self.send(Message::text(text)).await;
    }

    /// Sends any message.
    pub async fn send(&mut self, message: Message) {
        within("room to send", self.socket.send(message)).await.expect("send");
    }

    /// Waits for the server to end the connection, passing over what it still
    /// sends; answers its close frame, `None` if it went without one.
    pub async fn wait_for_close(&mut self) -> Option<CloseFrame> {
        loop {
            match self.next().await {
                Some(Ok(Message::Close(frame))) => return frame,
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return None,
            }
        }
    }

    /// Closes the socket in order and waits for the answer.
    pub async fn close(mut self) {
        within("room to send", self.socket.close(None)).await.expect("close");
        self.wait_for_close().await;
    }
}
