//! The terminal: keys, its mode, links and times.

mod keys;
#[cfg(feature = "esm")]
mod links;
mod mode;
#[cfg(feature = "esm")]
mod progress;
mod times;
