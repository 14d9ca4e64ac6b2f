//! Scripts with the JSX of Solid, which its own compiler turns into calls.

use std::path::Path;

use serde_json::{Value, json};

use super::Component;
use crate::esm::{
    compile_error::CompileError,
    compiler::{file_type::Language, tools::Tools},
    toolchain::{Request, Tool, Toolchain},
};

/// The plug-in of Vite, whose options apply.
pub(super) const PLUGIN: &str = "vite-plugin-solid";

/// The package whose JSX it is.
pub(super) const RUNTIME: &str = "solid-js";

/// Compiles a script. Types remain.
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
    language: Language,
    options: &Value,
) -> Result<Component, CompileError> {
    let input = json!({
        "text": text,
        "path": path,
        "isTyped": language.is_typed(),
        "hot": options["hot"] != false,
        "options": options["solid"],
    });
    let answer = tools.run(Tool::Solid, (path, text), "compile", input)?;
    let language = if language.is_typed() { Language::Ts } else { Language::Js };
    Ok(Component::of_script(&answer, language))
}

/// Compiles a script of a package. Types remain.
///
/// # Blocking
/// Runs the compiler.
///
/// # Errors
/// The message for the developer, if the compiler is not installed, or reports an error, or fails.
pub(super) fn compile_installed(
    toolchain: &Toolchain,
    path: &Path,
    text: &str,
) -> Result<String, String> {
    let is_typed = path.extension().is_some_and(|extension| extension == "tsx");
    let input = json!({ "text": text, "path": path, "isTyped": is_typed, "hot": false });
    let request = Request { tool: Tool::Solid, file: path, function: "compile", input };
    let answer = toolchain.run_installed(&request)?;
    Ok(answer.output["script"].as_str().unwrap_or_default().to_owned())
}
