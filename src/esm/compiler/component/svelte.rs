//! Svelte components (`.svelte`), and modules with runes (`.svelte.js`, `.svelte.ts`).
//!
//! As the official plug-in does for development: the style sheet is kept apart from the script, and
//! the scope of both is named after the file, so that an edit of the one does not change the other.
//! Svelte 5 replaces components itself; for Svelte 4 the package `svelte-hmr` does, if it is
//! installed.

use std::{borrow::Cow, path::Path};

use serde::Deserialize;
use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_64;

use super::Component;
use crate::esm::{
    compile_error::CompileError,
    compiler::{
        file_type::Language,
        preprocess,
        script::{Original, Typeless, without_types},
        tools::Tools,
    },
    toolchain::{Request, Tool, Toolchain},
};

/// The plug-in of Vite, whose options apply.
const PLUGIN: &str = "@sveltejs/vite-plugin-svelte";

/// A script or style sheet of a component.
#[derive(Debug, Deserialize)]
struct Block {
    /// `script` or `style`.
    tag: String,
    /// Its number among those with the same tag.
    at: u32,
    content: String,
    lang: Option<String>,
}

/// A module as the compiler returns it.
#[derive(Debug, Deserialize)]
struct Compiled {
    script: String,
    map: Option<String>,
    #[serde(default)]
    sheets: Vec<String>,
}

/// Returns whether a script is a module with runes, by its name.
pub(super) fn is_module(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let stem = name.strip_suffix(".js").or_else(|| name.strip_suffix(".ts"));
    stem.is_some_and(|stem| stem.ends_with(".svelte") || stem.contains(".svelte."))
}

/// Compiles a component.
///
/// # Blocking
/// Runs the compilers.
///
/// # Errors
/// A compiler is not installed, or reports an error, or fails.
pub(super) fn compile(
    tools: Tools<'_>,
    path: &Path,
    url: &str,
    text: &str,
) -> Result<Component, CompileError> {
    let filename = url.trim_start_matches('/');
    let source = (path, text);
    let is_legacy = version(tools, path) < 5;
    let (mut blocks, mut dependencies) = (Vec::new(), Vec::new());
    if text.contains("lang=") {
        let input = json!({ "text": text, "filename": filename });
        let listed = tools.run(Tool::Svelte, source, "blocks", input)?;
        for block in understood::<Vec<Block>>(&listed.output, path)? {
            let Some(lang) = &block.lang else { continue };
            let content = Place::of(text, &block.content);
            let replaced = match &*block.tag {
                "style" => {
                    let css = preprocess::css(tools, path, url, lang, &content.padded);
                    let css = css.map_err(|error| content.locate(path, error))?;
                    dependencies.extend(css.dependencies);
                    json!({ "code": without_map(&css.text) })
                }
                "script" if is_legacy && matches!(&**lang, "ts" | "typescript") => {
                    let plain = without_types(path, &block.content, true);
                    let Typeless { text: code, map } = plain.map_err(|error| {
                        let again = without_types(path, &content.padded, true);
                        content.locate(path, again.err().unwrap_or(error))
                    })?;
                    json!({ "code": code, "map": map })
                }
                _ => continue,
            };
            let mut replaced = replaced;
            replaced["tag"] = block.tag.into();
            replaced["at"] = block.at.into();
            blocks.push(replaced);
        }
    }
    let input = json!({
        "text": text,
        "filename": filename,
        "url": url,
        "scope": scope(filename),
        "hot": true,
        "blocks": blocks,
        "options": tools.settings.plugin(PLUGIN).map(|options| &options["compilerOptions"]),
    });
    let answer = tools.run(Tool::Svelte, source, "compile", input)?;
    dependencies.extend(answer.dependencies.keys().cloned());
    let Compiled { script, map, sheets } = understood(&answer.output, path)?;
    let mut plain = Vec::new();
    for sheet in sheets {
        let css = preprocess::css(tools, path, url, "css", &sheet)?;
        dependencies.extend(css.dependencies);
        plain.push(css.text.into_owned());
    }
    Ok(Component { script, language: Language::Js, map, sheets: plain, dependencies })
}

/// Compiles a module with runes. Returns `None` if the compiler is older than these.
///
/// # Blocking
/// Runs the compiler.
///
/// # Errors
/// The compiler is not installed, or reports an error, or fails.
pub(super) fn compile_module(
    tools: Tools<'_>,
    path: &Path,
    url: &str,
    text: &str,
    language: Language,
) -> Result<Option<Component>, CompileError> {
    if version(tools, path) < 5 {
        return Ok(None);
    }
    let plain = if language.is_typed() { Some(without_types(path, text, false)?) } else { None };
    let original = plain.as_ref().and_then(|plain| Original::parse(text, Some(&plain.map)));
    let code = plain.as_ref().map_or(text, |plain| &*plain.text);
    let input = json!({ "text": code, "filename": url.trim_start_matches('/') });
    let answer = tools.run(Tool::Svelte, (path, code), "module", input);
    let answer = answer.map_err(|error| match &original {
        Some(original) => original.locate(error),
        None => error,
    })?;
    let Compiled { script, map, .. } = understood(&answer.output, path)?;
    let map = match &original {
        Some(original) => map.and_then(|map| original.compose_json(&map)),
        None => map,
    };
    let (sheets, dependencies) = (Vec::new(), Vec::new());
    Ok(Some(Component { script, language: Language::Js, map, sheets, dependencies }))
}

/// Compiles a component, or a module with runes, of a package. It inserts its own style sheet.
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
    let filename = path.to_string_lossy();
    let is_module = is_module(path);
    let (function, input) = if is_module {
        ("module", json!({ "text": text, "filename": filename }))
    } else {
        let input = json!({
            "text": text,
            "filename": filename,
            "scope": scope(&filename),
            "hot": false,
            "blocks": [],
            "options": {},
        });
        ("compile", input)
    };
    let request = Request { tool: Tool::Svelte, file: path, function, input };
    let answer = toolchain.run_installed(&request)?;
    let compiled = understood::<Compiled>(&answer.output, path).map_err(|error| error.message)?;
    Ok(compiled.script)
}

/// Returns the major version of the compiler.
fn version(tools: Tools<'_>, path: &Path) -> u32 {
    let version = tools.version(Tool::Svelte, path);
    version.and_then(|version| version.split('.').next()?.parse().ok()).unwrap_or(5)
}

/// Returns the name of the scope of a component.
fn scope(filename: &str) -> String {
    format!("{:x}", xxh3_64(filename.as_bytes()))
}

/// Returns an answer of the driver as data.
fn understood<T: for<'d> Deserialize<'d>>(output: &Value, path: &Path) -> Result<T, CompileError> {
    T::deserialize(output).map_err(|error| {
        CompileError::of_file(
            path,
            format!("the answer of Svelte's compiler is not understood: {error}"),
        )
    })
}

/// A block of a component, on the lines that it has there.
struct Place<'t> {
    component: &'t str,
    padded: Cow<'t, str>,
}

impl<'t> Place<'t> {
    fn of(component: &'t str, content: &'t str) -> Self {
        let at = component.find(content).unwrap_or_default();
        let lines = component[..at].matches('\n').count();
        let padded =
            if lines == 0 { content.into() } else { ("\n".repeat(lines) + content).into() };
        Self { component, padded }
    }

    /// Returns an error in the block as one in the component.
    fn locate(&self, path: &Path, error: CompileError) -> CompileError {
        let Some((line, column)) = error.position.filter(|_| error.file == path) else {
            return error;
        };
        let CompileError { message, help, related, .. } = error;
        let (line, column) = (line as usize, column as usize);
        let located = CompileError::at_position(path, self.component, line, column, message);
        CompileError { help, related, ..located }
    }
}

/// Returns a style sheet without its source map, which leads to the block.
fn without_map(css: &str) -> &str {
    css.rfind("/*# sourceMappingURL=").map_or(css, |at| &css[..at])
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::is_module;

    #[test]
    fn modules_with_runes_are_recognized_by_their_name() {
        for (name, expected) in [
            ("a.svelte.js", true),
            ("a.svelte.ts", true),
            ("a.svelte.test.ts", true),
            ("a.svelte", false),
            ("svelte.js", false),
            ("a.ts", false),
            ("a.svelte.tsx", false),
        ] {
            assert_eq!(is_module(Path::new(name)), expected, "{name}");
        }
    }
}
