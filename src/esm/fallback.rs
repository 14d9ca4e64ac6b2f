//! Conventions of projects that are built from source, for requests that match no file.
//!
//! Files in `public/` are also served from `/`, and a navigation to a path that an application
//! routes by itself (`/settings`) gets the page of the root. Both apply only to a folder with a
//! `package.json`, and only where it has no file at the path.

use super::{outcome::Fallback, page::has_module, service::Esm};
use crate::http::url_path::UrlPath;

/// The folder whose files are also served from the root.
const PUBLIC: &str = "/public";

/// The page of an application.
const INDEX: &str = "/index.html";

impl Esm {
    /// Returns the files to try, in order, for a path without a file. `navigation` is set for
    /// a navigation for which no `404.html` was found.
    ///
    /// # Blocking
    /// Reads the metadata of one file.
    pub(crate) fn fallbacks(&self, url: &UrlPath, navigation: bool) -> Vec<Fallback> {
        if !self.root.join("package.json").is_file() {
            return Vec::new();
        }
        let path = url.to_string();
        let public = (!url.is_directory()).then(|| format!("{PUBLIC}{path}"));
        // A last segment with a dot names a file, not a route of an application.
        let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let index = (navigation && !last.contains('.')).then(|| INDEX.to_owned());
        let fallback = |path: Option<String>, application| {
            Some(Fallback { url: UrlPath::parse(&path?).ok()?, application })
        };
        fallback(public, false).into_iter().chain(fallback(index, true)).collect()
    }
}

/// Returns the URL path at which a file in `public/` is served as well.
pub(super) fn public_url(path: &str) -> Option<&str> {
    path.strip_prefix(PUBLIC).filter(|rest| rest.starts_with('/'))
}

impl Fallback {
    /// Returns whether a file with this content is served. `content` is `None` if the file is too
    /// large to be in memory.
    pub(crate) fn accepts(&self, content: Option<&[u8]>) -> bool {
        !self.application || content.is_some_and(has_module)
    }
}
