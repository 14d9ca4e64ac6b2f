//! The tests of livers as a whole: the real binary, real files, real sockets
//! and a real browser, each test on its own folder and its own port.
//!
//! One crate, so that the binary is linked once and one Chromium serves every
//! test. What the tests have in common is in [`support`]; each other module
//! covers one subject. Unit tests are beside the code they test, in `src`.

#![allow(
    clippy::expect_used,
    clippy::format_collect,
    clippy::format_push_string,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    unreachable_pub
)]

mod cli;
mod client;
mod examples;
mod guard;
mod inject;
mod live;
#[cfg(feature = "esm")]
mod modules;
mod proxy;
mod reload;
mod saves;
mod security;
mod serve;
mod support;
mod watch;
