//! Reads regular files as consistent snapshots.
//!
//! Files up to [`IN_MEMORY`] are read whole and hashed; larger ones stay open and are streamed. On
//! Linux a file is read while a [lease](super::writer) on it is held, so that no write falls into
//! the read. Each result records whether a process had the file open for writing, in which case the
//! bytes may be an incomplete save.

use std::{
    fs::{self, File, Metadata},
    io::{self, Read, Seek},
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_128;

use super::{
    open::{CheckedPath, open_real},
    stamp::FileStamp,
    writer::{self, Writer},
};

/// The size up to which a file is read whole, bytes. A larger one is streamed, and can still change
/// while it is sent.
const IN_MEMORY: u64 = 4 * 1024 * 1024;

/// The size up to which a save is read with one call, bytes. Most are smaller.
const SMALL: usize = 16 * 1024;

/// How much of a streamed file is read at first, bytes: enough to find the charset of a page.
const BEGINNING: u64 = 16 * 1024;

/// The content of a file.
#[derive(Debug)]
pub(crate) enum Content {
    /// All bytes.
    Memory(Bytes),
    /// The open file, its metadata when it was opened, and its first bytes.
    Large(File, Box<Metadata>, Bytes),
}

impl Content {
    /// Returns the content. Bytes in memory are shared and stay; a file leaves nothing behind.
    pub(crate) fn take(&mut self) -> Self {
        match self {
            Self::Memory(bytes) => Self::Memory(bytes.clone()),
            Self::Large(..) => std::mem::replace(self, Self::Memory(Bytes::new())),
        }
    }
}

/// A hash of the content of a file: of its bytes or, for a file larger than [`IN_MEMORY`], of its
/// size and modification time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ContentHash(pub(crate) u128);

impl ContentHash {
    /// Returns the hash of these bytes.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(xxh3_128(bytes))
    }
}

/// A file that was read.
#[derive(Debug)]
pub(crate) struct FileRead {
    pub(crate) content: Content,
    pub(crate) content_hash: ContentHash,
    /// The writer that was detected meanwhile.
    pub(crate) writer: Writer,
    /// The time of the last modification.
    pub(crate) modified: Option<SystemTime>,
    /// The stamp of the file that was read; `None` for one that is streamed.
    pub(crate) stamp: Option<FileStamp>,
}

/// The size and modification time of a file. If they are equal, the content probably is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    length: u64,
    modified: Option<SystemTime>,
}

impl Facts {
    /// Returns those of a file.
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self { length: metadata.len(), modified: metadata.modified().ok() }
    }

    /// Returns the content hash of a file that is not read whole.
    fn content_hash(self) -> ContentHash {
        let since = |modified: SystemTime| modified.duration_since(UNIX_EPOCH).ok();
        let time = self.modified.and_then(since).unwrap_or_default();
        let numbers = [u128::from(self.length), time.as_nanos()];
        ContentHash::of(&numbers.map(u128::to_le_bytes).concat())
    }
}

/// Returns the content hash of a regular file, or `None` while a process has it open for writing.
///
/// Does not follow symbolic links. This is on the path from a save to its message, so a small file
/// costs five system calls: open, two for the lease, read, close.
///
/// # Blocking
/// Reads the file. A process that opens it for writing meanwhile waits.
///
/// # Errors
/// [`NotFound`](io::ErrorKind::NotFound) if the path is no regular file, or any error of opening or
/// reading it.
pub(crate) fn content_hash(path: &Path) -> io::Result<Option<ContentHash>> {
    hash(path, false)
}

/// Returns the content hash of a regular file that certainly no process has open for writing, and
/// otherwise `None`, also where the system does not tell.
///
/// # Blocking
/// Reads the file. A process that opens it for writing meanwhile waits.
///
/// # Errors
/// Like [`content_hash`].
pub(crate) fn content_hash_if_closed(path: &Path) -> io::Result<Option<ContentHash>> {
    hash(path, true)
}

fn hash(path: &Path, certainly_closed: bool) -> io::Result<Option<ContentHash>> {
    let file = open_no_follow(path)?;
    // A lease is granted on regular files only. While it is held, a new writer waits.
    let seen = writer::hold(&file);
    match seen {
        Some(Writer::Open) => return Ok(None),
        None if certainly_closed => return Ok(None),
        None if !file.metadata()?.is_file() => return Err(io::ErrorKind::NotFound.into()),
        Some(_) | None => {}
    }
    let mut small = [0; SMALL];
    // Under a lease the file cannot grow, so a short read is its end.
    let filled = fill(&file, &mut small, if seen.is_some() { 1 } else { SMALL })?;
    if filled < SMALL {
        return Ok(Some(ContentHash::of(&small[..filled])));
    }
    let facts = Facts::of(&file.metadata()?);
    if facts.length > IN_MEMORY {
        return Ok(Some(facts.content_hash()));
    }
    let mut bytes = small.to_vec();
    (&file).take(2 * IN_MEMORY).read_to_end(&mut bytes)?;
    // Releases the lease before the bytes are hashed.
    drop(file);
    let is_whole = bytes.len() as u64 == facts.length;
    Ok(is_whole.then(|| ContentHash::of(&bytes)))
}

/// Returns the bytes of a regular file, or `None` if it has more than `limit`. For files with
/// settings, which are read by their name. Does not follow symbolic links.
///
/// # Blocking
/// Reads the file.
///
/// # Errors
/// Like [`content_hash`].
pub(crate) fn read_settings(path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let file = open_no_follow(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::ErrorKind::NotFound.into());
    }
    read_up_to(file, &metadata, limit)
}

/// Returns the bytes of a regular file, by its real path, which was checked, or `None` if it has
/// more than `limit`. Does not follow symbolic links.
///
/// # Blocking
/// Reads the file. Does not wait for the other end of a FIFO.
///
/// # Errors
/// [`NotFound`](io::ErrorKind::NotFound) if a name in the path is a symbolic link,
/// [`InvalidInput`](io::ErrorKind::InvalidInput) if it is no regular file, or any error of opening
/// or reading a file.
#[cfg_attr(not(feature = "esm"), allow(dead_code))]
pub(crate) fn read_real(real: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let file = open_real(real)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(not_regular());
    }
    read_up_to(file, &metadata, limit)
}

/// Returns the bytes of a regular file that has up to `limit` bytes. Follows symbolic links to any
/// place, so the content is not for clients.
///
/// # Blocking
/// Reads the file. Does not wait for the other end of a FIFO.
///
/// # Errors
/// [`IsADirectory`](io::ErrorKind::IsADirectory), [`InvalidInput`](io::ErrorKind::InvalidInput) if
/// it is another kind of special file, [`FileTooLarge`](io::ErrorKind::FileTooLarge), or any error
/// of opening or reading a file.
#[cfg_attr(not(feature = "esm"), allow(dead_code))]
pub(crate) fn read_bounded(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    // Opening a device can have an effect.
    check_regular(&fs::metadata(path)?)?;
    let file = open_at_once(path)?;
    // It may have been replaced.
    let metadata = file.metadata()?;
    check_regular(&metadata)?;
    read_up_to(file, &metadata, limit)?.ok_or_else(|| {
        let reason = format!("it has more than {} MiB", limit >> 20);
        io::Error::new(io::ErrorKind::FileTooLarge, reason)
    })
}

/// Returns the bytes of an open file with this metadata, or `None` if it has more than `limit`.
fn read_up_to(file: File, metadata: &Metadata, limit: u64) -> io::Result<Option<Vec<u8>>> {
    // With room to see the end of the file in the same call.
    let size = usize::try_from(metadata.len().min(limit)).unwrap_or_default();
    let mut bytes = Vec::with_capacity(size + 64);
    file.take(limit + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= limit).then_some(bytes))
}

fn check_regular(metadata: &Metadata) -> io::Result<()> {
    if metadata.is_file() {
        Ok(())
    } else if metadata.is_dir() {
        Err(io::ErrorKind::IsADirectory.into())
    } else {
        Err(not_regular())
    }
}

fn not_regular() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file")
}

/// Opens a file, following symbolic links, without waiting for the other end of a FIFO.
#[cfg(unix)]
fn open_at_once(path: &Path) -> io::Result<File> {
    use rustix::{
        fs::{Mode, OFlags},
        io::Errno,
    };

    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
    match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(opened) => Ok(opened.into()),
        // The file has a write lease, so it is a regular one.
        Err(Errno::AGAIN) => File::open(path),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(unix))]
fn open_at_once(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Opens a file without following a symbolic link, and without waiting for the other end of a FIFO.
#[cfg(target_os = "linux")]
fn open_no_follow(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    File::options().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)
}

#[cfg(not(target_os = "linux"))]
fn open_no_follow(path: &Path) -> io::Result<File> {
    if !fs::symlink_metadata(path)?.is_file() {
        return Err(io::ErrorKind::NotFound.into());
    }
    File::open(path)
}

impl CheckedPath {
    /// Reads a regular file, or opens it if it is large.
    ///
    /// # Blocking
    /// Reads the file. A process that opens it for writing meanwhile waits.
    ///
    /// # Errors
    /// [`NotFound`](io::ErrorKind::NotFound) if it is no regular file, or if a symbolic link was
    /// put in its place since it was checked; otherwise any error of opening or reading it.
    pub(crate) fn read(&self) -> io::Result<FileRead> {
        read(open_real(&self.real)?)
    }
}

/// Returns the content hash of a regular file, and the writer that was detected meanwhile. Follows
/// symbolic links to any place, so the content itself stays here.
///
/// # Blocking
/// Reads the file. A process that opens it for writing meanwhile waits.
///
/// # Errors
/// [`NotFound`](io::ErrorKind::NotFound) if the path is no regular file, or any error of opening or
/// reading it.
pub(crate) fn examine(path: &Path) -> io::Result<(ContentHash, Writer)> {
    // Opening a FIFO would wait for its other end.
    if !fs::metadata(path)?.is_file() {
        return Err(io::ErrorKind::NotFound.into());
    }
    let FileRead { content_hash, writer, .. } = read(File::open(path)?)?;
    Ok((content_hash, writer))
}

fn read(mut file: File) -> io::Result<FileRead> {
    let lease = writer::hold(&file);
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::ErrorKind::NotFound.into());
    }
    let facts = Facts::of(&metadata);
    let Facts { length, modified } = facts;
    let before = lease.unwrap_or_else(|| writer::by_time(modified, SystemTime::now()));
    if length > IN_MEMORY {
        // Streaming takes too long to keep a writer waiting.
        writer::release(&file);
        let content_hash = facts.content_hash();
        let mut beginning = Vec::new();
        file.by_ref().take(BEGINNING).read_to_end(&mut beginning)?;
        file.rewind()?;
        let content = Content::Large(file, Box::new(metadata), beginning.into());
        return Ok(FileRead { content, content_hash, writer: before, modified, stamp: None });
    }
    let bytes = read_whole(&file, length)?;
    let after = file.metadata()?;
    // Without a lease, a write during the read shows in the size or the time.
    let is_same = Facts::of(&after) == Facts { length: bytes.len() as u64, modified };
    let writer = match (lease, before) {
        (None, Writer::None) if !is_same => Writer::Open,
        (None, Writer::None) => writer::by_time(after.modified().ok(), SystemTime::now()),
        _ => before,
    };
    // Releases the lease before the bytes are hashed.
    drop(file);
    let content_hash = ContentHash::of(&bytes);
    let (content, stamp) = (Content::Memory(bytes.into()), FileStamp::of(&after));
    Ok(FileRead { content, content_hash, writer, modified, stamp })
}

/// Reads a file with one call, if it has the expected length.
fn read_whole(file: &File, length: u64) -> io::Result<Vec<u8>> {
    let length = usize::try_from(length.min(IN_MEMORY)).unwrap_or(0);
    // One more byte, to notice that the file has grown.
    let mut bytes = vec![0; length + 1];
    let filled = fill(file, &mut bytes, length.max(1))?;
    bytes.truncate(filled);
    if filled > length {
        // The limit ends the reading of a file that keeps growing.
        file.take(2 * IN_MEMORY).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

/// Reads until the buffer has `enough` bytes or more, or until the end of the file. Returns how
/// many.
fn fill(mut file: &File, buffer: &mut [u8], enough: usize) -> io::Result<usize> {
    let mut filled = 0;
    while filled < enough {
        match file.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
            Err(why) => return Err(why),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, File},
        io::Write,
    };

    use super::{Content, Writer, content_hash, examine, read, read_whole};

    #[test]
    fn file_is_read_whole_whatever_length_is_expected() {
        let path = std::env::temp_dir().join(format!("livers-whole-{}", std::process::id()));
        for size in [0, 1, 2, 100_000] {
            let bytes: Vec<_> = (0..size).map(|at: u32| at.to_le_bytes()[0]).collect();
            fs::write(&path, &bytes).unwrap();
            for expected in [0, 1, 2, 99_999, 100_000, 100_001, u64::MAX] {
                let read = read_whole(&File::open(&path).unwrap(), expected).unwrap();
                assert!(read == bytes, "{size} bytes, {expected} expected: {} read", read.len());
            }
        }
        fs::remove_file(&path).unwrap();
    }

    /// A process that truncates and rewrites a file waits for a read that began before, and a read
    /// that begins later reports it.
    #[cfg(target_os = "linux")]
    #[test]
    fn read_without_a_writer_is_one_version_of_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        let version = |number: u8| vec![number; 2 << 20];
        fs::write(&path, version(0)).unwrap();
        let writer = std::thread::spawn({
            let path = path.clone();
            move || {
                for number in 1..=100 {
                    let mut file = File::create(&path).unwrap();
                    version(number).chunks(1 << 19).for_each(|part| file.write_all(part).unwrap());
                }
            }
        });
        while !writer.is_finished() {
            let read = read(File::open(&path).unwrap()).unwrap();
            let Content::Memory(bytes) = read.content else { panic!("the file is small") };
            let is_whole = bytes.len() == 2 << 20 && bytes.iter().all(|byte| *byte == bytes[0]);
            assert!(is_whole || read.writer == Writer::Open, "{} bytes", bytes.len());
        }
        writer.join().unwrap();
        assert_eq!(content_hash(&path).unwrap(), Some(examine(&path).unwrap().0));
    }
}
