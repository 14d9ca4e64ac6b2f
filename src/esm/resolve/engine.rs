//! The conditions, fields and extensions that apply to each kind of import.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use oxc_resolver::{ResolveError, ResolveOptions, ResolverGeneric, TsconfigDiscovery};

use super::{
    aliases::Aliases,
    bounded_files::{BoundedFiles, bounded},
    manifest,
    target::ImportKind,
};
use crate::esm::lock::lock;

/// Segments of a path, or of a specifier, above which nothing is looked up. The resolver recurses
/// over them, and keeps every folder of a path.
const MAX_SEGMENTS: usize = 128;

/// Number of lookups after which the cache is discarded. It keeps every path that it was asked for.
const MAX_LOOKUPS: usize = 200_000;

type Resolver = ResolverGeneric<BoundedFiles>;

/// One resolver for each [`ImportKind`]; they share their cache of the disk.
pub(super) struct Engine {
    source: Resolver,
    import: Resolver,
    require: Resolver,
    sheet: Resolver,
    /// The aliases of the `jsconfig.json` that applies to the files in a folder.
    jsconfigs: Mutex<HashMap<PathBuf, Aliases>>,
    lookups: AtomicUsize,
}

impl Engine {
    /// Creates an engine. Sources may leave out these extensions, or the default ones if there are
    /// none.
    pub(super) fn new(extensions: &[String]) -> Self {
        let mut of_sources = options(ImportKind::Source);
        if !extensions.is_empty() {
            of_sources.extensions = extensions.to_vec();
        }
        let source = Resolver::new(of_sources);
        let import = source.clone_with_options(options(ImportKind::Import));
        let require = source.clone_with_options(options(ImportKind::Require));
        let sheet = source.clone_with_options(options(ImportKind::Sheet));
        let (jsconfigs, lookups) = (Mutex::default(), AtomicUsize::new(0));
        Self { source, import, require, sheet, jsconfigs, lookups }
    }

    /// Resolves a specifier in a file to a real path.
    ///
    /// # Errors
    /// It resolves to nothing, or to something that the package does not export.
    pub(super) fn resolve(
        &self,
        specifier: &str,
        from: &Path,
        kind: ImportKind,
    ) -> Result<PathBuf, ResolveError> {
        let engine = match kind {
            ImportKind::Source => &self.source,
            ImportKind::Import => &self.import,
            ImportKind::Require => &self.require,
            ImportKind::Sheet => &self.sheet,
        };
        if has_many_segments(specifier.as_bytes())
            || has_many_segments(from.as_os_str().as_encoded_bytes())
        {
            return Err(ResolveError::NotFound(specifier.to_owned()));
        }
        self.lookups.fetch_add(1, Ordering::Relaxed);
        bounded(|| engine.resolve_file(from, specifier))
            .map(oxc_resolver::Resolution::into_path_buf)
    }

    /// Resolves a specifier in a source by the aliases of a `jsconfig.json`. Returns `None` if none
    /// applies, or leads to a file. Those of a `tsconfig.json` are part of
    /// [`resolve`](Self::resolve).
    pub(super) fn resolve_alias(&self, specifier: &str, from: &Path) -> Option<PathBuf> {
        if has_many_segments(from.as_os_str().as_encoded_bytes()) {
            return None;
        }
        let targets = self.jsconfig(from).targets(specifier);
        targets
            .iter()
            .find_map(|target| self.resolve(target.to_str()?, from, ImportKind::Source).ok())
    }

    /// Returns the path that a specifier in a file stands for by the aliases of a `tsconfig.json` or
    /// `jsconfig.json`, without looking for a file there.
    pub(super) fn alias(&self, specifier: &str, from: &Path) -> Option<String> {
        if has_many_segments(from.as_os_str().as_encoded_bytes()) {
            return None;
        }
        let script = from.with_extension("tsx");
        match bounded(|| self.source.find_tsconfig(&script)) {
            Ok(Some(config)) => Aliases::of(config).target(specifier),
            _ => self.jsconfig(from).target(specifier),
        }
    }

    /// Returns the aliases of the nearest `jsconfig.json`, unless a `tsconfig.json` applies.
    fn jsconfig(&self, from: &Path) -> Aliases {
        let folder = from.parent().unwrap_or(from);
        if let Some(aliases) = lock(&self.jsconfigs).get(folder) {
            return aliases.clone();
        }
        let find = || match self.source.find_tsconfig(from.with_extension("tsx")) {
            Ok(None) => {
                let mut files = folder.ancestors().map(|folder| folder.join("jsconfig.json"));
                // The compiler reports the errors of the file.
                self.source.resolve_tsconfig(files.find(|file| file.is_file())?).ok()
            }
            _ => None,
        };
        let aliases = bounded(find).map(Aliases::of).unwrap_or_default();
        lock(&self.jsconfigs).insert(folder.to_owned(), aliases.clone());
        aliases
    }

    /// Returns whether the cache has become too large.
    pub(super) fn is_full(&self) -> bool {
        self.lookups.load(Ordering::Relaxed) >= MAX_LOOKUPS
    }
}

/// Describes an error other than a missing file.
pub(super) fn explain(error: &ResolveError) -> String {
    let ResolveError::Json(json) = error else { return error.to_string() };
    let file = json.path.display();
    if let Some(reason) = manifest::refusal(&json.path) {
        return format!("cannot read {file}: {reason}");
    }
    // The parser's message may quote a file that is not served.
    format!("{file} is not valid, at line {}, column {}", json.line, json.column)
}

/// Returns whether a path is longer than those of real files.
fn has_many_segments(path: &[u8]) -> bool {
    path.iter().filter(|byte| matches!(byte, b'/' | b'\\')).count() > MAX_SEGMENTS
}

fn options(kind: ImportKind) -> ResolveOptions {
    let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
    let syntax = if kind == ImportKind::Require { "require" } else { "import" };
    ResolveOptions {
        // Vite's order for sources. A package can have an ES module and a CommonJS file of the same
        // name side by side: then the kind of the import decides.
        extensions: match kind {
            ImportKind::Source => {
                texts(&[".mjs", ".js", ".mts", ".ts", ".jsx", ".tsx", ".json", ".cjs"])
            }
            ImportKind::Import => {
                texts(&[".mjs", ".js", ".cjs", ".json", ".jsx", ".ts", ".tsx", ".mts"])
            }
            ImportKind::Sheet => texts(&[".css"]),
            ImportKind::Require => {
                texts(&[".js", ".json", ".cjs", ".mjs", ".jsx", ".ts", ".tsx", ".node"])
            }
        },
        // TypeScript imports `./a.ts` as `./a.js`.
        extension_alias: [
            (".js", [".js", ".ts", ".tsx", ".jsx"].as_slice()),
            (".jsx", &[".jsx", ".tsx"]),
            (".mjs", &[".mjs", ".mts"]),
            (".cjs", &[".cjs", ".cts"]),
        ]
        .map(|(from, to)| (from.to_owned(), texts(to)))
        .into(),
        condition_names: match kind {
            ImportKind::Sheet => texts(&["style", "browser", "development", "default"]),
            // Two conditions and a field are those of sources for the compilers of Svelte and Solid.
            _ => texts(&["svelte", "solid", "browser", "module", "development", syntax, "default"]),
        },
        main_fields: match kind {
            ImportKind::Sheet => texts(&["style", "main"]),
            // As webpack, esbuild and bun. `jsnext:main`, which preceded `module`, names a second
            // copy of a package whose other files require its `main`, such as the locales of
            // moment.
            _ => texts(&["svelte", "browser", "module", "main"]),
        },
        alias_fields: vec![vec!["browser".to_owned()]],
        tsconfig: (kind == ImportKind::Source).then_some(TsconfigDiscovery::Auto),
        node_path: false,
        ..ResolveOptions::default()
    }
}
