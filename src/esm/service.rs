//! Serves the files of a project and its packages as ES modules.
//!
//! [`Esm`] owns everything that outlives a request: the compiler with its cache, which module
//! imports which ([`importers`](super::importers)), the `import.meta.glob` patterns, and the
//! packages that modules import ([`installed`](super::installed)). It answers with plain
//! [outcomes](super::outcome) and knows neither HTTP responses, nor open tabs, nor the file
//! watcher.
//!
//! Import URLs carry the version of the last change below them, so that a browser, which runs each
//! URL once, runs a changed module again.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use hyper::HeaderMap;

use super::{
    compile_error::CompileError,
    compiler::{
        CompiledModule, CompiledSheet, Compiler, FetchMetadata, ModuleSpec, Output,
        refers_to_variables,
    },
    definition::{Definition, Definitions},
    dependents::Dependents,
    describe::describe,
    disk_view::DiskView,
    glob_table::GlobTable,
    importers::Importers,
    installed::{Installed, Sample},
    lock::lock,
    outcome::{
        Module, ModuleOutcome, ModuleRequest, PackageOutcome, PageVariables, StyleSheet, Versions,
    },
    page::{import_map, may_import},
    progress::Progress,
    resolve::{Target, is_installed, linked_packages},
    source_position::RecentPacks,
    vite_config,
    vite_settings::ViteSettings,
    workers::{Limits, Stopped, Workers},
};
use crate::{
    change::{Change, ChangeSet, Kind},
    docroot::{self, ContentHash, Root},
    event::{ConfigNotice, Events},
    fault::Fault,
    http::{media_type::is_style_sheet, own_paths::PACKAGES, url_path::UrlPath},
};

/// Files that decide how specifiers resolve; installing a package writes them.
const CONFIGURATION: [&str; 7] = [
    "package.json",
    "tsconfig.json",
    "jsconfig.json",
    "package-lock.json",
    "pnpm-lock.yaml",
    "yarn.lock",
    "bun.lock",
];

/// How long a compilation may take that a compiler of the project takes part in. The toolchain ends
/// what takes longer than 25 s.
const TOOLS_DEADLINE: Duration = Duration::from_mins(1);

/// The message about a module that would contain a large file.
const TOO_LARGE: &str = "this file is too large to be a module: more than 4 MiB";
const USE_URL: &str = "import its URL, with ?url, and fetch it";

/// ESM support for one served folder.
pub(crate) struct Esm {
    pub(super) folders: Arc<Root>,
    pub(super) compiler: Arc<Compiler>,
    importers: Mutex<Importers>,
    globs: GlobTable,
    dependents: Dependents,
    installed: Mutex<Installed>,
    pub(super) workers: Workers,
    progress: Progress,
    pub(super) definitions: Arc<Definitions>,
    pub(super) recent_packs: RecentPacks,
}

impl Esm {
    /// Creates ESM support for the root of the served folders. URL paths that begin with one of
    /// `backend_prefixes` belong to a backend, so imports of them stay as they are. `settings` are
    /// those of the project's `vite.config.*`.
    ///
    /// # Blocking
    /// Reads lock files.
    #[allow(clippy::unnecessary_wraps)] // The stub without the feature `esm` returns `None`.
    pub(crate) fn new(
        folders: Arc<Root>,
        backend_prefixes: Vec<String>,
        settings: Arc<ViteSettings>,
        events: Events,
    ) -> Option<Self> {
        let progress = Progress::new(events.clone());
        let compiler = Compiler::new(Arc::clone(&folders), settings, events);
        Some(Self {
            compiler: Arc::new(compiler.with_routes(backend_prefixes)),
            importers: Mutex::default(),
            globs: GlobTable::default(),
            dependents: Dependents::default(),
            installed: Mutex::default(),
            workers: Workers::new(Limits::default()),
            progress,
            definitions: Arc::default(),
            recent_packs: RecentPacks::default(),
            folders,
        })
    }

    /// Reads the `vite.config.*` in a folder, without running it: its settings, and what of it has
    /// no effect. Returns `None` if there is none.
    ///
    /// # Blocking
    /// Reads files.
    pub(crate) fn read_settings(folder: &Path) -> Option<(ViteSettings, Vec<ConfigNotice>)> {
        vite_config::read(folder)
    }

    /// Returns the packages outside of a root that are sources of its project: their names, and the
    /// real paths of their folders.
    ///
    /// # Blocking
    /// Lists folders.
    pub(crate) fn linked_packages(root: &Path) -> Vec<(String, PathBuf)> {
        linked_packages(root)
    }

    /// Ends the processes that compile, before the server ends.
    ///
    /// # Blocking
    /// Waits for the processes.
    pub(crate) fn stop(&self) {
        self.compiler.stop();
    }

    /// Returns whether a script could import this file as it is.
    pub(crate) fn is_module(file: &Path) -> bool {
        ModuleSpec::of_request(file, "", FetchMetadata::MODULE).is_some()
    }

    /// Returns whether a script could get this file compiled, or a page this style sheet, so that the
    /// response depends on [`VARY`](super::VARY). `content` is that of the file, if it is known.
    pub(crate) fn may_compile(&self, file: &Path, query: &str, content: Option<&[u8]>) -> bool {
        ModuleSpec::of_request(file, query, FetchMetadata::MODULE).is_some()
            || file.to_str().is_some_and(is_style_sheet)
                && (file.extension().is_none_or(|it| !it.eq_ignore_ascii_case("css"))
                    || self.compiler.may_transform(file, content.unwrap_or_default()))
    }

    /// Returns whether compilers of the project may run to answer a request for a file.
    ///
    /// # Blocking
    /// Looks for the compilers.
    pub(crate) fn runs_compilers(file: &Path, query: &str, headers: &HeaderMap) -> bool {
        let spec = ModuleSpec::of_request(file, query, FetchMetadata::of(headers));
        spec.is_some_and(|spec| {
            spec.may_need_tools(file) && (!spec.is_script() || Compiler::has_own_compiler(file))
        })
    }

    /// Returns whether a page has an import map, or inline module scripts that may import
    /// something, so that it needs [`import_map`](Self::import_map).
    pub(crate) fn may_import(html: &[u8]) -> bool {
        may_import(html)
    }

    /// Inserts the variables that a page refers to (`%VITE_TITLE%`). Returns `None` if it refers to
    /// none, or the folder is no project.
    pub(crate) async fn insert_variables(
        &self,
        file: &Path,
        html: &Bytes,
    ) -> Option<PageVariables> {
        let settings = self.compiler.settings();
        if !str::from_utf8(html).is_ok_and(|html| refers_to_variables(html, settings)) {
            return None;
        }
        let (compiler, page, path) = (Arc::clone(&self.compiler), html.clone(), file.to_owned());
        let job = ("variables", file, docroot::ContentHash::of(html).0);
        let insert = move || {
            let (html, files) = compiler.insert_variables(&path, str::from_utf8(&page).ok()?)?;
            Some(PageVariables { html: html.into(), configuration: read_hashes(&files) })
        };
        self.workers.run(job, insert).await.ok()?
    }

    /// Compiles a file, or returns `None` if the request is not for a module.
    pub(crate) async fn module(
        &self,
        request: ModuleRequest<'_>,
        versions: &(impl Versions + Sync),
    ) -> Option<ModuleOutcome> {
        let ModuleRequest { file, url, requested, content, query, headers, disk } = request;
        let spec = ModuleSpec::of_request(file, query, FetchMetadata::of(headers))?;
        let content = match content {
            Some(content) => content,
            None if spec.is_script() => return None,
            None if spec.needs_content() => {
                let error = CompileError::of_file(file, TOO_LARGE.to_owned());
                let error = error.with_help(Some(USE_URL.to_owned()));
                let fault = describe(&self.folders, url, error);
                return Some(ModuleOutcome::Error(fault, Vec::new()));
            }
            None => &Bytes::new(),
        };
        let compiler = Arc::clone(&self.compiler);
        let name = if spec.exports_url() { requested } else { url };
        let (path, name, bytes) = (file.to_owned(), name.to_owned(), content.clone());
        let disk = Arc::clone(disk);
        let job = (file, name.clone(), query, spec, docroot::ContentHash::of(content).0);
        let compiling = self.workers.run_within(self.deadline(spec, file), job, move || {
            let output = compiler.compile(&path, &name, &bytes, spec, &disk);
            let failed = |error: CompileError| Box::new((read_hashes(&error.related), error));
            let output = output.map_err(failed)?;
            let files = FilesRead::of(&output);
            Ok::<_, Box<(_, CompileError)>>((output, files))
        });
        Some(match self.progress.watch(url, compiling).await {
            Ok(Ok((Output::Unchanged, _))) => ModuleOutcome::AsIs,
            Ok(Ok((Output::Module(compiled), files))) => {
                ModuleOutcome::Module(self.stamp(file, url, &compiled, files, versions))
            }
            Ok(Ok((Output::StyleSheet(sheet), FilesRead { dependencies, .. }))) => {
                self.dependents.record(url, &sheet.dependencies);
                ModuleOutcome::StyleSheet(StyleSheet { text: sheet.text, dependencies })
            }
            Ok(Err(failed)) => {
                let (related, error) = *failed;
                // A change of one of them, or its creation, may fix the error.
                if !error.related.is_empty() {
                    self.dependents.record(url, &error.related);
                }
                ModuleOutcome::Error(describe(&self.folders, url, error), related)
            }
            Err(stopped) => {
                ModuleOutcome::Error(self.describe_stop(url, file, stopped), Vec::new())
            }
        })
    }

    /// Compiles a file and converts it to a definition. Returns `None` if the file is not a module or
    /// has an error. The browser then requests the file, and the response reports the error.
    pub(crate) async fn definition(
        &self,
        request: ModuleRequest<'_>,
        versions: &(impl Versions + Sync),
    ) -> Option<(Arc<Definition>, Module)> {
        let ModuleRequest { file, url, requested, content, query, headers, disk } = request;
        let spec = ModuleSpec::of_request(file, query, FetchMetadata::of(headers))?;
        let content = match content {
            Some(content) => content.clone(),
            None if spec.needs_content() => return None,
            None => Bytes::new(),
        };
        let compiler = Arc::clone(&self.compiler);
        let definitions = Arc::clone(&self.definitions);
        let name = if spec.exports_url() { requested } else { url };
        let (path, name, disk) = (file.to_owned(), name.to_owned(), Arc::clone(disk));
        let job = ("definition", file, name.clone(), query, docroot::ContentHash::of(&content).0);
        let compiling = self.workers.run_within(self.deadline(spec, file), job, move || {
            let module = match compiler.compile(&path, &name, &content, spec, &disk).ok()? {
                Output::Module(module) => module,
                Output::StyleSheet(_) => return None,
                Output::Unchanged => {
                    let mut module = CompiledModule::default();
                    module.code = String::from_utf8(content.to_vec()).ok()?;
                    Arc::new(module)
                }
            };
            let definition = definitions.get_or_convert(&name, &module.code)?;
            let files = FilesRead::of_module(&module);
            Some((definition, module, files))
        });
        let (definition, compiled, files) = self.progress.watch(url, compiling).await.ok()??;
        let module = self.record(file, url, &compiled, files, versions);
        Some((definition, module))
    }

    /// Returns the versions of those of these URL paths, imported by one module, below which
    /// something has changed.
    pub(crate) fn stamps<'p>(
        &self,
        from: &str,
        paths: impl Iterator<Item = &'p str>,
        versions: &impl Versions,
    ) -> HashMap<String, u64> {
        let changed = |path: &str| versions.last_change(&mut std::iter::once(path));
        let paths: Vec<_> = paths.map(str::to_owned).collect();
        let importers = lock(&self.importers);
        let found = importers.versions(from, paths.iter().map(String::as_str), changed);
        found.into_iter().filter_map(|(path, version)| Some((path.to_owned(), version?))).collect()
    }

    /// Returns the pack of package files at these URLs and all that they need. `map_url` is the URL
    /// of its source map; without it, returns the source map.
    pub(crate) async fn package_pack(
        &self,
        urls: Vec<String>,
        map_url: Option<String>,
    ) -> Result<String, Fault> {
        let packages = Arc::clone(self.compiler.packages());
        let job = ("packages", urls.clone());
        let make = move || match map_url {
            Some(map_url) => packages.pack_of(&urls, &map_url),
            None => packages.map_of_pack(&urls),
        };
        let compiling = self.workers.run_within(TOOLS_DEADLINE, job, make);
        match self.progress.watch("/node_modules", compiling).await {
            Ok(Ok(text)) => Ok(text),
            Ok(Err(error)) => Err(describe(&self.folders, "/node_modules", error)),
            Err(stopped) => {
                Err(self.describe_stop("/node_modules", Path::new("node_modules"), stopped))
            }
        }
    }

    /// Records what a compiled module imports, and stamps its imports with the current versions.
    fn stamp(
        &self,
        file: &Path,
        url: &str,
        compiled: &CompiledModule,
        files: FilesRead,
        versions: &impl Versions,
    ) -> Module {
        let mut module = self.record(file, url, compiled, files, versions);
        let stamps = self.stamps(url, compiled.imports.iter().map(String::as_str), versions);
        module.code = compiled.with_stamps(|path| stamps.get(path).copied());
        module
    }

    /// Records what a compiled module imports. Returns it without its code.
    fn record(
        &self,
        file: &Path,
        url: &str,
        compiled: &CompiledModule,
        files: FilesRead,
        versions: &impl Versions,
    ) -> Module {
        self.dependents.record(url, &compiled.dependencies);
        self.globs.record(url, &compiled.globs);
        let reinstalled = lock(&self.installed).record(url, file, &compiled.packages);
        let orphans = lock(&self.importers).record(url, &compiled.imports, versions.current());
        let uses_packages = !compiled.packages.is_empty();
        Module {
            code: String::new(),
            configuration: files.configuration,
            dependencies: files.dependencies,
            uses_packages,
            orphans,
            reinstalled,
        }
    }

    /// Returns the import map that the inline module scripts of a page need, as JSON.
    ///
    /// # Errors
    /// The page imports something that does not resolve.
    pub(crate) async fn import_map(
        &self,
        file: &Path,
        url: &str,
        html: &Bytes,
    ) -> Result<Option<String>, Fault> {
        let (compiler, page, html) = (Arc::clone(&self.compiler), file.to_owned(), html.clone());
        let job = (file, docroot::ContentHash::of(&html).0);
        match self.workers.run(job, move || import_map(&compiler, &page, &html)).await {
            Ok(map) => map.map_err(|error| describe(&self.folders, url, error)),
            Err(stopped) => Err(self.describe_stop(url, file, stopped)),
        }
    }

    /// Answers `/__livers/npm/<path>?<query>`.
    pub(crate) async fn package(&self, path: &str, query: &str) -> PackageOutcome {
        let compiler = Arc::clone(&self.compiler);
        let (asked, parameters) = (path.to_owned(), query.to_owned());
        let answer = move || compiler.package(&asked, &parameters);
        let compiling = self.workers.run_within(TOOLS_DEADLINE, (path, query), answer);
        match self.progress.watch("/node_modules", compiling).await {
            Ok(Ok(None)) => PackageOutcome::NotFound,
            Ok(Ok(Some(response))) => PackageOutcome::Found(response),
            Ok(Err(error)) => {
                PackageOutcome::Error(describe(&self.folders, &format!("{PACKAGES}{path}"), error))
            }
            Err(stopped) => {
                let url = format!("{PACKAGES}{path}");
                PackageOutcome::Error(self.describe_stop(&url, Path::new(path), stopped))
            }
        }
    }

    /// Returns the URL of the package file that a style sheet imports by the package's name.
    ///
    /// A browser resolves `@import "normalize.css"` against the URL of the sheet, so `path` is
    /// beside the sheet, and has no file.
    pub(crate) async fn resolve_from_sheet(&self, path: &str, sheet: &str) -> Option<String> {
        let folder = &sheet[..=sheet.rfind('/').filter(|_| is_style_sheet(sheet))?];
        let specifier = path.strip_prefix(folder).filter(|rest| !rest.is_empty())?.to_owned();
        let from = self.disk_path(sheet)?;
        let packages = Arc::clone(self.compiler.packages());
        let resolve = move || packages.resolve_from_sheet(&specifier, &from, &DiskView::default());
        match self.workers.run((path, sheet), resolve).await.ok()?? {
            Target::Package(url) => Some(url),
            Target::File(file) => {
                self.folders.urls_of(&file, false).first().map(UrlPath::to_string)
            }
            _ => None,
        }
    }

    /// Updates the caches after files changed. Returns `None` if all imports resolve as before, or
    /// else further changes to publish: modules whose `import.meta.glob` patterns match a created
    /// or removed file, and an installation of packages.
    ///
    /// # Blocking
    /// May resolve a specifier on the disk.
    pub(crate) fn changed(&self, changes: &ChangeSet) -> Option<ChangeSet> {
        let is_configuration =
            |path: &str| CONFIGURATION.contains(&path.rsplit('/').next().unwrap_or_default());
        let moved = || changes.iter().filter(|(_, kind)| *kind != Kind::Modified);
        let configured = changes.iter().any(|(path, _)| is_configuration(path));
        let made = self.made_from(changes);
        if !configured && moved().next().is_none() {
            return (!made.is_empty()).then(|| made.into_iter().collect());
        }
        self.compiler.forget_lookups();
        self.forget_removed(changes);
        let moved: Vec<_> = moved().filter_map(|(path, _)| self.disk_path(path)).collect();
        let mut dependents = self.globs.matching(&moved);
        dependents.extend(made);
        dependents.extend(self.appeared(changes));
        if configured {
            dependents.extend(self.reinstalled());
        }
        Some(dependents)
    }

    /// Returns the changes of the sheets and components that were made from changed files.
    fn made_from(&self, changes: &ChangeSet) -> Vec<Change> {
        if self.dependents.is_empty() {
            return Vec::new();
        }
        let mut users = BTreeSet::new();
        let mut files = Vec::new();
        for (path, kind) in changes.iter() {
            let Some(file) = self.disk_path(path) else { continue };
            users.extend(self.dependents.of(&file));
            if kind != Kind::Modified {
                users.extend(self.dependents.of_folders_above(&file));
            }
            files.push(file);
        }
        if !self.compiler.depends_on_texts() {
            return to_changes(users);
        }
        let compiler = Arc::clone(&self.compiler);
        let job = ("sheets", files.clone());
        let sheets = self.workers.run_blocking(job, move || compiler.sheets_changed_by(&files));
        // Whether they have changed is found out when pages request them.
        let sheets = sheets.unwrap_or_else(|_| self.compiler.sheets_of_texts());
        let url = |file: &PathBuf| Some(self.folders.urls_of(file, false).first()?.to_string());
        users.extend(sheets.iter().filter_map(url));
        to_changes(users)
    }

    /// Returns a change to publish if packages were installed, or if that cannot be found out soon.
    fn reinstalled(&self) -> Option<Change> {
        let Sample { specifier, file, url } = lock(&self.installed).sample()?;
        let packages = Arc::clone(self.compiler.packages());
        let job = (specifier.clone(), file.clone());
        let resolve = move || packages.still_resolves_to(&specifier, &file, &url);
        let still_resolves = self.workers.run_blocking(job, resolve) == Ok(true);
        (!still_resolves).then(|| lock(&self.installed).clear())
    }

    /// Returns the URLs at which created files in `public/` have appeared: pages may wait for them.
    fn appeared(&self, changes: &ChangeSet) -> Vec<Change> {
        let created = changes.iter().filter(|(_, kind)| *kind == Kind::Created);
        let urls = created.filter_map(|(path, _)| self.public_url(path));
        urls.filter(|url| self.disk_path(url).is_some_and(|file| !file.exists()))
            .map(|path| Change { path, kind: Kind::Created })
            .collect()
    }

    /// Removes the cached modules of removed files.
    fn forget_removed(&self, changes: &ChangeSet) {
        let removed = || changes.iter().filter(|(_, kind)| *kind == Kind::Removed);
        let files: HashSet<_> = removed().filter_map(|(path, _)| self.disk_path(path)).collect();
        if files.is_empty() {
            return;
        }
        self.compiler.forget(&files);
        let mut importers = lock(&self.importers);
        removed().for_each(|(path, _)| {
            importers.forget(path);
            self.globs.record(path, &[]);
        });
    }

    /// Returns the disk path of a URL path, whether or not it exists.
    pub(super) fn disk_path(&self, path: &str) -> Option<PathBuf> {
        self.folders.disk_path(&UrlPath::parse(path).ok()?)
    }

    /// Returns how long a compilation may take.
    fn deadline(&self, spec: ModuleSpec, file: &Path) -> Duration {
        if spec.may_need_tools(file) { TOOLS_DEADLINE } else { self.workers.limits.deadline }
    }

    /// Describes a job that has no result.
    fn describe_stop(&self, url: &str, file: &Path, stopped: Stopped) -> Fault {
        describe(&self.folders, url, CompileError::of_file(file, stopped.message()))
    }
}

/// Returns these paths as modified.
fn to_changes(paths: BTreeSet<String>) -> Vec<Change> {
    paths.into_iter().map(|path| Change { path, kind: Kind::Modified }).collect()
}

/// What was read to compile a file, apart from the file itself.
#[derive(Default)]
struct FilesRead {
    configuration: Vec<(PathBuf, ContentHash)>,
    /// Without those of installed packages, which are not watched.
    dependencies: Vec<(PathBuf, ContentHash)>,
}

impl FilesRead {
    /// # Blocking
    /// Reads the files.
    fn of(output: &Output) -> Self {
        match output {
            Output::Unchanged => Self::default(),
            Output::Module(module) => Self::of_module(module),
            Output::StyleSheet(CompiledSheet { dependencies, .. }) => {
                Self { dependencies: read_sources(dependencies), ..Self::default() }
            }
        }
    }

    /// # Blocking
    /// Reads the files.
    fn of_module(module: &CompiledModule) -> Self {
        Self {
            configuration: read_hashes(&module.config_files),
            dependencies: read_sources(&module.dependencies),
        }
    }
}

/// Returns the content of those of these files that are not in installed packages.
fn read_sources(files: &[PathBuf]) -> Vec<(PathBuf, ContentHash)> {
    let sources: Vec<_> = files.iter().filter(|file| !is_installed(file)).cloned().collect();
    read_hashes(&sources)
}

/// Returns the content of each of these files that can be read, as its hash.
fn read_hashes(files: &[PathBuf]) -> Vec<(PathBuf, ContentHash)> {
    let read = |file: &PathBuf| Some((file.clone(), docroot::examine(file).ok()?.0));
    files.iter().filter_map(read).collect()
}
