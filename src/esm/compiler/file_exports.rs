//! The names that the scripts of a project export, from their syntax alone.
//!
//! What the transformer would remove counts as exported, if only it can tell: no name is reported
//! as missing that is not.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use oxc::{
    allocator::Allocator,
    ast::ast::{Declaration, ExportDefaultDeclarationKind, Statement},
    parser::Parser,
    syntax::module_record::{
        ExportEntry, ExportExportName, ExportImportName, ExportLocalName, ImportImportName,
        ModuleRecord,
    },
};
use quick_cache::{Weighter, sync};

use super::file_type::Language;
use crate::{
    docroot::{self, Dependencies},
    esm::{
        nesting,
        stack::{self, run_with_stack_if_deep},
    },
};

/// The size up to which a file is read, bytes.
const MAX_SIZE: u64 = 4 * 1024 * 1024;

/// The capacity of the table, bytes.
const CAPACITY: u64 = 16 * 1024 * 1024;

/// The estimated size of a name or a specifier without its text, and of an entry, bytes.
const PART_OVERHEAD: usize = 64;
const ENTRY_OVERHEAD: usize = 256;

/// The expected number of entries: see [`cache`](super::cache).
const EXPECTED_ENTRIES: usize = 32;

/// What a file exports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FileExports {
    /// The names, with what they come from: `None` is the file itself.
    pub(super) names: BTreeMap<String, Option<Source>>,
    /// The names that are types only.
    pub(super) types: BTreeSet<String>,
    /// The specifiers of `export *`.
    pub(super) stars: Vec<String>,
    /// Whether it may export anything: it cannot be read or parsed, or is no script.
    pub(super) is_open: bool,
    /// Whether it is a CommonJS module.
    pub(super) is_common_js: bool,
}

/// An export of another module: the specifier and the name there, `*` for its namespace.
pub(super) type Source = (String, String);

impl FileExports {
    fn open() -> Self {
        Self { is_open: true, ..Self::default() }
    }

    /// Parses a script.
    fn of(text: &str, language: Language) -> Self {
        if nesting::too_deep(text, language.is_typed()).is_some() {
            return Self::open();
        }
        let allocator = Allocator::default();
        let parsed = Parser::new(&allocator, text, language.source_type()).parse();
        let is_assigned =
            |statement: &Statement<'_>| matches!(statement, Statement::TSExportAssignment(_));
        if parsed.diagnostics.errors().next().is_some()
            || parsed.program.body.iter().any(is_assigned)
        {
            return Self::open();
        }
        let record = parsed.module_record;
        let mut exports = Self::default();
        for entry in record.local_export_entries.iter().chain(&record.indirect_export_entries) {
            exports.add(entry, &record);
        }
        // The record takes an abstract class for a type, and what has the name of an imported type.
        for name in parsed.program.body.iter().filter_map(declared) {
            exports.types.remove(name);
            exports.names.entry(name.to_owned()).or_default();
        }
        let stars = record.star_export_entries.iter().filter(|star| !star.is_type);
        exports.stars = stars.filter_map(|star| Some(specifier(star)?.to_owned())).collect();
        exports.is_common_js = !record.has_module_syntax
            && ["module.exports", "exports."].iter().any(|it| text.contains(it));
        exports
    }

    fn add(&mut self, entry: &ExportEntry<'_>, record: &ModuleRecord<'_>) {
        let name = match &entry.export_name {
            ExportExportName::Name(name) => name.name.as_str(),
            ExportExportName::Default(_) => "default",
            ExportExportName::Null => return,
        };
        if entry.is_type {
            self.types.insert(name.to_owned());
            return;
        }
        let imported = match &entry.import_name {
            ExportImportName::Name(name) => {
                // `import a from ".."; export { a }`
                let is_default = record.import_entries.iter().any(|import| {
                    import.statement_span == entry.statement_span
                        && import.local_name.name == name.name
                        && matches!(import.import_name, ImportImportName::Default(_))
                });
                Some(if is_default { "default" } else { name.name.as_str() })
            }
            ExportImportName::All => Some("*"),
            _ => None,
        };
        let source = specifier(entry).zip(imported).or_else(|| namespace(entry, record));
        let source = source.map(|(from, name)| (from.to_owned(), name.to_owned()));
        self.names.insert(name.to_owned(), source);
    }

    /// Estimates the size, bytes.
    fn size(&self) -> usize {
        let sources = self.names.values().flatten().flat_map(|(from, name)| [from, name]);
        let texts = self.names.keys().chain(&self.types).chain(&self.stars).chain(sources);
        texts.map(|text| text.len() + PART_OVERHEAD).sum()
    }
}

/// Returns the name under which a statement exports the function or class that it declares.
fn declared<'a>(statement: &'a Statement<'_>) -> Option<&'a str> {
    match statement {
        Statement::ExportDefaultDeclaration(export) => match &export.declaration {
            ExportDefaultDeclarationKind::ClassDeclaration(_)
            | ExportDefaultDeclarationKind::FunctionDeclaration(_) => Some("default"),
            _ => None,
        },
        Statement::ExportDeclaration(export) => match &export.declaration {
            Declaration::ClassDeclaration(class) if !class.declare => {
                Some(class.id.as_ref()?.name.as_str())
            }
            Declaration::FunctionDeclaration(function) if !function.declare => {
                Some(function.id.as_ref()?.name.as_str())
            }
            _ => None,
        },
        _ => None,
    }
}

/// Returns the specifier of the namespace that an entry exports: `import * as a from ".."; export
/// { a }`.
fn namespace<'r>(
    entry: &ExportEntry<'_>,
    record: &'r ModuleRecord<'_>,
) -> Option<(&'r str, &'static str)> {
    let ExportLocalName::Name(local) = &entry.local_name else { return None };
    let import = record.import_entries.iter().find(|import| {
        import.local_name.name == local.name
            && matches!(import.import_name, ImportImportName::NamespaceObject)
    })?;
    Some((import.module_request.name.as_str(), "*"))
}

fn specifier<'e>(entry: &'e ExportEntry<'_>) -> Option<&'e str> {
    entry.module_request.as_ref().map(|request| request.name.as_str())
}

struct Entry {
    read: Dependencies,
    exports: Arc<FileExports>,
}

#[derive(Clone)]
struct EntrySize;

impl Weighter<PathBuf, Arc<Entry>> for EntrySize {
    fn weight(&self, path: &PathBuf, entry: &Arc<Entry>) -> u64 {
        let size = path.as_os_str().len() + entry.exports.size() + ENTRY_OVERHEAD;
        u64::try_from(size).unwrap_or(u64::MAX)
    }
}

/// The exports of the files that were looked at most recently.
pub(super) struct ExportTable(sync::Cache<PathBuf, Arc<Entry>, EntrySize>);

impl ExportTable {
    pub(super) fn new() -> Self {
        Self(sync::Cache::with_weighter(EXPECTED_ENTRIES, CAPACITY, EntrySize))
    }

    /// Returns what a file exports.
    ///
    /// # Blocking
    /// Checks whether the file has changed, and reads it if so.
    pub(super) fn of(&self, path: &Path) -> Arc<FileExports> {
        let Some(language) = Language::of(path) else { return Arc::new(FileExports::open()) };
        if let Some(entry) = self.0.get(path).filter(|entry| entry.read.are_unchanged()) {
            return Arc::clone(&entry.exports);
        }
        let began = SystemTime::now();
        let stamp = Dependencies::stamp(path);
        let text = docroot::read_bounded(path, MAX_SIZE).ok();
        let text = text.and_then(|bytes| String::from_utf8(bytes).ok());
        let exports = text.and_then(|text| {
            let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
            run_with_stack_if_deep(text, stack::LEFT, || FileExports::of(text, language)).ok()
        });
        let exports = Arc::new(exports.unwrap_or_else(FileExports::open));
        if let Some(read) = stamp.and_then(|stamp| Dependencies::new(vec![stamp], began)) {
            let entry = Entry { read, exports: Arc::clone(&exports) };
            self.0.insert(path.to_owned(), Arc::new(entry));
        }
        exports
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{ExportTable, FileExports, Language};

    #[test]
    fn names_are_those_that_remain_without_types() {
        for (text, names, types, stars) in [
            ("export const a = 1, { b, c: [d] } = x; export function e() {}", "a b d e", "", ""),
            (
                "export class A {} export enum E {} export namespace N { export const a = 1 }",
                "A E N",
                "",
                "",
            ),
            (
                "export interface I {} export type T = 1; export declare const d: 1;",
                "",
                "I T d",
                "",
            ),
            ("interface I {} export default I;", "default", "", ""),
            ("export default interface I {}", "", "default", ""),
            ("export default abstract class A {}", "default", "", ""),
            (
                "const a = 1; type T = 1; export { a as b, type T }; export type { T as U };",
                "b",
                "T U",
                "",
            ),
            (
                "export { a as b, type T } from './x'; export * as ns from './y';",
                "b=./x:a ns=./y:*",
                "T",
                "",
            ),
            ("import a, { b as c } from './x'; export { a, c };", "a=./x:default c=./x:b", "", ""),
            ("import * as a from './x'; export { a as b };", "b=./x:*", "", ""),
            ("import type { A } from './x'; export { A };", "", "A", ""),
            ("export * from './x'; export type * from './y';", "", "", "./x"),
            ("export interface A {} export const A = 1;", "A", "A", ""),
            ("import type { A } from './x'; export default function A() {}", "default", "", ""),
            ("import type { A } from './x'; export function A() {}", "A", "", ""),
            ("module.exports = 1", "", "", ""),
        ] {
            let exports = FileExports::of(text, Language::Ts);
            let found: Vec<_> = exports
                .names
                .iter()
                .map(|(name, source)| match source {
                    Some((from, imported)) => format!("{name}={from}:{imported}"),
                    None => name.clone(),
                })
                .collect();
            assert_eq!(found.join(" "), names, "{text}");
            assert_eq!(Vec::from_iter(exports.types).join(" "), types, "{text}");
            assert_eq!(exports.stars.join(" "), stars, "{text}");
            assert!(!exports.is_open, "{text}");
            assert_eq!(exports.is_common_js, text.starts_with("module.exports"), "{text}");
        }
        for text in ["export = a;", "export const a = ;"] {
            assert!(FileExports::of(text, Language::Ts).is_open, "{text}");
        }
    }

    #[test]
    fn a_changed_file_is_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let (file, table) = (dir.path().join("a.js"), ExportTable::new());
        for name in ["a", "b", "c"] {
            fs::write(&file, format!("export const {name} = 1")).unwrap();
            assert!(table.of(&file).names.contains_key(name));
        }
        fs::remove_file(&file).unwrap();
        assert!(table.of(&file).is_open);
        assert!(table.of(&dir.path().join("a.css")).is_open);
    }
}
