//! Opens files by their real paths, without following symbolic links.
//!
//! The access rules apply to the real path of a file. Between that check and the opening, a name in
//! the path can be replaced by a link. So the real path is opened with links forbidden: then what
//! is opened is what was checked. Links that the rules allow are no longer in the real path.
//!
//! On Linux, the kernel forbids the links (openat2(2), since Linux 5.6). Elsewhere, the path is
//! resolved again after the file was opened, and must lead to the same device and inode.

use std::{
    fs::{self, File, Metadata, ReadDir},
    io,
    path::{Path, PathBuf},
};

/// A file or folder that the access rules allow to serve.
#[derive(Debug)]
pub(crate) struct CheckedPath {
    /// The path below the served folder, with symbolic links.
    pub(crate) path: PathBuf,
    /// The real path, which was checked.
    pub(super) real: PathBuf,
}

impl CheckedPath {
    /// Returns a path that rules other than those of a [`Root`](super::Root) allow to serve. `real`
    /// is the real path, which was checked.
    #[cfg(feature = "esm")]
    pub(crate) fn of_real(real: PathBuf) -> Self {
        Self { path: real.clone(), real }
    }
}

/// An open folder, and its entries.
pub(super) struct OpenFolder {
    pub(super) entries: ReadDir,
    /// On Linux, the entries have paths below the descriptor.
    _descriptor: Option<File>,
}

/// Opens a file for reading, by its real path. Does not wait for the other end of a FIFO.
///
/// # Blocking
/// Opens the file, which can wait for a process that holds a write lease.
///
/// # Errors
/// [`NotFound`](io::ErrorKind::NotFound) if a name in the path is a symbolic link, or any error of
/// opening a file.
#[cfg(target_os = "linux")]
pub(super) fn open_real(real: &Path) -> io::Result<File> {
    use rustix::fs::OFlags;

    let flags = OFlags::RDONLY | OFlags::NOCTTY;
    match openat2(real, flags | OFlags::NONBLOCK) {
        // The file has a write lease, so it is a regular one.
        Err(why) if why.kind() == io::ErrorKind::WouldBlock => openat2(real, flags),
        opened => opened,
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn open_real(real: &Path) -> io::Result<File> {
    // Opening a FIFO would wait for its other end.
    if !fs::symlink_metadata(real)?.is_file() {
        return Err(io::ErrorKind::NotFound.into());
    }
    open_compared(real)
}

/// Opens a folder by its real path.
///
/// # Errors
/// As of [`open_real`].
#[cfg(target_os = "linux")]
pub(super) fn read_real_dir(real: &Path) -> io::Result<OpenFolder> {
    use std::os::fd::AsRawFd;

    let folder = openat2(real, rustix::fs::OFlags::DIRECTORY)?;
    let entries = fs::read_dir(format!("/proc/self/fd/{}", folder.as_raw_fd()));
    // In a chroot, /proc can be missing.
    let entries = entries.or_else(|_| read_dir_compared(real))?;
    Ok(OpenFolder { entries, _descriptor: Some(folder) })
}

#[cfg(not(target_os = "linux"))]
pub(super) fn read_real_dir(real: &Path) -> io::Result<OpenFolder> {
    Ok(OpenFolder { entries: read_dir_compared(real)?, _descriptor: None })
}

fn read_dir_compared(real: &Path) -> io::Result<ReadDir> {
    let entries = fs::read_dir(real)?;
    let is_real = dunce::canonicalize(real)? == real;
    if is_real { Ok(entries) } else { Err(io::ErrorKind::NotFound.into()) }
}

/// Returns the metadata of a file or folder by its real path.
///
/// # Errors
/// As of [`open_real`].
#[cfg(target_os = "linux")]
pub(super) fn metadata_real(real: &Path) -> io::Result<Metadata> {
    openat2(real, rustix::fs::OFlags::PATH)?.metadata()
}

#[cfg(not(target_os = "linux"))]
pub(super) fn metadata_real(real: &Path) -> io::Result<Metadata> {
    fs::symlink_metadata(real)
}

/// Opens a path in which no name may be a symbolic link.
#[cfg(target_os = "linux")]
fn openat2(real: &Path, flags: rustix::fs::OFlags) -> io::Result<File> {
    use rustix::{
        fs::{CWD, Mode, OFlags, ResolveFlags},
        io::Errno,
    };

    let flags = flags | OFlags::CLOEXEC;
    match rustix::fs::openat2(CWD, real, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS) {
        Ok(opened) => Ok(opened.into()),
        Err(Errno::LOOP) => Err(io::ErrorKind::NotFound.into()),
        // Old kernels lack the call, and old container runtimes forbid it.
        Err(Errno::NOSYS | Errno::PERM) => open_compared(real, flags),
        Err(why) => Err(why.into()),
    }
}

#[cfg(target_os = "linux")]
fn open_compared(real: &Path, flags: rustix::fs::OFlags) -> io::Result<File> {
    use rustix::fs::{CWD, Mode, OFlags};

    let opened = rustix::fs::openat(CWD, real, flags | OFlags::NOFOLLOW, Mode::empty())?;
    is_still_at(real, opened.into())
}

#[cfg(not(target_os = "linux"))]
fn open_compared(real: &Path) -> io::Result<File> {
    is_still_at(real, File::open(real)?)
}

/// Returns a file that was opened by its real path, if it is still the one at this path.
fn is_still_at(real: &Path, opened: File) -> io::Result<File> {
    let is_real = dunce::canonicalize(real)? == real;
    let is_same = is_real && is_same_file(&opened.metadata()?, &fs::symlink_metadata(real)?);
    if is_same { Ok(opened) } else { Err(io::ErrorKind::NotFound.into()) }
}

#[cfg(unix)]
fn is_same_file(a: &Metadata, b: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

/// Compares what the standard library tells of a file on this system.
#[cfg(not(unix))]
fn is_same_file(a: &Metadata, b: &Metadata) -> bool {
    a.len() == b.len()
        && a.modified().ok() == b.modified().ok()
        && a.created().ok() == b.created().ok()
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::{
        fs::{self, File},
        io::{self, Read},
        os::unix::fs::symlink,
        path::Path,
    };

    use rustix::fs::OFlags;

    use super::{
        is_still_at, metadata_real, open_compared, open_real, openat2, read_dir_compared,
        read_real_dir,
    };

    type Open = fn(&Path) -> io::Result<File>;

    #[test]
    fn path_with_a_link_is_not_opened() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dunce::canonicalize(dir.path()).unwrap();
        fs::create_dir(folder.join("sub")).unwrap();
        fs::write(folder.join("sub/file"), "text").unwrap();
        symlink("file", folder.join("sub/link")).unwrap();
        symlink("sub", folder.join("to_sub")).unwrap();
        let ways: [Open; 2] = [open_real, |path| open_compared(path, OFlags::RDONLY)];
        for open in ways {
            for (path, wanted) in
                [("sub/file", true), ("sub/link", false), ("to_sub/file", false), ("none", false)]
            {
                let mut text = String::new();
                let opened = open(&folder.join(path));
                let read = opened.and_then(|mut file| file.read_to_string(&mut text));
                assert_eq!((read.is_ok(), &*text), (wanted, if wanted { "text" } else { "" }));
            }
        }
        assert_eq!(read_real_dir(&folder.join("sub")).unwrap().entries.count(), 2);
        assert_eq!(read_dir_compared(&folder.join("sub")).unwrap().count(), 2);
        assert!(read_dir_compared(&folder.join("to_sub")).is_err());
        assert!(read_real_dir(&folder.join("to_sub")).is_err());
        assert!(read_real_dir(&folder.join("sub/file")).is_err());
        assert_eq!(metadata_real(&folder.join("sub/file")).unwrap().len(), 4);
        assert!(metadata_real(&folder.join("sub/link")).is_err());
        assert!(openat2(&folder.join("to_sub/file"), OFlags::PATH).is_err());
    }

    #[test]
    fn file_that_was_replaced_is_not_the_one_at_its_path() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dunce::canonicalize(dir.path()).unwrap();
        let path = folder.join("file");
        fs::write(&path, "old").unwrap();
        assert!(is_still_at(&path, File::open(&path).unwrap()).is_ok());
        let opened = File::open(&path).unwrap();
        fs::write(folder.join("new"), "new").unwrap();
        fs::rename(folder.join("new"), &path).unwrap();
        assert!(is_still_at(&path, opened).is_err());
    }
}
