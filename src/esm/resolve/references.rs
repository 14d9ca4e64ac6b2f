//! Restricts workspace packages to the files that the code of the page refers to.
//!
//! A workspace contains more than web pages: configuration, data, server code. Of a package that is
//! part of the workspace rather than installed, three kinds of files are served: files that an
//! import resolved to; files that such code refers to by a relative URL, as in `new
//! URL('./data.json', import.meta.url)`; and media, fonts and style sheets, because style sheets
//! and computed URLs refer to these.
//!
//! An open page outlives the server, so the references are stored for the next run.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{PoisonError, RwLock},
};

use serde::{Deserialize, Serialize};

use crate::http::media_type;

/// Media types, or their beginnings, that are always served.
const ALWAYS: [&str; 7] =
    ["application/wasm", "audio/", "font/", "image/", "model/", "text/css", "video/"];

/// Number of paths that are kept.
const MAX_PATHS: usize = 100_000;

/// The files that code refers to.
#[derive(Default)]
pub(super) struct References(RwLock<Known>);

#[derive(Default)]
struct Known {
    paths: Paths,
    /// Whether some are not stored yet.
    is_dirty: bool,
}

/// Real paths. The field names are those of the stored form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Paths {
    files: BTreeSet<PathBuf>,
    /// Folders, and the suffixes of files below them.
    groups: BTreeSet<(PathBuf, String)>,
}

impl References {
    /// Adds a file, by its real path.
    pub(super) fn add_file(&self, path: &Path) {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if known.paths.files.contains(path) {
            return;
        }
        drop(known);
        self.add(Paths { files: [path.to_owned()].into(), groups: BTreeSet::new() }, true);
    }

    /// Adds the files that a URL relative to a file can refer to. `*` stands for its computed
    /// parts. A URL whose end is computed is ignored, because it could refer to anything.
    pub(super) fn add_relative(&self, from: &Path, url: &str) {
        let path = url.split(['?', '#']).next().unwrap_or_default();
        let path = percent_encoding::percent_decode_str(path).decode_utf8_lossy();
        let Some(folder) = from.parent() else { return };
        let Some((prefix, _)) = path.split_once('*') else {
            if let Ok(real) = dunce::canonicalize(folder.join(&*path)) {
                self.add_file(&real);
            }
            return;
        };
        let below = prefix.rfind('/').map_or("", |slash| &prefix[..slash]);
        let suffix = path.rsplit('*').next().unwrap_or_default();
        if let Ok(folder) = dunce::canonicalize(folder.join(below))
            && suffix.contains('.')
        {
            let groups = [(folder, suffix.to_owned())].into();
            self.add(Paths { files: BTreeSet::new(), groups }, true);
        }
    }

    fn add(&self, more: Paths, is_dirty: bool) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let before = known.paths.files.len() + known.paths.groups.len();
        if before >= MAX_PATHS {
            return;
        }
        known.paths.files.extend(more.files);
        known.paths.groups.extend(more.groups);
        known.is_dirty |= is_dirty && known.paths.files.len() + known.paths.groups.len() > before;
    }

    /// Returns whether a file may be served.
    pub(super) fn allows(&self, path: &Path) -> bool {
        let media_type = media_type::of(path);
        if ALWAYS.iter().any(|prefix| media_type.starts_with(prefix)) {
            return true;
        }
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let name = path.to_str().unwrap_or_default();
        let mut groups = known.paths.groups.iter();
        known.paths.files.contains(path)
            || groups.any(|(folder, suffix)| path.starts_with(folder) && name.ends_with(suffix))
    }

    /// Returns all references as JSON, if there are new ones since the last call.
    pub(super) fn take_new(&self) -> Option<String> {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut known.is_dirty).then(|| serde_json::to_string(&known.paths).ok())?
    }

    /// Adds references that an earlier run stored. Ignores text that is not valid.
    pub(super) fn restore(&self, stored: &[u8]) {
        if let Ok(paths) = serde_json::from_slice(stored) {
            self.add(paths, false);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::References;

    #[test]
    fn referenced_files_and_media_are_allowed() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = dunce::canonicalize(temporary.path()).unwrap();
        std::fs::create_dir_all(folder.join("data/deep")).unwrap();
        std::fs::write(folder.join("data/a b.json"), "1").unwrap();
        let references = References::default();
        references.add_file(Path::new("/repo/ui/index.ts"));
        let from = folder.join("index.js");
        for url in ["./data/a%20b.json?x#y", "./data/d*.txt", "./*", "./nothing.json"] {
            references.add_relative(&from, url);
        }
        let stored = references.take_new().unwrap();
        assert_eq!(references.take_new(), None, "nothing new since");
        let restored = References::default();
        restored.restore(stored.as_bytes());
        assert_eq!(restored.take_new(), None, "restored references are stored already");
        restored.restore(b"not JSON");
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
            assert_eq!(references.allows(&path), wanted, "{}", path.display());
            assert_eq!(restored.allows(&path), wanted, "{}", path.display());
        }
    }
}
