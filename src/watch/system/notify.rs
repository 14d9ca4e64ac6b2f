//! The `notify` watcher: passes on what matters of its events, as signals.
//!
//! On Linux, `notify` also reports that files are opened and read, and livers reads files itself.
//! Such events end here, without waking the watch's thread.

use std::{
    io,
    path::{Path, PathBuf},
};

use notify::{
    ErrorKind, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _,
    event::{AccessKind, AccessMode, ModifyKind, RenameMode},
};

use super::{System, WATCHES_ONE_FOLDER, WatchError};
use crate::watch::signal::{CLOSE_IS_REPORTED, Signal, SystemEvent};

/// The system's watcher.
#[derive(Debug)]
pub(in crate::watch) struct Watcher(RecommendedWatcher);

impl Watcher {
    /// Creates a watcher without watches that passes events to a function, on a thread of its own.
    ///
    /// # Errors
    /// Those of the system.
    pub(in crate::watch) fn new(
        put: impl Fn(SystemEvent) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let mut renames = Renames::default();
        notify::recommended_watcher(move |event: notify::Result<Event>| match event {
            Ok(event) if event.need_rescan() => put(SystemEvent::Overflow),
            Ok(event) => {
                let Some(signal) = signal(event.kind) else { return };
                let from = renames.first_half(&event);
                for path in event.paths {
                    put(match from.clone() {
                        Some(from) => SystemEvent::Renamed(from, path),
                        None => SystemEvent::Signal(path, signal),
                    });
                }
            }
            Err(error) => put(SystemEvent::Failed(error.to_string())),
        })
        .map(Self)
        .map_err(|error| match error.kind {
            ErrorKind::Io(error) => error,
            kind => io::Error::other(notify::Error::new(kind)),
        })
    }
}

impl System for Watcher {
    fn watch(&mut self, path: &Path) -> Result<(), WatchError> {
        let mode =
            if WATCHES_ONE_FOLDER { RecursiveMode::NonRecursive } else { RecursiveMode::Recursive };
        self.0.watch(path, mode).map_err(|error| match error.kind {
            ErrorKind::MaxFilesWatch => WatchError::Limit,
            ErrorKind::PathNotFound => WatchError::NotFound,
            ErrorKind::Io(error) if error.kind() == io::ErrorKind::NotFound => WatchError::NotFound,
            ErrorKind::Io(error) => WatchError::Io(error),
            kind => WatchError::Io(io::Error::other(notify::Error::new(kind))),
        })
    }

    fn unwatch(&mut self, path: &Path) {
        // Fails if the system dropped the watch itself.
        let _ = self.0.unwatch(path);
    }
}

/// Pairs the halves of renames, which the system reports one after the other.
#[derive(Debug, Default)]
struct Renames(Option<Event>);

impl Renames {
    /// Returns the old name if an event is the second half of a rename.
    fn first_half(&mut self, event: &Event) -> Option<PathBuf> {
        let first = self.0.take();
        match event.kind {
            EventKind::Modify(ModifyKind::Name(RenameMode::From)) => self.0 = Some(event.clone()),
            EventKind::Modify(ModifyKind::Name(RenameMode::To)) if event.tracker().is_some() => {
                return first.filter(|first| first.tracker() == event.tracker())?.paths.pop();
            }
            _ => {}
        }
        None
    }
}

/// Returns the signal of an event. A rename over a file arrives as `Create` on one system
/// and as `Name(To)` on another.
fn signal(kind: EventKind) -> Option<Signal> {
    Some(match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => Signal::Finished,
        EventKind::Access(_) => return None,
        EventKind::Create(_) => Signal::Created,
        EventKind::Modify(ModifyKind::Metadata(_)) => Signal::MetadataChanged,
        EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(RenameMode::From)) => {
            Signal::Removed
        }
        EventKind::Modify(ModifyKind::Name(RenameMode::To)) => Signal::RenamedTo,
        // inotify has reported both halves of the rename before.
        EventKind::Modify(ModifyKind::Name(RenameMode::Both)) if CLOSE_IS_REPORTED => return None,
        EventKind::Modify(_) | EventKind::Any | EventKind::Other => Signal::Written,
    })
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path, sync::mpsc::channel, time::Duration};

    use notify::{
        Event, EventKind,
        event::{
            AccessKind, AccessMode, CreateKind, DataChange, MetadataKind, ModifyKind, RemoveKind,
            RenameMode,
        },
    };

    use super::{Renames, Signal::*, System, SystemEvent, Watcher, signal};

    #[test]
    fn event_kinds_become_signals() {
        let access = EventKind::Access;
        let modify = EventKind::Modify;
        let table = [
            (access(AccessKind::Open(AccessMode::Any)), None),
            (access(AccessKind::Close(AccessMode::Read)), None),
            (access(AccessKind::Close(AccessMode::Write)), Some(Finished)),
            (modify(ModifyKind::Data(DataChange::Any)), Some(Written)),
            (modify(ModifyKind::Metadata(MetadataKind::Any)), Some(MetadataChanged)),
            (modify(ModifyKind::Name(RenameMode::From)), Some(Removed)),
            (modify(ModifyKind::Name(RenameMode::To)), Some(RenamedTo)),
            (
                modify(ModifyKind::Name(RenameMode::Both)),
                (!cfg!(target_os = "linux")).then_some(Written),
            ),
            (EventKind::Create(CreateKind::File), Some(Created)),
            (EventKind::Remove(RemoveKind::Folder), Some(Removed)),
        ];
        for (kind, wanted) in table {
            assert_eq!(signal(kind), wanted, "{kind:?}");
        }
    }

    #[test]
    fn halves_of_a_rename_are_paired() {
        let half = |mode, path: &str, tracker| {
            let kind = EventKind::Modify(ModifyKind::Name(mode));
            Event::new(kind).add_path(path.into()).set_tracker(tracker)
        };
        let other = Event::new(EventKind::Create(CreateKind::File)).add_path("c".into());
        let (from, to) = (half(RenameMode::From, "a", 7), half(RenameMode::To, "b", 7));
        let moved_in = half(RenameMode::To, "b", 8);
        let table: [(&[&Event], Option<&str>); 5] = [
            (&[&from, &to], Some("a")),
            (&[&from, &moved_in], None),
            (&[&from, &other], None),
            (&[&from, &to, &to], None),
            (&[&to], None),
        ];
        for (events, wanted) in table {
            let mut renames = Renames::default();
            let paired = events.iter().map(|event| renames.first_half(event));
            assert_eq!(paired.last().flatten().as_deref(), wanted.map(Path::new), "{events:?}");
        }
    }

    #[test]
    fn a_new_file_is_reported_with_its_path() {
        let dir = tempfile::tempdir().unwrap();
        let folder = fs::canonicalize(dir.path()).unwrap();
        let (put, events) = channel();
        let mut watcher = Watcher::new(move |event| put.send(event).unwrap()).unwrap();
        watcher.watch(&folder).unwrap();
        fs::write(folder.join("a"), "new").unwrap();
        let event = events.recv_timeout(Duration::from_secs(10)).expect("an event");
        assert_eq!(event, SystemEvent::Signal(folder.join("a"), Created));
        watcher.unwatch(&folder);
    }
}
