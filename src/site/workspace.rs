//! Tells Chrome's developer tools where the served folder is, so that they can save edits to it
//! ("automatic workspace folders", since Chromium 135).

use std::{path::Path, sync::Arc};

use hyper::{Method, StatusCode, header::HeaderMap};
use serde_json::json;
use xxhash_rust::xxh3::xxh3_128;

use super::{Site, response::guard};
use crate::{
    docroot::Located,
    http::{body::Response, guard::same_origin, representation::Representation, url_path::UrlPath},
};

/// The URL path that the developer tools request.
pub(super) const PATH: &str = "/.well-known/appspecific/com.chrome.devtools.json";

impl Site {
    /// Answers a request of the developer tools on this machine. Returns `None` if the project has
    /// a file of its own there, or if a page of another origin asks.
    pub(super) async fn workspace(
        &self,
        method: &Method,
        headers: &HeaderMap,
        host: &str,
    ) -> Option<Response> {
        if ![Method::GET, Method::HEAD].contains(method) || !same_origin(headers, host) {
            return None;
        }
        let folder = self.root.path().to_str()?;
        let workspace = json!({ "root": folder, "uuid": uuid(self.root.path()) });
        let (root, url) = (Arc::clone(&self.root), UrlPath::parse(PATH).ok()?);
        let located = tokio::task::spawn_blocking(move || root.locate(&url)).await;
        if !matches!(located, Ok(Located::Missing(_))) {
            return None;
        }
        let text = json!({ "workspace": workspace }).to_string() + "\n";
        let made = Representation::from_bytes(StatusCode::OK, "application/json", text);
        let mut response = made.into_response(method, headers);
        guard(&mut response);
        Some(response)
    }
}

/// Returns the UUID of a folder, which is always the same (RFC 9562, section 5.8).
fn uuid(folder: &Path) -> String {
    let hash = xxh3_128(folder.as_os_str().as_encoded_bytes());
    let (version, variant) = (8 << 76, 0b10 << 62);
    let bits = hash & !(0xf << 76) & !(0b11 << 62) | version | variant;
    let hex = format!("{bits:032x}");
    let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    parts.join("-")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::uuid;

    #[test]
    fn each_folder_has_its_own_uuid() {
        let one = uuid(Path::new("/one"));
        assert_eq!(one, uuid(Path::new("/one")));
        assert_ne!(one, uuid(Path::new("/two")));
        let lengths: Vec<_> = one.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        assert_eq!(&one[14..15], "8");
        assert!(matches!(&one[19..20], "8" | "9" | "a" | "b"), "{one}");
    }
}
