//! Reads files: at once, so that their bytes are those of one moment, as far as that can be told.
//!
//! It is said with them whether somebody was [writing](super::writer) meanwhile: they may then be half of a
//! save. Large files are not read but left open. Only regular files are opened.

use std::{
    fs::{self, File, Metadata},
    io::{self, Read, Seek},
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_128;

use super::{
    stamp::FileStamp,
    writer::{self, Writer},
};

/// Up to this size a file is read whole, bytes; a larger one is streamed. No page should be larger:
/// what is streamed can still change under way.
const IN_MEMORY: u64 = 4 * 1024 * 1024;

/// Up to this size a save is read with one call, bytes; most are smaller.
const SMALL: usize = 16 * 1024;

/// How much is read of a larger file before it is streamed, bytes: enough to tell a page's charset.
const BEGINNING: u64 = 16 * 1024;

/// A file's bytes, or the way to them.
#[derive(Debug)]
pub(crate) enum Content {
    /// All of them.
    Memory(Bytes),
    /// The open file, as it was when it was opened, and how it begins.
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

/// Which content a file has: a hash of its bytes, or, where they are more than [`IN_MEMORY`], of its
/// size and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ContentHash(pub(crate) u128);

impl ContentHash {
    /// Returns the hash of these bytes.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(xxh3_128(bytes))
    }
}

/// A file as it was read.
#[derive(Debug)]
pub(crate) struct FileRead {
    /// Its bytes.
    pub(crate) content: Content,
    /// Which content that is.
    pub(crate) content_hash: ContentHash,
    /// Whether somebody was writing it at that time.
    pub(crate) writer: Writer,
    /// When it was last changed.
    pub(crate) modified: Option<SystemTime>,
    /// The stamp of the file that was read; `None` for one that is streamed.
    pub(crate) stamp: Option<FileStamp>,
}

/// What tells without reading that a file is as it was, as far as that can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    length: u64,
    modified: Option<SystemTime>,
}

impl Facts {
    /// Those of a file that was just looked at.
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self { length: metadata.len(), modified: metadata.modified().ok() }
    }

    /// What stands for the content of a file that is not read whole.
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
/// Reads the file.
///
/// # Errors
/// [`NotFound`](io::ErrorKind::NotFound) if the path is no regular file, or any error of opening or
/// reading it.
pub(crate) fn content_hash(path: &Path) -> io::Result<Option<ContentHash>> {
    let file = open_no_follow(path)?;
    // A lease is granted on regular files only. While it is held, a new writer waits.
    let seen = writer::hold(&file);
    match seen {
        Some(Writer::Open) => return Ok(None),
        Some(_) => {}
        None if !file.metadata()?.is_file() => return Err(io::ErrorKind::NotFound.into()),
        None => {}
    }
    let mut small = [0; SMALL];
    // Where the system knows of writers, the end is where less comes than there is room for.
    let filled = fill(&file, &mut small, if seen.is_some() { 1 } else { SMALL })?;
    if filled < SMALL {
        return Ok(Some(ContentHash::of(&small[..filled])));
    }
    // The rest takes too long to have anybody wait.
    writer::release(&file);
    let facts = Facts::of(&file.metadata()?);
    if facts.length > IN_MEMORY {
        return Ok(Some(facts.content_hash()));
    }
    let mut bytes = small.to_vec();
    file.take(2 * IN_MEMORY).read_to_end(&mut bytes)?;
    let same = bytes.len() as u64 == facts.length;
    Ok(same.then(|| ContentHash::of(&bytes)))
}

/// Opens a file, but not what a link leads to; a FIFO is not waited for.
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

/// Opens a regular file and reads it, or leaves it open where it is large.
pub(crate) fn read(path: &Path) -> io::Result<FileRead> {
    // A stat comes first: opening a FIFO would wait for its other end.
    if !fs::metadata(path)?.is_file() {
        return Err(io::ErrorKind::NotFound.into());
    }
    let mut file = File::open(path)?;
    let metadata = file.metadata()?;
    let before = writer::writer(&file, &metadata, SystemTime::now());
    let facts = Facts::of(&metadata);
    let Facts { length, modified } = facts;
    if length > IN_MEMORY {
        let content_hash = facts.content_hash();
        let mut beginning = Vec::new();
        file.by_ref().take(BEGINNING).read_to_end(&mut beginning)?;
        file.rewind()?;
        let content = Content::Large(file, Box::new(metadata), beginning.into());
        return Ok(FileRead { content, content_hash, writer: before, modified, stamp: None });
    }
    let bytes = read_whole(&file, length)?;
    let content_hash = ContentHash::of(&bytes);
    // A writer that came meanwhile is still there, or has left its traces.
    let after = file.metadata()?;
    let same = Facts::of(&after) == Facts { length: bytes.len() as u64, modified };
    let writer = match before {
        Writer::None if !same => Writer::Open,
        Writer::None => writer::writer(&file, &after, SystemTime::now()),
        before => before,
    };
    let (content, stamp) = (Content::Memory(bytes.into()), FileStamp::of(&after));
    Ok(FileRead { content, content_hash, writer, modified, stamp })
}

/// A file's bytes: with one call, if it is as long as it was said to be.
fn read_whole(file: &File, length: u64) -> io::Result<Vec<u8>> {
    let length = usize::try_from(length.min(IN_MEMORY)).unwrap_or(0);
    // One more shows that it has grown.
    let mut bytes = vec![0; length + 1];
    let filled = fill(file, &mut bytes, length.max(1))?;
    bytes.truncate(filled);
    if filled > length {
        // A file that grows while it is read is not followed for ever.
        file.take(2 * IN_MEMORY).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

/// Reads on until so many bytes are there, or more if they come along, or the file is over.
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
    use std::fs::{self, File};

    use super::read_whole;

    #[test]
    fn a_file_is_read_whole_whatever_its_length_was_said_to_be() {
        let path = std::env::temp_dir().join(format!("livers-whole-{}", std::process::id()));
        for size in [0, 1, 2, 100_000] {
            let bytes: Vec<_> = (0..size).map(|at: u32| at.to_le_bytes()[0]).collect();
            fs::write(&path, &bytes).unwrap();
            for said in [0, 1, 2, 99_999, 100_000, 100_001, u64::MAX] {
                let read = read_whole(&File::open(&path).unwrap(), said).unwrap();
                assert!(read == bytes, "{size} bytes, {said} said: {} read", read.len());
            }
        }
        fs::remove_file(&path).unwrap();
    }
}
