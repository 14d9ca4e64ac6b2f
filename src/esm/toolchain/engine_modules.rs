//! The modules of compilers in the engine: resolves and loads files of installed packages.
//!
//! Both formats of Node are supported. An ES module is loaded by the engine itself; one that
//! imports a CommonJS module gets a module with its exports. Modules of Node are replaced by what
//! compilers need of them (`drivers/node_modules.js`).

use std::{fs, path::Path, sync::Arc};

use oxc_resolver::{ResolveError, ResolveOptions, ResolverGeneric};
use rquickjs::{
    Ctx, Error, Function, Module, Result,
    loader::{ImportAttributes, Loader, Resolver},
    module::Declared,
};

use crate::esm::resolve::{BoundedFiles, bounded, is_installed};

/// The size of a module, bytes.
const MAX_SIZE: u64 = 32 << 20;

/// Resolves and reads the modules of one runtime.
pub(super) struct ModuleFiles {
    import: ResolverGeneric<BoundedFiles>,
    require: ResolverGeneric<BoundedFiles>,
}

/// Loads ES modules for the engine.
pub(super) struct ModuleLoader(pub(super) Arc<ModuleFiles>);

impl ModuleFiles {
    pub(super) fn new() -> Self {
        let import = ResolverGeneric::new(options("import"));
        let require = import.clone_with_options(options("require"));
        Self { import, require }
    }

    /// Returns the path of the module that a specifier in a module leads to, or `node:name`.
    pub(super) fn resolve(&self, specifier: &str, from: &str, is_import: bool) -> Option<String> {
        if specifier.starts_with("node:") {
            return Some(specifier.to_owned());
        }
        let resolver = if is_import { &self.import } else { &self.require };
        match bounded(|| resolver.resolve_file(Path::new(from), specifier)) {
            Ok(found) => found.into_path_buf().into_os_string().into_string().ok(),
            Err(ResolveError::Ignored(_)) => Some("node:#ignored".to_owned()),
            // Of the names of Node's modules, only those that no package has are left.
            Err(_) if !specifier.starts_with(['.', '/']) => Some(format!("node:{specifier}")),
            Err(_) => None,
        }
    }

    /// Returns the text of a module of a package.
    pub(super) fn read(path: &str) -> Option<String> {
        let path = Path::new(path);
        let is_small = fs::metadata(path).is_ok_and(|it| it.is_file() && it.len() <= MAX_SIZE);
        if !is_installed(path) || !is_small {
            return None;
        }
        fs::read_to_string(path).ok()
    }

    /// Returns whether a file is an ES module.
    pub(super) fn is_module(path: &str) -> bool {
        match Path::new(path).extension().and_then(|it| it.to_str()) {
            Some("mjs") => true,
            Some("cjs" | "json") => false,
            _ => Self::read(path).is_some_and(|text| has_module_syntax(&text)),
        }
    }
}

/// Returns whether a line of a script begins with `import` or `export` as in an ES module.
fn has_module_syntax(text: &str) -> bool {
    text.lines().any(|line| {
        let rest = line.strip_prefix("import").or_else(|| line.strip_prefix("export"));
        rest.is_some_and(|rest| rest.starts_with([' ', '{', '*', '"', '\'']))
    })
}

fn options(kind: &str) -> ResolveOptions {
    let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
    // `require` loads no ES module. Packages that have a version without a document for browsers
    // name it `worker`.
    let (conditions, fields): (&[&str], &[&str]) = match kind {
        "require" => (&["require", "worker", "browser", "default", "production"], &["main"]),
        _ => (
            &["import", "module", "worker", "browser", "default", "production"],
            &["module", "main"],
        ),
    };
    ResolveOptions {
        condition_names: texts(conditions),
        main_fields: texts(fields),
        alias_fields: vec![vec!["browser".to_owned()]],
        extensions: [".js", ".mjs", ".cjs", ".json"].map(str::to_owned).to_vec(),
        ..ResolveOptions::default()
    }
}

impl Resolver for ModuleLoader {
    fn resolve<'js>(
        &mut self,
        _: &Ctx<'js>,
        base: &str,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> Result<String> {
        if Path::new(name).is_absolute() {
            return Ok(name.to_owned());
        }
        self.0.resolve(name, base, true).ok_or_else(|| Error::new_resolving(base, name))
    }
}

impl Loader for ModuleLoader {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> Result<Module<'js, Declared>> {
        if ModuleFiles::is_module(name) {
            let text = ModuleFiles::read(name).ok_or_else(|| Error::new_loading(name))?;
            return Module::declare(ctx.clone(), name, text);
        }
        let describe: Function<'js> = ctx.globals().get("__facade")?;
        let facade: String = describe.call((name,))?;
        Module::declare(ctx.clone(), name, facade)
    }
}
