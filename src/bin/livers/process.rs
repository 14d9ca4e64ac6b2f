//! What the program asks of the system for itself, before there are threads.
//!
//! **Memory goes back.** glibc gives threads arenas of their own, eight for each core, and each keeps
//! what its thread once needed. Files are read on many threads, so after a few minutes most of the
//! memory of livers was nobody's: 50 MB, where two arenas are content with 15. Small requests are served
//! from each thread's own cache anyway, so there is little to wait for. And it learns to serve ever
//! larger requests from arenas, where what lies behind them keeps them from going back: a file's bytes
//! are better had from the system, and given back at once.
//!
//! **More descriptors.** Who starts a program may have 1,024 of them, for the sake of programs that
//! know no more. Those who ask get more, and Node and Go ask, too.
//!
//! Linux only. Elsewhere all stays as it is.

// Foreign functions; the only pointers are to a value on the stack.
#![cfg_attr(target_os = "linux", allow(unsafe_code))]

/// Asks for all of it. What is refused stays as it was.
#[cfg(target_os = "linux")]
pub(crate) fn prepare() {
    #[cfg(target_env = "gnu")]
    little_memory();
    many_descriptors();
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn prepare() {}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn little_memory() {
    const ARENAS: libc::c_int = 2;
    // Bytes: what glibc begins with, and does not change once it is said.
    const LARGE: libc::c_int = 128 * 1024;
    for (what, number) in [(libc::M_ARENA_MAX, ARENAS), (libc::M_MMAP_THRESHOLD, LARGE)] {
        // SAFETY: it takes two numbers, and no other thread allocates yet. What it returns says only
        // whether it knows the first one.
        unsafe { libc::mallopt(what, number) };
    }
}

#[cfg(target_os = "linux")]
fn many_descriptors() {
    // Three for each connection that the server takes, and some more.
    const ENOUGH: libc::rlim_t = 16 * 1024;
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: it writes to the value that it is given.
    let known = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } == 0;
    if known && limit.rlim_cur < ENOUGH {
        limit.rlim_cur = ENOUGH.min(limit.rlim_max);
        // SAFETY: it reads the value that it is given.
        unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) };
    }
}
