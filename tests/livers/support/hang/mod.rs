//! Files that block every process that opens or reads them. Linux only.
//!
//! A [`Lease`] needs no privileges. A [`FrozenMount`] is a FUSE file system whose server has
//! stopped answering, like a network mount whose server is gone; mounting it needs root.

// Leases, mounts and poll(2) have no safe interface.
#![allow(unsafe_code)]

mod fuse;

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::time::Duration;

pub use self::fuse::FrozenMount;
use super::within;

/// An exclusive lease on a file: another process that opens it waits, for up to
/// `/proc/sys/fs/lease-break-time` (45 s by default), until the lease is dropped.
pub struct Lease(File);

impl Lease {
    /// Takes a lease on a file, as soon as no process has it open.
    pub async fn on(path: &Path) -> Self {
        // The signal that announces a waiting process. By default it is ignored.
        const SIGNAL: libc::c_int = libc::SIGURG;
        // Not in libc; the same on all architectures.
        const F_SETSIG: libc::c_int = 10;
        let file = OpenOptions::new().read(true).write(true).open(path).expect("a file");
        let set = |command, value: libc::c_int| {
            // SAFETY: the descriptor is open, and the commands take a number.
            match unsafe { libc::fcntl(file.as_raw_fd(), command, value) } {
                0 => Ok(()),
                _ => Err(io::Error::last_os_error()),
            }
        };
        set(F_SETSIG, SIGNAL).expect("F_SETSIG");
        within("a lease", async {
            while let Err(error) = set(libc::F_SETLEASE, libc::F_WRLCK) {
                assert_eq!(error.kind(), io::ErrorKind::WouldBlock, "{error}");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
        Self(file)
    }

    /// Waits until a process waits for the file.
    pub async fn wait_for_opener(&self) {
        within("a process that opens the file", async {
            // SAFETY: the descriptor is open.
            while unsafe { libc::fcntl(self.0.as_raw_fd(), libc::F_GETLEASE) } == libc::F_WRLCK {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
    }
}
