//! Serves the files of one folder, and nothing outside of it.

use std::{
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
};

use http_body_util::Full;
use hyper::{
    Method, Response, StatusCode,
    body::Bytes,
    header::{CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS},
};
use percent_encoding::percent_decode_str;

/// The folder that `npm run build` writes to.
pub(crate) const BUILT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/chat/web/dist");

const HINT: &str = "This is the chat backend. It speaks WebSocket at /ws; its page is served by\n\
                    livers examples/chat/web --proxy /ws=localhost:3000\n\
                    or by this server, after npm run build in examples/chat/web\n";

/// Answers a request for a file in a folder. `/` without an `index.html` gets a hint in plain text.
pub(crate) async fn answer(folder: &Path, method: &Method, path: &str) -> Response<Full<Bytes>> {
    if ![Method::GET, Method::HEAD].contains(method) {
        return reply(StatusCode::METHOD_NOT_ALLOWED, "text/plain", "Use GET or HEAD.\n".into());
    }
    let Some(file) = disk_path(folder, path) else {
        return reply(StatusCode::NOT_FOUND, "text/plain", "Not found.\n".into());
    };
    match read(folder, file).await {
        Ok((media_type, bytes)) => reply(StatusCode::OK, media_type, bytes.into()),
        Err(_) if path == "/" => reply(StatusCode::OK, "text/plain", HINT.into()),
        Err(_) => reply(StatusCode::NOT_FOUND, "text/plain", "Not found.\n".into()),
    }
}

/// Returns the path on the disk of a URL path, or `None` if a segment is hidden or not a plain
/// name.
fn disk_path(folder: &Path, path: &str) -> Option<PathBuf> {
    let path = percent_decode_str(path.strip_prefix('/')?).decode_utf8().ok()?;
    let mut file = folder.to_owned();
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        if segment.starts_with('.') || segment.contains(['\\', ':', '\0']) {
            return None;
        }
        file.push(segment);
    }
    if path.is_empty() || path.ends_with('/') {
        file.push("index.html");
    }
    Some(file)
}

/// Reads a file, and returns its media type and bytes.
async fn read(folder: &Path, file: PathBuf) -> io::Result<(&'static str, Vec<u8>)> {
    // A symbolic link can lead out of the folder.
    let file = tokio::fs::canonicalize(file).await?;
    if !file.starts_with(tokio::fs::canonicalize(folder).await?) {
        return Err(io::ErrorKind::NotFound.into());
    }
    let media_type = match file.extension().and_then(OsStr::to_str) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("json" | "map") => "application/json",
        _ => "application/octet-stream",
    };
    Ok((media_type, tokio::fs::read(file).await?))
}

fn reply(status: StatusCode, media_type: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
