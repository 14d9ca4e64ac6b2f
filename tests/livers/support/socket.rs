//! A WebSocket client, for the reload socket unless another path is set.
//!
//! Waiting cannot prove that a message is *not* sent. The order of messages can: the test does what
//! must cause no message, then something that must cause one (the marker), and checks that the
//! marker's message is the next one ([`Socket::expect_silence`]).

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

/// The path of the reload socket.
pub const PATH: &str = "/__livers/socket";

/// Options for opening a socket.
#[derive(Clone, Debug)]
pub struct Open {
    port: u16,
    path: String,
    headers: Vec<(String, String)>,
    receive_buffer: Option<u32>,
}

impl Open {
    /// Uses another path than [`PATH`].
    pub fn path(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    /// Adds a header field. `Host` replaces the default.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Adds the `Origin` field, which every browser sends.
    pub fn origin(self, origin: &str) -> Self {
        self.header("Origin", origin)
    }

    /// Offers a subprotocol, such as `livers`.
    pub fn subprotocol(self, name: &str) -> Self {
        self.header("Sec-WebSocket-Protocol", name)
    }

    /// Sets the size of the kernel's receive buffer, in bytes.
    pub fn receive_buffer(mut self, bytes: u32) -> Self {
        self.receive_buffer = Some(bytes);
        self
    }

    /// Opens the socket.
    pub async fn open(self) -> Socket {
        let to = format!("port {}{}", self.port, self.path);
        self.try_open().await.unwrap_or_else(|refused| panic!("{to}: {refused:?}"))
    }

    /// Opens the socket.
    ///
    /// # Errors
    /// The server refused the handshake.
    pub async fn try_open(self) -> Result<Socket, Refused> {
        let url = format!("ws://localhost:{}{}", self.port, self.path);
        let mut request = url.as_str().into_client_request().expect("a request");
        for (name, value) in &self.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
            request.headers_mut().insert(name, HeaderValue::from_str(value).expect("a value"));
        }
        let stream = TcpSocket::new_v4().expect("a socket");
        if let Some(bytes) = self.receive_buffer {
            stream.set_recv_buffer_size(bytes).expect("a buffer of this size");
        }
        let address = ([127, 0, 0, 1], self.port).into();
        let stream = within("a connection", stream.connect(address))
            .await
            .unwrap_or_else(|e| panic!("connect to {url}: {e}"));
        let handshake = tokio_tungstenite::client_async(request, stream);
        match within("the WebSocket handshake", handshake).await {
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

/// Why the handshake failed.
#[derive(Debug)]
pub struct Refused {
    /// The status of the response, if there was one.
    pub status: Option<u16>,
    /// The body of the response, or the error.
    pub why: String,
}

/// An open socket.
pub struct Socket {
    socket: WebSocketStream<TcpStream>,
    /// The subprotocol that the server selected.
    pub subprotocol: Option<String>,
}

impl Socket {
    /// Returns the options for the reload socket on a port, without an origin and a subprotocol.
    pub fn on(port: u16) -> Open {
        Open { port, path: PATH.into(), headers: Vec::new(), receive_buffer: None }
    }

    /// Reads the next message, control frames included. Returns `None` after the end.
    pub async fn next(&mut self) -> Option<Result<Message, Error>> {
        within("a message", self.socket.next()).await
    }

    /// Reads the next text or binary message.
    pub async fn next_message(&mut self) -> Message {
        loop {
            match self.next().await {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => return message,
                other => panic!("a message, not {other:?}"),
            }
        }
    }

    /// Reads the next message as JSON.
    pub async fn next_json(&mut self) -> Value {
        let message = self.next_message().await;
        let text = message.to_text().unwrap_or_else(|e| panic!("{e} in {message:?}"));
        serde_json::from_str(text).unwrap_or_else(|e| panic!("{e} in {text:?}"))
    }

    /// Checks that nothing done before this call causes a message: runs `marker`, whose message
    /// must be the next one, and returns that message.
    ///
    /// The marker must take the same path through the server as what must cause no message, or its
    /// message may overtake the other: after a change of an ignored file, change a served one. A
    /// ping would prove nothing about the watcher. Several changes can share a message, so
    /// `is_marker` must return false for a message with anything but the marker in it.
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

    /// Sends a text message.
    pub async fn send_text(&mut self, text: &str) {
        self.send(Message::text(text)).await;
    }

    /// Sends any message.
    pub async fn send(&mut self, message: Message) {
        within("buffer space for sending", self.socket.send(message)).await.expect("send");
    }

    /// Waits for the server to close the connection and returns its close frame, if it sent one.
    /// Skips other messages.
    pub async fn wait_for_close(&mut self) -> Option<CloseFrame> {
        loop {
            match self.next().await {
                Some(Ok(Message::Close(frame))) => return frame,
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return None,
            }
        }
    }

    /// Sends a close frame and waits for the server's.
    pub async fn close(mut self) {
        within("buffer space for sending", self.socket.close(None)).await.expect("close");
        self.wait_for_close().await;
    }
}
