//! One file of the project as a module for the browser.
//!
//! [`Compiler`] is the front: it says which requests are for a module ([`ask`]), and makes it: a
//! script ([`script`]), or a small module for what is imported and is no script ([`assets`]). What a
//! script imports becomes URLs ([`link`], [`rewrite`]); how it is written is said by `tsconfig.json`
//! ([`options`]) and by itself ([`pragma`]); `.env` files name values for it ([`env`]).
//!
//! What was compiled is kept by its bytes. A kept module is used again only if each of its specifiers
//! still leads where it led, and if no file that says how to compile has changed: so a file that
//! comes where there was none is noticed without anybody telling.
//!
//! Left out on purpose: CSS modules and preprocessors, `import.meta.glob`, decorators of the standard
//! (which the transformer does not know), checking types.

mod ask;
mod assets;
mod cache;
mod depth;
mod env;
mod inline;
mod link;
mod map;
mod options;
mod pragma;
mod prologue;
mod rewrite;
mod scan;
mod script;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::SystemTime,
};

use xxhash_rust::xxh3::xxh3_128;

pub(crate) use self::{ask::Ask, inline::inline_imports};
use self::{
    ask::{Language, Place, What},
    cache::Cache,
    depth::Undone,
    options::{Finder, Options},
    rewrite::{STAMP, Slot},
};
use super::{Fault, Resolver, Target};
use crate::url_path::UrlPath;

/// How much of what was compiled is kept, bytes.
const KEPT: usize = 64 * 1024 * 1024;

/// What the compiler asks of the project that a file belongs to.
trait Project: Sync {
    /// What a specifier means in a file.
    fn resolve(&self, specifier: &str, from: &Path) -> Target;
    /// The URL path of a file.
    fn url(&self, path: &Path) -> Option<String>;
    /// The names of the files in a folder.
    fn names(&self, folder: &Path) -> Vec<String>;
    /// Whether a page's own import map says what a specifier means.
    fn mapped(&self, specifier: &str) -> bool;
    /// Whether the project is one whose sources are compiled, so that all its modules are told of
    /// changes.
    fn is_compiled(&self) -> bool;
}

/// What came of a file.
#[derive(Clone, Debug)]
pub(crate) enum Output {
    /// Nothing is to be done: it is served as it is.
    Unchanged,
    /// A module.
    Module(Arc<Compiled>),
}

/// A module for the browser.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Compiled {
    /// The module, without stamps.
    pub(crate) code: String,
    /// The URL paths of the project's files that it imports, without queries.
    pub(crate) imports: Vec<String>,
    /// The files that say how it was compiled: `tsconfig.json`, `.env`.
    pub(crate) files: Vec<PathBuf>,
    slots: Vec<Slot>,
}

impl Compiled {
    /// The module with a stamp at each import of a file that changed: of its URL path, the version
    /// is asked for. What stands where does not move, so the source map stays right.
    pub(crate) fn stamped(&self, version: impl Fn(&str) -> Option<u64>) -> String {
        let mut code = String::with_capacity(self.code.len() + 64);
        let mut from = 0;
        for slot in &self.slots {
            let Some(version) = version(&slot.path) else { continue };
            let stamp = format!("{}t={version}", slot.lead);
            // The stamp, the closing quote, and then fewer blanks.
            let blanks = slot.at + 1 + stamp.len().min(STAMP);
            let parts = (
                self.code.get(from..slot.at),
                self.code.get(slot.at..=slot.at),
                self.code.get(blanks..),
            );
            let (Some(before), Some(quote), Some(_)) = parts else { continue };
            code.push_str(before);
            code.push_str(&stamp);
            code.push_str(quote);
            from = blanks;
        }
        code.push_str(self.code.get(from..).unwrap_or_default());
        code
    }
}

/// What a kept module was made from.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    path: PathBuf,
    bytes: u128,
    ask: Ask,
    options: Options,
    env: u128,
    compiled: bool,
    mapped: usize,
}

/// A kept module, and what its specifiers led to.
#[derive(Clone)]
struct Kept {
    module: Option<Arc<Compiled>>,
    targets: Arc<Vec<(String, Target)>>,
}

/// When a file was written, and its length; nothing where there is none.
type Facts = Option<(SystemTime, u64)>;

/// The value of `import.meta.env`, and the files that it is from.
#[derive(Clone)]
struct Env {
    facts: Vec<(PathBuf, Facts)>,
    object: Arc<str>,
}

/// Says what a specifier means in a file.
type Resolve = Box<dyn Fn(&str, &Path) -> Target + Send + Sync>;

/// Compiles the files of a project.
pub(crate) struct Compiler {
    root: PathBuf,
    resolver: Arc<Resolver>,
    resolve: Resolve,
    finder: Finder,
    env: Mutex<Option<Env>>,
    cache: Cache<Key, Kept>,
    /// Whether anything was compiled because it had to be.
    compiled: AtomicBool,
    /// What pages' own import maps name.
    mapped: Mutex<BTreeSet<String>>,
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
            resolver,
            resolve,
            finder: Finder::default(),
            env: Mutex::new(None),
            cache: Cache::new(KEPT),
            compiled: AtomicBool::new(false),
            mapped: Mutex::default(),
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

    /// What specifiers mean here.
    pub(crate) fn resolver(&self) -> &Arc<Resolver> {
        &self.resolver
    }

    /// Tells of a page's own import map: what it names is left to the browser.
    pub(crate) fn import_map(&self, json: &str) {
        let Ok(map) = serde_json::from_str::<serde_json::Value>(json) else { return };
        let scopes = map["scopes"].as_object().into_iter().flat_map(|scopes| scopes.values());
        let tables = scopes.chain([&map["imports"]]).filter_map(|table| table.as_object());
        let names: Vec<_> = tables.flat_map(|table| table.keys().cloned()).collect();
        self.mapped.lock().unwrap_or_else(PoisonError::into_inner).extend(names);
    }

    /// A file as a module. Blocking.
    pub(crate) fn module(
        &self,
        path: &Path,
        url_path: &str,
        bytes: &[u8],
        ask: Ask,
    ) -> Result<Output, Fault> {
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
        let env = self.env();
        files.extend(
            env.facts.iter().filter(|(_, facts)| facts.is_some()).map(|(path, _)| path.clone()),
        );
        let project = Seen { project: self, targets: Mutex::default() };
        let key = Key {
            path: path.to_owned(),
            bytes: xxh3_128(text.as_bytes()),
            ask,
            options,
            env: xxh3_128(env.object.as_bytes()),
            // Nothing else asks for it.
            compiled: language == Language::Js && self.is_compiled(),
            mapped: self.mapped.lock().unwrap_or_else(PoisonError::into_inner).len(),
        };
        if let Some(kept) = self.cache.get(&key)
            && kept.targets.iter().all(|(name, was)| (self.resolve)(name, path) == *was)
        {
            return Ok(kept.module.map_or(Output::Unchanged, Output::Module));
        }
        let job = script::Job {
            path,
            url,
            text,
            language,
            place: ask.place,
            options: &key.options,
            env: &env.object,
            project: &project,
        };
        let made = depth::with_stack(text, || script::compile(&job));
        let module = made.unwrap_or_else(|undone| Err(undone_fault(path, undone)))?;
        let module = module.map(|script| {
            self.compiled.store(true, Ordering::Relaxed);
            let script::Script { code, slots, imports } = script;
            Arc::new(Compiled { code, imports, files, slots })
        });
        let targets = project.targets.into_inner().unwrap_or_else(PoisonError::into_inner);
        let size = module.as_ref().map_or(0, |module| module.code.len()) + 512;
        let kept = Kept { module: module.clone(), targets: Arc::new(targets) };
        self.cache.put(key, kept, size);
        Ok(module.map_or(Output::Unchanged, Output::Module))
    }

    /// The value of `import.meta.env`.
    fn env(&self) -> Env {
        let mut kept = self.env.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(env) = &*kept
            && env.facts.iter().all(|(path, was)| facts(path) == *was)
        {
            return env.clone();
        }
        let files: Vec<_> =
            env::files(&self.root).map(|path| (path.clone(), facts(&path))).collect();
        let texts: Vec<_> = files
            .iter()
            .map(|(path, _)| fs::read(path).unwrap_or_default())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .collect();
        let environment: BTreeMap<_, _> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let object = env::object(&texts, &environment).into();
        kept.insert(Env { facts: files, object }).clone()
    }
}

impl Project for Compiler {
    fn resolve(&self, specifier: &str, from: &Path) -> Target {
        (self.resolve)(specifier, from)
    }

    fn url(&self, path: &Path) -> Option<String> {
        let below = |root: &Path| path.strip_prefix(root).ok().map(Path::to_owned);
        let below = below(&self.root).or_else(|| below(&self.root.canonicalize().ok()?))?;
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

    fn mapped(&self, specifier: &str) -> bool {
        let mapped = self.mapped.lock().unwrap_or_else(PoisonError::into_inner);
        mapped.contains(specifier)
            || mapped.iter().any(|name| name.ends_with('/') && specifier.starts_with(name))
    }

    fn is_compiled(&self) -> bool {
        self.compiled.load(Ordering::Relaxed) || self.root.join("package.json").is_file()
    }
}

/// A project that notes what specifiers led to.
struct Seen<'p> {
    project: &'p dyn Project,
    targets: Mutex<Vec<(String, Target)>>,
}

impl Project for Seen<'_> {
    fn resolve(&self, specifier: &str, from: &Path) -> Target {
        let target = self.project.resolve(specifier, from);
        let mut targets = self.targets.lock().unwrap_or_else(PoisonError::into_inner);
        if targets.iter().all(|(known, _)| known != specifier) {
            targets.push((specifier.to_owned(), target.clone()));
        }
        target
    }

    fn url(&self, path: &Path) -> Option<String> {
        self.project.url(path)
    }

    fn names(&self, folder: &Path) -> Vec<String> {
        self.project.names(folder)
    }

    fn mapped(&self, specifier: &str) -> bool {
        self.project.mapped(specifier)
    }

    fn is_compiled(&self) -> bool {
        self.project.is_compiled()
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

fn facts(path: &Path) -> Facts {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}
