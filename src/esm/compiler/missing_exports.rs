//! Checks that the modules of a project export the names that are imported from them.
//!
//! A browser refuses to run a page with such an import, and names only the module and the name.
//! This is ResolveExport of ECMA-262 (section 16.2.1.7.2.2), as far as the modules are known: what
//! CommonJS packages and backends export is not, and is never reported.

use std::{
    collections::{BTreeSet, HashSet},
    path::{Path, PathBuf},
};

use super::{file_exports::ExportTable, project::Project};
use crate::{
    esm::{compile_error::CompileError, packages::Packages, resolve::Target},
    http::own_paths::PACKAGES,
};

/// Number of modules that are looked at for one script. What is behind them is not known.
const MAX_LOOKUPS: usize = 100_000;

/// Number of modules that are followed from one to the next.
const MAX_DEPTH: usize = 100;

/// Number of characters of a list of names in advice.
const MAX_NAMES: usize = 60;

/// The names that a script imports from a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NamedImports {
    /// The specifier, as written.
    pub(super) specifier: String,
    pub(super) module: Module,
    /// The names, with their positions in the script, byte offsets.
    pub(super) names: Vec<(String, u32, u32)>,
    /// Whether they are exported again (`export { a } from ".."`).
    pub(super) is_export: bool,
}

/// A module that names are imported from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Module {
    /// A script of the project.
    File(PathBuf),
    /// The URL of a file of a package.
    Package(String),
}

impl Module {
    /// Returns the module that a target stands for, unless nothing is known of what it exports.
    pub(super) fn of(target: Target) -> Option<Self> {
        match target {
            Target::File(path) => Some(Self::File(path)),
            Target::Package(url) if url.starts_with(PACKAGES) && !url.contains('?') => {
                Some(Self::Package(url))
            }
            _ => None,
        }
    }
}

/// What an imported name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Resolution {
    /// Some module that is not known may export it.
    Unknown,
    Missing,
    /// Two modules export it with `export *`, and neither takes precedence.
    Ambiguous(Module, Module),
    /// A name in a module.
    Found(Module, String),
}

/// Looks names up.
pub(super) struct ExportChecker<'c> {
    pub(super) project: &'c dyn Project,
    pub(super) packages: &'c Packages,
    pub(super) table: &'c ExportTable,
}

impl ExportChecker<'_> {
    /// Checks the imports of a script.
    ///
    /// # Blocking
    /// Checks whether the imported files have changed, and reads those that have.
    ///
    /// # Errors
    /// Fails for the first name that its module does not export. The error names the files that
    /// decide on this.
    pub(super) fn check(
        &self,
        path: &Path,
        text: &str,
        imports: &[NamedImports],
    ) -> Result<(), CompileError> {
        let mut search = Search { checker: self, lookups: 0, files: BTreeSet::new() };
        for import in imports {
            search.files.clear();
            for (name, start, end) in &import.names {
                let resolution = search.resolve(&import.module, name, &mut HashSet::new(), 0);
                let Some((message, help)) = self.describe(import, name, resolution) else {
                    continue;
                };
                if let Module::File(file) = &import.module
                    && !(self.project.served())(file)
                {
                    continue; // the browser cannot load it either, and reports that
                }
                let (start, end) = (*start as usize, *end as usize);
                let mut error = CompileError::at(path, text, start, end, message).with_help(help);
                error.related = std::mem::take(&mut search.files).into_iter().collect();
                return Err(error);
            }
        }
        Ok(())
    }

    /// Returns the message and advice for a name that cannot be imported.
    fn describe(
        &self,
        import: &NamedImports,
        name: &str,
        resolution: Resolution,
    ) -> Option<(String, Option<String>)> {
        let specifier = &import.specifier;
        match resolution {
            Resolution::Unknown | Resolution::Found(..) => None,
            Resolution::Ambiguous(one, other) => {
                let [one, other] = [one, other].map(|module| self.name_of(&module));
                Some((
                    format!("{specifier:?} exports {name:?} twice: from {one} and from {other}"),
                    Some("import it from one of them, or export it there by its name".to_owned()),
                ))
            }
            Resolution::Missing => {
                let message = match name {
                    "default" => format!("{specifier:?} has no default export"),
                    _ => format!("{specifier:?} has no export {name:?}"),
                };
                Some((message, self.advice(import, name)))
            }
        }
    }

    /// Returns how to fix an import of a name that a module does not export.
    fn advice(&self, import: &NamedImports, name: &str) -> Option<String> {
        let NamedImports { specifier, module, is_export, .. } = import;
        let keyword = if *is_export { "export" } else { "import" };
        let mut names = BTreeSet::new();
        match module {
            Module::File(path) => {
                let exports = self.table.of(path);
                if exports.types.contains(name) {
                    return Some(format!("it is a type: write \"{keyword} type\""));
                }
                if exports.is_common_js {
                    let file = self.name_of(module);
                    return Some(format!("{file} is a CommonJS module: write \"export\" in it"));
                }
                self.collect_names(path, &mut names, &mut HashSet::new());
            }
            Module::Package(url) => names.extend(self.packages.names(url)),
        }
        let has_default = names.remove("default");
        let distance = |other: &String| strsim::levenshtein(name, other);
        let similar = names.iter().map(|other| (distance(other), other)).min();
        if name == "default" {
            let list: Vec<_> = names.into_iter().collect();
            let list = list.join(", ");
            let is_short = !list.is_empty() && list.chars().count() <= MAX_NAMES;
            return is_short.then(|| format!("{keyword} {{ {list} }} from {specifier:?}"));
        }
        match similar {
            Some((distance, other)) if distance <= (name.chars().count() / 3).min(2) => {
                Some(format!("did you mean {other:?}?"))
            }
            _ => (has_default && !is_export).then(|| format!("import {name} from {specifier:?}")),
        }
    }

    /// Collects the names that a file exports, as far as they are known.
    fn collect_names(
        &self,
        path: &Path,
        names: &mut BTreeSet<String>,
        seen: &mut HashSet<PathBuf>,
    ) {
        if seen.len() >= MAX_DEPTH || !seen.insert(path.to_owned()) {
            return;
        }
        let exports = self.table.of(path);
        let own = exports.names.keys().filter(|name| seen.len() == 1 || *name != "default");
        names.extend(own.cloned());
        for star in &exports.stars {
            match self.module(star, path) {
                Some(Module::File(file)) => self.collect_names(&file, names, seen),
                Some(Module::Package(url)) => {
                    names.extend(self.packages.names(&url).filter(|name| name != "default"));
                }
                None => {}
            }
        }
    }

    /// Returns the module that a specifier in a script leads to, if something is known of it.
    fn module(&self, specifier: &str, from: &Path) -> Option<Module> {
        if self.project.is_external(specifier) {
            return None;
        }
        Module::of(self.project.resolve(specifier, from))
    }

    fn name_of(&self, module: &Module) -> String {
        match module {
            Module::File(path) => self
                .project
                .url(path)
                .map_or_else(String::new, |url| url.trim_start_matches('/').to_owned()),
            Module::Package(url) => url.trim_start_matches(PACKAGES).to_owned(),
        }
    }
}

/// The look-ups for one script.
struct Search<'c> {
    checker: &'c ExportChecker<'c>,
    lookups: usize,
    /// The files of the project that were looked at.
    files: BTreeSet<PathBuf>,
}

impl Search<'_> {
    fn resolve(
        &mut self,
        module: &Module,
        name: &str,
        seen: &mut HashSet<(Module, String)>,
        depth: usize,
    ) -> Resolution {
        self.lookups += 1;
        if self.lookups > MAX_LOOKUPS || depth > MAX_DEPTH {
            return Resolution::Unknown;
        }
        let found = || Resolution::Found(module.clone(), name.to_owned());
        let path = match module {
            Module::File(path) => path,
            Module::Package(url) => {
                return match self.checker.packages.exports_name(url, name) {
                    None => Resolution::Unknown,
                    Some(false) => Resolution::Missing,
                    Some(true) => found(),
                };
            }
        };
        if !seen.insert((module.clone(), name.to_owned())) {
            return Resolution::Missing; // a circle
        }
        self.files.insert(path.clone());
        let exports = self.checker.table.of(path);
        if exports.is_open {
            return Resolution::Unknown;
        }
        match exports.names.get(name) {
            Some(None) => return found(),
            Some(Some((specifier, imported))) => {
                let source = self.checker.module(specifier, path);
                if imported == "*" {
                    let module = source.unwrap_or_else(|| module.clone());
                    return Resolution::Found(module, imported.clone());
                }
                if source.as_ref().is_some_and(|it| seen.contains(&(it.clone(), imported.clone())))
                {
                    return Resolution::Missing; // a circle, or found on another way
                }
                let origin = source.map(|source| self.resolve(&source, imported, seen, depth + 1));
                // What is missing there is an error of that module.
                return match origin {
                    Some(origin @ Resolution::Found(..)) => origin,
                    _ => found(),
                };
            }
            None if name == "default" => return Resolution::Missing,
            None => {}
        }
        let mut result = Resolution::Missing;
        let mut is_known = true;
        let mut first = None;
        for star in &exports.stars {
            let Some(module) = self.checker.module(star, path) else {
                is_known = false;
                continue;
            };
            match self.resolve(&module, name, seen, depth + 1) {
                Resolution::Unknown => is_known = false,
                Resolution::Missing => {}
                ambiguous @ Resolution::Ambiguous(..) => return ambiguous,
                origin @ Resolution::Found(..) if result == Resolution::Missing => {
                    first = Some(module);
                    result = origin;
                }
                origin @ Resolution::Found(..) if origin == result => drop(origin),
                Resolution::Found(..) => {
                    let first = first.unwrap_or_else(|| module.clone());
                    return Resolution::Ambiguous(first, module);
                }
            }
        }
        if result == Resolution::Missing && !is_known { Resolution::Unknown } else { result }
    }
}
