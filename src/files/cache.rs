//! A cache of what was served, so that a request for an unchanged file is answered from memory.
//!
//! An entry is valid while the file, the folders above it, the rules files and the precompressed
//! copies have the stamps that they had when the file was read ([`Dependencies`]). They are
//! compared for each request, which costs one `stat` for each and no other system call. So a change
//! is seen by the next request, whether or not the file watcher has noticed it.
//!
//! Not cached: files that changed within milliseconds of being read, or that have a writer; files
//! behind symbolic links; files found by a rule of `_redirects` or by `--spa`; missing files; files
//! that are streamed; and, by the caller, files while a folder is polled, because network mounts
//! can report old metadata.

use std::{
    hash::{Hash, Hasher},
    sync::Arc,
};

use quick_cache::{Equivalent, Weighter, sync::Cache};

use crate::{docroot::Dependencies, http::encoding::Accepted};

/// How many bytes the cached files may have together.
const CAPACITY: u64 = 64 * 1024 * 1024;

/// How many files are expected.
const FILES: usize = 1000;

/// What an entry weighs besides its content, bytes.
const OVERHEAD: u64 = 2 * 1024;

/// What selects the response to a request besides the path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Variant {
    /// Whether the response is displayed as a page in a tab or frame.
    pub(crate) page: bool,
    /// Whether the request is a navigation, or asks for HTML.
    pub(crate) navigation: bool,
    /// The content codings that the client accepts.
    pub(crate) accepted: Accepted,
}

impl Hash for Variant {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u8(
            self.accepted.code() << 2 | u8::from(self.page) << 1 | u8::from(self.navigation),
        );
    }
}

/// A value that can be cached.
pub(crate) trait Weight {
    /// Returns the size of the content, bytes.
    fn weight(&self) -> u64;
}

/// The cache, of values of type `T`.
pub(crate) struct FileCache<T>(Cache<Key, Arc<Entry<T>>, ByWeight>);

#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    /// The path of the request's target, percent-encoded as it came.
    path: Box<str>,
    variant: Variant,
}

/// A key that is looked up. Its hash is that of the [`Key`].
#[derive(Hash)]
struct Query<'r> {
    path: &'r str,
    variant: Variant,
}

struct Entry<T> {
    value: Arc<T>,
    dependencies: Dependencies,
}

#[derive(Clone)]
struct ByWeight;

impl<T: Weight> FileCache<T> {
    pub(crate) fn new() -> Self {
        Self(Cache::with_weighter(FILES, CAPACITY, ByWeight))
    }

    /// Returns the value for a request, if nothing has changed since it was made.
    pub(crate) fn get(&self, path: &str, variant: Variant) -> Option<Arc<T>> {
        let entry = self.0.get(&Query { path, variant })?;
        entry.dependencies.are_unchanged().then(|| Arc::clone(&entry.value))
    }

    /// Adds a value, which replaces one for the same request.
    pub(crate) fn insert(
        &self,
        path: &str,
        variant: Variant,
        value: Arc<T>,
        dependencies: Dependencies,
    ) {
        let entry = Arc::new(Entry { value, dependencies });
        self.0.insert(Key { path: path.into(), variant }, entry);
    }
}

impl<T: Weight> Weighter<Key, Arc<Entry<T>>> for ByWeight {
    fn weight(&self, key: &Key, entry: &Arc<Entry<T>>) -> u64 {
        entry.value.weight() + key.path.len() as u64 + OVERHEAD
    }
}

impl Equivalent<Key> for Query<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        *self.path == *key.path && self.variant == key.variant
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::{
        fs,
        path::Path,
        sync::Arc,
        time::{Duration, SystemTime},
    };

    use super::{FileCache, Variant, Weight};
    use crate::{
        docroot::{Allow, Dependencies, Located, Root},
        http::url_path::UrlPath,
    };

    impl Weight for u64 {
        fn weight(&self) -> u64 {
            *self
        }
    }

    /// Returns the dependencies of `/file`, as if it were read long after it changed.
    fn dependencies(folder: &Path) -> Dependencies {
        let root = Root::new(folder, Allow::default(), &[]).unwrap();
        let (file, url) = (folder.join("file"), UrlPath::parse("/file").unwrap());
        let Located::File(located) = root.locate(&url) else { panic!("no file") };
        let stamp = located.read().unwrap().stamp.unwrap();
        let later = SystemTime::now() + Duration::from_mins(1);
        root.dependencies(&url, (&file, stamp), [], later).expect("a plain file")
    }

    #[test]
    fn value_is_returned_for_the_same_request_until_a_change() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap();
        fs::write(path.join("file"), "text").unwrap();
        let (cache, variant) = (FileCache::new(), Variant::default());
        let page = Variant { page: true, ..variant };
        cache.insert("/file", variant, Arc::new(7_u64), dependencies(&path));
        assert_eq!(cache.get("/file", variant).as_deref(), Some(&7));
        assert_eq!(cache.get("/file", page), None);
        assert_eq!(cache.get("/other", variant), None);
        fs::write(path.join("other"), "").unwrap();
        assert_eq!(cache.get("/file", variant), None, "a name was created");
        cache.insert("/file", variant, Arc::new(8), dependencies(&path));
        assert_eq!(cache.get("/file", variant).as_deref(), Some(&8));
        fs::write(path.join("file"), "other").unwrap();
        assert_eq!(cache.get("/file", variant), None, "the file has changed");
    }

    #[test]
    fn weight_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap();
        fs::write(path.join("file"), "text").unwrap();
        let cache = FileCache::new();
        let mebibyte = 1024 * 1024;
        for number in 0..200 {
            let path_of = format!("/{number}");
            cache.insert(&path_of, Variant::default(), Arc::new(mebibyte), dependencies(&path));
        }
        let kept = (0..200)
            .filter(|number| cache.get(&format!("/{number}"), Variant::default()).is_some())
            .count();
        assert!((1..=64).contains(&kept), "{kept} MiB");
    }
}
