//! What `tsconfig.json` says about how a file is compiled.
//!
//! The nearest one that covers the file counts, with what it extends and what it refers to, and a
//! `jsconfig.json` for JavaScript. Only what changes the code is read: types are not checked, and
//! the code is meant for browsers of today, whatever the target.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use oxc::transformer::{
    ClassPropertiesOptions, CompilerAssumptions, DecoratorOptions, EnvOptions, HelperLoaderMode,
    HelperLoaderOptions, JsxOptions, JsxRuntime, Module, ReactRefreshOptions, TransformOptions,
    TypeScriptOptions,
};
use oxc_resolver::{
    CompilerOptions, FileMetadata, FileSystem, FileSystemOs, ResolveError, ResolveOptions,
    ResolverGeneric, TsConfig, TsconfigDiscovery,
};

use super::{ask::Language, facts::Facts};
use crate::esm::Fault;

/// How a file is compiled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Options {
    /// The function that JSX becomes a call of, and that of a fragment; nothing for the automatic
    /// runtime.
    pub(super) factory: Option<(String, String)>,
    /// The package of the automatic runtime.
    pub(super) source: Option<String>,
    /// Whether decorators are those of TypeScript before 5.0.
    pub(super) decorators: bool,
    /// Whether they are told the types.
    pub(super) metadata: bool,
    /// Whether class fields are assigned rather than defined.
    pub(super) assign: bool,
    /// Whether only imports that say `type` are left out.
    pub(super) verbatim: bool,
}

impl Options {
    fn of(options: &CompilerOptions) -> Self {
        let factory = options.jsx_factory.clone().or_else(|| {
            (options.jsx.as_deref() == Some("react")).then(|| "React.createElement".to_owned())
        });
        let automatic = matches!(options.jsx.as_deref(), Some("react-jsx" | "react-jsxdev"))
            || options.jsx_import_source.is_some();
        let fragment = options.jsx_fragment_factory.clone();
        Self {
            factory: factory
                .filter(|_| !automatic)
                .map(|factory| (factory, fragment.unwrap_or_else(|| "React.Fragment".to_owned()))),
            source: options.jsx_import_source.clone(),
            decorators: options.experimental_decorators == Some(true),
            metadata: options.emit_decorator_metadata == Some(true),
            assign: match options.use_define_for_class_fields {
                Some(define) => !define,
                None => options.target.as_deref().is_some_and(is_before_fields),
            },
            verbatim: options.verbatim_module_syntax == Some(true)
                || options.preserve_value_imports == Some(true),
        }
    }

    /// The package whose functions JSX becomes calls of, if it is the automatic runtime.
    pub(super) fn runtime(&self) -> Option<&str> {
        match self.factory {
            Some(_) => None,
            None => Some(self.source.as_deref().unwrap_or("react")),
        }
    }

    /// The same for the transformer. `development` tells elements where they stand.
    pub(super) fn transform(
        &self,
        language: Language,
        development: bool,
        refresh: bool,
    ) -> TransformOptions {
        let typed = matches!(language, Language::Ts | Language::Tsx);
        let assign = typed && self.assign;
        let (pragma, pragma_frag) = self.factory.clone().unzip();
        let mut typescript = TypeScriptOptions {
            only_remove_type_imports: self.verbatim,
            remove_class_fields_without_initializer: assign,
            ..TypeScriptOptions::default()
        };
        if let Some((factory, fragment)) = &self.factory {
            typescript.jsx_pragma = factory.clone().into();
            typescript.jsx_pragma_frag = fragment.clone().into();
        }
        let mut env = EnvOptions { module: Module::Esm, ..EnvOptions::default() };
        if assign {
            env.es2022.class_properties = Some(ClassPropertiesOptions::default());
            env.es2022.class_static_block = true;
        }
        TransformOptions {
            assumptions: CompilerAssumptions {
                set_public_class_fields: assign,
                ..CompilerAssumptions::default()
            },
            typescript,
            decorator: DecoratorOptions {
                // Where they are not wanted there are none; but it also knows `accessor`.
                legacy: typed || self.decorators,
                emit_decorator_metadata: self.metadata,
                ..DecoratorOptions::default()
            },
            jsx: JsxOptions {
                runtime: if self.factory.is_some() {
                    JsxRuntime::Classic
                } else {
                    JsxRuntime::Automatic
                },
                development: development && self.factory.is_none(),
                throw_if_namespace: false,
                pure: false,
                import_source: self.source.clone(),
                pragma,
                pragma_frag,
                refresh: refresh.then(ReactRefreshOptions::default),
                ..JsxOptions::enable()
            },
            env,
            helper_loader: HelperLoaderOptions {
                mode: HelperLoaderMode::External,
                ..HelperLoaderOptions::default()
            },
            ..TransformOptions::default()
        }
    }
}

/// Whether a target is older than class fields (ES2022), so that `tsc` assigns them.
fn is_before_fields(target: &str) -> bool {
    let target = target.to_ascii_lowercase();
    match target.strip_prefix("es").map(str::parse::<u32>) {
        Some(Ok(year)) => year < 2022,
        _ => false,
    }
}

/// How many times one resolver is asked. It keeps each path that it was asked for, for good.
const ASKED: usize = 1_000;

/// Finds the options of files, and keeps them until one of the files that say them changes.
#[derive(Default)]
pub(super) struct Finder(Mutex<Option<Kept>>);

struct Kept {
    resolver: ResolverGeneric<Recorder>,
    read: Arc<Mutex<Vec<PathBuf>>>,
    facts: Facts,
    asked: usize,
}

impl Finder {
    /// The options for a file, and the files that say them. Blocking.
    pub(super) fn find(
        &self,
        path: &Path,
        language: Language,
    ) -> Result<(Options, Vec<PathBuf>), Fault> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        drop(kept.take_if(|kept| kept.asked >= ASKED || !kept.facts.hold()));
        let kept = kept.get_or_insert_with(Kept::new);
        kept.asked += 1;
        let found = kept.find(path, language);
        let mut read = kept.read.lock().unwrap_or_else(PoisonError::into_inner);
        for path in read.drain(..) {
            kept.facts.note(path);
        }
        drop(read);
        let options = found.map_err(|error| fault(path, error))?;
        Ok((options, kept.facts.files().collect()))
    }
}

#[cfg(test)]
impl Finder {
    /// How many files are looked at to know whether all is as it was.
    pub(super) fn looks(&self) -> usize {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().map_or(0, |kept| kept.facts.len())
    }
}

impl Kept {
    fn new() -> Self {
        let read = Arc::new(Mutex::new(Vec::new()));
        let recorder = Recorder { os: FileSystemOs::new(), read: Arc::clone(&read) };
        let options =
            ResolveOptions { tsconfig: Some(TsconfigDiscovery::Auto), ..ResolveOptions::default() };
        let resolver = ResolverGeneric::new_with_file_system(recorder, options);
        Self { resolver, read, facts: Facts::default(), asked: 0 }
    }

    fn find(&self, path: &Path, language: Language) -> Result<Options, ResolveError> {
        // A `tsconfig.json` need not allow JavaScript to say how JSX is written.
        let asked = match language {
            Language::Js | Language::Jsx => path.with_extension("tsx"),
            Language::Ts | Language::Tsx => path.to_owned(),
        };
        let found = self.resolver.find_tsconfig(&asked);
        // It is looked for in the file, too, as if that were a folder. All that is noted is looked at again
        // for each module: one more for each of a thousand would be a million looks.
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.retain(|path| path.parent() != Some(&asked));
        drop(read);
        if let Some(config) = found? {
            return Ok(Options::of(&config.compiler_options));
        }
        if matches!(language, Language::Js | Language::Jsx)
            && let Some(config) = self.jsconfig(path)?
        {
            return Ok(Options::of(&config.compiler_options));
        }
        Ok(Options::default())
    }

    fn jsconfig(&self, path: &Path) -> Result<Option<Arc<TsConfig>>, ResolveError> {
        for folder in path.ancestors().skip(1) {
            let file = folder.join("jsconfig.json");
            let found = file.is_file();
            self.read.lock().unwrap_or_else(PoisonError::into_inner).push(file.clone());
            if found {
                return self.resolver.resolve_tsconfig(&file).map(Some);
            }
        }
        Ok(None)
    }
}

/// What is wrong with a `tsconfig.json`.
fn fault(path: &Path, error: ResolveError) -> Fault {
    match error {
        ResolveError::Json(error) => {
            let message = format!("this is no JSON: {}", error.message);
            let text = fs::read_to_string(&error.path).unwrap_or_default();
            Fault::at_place(&error.path, &text, error.line, error.column, message)
        }
        error => Fault::of_file(path, format!("the tsconfig.json for this file: {error}")),
    }
}

/// The system's files, and which configuration was looked for.
struct Recorder {
    os: FileSystemOs,
    read: Arc<Mutex<Vec<PathBuf>>>,
}

impl Recorder {
    fn note(&self, path: &Path) {
        if path.extension().is_some_and(|extension| extension == "json") {
            self.read.lock().unwrap_or_else(PoisonError::into_inner).push(path.to_owned());
        }
    }
}

impl FileSystem for Recorder {
    fn new() -> Self {
        Self { os: FileSystemOs::new(), read: Arc::default() }
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.note(path);
        self.os.read(path)
    }

    fn read_to_string(&self, path: &Path) -> io::Result<String> {
        self.note(path);
        self.os.read_to_string(path)
    }

    fn metadata(&self, path: &Path) -> io::Result<FileMetadata> {
        self.note(path);
        FileSystem::metadata(&self.os, path)
    }

    fn symlink_metadata(&self, path: &Path) -> io::Result<FileMetadata> {
        self.note(path);
        FileSystem::symlink_metadata(&self.os, path)
    }

    fn read_link(&self, path: &Path) -> Result<PathBuf, ResolveError> {
        FileSystem::read_link(&self.os, path)
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        FileSystem::canonicalize(&self.os, path)
    }
}
