//! The rules by which a specifier is looked up, for each kind of asker.

use std::path::Path;

use oxc_resolver::{ResolveError, ResolveOptions, TsconfigDiscovery};

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Asker {
    /// A file of the project.
    Project,
    /// An `import` in a package.
    Import,
    /// A `require` in a package.
    Require,
    /// A style sheet of the project.
    Sheet,
}

/// One resolver for each asker; they share what they know of the disk.
pub(super) struct Engine {
    project: oxc_resolver::Resolver,
    import: oxc_resolver::Resolver,
    require: oxc_resolver::Resolver,
    sheet: oxc_resolver::Resolver,
}

impl Engine {
    pub(super) fn new() -> Self {
        let project = oxc_resolver::Resolver::new(options(Asker::Project));
        let import = project.clone_with_options(options(Asker::Import));
        let require = project.clone_with_options(options(Asker::Require));
        let sheet = project.clone_with_options(options(Asker::Sheet));
        Self { project, import, require, sheet }
    }

    pub(super) fn resolve(
        &self,
        specifier: &str,
        from: &Path,
        asker: Asker,
    ) -> Result<std::path::PathBuf, ResolveError> {
        let engine = match asker {
            Asker::Project => &self.project,
            Asker::Import => &self.import,
            Asker::Require => &self.require,
            Asker::Sheet => &self.sheet,
        };
        engine.resolve_file(from, specifier).map(oxc_resolver::Resolution::into_path_buf)
    }
}

fn options(asker: Asker) -> ResolveOptions {
    let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
    let how = if asker == Asker::Require { "require" } else { "import" };
    ResolveOptions {
        // As in Vite for sources. A package of two kinds has both files side by side, so that who
        // asks decides.
        extensions: match asker {
            Asker::Project => {
                texts(&[".mjs", ".js", ".mts", ".ts", ".jsx", ".tsx", ".json", ".cjs"])
            }
            Asker::Import => {
                texts(&[".mjs", ".js", ".cjs", ".json", ".jsx", ".ts", ".tsx", ".mts"])
            }
            Asker::Sheet => texts(&[".css"]),
            Asker::Require => {
                texts(&[".js", ".json", ".cjs", ".mjs", ".jsx", ".ts", ".tsx", ".node"])
            }
        },
        // `./a.js` in TypeScript is `./a.ts` on the disk.
        extension_alias: [
            (".js", [".js", ".ts", ".tsx", ".jsx"].as_slice()),
            (".jsx", &[".jsx", ".tsx"]),
            (".mjs", &[".mjs", ".mts"]),
            (".cjs", &[".cjs", ".cts"]),
        ]
        .map(|(from, to)| (from.to_owned(), texts(to)))
        .into(),
        condition_names: match asker {
            Asker::Sheet => texts(&["style", "browser", "development", "default"]),
            _ => texts(&["browser", "module", "development", how, "default"]),
        },
        main_fields: match asker {
            Asker::Sheet => texts(&["style", "main"]),
            _ => texts(&["browser", "module", "jsnext:main", "main"]),
        },
        alias_fields: vec![vec!["browser".to_owned()]],
        tsconfig: (asker == Asker::Project).then_some(TsconfigDiscovery::Auto),
        node_path: false,
        ..ResolveOptions::default()
    }
}
