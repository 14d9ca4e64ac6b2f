//! Vue single-file components.
//!
//! The module is the one that `@vitejs/plugin-vue` makes in development: the script, the function
//! that renders the template, and a call that registers both for hot updates.

use std::{
    fmt::Write,
    path::{Path, PathBuf},
};

use oxc_sourcemap::{ConcatSourceMapBuilder, SourceMap};
use serde::Deserialize;
use serde_json::json;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use super::{Component, vue_jsx};
use crate::{
    esm::{
        compile_error::CompileError,
        compiler::{
            asset::string_literal,
            css_module,
            file_type::Language,
            preprocess,
            script::{self, Original},
            tools::Tools,
        },
        css_module::scope,
        toolchain::{Answer, Tool},
    },
    http::own_paths::VUE,
};

/// What the driver makes of a component.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Compiled {
    /// Defines `_sfc_main`.
    script: String,
    script_map: Option<String>,
    /// Defines `_sfc_render`, unless it is empty.
    template: String,
    template_map: Option<String>,
    lang: Option<String>,
    /// Whether a style sheet is scoped.
    scoped: bool,
    styles: Vec<Style>,
}

/// A `<style>`.
#[derive(Debug, Deserialize)]
struct Style {
    /// The file that it has its text from, if that is another one.
    file: Option<PathBuf>,
    /// The text, in the lines of the file.
    text: String,
    lang: Option<String>,
    scoped: bool,
    /// The name of the object with the names of a CSS module.
    module: Option<String>,
}

/// Compiles a component.
///
/// # Blocking
/// Runs the compiler.
///
/// # Errors
/// The compiler is not installed, or reports an error, or fails.
pub(super) fn compile(
    tools: Tools<'_>,
    path: &Path,
    url: &str,
    text: &str,
) -> Result<Component, CompileError> {
    // The same as long as the file has its name: it is in the style sheets, and names the component
    // in hot updates.
    let id = format!("{:08x}", xxh3_64(url.as_bytes()) & 0xffff_ffff);
    let input = json!({ "path": path, "url": url, "id": id, "text": text });
    let answer = tools.run(Tool::Vue, (path, text), "compile", input)?;
    let compiled = Compiled::deserialize(&answer.output)
        .map_err(|error| CompileError::of_file(path, error.to_string()))?;
    let mut dependencies = Vec::new();
    depend(&mut dependencies, &answer);
    let mut sheets = Vec::new();
    let mut modules = Modules::default();
    for (at, style) in compiled.styles.iter().enumerate() {
        let name = format!("{url}?style={at}");
        let source = style.file.as_deref().unwrap_or(path);
        let lang = style.lang.as_deref().unwrap_or("css");
        let css = preprocess::css(tools, source, url, lang, &style.text)?;
        dependencies.extend(css.dependencies);
        let mut css = css.text.into_owned();
        if let Some(module) = &style.module {
            let scoped = scope(source, &name, &css)?;
            let names = css_module::names(tools.project, source, &css, &scoped.names, at)?;
            modules.add(module, &names);
            css = scoped.text;
        }
        if style.scoped || css.contains("v-bind(") {
            let input = json!({ "path": source, "id": id, "text": css, "scoped": style.scoped });
            let answer = tools.run(Tool::Vue, (source, &style.text), "style", input)?;
            answer.output.as_str().unwrap_or_default().clone_into(&mut css);
        }
        sheets.push(css);
    }
    dependencies.sort();
    dependencies.dedup();
    let language = match compiled.lang.as_deref() {
        Some("ts") => Language::Ts,
        Some("tsx") => Language::Tsx,
        Some("jsx") => Language::Jsx,
        _ => Language::Js,
    };
    let mut map = joined_map(&compiled);
    let mut script = module(path, (url, &id), &compiled, language, &modules);
    if vue_jsx::applies(tools, path, language) {
        let original = Original::parse(text, map.as_deref());
        let transformed = vue_jsx::transform(tools, path, &script, language)
            .map_err(|error| original.as_ref().map_or(error.clone(), |it| it.locate(error)))?;
        map = original.as_ref().and_then(|it| it.compose_json(&transformed.map));
        script = transformed.code;
    }
    Ok(Component { script, language, map, sheets, dependencies })
}

/// Adds what an answer was made from.
fn depend(dependencies: &mut Vec<PathBuf>, answer: &Answer) {
    dependencies.extend(answer.dependencies.keys().cloned());
}

/// The names that the CSS modules of a component export.
#[derive(Debug, Default)]
struct Modules {
    /// The statements that import others.
    imports: String,
    /// The properties of an object literal.
    properties: String,
}

impl Modules {
    fn add(&mut self, name: &str, names: &css_module::Names) {
        self.imports += &names.imports;
        let _ = write!(self.properties, "{}: {}, ", string_literal(name), names.object);
    }
}

/// Returns the module of a component, without its style sheets.
fn module(
    path: &Path,
    (url, id): (&str, &str),
    compiled: &Compiled,
    language: Language,
    modules: &Modules,
) -> String {
    let Compiled { script, template, scoped, .. } = compiled;
    let mut properties = String::new();
    if !template.is_empty() {
        properties += "render: _sfc_render, ";
    }
    if *scoped {
        let _ = write!(properties, "__scopeId: \"data-v-{id}\", ");
    }
    if !modules.properties.is_empty() {
        let _ = write!(properties, "__cssModules: {{ {}}}, ", modules.properties);
    }
    let script_hash = script::fingerprint(script, language) ^ xxh3_128(properties.as_bytes());
    let template_hash = match template.as_str() {
        "" => String::new(),
        template => format!("{:x}", xxh3_128(template.as_bytes())),
    };
    let file = string_literal(&path.to_string_lossy());
    let (imports, url) = (&modules.imports, string_literal(url));
    format!(
        "{script}\n{template}\n{imports}import {{ component as _sfc_component }} from \"{VUE}\";\n\
         export default _sfc_component(import.meta.hot, {url}, \"{id}\", _sfc_main, \
         {{ {properties}__file: {file} }}, \
         {{ script: \"{script_hash:x}\", template: \"{template_hash}\" }});\n"
    )
}

/// Returns the map of the script and the template, of which one follows the other.
fn joined_map(compiled: &Compiled) -> Option<String> {
    let Compiled { script, script_map, template_map, .. } = compiled;
    let line = u32::try_from(script.matches('\n').count() + 1).ok()?;
    let script = parse_map(script_map.as_deref()).map(|map| (map, 0));
    let template = parse_map(template_map.as_deref()).map(|map| (map, line));
    let maps: Vec<_> = script.into_iter().chain(template).collect();
    if maps.is_empty() {
        return None;
    }
    Some(ConcatSourceMapBuilder::from_owned_sourcemaps(maps).into_sourcemap().to_json_string())
}

fn parse_map(map: Option<&str>) -> Option<SourceMap<'_>> {
    SourceMap::from_json_string(map?).ok()
}
