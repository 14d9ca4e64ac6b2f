//! The answers of compilers, in memory and on the disk.
//!
//! An answer belongs to a compiler with its version, a function of its driver and the input, and is
//! valid while all files that the driver read have the stamps that they had.

use std::{path::Path, sync::Arc};

use quick_cache::{Weighter, sync::Cache};
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_128;

use super::{Answer, driver::Tool, installed::Installed};
use crate::esm::{
    disk_cache::{DiskCache, Sources},
    disk_view::DiskView,
};

/// The size of the answers in memory, bytes.
const MAX_BYTES: u64 = 64 << 20;

/// The number of answers that the table in memory is made for.
const EXPECTED: usize = 500;

/// What determines an answer, apart from the files that the driver reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key(u128);

impl Key {
    pub(super) fn of(tool: Tool, installed: &Installed, function: &str, input: &Value) -> Self {
        let Installed { base, package, version, stamp } = installed;
        let source = xxh3_128(tool.driver().source.as_bytes());
        let name = format!("{source:x} {package} {version} {stamp:x} {function} {input}");
        let folder = base.as_os_str().as_encoded_bytes();
        Self(xxh3_128(&[name.as_bytes(), b"\0", folder].concat()))
    }

    fn on_disk(self) -> String {
        format!("answer {:x}", self.0)
    }
}

/// The size of an answer.
#[derive(Clone)]
struct Size;

impl Weighter<Key, Arc<Kept>> for Size {
    fn weight(&self, _: &Key, kept: &Arc<Kept>) -> u64 {
        kept.size
    }
}

/// An answer, and its size as JSON, bytes.
struct Kept {
    answer: Arc<Answer>,
    size: u64,
}

/// The answers that are kept.
pub(super) struct Answers {
    memory: Cache<Key, Arc<Kept>, Size>,
    disk: DiskCache,
}

impl Answers {
    /// Creates the table for the project in a folder.
    pub(super) fn new(root: &Path) -> Self {
        Self { memory: Cache::with_weighter(EXPECTED, MAX_BYTES, Size), disk: DiskCache::new(root) }
    }

    /// Returns an answer that is still valid.
    ///
    /// # Blocking
    /// Compares the files that it was made from with the disk.
    pub(super) fn get(&self, key: Key, disk: &DiskView) -> Option<Arc<Answer>> {
        if let Some(kept) = self.memory.get(&key) {
            let unchanged =
                kept.answer.dependencies.iter().all(|(path, stamp)| disk.stamp(path) == *stamp);
            return unchanged.then(|| Arc::clone(&kept.answer));
        }
        let (text, sources) = self.disk.get(&key.on_disk())?;
        let output: Value = serde_json::from_slice(&text).ok()?;
        let answer = Arc::new(Answer { output, dependencies: sources.files });
        self.remember(key, &answer, text.len());
        Some(answer)
    }

    /// Keeps an answer.
    ///
    /// # Blocking
    /// Writes it to the disk.
    pub(super) fn put(&self, key: Key, answer: &Arc<Answer>) {
        let text = answer.output.to_string();
        self.remember(key, answer, text.len());
        let sources = Sources { files: answer.dependencies.clone(), ..Sources::default() };
        self.disk.put(&key.on_disk(), &text, sources);
    }

    fn remember(&self, key: Key, answer: &Arc<Answer>, size: usize) {
        let kept = Kept { answer: Arc::clone(answer), size: size as u64 + 1 };
        self.memory.insert(key, Arc::new(kept));
    }
}
