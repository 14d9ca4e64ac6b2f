//! Locks a mutex, whether or not a thread panicked while it held the lock.
//!
//! A compile that panics fails alone. Everything that is shared with others is a cache or a table
//! whose single steps leave it valid.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks a mutex.
///
/// # Blocking
/// Waits for the thread that holds the lock.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
