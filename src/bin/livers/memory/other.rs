//! Any other allocator.

use std::{convert::Infallible, future::pending};

/// Does nothing.
pub(crate) fn prepare() {}

/// Does nothing, and never ends.
pub(crate) async fn return_freed() -> Infallible {
    pending().await
}
