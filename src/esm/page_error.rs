//! Describes the errors that only a browser finds in a module: syntax that the compiler accepts,
//! and imports that the compiler cannot check.

use std::{path::Path, sync::Arc};

use base64_simd::STANDARD;
use oxc::syntax::module_record::{ExportImportName, ImportImportName, ModuleRecord};
use oxc_sourcemap::SourceMap;

use super::{
    compile_error::CompileError,
    compiler::{Compiler, FetchMetadata, ModuleSpec, Output},
    describe::describe,
    disk_view::DiskView,
    missing_module::read_record,
    service::Esm,
};
use crate::{
    docroot::{Content, Located, Root},
    fault::Fault,
    http::url_path::UrlPath,
};

/// The page of a folder.
const INDEX: &str = "index.html";

/// The beginning of the comment with the source map, which is the last line.
const SOURCE_MAP: &str = "//# sourceMappingURL=data:application/json;charset=utf-8;base64,";

impl Esm {
    /// Describes an error at a line and column of what was served at a URL path, counted from 1. At
    /// line 0, the error is the import of a name that the message quotes. Returns `None` if there is
    /// no such file.
    pub(crate) async fn describe_page_error(
        &self,
        path: &str,
        message: String,
        position: (u32, u32),
    ) -> Option<Fault> {
        let (folders, compiler) = (Arc::clone(&self.folders), Arc::clone(&self.compiler));
        let url = UrlPath::parse(path).ok()?;
        let job = ("page error", path.to_owned(), message.clone(), position);
        let find = move || {
            let (url, text) = source(&folders, url)?;
            let file = folders.disk_path(&url)?;
            let url = url.to_string();
            let message = message.strip_prefix("Uncaught ").unwrap_or(&message).to_owned();
            let error = if position.0 == 0 {
                match import_in(&message, &file, &text) {
                    Some((start, end)) => CompileError::at(&file, &text, start, end, message),
                    None => CompileError::of_file(&file, message),
                }
            } else {
                let (line, column) = original(&compiler, &file, &url, &text, position);
                CompileError::at_position(&file, &text, line, column.max(1), message)
            };
            Some(describe(&folders, &url, error))
        };
        self.workers.run(job, find).await.ok()?
    }
}

/// Returns the text of the file at a URL path, and its own URL path. Returns `None` if there is no
/// such file, or if it is too large to be in memory, or no text.
pub(super) fn source(folders: &Root, url: UrlPath) -> Option<(UrlPath, String)> {
    let (url, found) = match folders.locate(&url) {
        Located::Directory(_) => {
            let index = url.child(INDEX);
            let found = folders.locate(&index);
            (index, found)
        }
        found => (url, found),
    };
    let Located::File(file) = found else { return None };
    let Content::Memory(bytes) = file.read().ok()?.content else { return None };
    Some((url, String::from_utf8(bytes.into()).ok()?))
}

/// Returns the position of the import, or the export from another module, of the name that a message
/// quotes at its end.
fn import_in(message: &str, file: &Path, text: &str) -> Option<(usize, usize)> {
    let name = message.strip_suffix('\'')?.rsplit_once('\'')?.1;
    let find = |record: &ModuleRecord<'_>| {
        let imports = record.import_entries.iter().filter(|entry| !entry.is_type);
        let imports = imports.filter_map(|entry| match &entry.import_name {
            ImportImportName::Name(imported) => Some((imported.name.as_str(), imported.span)),
            ImportImportName::Default(span) => Some(("default", *span)),
            ImportImportName::NamespaceObject => None,
        });
        let exports = record.indirect_export_entries.iter().filter(|entry| !entry.is_type);
        let exports = exports.filter_map(|entry| match &entry.import_name {
            ExportImportName::Name(imported) => Some((imported.name.as_str(), imported.span)),
            _ => None,
        });
        let found = imports.chain(exports).find(|(imported, _)| *imported == name);
        found.map(|(_, span)| (span.start as usize, span.end as usize))
    };
    read_record(file, text, find)?
}

/// Returns the position in the source of a position in what was served.
fn original(
    compiler: &Compiler,
    file: &Path,
    url: &str,
    text: &str,
    (line, column): (u32, u32),
) -> (usize, usize) {
    let served = || {
        let spec = ModuleSpec::of_request(file, "", FetchMetadata::MODULE)?;
        match compiler.compile(file, url, text.as_bytes(), spec, &DiskView::default()).ok()? {
            Output::Module(module) => {
                let map = module.code.lines().last()?.strip_prefix(SOURCE_MAP)?;
                String::from_utf8(STANDARD.decode_to_vec(map).ok()?).ok()
            }
            Output::Unchanged | Output::StyleSheet(_) => None,
        }
    };
    let found = served().and_then(|map| {
        let map = SourceMap::from_json_string(&map).ok()?;
        let table = map.generate_lookup_table();
        let token = map.lookup_token(&table, line.checked_sub(1)?, column.saturating_sub(1))?;
        Some((token.get_src_line() + 1, token.get_src_col() + 1))
    });
    let (line, column) = found.unwrap_or((line, column));
    (line as usize, column as usize)
}
