//! The conditions, fields and extensions that apply to each kind of import.

use std::path::{Path, PathBuf};

use oxc_resolver::{ResolveError, ResolveOptions, TsconfigDiscovery};

use super::target::ImportKind;

/// One resolver for each [`ImportKind`]; they share their cache of the disk.
pub(super) struct Engine {
    source: oxc_resolver::Resolver,
    import: oxc_resolver::Resolver,
    require: oxc_resolver::Resolver,
    sheet: oxc_resolver::Resolver,
}

impl Engine {
    pub(super) fn new() -> Self {
        let source = oxc_resolver::Resolver::new(options(ImportKind::Source));
        let import = source.clone_with_options(options(ImportKind::Import));
        let require = source.clone_with_options(options(ImportKind::Require));
        let sheet = source.clone_with_options(options(ImportKind::Sheet));
        Self { source, import, require, sheet }
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
        engine.resolve_file(from, specifier).map(oxc_resolver::Resolution::into_path_buf)
    }
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
            _ => texts(&["browser", "module", "development", syntax, "default"]),
        },
        main_fields: match kind {
            ImportKind::Sheet => texts(&["style", "main"]),
            _ => texts(&["browser", "module", "jsnext:main", "main"]),
        },
        alias_fields: vec![vec!["browser".to_owned()]],
        tsconfig: (kind == ImportKind::Source).then_some(TsconfigDiscovery::Auto),
        node_path: false,
        ..ResolveOptions::default()
    }
}
