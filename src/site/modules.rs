//! Modules: files of the project that are compiled when a script is wanted, and packages.
//!
//! What is compiled depends on versions (imports of what changed are stamped), so the version that a
//! request is answered at is that of its stamps. A source at fault is answered with 500, and said on
//! the reload socket and in the terminal, because the browser tells a page nothing of why a module
//! did not load.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use hyper::{
    Method, StatusCode, Uri,
    header::{CACHE_CONTROL, HeaderMap, HeaderValue},
};

use super::{Site, installed::Installed, plain};
use crate::{
    change::{Change, ChangeSet, Kind},
    docroot::{self, ContentHash, Root},
    esm::{self, Compiled, Compiler, Glob, Importers, Output},
    event::Event,
    fault::Fault,
    files::Source,
    http::url_path::UrlPath,
    http::{body::Response, representation::Representation},
    live::reload::hub::User,
    watch::PathState,
};

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";

/// Files that say what specifiers mean, and that installing a package writes.
const SETTINGS: [&str; 7] = [
    "package.json",
    "tsconfig.json",
    "jsconfig.json",
    "package-lock.json",
    "pnpm-lock.yaml",
    "yarn.lock",
    "bun.lock",
];

/// The fields of a request by which browsers say whether they want a module.
const VARIES: &str = "Sec-Fetch-Dest, Sec-Fetch-Mode";

/// How long a browser may keep what can never be another thing.
const FOR_GOOD: HeaderValue = HeaderValue::from_static("max-age=31536000, immutable");

/// What makes modules.
pub(crate) struct Modules {
    compiler: Arc<Compiler>,
    importers: Mutex<Importers>,
    root: PathBuf,
    /// The patterns of modules, by their URL paths.
    globs: Mutex<HashMap<String, Vec<Glob>>>,
    installed: Mutex<Installed>,
}

impl Modules {
    /// For the project in a folder; what begins with one of these is a backend's.
    pub(crate) fn new(root: &Root, prefixes: Vec<String>) -> Self {
        let compiler = Compiler::new(root.path()).with_routes(prefixes);
        Self {
            compiler: Arc::new(compiler),
            importers: Mutex::default(),
            root: root.path().to_owned(),
            globs: Mutex::default(),
            installed: Mutex::default(),
        }
    }

    /// The URL of what a specifier in a style sheet means, if that is in a package. Blocking.
    pub(super) fn package_file(&self, specifier: &str, from: &Path) -> Option<String> {
        self.compiler.packages().of_sheet(specifier, from)
    }

    /// Files changed. Gives, if what was missing may be there now, what else is to change with it:
    /// the modules whose patterns mean what came or went.
    pub(crate) fn changed(&self, changes: &ChangeSet) -> Option<ChangeSet> {
        let settings = |path: &str| SETTINGS.contains(&path.rsplit('/').next().unwrap_or_default());
        let mut concerned =
            changes.iter().filter(|(path, kind)| *kind != Kind::Modified || settings(path));
        concerned.next()?;
        self.compiler.packages().forget();
        self.forget(changes);
        let moved = changes.iter().filter(|(_, kind)| *kind != Kind::Modified);
        let moved: Vec<_> = moved.filter_map(|(path, _)| self.place(path)).collect();
        let globs = self.globs.lock().unwrap_or_else(PoisonError::into_inner);
        let concerned = globs.iter().filter(|(_, globs)| {
            globs.iter().any(|glob| moved.iter().any(|path| glob.concerns(path)))
        });
        let mut more: ChangeSet = concerned
            .map(|(path, _)| Change { path: path.clone(), kind: Kind::Modified })
            .collect();
        drop(globs);
        if changes.iter().any(|(path, _)| settings(path)) {
            let packages = self.compiler.packages();
            let leads_to = |name: &str, from: &Path, url: &str| packages.leads_to(name, from, url);
            more.extend(self.installed().looked_at(leads_to));
        }
        Some(more)
    }

    /// Keeps nothing of what is gone.
    fn forget(&self, changes: &ChangeSet) {
        let gone = || changes.iter().filter(|(_, kind)| *kind == Kind::Removed);
        let places: HashSet<_> = gone().filter_map(|(path, _)| self.place(path)).collect();
        if places.is_empty() {
            return;
        }
        self.compiler.forget(&places);
        let mut importers = self.importers.lock().unwrap_or_else(PoisonError::into_inner);
        gone().for_each(|(path, _)| importers.forget(path));
    }

    fn installed(&self) -> MutexGuard<'_, Installed> {
        self.installed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note_globs(&self, url: &str, globs: &[Glob]) {
        let mut known = self.globs.lock().unwrap_or_else(PoisonError::into_inner);
        if !globs.is_empty() {
            known.insert(url.to_owned(), globs.to_vec());
        } else if !known.is_empty() {
            known.remove(url);
        }
    }

    /// Where on the disk a URL path leads, whether there is something or not.
    fn place(&self, path: &str) -> Option<PathBuf> {
        let url = UrlPath::parse(path).ok()?;
        let names = url.names().map(|name| str::from_utf8(name).ok());
        Some(self.root.join(names.collect::<Option<PathBuf>>()?))
    }
}

impl Site {
    /// A file as a module, if the request is for one.
    pub(super) async fn module(
        &self,
        source: &Source,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Option<Response> {
        let modules = self.modules.as_ref()?;
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let (dest, mode) = (text("sec-fetch-dest"), text("sec-fetch-mode"));
        let ask = Compiler::wanted(&source.path, uri.query().unwrap_or_default(), dest, mode)?;
        let docroot::Content::Memory(bytes) = &source.content else { return None };
        let url = source.url.to_string();
        let (compiler, bytes) = (Arc::clone(&modules.compiler), bytes.clone());
        let (path, name) = (source.path.clone(), url.clone());
        let made = tokio::task::spawn_blocking(move || {
            let made = compiler.module(&path, &name, &bytes, ask)?;
            let settings = match &made {
                Output::Module(module) => read(&module.files),
                Output::Unchanged | Output::Sheet(_) => Vec::new(),
            };
            Ok((made, settings))
        });
        match made.await {
            Ok(Ok((Output::Unchanged, _))) => {
                self.mended(&url);
                None
            }
            Ok(Ok((Output::Sheet(text), _))) => {
                self.mended(&url);
                let sheet = Representation::of_bytes(StatusCode::OK, CSS, text);
                Some(sheet.answer(method, headers))
            }
            Ok(Ok((Output::Module(module), settings))) => {
                self.mended(&url);
                self.depends(&url, settings);
                Some(self.compiled(modules, source, &url, &module).answer(method, headers))
            }
            Ok(Err(fault)) => Some(self.failed(&url, fault)),
            Err(stopped) => Some(plain(StatusCode::INTERNAL_SERVER_ERROR, format!("{stopped}\n"))),
        }
    }

    /// What decides whether a file that is sent as it is would be sent as a module.
    pub(super) fn module_varies(&self, source: &Source, uri: &Uri) -> Option<&'static str> {
        self.modules.as_ref()?;
        let query = uri.query().unwrap_or_default();
        let ask = Compiler::wanted(&source.path, query, Some("script"), Some("cors"));
        ask.map(|_| VARIES)
    }

    /// A change of what says how to compile concerns whoever uses what was compiled.
    fn depends(&self, url: &str, settings: Vec<(PathBuf, ContentHash)>) {
        for (file, content_hash) in settings {
            for used in self.root.urls_of(&file, false) {
                self.watch.note(&file, PathState::File(content_hash));
                self.reload.hub.observe(&User::Path(url.to_owned()), &used.to_string());
            }
        }
    }

    /// What a module's compiling came to, with the stamps of now.
    fn compiled(
        &self,
        modules: &Modules,
        source: &Source,
        url: &str,
        module: &Compiled,
    ) -> Representation {
        let hub = &self.reload.hub;
        modules.note_globs(url, &module.globs);
        let installed = modules.installed().compiled(url, &source.path, &module.packages);
        if let Some(change) = installed {
            hub.publish(&ChangeSet::from_iter([change]));
        }
        let mut importers = modules.importers.lock().unwrap_or_else(PoisonError::into_inner);
        let orphans = importers.compiled(url, &module.imports, hub.version());
        let stamp = |path: &str| {
            let below = importers.below(path);
            hub.last_change(below.iter().copied()).max(importers.left(below.into_iter()))
        };
        let code = module.stamped(stamp);
        drop(importers);
        for path in &orphans {
            self.mended(path);
        }
        let mut made = Representation::of_bytes(StatusCode::OK, JAVASCRIPT, code);
        made.varies = vec![VARIES];
        made
    }

    /// What lies in a package.
    pub(super) async fn package(
        &self,
        rest: &str,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Response {
        let nothing = || plain(StatusCode::NOT_FOUND, format!("There is no {}.\n", uri.path()));
        let Some(modules) = &self.modules else { return nothing() };
        let packages = Arc::clone(modules.compiler.packages());
        let (rest, query) = (rest.to_owned(), uri.query().unwrap_or_default().to_owned());
        match tokio::task::spawn_blocking(move || packages.answer(&rest, &query)).await {
            Ok(None) => nothing(),
            Ok(Some(Ok(pack))) => {
                self.mended(uri.path());
                let mut made = Representation::of_bytes(StatusCode::OK, JAVASCRIPT, pack.body);
                let octets = HeaderValue::from_static("application/octet-stream");
                made.content_type = HeaderValue::from_str(&pack.media_type).unwrap_or(octets);
                let mut response = made.answer(method, headers);
                if pack.immutable {
                    response.headers_mut().insert(CACHE_CONTROL, FOR_GOOD);
                }
                response
            }
            Ok(Some(Err(fault))) => self.failed(uri.path(), fault),
            Err(stopped) => plain(StatusCode::INTERNAL_SERVER_ERROR, format!("{stopped}\n")),
        }
    }

    /// The import map that the scripts in a page need, as an element.
    pub(super) async fn import_map(&self, source: &Source) -> String {
        let (Some(modules), docroot::Content::Memory(bytes)) = (&self.modules, &source.content)
        else {
            return String::new();
        };
        let url = source.url.to_string();
        // Most pages import nothing themselves, and are not to pay for another thread.
        if !esm::may_import(bytes) {
            self.mended(&url);
            return String::new();
        }
        let (compiler, bytes) = (Arc::clone(&modules.compiler), bytes.clone());
        let path = source.path.clone();
        let made = tokio::task::spawn_blocking(move || compiler.import_map(&path, &bytes)).await;
        match made {
            Ok(Ok(map)) => {
                self.mended(&url);
                map.map_or_else(String::new, |map| {
                    let nonce = self.csp.nonce();
                    format!("<script type=\"importmap\" nonce=\"{nonce}\">{map}</script>")
                })
            }
            Ok(Err(fault)) => {
                self.failed(&url, fault);
                String::new()
            }
            Err(_) => String::new(),
        }
    }

    /// A source is at fault: says so.
    fn failed(&self, url: &str, fault: esm::Fault) -> Response {
        let fault = said(url, fault, self.root.path());
        let text = serde_json::to_string(&fault).unwrap_or_default();
        if self.reload.hub.fault(url, Some(fault.clone())) {
            self.events.emit(Event::SourceFault(fault));
        }
        let mut response = plain(StatusCode::INTERNAL_SERVER_ERROR, Bytes::from(text));
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(hyper::header::CONTENT_TYPE, json);
        response
    }

    /// A source is not at fault.
    pub(super) fn mended(&self, url: &str) {
        self.reload.hub.fault(url, None);
    }
}

/// Which content these files have. Blocking.
fn read(files: &[PathBuf]) -> Vec<(PathBuf, ContentHash)> {
    let read = |file: &PathBuf| Some((file.clone(), docroot::read(file).ok()?.content_hash));
    files.iter().filter_map(read).collect()
}

/// A fault as it is told, with the file named from the served folder on.
fn said(url: &str, fault: esm::Fault, root: &Path) -> Fault {
    let esm::Fault { file, place, message, frame, help } = fault;
    let file = file.strip_prefix(root).unwrap_or(&file).to_string_lossy().into_owned();
    let (line, column) = place.unzip();
    Fault { path: url.to_owned(), file, line, column, message, frame, help }
}
