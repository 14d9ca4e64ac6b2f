//! Compiler for the files of a project: turns each one into an ES module that a browser can run.
//!
//! [`ModuleSpec`] classifies a request, and [`Compiler::compile`] answers it:
//!
//! - a script (JavaScript, TypeScript, JSX) is transformed, and its import specifiers become URLs
//!   ([`script`], [`mod@link`]);
//! - a style sheet becomes a module that inserts it ([`style_sheet`]), or CSS, after the project's
//!   own compilers made CSS of it ([`preprocess`]);
//! - a `.module.css` becomes a scoped style sheet and a module that exports its names
//!   ([`css_module`]);
//! - a component becomes a script with its style sheets ([`mod@component`]);
//! - a `.wasm` becomes a module that instantiates it ([`wasm`]);
//! - any other imported file becomes a small module with its URL, text or values ([`asset`]).
//!
//! `tsconfig.json` and `jsconfig.json` set the options ([`tsconfig`]), and `.env` files provide
//! `import.meta.env` ([`mod@env`]).
//!
//! Results are cached together with all that they were compiled from ([`cache`]). Lookups compare
//! these inputs with the disk, so the cache needs no notification of changes.
//!
//! Not supported on purpose: type checking, and standard decorators, which the transformer does not
//! implement.

mod asset;
mod cache;
mod component;
mod config_files;
mod css_module;
mod env;
mod fetch_metadata;
mod file_exports;
mod file_type;
mod glob;
mod import_maps;
mod link;
mod missing_exports;
mod module_spec;
mod output;
mod preprocess;
mod project;
mod script;
mod served_project;
mod stamps;
mod style_sheet;
mod suggestion;
mod tailwind;
#[cfg(test)]
mod tests;
mod tools;
mod tsconfig;
mod wasm;

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashSet},
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use xxhash_rust::xxh3::xxh3_128;

use self::{
    cache::{Entry, Inputs, Key, ModuleCache},
    component::{Component, ComponentKind, JsxCompiler},
    env::{Env, EnvReader},
    file_exports::ExportTable,
    file_type::Language,
    link::{ImportedNames, Link, link},
    missing_exports::{ExportChecker, NamedImports},
    module_spec::ModuleKind,
    preprocess::Css,
    project::{Project, RecordingProject},
    script::{Compiled, Job, MAX_VISITED, Original, Script},
    served_project::{ProjectView, Resolve, ServedProject},
    tailwind::Tailwind,
    tools::Tools,
    tsconfig::OptionsFinder,
};
pub(crate) use self::{
    env::{dotenv_variables, public_variables, refers_to_variables},
    fetch_metadata::FetchMetadata,
    glob::Glob,
    module_spec::ModuleSpec,
    output::{CompiledModule, CompiledSheet, Output},
    script::bare_imports,
};
use super::{
    compile_error::CompileError,
    disk_view::DiskView,
    outcome::{PackageContent, PackageResponse},
    packages::Packages,
    resolve::Resolver,
    stack::{self, run_with_stack_if_deep},
    toolchain::Toolchain,
    vite_settings::ViteSettings,
};
use crate::{
    docroot::{self, Root},
    event::Events,
    http::own_paths::PACKAGES,
};

/// The size of a style sheet of a package, bytes.
const MAX_SHEET: u64 = 4 << 20;

/// Compiles the files of one project, and caches the results.
pub(crate) struct Compiler {
    project: ServedProject,
    options: OptionsFinder,
    env: EnvReader,
    cache: ModuleCache,
    exports: ExportTable,
    toolchain: Arc<Toolchain>,
    tailwind: Tailwind,
    settings: Arc<ViteSettings>,
    /// Whether a script has been compiled.
    has_compiled: AtomicBool,
}

impl Compiler {
    /// Creates a compiler for the project in the served folders, with the settings of its
    /// `vite.config.*`. Reads nothing yet.
    pub(crate) fn new(folders: Arc<Root>, settings: Arc<ViteSettings>, events: Events) -> Self {
        let linked = folders.linked().map(Path::to_owned).collect();
        let resolver = Resolver::new(folders.path()).with_linked(linked).with_settings(&settings);
        let resolver = Arc::new(resolver);
        let shared = Arc::clone(&resolver);
        let resolve = Box::new(move |specifier: &str, from: &Path, disk: &DiskView| {
            shared.resolve(specifier, from, disk)
        });
        Self::with_resolve(folders, resolver, resolve, settings, events)
    }

    fn with_resolve(
        folders: Arc<Root>,
        resolver: Arc<Resolver>,
        resolve: Resolve,
        settings: Arc<ViteSettings>,
        events: Events,
    ) -> Self {
        let toolchain = Arc::new(Toolchain::new(folders.path(), events));
        let compiling = Arc::clone(&toolchain);
        let jsx = JsxCompiler::of(&settings, None);
        let packages = Packages::new(resolver).with_compile(Box::new(move |path, read| {
            component::compile_installed(&compiling, jsx.as_ref(), path, read)
        }));
        Self {
            project: ServedProject::new(folders, Arc::new(packages), resolve),
            options: OptionsFinder::default(),
            env: EnvReader::new(Arc::clone(&settings)),
            cache: ModuleCache::new(),
            exports: ExportTable::new(),
            toolchain,
            tailwind: Tailwind::default(),
            settings,
            has_compiled: AtomicBool::new(false),
        }
    }

    /// Leaves imports of URL paths with one of these prefixes to the backend that serves them.
    pub(crate) fn with_routes(mut self, prefixes: impl IntoIterator<Item = String>) -> Self {
        self.project.set_routes(prefixes);
        self
    }

    /// Returns the settings of the project's `vite.config.*`.
    pub(crate) fn settings(&self) -> &Arc<ViteSettings> {
        &self.settings
    }

    /// Returns the packages that the project imports.
    pub(crate) fn packages(&self) -> &Arc<Packages> {
        &self.project.packages
    }

    /// Leaves imports of the specifiers in a page's own import maps to the browser.
    pub(super) fn set_import_maps(&self, page: &Path, maps: &[String]) {
        self.project.import_maps.set(page, maps);
    }

    /// Returns the URL for a specifier that an inline script of a page imports with these names, or
    /// `None` if the browser resolves it by itself.
    ///
    /// # Blocking
    /// Resolves the specifier on the disk.
    ///
    /// # Errors
    /// Fails if the specifier cannot be resolved.
    pub(super) fn url_of_import(
        &self,
        specifier: &str,
        page: &Path,
        names: Vec<String>,
    ) -> Result<Option<String>, CompileError> {
        let disk = DiskView::default();
        self.packages().refresh_resolver(&disk);
        let names: BTreeSet<_> = names.into_iter().collect();
        let names = ImportedNames { default: false, names: Some(&names) };
        match link(&self.project.seen(&disk), page, specifier, None, names) {
            Link::File { url, .. } | Link::Url(url) => Ok(Some(url)),
            Link::Unchanged => Ok(None),
            Link::Missing { message, help } => {
                Err(CompileError::of_file(page, message).with_help(help))
            }
        }
    }

    /// Replaces `%NAME%` in a page of a project with a `package.json` by the variable of
    /// `import.meta.env`, as Vite does. Returns the page and the `.env` files.
    ///
    /// # Blocking
    /// Checks the `.env` files for changes.
    pub(super) fn insert_variables(
        &self,
        page: &Path,
        html: &str,
    ) -> Option<(String, Vec<PathBuf>)> {
        let disk = DiskView::default();
        let project = self.project.seen(&disk);
        if !self.settings.exist() {
            project.folders_of(page).next()?;
        }
        let env = self.env_of(&project, page);
        // The modules that use the variables report errors.
        let variables = serde_json::from_str(&env.object.ok()?).ok()?;
        Some((env::insert_variables(html, &variables), env.files))
    }

    /// Returns whether the project may have a compiler for a style sheet in CSS with this content.
    ///
    /// # Blocking
    /// Looks for configuration files.
    pub(crate) fn may_transform(&self, sheet: &Path, css: &[u8]) -> bool {
        preprocess::may_transform(self.project.root(), sheet, css)
    }

    /// Returns whether the CSS of a style sheet depends on the text of other files.
    pub(crate) fn depends_on_texts(&self) -> bool {
        !self.tailwind.is_empty()
    }

    /// Returns all such style sheets.
    pub(crate) fn sheets_of_texts(&self) -> Vec<PathBuf> {
        self.tailwind.sheets()
    }

    /// Returns the style sheets whose CSS depends on the text of these files, and is another one now.
    ///
    /// # Blocking
    /// Reads the files, and may run a compiler.
    pub(crate) fn sheets_changed_by(&self, files: &[PathBuf]) -> Vec<PathBuf> {
        let disk = DiskView::default();
        let project = self.project.seen(&disk);
        self.tailwind.changed(self.tools(&project), files)
    }

    /// Ends the processes that compile. Compilations that need one fail from now on.
    ///
    /// # Blocking
    /// Waits for the processes.
    pub(crate) fn stop(&self) {
        self.toolchain.stop();
    }

    /// Discards what was found out about configuration files and specifiers, after a configuration
    /// file changed or a file was created or removed.
    pub(crate) fn forget_lookups(&self) {
        self.packages().clear_resolver_cache();
        self.options.clear();
    }

    /// Drops the cached modules of removed files and of all files in removed folders.
    pub(crate) fn forget(&self, removed: &HashSet<PathBuf>) {
        self.cache.remove_below(removed);
    }

    /// Compiles a file with this content into the module that a request asks for.
    ///
    /// # Blocking
    /// Resolves imports on the disk. Needs the stack of a thread that [compiles](super::workers).
    ///
    /// # Errors
    /// Fails if the file, or a configuration file that applies to it, has an error, or if an import
    /// cannot be resolved.
    pub(crate) fn compile(
        &self,
        path: &Path,
        url: &str,
        bytes: &[u8],
        spec: ModuleSpec,
        disk: &DiskView,
    ) -> Result<Output, CompileError> {
        self.packages().refresh_resolver(disk);
        let project = &self.project.seen(disk);
        match spec.kind {
            ModuleKind::Script(language) => {
                let Ok(text) = std::str::from_utf8(bytes) else {
                    // A binary `.ts` is an MPEG transport stream.
                    return match language {
                        Language::Js | Language::Ts => Ok(Output::Unchanged),
                        Language::Jsx | Language::Tsx => Err(CompileError::of_file(
                            path,
                            "this file is not valid UTF-8".to_owned(),
                        )),
                    };
                };
                let text = text.strip_prefix('\u{feff}').unwrap_or(text);
                let tools = self.tools(project);
                let jsx = self.jsx_compiler(project, path, language)?;
                let jsx = jsx.as_ref();
                if let Some(component) =
                    component::compile_script(tools, path, url, text, language, jsx)?
                {
                    return self.compile_made_script(project, path, url, text, component, spec);
                }
                self.compile_script(project, path, url, Source::of(text, language), spec)
            }
            ModuleKind::Component(_) if !component::is_component(&self.settings, path) => {
                let code = asset::module(ModuleKind::Url, path, url, bytes)?;
                let module = CompiledModule { code, ..CompiledModule::default() };
                Ok(Output::Module(Arc::new(module)))
            }
            ModuleKind::Component(kind) => {
                self.compile_component(project, path, url, &text_of(bytes), kind, spec)
            }
            kind @ (ModuleKind::Css
            | ModuleKind::CssModule
            | ModuleKind::StyleSheet
            | ModuleKind::StyleSheetAndText
            | ModuleKind::StyleSheetPart
            | ModuleKind::StyleSheetText) => {
                self.compile_sheet(project, kind, path, url, &text_of(bytes))
            }
            ModuleKind::Wasm => {
                let module = wasm::module(project, path, url, bytes)?;
                Ok(Output::Module(Arc::new(module)))
            }
            kind => {
                let code = asset::module(kind, path, url, bytes)?;
                let module = CompiledModule { code, ..CompiledModule::default() };
                Ok(Output::Module(Arc::new(module)))
            }
        }
    }

    /// Returns what the last compilation of a script or component that succeeded has made of it.
    pub(crate) fn last_compiled(&self, path: &Path, url: &str, query: &str) -> Option<Output> {
        ModuleSpec::of_any_request(path, query).find_map(|spec| {
            let key = Key { path: path.to_owned(), url: url.to_owned(), spec };
            let module = self.cache.get(&key)?.module.clone();
            Some(module.map_or(Output::Unchanged, Output::Module))
        })
    }

    /// Answers a request below [`PACKAGES`], or returns `None` if no package has the file.
    ///
    /// # Blocking
    /// Reads and converts the file and its dependencies.
    ///
    /// # Errors
    /// The file cannot be compiled or converted.
    pub(crate) fn package(
        &self,
        path: &str,
        query: &str,
    ) -> Result<Option<PackageResponse>, CompileError> {
        let spec = ModuleSpec::of_request(Path::new(path), query, FetchMetadata::MODULE);
        if let Some(spec) = spec.filter(|spec| spec.may_need_tools(Path::new(path)))
            && let Some(file) = self.packages().uncompiled_sheet(path)
        {
            let failed = |error: io::Error| CompileError::of_file(&file, error.to_string());
            let bytes = docroot::read_bounded(&file, MAX_SHEET).map_err(failed)?;
            let disk = DiskView::default();
            let project = self.project.seen(&disk);
            let url = format!("{PACKAGES}{path}");
            let sheet = self.compile_sheet(&project, spec.kind, &file, &url, &text_of(&bytes))?;
            return Ok(match sheet {
                Output::Module(module) => {
                    let content = PackageContent::Script(module.code.clone().into());
                    // The configuration of the project may change it.
                    Some(PackageResponse { content, immutable: false })
                }
                Output::Unchanged | Output::StyleSheet(_) => None,
            });
        }
        self.packages().answer(path, query)
    }

    /// Returns the project's own compilers, for one request.
    fn tools<'p>(&'p self, project: &'p ProjectView<'p>) -> Tools<'p> {
        let Self { toolchain, tailwind, settings, .. } = self;
        Tools { toolchain, tailwind, settings, project }
    }

    /// Returns whether a script may have a compiler of its own.
    ///
    /// # Blocking
    /// Looks for the compiler.
    pub(crate) fn has_own_compiler(path: &Path) -> bool {
        let disk = DiskView::default();
        let mut tools = component::script_tools(path).iter();
        tools.any(|tool| Toolchain::version(*tool, path, &disk).is_some())
    }

    /// Returns the compiler of the project for the JSX in a file, if it has one.
    fn jsx_compiler(
        &self,
        project: &ProjectView<'_>,
        path: &Path,
        language: Language,
    ) -> Result<Option<JsxCompiler>, CompileError> {
        if !matches!(language, Language::Jsx | Language::Tsx) {
            return Ok(None);
        }
        let (options, _) = self.options.find(project.root(), path, language, project.disk)?;
        Ok(JsxCompiler::of(&self.settings, options.jsx_import_source.as_deref()))
    }

    /// Compiles a style sheet.
    fn compile_sheet(
        &self,
        project: &ProjectView<'_>,
        kind: ModuleKind,
        path: &Path,
        url: &str,
        text: &str,
    ) -> Result<Output, CompileError> {
        let tools = self.tools(project);
        let Css { text, dependencies } =
            preprocess::css(tools, path, url, preprocess::language_of(path), text)?;
        let module = match kind {
            ModuleKind::Css => {
                return Ok(match text {
                    Cow::Borrowed(_) => Output::Unchanged,
                    Cow::Owned(text) => Output::StyleSheet(CompiledSheet { text, dependencies }),
                });
            }
            ModuleKind::CssModule => css_module::module(project, path, url, &text)?,
            ModuleKind::StyleSheetText => {
                let code = asset::module(ModuleKind::Text, path, url, text.as_bytes())?;
                CompiledModule { code, ..CompiledModule::default() }
            }
            kind => style_sheet::module(project, kind, path, url, &text),
        };
        Ok(Output::Module(Arc::new(CompiledModule { dependencies, ..module })))
    }

    /// Compiles a component: first with the project's own compiler, then as a script.
    fn compile_component(
        &self,
        project: &ProjectView<'_>,
        path: &Path,
        url: &str,
        text: &str,
        kind: ComponentKind,
        spec: ModuleSpec,
    ) -> Result<Output, CompileError> {
        let tools = self.tools(project);
        let component = component::compile(kind, tools, path, url, text)?;
        self.compile_made_script(project, path, url, text, component, spec)
    }

    /// Compiles a script that a compiler of the project has made.
    fn compile_made_script(
        &self,
        project: &ProjectView<'_>,
        path: &Path,
        url: &str,
        text: &str,
        component: Component,
        spec: ModuleSpec,
    ) -> Result<Output, CompileError> {
        let Component { script, language, map, dependencies, .. } = component;
        let original = Original::parse(text, map.as_deref());
        let source = Source { text: &script, language, original: original.as_ref(), dependencies };
        let compiled = self.compile_script(project, path, url, source, spec);
        compiled.map_err(|error| match &original {
            Some(original) => original.locate(error),
            None => error,
        })
    }

    /// Compiles a script, or returns the cached result.
    fn compile_script(
        &self,
        project: &ProjectView<'_>,
        path: &Path,
        url: &str,
        source: Source<'_>,
        spec: ModuleSpec,
    ) -> Result<Output, CompileError> {
        let Source { text, language, original, dependencies } = source;
        let (options, mut config_files) =
            self.options.find(project.root(), path, language, project.disk)?;
        let options = options.with_settings(&self.settings);
        let env = self.env_of(project, path);
        config_files.extend(env.files);
        let key = Key { path: path.to_owned(), url: url.to_owned(), spec };
        let inputs = Inputs {
            text: xxh3_128(text.as_bytes()),
            original: original.map(|original| original.hash),
            dependencies,
            options,
            env: env.object.as_ref().map(|object| xxh3_128(object.as_bytes())).ok(),
            registers: language == Language::Js && self.registers_plain_modules(project),
            import_maps: self.project.import_maps.generation(),
        };
        let resolve = |specifier: &str| project.resolve(specifier, path);
        let is_served = project.served();
        if let Some(entry) = self.cache.get(&key)
            && entry.is_valid(&inputs, resolve, &is_served)
        {
            self.check_exports(project, path, text, &entry.named)?;
            return Ok(entry.module.clone().map_or(Output::Unchanged, Output::Module));
        }
        let recording = RecordingProject::new(project);
        let job = Job {
            path,
            url,
            text,
            original,
            language,
            context: spec.context,
            options: &inputs.options,
            env: env.object.as_deref(),
            registers: inputs.registers,
            project: &recording,
        };
        let compiled = run_with_stack_if_deep(text, stack::LEFT, || script::compile(&job));
        let compiled =
            compiled.unwrap_or_else(|error| Err(CompileError::of_file(path, error.message())))?;
        let Compiled { script, named } = compiled;
        let module = script.map(|script| {
            self.has_compiled.store(true, Ordering::Relaxed);
            let Script { code, slots, imports, globs, packages } = script;
            let dependencies = inputs.dependencies.clone();
            Arc::new(CompiledModule {
                code,
                imports,
                config_files,
                dependencies,
                globs,
                packages,
                slots,
            })
        });
        let globs = module.iter().flat_map(|module| &module.globs);
        let mut budget = MAX_VISITED;
        let matches =
            globs.map(|glob| (glob.clone(), glob.files(&mut budget, &is_served))).collect();
        let targets = recording.into_targets();
        let checked = self.check_exports(project, path, text, &named);
        self.cache.insert(key, Entry { inputs, module: module.clone(), targets, matches, named });
        checked?;
        Ok(module.map_or(Output::Unchanged, Output::Module))
    }

    /// Checks that the imported modules export these names.
    ///
    /// # Blocking
    /// Reads those that have changed.
    ///
    /// # Errors
    /// One of them does not.
    fn check_exports(
        &self,
        project: &dyn Project,
        path: &Path,
        text: &str,
        named: &[NamedImports],
    ) -> Result<(), CompileError> {
        let packages = &*self.project.packages;
        ExportChecker { project, packages, table: &self.exports }.check(path, text, named)
    }

    /// Returns `import.meta.env` of the project that a file is in: the `envDir` of `vite.config.*`,
    /// or the nearest folder with a `.env` file, or else the root.
    fn env_of(&self, project: &ProjectView<'_>, path: &Path) -> Env {
        let mut folders = project.folders_of(path);
        let folder = match &self.settings.env_dir {
            Some(folder) => Some(&**folder),
            None => folders.find(|folder| env::has_files(folder, project.disk)),
        };
        self.env.read(folder.unwrap_or(project.root()), project.disk)
    }

    /// Returns whether plain JavaScript modules register for hot updates, too. This is so in a
    /// project with sources that need compilation; a site of plain modules is served unchanged.
    fn registers_plain_modules(&self, project: &ProjectView<'_>) -> bool {
        self.has_compiled.load(Ordering::Relaxed) || project.has_manifest() || self.settings.exist()
    }
}

/// A script, and what it was made from.
struct Source<'s> {
    text: &'s str,
    language: Language,
    /// Set if the text was made from a component.
    original: Option<&'s Original<'s>>,
    /// The files that the text was made from, besides the file itself.
    dependencies: Vec<PathBuf>,
}

impl<'s> Source<'s> {
    /// Returns the source of a script that is compiled as it is.
    fn of(text: &'s str, language: Language) -> Self {
        Self { text, language, original: None, dependencies: Vec::new() }
    }
}

/// Decodes a text, without its byte order mark.
fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    let text = String::from_utf8_lossy(bytes);
    match text.strip_prefix('\u{feff}') {
        Some(text) => Cow::Owned(text.to_owned()),
        None => text,
    }
}
