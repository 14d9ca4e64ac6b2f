//! Components (`.vue`, `.svelte`): files that a compiler of the project turns into a script and style sheets.
//!
//! The script takes the road of every other script; its source map leads on to the component. The
//! style sheets are inserted by the same module, so that a component is one module.

mod svelte;
mod vue;
mod vue_jsx;

use std::{
    fmt::Write,
    path::{Path, PathBuf},
};

use super::{
    asset::string_literal, file_type::Language, project::Project, style_sheet, tools::Tools,
};
use crate::{
    esm::{compile_error::CompileError, toolchain::Toolchain},
    http::own_paths::HOT,
};

/// A kind of component.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum ComponentKind {
    Svelte,
    Vue,
}

impl ComponentKind {
    /// Returns the kind of a file by its extension.
    pub(super) fn of(extension: &str) -> Option<Self> {
        match extension {
            "svelte" => Some(Self::Svelte),
            "vue" => Some(Self::Vue),
            _ => None,
        }
    }
}

/// A compiled component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Component {
    /// The script, a module.
    pub(super) script: String,
    pub(super) language: Language,
    /// The source map of the script, as JSON (ECMA-426), from the component.
    pub(super) map: Option<String>,
    /// The style sheets, as CSS.
    pub(super) sheets: Vec<String>,
    /// The files that it was made from, besides the component itself.
    pub(super) dependencies: Vec<PathBuf>,
}

/// Compiles a component.
///
/// # Blocking
/// Runs the compiler.
///
/// # Errors
/// The compiler is not installed, or reports an error, or fails.
pub(super) fn compile(
    kind: ComponentKind,
    tools: Tools<'_>,
    path: &Path,
    url: &str,
    text: &str,
) -> Result<Component, CompileError> {
    let mut component = match kind {
        ComponentKind::Svelte => svelte::compile(tools, path, url, text)?,
        ComponentKind::Vue => vue::compile(tools, path, url, text)?,
    };
    let sheets = insert_sheets(tools.project, path, url, &component.sheets);
    component.script.push_str(&sheets);
    Ok(component)
}

/// Compiles a script that has a compiler of its own. Returns `None` if it is like any other.
///
/// # Blocking
/// Runs the compiler.
///
/// # Errors
/// The compiler is not installed, or reports an error, or fails.
pub(super) fn compile_script(
    tools: Tools<'_>,
    path: &Path,
    url: &str,
    text: &str,
    language: Language,
) -> Result<Option<Component>, CompileError> {
    if svelte::is_module(path) {
        return svelte::compile_module(tools, path, url, text, language);
    }
    if vue_jsx::applies(tools, path, language) {
        return vue_jsx::compile(tools, path, url, text, language).map(Some);
    }
    Ok(None)
}

/// Compiles a component of a package, or a script that has a compiler of its own, to an ES module.
/// Returns `None` for any other file.
///
/// # Blocking
/// Runs the compiler.
///
/// # Errors
/// The message for the developer, if the compiler is not installed, or reports an error, or fails.
pub(super) fn compile_installed(
    toolchain: &Toolchain,
    path: &Path,
    read: &dyn Fn() -> Result<String, String>,
) -> Option<Result<String, String>> {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    if ComponentKind::of(extension) == Some(ComponentKind::Svelte) || svelte::is_module(path) {
        return Some(read().and_then(|text| svelte::compile_installed(toolchain, path, &text)));
    }
    None
}

/// Returns the code that inserts the style sheets of a component, and removes those that an earlier
/// version of it had.
///
/// # Blocking
/// Resolves the imported sheets.
fn insert_sheets(project: &dyn Project, path: &Path, url: &str, sheets: &[String]) -> String {
    let mut code = format!(
        "\nimport {{ joined as $joined, style as $style, trimStyles as $trimStyles }} from \"{HOT}\";\n"
    );
    for (at, css) in sheets.iter().enumerate() {
        let sheet = style_sheet::code(project, path, &format!("{url}?style={at}"), css, "");
        let imports = sheet.imports.replace("import $part", &format!("import $part{at}_"));
        let arguments = sheet.arguments.replace("part: $part", &format!("part: $part{at}_"));
        let _ = writeln!(code, "{imports}$style($joined({arguments}));");
    }
    let _ = writeln!(code, "$trimStyles({}, {});", string_literal(url), sheets.len());
    code
}
