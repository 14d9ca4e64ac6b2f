//! Generated code around a compiled script.
//!
//! It imports livers' own modules, registers the module for hot updates, sets `import.meta.env`,
//! and registers React components for Fast Refresh. The code before the script is a single line, so
//! the source map has a fixed offset.

use crate::{
    esm::compiler::asset::string_literal,
    http::own_paths::{CONSOLE, HELPERS, HOT, PREFRESH, REFRESH},
};

/// What the generated code depends on.
pub(super) struct Module<'m> {
    /// The URL path of the module.
    pub(super) url: &'m str,
    /// The source.
    pub(super) text: &'m str,
    /// The compiled code.
    pub(super) code: &'m str,
    /// The URL paths of the imported project files.
    pub(super) imports: &'m [String],
    /// The value of `import.meta.env`, if the module uses it.
    pub(super) env: Option<&'m str>,
    /// Whether the module registers for hot updates.
    pub(super) hot: bool,
    /// How the script of a worker loads the module that hears errors; pages and modules that
    /// register have it.
    pub(super) listen: Option<Listen>,
    /// Whether the module imports React or creates React elements.
    pub(super) react: bool,
    /// The URL of Preact, if the module creates its elements.
    pub(super) preact: Option<&'m str>,
    /// Whether the code is instrumented for Fast Refresh.
    pub(super) refresh: bool,
    /// Whether the module may export components that are not instrumented.
    pub(super) exports_unnamed: bool,
}

/// How a script loads the module that hears errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Listen {
    /// By a statement, before the script runs.
    Import,
    /// By an expression at its end, as the script may be a classic one.
    Call,
}

/// The code before and after a script.
pub(super) struct Frame {
    /// One line with its end, or empty.
    pub(super) before: String,
    /// One line with its end, or empty.
    pub(super) after: String,
}

/// Generates the code around a module.
pub(super) fn frame(module: &Module<'_>) -> Frame {
    let url = string_literal(module.url);
    let refresh = unused_name(module.text, "$refresh");
    let hot = unused_name(module.text, "$hot");
    let mut before = Vec::new();
    let mut after = String::new();
    // React looks for the hook of Fast Refresh when it is evaluated, so this import comes first.
    if module.react {
        before.push(format!("import {{ refresh as {refresh} }} from \"{REFRESH}\";"));
    }
    if let Some(url) = module.preact {
        let prefresh = unused_name(module.text, "$prefresh");
        let options = unused_name(module.text, "$options");
        before.push(format!(
            "import {{ options as {options} }} from \"{url}\"; import {{ prefresh as {prefresh} }} from \"{PREFRESH}\"; const {refresh} = {prefresh}({options});"
        ));
    }
    match module.listen {
        Some(Listen::Import) => before.push(format!("import \"{CONSOLE}\";")),
        // It loads after the script has run, and directives stay first. Service workers refuse it.
        Some(Listen::Call) => after = format!("import(\"{CONSOLE}\").catch(() => {{}});\n"),
        None => {}
    }
    if module.hot {
        before.push(format!("import {{ hot as {hot} }} from \"{HOT}\";"));
    }
    if module.code.contains("babelHelpers.") && !module.text.contains("babelHelpers") {
        before.push(format!("import * as babelHelpers from \"{HELPERS}\";"));
    }
    if module.hot {
        let imports: Vec<_> = module.imports.iter().map(|path| string_literal(path)).collect();
        let imports = imports.join(", ");
        before.push(format!("import.meta.hot = {hot}({url}, import.meta.url, [{imports}]);"));
    }
    if let Some(env) = module.env {
        before.push(format!("import.meta.env = {env};"));
    }
    if module.refresh {
        let has_components = module.code.contains("$RefreshReg$(");
        let has_hooks = module.code.contains("$RefreshSig$(");
        let bindings = match (has_components, has_hooks) {
            (true, true) => "reg: $RefreshReg$, sig: $RefreshSig$",
            (true, false) => "reg: $RefreshReg$",
            (false, true) => "sig: $RefreshSig$",
            (false, false) => "",
        };
        if !bindings.is_empty() {
            before.push(format!("const {{ {bindings} }} = {refresh}({url});"));
        }
        if module.exports_unnamed && !has_components {
            before.push(format!("{refresh}.begin({url});"));
        }
        // A module has no name for its own namespace, but it can import itself.
        if has_components || module.exports_unnamed {
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

/// Returns a name that does not occur in a source: one with more `$` at its end than any there.
pub(super) fn unused_name(text: &str, name: &str) -> String {
    let dollars = |at: usize| text[at..].bytes().take_while(|byte| *byte == b'$').count() + 1;
    let most = text.match_indices(name).map(|(at, _)| dollars(at + name.len())).max();
    format!("{name}{}", "$".repeat(most.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::unused_name;

    #[test]
    fn names_that_do_not_occur_are_found_in_one_pass() {
        for (text, expected) in [("", "$hot"), ("$hots", "$hot$"), ("$hot$ $hot$$$;", "$hot$$$$")] {
            assert_eq!(unused_name(text, "$hot"), expected, "{text}");
        }
        let long = format!("$hot{}", "$".repeat(1_000_000));
        assert_eq!(unused_name(&long, "$hot").len(), long.len() + 1);
    }
}
