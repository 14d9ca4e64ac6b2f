use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use super::{Handle, Options, Shared, Signal, SystemEvent, Worker};
use crate::{
    docroot::{Allow, Root},
    event::Events,
    watch::{burst_gate::BurstGate, inbox::Inbox},
};

/// Creates a worker that has walked a folder and polls it.
fn worker(root: &Path) -> Worker {
    let options = Options {
        root: Arc::new(Root::new(root, Allow::default(), &[]).unwrap()),
        extra_watch_paths: Vec::new(),
        ignore: Vec::new(),
        poll: true,
    };
    let shared = Shared {
        inbox: Arc::new(Inbox::default()),
        gate: Arc::new(BurstGate::new()),
        status: Arc::default(),
        established: tokio::sync::watch::channel(false).0,
    };
    let publish = Box::new(|_| {});
    let mut worker =
        Worker::new(options, shared, Handle::default(), publish, Events::default()).unwrap();
    worker.watch_all();
    while worker.tree.is_walking() {
        worker.walk();
    }
    worker
}

#[test]
fn events_are_applied_at_once_as_a_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let root = fs::canonicalize(dir.path()).unwrap();
    fs::create_dir_all(root.join("watched")).unwrap();
    fs::create_dir_all(root.join("moved")).unwrap();
    fs::write(root.join("file"), "").unwrap();
    let at = |name: &str| -> PathBuf { root.join(name) };
    let renamed = |from, to| SystemEvent::Renamed(at(from), at(to));
    let signal = |name, signal| SystemEvent::Signal(at(name), signal);
    let table = [
        (signal("file", Signal::Created), true),
        (signal("file", Signal::Finished), true),
        (signal("gone", Signal::Removed), true),
        (signal("watched", Signal::Removed), false),
        (signal("moved", Signal::Created), false),
        (renamed("temporary", "file"), true),
        (renamed("temporary", "moved"), false),
        (SystemEvent::Overflow, false),
        (SystemEvent::Failed(String::new()), false),
    ];
    for (event, is_applied) in table {
        let mut worker = worker(&root);
        assert_eq!(worker.apply_now(&event), is_applied, "{event:?}");
    }
}

#[test]
fn a_folder_that_appears_at_a_plain_path_is_left_to_its_own_event() {
    let dir = tempfile::tempdir().unwrap();
    let root = fs::canonicalize(dir.path()).unwrap();
    let mut worker = worker(&root);
    let folders = worker.tree.len();
    fs::create_dir(root.join("new")).unwrap();
    // When it was decided that this changes no watch, the folder was not there yet.
    worker.apply_plain(&root.join("new"), Signal::Removed);
    assert!(!worker.tree.is_walking() && worker.tree.len() == folders);
    worker.signal(root.join("new"), Signal::Created, Instant::now());
    assert!(worker.tree.is_walking());
}
