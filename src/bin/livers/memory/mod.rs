//! How glibc's allocator keeps and returns freed memory. Other allocators need no settings.
//!
//! glibc creates up to eight arenas per core, and each keeps the memory that its threads once used:
//! after a few minutes of file requests 50 MB, instead of 15 with two arenas. It also raises the
//! size up to which it serves requests from an arena whenever a large block is freed; a fixed limit
//! returns a file's bytes to the system at once.
//!
//! Smaller blocks stay with the process when they are freed: after four minutes in which large
//! files were compiled, it had almost three times the memory in use. [`return_freed`] returns them.

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod glibc;
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
mod other;

#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) use self::glibc::{prepare, return_freed};
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) use self::other::{prepare, return_freed};
