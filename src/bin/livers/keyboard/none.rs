//! No keys.

use std::future::pending;

use tokio::sync::mpsc;

use super::Keys;

/// A keyboard without keys.
pub(crate) struct Keyboard;

impl Keyboard {
    /// Returns a keyboard without keys.
    pub(crate) fn start() -> (Self, Keys) {
        (Self, Keys { pressed: mpsc::channel(1).1, ready: false })
    }

    /// Never returns.
    pub(crate) async fn quit(&mut self) {
        pending().await
    }
}
