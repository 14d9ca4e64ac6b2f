//! What stands before and behind the code of a module: it registers itself with the page, with its
//! imports, and its components with Fast Refresh.

use super::assets::string;
use crate::http::own_paths::{HELPERS, HOT, REFRESH};

/// What there is to say of a module.
pub(super) struct Facts<'f> {
    /// Its URL path.
    pub(super) url: &'f str,
    /// Its source.
    pub(super) text: &'f str,
    /// Its code.
    pub(super) code: &'f str,
    /// The URL paths of the project's files that it imports.
    pub(super) imports: &'f [String],
    /// The value of `import.meta.env`, where it is used.
    pub(super) env: Option<&'f str>,
    /// Whether it registers itself.
    pub(super) hot: bool,
    /// Whether it is one of React's.
    pub(super) react: bool,
    /// Whether the code was prepared for Fast Refresh.
    pub(super) refresh: bool,
}

/// What stands around the code.
pub(super) struct Frame {
    /// One line, or nothing.
    pub(super) before: String,
    /// The last line, or nothing.
    pub(super) after: String,
}

/// What stands around the code of a module.
pub(super) fn frame(facts: &Facts<'_>) -> Frame {
    let url = string(facts.url);
    let refresh = free(facts.text, "$refresh");
    let hot = free(facts.text, "$hot");
    let mut before = Vec::new();
    let mut after = String::new();
    // React looks for Fast Refresh's hook when it begins, so this comes before what it imports.
    if facts.react {
        before.push(format!("import {{ refresh as {refresh} }} from \"{REFRESH}\";"));
    }
    if facts.hot {
        before.push(format!("import {{ hot as {hot} }} from \"{HOT}\";"));
    }
    if facts.code.contains("babelHelpers.") && !facts.text.contains("babelHelpers") {
        before.push(format!("import * as babelHelpers from \"{HELPERS}\";"));
    }
    if facts.hot {
        let imports: Vec<_> = facts.imports.iter().map(|path| string(path)).collect();
        let imports = imports.join(", ");
        before.push(format!("import.meta.hot = {hot}({url}, import.meta.url, [{imports}]);"));
    }
    if let Some(env) = facts.env {
        before.push(format!("import.meta.env = {env};"));
    }
    if facts.refresh {
        let components = facts.code.contains("$RefreshReg$(");
        let hooks = facts.code.contains("$RefreshSig$(");
        match (components, hooks) {
            (true, true) => before.push(format!(
                "const {{ reg: $RefreshReg$, sig: $RefreshSig$ }} = {refresh}({url});"
            )),
            (true, false) => {
                before.push(format!("const {{ reg: $RefreshReg$ }} = {refresh}({url});"));
            }
            (false, true) => {
                before.push(format!("const {{ sig: $RefreshSig$ }} = {refresh}({url});"));
            }
            (false, false) => {}
        }
        // A module cannot name its own namespace, but import itself.
        if components {
            after = format!(
                "import(import.meta.url).then((self) => {refresh}.done({url}, import.meta.hot, self));\n"
            );
        }
    }
    let mut before = before.join(" ");
    if !before.is_empty() {
        before.push('\n');
    }
    Frame { before, after }
}

/// A name that a source does not use.
pub(super) fn free(text: &str, name: &str) -> String {
    let mut name = name.to_owned();
    while text.contains(&name) {
        name.push('$');
    }
    name
}
