//! Components (`.vue`, `.svelte`, `.mdx`, `.svg?react`): files that a compiler of the project turns
//! into a script and style sheets.
//!
//! The script takes the road of every other script; its source map leads on to the component. The
//! style sheets are inserted by the same module, so that a component is one module.

mod mdx;
mod solid;
mod svelte;
mod svgr;
mod vue;
mod vue_jsx;

use std::{
    fmt::Write,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{
    asset::string_literal, file_type::Language, project::Project, style_sheet, tools::Tools,
};
use crate::{
    esm::{
        compile_error::CompileError,
        toolchain::{Answer, Tool, Toolchain},
        vite_settings::ViteSettings,
    },
    http::own_paths::HOT,
};

/// A kind of component.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum ComponentKind {
    Mdx,
    /// An image as a component of React.
    Svgr,
    Svelte,
    Vue,
}

impl ComponentKind {
    /// Returns the kind of a file by its extension, and whether its import has a parameter.
    pub(super) fn of(extension: &str, has: impl Fn(&str) -> bool) -> Option<Self> {
        match extension {
            "md" | "mdx" => Some(Self::Mdx),
            "svg" if has("react") => Some(Self::Svgr),
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

impl Component {
    /// Returns a component that is a script alone, from an answer with its text and map.
    fn of_script(answer: &Answer, language: Language) -> Self {
        let part = |name: &str| answer.output[name].as_str().map(str::to_owned);
        let (sheets, dependencies) = (Vec::new(), Vec::new());
        let script = part("script").unwrap_or_default();
        Self { script, language, map: part("map"), sheets, dependencies }
    }
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
        ComponentKind::Mdx => return mdx::compile(tools, path, text),
        ComponentKind::Svgr => return svgr::compile(tools, path, text),
        ComponentKind::Svelte => svelte::compile(tools, path, url, text)?,
        ComponentKind::Vue => vue::compile(tools, path, url, text)?,
    };
    let sheets = insert_sheets(tools.project, path, url, &component.sheets);
    component.script.push_str(&sheets);
    Ok(component)
}

/// Returns whether a file is a component. Markdown is one only where the plug-in for it is used.
pub(super) fn is_component(settings: &ViteSettings, path: &Path) -> bool {
    path.extension().is_none_or(|extension| extension != "md")
        || settings.plugin(mdx::PLUGIN).is_some()
}

/// A compiler for JSX that is not React's.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum JsxCompiler {
    /// That of Solid, with the options of its plug-in.
    Solid(Value),
}

impl JsxCompiler {
    /// Returns the one that a project uses: `import_source` is that of a file with JSX.
    pub(super) fn of(settings: &ViteSettings, import_source: Option<&str>) -> Option<Self> {
        let plugin = settings.plugin(solid::PLUGIN).cloned();
        let by_source = || (import_source == Some(solid::RUNTIME)).then_some(Value::Null);
        plugin.or_else(by_source).map(Self::Solid)
    }
}

/// Returns the compilers that a script may have of its own, by its name.
pub(super) fn script_tools(path: &Path) -> &'static [Tool] {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("jsx" | "tsx") => &[Tool::Solid, Tool::VueJsx],
        _ if svelte::is_module(path) => &[Tool::Svelte],
        _ => &[],
    }
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
    jsx: Option<&JsxCompiler>,
) -> Result<Option<Component>, CompileError> {
    if let Some(JsxCompiler::Solid(options)) = jsx {
        return solid::compile(tools, path, text, language, options).map(Some);
    }
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
    jsx: Option<&JsxCompiler>,
    path: &Path,
    read: &dyn Fn() -> Result<String, String>,
) -> Option<Result<String, String>> {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    if extension == "svelte" || svelte::is_module(path) {
        return Some(read().and_then(|text| svelte::compile_installed(toolchain, path, &text)));
    }
    if jsx.is_some() && matches!(extension, "jsx" | "tsx") {
        return Some(read().and_then(|text| solid::compile_installed(toolchain, path, &text)));
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
