//! A live-reload development server.

pub(crate) mod change;
pub(crate) mod error;
pub(crate) mod event;
pub(crate) mod files;
pub(crate) mod inject;
pub(crate) mod net;
pub(crate) mod reload;
pub(crate) mod respond;
pub(crate) mod root;
pub(crate) mod url_path;
pub(crate) mod watch;

pub use change::{Change, ChangeSet, Kind};
pub use error::Error;
pub use event::{Event, Events};
