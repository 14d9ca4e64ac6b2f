//! What is imported and is no script, as a small module: a style sheet, values, a text, a URL.

use std::{collections::BTreeMap, path::Path};

use serde::de::IgnoredAny;

use super::ask::What;
use crate::{esm::Fault, http::own_paths::HOT};

/// The module that stands for a file that is no script.
pub(super) fn module(what: What, path: &Path, url: &str, bytes: &[u8]) -> Result<String, Fault> {
    Ok(match what {
        What::Style => format!(
            "import {{ style }} from \"{HOT}\";\nawait style({});\nexport {{}};\n",
            string(url)
        ),
        What::StyleText => format!(
            "import {{ style }} from \"{HOT}\";\nawait style({});\nexport default {};\n",
            string(url),
            string(&String::from_utf8_lossy(bytes))
        ),
        What::Raw => format!("export default {};\n", string(&String::from_utf8_lossy(bytes))),
        What::Json => json(path, bytes)?,
        What::Worker => worker("Worker", url),
        What::SharedWorker => worker("SharedWorker", url),
        What::Url | What::Script(_) | What::CssModule | What::Scoped => {
            format!("export default {};\n", string(url))
        }
    })
}

/// A module that starts a script as a worker of some kind.
fn worker(kind: &str, url: &str) -> String {
    format!(
        "export default function (options) {{\n  return new {kind}({}, {{ type: \"module\", ...options }});\n}}\n",
        string(url)
    )
}

/// A module of the values of a JSON file: all of them by default, and each by its name.
fn json(path: &Path, bytes: &[u8]) -> Result<String, Fault> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    if let Err(error) = serde_json::from_str::<IgnoredAny>(text)
        && !error.is_data()
        && !error.to_string().starts_with("recursion limit")
    {
        let message = error.to_string();
        // The place is told beside it.
        let message = message.split(" at line ").next().unwrap_or_default();
        let message = format!("this is no JSON: {message}");
        return Err(Fault::at_place(path, text, error.line(), error.column(), message));
    }
    // `JSON.parse` is faster than a literal, and has no `__proto__`.
    let mut module = format!("const json = JSON.parse({});\nexport default json;\n", string(text));
    #[allow(clippy::zero_sized_map_values, reason = "a set would read no object")]
    let names = serde_json::from_str::<BTreeMap<String, IgnoredAny>>(text).unwrap_or_default();
    let names = names.keys().filter(|name| *name != "default").map(|name| string(name));
    export(&mut module, "json", names);
    Ok(module)
}

/// Exports what an object has, by these names, which are literals.
pub(super) fn export(module: &mut String, object: &str, names: impl Iterator<Item = String>) {
    let mut exports = Vec::new();
    for (at, name) in names.enumerate() {
        *module += &["const $_", &at.to_string(), " = ", object, "[", &name, "];\n"].concat();
        exports.push(format!("$_{at} as {name}"));
    }
    if !exports.is_empty() {
        *module += &["export { ", &exports.join(", "), " };\n"].concat();
    }
}

/// A text as a literal of JavaScript.
pub(super) fn string(text: &str) -> String {
    // JSON is JavaScript but for two separators, which older engines take for the end of a line.
    let literal = serde_json::Value::from(text).to_string();
    literal.replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{What, module};

    fn text(what: What, bytes: &str) -> String {
        module(what, Path::new("/web/a.x"), "/a.x", bytes.as_bytes()).unwrap()
    }

    #[test]
    fn a_file_is_a_small_module() {
        let table = [
            (
                What::Style,
                "b{}",
                "import { style } from \"/__livers/hot.js\";\nawait style(\"/a.x\");\nexport {};\n",
            ),
            (
                What::StyleText,
                "b{}",
                "import { style } from \"/__livers/hot.js\";\nawait style(\"/a.x\");\nexport default \"b{}\";\n",
            ),
            (What::Url, "", "export default \"/a.x\";\n"),
            (What::Raw, "a\"\\\n\u{2028}`${}", "export default \"a\\\"\\\\\\n\\u2028`${}\";\n"),
            (
                What::Worker,
                "",
                "export default function (options) {\n  return new Worker(\"/a.x\", { type: \"module\", ...options });\n}\n",
            ),
            (What::Json, "[1]", "const json = JSON.parse(\"[1]\");\nexport default json;\n"),
            (What::Json, "{}", "const json = JSON.parse(\"{}\");\nexport default json;\n"),
            (
                What::Json,
                "\u{feff}{\"__proto__\":1,\"a b\":2,\"class\":3,\"default\":4}",
                "const json = JSON.parse(\"{\\\"__proto__\\\":1,\\\"a b\\\":2,\\\"class\\\":3,\\\"default\\\":4}\");\nexport default json;\nconst $_0 = json[\"__proto__\"];\nconst $_1 = json[\"a b\"];\nconst $_2 = json[\"class\"];\nexport { $_0 as \"__proto__\", $_1 as \"a b\", $_2 as \"class\" };\n",
            ),
        ];
        for (what, bytes, wanted) in table {
            assert_eq!(text(what, bytes), wanted, "{what:?} {bytes}");
        }
    }

    #[test]
    fn what_is_no_json_is_a_fault_with_its_place() {
        let path = Path::new("/web/a.json");
        let fault = module(What::Json, path, "/a.json", b"{\n  \"a\": 1,\n}").unwrap_err();
        assert_eq!(fault.place, Some((3, 1)));
        assert_eq!(fault.message, "this is no JSON: key must be a string");
        assert!(module(What::Json, path, "/a.json", b"").is_err());
        let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
        assert!(module(What::Json, path, "/a.json", deep.as_bytes()).is_ok());
    }
}
