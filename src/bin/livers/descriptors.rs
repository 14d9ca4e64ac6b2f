//! The limit of open file descriptors.
//!
//! The default limit of 1,024 exists for programs that use `select`. livers raises it as far as it
//! may, like Node and Go. Linux only.

// Foreign functions; all pointers are to a value on the stack.
#![cfg_attr(target_os = "linux", allow(unsafe_code))]

/// Raises the limit. If the system refuses, it stays.
#[cfg(target_os = "linux")]
pub(crate) fn raise_limit() {
    // Three for each HTTP connection, two for each upgraded one, and a few more.
    const ENOUGH: libc::rlim_t = 40 * 1024;
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: it writes to the given value.
    let known = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } == 0;
    if known && limit.rlim_cur < ENOUGH {
        limit.rlim_cur = ENOUGH.min(limit.rlim_max);
        // SAFETY: it reads the given value.
        unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) };
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn raise_limit() {}
