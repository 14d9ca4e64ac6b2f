//! Detects concurrent writers.
//!
//! On Linux, a read lease (`F_SETLEASE`, fcntl(2)) is granted only while no process has the file
//! open for writing. While it is held, a process that opens the file for writing waits, so it is
//! held only for as long as reading the file takes. The kernel grants leases to the owner of the
//! file only, and some file systems do not support them; there, and on other systems, only the time
//! of the last modification is known.

// One foreign function takes a file descriptor and numbers, and no pointer.
#![cfg_attr(target_os = "linux", allow(unsafe_code))]

use std::{
    fs::File,
    time::{Duration, SystemTime},
};

/// How long ago a file without a lease must have been modified to count as complete.
const SETTLED: Duration = Duration::from_millis(30);

/// Whether a process is writing a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writer {
    /// No process has it open for writing.
    None,
    /// It was modified a moment ago, so a process may be writing it.
    Likely,
    /// A process has it open for writing.
    Open,
}

/// Returns whether a process has a file open for writing, or `None` if the system does not tell. If
/// none has, none can open it for writing until the file is closed or [`release`]d.
pub(super) fn hold(file: &File) -> Option<Writer> {
    match lease(file) {
        Lease::Granted => Some(Writer::None),
        Lease::Refused => Some(Writer::Open),
        Lease::Unsupported => None,
    }
}

/// Guesses whether a file is being written by the time of its last modification. A time in the
/// future comes from another machine's clock and is ignored.
pub(super) fn by_time(modified: Option<SystemTime>, now: SystemTime) -> Writer {
    match modified.map(|modified| now.duration_since(modified)) {
        Some(Ok(age)) if age < SETTLED => Writer::Likely,
        _ => Writer::None,
    }
}

/// The kernel's answer to a request for a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
enum Lease {
    /// No process has the file open for writing.
    Granted,
    /// A process has it open for writing.
    Refused,
    /// The file belongs to another user, is no regular file, or its file system has no leases.
    Unsupported,
}

#[cfg(target_os = "linux")]
fn lease(file: &File) -> Lease {
    use std::io;

    // From fcntl.h; the libc crate lacks it.
    const F_SETSIG: libc::c_int = 10;

    // When a process opens the file for writing, the kernel sends a signal to the holder of the
    // lease: SIGIO by default, which would end the program. SIGURG is ignored by default.
    if control(file, F_SETSIG, libc::SIGURG) < 0 {
        return Lease::Unsupported;
    }
    if control(file, libc::F_SETLEASE, libc::F_RDLCK) == 0 {
        return Lease::Granted;
    }
    match io::Error::last_os_error().kind() {
        io::ErrorKind::WouldBlock => Lease::Refused,
        _ => Lease::Unsupported,
    }
}

/// Releases a lease, so that a waiting writer can go on.
#[cfg(target_os = "linux")]
pub(super) fn release(file: &File) {
    control(file, libc::F_SETLEASE, libc::F_UNLCK);
}

#[cfg(target_os = "linux")]
fn control(file: &File, command: libc::c_int, argument: libc::c_int) -> libc::c_int {
    use std::os::fd::AsRawFd;

    // SAFETY: the descriptor is open, because `file` is; none of these commands takes a pointer.
    unsafe { libc::fcntl(file.as_raw_fd(), command, argument) }
}

#[cfg(not(target_os = "linux"))]
fn lease(_: &File) -> Lease {
    Lease::Unsupported
}

#[cfg(not(target_os = "linux"))]
pub(super) fn release(_: &File) {}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::{Writer, by_time};

    #[test]
    fn file_modified_a_moment_ago_is_likely_being_written() {
        let now = SystemTime::now();
        let table = [
            (Some(now - Duration::from_secs(9)), Writer::None),
            (Some(now - Duration::from_millis(10)), Writer::Likely),
            (Some(now + Duration::from_secs(9)), Writer::None),
            (None, Writer::None),
        ];
        for (modified, wanted) in table {
            assert_eq!(by_time(modified, now), wanted, "{modified:?}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn writer_is_detected_while_it_has_the_file_open() {
        use std::fs::{self, File};

        use super::hold;

        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        fs::write(&path, "a").unwrap();
        let detect = || hold(&File::open(&path).unwrap());
        let Some(writer) = detect() else {
            assert!(std::env::var_os("CI").is_none(), "no leases on {}", path.display());
            println!("skipped: this file system has no leases");
            return;
        };
        assert_eq!(writer, Writer::None);
        let open = fs::OpenOptions::new().append(true).open(&path).unwrap();
        assert_eq!(detect(), Some(Writer::Open));
        drop(open);
        assert_eq!(detect(), Some(Writer::None));
    }
}
