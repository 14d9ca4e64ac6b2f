//! What the keys do.
//!
//! One task handles one key after the other, in the order in which they were pressed.

use std::{convert::Infallible, future::pending};

use livers::{Control, Events};
use tokio::sync::mpsc::Receiver;

use crate::{
    errors,
    keyboard::Key,
    line::{Line, Message},
    messages,
    terminal::Terminal,
    verbosity::Verbosity,
};

/// How many errors are printed again.
const MAX_ERRORS: usize = 32;

/// What the keys act on.
pub(crate) struct Actions<'a> {
    pub(crate) banner: Message,
    /// The URL to open.
    pub(crate) url: String,
    pub(crate) control: Control,
    pub(crate) events: Events,
    pub(crate) terminal: &'a Terminal,
    pub(crate) verbosity: Verbosity,
}

impl Actions<'_> {
    /// Handles keys until it is dropped.
    pub(crate) async fn run(mut self, mut keys: Receiver<Key>) -> Infallible {
        while let Some(key) = keys.recv().await {
            self.obey(key);
        }
        pending().await
    }

    fn obey(&mut self, key: Key) {
        let terminal = self.terminal;
        match key {
            Key::Reload => terminal.print(messages::reloaded(self.control.reload(None))),
            Key::Open => self.open(),
            Key::Urls => terminal.print(self.banner.clone()),
            Key::Errors => self.print_errors(),
            Key::Clear => terminal.clear(),
            // The event of it is printed.
            Key::Pause => self.control.set_paused(!self.control.is_paused()),
            Key::Verbose => self.toggle_verbose(),
            Key::Help => terminal.print(messages::keys()),
            Key::Blank => terminal.print(Line::default()),
            Key::Back => terminal.forget(),
            // Handled by the keyboard.
            Key::Quit => {}
        }
    }

    /// Opens the page in the browser.
    pub(crate) fn open(&self) {
        if let Err(error) = open::that_detached(&self.url) {
            self.terminal.print(messages::browser_error(&self.url, &error));
        }
    }

    /// Prints the current errors as the events that they were.
    fn print_errors(&self) {
        let events = errors::events(&self.control.errors());
        if events.is_empty() {
            self.terminal.print(messages::no_errors());
        }
        events.into_iter().take(MAX_ERRORS).for_each(|event| self.terminal.repeat(event));
    }

    fn toggle_verbose(&mut self) {
        let verbose = self.verbosity != Verbosity::All;
        self.verbosity = if verbose { Verbosity::All } else { Verbosity::Changes };
        self.events.set_requests(verbose);
        self.terminal.set_verbosity(self.verbosity);
        self.terminal.print(messages::verbose(verbose));
    }
}
