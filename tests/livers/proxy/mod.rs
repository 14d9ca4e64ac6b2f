//! Backends behind routes, through the whole server.
//!
//! What one room decides is tested beside it in `src/proxy`; here is what needs the binary: the
//! guard, livers' own paths and the files around it, the live script, memory, signals, the log, and
//! a browser.

mod alive;
mod autobahn;
mod bulk;
mod faults;
mod http;
mod letter;
mod pages;
mod restart;
mod upstreams;
mod websocket;

use crate::support::{backend::Backend, dir::TempDir, server::Livers};

/// The argument that has a backend answer a path.
fn route(prefix: &str, backend: &Backend) -> String {
    format!("--proxy={prefix}=127.0.0.1:{}", backend.port())
}

/// A server of a folder with a page, `<p>file`, and these arguments.
async fn front<S: Into<String>>(args: impl IntoIterator<Item = S>) -> (Livers, TempDir) {
    let dir = TempDir::with_page("<!doctype html><title>file</title><p>file");
    let livers = Livers::on(dir.path()).args(args.into_iter().map(Into::into)).start().await;
    (livers, dir)
}

/// An answer with a length.
fn answer(status: &str, fields: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head = format!("HTTP/1.1 {status}\r\n{fields}Content-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}
