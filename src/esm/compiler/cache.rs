//! Memory-bounded cache of compiled modules.
//!
//! There is one entry per file, URL and kind of request, so a save replaces the entry of the
//! previous version. An entry holds everything that its module was compiled from, and is valid as
//! long as all of that is unchanged: the text, the configuration, the targets of all specifiers and
//! the files that match the glob patterns. A file that is created where a specifier led nowhere is
//! noticed without a notification.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::Arc,
};

use quick_cache::{Weighter, sync};

use super::{
    glob::Glob, missing_exports::NamedImports, module_spec::ModuleSpec, output::CompiledModule,
    project::IsServed, script::MAX_VISITED, tsconfig::Options,
};
use crate::esm::resolve::Target;

/// The capacity of the cache, bytes.
const CAPACITY: u64 = 64 * 1024 * 1024;

/// The estimated size of an entry without the code and the lists, bytes.
const ENTRY_OVERHEAD: u64 = 1536;

/// The estimated size of an element of a list without its text, bytes.
const PART_OVERHEAD: usize = 64;

/// The expected number of entries. quick_cache makes one shard for up to 32, so that a single large
/// module may use the whole capacity.
const EXPECTED_ENTRIES: usize = 32;

#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) path: PathBuf,
    pub(super) url: String,
    pub(super) spec: ModuleSpec,
}

/// The inputs of a compilation, except resolved specifiers and glob matches.
#[derive(PartialEq, Eq)]
pub(super) struct Inputs {
    /// The hash of the text.
    pub(super) text: u128,
    /// The hash of the component that the text was made from, and of its source map.
    pub(super) original: Option<u128>,
    /// The files that the text was made from.
    pub(super) dependencies: Vec<PathBuf>,
    pub(super) options: Options,
    /// The hash of the value of `import.meta.env`; `None` if it has an error.
    pub(super) env: Option<u128>,
    /// Whether plain JavaScript modules register for hot updates.
    pub(super) registers: bool,
    /// The generation of the import maps of pages.
    pub(super) import_maps: u64,
}

/// A compiled module with everything that it was compiled from.
pub(super) struct Entry {
    pub(super) inputs: Inputs,
    /// The module; `None` if the file is served unchanged.
    pub(super) module: Option<Arc<CompiledModule>>,
    /// The specifiers and their targets.
    pub(super) targets: Vec<(String, Target)>,
    /// The glob patterns and the files that match them.
    pub(super) matches: Vec<(Glob, Vec<PathBuf>)>,
    /// The names to check, each time: the files that they come from may have changed.
    pub(super) named: Vec<NamedImports>,
}

impl Entry {
    /// Returns whether a compilation with these inputs would have the same result.
    ///
    /// # Blocking
    /// Resolves all specifiers and expands all glob patterns again.
    pub(super) fn is_valid(
        &self,
        inputs: &Inputs,
        resolve: impl Fn(&str) -> Target,
        is_served: &IsServed,
    ) -> bool {
        self.inputs == *inputs
            && self.targets.iter().all(|(specifier, target)| resolve(specifier) == *target)
            && self.has_same_matches(is_served)
    }

    fn has_same_matches(&self, is_served: &IsServed) -> bool {
        let mut budget = MAX_VISITED;
        self.matches.iter().all(|(glob, files)| glob.files(&mut budget, is_served) == *files)
    }

    /// Estimates the size of all that can be large, bytes.
    fn size(&self) -> usize {
        let module = self.module.as_ref().map_or(0, |module| {
            let packages = module.packages.iter().map(|(name, url)| name.len() + url.len());
            let imports = module.imports.iter().map(String::len);
            module.code.len()
                + packages.chain(imports).map(|size| size + PART_OVERHEAD).sum::<usize>()
        });
        let targets = self.targets.iter().map(|(name, _)| 2 * name.len());
        let matches = self.matches.iter().flat_map(|(_, files)| files);
        let matches = matches.map(|file| file.as_os_str().len());
        let named = self.named.iter().flat_map(|it| &it.names).map(|(name, ..)| name.len());
        module + targets.chain(matches).chain(named).map(|size| size + PART_OVERHEAD).sum::<usize>()
    }
}

#[derive(Clone)]
struct EntrySize;

impl Weighter<Key, Arc<Entry>> for EntrySize {
    fn weight(&self, _: &Key, entry: &Arc<Entry>) -> u64 {
        u64::try_from(entry.size()).unwrap_or(u64::MAX).saturating_add(ENTRY_OVERHEAD)
    }
}

/// The compiled modules that were used most recently, up to 64 MiB.
pub(super) struct ModuleCache(sync::Cache<Key, Arc<Entry>, EntrySize>);

impl ModuleCache {
    pub(super) fn new() -> Self {
        Self::with_capacity(CAPACITY)
    }

    fn with_capacity(bytes: u64) -> Self {
        Self(sync::Cache::with_weighter(EXPECTED_ENTRIES, bytes, EntrySize))
    }

    pub(super) fn get(&self, key: &Key) -> Option<Arc<Entry>> {
        self.0.get(key)
    }

    pub(super) fn insert(&self, key: Key, entry: Entry) {
        self.0.insert(key, Arc::new(entry));
    }

    /// Drops the entries of these files and of all files below these folders.
    pub(super) fn remove_below(&self, removed: &HashSet<PathBuf>) {
        let is_kept = |path: &Path| !path.ancestors().any(|path| removed.contains(path));
        self.0.retain(|key, _| is_kept(&key.path));
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use std::{path::Path, sync::Arc};

    use super::{Entry, Inputs, Key, ModuleCache};
    use crate::esm::{
        compiler::{
            fetch_metadata::FetchMetadata, glob::Glob, module_spec::ModuleSpec,
            output::CompiledModule, tsconfig::Options,
        },
        resolve::Target,
    };

    fn key(name: &str) -> Key {
        let path = Path::new(name);
        let spec = ModuleSpec::of_request(path, "", FetchMetadata::default()).unwrap();
        Key { path: path.to_owned(), url: format!("/{name}"), spec }
    }

    fn entry(size: usize) -> Entry {
        let module = CompiledModule { code: "a".repeat(size), ..CompiledModule::default() };
        let inputs = Inputs {
            original: None,
            dependencies: Vec::new(),
            text: 0,
            options: Options::default(),
            env: Some(0),
            registers: false,
            import_maps: 0,
        };
        let module = Some(Arc::new(module));
        Entry { inputs, module, targets: Vec::new(), matches: Vec::new(), named: Vec::new() }
    }

    #[test]
    fn one_module_may_use_most_of_the_capacity() {
        let cache = ModuleCache::with_capacity(100_000);
        cache.insert(key("a.ts"), entry(90_000));
        assert!(cache.get(&key("a.ts")).is_some());
    }

    #[test]
    fn size_stays_below_the_capacity() {
        let cache = ModuleCache::with_capacity(100_000);
        for number in 0..100 {
            cache.insert(key(&format!("{number}.ts")), entry(10_000));
        }
        assert!((1..=8).contains(&cache.len()), "{}", cache.len());
        cache.insert(key("large.ts"), entry(200_000));
        assert!(cache.get(&key("large.ts")).is_none());
    }

    #[test]
    fn specifiers_imports_and_matches_have_a_size() {
        let long = || "a".repeat(50_000);
        let module = CompiledModule {
            imports: vec![long()],
            packages: vec![(long(), long())],
            ..CompiledModule::default()
        };
        for entry in [
            Entry { module: Some(Arc::new(module)), ..entry(0) },
            Entry { targets: vec![(long(), Target::Missing(None)); 3], ..entry(0) },
            Entry { matches: vec![(Glob::default(), vec![long().into(); 3])], ..entry(0) },
        ] {
            let cache = ModuleCache::with_capacity(100_000);
            cache.insert(key("a.ts"), entry);
            assert!(cache.get(&key("a.ts")).is_none());
        }
    }
}
