//! A live-reload development server.

pub(crate) mod change;
pub(crate) mod error;
pub(crate) mod event;
#[allow(dead_code)]
pub(crate) mod proxy;
pub(crate) mod respond;

pub use change::{Change, ChangeSet, Kind};
pub use error::Error;
pub use event::{Event, Events};
pub use proxy::{Route, RouteError};
