//! inotify(7), read without waiting.
//!
//! The watches exclude opens and reads: livers' own reads would wake its thread otherwise.

use std::{collections::HashMap, io, os::fd::AsRawFd, path::Path, sync::Arc};

use inotify::{EventMask, Inotify, WatchDescriptor, WatchMask};
use mio::{Interest, Registry, Token, unix::SourceFd};

use super::{System, WatchError};
use crate::watch::signal::{Signal, SystemEvent};

/// Room for several hundred events, bytes.
const BUFFER: usize = 16 * 1024;

/// How often the buffer is filled before the events are attended to.
const READS: usize = 32;

/// An inotify instance.
#[derive(Debug)]
pub(in crate::watch) struct Watcher {
    inotify: Inotify,
    descriptors: HashMap<Arc<Path>, WatchDescriptor>,
    paths: HashMap<WatchDescriptor, Arc<Path>>,
    buffer: Vec<u8>,
}

impl Watcher {
    /// Creates an instance without watches that makes a poll ready with this token.
    ///
    /// # Errors
    /// Those of inotify_init1(2), and of registering the descriptor.
    pub(in crate::watch) fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        let inotify = Inotify::init()?;
        registry.register(&mut SourceFd(&inotify.as_raw_fd()), token, Interest::READABLE)?;
        Ok(Self {
            inotify,
            descriptors: HashMap::new(),
            paths: HashMap::new(),
            buffer: vec![0; BUFFER],
        })
    }

    /// Reads all events that are there, up to a limit: events that come as fast as they are read must
    /// not keep the caller from its work. Returns whether there may be more.
    pub(in crate::watch) fn read(&mut self, into: &mut Vec<SystemEvent>) -> bool {
        for _ in 0..READS {
            match self.inotify.read_events(&mut self.buffer) {
                Ok(events) => {
                    for event in events {
                        if event.mask.contains(EventMask::Q_OVERFLOW) {
                            into.push(SystemEvent::Overflow);
                        }
                        if event.mask.contains(EventMask::IGNORED) {
                            // The kernel removed the watch, with its folder or its mount.
                            if let Some(path) = self.paths.remove(&event.wd)
                                && self.descriptors.get(&path) == Some(&event.wd)
                            {
                                self.descriptors.remove(&path);
                            }
                            continue;
                        }
                        let Some(signal) = signal(event.mask) else { continue };
                        // An event of a watch that was removed meanwhile has no path any more.
                        let Some(watched) = self.paths.get(&event.wd) else { continue };
                        let path = match event.name {
                            Some(name) => watched.join(name),
                            None => watched.to_path_buf(),
                        };
                        into.push(SystemEvent::Signal(path, signal));
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
                Err(error) => {
                    into.push(SystemEvent::Failed(error.to_string()));
                    return false;
                }
            }
        }
        true
    }
}

impl Watcher {
    fn add(&mut self, path: &Path, mask: WatchMask) -> Result<(), WatchError> {
        let descriptor =
            self.inotify.watches().add(path, mask).map_err(|error| match error.kind() {
                // ENOSPC, which stands for the limit on watches here.
                io::ErrorKind::StorageFull => WatchError::Limit,
                io::ErrorKind::NotFound => WatchError::NotFound,
                _ => WatchError::Io(error),
            })?;
        let path: Arc<Path> = path.into();
        self.paths.insert(descriptor.clone(), Arc::clone(&path));
        self.descriptors.insert(path, descriptor);
        Ok(())
    }
}

impl System for Watcher {
    fn watch(&mut self, path: &Path) -> Result<(), WatchError> {
        let content = WatchMask::ATTRIB | WatchMask::CLOSE_WRITE | WatchMask::MODIFY;
        let itself = WatchMask::DELETE_SELF | WatchMask::MOVE_SELF;
        self.add(path, names() | content | itself)
    }

    fn watch_names(&mut self, path: &Path) -> Result<(), WatchError> {
        // Adds to the events of an earlier watch of the same folder.
        self.add(path, names() | WatchMask::MASK_ADD)
    }

    fn unwatch(&mut self, path: &Path) {
        let Some(descriptor) = self.descriptors.remove(path) else { return };
        // One inode has one watch, under the name by which it was added last.
        if self.paths.get(&descriptor).is_some_and(|by| **by == *path) {
            self.paths.remove(&descriptor);
            // Fails if the kernel removed the watch with its folder.
            let _ = self.inotify.watches().remove(descriptor);
        }
    }
}

/// The events by which a folder gets or loses a name.
fn names() -> WatchMask {
    WatchMask::CREATE | WatchMask::DELETE | WatchMask::MOVED_FROM | WatchMask::MOVED_TO
}

/// Returns the signal of an event.
fn signal(mask: EventMask) -> Option<Signal> {
    let table = [
        (EventMask::MOVED_FROM | EventMask::MOVE_SELF, Signal::Removed),
        (EventMask::MOVED_TO, Signal::RenamedTo),
        (EventMask::CREATE, Signal::Created),
        (EventMask::DELETE | EventMask::DELETE_SELF, Signal::Removed),
        (EventMask::MODIFY, Signal::Written),
        (EventMask::CLOSE_WRITE, Signal::Finished),
        (EventMask::ATTRIB, Signal::MetadataChanged),
    ];
    table.into_iter().find_map(|(bits, signal)| mask.intersects(bits).then_some(signal))
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf, time::Duration};

    use super::{Signal::*, System, SystemEvent, Watcher};

    /// Waits for events, and reads them.
    fn read(watcher: &mut Watcher, poll: &mut mio::Poll) -> Vec<SystemEvent> {
        let mut ready = mio::Events::with_capacity(1);
        poll.poll(&mut ready, Some(Duration::from_secs(10))).unwrap();
        let mut events = Vec::new();
        watcher.read(&mut events);
        events
    }

    #[test]
    fn a_save_is_reported_and_a_read_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let mut poll = mio::Poll::new().unwrap();
        let mut watcher = Watcher::new(poll.registry(), mio::Token(0)).unwrap();
        watcher.watch(dir.path()).unwrap();
        let path = |name: &str| -> PathBuf { dir.path().join(name) };
        let event = |name: &str, signal| SystemEvent::Signal(path(name), signal);

        fs::write(path("a"), "new").unwrap();
        fs::read(path("a")).unwrap();
        fs::rename(path("a"), path("b")).unwrap();
        fs::remove_file(path("b")).unwrap();
        let wanted = [
            event("a", Created),
            event("a", Written),
            event("a", Finished),
            event("a", Removed),
            event("b", RenamedTo),
            event("b", Removed),
        ];
        assert_eq!(read(&mut watcher, &mut poll), wanted);

        watcher.unwatch(dir.path());
        fs::write(path("c"), "new").unwrap();
        watcher.watch(dir.path()).unwrap();
        fs::write(path("d"), "").unwrap();
        let wanted = [event("d", Created), event("d", Finished)];
        assert_eq!(read(&mut watcher, &mut poll), wanted, "nothing of what was not watched");
    }
}
