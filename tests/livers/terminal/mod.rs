//! The terminal: keys, its mode, links and times.

mod keys;
mod links;
mod mode;
mod progress;
mod times;
