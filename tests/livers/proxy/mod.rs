//! The proxy, tested through the whole server.
//!
//! The decisions of each module are tested next to it in `src/proxy`. These tests need the binary:
//! the guard, livers' own paths and the files around the proxy, the client script, memory, signals,
//! the terminal output, or a browser.

mod autobahn;
mod broken_pages;
mod bulk;
mod caching;
mod error_page;
mod faults;
mod http;
mod pages;
mod restart;
mod upstreams;
mod websocket;
mod wire_format;

use crate::support::{backend::Backend, dir::TempDir, server::Livers};

/// Returns the argument that routes a prefix to a backend.
fn route(prefix: &str, backend: &Backend) -> String {
    format!("--proxy={prefix}=127.0.0.1:{}", backend.port())
}

/// Starts livers with these arguments on a folder with a page, `<p>file`.
async fn start<S: Into<String>>(args: impl IntoIterator<Item = S>) -> (Livers, TempDir) {
    let dir = TempDir::with_page("<!doctype html><title>file</title><p>file");
    let livers = Livers::on(dir.path()).args(args.into_iter().map(Into::into)).start().await;
    (livers, dir)
}

/// Formats a response with a `Content-Length`.
fn http_response(status: &str, fields: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head = format!("HTTP/1.1 {status}\r\n{fields}Content-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}
