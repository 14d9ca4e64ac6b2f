//! What the live-reload core does with the errors of pages.

use std::{future::Future, pin::Pin};

use serde::Deserialize;

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

/// Takes in the errors that pages report.
pub(crate) trait PageErrors: Send + Sync {
    /// Shows an error to the tabs that use the module.
    fn report(&self, error: PageError) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}
