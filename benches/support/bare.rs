//! The bare loop that livers is compared with: it writes a line to a socket as soon as notify
//! reports that one of three files was closed after writing, or renamed into place.

use std::{io::Write, net::TcpListener, path::Path, sync::mpsc::channel};

use notify::{
    EventKind, RecursiveMode, Watcher,
    event::{AccessKind, AccessMode, ModifyKind, RenameMode},
};

use super::Result;

/// The argument that makes a bench's program run this loop.
pub(crate) const ROLE: &str = "bare-loop";

/// The files whose saves are reported.
const FILES: [&str; 3] = ["page.html", "sheet.css", "script.js"];

/// Watches a folder until the client disconnects.
pub(crate) fn run(folder: &Path) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?.port());
    let (mut stream, _) = listener.accept()?;
    stream.set_nodelay(true)?;
    let (gone, ended) = channel();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let finished = event.is_ok_and(|event| {
            let closed = EventKind::Access(AccessKind::Close(AccessMode::Write));
            let renamed = EventKind::Modify(ModifyKind::Name(RenameMode::To));
            let told = event.paths.iter().any(|path| FILES.iter().any(|file| path.ends_with(file)));
            told && [closed, renamed].contains(&event.kind)
        });
        if finished && stream.write_all(b"saved\n").is_err() {
            let _ = gone.send(());
        }
    })?;
    watcher.watch(folder, RecursiveMode::NonRecursive)?;
    Ok(ended.recv()?)
}
