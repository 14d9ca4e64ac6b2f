//! Describes the errors that only a browser finds in a module: syntax that the compiler accepts,
//! and imports that the compiler cannot check.

use std::{path::Path, sync::Arc};

use oxc::syntax::module_record::{ExportImportName, ImportImportName, ModuleRecord};

use super::{
    compile_error::CompileError, describe::describe, missing_module::read_record, service::Esm,
};
use crate::{
    docroot::{Content, Located, Root},
    fault::Fault,
    http::url_path::UrlPath,
};

/// The page of a folder.
const INDEX: &str = "index.html";

impl Esm {
    /// Describes an error at a line and column of what was served at a URL path, counted from 1. At
    /// line 0, the error is the import of a name that the message quotes. Returns `None` if there is
    /// no such file.
    pub(crate) async fn describe_page_error(
        self: &Arc<Self>,
        path: &str,
        message: String,
        position: (u32, u32),
    ) -> Option<Fault> {
        let esm = Arc::clone(self);
        let url = UrlPath::parse(path).ok()?;
        let job = ("page error", path.to_owned(), message.clone(), position);
        let find = move || {
            let folders = &esm.folders;
            let (url, text) = source(folders, url)?;
            let file = folders.disk_path(&url)?;
            let url = url.to_string();
            let message = message.strip_prefix("Uncaught ").unwrap_or(&message).to_owned();
            let error = if position.0 == 0 {
                match import_in(&message, &file, &text) {
                    Some((start, end)) => CompileError::at(&file, &text, start, end, message),
                    None => CompileError::of_file(&file, message),
                }
            } else {
                match esm.source_position(&url, position) {
                    Some((text, line, column)) => {
                        CompileError::at_characters(&file, &text, line, column, message)
                    }
                    None => CompileError::of_file(&file, message),
                }
            };
            Some(describe(folders, &url, error))
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
