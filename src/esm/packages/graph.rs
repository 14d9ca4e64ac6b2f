//! The files of packages and what they ask for, read once each, several at a time.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use super::{
    requests::How,
    scan::{Kind, Scan, scan},
};
use crate::esm::resolve::{Asker, Found, PACKAGES, Place, Resolver, file_stamp, is_bare, key};

/// More files than any page uses; then all is forgotten.
const MOST_FILES: usize = 20_000;

/// More text than is kept for packs that are asked for soon.
const MOST_BYTES: usize = 24 << 20;

/// Larger files are not waited for where they can be read later, bytes.
const LARGE: u64 = 800 * 1024;

/// Below this, threads cost more than they save.
const WORTH_THREADS: usize = 8;

/// What a request leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// A file of a package. In a pack of its own, if it was asked for by a package's name.
    File { place: Place, apart: bool },
    /// Nothing that is in a file: what the registry answers by itself.
    Key(String),
    /// A URL, for the browser.
    Url,
}

/// One file.
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) key: String,
    pub(super) scan: Scan,
    /// What its requests lead to.
    pub(super) links: Vec<Link>,
    /// Whether it imports CommonJS as Node does: by the file's or the package's type.
    pub(super) strict_default: bool,
    stamp: u64,
}

type Slot = Arc<OnceLock<Arc<Node>>>;

/// The files that were read.
pub(super) struct Graph {
    resolver: Arc<Resolver>,
    slots: Mutex<HashMap<String, Slot>>,
    bytes: AtomicUsize,
    /// Whether the files of a folder are ES modules by the nearest `package.json`.
    modules: Mutex<HashMap<PathBuf, bool>>,
}

impl Graph {
    pub(super) fn new(resolver: Arc<Resolver>) -> Self {
        Self {
            resolver,
            slots: Mutex::default(),
            bytes: AtomicUsize::new(0),
            modules: Mutex::default(),
        }
    }

    /// A file, read now if it was not before, or changed.
    pub(super) fn node(&self, place: &Place) -> Arc<Node> {
        let key = key(place);
        let stamp = if place.folder.installed { 0 } else { file_stamp(&place.path()) };
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= MOST_FILES || self.bytes.load(Ordering::Relaxed) > MOST_BYTES {
            slots.clear();
            self.modules.lock().unwrap_or_else(PoisonError::into_inner).clear();
            self.bytes.store(0, Ordering::Relaxed);
        }
        let old = slots.get(&key).and_then(|slot| slot.get());
        if old.is_some_and(|node| node.stamp != stamp) {
            slots.remove(&key);
        }
        let slot = Arc::clone(slots.entry(key.clone()).or_default());
        drop(slots);
        let node = slot.get_or_init(|| {
            let node = self.read(place, key, stamp);
            self.bytes.fetch_add(node.scan.code[1].len(), Ordering::Relaxed);
            Arc::new(node)
        });
        Arc::clone(node)
    }

    fn read(&self, place: &Place, key: String, stamp: u64) -> Node {
        let path = place.path();
        let scan = scan(&path, &format!("{PACKAGES}{key}"));
        let links = scan.requests.iter().map(|request| {
            let asker = match request.how {
                How::Require => Asker::Require,
                How::Dynamic | How::Import => Asker::Import,
                How::Url => {
                    self.resolver.names(place, &request.specifier);
                    return Link::Url;
                }
            };
            self.link(&request.specifier, &path, place, asker)
        });
        let strict_default = match path.extension().and_then(|extension| extension.to_str()) {
            Some("mjs" | "mts") => true,
            Some("cjs" | "cts") => false,
            _ => path.parent().is_some_and(|folder| self.is_module(folder, &place.folder.path)),
        };
        Node { links: links.collect(), place: place.clone(), key, scan, strict_default, stamp }
    }

    fn is_module(&self, folder: &Path, top: &Path) -> bool {
        let known = self.modules.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(folder) {
            return *known;
        }
        drop(known);
        let text = std::fs::read(folder.join("package.json")).ok();
        let text = text.and_then(|text| serde_json::from_slice::<serde_json::Value>(&text).ok());
        let is_module = match (text, folder.parent()) {
            (Some(text), _) => text["type"] == "module",
            (None, Some(parent)) if folder != top => self.is_module(parent, top),
            _ => false,
        };
        let mut known = self.modules.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(folder.to_owned(), is_module);
        is_module
    }

    fn link(&self, specifier: &str, path: &Path, from: &Place, asker: Asker) -> Link {
        let name = specifier.split(['?']).next().unwrap_or_default();
        match self.resolver.find(name, path, asker) {
            Found::Package(place) => {
                let apart = place.folder != from.folder || is_bare(name);
                Link::File { place, apart }
            }
            Found::Builtin(name) => Link::Key(format!("node:{name}")),
            Found::Ignored => Link::Key("node:".to_owned()),
            Found::Url(_) => Link::Url,
            Found::File(_) => Link::Key(format!(
                "!{} asks for '{specifier}', which is not in a package",
                from.folder.name
            )),
            Found::Missing(help) => {
                let help = help.map(|help| format!(" ({help})")).unwrap_or_default();
                Link::Key(format!(
                    "!Cannot find module '{specifier}', which {} asks for{help}",
                    from.folder.name
                ))
            }
        }
    }

    /// All files that run when one does, that one first.
    pub(super) fn reach(&self, entry: &Place) -> Vec<Arc<Node>> {
        let mut all = Vec::new();
        let mut seen = HashSet::new();
        seen.insert(key(entry));
        let mut next = vec![entry.clone()];
        while !next.is_empty() {
            let nodes = self.read_all(&next);
            next.clear();
            for node in &nodes {
                for place in node.at_once().map(|(place, _)| place) {
                    if seen.insert(key(place)) {
                        next.push(place.clone());
                    }
                }
            }
            all.extend(nodes);
        }
        all
    }

    fn read_all(&self, places: &[Place]) -> Vec<Arc<Node>> {
        let threads = thread::available_parallelism().map_or(1, usize::from).min(8);
        if places.len() < WORTH_THREADS || threads == 1 {
            return places.iter().map(|place| self.node(place)).collect();
        }
        let at = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(|| self.read_next(places, &at));
            }
            self.read_next(places, &at);
        });
        places.iter().map(|place| self.node(place)).collect()
    }

    fn read_next(&self, places: &[Place], at: &AtomicUsize) {
        while let Some(place) = places.get(at.fetch_add(1, Ordering::Relaxed)) {
            self.node(place);
        }
    }

    /// The files of a pack: those of a package that some of its files need.
    pub(super) fn pack(&self, entries: &[Place]) -> Vec<Arc<Node>> {
        let mut files: Vec<_> = entries.iter().map(|entry| self.node(entry)).collect();
        let mut seen: HashSet<String> = files.iter().map(|node| node.key.clone()).collect();
        let mut at = 0;
        while let Some(node) = files.get(at).cloned() {
            at += 1;
            for (place, apart) in node.at_once() {
                if !apart && seen.insert(key(place)) {
                    files.push(self.node(place));
                }
            }
        }
        files
    }

    /// The same, if that takes no long reading: nothing where a file is large, and was not read yet.
    pub(super) fn names_at_once(&self, place: &Place) -> Option<(Arc<Node>, Vec<String>, bool)> {
        let mut seen = HashSet::new();
        let mut next = vec![place.clone()];
        while let Some(place) = next.pop() {
            if !seen.insert(key(&place)) {
                continue;
            }
            let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            let is_read = slots.get(&key(&place)).is_some_and(|slot| slot.get().is_some());
            drop(slots);
            if !is_read && std::fs::metadata(place.path()).is_ok_and(|facts| facts.len() > LARGE) {
                return None;
            }
            let node = self.node(&place);
            next.extend(Self::stars(&node).cloned());
        }
        let node = self.node(place);
        let (names, open) = self.names(&node, &mut HashSet::new());
        Some((node, names, open))
    }

    /// The files whose names a file exports too.
    fn stars(node: &Node) -> impl Iterator<Item = &Place> {
        node.scan.names.stars.iter().filter_map(|star| {
            let asked = |(at, _): &(usize, &super::requests::Request)| {
                node.scan.requests.get(*at).is_some_and(|request| request.specifier == *star)
            };
            match node.scan.at_once().find(asked).and_then(|(at, _)| node.links.get(at)) {
                Some(Link::File { place, .. }) => Some(place),
                _ => None,
            }
        })
    }

    /// The names that a file exports, and whether there can be more.
    pub(super) fn names(&self, node: &Node, seen: &mut HashSet<String>) -> (Vec<String>, bool) {
        if !seen.insert(node.key.clone()) {
            return (Vec::new(), false);
        }
        let mut names: Vec<_> = node.scan.names.own.iter().cloned().collect();
        let mut open = matches!(node.scan.kind, Kind::CommonJs(_));
        for place in Self::stars(node) {
            let (more, more_open) = self.names(&self.node(place), seen);
            names.extend(more);
            open |= more_open;
        }
        names.sort();
        names.dedup();
        (names, open)
    }
}

impl Node {
    /// The files that are needed before this one has run, and whether they are in other packs.
    pub(super) fn at_once(&self) -> impl Iterator<Item = (&Place, bool)> {
        self.scan.at_once().filter_map(|(at, _)| match self.links.get(at)? {
            Link::File { place, apart } => Some((place, *apart)),
            _ => None,
        })
    }
}
