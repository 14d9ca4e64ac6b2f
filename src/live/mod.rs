//! The live-reload core: the script in the pages, and who is told of a change.

pub(crate) mod inject;
pub(crate) mod reload;
