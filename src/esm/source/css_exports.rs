//! The module for what a script imports of a CSS module: it brings the sheet into the page, and exports
//! the names as the page has them.
//!
//! It accepts its own updates: the sheet is renewed by itself, as any other. Where the names are
//! others than before, whoever imports them has to run again.

use std::{collections::BTreeMap, fmt::Write, path::Path};

use super::{
    assets::{export, string},
    compiled::Compiled,
    css_module::{Part, scope},
    link::{Link, Names, link},
    project::Project,
    rewrite,
};
use crate::{esm::Fault, http::own_paths::HOT};

/// The module for a CSS module at a URL path.
pub(super) fn module(
    project: &dyn Project,
    path: &Path,
    url: &str,
    text: &str,
) -> Result<Compiled, Fault> {
    let names = scope(path, url, text)?.names;
    let mark = rewrite::mark(text);
    let sources = sources(project, path, text, &names)?;
    let imports: Vec<_> = sources.iter().map(|source| source.file.clone()).collect();
    let mut code = format!("import {{ hot as $hot, style as $style }} from \"{HOT}\";\n");
    for (at, Source { to, .. }) in sources.iter().enumerate() {
        let _ = writeln!(code, "import $from{at} from \"{to}{mark}\";");
    }
    let files = imports.iter().map(|path| string(path)).collect::<Vec<_>>().join(", ");
    let (address, sheet) = (string(url), string(&format!("{url}?module")));
    let _ = writeln!(code, "const $context = $hot({address}, import.meta.url, [{files}]);");
    let _ = writeln!(code, "await $style({sheet});");
    let _ = writeln!(code, "const $names = {{ __proto__: null{} }};", fields(&names, &sources));
    code += "export default $names;\n";
    let exported = names.keys().filter(|name| *name != "default").map(|name| string(name));
    export(&mut code, "$names", exported);
    code += "const $text = (names) => JSON.stringify(names);\n\
        $context.accept((now) => {\n  \
        if (now && $text(now.default) !== $text($names)) $context.invalidate(\"its names changed\");\n\
        });\n";
    let slots = rewrite::slots(&mut code, &mark);
    Ok(Compiled { code, imports, slots, ..Compiled::default() })
}

/// A file that classes are composed from.
struct Source<'n> {
    specifier: &'n str,
    /// Its URL path, and the URL that is imported.
    file: String,
    to: String,
}

/// The files that a sheet composes classes from.
fn sources<'n>(
    project: &dyn Project,
    path: &Path,
    text: &str,
    names: &'n BTreeMap<String, Vec<Part>>,
) -> Result<Vec<Source<'n>>, Fault> {
    let mut sources: Vec<Source<'_>> = Vec::new();
    for part in names.values().flatten() {
        let Part::Of(specifier, _) = part else { continue };
        if sources.iter().any(|known| known.specifier == specifier) {
            continue;
        }
        let (message, help) = match link(project, path, specifier, None, Names::default()) {
            Link::File(file, to) => {
                sources.push(Source { specifier, file, to });
                continue;
            }
            Link::Missing(message, help) => (message, help),
            Link::Url(_) | Link::Same => (format!("{specifier:?} is no file of the project"), None),
        };
        let at = text.find(specifier.as_str()).unwrap_or_default();
        let fault = Fault::at(path, text, at, at + specifier.len(), message);
        return Err(fault.with_help(help));
    }
    Ok(sources)
}

/// What the names stand for, as the fields of an object.
fn fields(names: &BTreeMap<String, Vec<Part>>, sources: &[Source<'_>]) -> String {
    let mut fields = String::new();
    for (name, parts) in names {
        let parts = parts.iter().map(|part| match part {
            Part::Class(class) => string(class),
            Part::Of(specifier, name) => {
                let from = sources.iter().position(|known| known.specifier == specifier);
                format!("$from{}[{}]", from.unwrap_or_default(), string(name))
            }
        });
        let value = parts.collect::<Vec<_>>().join(" + \" \" + ");
        let _ = write!(fields, ", [{}]: {value}", string(name));
    }
    fields
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::module;
    use crate::esm::source::tests::Fake;

    #[test]
    fn a_css_module_exports_its_names() {
        let text = ".a { composes: b from '../x.module.css' } .default {}";
        let path = Path::new("/web/src/y.module.css");
        let made = module(&Fake::default(), path, "/src/y.module.css", text);
        assert!(made.is_err_and(|fault| fault.place == Some((1, 24))));
        let text = text.replace("../", "./");
        let made = module(&Fake::default(), path, "/src/y.module.css", &text).unwrap();
        assert_eq!(made.imports, ["/src/x.module.css"]);
        assert_eq!(made.slots.len(), 1);
        for part in [
            "import $from0 from \"/src/x.module.css?import\"",
            "await $style(\"/src/y.module.css?module\");",
            " + \" \" + $from0[\"b\"]",
            "export { $_0 as \"a\" };",
            ", [\"default\"]: \"_default_",
        ] {
            assert!(made.code.contains(part), "{part}: {}", made.code);
        }
    }
}
