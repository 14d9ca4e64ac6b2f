//! What the tests are written with.
//!
//! - [`server`]: the real `livers` binary on a folder
//! - [`dir`]: a temporary folder to serve and change
//! - [`http`]: HTTP/1.1 requests byte by byte, not by the library under test
//! - [`wire`]: a connection kept open, from either end
//! - [`socket`]: the reload socket, and [`tab`]: who speaks on it
//! - [`browser`]: Chromium pages
//! - [`backend`]: a scripted TCP server to proxy to
//!
//! No wait is without a deadline, and each deadline says what did not come.
//! No test sleeps in the hope that something has happened by then.

#![allow(dead_code)]

pub mod backend;
pub mod browser;
pub mod dir;
pub mod http;
mod selftest;
pub mod server;
pub mod skip;
pub mod socket;
pub mod tab;
pub mod wire;

use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a step over a socket may take. Generous: it is reached only by a
/// failing test.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// Awaits `future`, or panics with `what` was waited for.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    let ended = tokio::time::timeout(DEADLINE, future).await;
    ended.unwrap_or_else(|_| panic!("waited {} s for {what}", DEADLINE.as_secs()))
}

/// Locks even after another test panicked with the lock held: the state behind
/// these locks is whole at every step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
