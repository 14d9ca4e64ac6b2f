//! Modules for imported files that are not scripts: JSON, texts, URLs, workers.

use std::{collections::BTreeMap, path::Path};

use base64_simd::STANDARD;
use serde::de::IgnoredAny;

use super::{module_spec::ModuleKind, wasm};
use crate::{esm::compile_error::CompileError, http::media_type};

/// Generates the module for a file.
///
/// # Errors
/// Fails if a JSON file has a syntax error.
pub(super) fn module(
    kind: ModuleKind,
    path: &Path,
    url_path: &str,
    bytes: &[u8],
) -> Result<String, CompileError> {
    let url = string_literal(url_path);
    let text = || string_literal(&String::from_utf8_lossy(bytes));
    Ok(match kind {
        ModuleKind::Text => format!("export default {};\n", text()),
        ModuleKind::Json => json(path, bytes)?,
        ModuleKind::DataUrl => {
            let text = STANDARD.encode_to_string(bytes);
            format!("export default \"data:{};base64,{text}\";\n", media_type::of(path))
        }
        ModuleKind::WasmInit => wasm::init(url_path),
        ModuleKind::Worker => worker("Worker", &url),
        ModuleKind::SharedWorker => worker("SharedWorker", &url),
        ModuleKind::Url
        | ModuleKind::Wasm
        | ModuleKind::Script(_)
        | ModuleKind::StyleSheet
        | ModuleKind::StyleSheetAndText
        | ModuleKind::StyleSheetPart
        | ModuleKind::StyleSheetText
        | ModuleKind::Css
        | ModuleKind::Component(_)
        | ModuleKind::CssModule => format!("export default {url};\n"),
    })
}

/// Generates a module that exports a constructor function for a worker.
fn worker(constructor: &str, url: &str) -> String {
    format!(
        "export default function (options) {{\n  return new {constructor}({url}, {{ type: \"module\", ...options }});\n}}\n"
    )
}

/// Generates a module with the value of a JSON file as its default export, and the properties of an
/// object as named exports.
fn json(path: &Path, bytes: &[u8]) -> Result<String, CompileError> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    if let Err(error) = serde_json::from_str::<IgnoredAny>(text)
        && !error.is_data()
        && !error.to_string().starts_with("recursion limit")
    {
        return Err(json_error(path, text, &error));
    }
    // `JSON.parse` is faster than an object literal, and does not treat `__proto__` specially.
    let literal = string_literal(text);
    let mut module = format!("const json = JSON.parse({literal});\nexport default json;\n");
    #[allow(clippy::zero_sized_map_values, reason = "a set would not deserialize from an object")]
    let names = serde_json::from_str::<BTreeMap<String, IgnoredAny>>(text).unwrap_or_default();
    let names = names.keys().filter(|name| *name != "default").map(|name| string_literal(name));
    export_properties(&mut module, "json", names);
    Ok(module)
}

fn json_error(path: &Path, text: &str, error: &serde_json::Error) -> CompileError {
    let message = error.to_string();
    // The error carries the position separately.
    let message = message.split(" at line ").next().unwrap_or_default();
    let message = format!("invalid JSON: {message}");
    CompileError::at_position(path, text, error.line(), error.column(), message)
}

/// Appends exports of properties of an object. The names are string literals.
pub(super) fn export_properties(
    module: &mut String,
    object: &str,
    names: impl Iterator<Item = String>,
) {
    let mut exports = Vec::new();
    for (at, name) in names.enumerate() {
        *module += &["const $_", &at.to_string(), " = ", object, "[", &name, "];\n"].concat();
        exports.push(format!("$_{at} as {name}"));
    }
    if !exports.is_empty() {
        *module += &["export { ", &exports.join(", "), " };\n"].concat();
    }
}

/// Returns a JavaScript string literal for a text.
pub(super) fn string_literal(text: &str) -> String {
    // JSON allows two line separators in strings that JavaScript before ES2019 does not.
    let literal = serde_json::Value::from(text).to_string();
    literal.replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{ModuleKind, module};

    fn text(kind: ModuleKind, bytes: &str) -> String {
        module(kind, Path::new("/web/a.x"), "/a.x", bytes.as_bytes()).unwrap()
    }

    #[test]
    fn each_kind_has_its_module() {
        let table = [
            (ModuleKind::DataUrl, "", "export default \"data:application/directx;base64,\";\n"),
            (
                ModuleKind::DataUrl,
                "\u{fffd}ab",
                "export default \"data:application/directx;base64,77+9YWI=\";\n",
            ),
            (ModuleKind::Url, "", "export default \"/a.x\";\n"),
            (
                ModuleKind::Text,
                "a\"\\\n\u{2028}`${}",
                "export default \"a\\\"\\\\\\n\\u2028`${}\";\n",
            ),
            (
                ModuleKind::Worker,
                "",
                "export default function (options) {\n  return new Worker(\"/a.x\", { type: \"module\", ...options });\n}\n",
            ),
            (ModuleKind::Json, "[1]", "const json = JSON.parse(\"[1]\");\nexport default json;\n"),
            (ModuleKind::Json, "{}", "const json = JSON.parse(\"{}\");\nexport default json;\n"),
            (
                ModuleKind::Json,
                "\u{feff}{\"__proto__\":1,\"a b\":2,\"class\":3,\"default\":4}",
                "const json = JSON.parse(\"{\\\"__proto__\\\":1,\\\"a b\\\":2,\\\"class\\\":3,\\\"default\\\":4}\");\nexport default json;\nconst $_0 = json[\"__proto__\"];\nconst $_1 = json[\"a b\"];\nconst $_2 = json[\"class\"];\nexport { $_0 as \"__proto__\", $_1 as \"a b\", $_2 as \"class\" };\n",
            ),
        ];
        for (kind, bytes, expected) in table {
            assert_eq!(text(kind, bytes), expected, "{kind:?} {bytes}");
        }
    }

    #[test]
    fn invalid_json_is_an_error_with_its_position() {
        let path = Path::new("/web/a.json");
        let error = module(ModuleKind::Json, path, "/a.json", b"{\n  \"a\": 1,\n}").unwrap_err();
        assert_eq!(error.position, Some((3, 1)));
        assert_eq!(error.message, "invalid JSON: key must be a string");
        assert!(module(ModuleKind::Json, path, "/a.json", b"").is_err());
        let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
        assert!(module(ModuleKind::Json, path, "/a.json", deep.as_bytes()).is_ok());
    }
}
