//! The reload protocol on a [`Socket`]: a tool, which sends no hello, or a page, which does.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use serde::Deserialize;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::http::get;
use super::server::Livers;
use super::socket::Socket;

/// The server's first message.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Connected {
    pub boot: String,
    pub version: u64,
}

/// A message about changes, as pairs of path and kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Updated {
    pub version: u64,
    pub changes: Vec<(String, String)>,
}

impl Updated {
    /// Returns the paths.
    pub fn paths(&self) -> Vec<&str> {
        self.changes.iter().map(|(path, _)| path.as_str()).collect()
    }

    /// Parses a message, which must be `updated`.
    pub fn from_json(message: &Value) -> Self {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let change = |change: &Value| Some((text(&change["path"])?, text(&change["kind"])?));
        let read = || {
            let changes = message["changes"].as_array()?.iter().map(change);
            let version = message["version"].as_u64()?;
            (message["type"] == "updated").then_some(())?;
            Some(Self { version, changes: changes.collect::<Option<_>>()? })
        };
        read().unwrap_or_else(|| panic!("expected an update, got {message}"))
    }
}

/// An open reload socket that has received `connected`.
pub struct Tab {
    pub socket: Socket,
    pub connected: Connected,
}

impl Tab {
    /// Opens a socket without a hello, which is notified of every change.
    pub async fn tool(livers: &Livers) -> Self {
        Self::over(Socket::on(livers.port()).open().await).await
    }

    /// Opens a socket for a page that uses these files and has the current version.
    pub async fn page(livers: &Livers, page: &str, uses: &[&str]) -> Self {
        let mut tab = Self::tool(livers).await;
        let Connected { boot, version } = &tab.connected;
        let hello = json!({"type":"hello","page":page,"uses":uses,"boot":boot,"version":version});
        tab.say(&hello).await;
        tab
    }

    /// Opens a socket and sends this hello.
    pub async fn hello(livers: &Livers, hello: &Value) -> Self {
        let mut tab = Self::tool(livers).await;
        tab.say(hello).await;
        tab
    }

    /// Uses a socket that was just opened.
    pub async fn over(mut socket: Socket) -> Self {
        let first = socket.next_json().await;
        assert_eq!(first["type"], "connected", "the first message");
        let connected = serde_json::from_value(first).expect("a boot and a version");
        Self { socket, connected }
    }

    /// Sends a message and waits until the server has processed it: a pong follows everything sent
    /// before the ping. No other message may arrive meanwhile.
    pub async fn say(&mut self, message: &Value) {
        self.socket.send_json(message).await;
        let updates = self.updates_until_pong().await;
        assert!(updates.is_empty(), "after {message}: {updates:?}");
    }

    /// Sends a ping and collects the updates until its pong.
    pub async fn updates_until_pong(&mut self) -> Vec<Updated> {
        self.socket.send(Message::Ping("marker".into())).await;
        let mut updates = Vec::new();
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Pong(_))) => return updates,
                Some(Ok(Message::Ping(_))) => {}
                Some(Ok(Message::Text(text))) => {
                    let message = serde_json::from_str(&text).expect("JSON");
                    updates.push(Updated::from_json(&message));
                }
                other => panic!("a pong, not {other:?}"),
            }
        }
    }

    /// Reads the next message, which must be `updated`.
    pub async fn updated(&mut self) -> Updated {
        Updated::from_json(&self.socket.next_json().await)
    }

    /// Reads the next message, which must contain exactly these changes. Returns its version.
    pub async fn expect(&mut self, changes: &[(&str, &str)]) -> u64 {
        let updated = self.updated().await;
        let updates: Vec<_> =
            updated.changes.iter().map(|(p, k)| (p.as_str(), k.as_str())).collect();
        assert_eq!(updates, changes, "{updated:?}");
        updated.version
    }

    /// Checks that a tool is not notified of anything that happened before this call: creates a
    /// file that no page uses, which is published after everything before it, and must be the next
    /// change.
    pub async fn expect_nothing(&mut self, root: impl AsRef<Path>) {
        let updates = self.until_quiet(root).await;
        assert!(updates.is_empty(), "expected nothing before the marker, got {updates:?}");
    }

    /// Collects the updates about everything that happened before this call, with a marker file as
    /// in [`Tab::expect_nothing`].
    pub async fn until_quiet(&mut self, root: impl AsRef<Path>) -> Vec<Updated> {
        static MARKERS: AtomicU32 = AtomicU32::new(0);
        let name = format!("marker-{}.txt", MARKERS.fetch_add(1, Ordering::Relaxed));
        // A rename is always one change, a write can be two on a busy machine.
        let hidden = root.as_ref().join(format!(".{name}"));
        std::fs::write(&hidden, "").expect("write the marker");
        std::fs::rename(hidden, root.as_ref().join(&name)).expect("rename the marker");
        let mut updates = self.until(&format!("/{name}")).await;
        if let Some(last) = updates.last_mut() {
            last.changes.retain(|(path, _)| path[1..] != name);
        }
        updates.retain(|updated| !updated.changes.is_empty());
        updates
    }

    /// Collects updates until one contains this path.
    pub async fn until(&mut self, path: &str) -> Vec<Updated> {
        self.until_all(&[path]).await
    }

    /// Collects updates until they contain all these paths.
    pub async fn until_all(&mut self, paths: &[&str]) -> Vec<Updated> {
        let mut missing = paths.to_vec();
        let mut all = Vec::new();
        while !missing.is_empty() {
            let updated = self.updated().await;
            missing.retain(|path| !updated.paths().contains(path));
            all.push(updated);
        }
        all
    }
}

/// Requests `/__livers/status`.
pub async fn status(livers: &Livers) -> Value {
    get(livers.port(), "/__livers/status").await.json()
}
