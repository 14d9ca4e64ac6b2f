//! The input of one script compilation, as plain data.

use std::path::Path;

use oxc::span::Span;

use super::original::Original;
use crate::esm::{
    compile_error::CompileError,
    compiler::{
        file_type::Language, module_spec::ScriptContext, project::Project, tsconfig::Options,
    },
};

/// A script to compile, and what applies to it.
pub(crate) struct Job<'j> {
    /// The file.
    pub(crate) path: &'j Path,
    /// The URL path of the file.
    pub(crate) url: &'j str,
    /// The content of the file, without a byte order mark.
    pub(crate) text: &'j str,
    /// Set if the text was made from a component.
    pub(crate) original: Option<&'j Original<'j>>,
    pub(crate) language: Language,
    pub(crate) context: ScriptContext,
    /// The options of the project.
    pub(crate) options: &'j Options,
    /// The value of `import.meta.env`, as JSON, or why it has none.
    pub(crate) env: Result<&'j str, &'j CompileError>,
    /// Whether plain JavaScript modules register for hot updates, too.
    pub(crate) registers: bool,
    pub(crate) project: &'j dyn Project,
}

impl Job<'_> {
    /// Creates an error at a part of the script.
    pub(super) fn error_at(&self, span: Span, message: String) -> CompileError {
        CompileError::at(self.path, self.text, span.start as usize, span.end as usize, message)
    }
}
