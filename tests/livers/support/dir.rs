//! A temporary folder to serve and change, removed when it is dropped.
//!
//! Files are changed the two ways editors change them: in place ([`TempDir::write`]) or by renaming
//! a new file over the old one ([`TempDir::replace`]).

use std::fs;
use std::path::{Path, PathBuf};

/// A temporary folder that belongs to one test.
#[derive(Debug)]
pub struct TempDir {
    /// Removes the folder when it is dropped.
    _guard: tempfile::TempDir,
    /// The real path, without symbolic links.
    path: PathBuf,
}

impl TempDir {
    /// Creates an empty folder.
    pub fn new() -> Self {
        let guard = tempfile::Builder::new().prefix("livers-test-").tempdir();
        let guard = guard.expect("create a temporary folder");
        let path = guard.path().canonicalize().expect("the real path of a temporary folder");
        Self { _guard: guard, path }
    }

    /// Creates a folder with one file, `index.html`.
    pub fn with_page(html: &str) -> Self {
        let dir = Self::new();
        dir.write("index.html", html);
        dir
    }

    /// Copies a folder of this repository, such as `examples/echo`, without build output and
    /// installed packages.
    pub fn copy_of(folder: impl AsRef<Path>) -> Self {
        let dir = Self::new();
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &dir.path);
        dir
    }

    /// Returns the real path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the absolute path of a file in the folder.
    pub fn at(&self, path: impl AsRef<Path>) -> PathBuf {
        self.path.join(path)
    }

    /// Writes a file in place and creates missing parent folders.
    pub fn write(&self, path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) {
        let path = self.at(path);
        create_parents(&path);
        fs::write(&path, bytes).unwrap_or_else(|e| panic!("write {}: {e}", path.display()));
    }

    /// Writes a new file in the same folder and renames it over `path`.
    pub fn replace(&self, path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) {
        let path = self.at(path);
        create_parents(&path);
        let name = path.file_name().expect("a file name").to_string_lossy();
        let new = path.with_file_name(format!(".{name}.tmp"));
        fs::write(&new, bytes)
            .and_then(|()| fs::rename(&new, &path))
            .unwrap_or_else(|e| panic!("replace {}: {e}", path.display()));
    }

    /// Creates a folder and its missing parents.
    pub fn make_dir(&self, path: impl AsRef<Path>) {
        fs::create_dir_all(self.at(path)).expect("create a folder");
    }

    /// Renames a file or a folder and creates missing parents of the target.
    pub fn rename(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) {
        let to = self.at(to);
        create_parents(&to);
        fs::rename(self.at(from), to).expect("rename");
    }

    /// Removes a file, or a folder with everything in it.
    pub fn remove(&self, path: impl AsRef<Path>) {
        let path = self.at(path);
        let removed =
            if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.unwrap_or_else(|e| panic!("remove {}: {e}", path.display()));
    }

    /// Waits for a file that a program writes and that ends with a line feed, and reads it.
    pub async fn wait_for(&self, path: impl AsRef<Path>) -> String {
        let wait = async {
            loop {
                let text = std::fs::read_to_string(self.at(&path)).unwrap_or_default();
                if text.ends_with('\n') {
                    break text;
                }
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        super::within("a file", wait).await
    }

    /// Reads a file.
    pub fn read(&self, path: impl AsRef<Path>) -> Vec<u8> {
        let path = self.at(path);
        fs::read(&path).unwrap_or_else(|e| panic!("read {}: {e}", path.display()))
    }
}

fn create_parents(path: &Path) {
    let parent = path.parent().expect("a path in the folder");
    fs::create_dir_all(parent).unwrap_or_else(|e| panic!("create {}: {e}", parent.display()));
}

fn copy(from: &Path, to: &Path) {
    let entries = fs::read_dir(from).unwrap_or_else(|e| panic!("read {}: {e}", from.display()));
    for entry in entries {
        let entry = entry.expect("an entry of a folder");
        let name = entry.file_name();
        if name == "node_modules" || name == "target" {
            continue;
        }
        if entry.file_type().expect("the type of an entry").is_dir() {
            fs::create_dir(to.join(&name)).expect("create a folder");
            copy(&entry.path(), &to.join(&name));
        } else {
            fs::copy(entry.path(), to.join(&name)).expect("copy a file");
        }
    }
}
