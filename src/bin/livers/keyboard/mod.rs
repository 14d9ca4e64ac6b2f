//! The keyboard: single keys, without Enter, while livers is in the foreground of a terminal.
//!
//! [`Keyboard`] runs on the main thread, where nothing blocks: `q` ends livers like Ctrl-C, whatever
//! the server is doing. The other [keys](keys) are queued for one [owner](crate::actions), which
//! handles one after the other. Dropping the keyboard [restores the terminal](mode).
//!
//! Absent on Windows, whose consoles have other means for all of this.

mod keys;
#[cfg(unix)]
mod mode;
#[cfg(not(unix))]
mod none;
#[cfg(unix)]
mod unix;

use tokio::sync::mpsc;

pub(crate) use self::keys::{KEYS, Key};
#[cfg(not(unix))]
pub(crate) use self::none::Keyboard;
#[cfg(unix)]
pub(crate) use self::unix::Keyboard;

/// The keys that were pressed.
#[derive(Debug)]
pub(crate) struct Keys {
    /// Closed if there is no terminal.
    pub(crate) pressed: mpsc::Receiver<Key>,
    /// Whether keys work at the start: there is a terminal, and livers is in its foreground.
    pub(crate) ready: bool,
}
