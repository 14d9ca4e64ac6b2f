//! Turns the outcomes of [ESM support](crate::esm) into responses, observations and watch notes.
//!
//! A source that does not compile is answered with 500 and reported on the reload socket and in the
//! terminal, because a browser tells a page nothing about why a module failed to load.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use hyper::{
    Method, StatusCode, Uri,
    header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION},
};

use super::{Site, page_errors, response::plain};
use crate::{
    change::ChangeSet,
    docroot::{CheckedPath, Content, ContentHash, FileRead},
    esm::{
        self, ModuleOutcome, ModuleRequest, PackageContent, PackageOutcome, PackageResponse,
        PageVariables, StyleSheet, Versions,
    },
    fault::Fault,
    files::{FileRequest, Lookup, Precompressed, ServedFile},
    http::{
        body::Response,
        conditional::{EntityTag, LastModified, Validators},
        guard::same_origin,
        media_type::{self, Markup, Sample},
        representation::{self, Metadata, Representation},
        url_path::UrlPath,
    },
    live::{referrer::referrer, reload::hub::Hub},
    watch::PathState,
};

pub(super) const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// Lets a browser keep a response for a year without asking again (RFC 8246).
const IMMUTABLE: HeaderValue = HeaderValue::from_static("max-age=31536000, immutable");

impl Versions for Hub {
    fn current(&self) -> u64 {
        self.version()
    }

    fn last_change(&self, paths: &mut dyn Iterator<Item = &str>) -> Option<u64> {
        self.last_change(paths)
    }
}

impl Site {
    /// Answers a request for a file as a module, if it is one and the file needs compiling. `url`
    /// is the URL path of the file, `requested` that of the request.
    pub(super) async fn module(
        &self,
        source: &ServedFile,
        (url, requested): (&str, &str),
        method: &Method,
        uri: &Uri,
        (headers, host): (&HeaderMap, &str),
    ) -> Option<Response> {
        let esm = self.esm.as_ref()?;
        let content = match &source.content {
            Content::Memory(content) => Some(content),
            Content::Large(..) => None,
        };
        let query = uri.query().unwrap_or_default();
        let (file, disk) = (&*source.path, &Arc::default());
        // Compilers of the project run its own code.
        let is_foreign = !same_origin(headers, host) && !self.policy.permits(headers);
        if is_foreign && esm::Esm::runs_compilers(file, query, headers) {
            return None;
        }
        let request = ModuleRequest { file, url, requested, content, query, headers, disk };
        let representation = match esm.module(request, self.live.hub()).await? {
            ModuleOutcome::AsIs => {
                self.clear_fault(url);
                return None;
            }
            ModuleOutcome::Module(module) => self.compiled(url, module),
            ModuleOutcome::StyleSheet(StyleSheet { text, dependencies }) => {
                self.watch_dependencies(dependencies);
                let mut made = Representation::from_bytes(StatusCode::OK, CSS, text);
                made.metadata.add_vary(esm::VARY);
                made
            }
            ModuleOutcome::Error(fault, related) => {
                if esm::Esm::runs_compilers(file, query, headers) {
                    // A change of one of them is published as one of this file.
                    self.watch_dependencies(related);
                } else {
                    self.depend(url, related);
                }
                return Some(self.report_fault(fault));
            }
        };
        self.clear_fault(url);
        Some(representation.into_response(method, headers))
    }

    /// Records that the module at a URL path depends on files with these contents.
    pub(super) fn depend(&self, url: &str, files: Vec<(PathBuf, ContentHash)>) {
        for (file, content_hash) in files {
            for used in self.root.urls_of(&file, false) {
                self.watch.note(&file, PathState::File(content_hash));
                self.live.observe(url, &used.to_string());
            }
        }
    }

    /// Watches the files that a module or sheet was made from.
    fn watch_dependencies(&self, files: Vec<(PathBuf, ContentHash)>) {
        for (file, content_hash) in files {
            self.watch.note(&file, PathState::File(content_hash));
        }
    }

    /// Records what a compiled module depends on, and returns its representation.
    pub(super) fn compiled(&self, url: &str, module: esm::Module) -> Representation {
        let hub = self.live.hub();
        self.depend(url, module.configuration);
        self.watch_dependencies(module.dependencies);
        if module.uses_packages {
            self.live.observe(url, esm::PACKAGES_PATH);
        }
        if let Some(change) = module.reinstalled {
            hub.publish(&ChangeSet::from_iter([change]));
        }
        module.orphans.iter().for_each(|orphan| self.clear_fault(orphan));
        let mut made = Representation::from_bytes(StatusCode::OK, JAVASCRIPT, module.code);
        made.metadata.add_vary(esm::VARY);
        made
    }

    /// Whether a script that requests a file with this query may get it compiled.
    pub(super) fn may_compile(&self, file: &Path, query: &str, content: Option<&[u8]>) -> bool {
        self.esm.as_ref().is_some_and(|esm| esm.may_compile(file, query, content))
    }

    /// Answers a request below `/__livers/npm/`.
    pub(super) async fn package(
        &self,
        path: &str,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Response {
        let outcome = match &self.esm {
            Some(esm) => esm.package(path, uri.query().unwrap_or_default()).await,
            None => PackageOutcome::NotFound,
        };
        let not_found = || plain(StatusCode::NOT_FOUND, format!("There is no {}.\n", uri.path()));
        match outcome {
            PackageOutcome::NotFound => not_found(),
            PackageOutcome::Found(PackageResponse { content, immutable }) => {
                self.clear_fault(uri.path());
                let representation = match content {
                    PackageContent::Script(text) => {
                        Representation::from_bytes(StatusCode::OK, JAVASCRIPT, text)
                    }
                    PackageContent::File(file) => match read(file).await {
                        Ok(representation) => representation,
                        Err(_) => return not_found(),
                    },
                };
                let mut response = representation.into_response(method, headers);
                if immutable {
                    response.headers_mut().insert(CACHE_CONTROL, IMMUTABLE);
                }
                response
            }
            PackageOutcome::Error(fault) => self.report_fault(fault),
        }
    }

    /// Inserts the variables that a page refers to. Returns the URL paths of the files that define
    /// them, or `None` if the page refers to none.
    pub(super) async fn insert_variables(&self, file: &mut ServedFile) -> Option<Vec<String>> {
        let (Some(esm), Content::Memory(html)) = (&self.esm, &file.content) else { return None };
        if media_type::markup(&media_type::of(&file.path)) != Some(Markup::Html) {
            return None;
        }
        let PageVariables { html, configuration } = esm.insert_variables(&file.path, html).await?;
        file.content_hash = ContentHash::of(&html);
        file.content = Content::Memory(html);
        // These are of the file as it is.
        (file.modified, file.precompressed) = (None, Precompressed::None);
        let mut used = Vec::new();
        for (path, content_hash) in configuration {
            self.watch.note(&path, PathState::File(content_hash));
            used.extend(self.root.urls_of(&path, false).iter().map(ToString::to_string));
        }
        Some(used)
    }

    /// Returns the import map that the inline scripts of a page need, as an element; empty if they
    /// need none.
    pub(super) async fn import_map(&self, source: &ServedFile) -> String {
        let (Some(esm), Content::Memory(html)) = (&self.esm, &source.content) else {
            return String::new();
        };
        let url = source.url.to_string();
        match esm.import_map(&source.path, &url, html).await {
            Ok(map) => {
                self.clear_fault(&url);
                if map.is_some() {
                    self.live.observe(&url, esm::PACKAGES_PATH);
                }
                map.map_or_else(String::new, |map| {
                    let nonce = self.live.nonce();
                    format!(
                        "<script type=\"importmap\" nonce=\"{nonce}\" data-livers>{map}</script>"
                    )
                })
            }
            Err(fault) => {
                self.report_fault(fault);
                String::new()
            }
        }
    }

    /// Finds the file at a path, or the one that a project serves there by convention.
    #[cfg_attr(not(feature = "esm"), allow(dead_code))]
    pub(super) async fn find_in_project(&self, url: &UrlPath, ask: FileRequest) -> Lookup {
        let found = self.files.find(url, ask.clone()).await.lookup;
        if let Lookup::NotFound(_) | Lookup::File(StatusCode::NOT_FOUND, _) = found
            && let Some(fallback) = self.project_fallback(url, ask, &found).await
        {
            return fallback;
        }
        found
    }

    /// Finds the file that a project serves at a path where there is none, by convention.
    pub(super) async fn project_fallback(
        &self,
        url: &UrlPath,
        ask: FileRequest,
        found: &Lookup,
    ) -> Option<Lookup> {
        let navigation = ask.navigation && matches!(found, Lookup::NotFound(_));
        for fallback in self.esm.as_ref()?.fallbacks(url, navigation) {
            let Lookup::File(StatusCode::OK, source) =
                self.files.find(&fallback.url, ask.clone()).await.lookup
            else {
                continue;
            };
            let content = match &source.content {
                Content::Memory(content) => Some(&**content),
                Content::Large(..) => None,
            };
            if fallback.accepts(content) {
                return Some(Lookup::File(StatusCode::OK, source));
            }
        }
        None
    }

    /// Redirects to a file of a package, if a style sheet imports one by the package's name, or if
    /// the project of the page or module that requests the path has it.
    pub(super) async fn resolve_in_package(
        &self,
        (path, query): (&str, Option<&str>),
        headers: &HeaderMap,
        host: &str,
    ) -> Option<Response> {
        let (esm, user) = (self.esm.as_ref()?, referrer(headers, host)?);
        let url = if let Some(url) = esm.resolve_from_sheet(path, &user).await {
            url
        } else {
            let (esm, path) = (Arc::clone(esm), path.to_owned());
            let resolve = move || esm.resolve_in_project(&path, &user);
            tokio::task::spawn_blocking(resolve).await.ok()??
        };
        let url = query.map_or_else(|| url.clone(), |query| format!("{url}?{query}"));
        let mut response = plain(StatusCode::FOUND, "The file is in a package.\n");
        response.headers_mut().insert(LOCATION, HeaderValue::from_str(&url).ok()?);
        Some(response)
    }

    /// Reports a compile error to the open tabs and the terminal, and returns it as a response.
    pub(super) fn report_fault(&self, fault: Fault) -> Response {
        let masked = page_errors::publish(fault, &self.root, self.live.hub(), &self.events);
        let text = serde_json::to_string(&masked).unwrap_or_default();
        let mut response = plain(StatusCode::INTERNAL_SERVER_ERROR, Bytes::from(text));
        response.headers_mut().insert(CONTENT_TYPE, JSON);
        response
    }

    /// Withdraws the compile error of a file, if it has one.
    pub(super) fn clear_fault(&self, url: &str) {
        self.live.hub().clear_fault(url);
    }
}

/// Returns the representation of a file as it is. A large one is streamed.
async fn read(file: CheckedPath) -> io::Result<Representation> {
    let reading = tokio::task::spawn_blocking(move || {
        let content_type = |sample| media_type::of_file(&file.path, sample);
        let FileRead { content, content_hash, modified, .. } = file.read()?;
        let (content_type, content) = match content {
            Content::Memory(bytes) => (content_type(Sample::Whole(&bytes)), bytes.into()),
            Content::Large(file, metadata, beginning) => (
                content_type(Sample::Beginning(&beginning)),
                representation::Content::File(file, metadata),
            ),
        };
        let tag = Some(EntityTag::from_hash(content_hash.0));
        let metadata = Metadata {
            status: StatusCode::OK,
            content_type: HeaderValue::try_from(content_type).unwrap_or(OCTETS),
            validators: Validators { tag, modified: modified.and_then(LastModified::of) },
            coding: None,
            vary: None,
        };
        Ok(Representation { metadata, content })
    });
    reading.await.map_err(io::Error::other)?
}
