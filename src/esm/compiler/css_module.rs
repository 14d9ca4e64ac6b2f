//! JavaScript modules for CSS modules.
//!
//! The module adds the style sheet to the page, and exports the scoped names. It accepts its own
//! hot updates, because the sheet is replaced in place; it invalidates itself if the names have
//! changed, so that its importers run again.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt::Write,
    path::Path,
};

use super::{
    asset::{export_properties, string_literal},
    link::{ImportedNames, Link, link},
    output::CompiledModule,
    project::Project,
    stamps, style_sheet,
};
use crate::{
    esm::{
        compile_error::CompileError,
        css_module::{Part, Sheet, scope},
    },
    http::own_paths::HOT,
};

/// Generates the module for the CSS module at a URL path.
///
/// # Blocking
/// Resolves the files that classes are composed from.
///
/// # Errors
/// Fails if `composes` is misplaced, or names a file that cannot be resolved.
pub(super) fn module(
    project: &dyn Project,
    path: &Path,
    url: &str,
    text: &str,
) -> Result<CompiledModule, CompileError> {
    let Sheet { text: scoped, names } = scope(path, url, text)?;
    let placeholder = stamps::placeholder(text);
    let sources = sources(project, path, text, &names)?;
    let mut imports: Vec<_> = sources.iter().map(|source| source.path.clone()).collect();
    let sheet = style_sheet::code(project, path, url, &scoped, &placeholder);
    let mut code = format!(
        "import {{ hot as $hot, joined as $joined, style as $style }} from \"{HOT}\";\n{}",
        sheet.imports
    );
    for (at, Source { url, .. }) in sources.iter().enumerate() {
        let _ = writeln!(code, "import $from{at} from \"{url}{placeholder}\";");
    }
    let files = imports.iter().map(|path| string_literal(path)).collect::<Vec<_>>().join(", ");
    let url = string_literal(url);
    let _ = writeln!(code, "const $context = $hot({url}, import.meta.url, [{files}]);");
    let _ = writeln!(code, "$style($joined({}));", sheet.arguments);
    let _ = writeln!(
        code,
        "const $names = {{ __proto__: null{} }};",
        properties(&names, &sources, "$from")
    );
    code += "export default $names;\n";
    let exported = names.keys().filter(|name| *name != "default").map(|name| string_literal(name));
    export_properties(&mut code, "$names", exported);
    code += "const $text = (names) => JSON.stringify(names);\n\
        $context.accept((now) => {\n  \
        if (now && $text(now.default) !== $text($names)) $context.invalidate(\"the exported names changed\");\n\
        });\n";
    let slots = stamps::take_slots(&mut code, &placeholder);
    imports.extend(sheet.paths);
    Ok(CompiledModule { code, imports, slots, ..CompiledModule::default() })
}

/// The names of a sheet as code.
#[derive(Debug)]
pub(super) struct Names {
    /// The statements that import those of other files.
    pub(super) imports: String,
    /// An object literal.
    pub(super) object: String,
}

/// Returns the names of a sheet that is a part of another module, as the one with this number.
///
/// # Blocking
/// Resolves the files that classes are composed from.
///
/// # Errors
/// Fails if `composes` names a file that cannot be resolved.
pub(super) fn names(
    project: &dyn Project,
    path: &Path,
    text: &str,
    names: &BTreeMap<String, Vec<Part>>,
    number: usize,
) -> Result<Names, CompileError> {
    let sources = sources(project, path, text, names)?;
    let variable = format!("$from{number}_");
    let mut imports = String::new();
    for (at, Source { url, .. }) in sources.iter().enumerate() {
        let _ = writeln!(imports, "import {variable}{at} from \"{url}\";");
    }
    let properties = properties(names, &sources, &variable);
    Ok(Names { imports, object: format!("{{ __proto__: null{properties} }}") })
}

/// A file that classes are composed from.
struct Source<'n> {
    specifier: &'n str,
    /// The URL path of the file.
    path: String,
    /// The URL to import.
    url: String,
}

/// Resolves the files that a sheet composes classes from.
fn sources<'n>(
    project: &dyn Project,
    path: &Path,
    text: &str,
    names: &'n BTreeMap<String, Vec<Part>>,
) -> Result<Vec<Source<'n>>, CompileError> {
    let mut sources: Vec<Source<'_>> = Vec::new();
    let mut known = HashSet::new();
    for part in names.values().flatten() {
        let Part::Imported { specifier, .. } = part else { continue };
        if !known.insert(specifier) {
            continue;
        }
        let (message, help) = match link(project, path, specifier, None, ImportedNames::default()) {
            Link::File { path, url } => {
                sources.push(Source { specifier, path, url });
                continue;
            }
            Link::Missing { message, help } => (message, help),
            Link::Url(_) | Link::Unchanged => {
                (format!("cannot compose from {specifier:?}: not a file of the project"), None)
            }
        };
        let at = text.find(specifier.as_str()).unwrap_or_default();
        let error = CompileError::at(path, text, at, at + specifier.len(), message);
        return Err(error.with_help(help));
    }
    Ok(sources)
}

/// Returns the names and their values as properties of an object literal, each after a comma.
fn properties(
    names: &BTreeMap<String, Vec<Part>>,
    sources: &[Source<'_>],
    variable: &str,
) -> String {
    let positions = sources.iter().enumerate().map(|(at, source)| (source.specifier, at));
    let positions: HashMap<_, _> = positions.collect();
    let mut properties = String::new();
    for (name, parts) in names {
        let parts = parts.iter().map(|part| match part {
            Part::Class(class) => string_literal(class),
            Part::Imported { specifier, name } => {
                let from = positions.get(specifier.as_str()).copied().unwrap_or_default();
                format!("{variable}{from}[{}]", string_literal(name))
            }
        });
        let value = parts.collect::<Vec<_>>().join(" + \" \" + ");
        let _ = write!(properties, ", [{}]: {value}", string_literal(name));
    }
    properties
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::module;
    use crate::esm::compiler::tests::FakeProject;

    #[test]
    fn module_adds_the_sheet_and_exports_the_names() {
        let text = ".a { composes: b from '../x.module.css' } .default {}";
        let path = Path::new("/web/src/y.module.css");
        let result = module(&FakeProject::default(), path, "/src/y.module.css", text);
        assert!(result.is_err_and(|error| error.position == Some((1, 24))));
        let text = text.replace("../", "./");
        let module = module(&FakeProject::default(), path, "/src/y.module.css", &text).unwrap();
        assert_eq!(module.imports, ["/src/x.module.css"]);
        assert_eq!(module.slots.len(), 1);
        for part in [
            "import $from0 from \"/src/x.module.css?import\"",
            "$style($joined(\"/src/y.module.css\", \"._a_",
            " + \" \" + $from0[\"b\"]",
            "export { $_0 as \"a\" };",
            ", [\"default\"]: \"_default_",
        ] {
            assert!(module.code.contains(part), "{part}: {}", module.code);
        }
    }
}
