//! What the code of pages names in a workspace.
//!
//! A workspace holds more than pages are made of: settings, data, the code of servers. So of a package
//! that was not installed, but lies there, only this is served: the files that the resolver came to,
//! from code that came to be looked at; what such code names beside itself, as in
//! `new URL('./data.json', import.meta.url)`; and what a page only shows, by its type, since style
//! sheets and addresses that are put together name these.
//!
//! An open page outlives the server, so what was named is handed to the next run.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{PoisonError, RwLock},
};

use serde::{Deserialize, Serialize};

use crate::http::media_type;

/// What a page shows, or runs in no way that could tell what is in there, by type.
const SHOWN: [&str; 7] =
    ["application/wasm", "audio/", "font/", "image/", "model/", "text/css", "video/"];

/// What was named so far.
#[derive(Default)]
pub(super) struct Named(RwLock<Known>);

#[derive(Default)]
struct Known {
    names: Names,
    /// Whether there is something that was not told yet.
    anew: bool,
}

/// Real paths.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Names {
    files: BTreeSet<PathBuf>,
    /// Folders, and what the names of files in there end with.
    groups: BTreeSet<(PathBuf, String)>,
}

impl Named {
    /// A file was named.
    pub(super) fn file(&self, path: &Path) {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if known.names.files.contains(path) {
            return;
        }
        drop(known);
        self.add(Names { files: [path.to_owned()].into(), groups: BTreeSet::new() }, true);
    }

    /// An address was named that is relative to a file; `*` stands for what is not known of it.
    pub(super) fn beside(&self, from: &Path, address: &str) {
        let path = address.split(['?', '#']).next().unwrap_or_default();
        let path = percent_encoding::percent_decode_str(path).decode_utf8_lossy();
        let Some(folder) = from.parent() else { return };
        let Some((beginning, _)) = path.split_once('*') else {
            if let Ok(real) = dunce::canonicalize(folder.join(&*path)) {
                self.file(&real);
            }
            return;
        };
        let below = beginning.rfind('/').map_or("", |slash| &beginning[..slash]);
        let end = path.rsplit('*').next().unwrap_or_default();
        // Without an end, it could be anything.
        if let Ok(folder) = dunce::canonicalize(folder.join(below))
            && end.contains('.')
        {
            let groups = [(folder, end.to_owned())].into();
            self.add(Names { files: BTreeSet::new(), groups }, true);
        }
    }

    fn add(&self, more: Names, anew: bool) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let before = known.names.files.len() + known.names.groups.len();
        known.names.files.extend(more.files);
        known.names.groups.extend(more.groups);
        known.anew |= anew && known.names.files.len() + known.names.groups.len() > before;
    }

    /// Whether a file may be served.
    pub(super) fn has(&self, path: &Path) -> bool {
        let media_type = media_type::of(path);
        if SHOWN.iter().any(|shown| media_type.starts_with(shown)) {
            return true;
        }
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let name = path.to_str().unwrap_or_default();
        let mut groups = known.names.groups.iter();
        known.names.files.contains(path)
            || groups.any(|(folder, end)| path.starts_with(folder) && name.ends_with(end))
    }

    /// All that was named, if there is more than was told before.
    pub(super) fn anew(&self) -> Option<String> {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut known.anew).then(|| serde_json::to_string(&known.names).ok())?
    }

    /// Takes over what an earlier run told.
    pub(super) fn learn(&self, told: &[u8]) {
        if let Ok(names) = serde_json::from_slice(told) {
            self.add(names, false);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Named;

    #[test]
    fn what_is_named_and_what_is_shown_is_served() {
        let folder = std::env::temp_dir().join(format!("livers-named-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("data/deep")).unwrap();
        let folder = dunce::canonicalize(folder).unwrap();
        std::fs::write(folder.join("data/a b.json"), "1").unwrap();
        let named = Named::default();
        named.file(Path::new("/repo/ui/index.ts"));
        let from = folder.join("index.js");
        for address in ["./data/a%20b.json?x#y", "./data/d*.txt", "./*", "./nothing.json"] {
            named.beside(&from, address);
        }
        let told = named.anew().unwrap();
        assert_eq!(named.anew(), None, "once");
        let later = Named::default();
        later.learn(told.as_bytes());
        assert_eq!(later.anew(), None, "it is known already");
        later.learn(b"nonsense");
        for (path, wanted) in [
            ("/repo/ui/index.ts", true),
            ("/repo/ui/other.ts", false),
            ("/repo/ui/settings.json", false),
            ("/repo/ui/settings", false),
            ("/repo/ui/page.html", false),
            ("/repo/ui/a.PNG", true),
            ("/repo/ui/a.css", true),
            ("/repo/ui/a.woff2", true),
            ("/repo/ui/a.wasm", true),
            ("data/a b.json", true),
            ("data/b.json", false),
            ("data/d1.txt", true),
            ("data/deep/d1.txt", true),
            ("d1.txt", false),
        ] {
            let path = folder.join(path);
            assert_eq!(named.has(&path), wanted, "{}", path.display());
            assert_eq!(later.has(&path), wanted, "{}", path.display());
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
