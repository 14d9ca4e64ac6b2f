//! Serves the files of packages as modules for the browser.
//!
//! `/__livers/npm/<package id>/<file>` is a module that exports what the file exports. It loads the
//! packs (`?pack`) that define the file and its dependencies, then runs the file in the registry of
//! the page (`client-snippet/packages/registry.js`), where each file exists once. A pack
//! ([`mod@pack_urls`]) defines many files and runs none; the module names all packs, so that the
//! browser requests them in parallel. `?define` loads the packs and runs nothing. Static analysis
//! finds most names that a CommonJS file exports; importers list the others (`?names=`), so that
//! most importers share one module.
//!
//! Style sheets, images and the like are served as they are, and with `?import` as a module.
//!
//! A package id contains a stamp of the installation ([`resolve`](super::resolve)), so responses
//! are immutable, except for packages of a workspace. Packs are kept on the disk for the next run
//! ([`disk_cache`](super::disk_cache)).
//!
//! Developer tools see the files of a pack by themselves, through its source map (`?map&pack`), and
//! leave them out of stack traces.
//!
//! Left out on purpose: the source maps that packages contain, native addons.

mod definition;
mod emit;
mod graph;
mod node;
mod pack_urls;
mod query;
mod read;
mod sloppy_mode;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, Once},
};

use bytes::Bytes;
use percent_encoding::percent_decode_str;

pub(crate) use self::read::CompileFile;
use self::{
    definition::Format,
    emit::Facade,
    graph::Graph,
    node::{Link, Node},
    pack_urls::{map_url, pack_urls},
    query::Query,
    read::{read_text, style_arguments},
};
use super::{
    compile_error::CompileError,
    css_module::is_css_module,
    disk_cache::{DiskCache, Sources},
    disk_view::DiskView,
    lock::lock,
    outcome::{PackageContent, PackageResponse},
    resolve::{
        ImportKind, PackageFile, Resolved, Resolver, Target, file_stamp, is_installed, is_script,
    },
};
use crate::esm::convert::js::quoted;
use crate::{
    http::{media_type::is_style_sheet, own_paths::PACKAGES, url_path::UrlPath},
    source_map::Sections,
};

/// Number of files whose exports are kept in memory.
const MAX_EXPORTS: usize = 20_000;

/// The size up to which a file is small, bytes.
const SMALL: u64 = 16 * 1024;

/// Serves the packages that a resolver finds.
pub(crate) struct Packages {
    resolver: Arc<Resolver>,
    graph: Graph,
    cache: DiskCache,
    references_restored: Once,
    /// The known exports of files, by their URL paths below [`PACKAGES`], with the stamp of the
    /// installation that they are of.
    exports: Mutex<HashMap<String, (u64, Arc<Exports>)>>,
}

/// The names that a file is known to export, whether it may export more at run time, and whether it
/// has a default export.
type Exports = (HashSet<String>, bool, bool);

impl Packages {
    /// Creates the packages of a resolver's project.
    pub(crate) fn new(resolver: Arc<Resolver>) -> Self {
        Self {
            graph: Graph::new(Arc::clone(&resolver)),
            cache: DiskCache::new(resolver.real_root()),
            resolver,
            references_restored: Once::new(),
            exports: Mutex::default(),
        }
    }

    /// Sets what compiles the files that only a compiler of the project knows.
    pub(crate) fn with_compile(mut self, compile: Box<CompileFile>) -> Self {
        self.graph.compile = compile;
        self
    }

    /// Discards the lookups of the resolver if packages were installed since.
    pub(crate) fn refresh_resolver(&self, disk: &DiskView) {
        self.resolver.refresh(disk);
    }

    /// Clears the resolver's cache: see [`Resolver::clear_cache`].
    pub(crate) fn clear_resolver_cache(&self) {
        self.resolver.clear_cache();
    }

    /// Returns whether a specifier in a file of the project still resolves to this URL path.
    ///
    /// # Blocking
    /// Resolves on the disk.
    pub(crate) fn still_resolves_to(&self, specifier: &str, from: &Path, url: &str) -> bool {
        let disk = DiskView::default();
        self.resolver.refresh(&disk);
        match self.resolver.resolve(specifier, from, &disk) {
            Target::Package(now) => now.split('?').next() == Some(url),
            _ => false,
        }
    }

    /// Returns the file that a style sheet imports by the name of a package.
    ///
    /// # Blocking
    /// Resolves on the disk.
    pub(crate) fn resolve_from_sheet(
        &self,
        specifier: &str,
        from: &Path,
        disk: &DiskView,
    ) -> Option<Target> {
        self.resolver.resolve_from_sheet(specifier, from, disk)
    }

    /// Returns those of the imported names that the URL must list, because the file may export them
    /// but static analysis did not find them.
    ///
    /// # Blocking
    /// Reads the file, unless it is large: then all names are listed.
    pub(crate) fn undetected_names(
        &self,
        url: &str,
        names: impl Iterator<Item = String>,
    ) -> Vec<String> {
        let Some(exports) = url.strip_prefix(PACKAGES).and_then(|path| self.exports(path)) else {
            return names.collect();
        };
        let (known, open, _) = &*exports;
        names.filter(|name| *open && !known.contains(name)).collect()
    }

    /// Returns whether the module at a URL exports a name, or `None` if that is not known.
    ///
    /// # Blocking
    /// Reads the file, unless it is large.
    pub(crate) fn exports_name(&self, url: &str, name: &str) -> Option<bool> {
        let exports = self.exports(url.strip_prefix(PACKAGES)?)?;
        let (known, open, has_default) = &*exports;
        let is_known = if name == "default" { *has_default } else { known.contains(name) };
        (is_known || !open).then_some(is_known)
    }

    /// Returns the names that the module at a URL is known to export.
    ///
    /// # Blocking
    /// Reads the file, unless it is large.
    pub(crate) fn names(&self, url: &str) -> impl Iterator<Item = String> {
        let exports = url.strip_prefix(PACKAGES).and_then(|path| self.exports(path));
        let names = exports.map(|exports| {
            let (known, _, has_default) = &*exports;
            let default = has_default.then(|| "default".to_owned());
            known.iter().cloned().chain(default).collect::<Vec<_>>()
        });
        names.unwrap_or_default().into_iter()
    }

    /// Returns the known exports of the file at a URL path below [`PACKAGES`], or `None` if it is
    /// large and was not read yet.
    fn exports(&self, path: &str) -> Option<Arc<Exports>> {
        let stamp = self.resolver.install_stamp();
        if let Some((of, known)) = self.known_exports().get(path)
            && *of == stamp
        {
            return Some(Arc::clone(known));
        }
        let file = self.package_file(path)?;
        let immutable = self.resolver.is_immutable(&file.package);
        let key = format!("{}?exports", file.key());
        // An entry on the disk costs as much as reading a small file again.
        let is_kept =
            immutable && !(is_small(&file) && self.graph.node(&file).star_exports().is_empty());
        let cached = if is_kept { self.cache.get(&key) } else { None };
        let cached = cached.and_then(|(text, _)| serde_json::from_slice::<Exports>(&text).ok());
        let exports = if let Some(exports) = cached {
            exports
        } else {
            let (node, names, open) = self.graph.export_names_if_fast(&file)?;
            let exports: Exports = (names.into_iter().collect(), open, node.has_default());
            if let Ok(text) = serde_json::to_string(&exports).as_ref()
                && is_kept
                && let Some(sources) = sources_of(&[node])
            {
                self.cache.put(&key, text, sources);
            }
            exports
        };
        let exports = Arc::new(exports);
        if immutable {
            let mut known = self.known_exports();
            if known.len() >= MAX_EXPORTS {
                known.clear();
            }
            known.insert(path.to_owned(), (stamp, Arc::clone(&exports)));
        }
        Some(exports)
    }

    fn known_exports(&self) -> MutexGuard<'_, HashMap<String, (u64, Arc<Exports>)>> {
        lock(&self.exports)
    }

    /// Returns the pack of the files at these URLs and of all that they need. `map_url` is the URL
    /// of its source map.
    ///
    /// # Blocking
    /// Reads and converts the files.
    pub(crate) fn pack_of(&self, urls: &[String], map_url: &str) -> Result<String, CompileError> {
        Ok(emit::pack(&self.nodes_of(urls)?, map_url))
    }

    /// Returns the source map of such a pack.
    ///
    /// # Blocking
    /// Reads and converts the files.
    pub(crate) fn map_of_pack(&self, urls: &[String]) -> Result<String, CompileError> {
        Ok(self.map_of(&self.nodes_of(urls)?))
    }

    /// Returns which file each part of such a pack is, by their keys. Returns `None` if there is no
    /// such pack.
    ///
    /// # Blocking
    /// Reads and converts the files.
    pub(crate) fn sections_of_pack(&self, urls: &[String]) -> Option<Sections<String>> {
        Some(emit::sections_of_pack(&self.nodes_of(urls).ok()?))
    }

    /// Returns the same for what is served at a URL path below [`PACKAGES`] with a query. Returns
    /// `None` if that has no files of packages in it.
    ///
    /// # Blocking
    /// Reads and converts the files.
    pub(crate) fn sections_of(&self, path: &str, query: &str) -> Option<Sections<String>> {
        let (file, query) = (self.package_file(path)?, Query::parse(query));
        if query.script {
            return Some(emit::sections_of_classic_script(&self.graph.node(&file)));
        }
        let mut others = query.pack?;
        others.remove(&file.path);
        let others = others.iter().map(|path| self.file_of(&file.package.id, path));
        let others = others.collect::<Option<Vec<_>>>()?;
        Some(emit::sections_of_pack(&self.graph.pack(&file, &others).ok()?))
    }

    /// Returns the file with a key: its URL path, its path on the disk, and its text. The text of an
    /// installed file is left out: it is not edited.
    ///
    /// # Blocking
    /// Reads the file.
    pub(crate) fn source_of(&self, key: &str) -> Option<(String, PathBuf, String)> {
        let node = self.graph.node(&self.package_file(key)?);
        let path = node.file.path();
        if is_installed(&path) {
            return Some((self.url_of_node(&node), path, String::new()));
        }
        let (url, text) = self.source_of_node(&node);
        Some((url, path, text))
    }

    /// Returns the files at these URLs and all that they need.
    fn nodes_of(&self, urls: &[String]) -> Result<Vec<Arc<Node>>, CompileError> {
        let mut known = HashSet::new();
        let mut nodes = Vec::new();
        for url in urls {
            let path = url.strip_prefix(PACKAGES).and_then(|path| path.split('?').next());
            let Some(file) = path.and_then(|path| self.package_file(path)) else { continue };
            if known.contains(&file.key()) {
                continue;
            }
            for node in self.graph.closure(&file)? {
                if known.insert(node.key.clone()) {
                    nodes.push(node);
                }
            }
        }
        if let Some(references) = self.resolver.take_new_references() {
            self.cache.put_references(&references);
        }
        Ok(nodes)
    }

    /// Returns the source map of a pack.
    fn map_of(&self, nodes: &[Arc<Node>]) -> String {
        emit::map_of_pack(nodes, |node| self.source_of_node(node))
    }

    /// Returns the URL path and the text of a file.
    fn source_of_node(&self, node: &Node) -> (String, String) {
        let body = &node.definition.code[1];
        let lines = |text: &str| text.matches('\n').count();
        // Anything but JavaScript was converted to something else.
        let text = read_text(&node.file.path()).ok().filter(|text| lines(text) == lines(body));
        (self.url_of_node(node), text.unwrap_or_else(|| body.clone()))
    }

    /// Returns the URL path of a file: that of its own place, or if it is outside of the served
    /// folder, the one below [`PACKAGES`].
    fn url_of_node(&self, node: &Node) -> String {
        let path = node.file.path();
        let own = path.strip_prefix(self.resolver.real_root()).ok().and_then(|path| {
            let names = path.components().map(|name| name.as_os_str().as_encoded_bytes());
            UrlPath::from_names(names, false)
        });
        own.map_or_else(|| format!("{PACKAGES}{}", node.key), |url| url.to_string())
    }

    /// Returns whether the packages of these files never change.
    pub(crate) fn are_immutable<'u>(&self, mut urls: impl Iterator<Item = &'u str>) -> bool {
        urls.all(|url| {
            let path = url.strip_prefix(PACKAGES).and_then(|path| path.split('?').next());
            let file = path.and_then(|path| self.package_file(path));
            file.is_some_and(|file| self.resolver.is_immutable(&file.package))
        })
    }

    /// Answers `/__livers/npm/<path>?<query>`, or returns `None` if no package has the file.
    ///
    /// # Blocking
    /// Reads and converts the file and its dependencies.
    ///
    /// # Errors
    /// The file cannot be converted.
    pub(crate) fn answer(
        &self,
        path: &str,
        query: &str,
    ) -> Result<Option<PackageResponse>, CompileError> {
        let response = self.respond(path, query);
        if let Some(references) = self.resolver.take_new_references() {
            self.cache.put_references(&references);
        }
        response
    }

    fn respond(&self, path: &str, query: &str) -> Result<Option<PackageResponse>, CompileError> {
        let parsed = Query::parse(query);
        if let Some(name) = path.strip_prefix("node:") {
            let name = percent_decode_str(name).decode_utf8().ok();
            return Ok(name.map(|name| script(emit::builtin(&name, &parsed.names), true)));
        }
        let Some(file) = self.package_file(path) else { return Ok(None) };
        let extension = file.path.rsplit_once('.').map_or("", |(_, extension)| extension);
        let is_css_module = is_css_module(Path::new(&file.path));
        let is_code =
            is_script(&file.path) || matches!(extension, "json" | "svelte") || is_css_module;
        let as_definitions = parsed.wants_definitions();
        let immutable = self.resolver.is_immutable(&file.package);
        if !as_definitions && !is_script(&file.path) && !parsed.import {
            let content = self.resolver.checked_path(&file).map(PackageContent::File);
            return Ok(content.map(|content| PackageResponse { content, immutable }));
        }
        let url = || format!("{PACKAGES}{}", file.key());
        let export = |value: &str| format!("export default {};\n", quoted(value));
        let read = || {
            let failed = |error| CompileError::of_file(&file.path(), error);
            read_text(&file.path()).map_err(failed)
        };
        let text = if as_definitions {
            None
        } else if parsed.raw {
            Some(export(&read()?))
        } else if extension == "css" && (parsed.part || !parsed.url && !is_css_module) {
            let disk = DiskView::default();
            let resolve = |specifier: &str| {
                let target = self.resolve_from_sheet(specifier, &file.path(), &disk)?;
                if let Target::Package(url) = target { Some(url) } else { None }
            };
            let sheet = style_arguments(&file.path(), &url(), &read()?, resolve);
            Some(emit::style(&sheet, parsed.part))
        } else if parsed.url || !is_code {
            Some(export(&url()))
        } else {
            None
        };
        let text = match text {
            Some(text) => Some(Bytes::from(text)),
            None => self.generated(&file, parsed)?,
        };
        Ok(text.map(|text| script(text, immutable)))
    }

    /// Returns the JavaScript generated from a file and its dependencies.
    fn generated(&self, file: &PackageFile, query: Query) -> Result<Option<Bytes>, CompileError> {
        let key = file.key();
        Ok(if let Some(mut others) = query.pack {
            others.remove(&file.path);
            let files = || {
                let files = others.iter().map(|path| self.file_of(&file.package.id, path));
                files.collect::<Option<Vec<_>>>()
            };
            if query.map {
                let Some(files) = files() else { return Ok(None) };
                return Ok(Some(self.map_of(&self.graph.pack(file, &files)?).into()));
            }
            let list = others.iter().map(String::as_str).collect::<Vec<_>>().join(",");
            self.cached(&format!("{key}?pack={list}"), file, || {
                let Some(files) = files() else { return Ok(None) };
                let nodes = self.graph.pack(file, &files)?;
                Ok(Some((emit::pack(&nodes, &map_url(&others)), nodes)))
            })?
        } else if query.define {
            self.cached(&format!("{key}?define"), file, || {
                let nodes = self.graph.closure(file)?;
                Ok(Some((emit::imports(&pack_urls(&nodes)), nodes)))
            })?
        } else if query.script {
            self.cached(&format!("{key}?script"), file, || {
                let node = self.graph.node(file);
                Ok(Some((emit::classic_script(&node), vec![node])))
            })?
        } else {
            Some(self.module(file, query.names)?.into())
        })
    }

    /// Returns a text from the disk cache, or makes it. Only texts of immutable files are cached.
    fn cached(
        &self,
        key: &str,
        file: &PackageFile,
        make: impl FnOnce() -> Result<Option<(String, Vec<Arc<Node>>)>, CompileError>,
    ) -> Result<Option<Bytes>, CompileError> {
        let immutable = self.resolver.is_immutable(&file.package);
        if immutable && let Some((text, sources)) = self.cache.get(key) {
            // The browser requests these packages next.
            self.resolver.restore_packages(sources.folders);
            return Ok(Some(text));
        }
        let Some((text, nodes)) = make()? else { return Ok(None) };
        if immutable && let Some(sources) = sources_of(&nodes) {
            self.cache.put(key, &text, sources);
        }
        Ok(Some(text.into()))
    }

    /// Returns the path of the style sheet at a URL path below [`PACKAGES`] if it is not CSS.
    ///
    /// # Blocking
    /// Looks for the file.
    pub(crate) fn uncompiled_sheet(&self, path: &str) -> Option<PathBuf> {
        let is_uncompiled =
            is_style_sheet(path) && Path::new(path).extension().is_some_and(|it| it != "css");
        let file = self.package_file(path).filter(|_| is_uncompiled)?;
        self.resolver.checked_path(&file)?;
        Some(file.path())
    }

    /// Returns the file at a URL path below [`PACKAGES`].
    fn package_file(&self, path: &str) -> Option<PackageFile> {
        let url = UrlPath::parse(&format!("/{path}")).ok().filter(|url| !url.is_directory())?;
        let names: Option<Vec<_>> = url.names().map(|name| str::from_utf8(name).ok()).collect();
        let names = names?;
        let id_segments = if path.starts_with('@') { 2 } else { 1 };
        let (id, file) = names.split_at_checked(id_segments)?;
        self.file_of(&id.join("/"), &file.join("/"))
    }

    /// Returns a file of a package by the package's id. An open page may know it from an earlier
    /// run.
    fn file_of(&self, id: &str, path: &str) -> Option<PackageFile> {
        self.resolver.package_file(id, path).or_else(|| {
            self.references_restored.call_once(|| {
                if let Some(references) = self.cache.get_references() {
                    self.resolver.restore_references(&references);
                }
            });
            self.resolver.package_file(id, path)
        })
    }

    /// Returns the module that runs a file. Its exports are cached without the requested names, so
    /// that all importers share one entry.
    fn module(
        &self,
        file: &PackageFile,
        requested_names: BTreeSet<String>,
    ) -> Result<String, CompileError> {
        let key = file.key();
        let make = || {
            let facade = self.facade(file)?;
            Ok(serde_json::to_string(&facade.0).ok().map(|text| (text, facade.1)))
        };
        let text = self.cached(&format!("{key}?module"), file, make)?;
        let facade = text.and_then(|text| serde_json::from_slice::<Facade>(&text).ok());
        let mut facade = match facade {
            Some(facade) => facade,
            None => self.facade(file)?.0,
        };
        if facade.is_open {
            let is_name = |name: &String| name != "default" && name != "*";
            facade.names.extend(requested_names.into_iter().filter(is_name));
        }
        Ok(emit::facade(&key, &facade))
    }

    /// Returns the file on the disk that a specifier in a file leads to.
    ///
    /// # Blocking
    /// Looks for it.
    pub(crate) fn path_of(
        &self,
        specifier: &str,
        from: &Path,
        kind: ImportKind,
    ) -> Option<PathBuf> {
        match self.resolver.resolve_as(specifier, from, kind) {
            Resolved::File(path) => Some(path),
            Resolved::Package(file) => Some(file.path()),
            _ => None,
        }
    }

    /// Returns what a specifier in a file of the project stands for because of an alias.
    ///
    /// # Blocking
    /// Looks for the configuration file with the aliases.
    pub(crate) fn alias(&self, specifier: &str, from: &Path) -> Option<String> {
        self.resolver.alias(specifier, from)
    }

    /// Returns the URL of the file of a package at a path on the disk.
    ///
    /// # Blocking
    /// Looks for the package.
    pub(crate) fn url_of(&self, path: &Path) -> Option<String> {
        Some(format!("{PACKAGES}{}", self.resolver.package_file_at(path)?.key()))
    }

    /// Returns the exports of a file, and the file with its dependencies.
    fn facade(&self, file: &PackageFile) -> Result<(Facade, Vec<Arc<Node>>), CompileError> {
        let nodes = self.graph.closure(file)?;
        let entry = self.graph.node(file);
        if let Some(message) = &entry.definition.error {
            return Err(CompileError::of_file(&file.path(), message.clone()));
        }
        let (names, is_open) = self.graph.export_names(&entry);
        let has_default = entry.has_default();
        let awaits = nodes
            .iter()
            .any(|node| matches!(node.definition.format, Format::Module { awaits: true, .. }));
        let pack_urls = pack_urls(&nodes);
        let names = names.into_iter().collect();
        Ok((Facade { pack_urls, names, is_open, has_default, awaits }, nodes))
    }
}

/// Returns whether a file is read in less time than an entry of the cache.
fn is_small(file: &PackageFile) -> bool {
    std::fs::metadata(file.path()).is_ok_and(|metadata| metadata.len() <= SMALL)
}

/// Returns a response with JavaScript.
fn script(text: impl Into<Bytes>, immutable: bool) -> PackageResponse {
    PackageResponse { content: PackageContent::Script(text.into()), immutable }
}

/// Returns what a text from some files was generated from, or `None` if one of them is in a
/// workspace, where files change.
///
/// # Blocking
/// Reads the metadata of the files.
fn sources_of(nodes: &[Arc<Node>]) -> Option<Sources> {
    if nodes.iter().any(|node| !node.file.package.installed) {
        return None;
    }
    let mut packages = HashSet::new();
    for node in nodes {
        packages.insert(&node.file.package);
        packages.extend(node.links.iter().filter_map(|link| match link {
            Link::File { file, .. } => Some(&file.package),
            _ => None,
        }));
    }
    let manifests = packages.iter().map(|package| package.path.join("package.json"));
    let files = nodes.iter().map(|node| node.file.path()).chain(manifests);
    Some(Sources {
        files: files.map(|path| (path.clone(), file_stamp(&path))).collect(),
        folders: packages.iter().map(|it| (it.path.clone(), it.name.clone())).collect(),
    })
}
