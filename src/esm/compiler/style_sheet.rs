//! JavaScript modules for style sheets.
//!
//! The module of a sheet inserts its text when it runs. A sheet that it imports is a module as
//! well, which exports its text, so that the text is inserted as a part of the importing one. What
//! is not a style sheet of the project or of a package (another origin, a backend, a file that does
//! not exist) stays an `@import` for the browser.

use std::{fmt::Write, path::Path};

use super::{
    asset::string_literal, module_spec::ModuleKind, output::CompiledModule, project::Project,
    stamps,
};
use crate::{
    esm::{
        resolve::Target,
        style_sheet::{Import, absolute, split},
    },
    http::{
        media_type::is_style_sheet,
        own_paths::{FOLDER, HOT},
    },
};

/// A style sheet as code.
#[derive(Debug, Default)]
pub(super) struct SheetCode {
    /// The statements that import its parts.
    pub(super) imports: String,
    /// The URL paths of the parts that belong to the project.
    pub(super) paths: Vec<String>,
    /// The arguments of `joined`.
    pub(super) arguments: String,
}

/// Generates the module of a kind for the style sheet at a URL path.
///
/// # Blocking
/// Resolves the imported sheets.
pub(super) fn module(
    project: &dyn Project,
    kind: ModuleKind,
    path: &Path,
    url: &str,
    text: &str,
) -> CompiledModule {
    let placeholder = stamps::placeholder(text);
    let SheetCode { imports, paths, arguments } = code(project, path, url, text, &placeholder);
    let mut code =
        format!("import {{ joined as $joined, style as $style }} from \"{HOT}\";\n{imports}");
    // Unlike a constant, a variable can be read by a sheet that this one imports.
    let _ = writeln!(code, "var $sheet = $joined({arguments});");
    code += match kind {
        ModuleKind::StyleSheetPart => "export { $sheet as default };\n",
        _ => "$style($sheet);\n",
    };
    if kind == ModuleKind::StyleSheetAndText {
        let _ = writeln!(code, "export default {};", string_literal(text));
    }
    let slots = stamps::take_slots(&mut code, &placeholder);
    CompiledModule { code, imports: paths, slots, ..CompiledModule::default() }
}

/// Returns the code for a style sheet. Each import of a project file ends with the placeholder.
///
/// # Blocking
/// Resolves the imported sheets.
pub(super) fn code(
    project: &dyn Project,
    path: &Path,
    url: &str,
    text: &str,
    placeholder: &str,
) -> SheetCode {
    let sheet = split(text, url);
    let mut code = SheetCode::default();
    let mut count = 0;
    let arguments = sheet.arguments(url, string_literal, |import| {
        let found = find(project, path, url, &import.specifier);
        let (part, stamp) = match found {
            Found::External(url) => return import.external(&url, string_literal),
            found if sheet.has_namespaces => {
                return import.external(found.url(), string_literal);
            }
            Found::Package(url) => (url, ""),
            Found::File(url) => {
                code.paths.push(url.clone());
                (url, placeholder)
            }
        };
        let at = count;
        count += 1;
        let _ = writeln!(code.imports, "import $part{at} from \"{part}?import&part{stamp}\";");
        argument(import, at)
    });
    SheetCode { arguments, ..code }
}

/// Returns the argument for a sheet that is inserted with the one that imports it.
fn argument(import: &Import, number: usize) -> String {
    let Import { conditions, wrapper: (open, close), .. } = import;
    if conditions.is_empty() {
        return format!("{{ part: $part{number} }}");
    }
    let [open, close, conditions] = [open, close, conditions].map(|text| string_literal(text));
    format!("{{ part: $part{number}, open: {open}, close: {close}, conditions: {conditions} }}")
}

/// The target of an `@import`, by its URL.
enum Found {
    File(String),
    Package(String),
    External(String),
}

impl Found {
    fn url(&self) -> &str {
        match self {
            Self::File(url) | Self::Package(url) | Self::External(url) => url,
        }
    }
}

/// Resolves the URL of an `@import`: relative to the sheet, else as the name of a package, else as
/// an alias.
fn find(project: &dyn Project, path: &Path, url: &str, specifier: &str) -> Found {
    let external = absolute(specifier, url).unwrap_or_else(|| specifier.to_owned());
    let is_sheet = |path: &Path| path.to_str().is_some_and(is_style_sheet);
    let is_path = !specifier.contains(['?', '#', ':']) && !specifier.starts_with("//");
    if !is_path || project.is_external(&external) || external.starts_with(FOLDER) {
        return Found::External(external);
    }
    let is_bare = !specifier.starts_with(['.', '/']);
    let file = |specifier: &str| match project.resolve(specifier, path) {
        Target::File(path) if is_sheet(&path) => project.url(&path).map(Found::File),
        _ => None,
    };
    let relative = if is_bare { file(&format!("./{specifier}")) } else { file(specifier) };
    let package = || match project.resolve_from_sheet(specifier, path)? {
        Target::Package(url) if is_sheet(Path::new(&url)) => Some(Found::Package(url)),
        Target::File(path) if is_sheet(&path) => project.url(&path).map(Found::File),
        _ => None,
    };
    relative
        .or_else(|| package().filter(|_| is_bare))
        .or_else(|| file(specifier).filter(|_| is_bare))
        .unwrap_or(Found::External(external))
}
