//! Whether somebody has a file open for writing.
//!
//! Linux knows: it grants a read lease on a file only while nobody does (fcntl(2), `F_SETLEASE`). Who
//! wants to write then waits until the lease is given back, so that is done at once, or as soon as a
//! small file was read. It is refused to those who do not own the file, and some file systems know no
//! leases; there, and on other systems, all there is to go by is the time of the last write.

// One foreign function takes a file descriptor and numbers, and no pointer.
#![cfg_attr(target_os = "linux", allow(unsafe_code))]

use std::{
    fs::{File, Metadata},
    time::{Duration, SystemTime},
};

/// How long a file must not have been written to where nothing better is known.
const SETTLED: Duration = Duration::from_millis(30);

/// Who is writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writer {
    /// Nobody.
    None,
    /// Perhaps somebody: it was written to a moment ago.
    Likely,
    /// Somebody.
    Open,
}

/// Whether somebody is writing a file.
pub(super) fn writer(file: &File, metadata: &Metadata, now: SystemTime) -> Writer {
    seen(file).unwrap_or_else(|| by_time(metadata.modified().ok(), now))
}

/// Whether somebody is writing a file, if the system says so. Of what is no regular file, it does not.
pub(super) fn seen(file: &File) -> Option<Writer> {
    let seen = hold(file);
    if seen == Some(Writer::None) {
        release(file);
    }
    seen
}

/// As [`seen`]. Where nobody is writing, nobody begins to either until the file is closed, or
/// [`release`]d.
pub(super) fn hold(file: &File) -> Option<Writer> {
    match lease(file) {
        Lease::Granted => Some(Writer::None),
        Lease::Refused => Some(Writer::Open),
        Lease::Unknown => None,
    }
}

/// Whether somebody is likely to be writing a file that was last written to then. A time in the future
/// is another machine's, and says nothing.
pub(super) fn by_time(modified: Option<SystemTime>, now: SystemTime) -> Writer {
    match modified.map(|modified| now.duration_since(modified)) {
        Some(Ok(age)) if age < SETTLED => Writer::Likely,
        _ => Writer::None,
    }
}

/// What the system says to the wish for a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
enum Lease {
    /// Nobody has the file open for writing.
    Granted,
    /// Somebody has.
    Refused,
    /// It does not say.
    Unknown,
}

#[cfg(target_os = "linux")]
fn lease(file: &File) -> Lease {
    use std::io;

    // As fcntl.h has it; the crate lacks it.
    const F_SETSIG: libc::c_int = 10;

    // Who opens the file for writing before the lease is back has a signal sent to us: one that does
    // nothing by default, rather than SIGIO, which would end the program.
    if control(file, F_SETSIG, libc::SIGURG) < 0 {
        return Lease::Unknown;
    }
    if control(file, libc::F_SETLEASE, libc::F_RDLCK) == 0 {
        return Lease::Granted;
    }
    match io::Error::last_os_error().kind() {
        io::ErrorKind::WouldBlock => Lease::Refused,
        _ => Lease::Unknown,
    }
}

/// Whoever waits to write may.
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
    Lease::Unknown
}

#[cfg(not(target_os = "linux"))]
pub(super) fn release(_: &File) {}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::{Writer, by_time};

    #[test]
    fn what_was_written_a_moment_ago_may_be_written_still() {
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
    fn a_writer_is_seen_while_it_has_the_file_open() {
        use std::fs::{self, File};

        use super::writer;

        let path = std::env::temp_dir().join(format!("livers-writer-{}", std::process::id()));
        fs::write(&path, "a").unwrap();
        let old = fs::metadata(&path).unwrap().modified().unwrap() + Duration::from_secs(9);
        let seen = || {
            let file = File::open(&path).unwrap();
            writer(&file, &file.metadata().unwrap(), old)
        };
        // Not every file system knows leases; none of them sees a writer where there is none.
        assert_eq!(seen(), Writer::None);
        let open = fs::OpenOptions::new().append(true).open(&path).unwrap();
        let while_open = seen();
        drop(open);
        assert_eq!(seen(), Writer::None);
        fs::remove_file(&path).unwrap();
        if while_open == Writer::None {
            assert!(std::env::var_os("CI").is_none(), "no leases on {}", path.display());
            println!("skipped: this file system has no leases");
        } else {
            assert_eq!(while_open, Writer::Open);
        }
    }
}
