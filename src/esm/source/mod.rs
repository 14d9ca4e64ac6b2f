//! One file of the project as a module for the browser.
//!
//! [`Compiler`] is the front: it says which requests are for a module ([`ask`]), and makes it: a
//! script ([`script`]), or a small module for what is imported and is no script ([`assets`]). What a
//! script imports becomes URLs ([`link`], [`rewrite`]); how it is written is said by `tsconfig.json`
//! ([`options`]) and by itself ([`pragma`]); `.env` files name values for it ([`mod@env`]).
//!
//! What was compiled is kept by its bytes. A kept module is used again only if each of its specifiers
//! still leads where it led, and if no file that says how to compile has changed: so a file that
//! comes where there was none is noticed without anybody telling.
//!
//! Left out on purpose: preprocessors, decorators of the standard
//! (which the transformer does not know), checking types.

mod ask;
mod assets;
mod cache;
mod compiled;
mod css_exports;
mod css_module;
mod css_tokens;
mod depth;
mod env;
mod facts;
mod glob;
mod globs;
mod imports;
mod inline;
mod link;
mod map;
mod options;
mod parse;
mod pragma;
mod project;
mod prologue;
mod rewrite;
mod scan;
mod script;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeSet, HashSet},
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use xxhash_rust::xxh3::xxh3_128;

pub(crate) use self::{
    ask::{Ask, is_css_module},
    compiled::{Compiled, Output},
    glob::Glob,
    inline::inline_imports,
};
use self::{
    ask::{Language, What},
    cache::Cache,
    depth::Undone,
    options::{Finder, Options},
    project::{Project, Seen},
};
use super::{Fault, Packages, Resolver, Target};
use crate::http::url_path::UrlPath;

/// How much of what was compiled is kept, bytes.
const KEPT: usize = 64 * 1024 * 1024;

/// What a kept module costs besides its code, bytes: names, keys, and what its imports led to.
const BESIDES: usize = 1536;

/// What a kept module is. What it was before a save, nobody asks for again.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    path: PathBuf,
    url: String,
    ask: Ask,
}

/// What it was made from.
#[derive(Clone, PartialEq, Eq)]
struct Origin {
    bytes: u128,
    options: Options,
    env: u128,
    compiled: bool,
    mapped: usize,
}

/// A kept module, and what its specifiers led to.
#[derive(Clone)]
struct Kept {
    origin: Origin,
    module: Option<Arc<Compiled>>,
    targets: Arc<Vec<(String, Target)>>,
    /// The files that came from patterns.
    matched: Vec<(Glob, Vec<PathBuf>)>,
}

impl Kept {
    /// Whether all that it was made from is as it was.
    fn holds(&self, resolve: impl Fn(&str) -> Target) -> bool {
        self.targets.iter().all(|(name, was)| resolve(name) == *was)
            && self.matched.iter().all(|(glob, was)| glob.files() == *was)
    }
}

/// Says what a specifier means in a file.
type Resolve = Box<dyn Fn(&str, &Path) -> Target + Send + Sync>;

/// Compiles the files of a project.
pub(crate) struct Compiler {
    root: PathBuf,
    packages: Arc<Packages>,
    resolve: Resolve,
    finder: Finder,
    env: env::Keeper,
    cache: Cache<Key, Kept>,
    /// Whether anything was compiled because it had to be.
    compiled: AtomicBool,
    /// What pages' own import maps name.
    mapped: Mutex<BTreeSet<String>>,
    /// The paths that a backend answers.
    routes: Vec<String>,
}

impl Compiler {
    /// For the project in a folder. What says how to compile is read when it is needed.
    pub(crate) fn new(root: &Path) -> Self {
        let resolver = Arc::new(Resolver::new(root));
        let asked = Arc::clone(&resolver);
        let resolve = Box::new(move |specifier: &str, from: &Path| asked.resolve(specifier, from));
        Self::with(root, resolver, resolve)
    }

    fn with(root: &Path, resolver: Arc<Resolver>, resolve: Resolve) -> Self {
        Self {
            root: root.to_owned(),
            packages: Arc::new(Packages::new(resolver)),
            resolve,
            finder: Finder::default(),
            env: env::Keeper::default(),
            cache: Cache::new(KEPT),
            compiled: AtomicBool::new(false),
            mapped: Mutex::default(),
            routes: Vec::new(),
        }
    }

    /// Whether a request for a file with this query and these values of `Sec-Fetch-Dest` and `-Mode`
    /// is one for a module.
    pub(crate) fn wanted(
        path: &Path,
        query: &str,
        dest: Option<&str>,
        mode: Option<&str>,
    ) -> Option<Ask> {
        Ask::of(path, query, dest, mode)
    }

    /// The same, with paths that a backend answers: what is imported from there is left to it.
    pub(crate) fn with_routes(mut self, prefixes: impl IntoIterator<Item = String>) -> Self {
        let prefixes = prefixes.into_iter().map(|prefix| prefix.trim_end_matches('/').to_owned());
        self.routes = prefixes.filter(|prefix| !prefix.is_empty()).collect();
        self
    }

    /// The packages that are imported.
    pub(crate) fn packages(&self) -> &Arc<Packages> {
        &self.packages
    }

    /// Tells of a page's own import map: what it names is left to the browser.
    pub(super) fn leave_to_browser(&self, json: &str) {
        let Ok(map) = serde_json::from_str::<serde_json::Value>(json) else { return };
        let scopes = map["scopes"].as_object().into_iter().flat_map(|scopes| scopes.values());
        let tables = scopes.chain([&map["imports"]]).filter_map(|table| table.as_object());
        let names: Vec<_> = tables.flat_map(|table| table.keys().cloned()).collect();
        self.mapped.lock().unwrap_or_else(PoisonError::into_inner).extend(names);
    }

    /// The URL of what a page's own script imports; none where the browser knows it by itself.
    pub(super) fn url_of_import(
        &self,
        specifier: &str,
        page: &Path,
        names: Vec<String>,
    ) -> Result<Option<String>, Fault> {
        let names: BTreeSet<_> = names.into_iter().collect();
        let names = link::Names { default: false, names: Some(&names) };
        match link::link(self, page, specifier, None, names) {
            link::Link::File(_, url) | link::Link::Url(url) => Ok(Some(url)),
            link::Link::Same => Ok(None),
            link::Link::Missing(message, help) => {
                Err(Fault::of_file(page, message).with_help(help))
            }
        }
    }

    /// Files and folders that are gone: what was made of them is not kept.
    pub(crate) fn forget(&self, gone: &HashSet<PathBuf>) {
        self.cache.forget(|key| key.path.ancestors().any(|path| gone.contains(path)));
    }

    /// Whether the project is one whose sources are compiled, so that all its modules are to be told
    /// of changes.
    fn is_compiled(&self) -> bool {
        self.compiled.load(Ordering::Relaxed) || self.root.join("package.json").is_file()
    }

    /// A file as a module. Blocking.
    pub(crate) fn module(
        &self,
        path: &Path,
        url_path: &str,
        bytes: &[u8],
        ask: Ask,
    ) -> Result<Output, Fault> {
        let text = || {
            let text = String::from_utf8_lossy(bytes);
            text.strip_prefix('\u{feff}').map_or_else(|| text.to_string(), str::to_owned)
        };
        if ask.what == What::Scoped {
            return Ok(Output::Sheet(css_module::scope(path, url_path, &text())?.text));
        }
        if ask.what == What::CssModule {
            let module = css_exports::module(self, path, url_path, &text())?;
            return Ok(Output::Module(Arc::new(module)));
        }
        let What::Script(language) = ask.what else {
            let code = assets::module(ask.what, path, url_path, bytes)?;
            let module = Compiled { code, ..Compiled::default() };
            return Ok(Output::Module(Arc::new(module)));
        };
        let Ok(text) = std::str::from_utf8(bytes) else {
            // A `.ts` may also be a video.
            return match language {
                Language::Js | Language::Ts => Ok(Output::Unchanged),
                Language::Jsx | Language::Tsx => {
                    Err(Fault::of_file(path, "this is no UTF-8".to_owned()))
                }
            };
        };
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        self.script(path, url_path, text, language, ask)
    }

    /// A script as a module, perhaps a kept one.
    fn script(
        &self,
        path: &Path,
        url: &str,
        text: &str,
        language: Language,
        ask: Ask,
    ) -> Result<Output, Fault> {
        let (options, mut files) = self.finder.find(path, language)?;
        let env = self.env.read(&self.root);
        files.extend(env.files);
        let project = Seen::new(self);
        let key = Key { path: path.to_owned(), url: url.to_owned(), ask };
        let origin = Origin {
            bytes: xxh3_128(text.as_bytes()),
            options,
            env: xxh3_128(env.object.as_bytes()),
            compiled: language == Language::Js && self.is_compiled(),
            mapped: self.mapped.lock().unwrap_or_else(PoisonError::into_inner).len(),
        };
        if let Some(kept) = self.cache.get(&key)
            && kept.origin == origin
            && kept.holds(|name| (self.resolve)(name, path))
        {
            return Ok(kept.module.map_or(Output::Unchanged, Output::Module));
        }
        let job = script::Job {
            path,
            url,
            text,
            language,
            place: ask.place,
            options: &origin.options,
            env: &env.object,
            compiled: origin.compiled,
            project: &project,
        };
        let made = depth::with_stack(text, || script::compile(&job));
        let module = made.unwrap_or_else(|undone| Err(undone_fault(path, undone)))?;
        let module = module.map(|script| {
            self.compiled.store(true, Ordering::Relaxed);
            let script::Script { code, slots, imports, globs, packages } = script;
            Arc::new(Compiled { code, imports, files, globs, packages, slots })
        });
        let globs = module.iter().flat_map(|module| &module.globs);
        let matched = globs.map(|glob| (glob.clone(), glob.files())).collect();
        let size = module.as_ref().map_or(0, |module| module.code.len()) + BESIDES;
        let targets = Arc::new(project.targets());
        let kept = Kept { origin, module: module.clone(), targets, matched };
        self.cache.put(key, kept, size);
        Ok(module.map_or(Output::Unchanged, Output::Module))
    }
}

impl Project for Compiler {
    fn root(&self) -> &Path {
        &self.root
    }

    fn resolve(&self, specifier: &str, from: &Path) -> Target {
        (self.resolve)(specifier, from)
    }

    fn url(&self, path: &Path) -> Option<String> {
        let below = |root: &Path| path.strip_prefix(root).ok().map(Path::to_owned);
        let below = below(&self.root).or_else(|| below(&dunce::canonicalize(&self.root).ok()?))?;
        let names = below.iter().map(std::ffi::OsStr::as_encoded_bytes);
        Some(UrlPath::from_names(names, false)?.to_string())
    }

    fn names(&self, folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut names: Vec<_> =
            entries.take(1000).filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        names
    }

    fn hidden(&self, url: &str, names: &BTreeSet<String>) -> Vec<String> {
        self.packages.undetected_names(url, names.iter().cloned())
    }

    fn is_foreign(&self, specifier: &str) -> bool {
        let mapped = self.mapped.lock().unwrap_or_else(PoisonError::into_inner);
        let below = |prefix: &String| {
            let rest = specifier.strip_prefix(prefix.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
        };
        mapped.contains(specifier)
            || mapped.iter().any(|name| name.ends_with('/') && specifier.starts_with(name))
            || self.routes.iter().any(below)
    }
}

/// What is wrong with a source that could not even be tried.
fn undone_fault(path: &Path, undone: Undone) -> Fault {
    let message = match undone {
        Undone::TooDeep => "this is nested too deeply",
        Undone::Broken => "livers broke on this file: please report it",
    };
    Fault::of_file(path, message.to_owned())
}
