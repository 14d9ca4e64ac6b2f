//! Process-wide settings of memory and descriptors. Linux only.
//!
//! **Memory.** glibc creates up to eight arenas per core, and each keeps the memory that its
//! threads once used: after a few minutes of file requests 50 MB, instead of 15 with two arenas. It
//! also raises the size up to which it serves requests from an arena whenever a large block is
//! freed; a fixed limit returns a file's bytes to the system at once.
//!
//! **File descriptors.** The default limit of 1,024 exists for programs that use `select`. livers
//! raises it as far as it may, like Node and Go.

// Foreign functions; all pointers are to a value on the stack.
#![cfg_attr(target_os = "linux", allow(unsafe_code))]

/// Applies the settings, before the first thread starts. One that the system refuses keeps its
/// value.
#[cfg(target_os = "linux")]
pub(crate) fn prepare() {
    #[cfg(target_env = "gnu")]
    limit_arenas();
    raise_descriptor_limit();
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn prepare() {}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn limit_arenas() {
    const ARENAS: libc::c_int = 2;
    // Bytes; glibc's initial value, which is fixed once it is set.
    const MMAP_THRESHOLD: libc::c_int = 128 * 1024;
    for (parameter, value) in
        [(libc::M_ARENA_MAX, ARENAS), (libc::M_MMAP_THRESHOLD, MMAP_THRESHOLD)]
    {
        // SAFETY: it takes two numbers, and no other thread allocates yet. The result says only
        // whether the parameter is known.
        unsafe { libc::mallopt(parameter, value) };
    }
}

#[cfg(target_os = "linux")]
fn raise_descriptor_limit() {
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
