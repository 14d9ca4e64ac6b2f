//! Which pages get packs, and what was found out for packs, so that a reload costs little.
//!
//! A pack is current as long as no version was published since it was made and none of its files
//! has changed: one `stat` for each. Then a browser that has the pack gets a 304, and nothing is
//! loaded. Only entity tags are kept, no packs. In the same way, a module that was loaded at the
//! current version need not be loaded again for another pack. The requests of a page for the
//! modules of a pack and for the package files that they import come at the same time, and share
//! one walk.

use std::{
    collections::{HashMap, VecDeque},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::SystemTime,
};

use tokio::sync::OnceCell;

use super::{contents::PackContents, walk::Loaded};
use crate::{
    docroot::{ContentHash, Dependencies, FileStamp},
    esm::{Definition, Packs},
    http::conditional::EntityTag,
};

/// The number of packs whose tags are kept.
const PACKS: usize = 64;

/// The number of modules that are known. Then all are forgotten.
const MODULES: usize = 100_000;

/// The number of pages whose entries are known.
const PAGES: usize = 64;

/// The setting, and what is remembered.
pub(crate) struct PackState {
    mode: Packs,
    tags: Mutex<VecDeque<(Key, Arc<Tagged>)>>,
    pages: Mutex<VecDeque<(PageKey, u64, Entries)>>,
    walks: Mutex<HashMap<Key, Weak<Walk>>>,
    modules: Mutex<HashMap<String, KnownModule>>,
    /// Shared with what describes the errors of pages.
    pub(super) contents: Arc<PackContents>,
}

/// The path of a page, and its content.
pub(super) type PageKey = (String, ContentHash);

/// The URL paths of the module scripts of a page; `None` if the page gets no packs.
pub(super) type Entries = Option<Arc<Vec<String>>>;

/// The query of a pack, and the host that it was requested from.
pub(super) type Key = (String, String);

/// A walk through a graph, under way or done.
type Walk = OnceCell<Arc<Vec<Loaded>>>;

/// A module that was loaded.
struct KnownModule {
    version: u64,
    definition: Weak<Definition>,
    path: PathBuf,
    stamp: FileStamp,
}

/// The entity tag of a pack, and what it is valid with.
struct Tagged {
    version: u64,
    files: Dependencies,
    tag: EntityTag,
}

impl PackState {
    /// Returns the state of a server that has sent nothing.
    pub(crate) fn new(mode: Packs, contents: Arc<PackContents>) -> Self {
        let (tags, pages) = (Mutex::default(), Mutex::default());
        Self { mode, tags, pages, walks: Mutex::default(), modules: Mutex::default(), contents }
    }

    /// Returns which pages get packs.
    pub(super) fn mode(&self) -> Packs {
        self.mode
    }

    /// Returns the tag of a pack that is current at a version.
    pub(super) async fn tag(&self, key: &Key, version: u64) -> Option<EntityTag> {
        let known = lock(&self.tags).iter().find(|(known, _)| known == key)?.1.clone();
        if known.version != version {
            return None;
        }
        let is_current = move || known.files.are_unchanged().then(|| known.tag.clone());
        tokio::task::spawn_blocking(is_current).await.ok()?
    }

    /// Keeps the tag of a pack that was made at a version.
    pub(super) fn keep(&self, key: Key, version: u64, files: Dependencies, tag: EntityTag) {
        let mut tags = lock(&self.tags);
        tags.retain(|(known, _)| *known != key);
        tags.truncate(PACKS - 1);
        tags.push_front((key, Arc::new(Tagged { version, files, tag })));
    }

    /// Returns the entries of a page, if they were found at this version.
    pub(super) fn entries(&self, page: &PageKey, version: u64) -> Option<Entries> {
        let pages = lock(&self.pages);
        let (.., entries) = pages.iter().find(|(known, at, _)| known == page && *at == version)?;
        Some(entries.clone())
    }

    /// Keeps the entries of a page.
    pub(super) fn keep_entries(&self, page: PageKey, version: u64, entries: Entries) {
        let mut pages = lock(&self.pages);
        pages.retain(|((path, _), ..)| *path != page.0);
        pages.truncate(PAGES - 1);
        pages.push_front((page, version, entries));
    }

    /// Returns a module that was loaded at a version, and whose file has not changed.
    pub(super) fn module(&self, url: &str, version: u64) -> Option<Loaded> {
        let (definition, path, stamp) = {
            let modules = lock(&self.modules);
            let known = modules.get(url).filter(|known| known.version == version)?;
            (known.definition.upgrade()?, known.path.clone(), known.stamp)
        };
        stamp.is_current(&path).then(|| Loaded {
            url: url.to_owned(),
            definition: Some(definition),
            file: Some((path, stamp)),
        })
    }

    /// Keeps a module that was loaded at a version. `began` is when loading it began.
    pub(super) fn keep_module(&self, module: &Loaded, version: u64, began: SystemTime) {
        let (Some(definition), Some((path, stamp))) = (&module.definition, &module.file) else {
            return;
        };
        if !stamp.is_older(began) {
            return;
        }
        let mut modules = lock(&self.modules);
        if modules.len() >= MODULES {
            modules.clear();
        }
        let (definition, path, stamp) = (Arc::downgrade(definition), path.clone(), *stamp);
        modules.insert(module.url.clone(), KnownModule { version, definition, path, stamp });
    }

    /// Returns the result of a walk: of one that is under way for the same key, or of a new one.
    pub(super) async fn walk(
        &self,
        key: Key,
        begin: impl Future<Output = Vec<Loaded>>,
    ) -> Arc<Vec<Loaded>> {
        let walk = {
            let mut walks = lock(&self.walks);
            walks.retain(|_, walk| walk.strong_count() > 0);
            let known = walks.get(&key).and_then(Weak::upgrade);
            known.unwrap_or_else(|| {
                let walk = Arc::default();
                walks.insert(key, Arc::downgrade(&walk));
                walk
            })
        };
        Arc::clone(walk.get_or_init(async || Arc::new(begin.await)).await)
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
