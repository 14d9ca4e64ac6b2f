//! Test harness.
//!
//! - [`server`]: runs the `livers` binary on a folder
//! - [`dir`]: a temporary folder to serve and change
//! - [`http`]: HTTP/1.1 requests written and parsed without the library under test
//! - [`wire`]: one end of a connection that is kept open
//! - [`socket`]: a WebSocket client, and [`tab`]: the reload protocol on it
//! - [`browser`]: Chromium pages
//! - [`backend`]: a scripted TCP server to proxy to
//! - [`pty`]: programs in a pseudo-terminal
//! - [`random`]: choices that a seed repeats
//! - [`hang`]: files whose readers block
//! - [`skip`]: skipping a test that needs something this machine lacks
//!
//! Every wait has a deadline and panics with what it waited for. No test sleeps until something has
//! probably happened.

#![allow(dead_code)]

pub mod backend;
pub mod browser;
pub mod dir;
#[cfg(target_os = "linux")]
pub mod hang;
pub mod http;
#[cfg(unix)]
pub mod pty;
pub mod random;
mod selftest;
pub mod server;
pub mod skip;
pub mod socket;
pub mod tab;
pub mod wire;

use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The deadline of a step over a socket. Only a failing test reaches it.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// Awaits `future`.
///
/// # Panics
/// After [`DEADLINE`], with `what` was waited for.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    let ended = tokio::time::timeout(DEADLINE, future).await;
    ended.unwrap_or_else(|_| panic!("waited {} s for {what}", DEADLINE.as_secs()))
}

/// Locks a mutex even if another test panicked while it held the lock. The data behind these locks
/// is consistent at every step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
