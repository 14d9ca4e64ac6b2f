//! The input of one script compilation, as plain data.

use std::path::Path;

use oxc::span::Span;

use crate::esm::{
    compiler::{
        file_type::Language, module_spec::ScriptContext, project::Project, tsconfig::Options,
    },
    fault::Fault,
};

/// A script to compile, and what applies to it.
pub(in crate::esm::compiler) struct Job<'j> {
    /// The file.
    pub(in crate::esm::compiler) path: &'j Path,
    /// The URL path of the file.
    pub(in crate::esm::compiler) url: &'j str,
    /// The content of the file, without a byte order mark.
    pub(in crate::esm::compiler) text: &'j str,
    pub(in crate::esm::compiler) language: Language,
    pub(in crate::esm::compiler) context: ScriptContext,
    /// The options of the project.
    pub(in crate::esm::compiler) options: &'j Options,
    /// The value of `import.meta.env`, as JSON.
    pub(in crate::esm::compiler) env: &'j str,
    /// Whether plain JavaScript modules register for hot updates, too.
    pub(in crate::esm::compiler) registers: bool,
    pub(in crate::esm::compiler) project: &'j dyn Project,
}

impl Job<'_> {
    /// Creates an error at a part of the script.
    pub(super) fn fault_at(&self, span: Span, message: String) -> Fault {
        Fault::at(self.path, self.text, span.start as usize, span.end as usize, message)
    }
}
