//! The folders that are served: the one place that maps URL paths to disk paths and back.
//!
//! Everything that is opened for a request is opened here. A [`UrlPath`] cannot lead upwards by
//! itself; what is left is the disk's own ways out (symbolic links), so the real path is checked
//! too. What is not for everybody's eyes is kept [back](allow). Folders may be [mounted](mount) over the
//! root. Only regular files are opened.
//!
//! What is read is read at once, and it is said whether somebody was [writing](writer) meanwhile: the
//! bytes may then be half of a save.
//!
//! All of it is blocking I/O: callers on async threads hand it to a blocking one.

mod allow;
mod mount;
mod writer;

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fs::{self, File, Metadata},
    io::{self, Read, Seek},
    iter,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_128;

use self::mount::Layer;
pub use self::mount::Mount;
pub(crate) use self::{allow::Allow, writer::Writer};
use crate::{error::Error, url_path::UrlPath};

/// Up to this size a file is read whole, bytes; a larger one is streamed. No page should be larger:
/// what is streamed can still change under way.
pub(crate) const IN_MEMORY: u64 = 4 * 1024 * 1024;

/// Up to this size a save is read with one call, bytes; most are smaller.
const SMALL: usize = 16 * 1024;

/// How much is read of a larger file before it is streamed, bytes: enough to tell a page's charset.
const BEGINNING: u64 = 16 * 1024;

/// The folders that are served.
#[derive(Debug)]
pub(crate) struct Root {
    folder: Layer,
    /// Those before it, the first match first.
    mounts: Vec<Layer>,
    allow: Allow,
}

/// What a URL path is on the disk.
#[derive(Debug)]
pub(crate) enum Located {
    /// A regular file.
    File(PathBuf),
    /// A folder.
    Directory(PathBuf),
    /// Nothing, and where on the disk it would be, if there is a place for it.
    Missing(Option<PathBuf>),
    /// It is there, but is kept back; the reason names the way to allow it.
    Refused(&'static str),
    /// It is there, but the system does not let it be read.
    Unreadable(PathBuf, io::Error),
}

impl Root {
    /// Checks that the folders are some and can be read.
    pub(crate) fn new(path: &Path, allow: Allow, mounts: &[Mount]) -> Result<Self, Error> {
        let folder = Layer::new(path, None)?;
        let mounts = mounts.iter().map(|mount| mount.layer(&folder)).collect::<Result<_, _>>()?;
        Ok(Self { folder, mounts, allow })
    }

    /// The folder's path, absolute, symbolic links kept.
    pub(crate) fn path(&self) -> &Path {
        &self.folder.path
    }

    /// The folders that lie elsewhere, absolute.
    pub(crate) fn mounted(&self) -> impl Iterator<Item = &Path> {
        let mounted = self.mounts.iter().map(|mount| &*mount.path);
        mounted.filter(|path| !path.starts_with(self.path()))
    }

    /// Whether what links out of the folders lead to is served.
    pub(crate) fn leads_out(&self) -> bool {
        self.allow.symlinks
    }

    fn layers(&self) -> impl Iterator<Item = &Layer> {
        self.mounts.iter().chain([&self.folder])
    }

    /// Finds what a URL path is on the disk, in the first folder that has it.
    pub(crate) fn locate(&self, url: &UrlPath) -> Located {
        let mut missing = Located::Missing(None);
        for layer in self.layers() {
            let Some(names) = layer.below(url) else { continue };
            match self.locate_in(layer, names) {
                nothing @ Located::Missing(_) => missing = nothing,
                found => return found,
            }
        }
        missing
    }

    fn locate_in<'u>(&self, layer: &Layer, names: impl Iterator<Item = &'u [u8]>) -> Located {
        let mut path = layer.path.clone();
        for name in names {
            let Some(name) = os_name(name) else { return Located::Missing(None) };
            if let Some(why) = self.allow.refuses(name) {
                return Located::Refused(why);
            }
            path.push(name);
        }
        let found = dunce::canonicalize(&path).and_then(|real| Ok((fs::metadata(&real)?, real)));
        let (metadata, real) = match found {
            Ok(found) => found,
            Err(why) => return absent(path, why),
        };
        if let Some(why) = self.keeps_back(&real) {
            Located::Refused(why)
        } else if layer.is_another_case(&path, &real) {
            // A file has one URL: nobody would be told of its changes under this one, and where the
            // site is going to, there may be nothing here.
            Located::Missing(None)
        } else if metadata.is_dir() {
            Located::Directory(path)
        } else if metadata.is_file() {
            Located::File(path)
        } else {
            Located::Refused("it is no regular file")
        }
    }

    /// Why a real path is kept back, if it is. Of one outside, only the last name is of interest:
    /// whoever follows links out of the folder knows where these lead.
    fn keeps_back(&self, real: &Path) -> Option<&'static str> {
        let Some(below) = self.layers().find_map(|layer| layer.holds(real)) else {
            let name = real.file_name().filter(|_| self.allow.symlinks);
            return name.map_or(Some(allow::OUT), |name| self.allow.refuses(name));
        };
        below.iter().find_map(|name| self.allow.refuses(name))
    }

    /// What a folder shows: the names of what is served in it, links followed, and what these are.
    pub(crate) fn list(&self, url: &UrlPath) -> io::Result<BTreeMap<OsString, Metadata>> {
        let mut listed = BTreeMap::new();
        let mut unreadable = None;
        for layer in self.layers() {
            // A mount is an entry of the folder that it is in.
            let above = url.names().count();
            if layer.prefix().zip(url.names()).all(|(mount, here)| mount == here)
                && let Some(name) = layer.prefix().nth(above)
                && let Some(name) = os_name(name)
                && let Ok(metadata) = fs::metadata(&layer.path)
            {
                listed.entry(name.to_owned()).or_insert(metadata);
            }
            let Some(names) = layer.below(url) else { continue };
            let Located::Directory(path) = self.locate_in(layer, names) else { continue };
            match fs::read_dir(path) {
                Ok(entries) => {
                    for entry in entries.flatten() {
                        if let Some(metadata) = self.entry(&entry) {
                            listed.entry(entry.file_name()).or_insert(metadata);
                        }
                    }
                }
                Err(why) => unreadable = Some(why),
            }
        }
        unreadable.filter(|_| listed.is_empty()).map_or(Ok(listed), Err)
    }

    /// What an entry of a served folder is; nothing where it is not served.
    fn entry(&self, entry: &fs::DirEntry) -> Option<Metadata> {
        if self.allow.refuses(&entry.file_name()).is_some() {
            return None;
        }
        let metadata = if entry.file_type().ok()?.is_symlink() {
            let real = dunce::canonicalize(entry.path()).ok()?;
            if self.keeps_back(&real).is_some() {
                return None;
            }
            fs::metadata(real).ok()?
        } else {
            entry.metadata().ok()?
        };
        (metadata.is_dir() || metadata.is_file()).then_some(metadata)
    }

    /// The URL paths of a path on the disk: several where a folder is mounted in several places,
    /// none where it is not served.
    pub(crate) fn urls_of(&self, path: &Path, directory: bool) -> Vec<UrlPath> {
        let url = |layer: &Layer| {
            let names: Vec<_> = path.strip_prefix(&layer.path).ok()?.iter().collect();
            if names.iter().any(|name| self.allow.refuses(name).is_some()) {
                return None;
            }
            let names = names.iter().map(|name| name.as_encoded_bytes());
            UrlPath::from_names(layer.prefix().chain(names), directory)
        };
        iter::once(&self.folder).chain(&self.mounts).filter_map(url).collect()
    }
}

/// A file's bytes, or the way to them.
#[derive(Debug)]
pub(crate) enum Content {
    /// All of them.
    Memory(Bytes),
    /// The open file, as it was when it was opened, and how it begins.
    Large(File, Box<Metadata>, Bytes),
}

/// Which content a file has: a hash of its bytes, or, where they are more than [`IN_MEMORY`], of its
/// size and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity(pub(crate) u128);

impl Identity {
    /// The identity of these bytes.
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
    pub(crate) identity: Identity,
    /// Whether somebody was writing it at that time.
    pub(crate) writer: Writer,
    /// When it was last changed.
    pub(crate) modified: Option<SystemTime>,
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
    fn identity(self) -> Identity {
        let since = |modified: SystemTime| modified.duration_since(UNIX_EPOCH).ok();
        let time = self.modified.and_then(since).unwrap_or_default();
        let numbers = [u128::from(self.length), time.as_nanos()];
        Identity::of(&numbers.map(u128::to_le_bytes).concat())
    }
}

/// Which content a regular file has that is no link, as soon as it is known that nobody is writing it;
/// nothing while somebody may be. For those who hear of what is written meanwhile.
///
/// A save is told as soon as this is known, so a small file costs no call that can be spared.
pub(crate) fn identify(
    path: &Path,
    at_work: impl Fn(Writer) -> bool,
) -> io::Result<Option<Identity>> {
    let file = open_itself(path)?;
    // Only regular files have writers that the system knows of.
    let seen = writer::seen(&file);
    let writer = if let Some(writer) = seen {
        writer
    } else {
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::ErrorKind::NotFound.into());
        }
        writer::by_time(metadata.modified().ok(), SystemTime::now())
    };
    if at_work(writer) {
        return Ok(None);
    }
    let mut small = [0; SMALL];
    // Where the system knows of writers, the end is where less comes than there is room for.
    let filled = fill(&file, &mut small, if seen.is_some() { 1 } else { SMALL })?;
    if filled < SMALL {
        return Ok(Some(Identity::of(&small[..filled])));
    }
    let facts = Facts::of(&file.metadata()?);
    if facts.length > IN_MEMORY {
        return Ok(Some(facts.identity()));
    }
    let mut bytes = small.to_vec();
    file.take(2 * IN_MEMORY).read_to_end(&mut bytes)?;
    let same = bytes.len() as u64 == facts.length;
    Ok(same.then(|| Identity::of(&bytes)))
}

/// Opens a file, but not what a link leads to; a FIFO is not waited for.
#[cfg(target_os = "linux")]
fn open_itself(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    File::options().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)
}

#[cfg(not(target_os = "linux"))]
fn open_itself(path: &Path) -> io::Result<File> {
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
        let identity = facts.identity();
        let mut beginning = Vec::new();
        file.by_ref().take(BEGINNING).read_to_end(&mut beginning)?;
        file.rewind()?;
        let content = Content::Large(file, Box::new(metadata), beginning.into());
        return Ok(FileRead { content, identity, writer: before, modified });
    }
    let bytes = read_whole(&file, length)?;
    let identity = Identity::of(&bytes);
    // A writer that came meanwhile is still there, or has left its traces.
    let after = file.metadata()?;
    let same = Facts::of(&after) == Facts { length: bytes.len() as u64, modified };
    let writer = match before {
        Writer::None if !same => Writer::Open,
        Writer::None => writer::writer(&file, &after, SystemTime::now()),
        before => before,
    };
    Ok(FileRead { content: Content::Memory(bytes.into()), identity, writer, modified })
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

/// What a failed look-up means.
fn absent(path: PathBuf, why: io::Error) -> Located {
    match why.kind() {
        io::ErrorKind::PermissionDenied => Located::Unreadable(path, why),
        // A loop of links, too long a name, a file taken for a folder: nothing is there.
        _ => Located::Missing(Some(path)),
    }
}

/// A decoded name as the system spells names; on systems whose names are Unicode, others name
/// nothing.
#[cfg(unix)]
#[allow(clippy::unnecessary_wraps)]
fn os_name(name: &[u8]) -> Option<&OsStr> {
    Some(std::os::unix::ffi::OsStrExt::from_bytes(name))
}

#[cfg(not(unix))]
fn os_name(name: &[u8]) -> Option<&OsStr> {
    std::str::from_utf8(name).ok().map(OsStr::new)
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
