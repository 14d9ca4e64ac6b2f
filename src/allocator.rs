//! How much memory the allocator may lie idle on.
//!
//! glibc gives threads arenas of their own, eight for each core, and each arena keeps what its thread
//! once needed. Files are read on many threads, so after a few minutes most of the memory of livers
//! was nobody's: 50 MB, where two arenas are content with 15. Small requests are served from each
//! thread's own cache anyway, so there is little to wait for.

// One foreign function takes two numbers, and no pointer.
#![cfg_attr(all(target_os = "linux", target_env = "gnu"), allow(unsafe_code))]

/// Bounds the arenas. Before there are threads.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) fn few_arenas() {
    const ARENAS: libc::c_int = 2;
    // SAFETY: it takes two numbers, and no other thread allocates yet. What it returns says only
    // whether it knows the first one.
    unsafe { libc::mallopt(libc::M_ARENA_MAX, ARENAS) };
}

/// Other allocators have no such number.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn few_arenas() {}
