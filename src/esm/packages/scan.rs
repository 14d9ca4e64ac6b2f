//! One file of a package as a definition for the registry.
//!
//! CommonJS stays as it is written, inside of a function; ES modules are converted ([`esm`]);
//! TypeScript and JSX, which packages in a workspace have, are compiled before. What cannot be read
//! becomes a definition that throws: packages hold files that nobody ever asks for.
//!
//! [`esm`]: super::esm

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
    esm,
    names::Names,
    requests::{How, Request},
    sloppy,
    visit::{OF_NODE, Walk},
    write::quoted,
};
use crate::esm::edits::Edits;

/// What a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// With the things of Node's that it is to be given.
    CommonJs(Vec<String>),
    /// With its imports: the request, and how they are looked at.
    Module { views: Vec<(usize, String)>, awaits: bool, has_default: bool },
}

/// A file, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scan {
    pub(super) kind: Kind,
    pub(super) requests: Vec<Request>,
    pub(super) names: Names,
    /// The definition's function is these, one after the other.
    pub(super) code: [String; 3],
    /// Whether it cannot be a part of a pack: see [`sloppy`].
    pub(super) sloppy: bool,
    /// Why the file cannot be read.
    pub(super) broken: Option<String>,
}

/// Reads a file that has a URL.
pub(super) fn scan(path: &Path, url: &str) -> Scan {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    match extension {
        "js" | "mjs" | "cjs" | "jsx" | "ts" | "mts" | "cts" | "tsx" | "" => {}
        "json" => return json(path),
        "css" => return simple(&format!("require.style({});", quoted(url))),
        "node" | "wasm" => {
            return broken(format!(
                "{} is a binary module, which cannot be imported",
                path.display()
            ));
        }
        _ => return simple(&format!("module.exports={};", quoted(url))),
    }
    match std::fs::read(path) {
        Ok(bytes) => script(
            path,
            String::from_utf8(bytes)
                .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
        ),
        Err(error) => broken(format!("{} cannot be read: {error}", path.display())),
    }
}

fn json(path: &Path) -> Scan {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string());
    let text = text.map(|text| text.trim_start_matches('\u{feff}').to_owned());
    let value = text.as_deref().map_err(Clone::clone).and_then(|text| {
        serde_json::from_str::<serde_json::Value>(text).map_err(|error| error.to_string())
    });
    match value {
        Ok(value) => {
            let keys = value.as_object().into_iter().flat_map(|object| object.keys());
            let own = keys.filter(|key| *key != "default").cloned().collect();
            let mut scan = simple(&format!("module.exports={};", text.unwrap_or_default().trim()));
            scan.names = Names { own, stars: Vec::new() };
            scan
        }
        Err(error) => broken(format!("{}: {error}", path.display())),
    }
}

fn simple(body: &str) -> Scan {
    Scan {
        kind: Kind::CommonJs(Vec::new()),
        requests: Vec::new(),
        names: Names::default(),
        code: ["function(module,exports,require){".to_owned(), body.to_owned(), "}".to_owned()],
        sloppy: false,
        broken: None,
    }
}

fn broken(why: String) -> Scan {
    let mut scan = simple(&format!("throw new SyntaxError({});", quoted(&why)));
    scan.broken = Some(why);
    scan
}

fn script(path: &Path, source: String) -> Scan {
    let source_type = SourceType::from_path(path).unwrap_or_else(|_| SourceType::unambiguous());
    let is_plain = source_type.is_javascript() && path.extension().is_none_or(|it| it != "jsx");
    let compiled = if is_plain { Ok(source) } else { compile(path, &source, source_type) };
    let source = match compiled {
        Ok(source) => source,
        Err(why) => return broken(why),
    };
    let types: &[SourceType] = match path.extension().and_then(|it| it.to_str()) {
        Some("mjs" | "mts") => &[SourceType::mjs()],
        Some("cjs" | "cts") => &[SourceType::script()],
        // With an `await` outside of functions and nothing else that tells, it is a module.
        _ => &[SourceType::unambiguous(), SourceType::mjs()],
    };
    let mut why = String::new();
    for &source_type in types {
        match read(source.as_str(), source_type) {
            Ok((mut scan, edits)) => {
                scan.code[1] = edits.apply(source);
                return scan;
            }
            Err(error) => why = why_of(path, why, &error),
        }
    }
    // JSX in a .js.
    if is_plain
        && let Ok(source) = compile(path, &source, SourceType::unambiguous().with_jsx(true))
        && let Ok((mut scan, edits)) = read(source.as_str(), SourceType::unambiguous())
    {
        scan.code[1] = edits.apply(source);
        return scan;
    }
    broken(why)
}

/// The first reason counts.
fn why_of(path: &Path, known: String, error: &str) -> String {
    if known.is_empty() { format!("{}: {error}", path.display()) } else { known }
}

/// TypeScript and JSX to JavaScript.
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

/// All but the text itself, and what is to be changed in it.
fn read(source: &str, source_type: SourceType) -> Result<(Scan, Edits), String> {
    let allocator = Allocator::default();
    let options = ParseOptions { allow_return_outside_function: true, ..ParseOptions::default() };
    let parsed = Parser::new(&allocator, source, source_type).with_options(options).parse();
    if let Some(error) = parsed.diagnostics.errors().next() {
        return Err(error.to_string());
    }
    let program = &parsed.program;
    let is_module = source_type.is_module() || parsed.module_record.has_module_syntax;
    let (scan, mut edits) = if is_module {
        let scoping = SemanticBuilder::new().build(program).semantic.into_scoping();
        let module = esm::convert(source, program, &scoping);
        let kind = Kind::Module {
            views: module.views,
            awaits: module.awaits,
            has_default: module.has_default,
        };
        (part(kind, module.requests.0, module.names, module.head), module.edits)
    } else {
        commonjs(source, program)
    };
    if let Some(line) = &program.hashbang {
        edits.replace(line.span, "");
    }
    for comment in &program.comments {
        // Another file's map would be taken for that of the pack.
        if comment.span.source_text(source).contains("sourceMappingURL=") {
            edits.blank(source, comment.span, "");
        }
    }
    Ok((scan, edits))
}

fn part(kind: Kind, requests: Vec<Request>, names: Names, head: String) -> Scan {
    let code = [head, String::new(), "\n}".to_owned()];
    Scan { kind, requests, names, code, sloppy: false, broken: None }
}

fn commonjs(source: &str, program: &Program<'_>) -> (Scan, Edits) {
    let mut walk = Walk::new(None);
    walk.visit_program(program);
    let declared = lexical(program);
    let given: Vec<_> = OF_NODE
        .iter()
        .filter(|name| walk.free.contains(**name) && !declared.iter().any(|known| known == *name))
        .map(|&name| name.to_owned())
        .collect();
    let parameters = ["module", "exports", "require"].into_iter();
    let parameters: Vec<_> = parameters.chain(given.iter().map(String::as_str)).collect();
    let head = format!("function({}){{", parameters.join(","));
    let mut scan = part(Kind::CommonJs(given), walk.requests.0, walk.names.names, head);
    scan.sloppy = sloppy::is_needed(source, program);
    (scan, walk.edits)
}

/// The names that a file declares with `let`, `const` and `class`: no parameter may have them.
fn lexical(program: &Program<'_>) -> Vec<String> {
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

impl Scan {
    /// The requests that are answered before or while the module runs.
    pub(super) fn at_once(&self) -> impl Iterator<Item = (usize, &Request)> {
        let all = self.requests.iter().enumerate();
        all.filter(|(_, request)| matches!(request.how, How::Import | How::Require))
    }
}
