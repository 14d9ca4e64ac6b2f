//! MDX, Markdown with JSX, and Markdown where the plug-in for it is used.

use std::path::Path;

use serde_json::json;

use super::Component;
use crate::esm::{
    compile_error::CompileError,
    compiler::{file_type::Language, tools::Tools},
    toolchain::Tool,
};

/// The plug-in of Vite, whose options apply.
pub(super) const PLUGIN: &str = "@mdx-js/rollup";

/// Compiles a file.
///
/// # Blocking
/// Runs the compiler.
///
/// # Errors
/// The compiler is not installed, or reports an error, or fails.
pub(super) fn compile(
    tools: Tools<'_>,
    path: &Path,
    text: &str,
) -> Result<Component, CompileError> {
    let options = tools.settings.plugin(PLUGIN);
    let input = json!({ "text": text, "path": path, "options": options });
    let answer = tools.run(Tool::Mdx, (path, text), "compile", input)?;
    Ok(Component::of_script(&answer, Language::Jsx))
}
