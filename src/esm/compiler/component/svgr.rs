//! SVG images as components of React: `import Logo from "./logo.svg?react"`.

use std::path::Path;

use serde_json::json;

use super::Component;
use crate::esm::{
    compile_error::CompileError,
    compiler::{file_type::Language, tools::Tools},
    toolchain::Tool,
};

/// The plug-in of Vite, whose options apply.
const PLUGIN: &str = "vite-plugin-svgr";

/// Compiles an image.
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
    let options = tools.settings.plugin(PLUGIN).map(|options| &options["svgrOptions"]);
    let input = json!({ "text": text, "path": path, "options": options });
    let answer = tools.run(Tool::Svgr, (path, text), "compile", input)?;
    Ok(Component {
        script: answer.output.as_str().unwrap_or_default().to_owned(),
        language: Language::Jsx,
        map: None,
        sheets: Vec::new(),
        dependencies: answer.dependencies.keys().cloned().collect(),
    })
}
