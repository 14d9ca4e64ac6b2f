//! A temporary folder: made empty or as a copy of an example, removed on drop.
//!
//! Changes are made the two ways editors make them: in place ([`TempDir::write`])
//! and by a rename over the old file ([`TempDir::replace`]). File modes and
//! links are left to the tests that are about them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder of its own for one test.
#[derive(Debug)]
pub struct TempDir(PathBuf);

impl TempDir {
    /// An empty folder.
    pub fn new() -> Self {
        Self(unique("livers-test"))
    }

    /// A folder with one file, `index.html`.
    pub fn with_page(html: &str) -> Self {
        let dir = Self::new();
        dir.write("index.html", html);
        dir
    }

    /// A copy of a folder of this repository, such as `examples/echo`, without
    /// what was built or installed there.
    pub fn copy_of(folder: impl AsRef<Path>) -> Self {
        let dir = Self::new();
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &dir.0);
        dir
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A path in the folder.
    pub fn at(&self, path: impl AsRef<Path>) -> PathBuf {
        self.0.join(path)
    }

    /// Writes a file in place, with the folders it needs.
    pub fn write(&self, path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) {
        let path = self.at(path);
        make_parents(&path);
        fs::write(&path, bytes).unwrap_or_else(|e| panic!("write {}: {e}", path.display()));
    }

    /// Writes a file under another name beside it, then renames it into place.
    pub fn replace(&self, path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) {
        let path = self.at(path);
        make_parents(&path);
        let name = path.file_name().expect("a file name").to_string_lossy();
        let temporary = path.with_file_name(format!(".{name}.{}.tmp", next()));
        fs::write(&temporary, bytes)
            .and_then(|()| fs::rename(&temporary, &path))
            .unwrap_or_else(|e| panic!("replace {}: {e}", path.display()));
    }

    /// Makes a folder, with the folders it needs.
    pub fn make_dir(&self, path: impl AsRef<Path>) {
        fs::create_dir_all(self.at(path)).expect("make a folder");
    }

    /// Renames a file or a folder.
    pub fn rename(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) {
        let to = self.at(to);
        make_parents(&to);
        fs::rename(self.at(from), to).expect("rename");
    }

    /// Removes a file, or a folder with all that is in it.
    pub fn remove(&self, path: impl AsRef<Path>) {
        let path = self.at(path);
        let removed =
            if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.unwrap_or_else(|e| panic!("remove {}: {e}", path.display()));
    }

    /// What a file holds.
    pub fn read(&self, path: impl AsRef<Path>) -> Vec<u8> {
        let path = self.at(path);
        fs::read(&path).unwrap_or_else(|e| panic!("read {}: {e}", path.display()))
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Makes a new folder among the temporary files and answers its real path.
pub(super) fn unique(prefix: &str) -> PathBuf {
    let temp = std::env::temp_dir().canonicalize().expect("the folder for temporary files");
    loop {
        let path = temp.join(format!("{prefix}-{}-{}", std::process::id(), next()));
        match fs::create_dir(&path) {
            Ok(()) => return path,
            // Left by a killed process that had this id.
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(e) => panic!("make {}: {e}", path.display()),
        }
    }
}

fn next() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

fn make_parents(path: &Path) {
    let parent = path.parent().expect("a path in the folder");
    fs::create_dir_all(parent).unwrap_or_else(|e| panic!("make {}: {e}", parent.display()));
}

fn copy(from: &Path, to: &Path) {
    let entries = fs::read_dir(from).unwrap_or_else(|e| panic!("read {}: {e}", from.display()));
    for entry in entries {
        let entry = entry.expect("an entry of a folder");
        let name = entry.file_name();
        if name == "node_modules" || name == "target" {
            continue;
        }
        if entry.file_type().expect("the type of a file").is_dir() {
            fs::create_dir(to.join(&name)).expect("make a folder");
            copy(&entry.path(), &to.join(&name));
        } else {
            fs::copy(entry.path(), to.join(&name)).expect("copy a file");
        }
    }
}
