//! JSX of Vue, by the Babel plug-in of `@vitejs/plugin-vue-jsx` where that is installed.

use std::{fmt::Write, path::Path};

use serde::Deserialize;
use serde_json::json;
use xxhash_rust::xxh3::xxh3_64;

use super::Component;
use crate::{
    esm::{
        compile_error::CompileError,
        compiler::{
            asset::string_literal,
            file_type::Language,
            script::{self, Typeless},
            tools::Tools,
        },
        toolchain::Tool,
    },
    http::own_paths::VUE,
};

/// A script without JSX.
#[derive(Debug, Deserialize)]
pub(super) struct Transformed {
    pub(super) code: String,
    /// Its source map, as JSON.
    pub(super) map: String,
    /// The exported components: their names in the script, and as exports.
    components: Vec<(String, String)>,
}

/// Returns whether a script has JSX that the plug-in compiles.
///
/// # Blocking
/// Looks for the plug-in.
pub(super) fn applies(tools: Tools<'_>, path: &Path, language: Language) -> bool {
    matches!(language, Language::Jsx | Language::Tsx) && tools.version(Tool::VueJsx, path).is_some()
}

/// Removes types and JSX from a script of the project.
///
/// # Blocking
/// Runs the compiler.
///
/// # Errors
/// The script has an error, or the compiler fails.
pub(super) fn transform(
    tools: Tools<'_>,
    path: &Path,
    text: &str,
    language: Language,
) -> Result<Transformed, CompileError> {
    // The script of a component is TypeScript with JSX, too.
    let name = path.with_extension("tsx");
    let of_script = |error| CompileError { file: path.to_owned(), ..error };
    let typeless =
        language.is_typed().then(|| script::without_types(&name, text, false)).transpose();
    let typeless = typeless.map_err(of_script)?;
    let (code, map) = match &typeless {
        Some(Typeless { text, map }) => (text.as_str(), Some(map)),
        None => (text, None),
    };
    let input = json!({ "path": path, "text": code, "map": map });
    let answer = tools.run(Tool::VueJsx, (path, code), "compile", input)?;
    Transformed::deserialize(&answer.output)
        .map_err(|error| CompileError::of_file(path, error.to_string()))
}

/// Compiles a script with JSX.
///
/// # Blocking
/// Runs the compiler.
///
/// # Errors
/// The script has an error, or the compiler fails.
pub(super) fn compile(
    tools: Tools<'_>,
    path: &Path,
    url: &str,
    text: &str,
    language: Language,
) -> Result<Component, CompileError> {
    let Transformed { code, map, components } = transform(tools, path, text, language)?;
    let mut script = code;
    if !components.is_empty() {
        let entries = components.iter().map(|(local, exported)| {
            let id = format!("{:08x}", xxh3_64(format!("{url} {exported}").as_bytes()) >> 32);
            format!("[\"{id}\", {}, {local}]", string_literal(exported))
        });
        let entries = entries.collect::<Vec<_>>().join(", ");
        let _ = write!(
            script,
            "\nimport {{ components as $components }} from \"{VUE}\";\n\
             $components(import.meta.hot, [{entries}]);\n"
        );
    }
    Ok(Component {
        script,
        // Its JSX is gone, but it is not the file any more.
        language: Language::Jsx,
        map: Some(map),
        sheets: Vec::new(),
        dependencies: Vec::new(),
    })
}
