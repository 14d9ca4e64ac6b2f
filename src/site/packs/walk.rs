//! Loads the modules of a graph: finds their files, and gets them compiled and converted.
//!
//! What a browser's own requests for these modules would show is recorded here: which module uses
//! which file, the content that the page has, and what is missing.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    path::PathBuf,
    sync::Arc,
    time::SystemTime,
};

use futures_util::stream::{FuturesUnordered, StreamExt};
use hyper::header::{HeaderMap, HeaderValue, REFERER};

use crate::{
    docroot::{Content, FileStamp},
    esm::{self, Definition, DiskView, ModuleRequest},
    files::{FileRequest, Lookup, ServedFile},
    http::{
        own_paths::{FOLDER, PACKAGES},
        url_path::UrlPath,
    },
    site::Site,
};

/// The number of modules that are loaded at the same time.
const PARALLEL: usize = 16;

/// A module of a graph.
pub(super) struct Loaded {
    /// The URL without its version stamp.
    pub(super) url: String,
    /// `None` if the browser has to load the module itself: it is missing, does not compile, or is
    /// of another kind. So errors are those of a browser.
    pub(super) definition: Option<Arc<Definition>>,
    /// The file of the definition, and its state.
    pub(super) file: Option<(PathBuf, FileStamp)>,
}

impl Loaded {
    /// Returns the URLs of its imports.
    pub(super) fn imports(&self) -> impl Iterator<Item = &String> {
        self.definition.iter().flat_map(|definition| definition.imports.iter().map(|(url, _)| url))
    }

    /// Returns whether nothing that the browser has to load itself can fail.
    pub(super) fn is_certain_to_load(&self) -> bool {
        let may_fail = |url: &String| esm::is_native(url) && !url.starts_with(FOLDER);
        self.definition.is_some() && !self.imports().any(may_fail)
    }
}

impl Site {
    /// Returns whether modules import more than a number of others, directly or through others.
    pub(super) async fn has_more_modules(
        &self,
        entries: &[String],
        number: usize,
        host: &str,
        disk: &Arc<DiskView>,
    ) -> bool {
        let mut found = HashSet::new();
        let mut is_enough = |module: &Loaded| {
            found.extend(module.imports().cloned());
            found.len() > number
        };
        self.walk(entries, None, host, disk, &mut is_enough).await;
        found.len() > number
    }

    /// Loads modules and everything that they import, the importers first: those below which
    /// something changed after the version `since`, or all.
    pub(super) async fn graph(
        &self,
        entries: &[String],
        since: Option<u64>,
        host: &str,
        disk: &Arc<DiskView>,
    ) -> Vec<Loaded> {
        in_order(entries, self.walk(entries, since, host, disk, &mut |_| false).await)
    }

    /// Loads the modules of a graph in parallel, until `is_enough` of a loaded one.
    async fn walk(
        &self,
        entries: &[String],
        since: Option<u64>,
        host: &str,
        disk: &Arc<DiskView>,
        is_enough: &mut (dyn FnMut(&Loaded) -> bool + Send),
    ) -> Vec<Loaded> {
        let mut queue: VecDeque<_> = entries.iter().map(|url| (unstamped(url), None)).collect();
        let mut seen: HashSet<_> = queue.iter().map(|(url, _)| url.clone()).collect();
        let mut loading = FuturesUnordered::new();
        let mut loaded: Vec<Loaded> = Vec::new();
        loop {
            while loading.len() < PARALLEL
                && let Some((url, importer)) = queue.pop_front()
            {
                loading.push(self.load(url, importer, host, disk));
            }
            let Some(module) = loading.next().await else { return loaded };
            let unchanged = self.unchanged_imports(&module, since);
            for url in module.imports() {
                if esm::is_native(url) || url.starts_with(PACKAGES) {
                    continue;
                }
                self.live.observe(path_of(&module.url), path_of(url));
                if !unchanged.contains(path_of(url)) && seen.insert(url.clone()) {
                    queue.push_back((url.clone(), Some(path_of(&module.url).to_owned())));
                }
            }
            let ends = is_enough(&module);
            loaded.push(module);
            if ends {
                return loaded;
            }
        }
    }

    /// Returns the paths of those imports below which nothing changed after a version.
    fn unchanged_imports(&self, module: &Loaded, since: Option<u64>) -> HashSet<String> {
        let (Some(esm), Some(_)) = (&self.esm, since) else { return HashSet::new() };
        let paths = || module.imports().map(|url| path_of(url));
        let stamps = esm.stamps(path_of(&module.url), paths(), self.live.hub());
        paths().filter(|path| stamps.get(*path).copied() <= since).map(str::to_owned).collect()
    }

    /// Loads the module at a URL without a version stamp.
    pub(super) async fn load(
        &self,
        url: String,
        importer: Option<String>,
        host: &str,
        disk: &Arc<DiskView>,
    ) -> Loaded {
        let (version, began) = (self.live.hub().version(), SystemTime::now());
        if let Some(known) = self.packs.module(&url, version) {
            return known;
        }
        let loaded = self.load_definition(&url, importer.as_deref(), host, disk).await;
        let (definition, file) = loaded.unzip();
        let loaded = Loaded { url, definition, file: file.flatten() };
        self.packs.keep_module(&loaded, version, began);
        loaded
    }

    /// Loads the module at a URL without a version stamp. Returns `None` if the browser has to load
    /// it itself.
    async fn load_definition(
        &self,
        url: &str,
        importer: Option<&str>,
        host: &str,
        disk: &Arc<DiskView>,
    ) -> Option<(Arc<Definition>, Option<(PathBuf, FileStamp)>)> {
        let esm = self.esm.as_ref()?;
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let parsed = UrlPath::parse(path).ok()?;
        let headers = headers_of_import(importer, host);
        let Some(file) = self.find_module(&parsed, query, importer).await else {
            self.report_missing(&parsed, &headers, host).await;
            return None;
        };
        if let Some(source) = self.missing.remove(path) {
            self.clear_fault(&source);
        }
        self.note(&file);
        let file_url = file.url.to_string();
        self.live.observe(path, &file_url);
        let content = match &file.content {
            Content::Memory(bytes) => Some(bytes),
            Content::Large(..) => None,
        };
        let request = ModuleRequest {
            file: &file.path,
            url: &file_url,
            requested: path,
            content,
            query,
            headers: &headers,
            disk,
        };
        let (definition, module) = esm.definition(request, self.live.hub()).await?;
        self.clear_fault(&file_url);
        self.compiled(&file_url, module);
        let stamp = file.stamp;
        Some((definition, stamp.map(|stamp| (file.path, stamp))))
    }

    /// Finds the file of a module.
    async fn find_module(
        &self,
        path: &UrlPath,
        query: &str,
        importer: Option<&str>,
    ) -> Option<ServedFile> {
        let query = (!query.is_empty()).then(|| query.to_owned());
        let request = FileRequest { query, content_only: true, ..FileRequest::default() };
        let mut lookup = self.find_in_project(path, request.clone()).await;
        if let Lookup::NotFound(_) = lookup
            && let Some(own) = self.own_path(path, importer).await
        {
            lookup = self.files.find(&own, request).await.lookup;
        }
        match lookup {
            Lookup::File(_, file) => Some(file),
            _ => None,
        }
    }

    /// Returns the path that an importer in a project below the root means by one from the root.
    async fn own_path(&self, path: &UrlPath, importer: Option<&str>) -> Option<UrlPath> {
        let (esm, path) = (Arc::clone(self.esm.as_ref()?), path.to_string());
        let importer = importer?.to_owned();
        let resolve = move || esm.resolve_in_project(&path, &importer);
        UrlPath::parse(&tokio::task::spawn_blocking(resolve).await.ok()??).ok()
    }
}

/// Sorts the modules of a graph by a breadth-first search, so that equal graphs have equal packs.
fn in_order(entries: &[String], loaded: Vec<Loaded>) -> Vec<Loaded> {
    let mut loaded: HashMap<_, _> =
        loaded.into_iter().map(|module| (module.url.clone(), module)).collect();
    let mut queue: VecDeque<_> = entries.iter().map(|url| unstamped(url)).collect();
    let mut sorted = Vec::with_capacity(loaded.len());
    while let Some(url) = queue.pop_front() {
        if let Some(module) = loaded.remove(&url) {
            queue.extend(module.imports().cloned());
            sorted.push(module);
        }
    }
    sorted
}

/// Returns the header fields of a browser's request for an imported module.
fn headers_of_import(importer: Option<&str>, host: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("sec-fetch-dest", HeaderValue::from_static("script"));
    headers.insert("sec-fetch-mode", HeaderValue::from_static("cors"));
    headers.insert("sec-fetch-site", HeaderValue::from_static("same-origin"));
    let referrer = importer.map(|importer| format!("http://{host}{importer}"));
    if let Some(Ok(referrer)) = referrer.map(HeaderValue::try_from) {
        headers.insert(REFERER, referrer);
    }
    headers
}

/// Returns the path of a URL without an origin, which import attributes may follow.
pub(super) fn path_of(url: &str) -> &str {
    let (url, _) = esm::split_attributes(url);
    url.split('?').next().unwrap_or_default()
}

/// Returns a URL without its version stamp.
pub(super) fn unstamped(url: &str) -> String {
    let Some((path, query)) = url.split_once('?') else { return url.to_owned() };
    let is_stamp = |part: &&str| ["t=", "again="].iter().any(|name| part.starts_with(name));
    let rest: Vec<_> = query.split('&').filter(|part| !is_stamp(part)).collect();
    if rest.is_empty() { path.to_owned() } else { format!("{path}?{}", rest.join("&")) }
}

#[cfg(test)]
mod tests {
    use super::unstamped;

    #[test]
    fn stamps_are_removed_from_urls() {
        for (url, expected) in [
            ("/a.js", "/a.js"),
            ("/a.js?t=3", "/a.js"),
            ("/a.svg?import&url&t=3", "/a.svg?import&url"),
            ("/a.js?t=3&again=1&type=x", "/a.js?type=x"),
        ] {
            assert_eq!(unstamped(url), expected);
        }
    }
}
