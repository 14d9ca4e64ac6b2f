//! What the live-reload core does with what pages report.

use std::{future::Future, pin::Pin};

use serde::Deserialize;

use crate::page_message::{Level, MessageKind, PageMessage};

/// An error that only a browser finds: a module that it cannot parse or link, so that the page
/// stays blank.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct PageError {
    /// The URL path of the module.
    #[serde(default)]
    pub(crate) path: String,
    /// The message of the browser.
    #[serde(default)]
    pub(crate) message: String,
    /// Line and column in what was served, counted from 1; 0 if the browser does not know them.
    #[serde(default)]
    pub(crate) line: u32,
    #[serde(default)]
    pub(crate) column: u32,
}

/// A message of a page as it was received. Positions are those in what was served.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct RawMessage {
    #[serde(default)]
    pub(crate) kind: MessageKind,
    #[serde(default)]
    pub(crate) level: Level,
    #[serde(default)]
    pub(crate) message: String,
    /// The path and query of the served file, or the URL of another origin.
    #[serde(default)]
    pub(crate) url: String,
    /// Line and column, counted from 1; 0 if they are not known.
    #[serde(default)]
    pub(crate) line: u32,
    #[serde(default)]
    pub(crate) column: u32,
    /// The call stack, in the browser's words.
    #[serde(default)]
    pub(crate) stack: String,
    /// The stack of components, in React's words.
    #[serde(default)]
    pub(crate) components: String,
    /// Whether the page shows nothing after this error.
    #[serde(default)]
    pub(crate) blank: bool,
    /// How many equal messages in a row this one stands for.
    #[serde(default)]
    pub(crate) count: u32,
    /// How long ago it happened, milliseconds.
    #[serde(default)]
    pub(crate) age: u64,
    /// The worker that it comes from, by the URL path of its script.
    #[serde(default)]
    pub(crate) worker: Option<String>,
    /// Whether the page sent it before, on another connection.
    #[serde(default)]
    pub(crate) again: bool,
}

/// A future of these traits.
pub(crate) type Described<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Takes in what pages report.
pub(crate) trait PageErrors: Send + Sync {
    /// Shows an error to the tabs that use the module.
    fn report(&self, error: PageError) -> Described<'_, ()>;

    /// Returns a message with places in the original source.
    ///
    /// `page` is the URL path of the page.
    fn describe(&self, page: String, message: RawMessage) -> Described<'_, PageMessage>;
}
