//! A FUSE file system with two files, whose server can stop answering.
//!
//! It speaks just enough of the kernel's protocol (`linux/fuse.h`) to list the folder and to read
//! the files. Requests that arrive after [`FrozenMount::freeze`] stay in the kernel's queue, as
//! when the server's process is stopped: a process that waits for one can still be killed.

use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

use super::super::lock;

/// The files of the folder, by node number from 2.
const FILES: [(&str, &[u8]); 2] =
    [("index.html", b"<title>a</title>"), ("app.js", b"export default 1;\n")];

/// The node number of the folder.
const ROOT: u64 = 1;

/// Request codes.
const LOOKUP: u32 = 1;
const FORGET: u32 = 2;
const GETATTR: u32 = 3;
const OPEN: u32 = 14;
const READ: u32 = 15;
const RELEASE: u32 = 18;
const INIT: u32 = 26;
const OPENDIR: u32 = 27;
const READDIR: u32 = 28;
const RELEASEDIR: u32 = 29;
const BATCH_FORGET: u32 = 42;

/// How long the kernel keeps metadata, s. None: every `stat` asks the server.
const VALID: u64 = 0;

/// A mounted folder that is unmounted when it is dropped.
pub struct FrozenMount {
    path: PathBuf,
    /// Whether the server has stopped. Locked while a request is answered.
    frozen: Arc<Mutex<bool>>,
}

impl FrozenMount {
    /// Mounts the file system at a folder, as this type, and answers requests.
    ///
    /// # Errors
    /// The system has no FUSE, or this user may not mount.
    pub fn at(path: &Path, kind: &str) -> io::Result<Self> {
        let device = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(libc::O_NONBLOCK)
            .open("/dev/fuse")?;
        let target = CString::new(path.as_os_str().as_bytes())?;
        let options = format!("fd={},rootmode=40000,user_id=0,group_id=0", device.as_raw_fd());
        let options = CString::new(options)?;
        let kind = CString::new(kind)?;
        // SAFETY: all pointers are to strings that end with NUL and outlive the call.
        let mounted = unsafe {
            libc::mount(kind.as_ptr(), target.as_ptr(), kind.as_ptr(), 0, options.as_ptr().cast())
        };
        if mounted != 0 {
            return Err(io::Error::last_os_error());
        }
        let frozen = Arc::new(Mutex::new(false));
        let stop = Arc::clone(&frozen);
        thread::spawn(move || serve(device, &stop));
        Ok(Self { path: path.to_owned(), frozen })
    }

    /// Stops answering. A request that is read is answered first.
    pub fn freeze(&self) {
        *lock(&self.frozen) = true;
    }
}

impl Drop for FrozenMount {
    fn drop(&mut self) {
        self.freeze();
        let target = CString::new(self.path.as_os_str().as_bytes()).expect("a path without NUL");
        // SAFETY: the pointer is to a string that ends with NUL. MNT_FORCE fails the requests that
        // wait.
        unsafe { libc::umount2(target.as_ptr(), libc::MNT_FORCE | libc::MNT_DETACH) };
    }
}

/// Answers requests until the folder is unmounted. Keeps the device open while it is frozen.
fn serve(mut device: File, frozen: &Mutex<bool>) {
    let mut request = vec![0; 1 << 17];
    loop {
        let mut poll = libc::pollfd { fd: device.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: the pointer is to one descriptor.
        unsafe { libc::poll(&raw mut poll, 1, 100) };
        if poll.revents & libc::POLLERR != 0 {
            return;
        }
        let frozen = lock(frozen);
        if *frozen {
            drop(frozen);
            thread::sleep(std::time::Duration::from_millis(10));
            continue;
        }
        match device.read(&mut request) {
            Ok(length) => {
                if let Some(answer) = answer(&request[..length]) {
                    let _ = device.write_all(&answer);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}

/// Returns the answer to a request, with its header; `None` if none is expected.
fn answer(request: &[u8]) -> Option<Vec<u8>> {
    let u32_at = |at: usize| u32::from_ne_bytes(request[at..at + 4].try_into().expect("4 bytes"));
    let u64_at = |at: usize| u64::from_ne_bytes(request[at..at + 8].try_into().expect("8 bytes"));
    let (code, unique, node) = (u32_at(4), u64_at(8), u64_at(16));
    let body = &request[40..];
    let result = match code {
        FORGET | BATCH_FORGET => return None,
        // Version 7.31, and the largest write.
        INIT => Ok(words(&[7, 31, 0, 0, 0, 1 << 16, 1, 0]).into_iter().chain([0; 32]).collect()),
        LOOKUP => lookup(body),
        GETATTR => Ok([&VALID.to_ne_bytes()[..], &[0; 8], &attributes(node)].concat()),
        OPEN | OPENDIR => Ok(vec![0; 16]),
        // The offset follows the handle.
        READ => Ok(rest(content(node), u64_at(48))),
        READDIR => Ok(rest(&entries(), u64_at(48))),
        RELEASE | RELEASEDIR => Ok(Vec::new()),
        _ => Err(libc::ENOSYS),
    };
    let (error, body) = match result {
        Ok(body) => (0, body),
        Err(error) => (-error, Vec::new()),
    };
    let length = u32::try_from(16 + body.len()).expect("a short answer");
    Some([&length.to_ne_bytes()[..], &error.to_ne_bytes(), &unique.to_ne_bytes(), &body].concat())
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

fn lookup(name: &[u8]) -> Result<Vec<u8>, libc::c_int> {
    let name = name.strip_suffix(b"\0").unwrap_or(name);
    let index = FILES.iter().position(|(file, _)| file.as_bytes() == name).ok_or(libc::ENOENT)?;
    let node = index as u64 + 2;
    Ok([
        &node.to_ne_bytes()[..],
        &[0; 8],
        &VALID.to_ne_bytes(),
        &VALID.to_ne_bytes(),
        &[0; 8],
        &attributes(node),
    ]
    .concat())
}

fn content(node: u64) -> &'static [u8] {
    let index = usize::try_from(node).unwrap_or_default().wrapping_sub(2);
    FILES.get(index).map_or(b"", |(_, content)| content)
}

/// Returns the part of an answer that begins at an offset.
fn rest(bytes: &[u8], offset: u64) -> Vec<u8> {
    usize::try_from(offset).ok().and_then(|at| bytes.get(at..)).unwrap_or_default().to_vec()
}

/// Returns `struct fuse_attr`: number, size, blocks, three times, and ten words.
fn attributes(node: u64) -> Vec<u8> {
    let mode = if node == ROOT { libc::S_IFDIR | 0o755 } else { libc::S_IFREG | 0o644 };
    let numbers = [node, content(node).len() as u64, 1, 1, 1, 1];
    let numbers: Vec<u8> = numbers.iter().flat_map(|number| number.to_ne_bytes()).collect();
    [numbers, words(&[0, 0, 0, mode, 1, 0, 0, 0, 4096, 0])].concat()
}

/// Returns the entries of the folder, each as `struct fuse_dirent`. The offset of an entry is that
/// of the next one.
fn entries() -> Vec<u8> {
    let mut entries = Vec::new();
    for (index, (name, _)) in FILES.iter().enumerate() {
        let size = 24 + name.len().next_multiple_of(8);
        let end = (entries.len() + size) as u64;
        entries.extend((index as u64 + 2).to_ne_bytes());
        entries.extend(end.to_ne_bytes());
        entries.extend(words(&[
            u32::try_from(name.len()).expect("a short name"),
            libc::DT_REG.into(),
        ]));
        entries.extend(name.as_bytes());
        entries.resize(usize::try_from(end).expect("a small folder"), 0);
    }
    entries
}
