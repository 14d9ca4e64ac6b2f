//! The dependency graph of package files: each is read and converted once, several at a time.
//!
//! A file of an installed package is read once; one of a workspace is read again when its size or
//! time changes. The graph is emptied when it exceeds [`MAX_FILES`] or [`MAX_BYTES`].

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use super::{
    definition::Format,
    node::{Link, Node},
    read::{CompileFile, read},
};
use crate::esm::convert::requests::RequestKind;
use crate::{
    esm::{
        compile_error::CompileError,
        lock::lock,
        resolve::{ImportKind, PackageFile, Resolved, Resolver, file_stamp, is_bare, manifest},
        stack,
    },
    http::own_paths::PACKAGES,
};

/// Number of files that are kept; more than any page uses.
const MAX_FILES: usize = 20_000;

/// Bytes of converted code that are kept for the packs that a browser requests next.
const MAX_BYTES: usize = 24 << 20;

/// Number of files, and bytes of their code, that one module may need.
const MAX_RESULT: (usize, usize) = (50_000, 512 << 20);

/// Size in bytes above which [`Graph::export_names_if_fast`] does not wait for a file.
const LARGE: u64 = 800 * 1024;

/// Number of files below which starting threads costs more than it saves.
const MIN_PARALLEL: usize = 8;

/// Number of threads that read files at the same time.
const MAX_THREADS: usize = 8;

type Slot = Arc<OnceLock<Arc<Node>>>;

/// The files that were read.
pub(super) struct Graph {
    resolver: Arc<Resolver>,
    pub(super) compile: Box<CompileFile>,
    slots: Mutex<HashMap<String, Slot>>,
    bytes: AtomicUsize,
    /// Whether the nearest `package.json` makes the `.js` files of a folder ES modules.
    module_folders: Mutex<HashMap<PathBuf, bool>>,
}

impl Graph {
    pub(super) fn new(resolver: Arc<Resolver>) -> Self {
        Self {
            resolver,
            compile: Box::new(|_, _| None),
            slots: Mutex::default(),
            bytes: AtomicUsize::new(0),
            module_folders: Mutex::default(),
        }
    }

    /// Returns the node of a file, and reads the file if it is not known or has changed.
    ///
    /// # Blocking
    /// Reads the file, or waits for another thread that does.
    pub(super) fn node(&self, file: &PackageFile) -> Arc<Node> {
        self.node_within(file, stack::SHALLOW)
    }

    /// Like [`node`](Self::node), on a stack that has so many bytes left.
    fn node_within(&self, file: &PackageFile, stack: usize) -> Arc<Node> {
        let key = file.key();
        let stamp = if file.package.installed { 0 } else { file_stamp(&file.path()) };
        let mut slots = lock(&self.slots);
        if slots.len() >= MAX_FILES || self.bytes.load(Ordering::Relaxed) > MAX_BYTES {
            slots.clear();
            lock(&self.module_folders).clear();
            self.bytes.store(0, Ordering::Relaxed);
        }
        let known = slots.get(&key).and_then(|slot| slot.get());
        if known.is_some_and(|node| node.stamp != stamp) {
            slots.remove(&key);
        }
        let slot = Arc::clone(slots.entry(key.clone()).or_default());
        drop(slots);
        let node = slot.get_or_init(|| {
            let node = self.read(file, key, stamp, stack);
            self.bytes.fetch_add(node.definition.code[1].len(), Ordering::Relaxed);
            Arc::new(node)
        });
        Arc::clone(node)
    }

    fn read(&self, file: &PackageFile, key: String, stamp: u64, stack: usize) -> Node {
        let path = file.path();
        let definition = read(file, &format!("{PACKAGES}{key}"), stack, &self.compile);
        let links = definition.requests.iter().map(|request| {
            let kind = match request.kind {
                RequestKind::Require => ImportKind::Require,
                RequestKind::Dynamic | RequestKind::Import => ImportKind::Import,
                RequestKind::Url => {
                    self.resolver.allow_reference(file, &request.specifier);
                    return Link::Url;
                }
            };
            self.link(&request.specifier, &path, file, kind)
        });
        let links = links.collect();
        let uses_node_interop = match path.extension().and_then(|extension| extension.to_str()) {
            Some("mjs" | "mts") => true,
            Some("cjs" | "cts") => false,
            _ => path
                .parent()
                .is_some_and(|folder| self.is_module_folder(folder, &file.package.path)),
        };
        Node { links, file: file.clone(), key, definition, uses_node_interop, stamp }
    }

    /// Returns whether the nearest `package.json`, up to the folder `top`, has `"type": "module"`.
    fn is_module_folder(&self, folder: &Path, top: &Path) -> bool {
        let mut below = Vec::new();
        let mut is_module = false;
        for above in folder.ancestors().take_while(|folder| folder.starts_with(top)) {
            if let Some(&known) = lock(&self.module_folders).get(above) {
                is_module = known;
                break;
            }
            below.push(above.to_owned());
            if let Some(manifest) = manifest::read(&above.join("package.json")) {
                is_module = manifest["type"] == "module";
                break;
            }
        }
        lock(&self.module_folders).extend(below.into_iter().map(|folder| (folder, is_module)));
        is_module
    }

    fn link(&self, specifier: &str, path: &Path, from: &PackageFile, kind: ImportKind) -> Link {
        let name = specifier.split('?').next().unwrap_or_default();
        let importer = &from.package.name;
        match self.resolver.resolve_as(name, path, kind) {
            Resolved::Package(file) => {
                let separate = file.package != from.package || is_bare(name);
                Link::File { file, separate }
            }
            Resolved::Builtin(name) => Link::Key(format!("node:{name}")),
            Resolved::Ignored => Link::Key("node:".to_owned()),
            Resolved::Url(_) => Link::Url,
            Resolved::File(_) => Link::Key(format!(
                "!Cannot import '{specifier}' from {importer}: the file is not in a package"
            )),
            Resolved::Missing(help) => {
                let help = help.map(|help| format!(" ({help})")).unwrap_or_default();
                Link::Key(format!(
                    "!Cannot find module '{specifier}', imported by {importer}{help}"
                ))
            }
        }
    }

    /// Returns all files that run when a file runs, the file itself first.
    ///
    /// # Blocking
    /// Reads the files that are not known, in parallel.
    ///
    /// # Errors
    /// There are more than [`MAX_RESULT`] allows.
    pub(super) fn closure(&self, entry: &PackageFile) -> Result<Vec<Arc<Node>>, CompileError> {
        let mut all = Vec::new();
        let mut seen = HashSet::from([entry.key()]);
        let mut next = vec![entry.clone()];
        let mut bytes = 0;
        while !next.is_empty() {
            let nodes = self.read_all(&next);
            next.clear();
            bytes += nodes.iter().map(|node| node.definition.code[1].len()).sum::<usize>();
            check(entry, seen.len(), bytes)?;
            for node in &nodes {
                for (file, _) in node.static_dependencies() {
                    if seen.insert(file.key()) {
                        next.push(file.clone());
                    }
                }
            }
            all.extend(nodes);
        }
        Ok(all)
    }

    fn read_all(&self, files: &[PackageFile]) -> Vec<Arc<Node>> {
        let threads = thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS);
        if files.len() >= MIN_PARALLEL && threads > 1 {
            let next = AtomicUsize::new(0);
            let work = || {
                while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    self.node_within(file, stack::LARGE);
                }
            };
            thread::scope(|scope| {
                for _ in 0..threads {
                    // Without a thread, the files are read below.
                    let _ =
                        thread::Builder::new().stack_size(stack::LARGE).spawn_scoped(scope, work);
                }
            });
        }
        files.iter().map(|file| self.node(file)).collect()
    }

    /// Returns the files of a pack: its entries, and the files of the same package that they need.
    ///
    /// # Blocking
    /// Reads the files that are not known.
    ///
    /// # Errors
    /// There are more than [`MAX_RESULT`] allows.
    pub(super) fn pack(
        &self,
        first: &PackageFile,
        others: &[PackageFile],
    ) -> Result<Vec<Arc<Node>>, CompileError> {
        let entries = std::iter::once(first).chain(others);
        let mut files: Vec<_> = entries.map(|entry| self.node(entry)).collect();
        let mut seen: HashSet<String> = files.iter().map(|node| node.key.clone()).collect();
        let (mut at, mut bytes) = (0, 0);
        while let Some(node) = files.get(at).cloned() {
            at += 1;
            bytes += node.definition.code[1].len();
            check(first, seen.len(), bytes)?;
            for (file, separate) in node.static_dependencies() {
                if !separate && seen.insert(file.key()) {
                    files.push(self.node(file));
                }
            }
        }
        Ok(files)
    }

    /// Returns the node of a file and its [export names](Self::export_names), or `None` if that
    /// needs a file above [`LARGE`] that was not read yet.
    ///
    /// # Blocking
    /// Reads the other files.
    pub(super) fn export_names_if_fast(
        &self,
        file: &PackageFile,
    ) -> Option<(Arc<Node>, Vec<String>, bool)> {
        let mut seen = HashSet::new();
        let mut next = vec![file.clone()];
        while let Some(file) = next.pop() {
            if !seen.insert(file.key()) {
                continue;
            }
            let is_read =
                lock(&self.slots).get(&file.key()).is_some_and(|slot| slot.get().is_some());
            let is_large = || std::fs::metadata(file.path()).is_ok_and(|it| it.len() > LARGE);
            if !is_read && is_large() {
                return None;
            }
            next.extend(self.node(&file).star_exports().into_iter().cloned());
        }
        let node = self.node(file);
        let (names, open) = self.export_names(&node);
        Some((node, names, open))
    }

    /// Returns the names that a file exports, sorted, and whether it may export more at run time.
    ///
    /// # Blocking
    /// Reads the files whose names it exports too.
    pub(super) fn export_names(&self, node: &Arc<Node>) -> (Vec<String>, bool) {
        let mut seen = HashSet::from([node.key.clone()]);
        let mut next = vec![Arc::clone(node)];
        let mut names = Vec::new();
        let mut open = false;
        while let Some(node) = next.pop() {
            names.extend(node.definition.names.own.iter().cloned());
            let stars = node.star_exports();
            open |= matches!(node.definition.format, Format::CommonJs { .. })
                || node.definition.error.is_some()
                || stars.len() < node.definition.names.stars.len();
            for file in stars {
                if seen.insert(file.key()) {
                    next.push(self.node(file));
                }
            }
        }
        names.sort();
        names.dedup();
        (names, open)
    }
}

/// Checks how much a file needs.
fn check(entry: &PackageFile, files: usize, bytes: usize) -> Result<(), CompileError> {
    let (max_files, max_bytes) = MAX_RESULT;
    if files <= max_files && bytes <= max_bytes {
        return Ok(());
    }
    let message =
        format!("cannot import more than {max_files} files, or {} MiB, at once", max_bytes >> 20);
    Err(CompileError::of_file(&entry.path(), message))
}
