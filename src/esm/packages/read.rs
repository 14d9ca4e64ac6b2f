//! Reads a file of a package and converts it to a [`Definition`].
//!
//! CommonJS stays as it is, wrapped in a function; ES modules are [converted](super::es_module);
//! TypeScript and JSX, which workspace packages contain, are compiled first. A file that cannot be
//! converted becomes a definition that throws, because packages contain files that nothing ever
//! runs.

use std::path::Path;

use oxc::{
    allocator::Allocator,
    ast::ast::{Program, Statement},
    ast_visit::Visit,
    codegen::Codegen,
    parser::{ParseOptions, Parser},
    semantic::SemanticBuilder,
    span::SourceType,
    transformer::{TransformOptions, Transformer},
};

use super::{
    definition::{Definition, Format},
    es_module,
    export_names::ExportNames,
    js::quoted,
    requests::Request,
    sloppy_mode::needs_sloppy_mode,
    transform::{NODE_GLOBALS, Transform},
};
use crate::esm::{edits::Edits, stack::run_with_stack_if_deep};

/// Reads and converts a file. `url` is where the page finds an asset.
pub(super) fn read(path: &Path, url: &str) -> Definition {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    match extension {
        "js" | "mjs" | "cjs" | "jsx" | "ts" | "mts" | "cts" | "tsx" | "" => {}
        "json" => return read_json(path),
        "css" => return commonjs_body(&format!("require.style({});", quoted(url))),
        "node" | "wasm" => {
            return throwing(format!("{}: cannot import a binary module", path.display()));
        }
        _ => return commonjs_body(&format!("module.exports={};", quoted(url))),
    }
    match std::fs::read(path) {
        Ok(bytes) => {
            let source = String::from_utf8_lossy(&bytes);
            run_with_stack_if_deep(&source, || convert_script(path, &source)).unwrap_or_else(
                |error| throwing(format!("{}: {}", path.display(), error.message())),
            )
        }
        Err(error) => throwing(format!("{}: cannot read the file: {error}", path.display())),
    }
}

fn read_json(path: &Path) -> Definition {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string());
    let text = text.map(|text| text.trim_start_matches('\u{feff}').to_owned());
    let value = text.as_deref().map_err(Clone::clone).and_then(|text| {
        serde_json::from_str::<serde_json::Value>(text).map_err(|error| error.to_string())
    });
    match value {
        Ok(value) => {
            let keys = value.as_object().into_iter().flat_map(|object| object.keys());
            let own = keys.filter(|key| *key != "default").cloned().collect();
            let body = format!("module.exports={};", text.unwrap_or_default().trim());
            let names = ExportNames { own, stars: Vec::new() };
            Definition { names, ..commonjs_body(&body) }
        }
        Err(error) => throwing(format!("{}: {error}", path.display())),
    }
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
fn throwing(message: String) -> Definition {
    let body = format!("throw new SyntaxError({});", quoted(&message));
    Definition { error: Some(message), ..commonjs_body(&body) }
}

fn convert_script(path: &Path, source: &str) -> Definition {
    let source_type = SourceType::from_path(path).unwrap_or_else(|_| SourceType::unambiguous());
    let is_plain = source_type.is_javascript() && path.extension().is_none_or(|it| it != "jsx");
    let compiled = if is_plain { None } else { Some(compile(path, source, source_type)) };
    let source = match &compiled {
        None => source,
        Some(Ok(compiled)) => compiled,
        Some(Err(message)) => return throwing(message.clone()),
    };
    let source_types: &[SourceType] = match path.extension().and_then(|it| it.to_str()) {
        Some("mjs" | "mts") => &[SourceType::mjs()],
        Some("cjs" | "cts") => &[SourceType::script()],
        // A file whose only module syntax is a top-level `await` parses only as a module.
        _ => &[SourceType::unambiguous(), SourceType::mjs()],
    };
    let mut first_error = None;
    for &source_type in source_types {
        match convert(source, source_type) {
            Ok((definition, edits)) => return with_body(definition, edits, source),
            Err(error) => {
                first_error.get_or_insert_with(|| format!("{}: {error}", path.display()));
            }
        }
    }
    // Some packages ship JSX in `.js` files.
    if is_plain
        && let Ok(source) = compile(path, source, SourceType::unambiguous().with_jsx(true))
        && let Ok((definition, edits)) = convert(&source, SourceType::unambiguous())
    {
        return with_body(definition, edits, &source);
    }
    throwing(first_error.unwrap_or_default())
}

fn with_body(mut definition: Definition, edits: Edits, source: &str) -> Definition {
    definition.code[1] = edits.apply(source);
    definition
}

/// Compiles TypeScript and JSX to JavaScript.
fn compile(path: &Path, source: &str, source_type: SourceType) -> Result<String, String> {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, source, source_type).parse();
    if let Some(error) = parsed.diagnostics.errors().next() {
        return Err(format!("{}: {error}", path.display()));
    }
    let mut program = parsed.program;
    let semantic = SemanticBuilder::new().with_excess_capacity(2.0).with_enum_eval(true);
    let scoping = semantic.build(&program).semantic.into_scoping();
    let options = TransformOptions::default();
    let done =
        Transformer::new(&allocator, path, &options).build_with_scoping(scoping, &mut program);
    match done.diagnostics.errors().next() {
        Some(error) => Err(format!("{}: {error}", path.display())),
        None => Ok(Codegen::new().build(&program).code),
    }
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
    let module = es_module::convert(source, program, &scoping);
    let format = Format::Module {
        imports: module.imports,
        awaits: module.awaits,
        has_default: module.has_default,
    };
    (without_body(format, module.requests.0, module.names, module.head), module.edits)
}

fn commonjs(source: &str, program: &Program<'_>) -> (Definition, Edits) {
    let mut transform = Transform::new(None);
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
    let mut definition = without_body(format, transform.requests.0, names, head);
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
