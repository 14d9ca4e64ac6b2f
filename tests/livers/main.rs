//! End-to-end tests: the `livers` binary, files, sockets and Chromium, with a folder and a port for
//! each test.
//!
//! They are one crate, so that it is linked once and all tests share one Chromium. The harness is
//! in [`support`], each other module covers one subject. Unit tests are in `src`, beside the code
//! they test.

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
#[cfg(feature = "esm")]
mod console;
mod conventions;
#[cfg(feature = "esm")]
mod developer_tools;
mod devtools_workspace;
mod editor;
mod examples;
mod guard;
mod inject;
#[cfg(feature = "esm")]
mod link_errors;
mod live;
mod mcp;
#[cfg(feature = "esm")]
mod module_semantics;
#[cfg(feature = "esm")]
mod modules;
#[cfg(feature = "esm")]
mod packages;
#[cfg(feature = "esm")]
mod packs;
#[cfg(feature = "esm")]
mod page_places;
mod proxy;
#[cfg(feature = "esm")]
mod refresh;
mod reload;
mod repository;
mod robust;
mod saves;
mod security;
mod serve;
#[cfg(feature = "esm")]
mod style_sheets;
#[cfg(all(feature = "engine", unix))]
mod styles;
mod support;
mod svelte;
mod tailwind;
#[cfg(unix)]
mod terminal;
#[cfg(feature = "esm")]
mod vite_config;
#[cfg(feature = "engine")]
mod vue;
mod wait;
mod watch;
#[cfg(feature = "esm")]
mod workspace;
