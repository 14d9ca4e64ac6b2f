//! Reads a file of a package and converts it to a [`Definition`].
//!
//! CommonJS stays as it is, wrapped in a function; ES modules are [converted](crate::esm::convert::es_module);
//! TypeScript and JSX, which workspace packages contain, are compiled first. A file that cannot be
//! converted becomes a definition that throws, because packages contain files that nothing ever
//! runs.

use std::path::Path;

use oxc::{
    allocator::Allocator,
    ast::ast::{Program, Statement},
    ast_visit::Visit,
    codegen::{Codegen, CodegenOptions},
    parser::{ParseOptions, Parser},
    semantic::SemanticBuilder,
    span::SourceType,
    transformer::{TransformOptions, Transformer},
};

use super::{
    definition::{Definition, Format},
    sloppy_mode::needs_sloppy_mode,
};
use crate::esm::convert::{
    es_module,
    export_names::ExportNames,
    js::quoted,
    requests::{Request, RequestKind, Requests},
    transform::{NODE_GLOBALS, Origin, Transform},
};
use crate::{
    docroot,
    esm::{
        css_module::{Part, Sheet, is_css_module, scope},
        edits::Edits,
        enums, nesting,
        resolve::PackageFile,
        stack::{is_indented, run_with_stack_if_deep, without_data},
        style_sheet::{absolute, split},
    },
};

/// Size in bytes up to which a file is read into memory. Larger ones are served as they are only.
pub(super) const MAX_FILE: u64 = 32 * 1024 * 1024;

/// Compiles a file of a kind that only a compiler of the project knows, to an ES module. The second
/// argument reads it. Returns `None` for any other file.
pub(crate) type CompileFile = dyn Fn(&Path, &dyn Fn() -> Result<String, String>) -> Option<Result<String, String>>
    + Send
    + Sync;

/// Reads and converts a file. `url` is where the page finds an asset, `stack` the size of what is
/// left of the current stack, in bytes.
pub(super) fn read(
    file: &PackageFile,
    url: &str,
    stack: usize,
    compile: &CompileFile,
) -> Definition {
    let path = file.path();
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let converted = match extension {
        _ if let Some(compiled) = compile(&path, &|| read_text(&path)) => {
            compiled.and_then(|source| Script { path: &path, stack }.convert(&source))
        }
        "js" | "mjs" | "cjs" | "jsx" | "ts" | "mts" | "cts" | "tsx" | "" => {
            read_text(&path).and_then(|source| Script { path: &path, stack }.convert(&source))
        }
        "json" => read_text(&path).and_then(|text| convert_json(&text)),
        "css" if is_css_module(&path) => {
            read_text(&path).and_then(|text| convert_css_module(&path, url, &text))
        }
        "css" => read_text(&path).map(|text| {
            let sheet = style_arguments(&path, url, &text, |_| None);
            commonjs_body(&format!("$style($joined({sheet}));"))
        }),
        "node" | "wasm" => Err("cannot import a binary module".to_owned()),
        _ => Ok(commonjs_body(&format!("module.exports={};", quoted(url)))),
    };
    converted.unwrap_or_else(|error| throwing(file, error))
}

/// Reads a file of up to [`MAX_FILE`] bytes as text, by its real path, which was checked.
///
/// # Errors
/// The message for the developer, if the file is too large or cannot be read.
pub(super) fn read_text(path: &Path) -> Result<String, String> {
    match docroot::read_real(path, MAX_FILE) {
        Ok(Some(bytes)) => {
            let text = String::from_utf8(bytes);
            Ok(text.unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
        }
        Ok(None) => Err(format!("cannot import a file of more than {} MiB", MAX_FILE >> 20)),
        Err(error) => Err(format!("cannot read the file: {error}")),
    }
}

fn convert_json(text: &str) -> Result<Definition, String> {
    let text = text.trim_start_matches('\u{feff}');
    let value = serde_json::from_str::<serde_json::Value>(text).map_err(|it| it.to_string())?;
    let keys = value.as_object().into_iter().flat_map(|object| object.keys());
    let own = keys.filter(|key| *key != "default").cloned().collect();
    let body = format!("module.exports={};", text.trim());
    let names = ExportNames { own, stars: Vec::new() };
    Ok(Definition { names, ..commonjs_body(&body) })
}

/// Returns a definition that adds a CSS module to the page and exports its names.
fn convert_css_module(path: &Path, url: &str, text: &str) -> Result<Definition, String> {
    let Sheet { text, names } = scope(path, url, text).map_err(|error| error.message)?;
    let mut requests = Requests::default();
    let fields = names.iter().map(|(name, parts)| {
        let parts = parts.iter().map(|part| match part {
            Part::Class(class) => quoted(class),
            Part::Imported { specifier, name } => {
                requests.add(specifier, RequestKind::Require);
                format!("require({})[{}]", quoted(specifier), quoted(name))
            }
        });
        format!("[{}]:{}", quoted(name), parts.collect::<Vec<_>>().join("+\" \"+"))
    });
    let fields = fields.collect::<Vec<_>>().join(",");
    let sheet = style_arguments(path, url, &text, |_| None);
    let body = format!("$style($joined({sheet}));module.exports={{__proto__:null,{fields}}};");
    let own = names.into_keys().filter(|name| name != "default").collect();
    let names = ExportNames { own, stars: Vec::new() };
    Ok(Definition { names, requests: requests.list, ..commonjs_body(&body) })
}

/// Returns the arguments of the page's `joined` for a style sheet. The browser loads the sheets
/// that it imports. `resolve` finds those of other packages.
pub(super) fn style_arguments(
    path: &Path,
    url: &str,
    text: &str,
    resolve: impl Fn(&str) -> Option<String>,
) -> String {
    let sheet = split(text.trim_start_matches('\u{feff}'), url);
    sheet.arguments(url, quoted, |import| {
        let specifier = &import.specifier;
        let other = absolute(specifier, url).map(|beside| {
            let is_beside = || path.with_file_name(specifier).exists();
            let is_bare = !specifier.starts_with('.') && !is_beside();
            resolve(specifier).filter(|_| is_bare).unwrap_or(beside)
        });
        import.external(other.as_ref().unwrap_or(specifier), quoted)
    })
}

/// Returns a CommonJS definition without requests.
fn commonjs_body(body: &str) -> Definition {
    Definition {
        format: Format::CommonJs { node_globals: Vec::new() },
        requests: Vec::new(),
        names: ExportNames::default(),
        code: ["function(module,exports,require){".to_owned(), body.to_owned(), "}".to_owned()],
        needs_sloppy_mode: false,
        error: None,
    }
}

/// Returns a definition that throws a `SyntaxError`.
fn throwing(file: &PackageFile, message: String) -> Definition {
    let body = format!("throw new SyntaxError({});", quoted(&format!("{file}: {message}")));
    Definition { error: Some(message), ..commonjs_body(&body) }
}

/// How to convert a script.
#[derive(Clone, Copy)]
struct Script<'p> {
    path: &'p Path,
    /// The size of what is left of the current stack, in bytes.
    stack: usize,
}

impl Script<'_> {
    /// Converts a script of any kind.
    ///
    /// # Errors
    /// The message for the developer.
    fn convert(self, source: &str) -> Result<Definition, String> {
        let extension = self.path.extension().and_then(|extension| extension.to_str());
        let source_type =
            SourceType::from_path(self.path).unwrap_or_else(|_| SourceType::unambiguous());
        if !source_type.is_javascript() || extension == Some("jsx") {
            return self.convert_compiled(source, source_type);
        }
        self.convert_plain(source).or_else(|error| {
            // Some packages ship JSX in `.js` files.
            let source_type = SourceType::unambiguous().with_jsx(true);
            self.convert_compiled(source, source_type).map_err(|_| error)
        })
    }

    /// Compiles TypeScript or JSX, and converts the result.
    fn convert_compiled(self, source: &str, source_type: SourceType) -> Result<Definition, String> {
        let compiled = self.within_stack(source, || compile(self.path, source, source_type))?;
        self.convert_plain(&compiled)
    }

    /// Converts JavaScript.
    fn convert_plain(self, source: &str) -> Result<Definition, String> {
        let source_types: &[SourceType] = match self.path.extension().and_then(|it| it.to_str()) {
            Some("mjs" | "mts") => &[SourceType::mjs()],
            Some("cjs" | "cts") => &[SourceType::script()],
            // A file whose only module syntax is a top-level `await` parses only as a module.
            _ => &[SourceType::unambiguous(), SourceType::mjs()],
        };
        let code = without_data(source);
        let (mut definition, edits) = self.within_stack(&code, || {
            let mut first_error = None;
            for &source_type in source_types {
                match convert(&code, source_type) {
                    Ok(converted) => return Ok(converted),
                    Err(error) => drop(first_error.get_or_insert(error)),
                }
            }
            Err(first_error.unwrap_or_default())
        })?;
        definition.code[1] = edits.apply(source);
        Ok(definition)
    }

    /// Runs work on a source with a stack that is large enough for it.
    fn within_stack<T: Send>(
        self,
        source: &str,
        work: impl FnOnce() -> Result<T, String> + Send,
    ) -> Result<T, String> {
        let done = run_with_stack_if_deep(source, self.stack, work);
        done.unwrap_or_else(|error| Err(error.message()))
    }
}

/// Compiles TypeScript and JSX to JavaScript.
fn compile(path: &Path, source: &str, source_type: SourceType) -> Result<String, String> {
    if nesting::too_deep(source, source_type.is_typescript()).is_some() {
        return Err(nesting::TOO_DEEP.to_owned());
    }
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, source, source_type).parse();
    if let Some(error) = parsed.diagnostics.errors().next() {
        return Err(error.to_string());
    }
    let mut program = parsed.program;
    if enums::too_large(&program).is_some() {
        return Err(enums::TOO_LARGE.to_owned());
    }
    let semantic = SemanticBuilder::new().with_excess_capacity(2.0).with_enum_eval(true);
    let scoping = semantic.build(&program).semantic.into_scoping();
    let options = TransformOptions::default();
    let done =
        Transformer::new(&allocator, path, &options).build_with_scoping(scoping, &mut program);
    if let Some(error) = done.diagnostics.errors().next() {
        return Err(error.to_string());
    }
    let mut options = CodegenOptions::default();
    if !is_indented(source) {
        options.indent_width = 0;
    }
    Ok(Codegen::new().with_options(options).build(&program).code)
}

/// Converts JavaScript. Returns the definition with an empty body, and the edits that turn the
/// source into the body.
fn convert(source: &str, source_type: SourceType) -> Result<(Definition, Edits), String> {
    let allocator = Allocator::default();
    let options = ParseOptions { allow_return_outside_function: true, ..ParseOptions::default() };
    let parsed = Parser::new(&allocator, source, source_type).with_options(options).parse();
    if let Some(error) = parsed.diagnostics.errors().next() {
        return Err(error.to_string());
    }
    let program = &parsed.program;
    let is_module = source_type.is_module() || parsed.module_record.has_module_syntax;
    let (definition, mut edits) =
        if is_module { module(source, program) } else { commonjs(source, program) };
    if let Some(line) = &program.hashbang {
        edits.replace(line.span, "");
    }
    for comment in &program.comments {
        // A browser would take the source map of this file for that of the pack.
        if comment.span.source_text(source).contains("sourceMappingURL=") {
            edits.blank(source, comment.span, "");
        }
    }
    Ok((definition, edits))
}

fn module(source: &str, program: &Program<'_>) -> (Definition, Edits) {
    let scoping = SemanticBuilder::new().build(program).semantic.into_scoping();
    let module = es_module::convert(source, program, &scoping, Origin::Package);
    let format = Format::Module {
        imports: module.imports,
        awaits: module.awaits,
        has_default: module.has_default,
    };
    (without_body(format, module.requests.list, module.names, module.head), module.edits)
}

fn commonjs(source: &str, program: &Program<'_>) -> (Definition, Edits) {
    let mut transform = Transform::new(source, None);
    transform.visit_program(program);
    let declared = lexical_names(program);
    let is_used = |name: &&&str| transform.undeclared.contains(**name);
    let is_declared = |name: &str| declared.iter().any(|known| known == name);
    let globals = NODE_GLOBALS.iter().filter(is_used).filter(|name| !is_declared(name));
    let node_globals: Vec<_> = globals.map(|&name| name.to_owned()).collect();
    let parameters = ["module", "exports", "require"].into_iter();
    let parameters: Vec<_> = parameters.chain(node_globals.iter().map(String::as_str)).collect();
    let head = format!("function({}){{", parameters.join(","));
    let format = Format::CommonJs { node_globals };
    let names = transform.exports.names;
    let mut definition = without_body(format, transform.requests.list, names, head);
    definition.needs_sloppy_mode = needs_sloppy_mode(source, program);
    (definition, transform.edits)
}

fn without_body(
    format: Format,
    requests: Vec<Request>,
    names: ExportNames,
    head: String,
) -> Definition {
    let code = [head, String::new(), "\n}".to_owned()];
    Definition { format, requests, names, code, needs_sloppy_mode: false, error: None }
}

/// Returns the names that a file declares with `let`, `const` and `class` at the top level: these
/// cannot be parameters of the function as well.
fn lexical_names(program: &Program<'_>) -> Vec<String> {
    let names = program.body.iter().flat_map(|statement| match statement {
        Statement::VariableDeclaration(it) if !it.kind.is_var() => it
            .declarations
            .iter()
            .flat_map(|one| one.id.get_binding_identifiers())
            .map(|name| name.name.to_string())
            .collect(),
        Statement::ClassDeclaration(it) => it.id.iter().map(|name| name.name.to_string()).collect(),
        _ => Vec::new(),
    });
    names.collect()
}
