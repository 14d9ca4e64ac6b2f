//! glibc's allocator.

// Foreign functions that take numbers.
#![allow(unsafe_code)]

use std::{convert::Infallible, fs, time::Duration};

use tokio::time::sleep;

/// The time between two looks at the size of the process.
const INTERVAL: Duration = Duration::from_secs(30);

/// The growth that is worth a search for freed memory, KiB.
const GROWTH: u64 = 16 * 1024;

/// Applies the settings, before the first thread starts. One that glibc refuses keeps its value.
pub(crate) fn prepare() {
    const ARENAS: libc::c_int = 2;
    // Bytes; the initial value, which is fixed once it is set.
    const MMAP_THRESHOLD: libc::c_int = 128 * 1024;
    for (parameter, value) in
        [(libc::M_ARENA_MAX, ARENAS), (libc::M_MMAP_THRESHOLD, MMAP_THRESHOLD)]
    {
        // SAFETY: no other thread allocates yet. The result says only whether the parameter is
        // known.
        unsafe { libc::mallopt(parameter, value) };
    }
}

/// Returns freed memory to the system whenever the process has grown. Never ends.
///
/// # Blocking
/// A search takes some milliseconds, in which other threads wait for memory.
pub(crate) async fn return_freed() -> Infallible {
    let mut smallest = u64::MAX;
    loop {
        smallest = smallest.min(size());
        sleep(INTERVAL).await;
        if size() > smallest.saturating_add(GROWTH) {
            // SAFETY: it may be called at any time. The number is that of the bytes to keep at the
            // end of the heap.
            unsafe { libc::malloc_trim(0) };
            smallest = size();
        }
    }
}

/// Returns the resident memory that is not backed by files, KiB; 0 if it is unknown.
fn size() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let size = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    size.and_then(|size| size.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}
