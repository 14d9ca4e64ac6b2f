//! The configuration file and the modules of the project that it imports.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
    rc::Rc,
};

use oxc::{
    allocator::Allocator,
    ast::ast::{
        Declaration, ExportDefaultDeclarationKind, Expression, Function, Program, Statement,
    },
    ast_visit::Visit,
    parser::Parser,
    span::SourceType,
};

use super::{
    paths,
    scope::{Changed, Scope},
};
use crate::esm::nesting;

/// The number of modules that are read.
const MAX_MODULES: usize = 32;

/// The endings that an import may leave out, in the order in which they are tried.
const ENDINGS: [&str; 11] = [
    "",
    ".mjs",
    ".js",
    ".mts",
    ".ts",
    ".cjs",
    ".cts",
    ".json",
    "/index.js",
    "/index.ts",
    "/index.mjs",
];

/// Files of the project, for the reader.
pub(super) trait Files {
    /// Returns the text of a file of the project, or `None` if it has none or it is too large.
    fn read(&self, path: &Path) -> Option<String>;
}

/// A parsed module.
pub(super) struct Module<'a> {
    pub(super) path: PathBuf,
    pub(super) scope: Rc<Scope<'a>>,
    pub(super) statements: &'a [Statement<'a>],
    pub(super) changed: HashSet<String>,
    exports: HashMap<String, Export<'a>>,
    /// The specifiers of `export * from`.
    all_from: Vec<&'a str>,
}

/// What a module exports under a name.
#[derive(Clone)]
pub(super) enum Export<'a> {
    Expression(&'a Expression<'a>),
    Function(&'a Function<'a>),
    Local(String),
    From(&'a str, Option<String>),
}

/// What an import leads to.
#[derive(Clone, Copy)]
pub(super) enum Imported {
    Module(usize),
    /// The number of a file of JSON.
    Json(usize),
}

/// The modules that were read, and the files of JSON.
pub(super) struct Modules<'a, 'f> {
    pub(super) all: Vec<Module<'a>>,
    pub(super) json: Vec<serde_json::Value>,
    known: HashMap<PathBuf, Option<Imported>>,
    allocator: &'a Allocator,
    files: &'f dyn Files,
    /// The folder that all modules are in.
    folder: PathBuf,
}

impl<'a, 'f> Modules<'a, 'f> {
    pub(super) fn new(allocator: &'a Allocator, files: &'f dyn Files, folder: &Path) -> Self {
        let folder = folder.to_owned();
        let (all, json, known) = (Vec::new(), Vec::new(), HashMap::new());
        Self { all, json, known, allocator, files, folder }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns what a relative specifier in a module leads to.
    pub(super) fn import(&mut self, from: usize, specifier: &str) -> Option<Imported> {
        let folder = self.all.get(from)?.path.parent()?.to_owned();
        let path = paths::resolve(&folder, &[specifier.to_owned()]);
        // An import may name the compiled file.
        let source = path.strip_suffix(".js").map(|stem| format!("{stem}.ts"));
        let candidates = ENDINGS.iter().map(|ending| format!("{path}{ending}")).chain(source);
        candidates.map(PathBuf::from).find_map(|path| self.load(&path))
    }

    /// Returns the text of a file of JSON.
    pub(super) fn json_text(&self, path: &str) -> Option<String> {
        let path = Path::new(path);
        let is_json = path.extension().is_some_and(|extension| extension == "json");
        if !is_json || !path.starts_with(&self.folder) {
            return None;
        }
        self.files.read(path)
    }

    /// Reads a module, unless it has been read before.
    pub(super) fn load(&mut self, path: &Path) -> Option<Imported> {
        if let Some(known) = self.known.get(path) {
            return *known;
        }
        if !path.starts_with(&self.folder) || self.known.len() >= MAX_MODULES * ENDINGS.len() {
            return None;
        }
        let imported = self.read(path);
        self.known.insert(path.to_owned(), imported);
        imported
    }

    fn read(&mut self, path: &Path) -> Option<Imported> {
        if self.all.len() >= MAX_MODULES {
            return None;
        }
        let text = self.files.read(path)?;
        if path.extension().is_some_and(|extension| extension == "json") {
            self.json.push(serde_json::from_str(&text).ok()?);
            return Some(Imported::Json(self.json.len() - 1));
        }
        let number = self.all.len();
        let program = parse(self.allocator, &text)?;
        self.all.push(module(path, number, program));
        Some(Imported::Module(number))
    }

    /// Returns what a module exports under a name.
    pub(super) fn export(&mut self, module: usize, name: &str) -> Option<(usize, Export<'a>)> {
        let mut open = vec![module];
        let mut seen = HashSet::new();
        while let Some(number) = open.pop() {
            if !seen.insert(number) {
                continue;
            }
            let module = self.all.get(number)?;
            if let Some(export) = module.exports.get(name) {
                return Some((number, export.clone()));
            }
            for specifier in module.all_from.clone() {
                if let Some(Imported::Module(other)) = self.import(number, specifier) {
                    open.push(other);
                }
            }
        }
        None
    }
}

/// Parses a module. Returns `None` if it has an error.
fn parse<'a>(allocator: &'a Allocator, text: &str) -> Option<&'a Program<'a>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    nesting::too_deep(text, true).is_none().then_some(())?;
    let text = allocator.alloc_str(text);
    // TypeScript is a superset of JavaScript without JSX.
    let parsed = Parser::new(allocator, text, SourceType::ts()).parse();
    parsed.diagnostics.errors().next().is_none().then_some(())?;
    Some(allocator.alloc(parsed.program))
}

fn module<'a>(path: &Path, number: usize, program: &'a Program<'a>) -> Module<'a> {
    let scope = Rc::new(Scope::of_module(number));
    scope.declare(&program.body);
    let mut changed = Changed::default();
    changed.visit_program(program);
    let (mut exports, mut all_from) = (HashMap::new(), Vec::new());
    for statement in &program.body {
        match statement {
            Statement::ExportDefaultDeclaration(export) => {
                let export = match &export.declaration {
                    ExportDefaultDeclarationKind::FunctionDeclaration(function) => {
                        Some(Export::Function(function))
                    }
                    other => other.as_expression().map(Export::Expression),
                };
                exports.extend(export.map(|export| ("default".to_owned(), export)));
            }
            Statement::ExportNamedDeclaration(export) => {
                for name in &export.specifiers {
                    let local = Export::Local(name.local.name().to_string());
                    exports.insert(name.exported.name().to_string(), local);
                }
            }
            Statement::ExportFromDeclaration(export) => {
                for name in &export.specifiers {
                    let from = &*export.source.value;
                    let from = Export::From(from, Some(name.local.name().to_string()));
                    exports.insert(name.exported.name().to_string(), from);
                }
            }
            Statement::ExportAllDeclaration(export) => match &export.exported {
                Some(name) => {
                    let from = Export::From(&export.source.value, None);
                    exports.insert(name.name().to_string(), from);
                }
                None => all_from.push(&*export.source.value),
            },
            Statement::TSExportAssignment(export) => {
                exports.insert("default".to_owned(), Export::Expression(&export.expression));
            }
            Statement::ExpressionStatement(statement) => {
                if let Some((name, value)) = common_js_export(&statement.expression) {
                    exports.insert(name, Export::Expression(value));
                }
            }
            Statement::ExportDeclaration(export) => {
                for name in declared(&export.declaration) {
                    exports.insert(name.clone(), Export::Local(name));
                }
            }
            _ => {}
        }
    }
    let statements = &*program.body;
    Module { path: path.to_owned(), scope, statements, changed: changed.0, exports, all_from }
}

/// Returns the names that a declaration declares, but for those in patterns.
fn declared(declaration: &Declaration<'_>) -> Vec<String> {
    match declaration {
        Declaration::VariableDeclaration(variables) => {
            let names = variables.declarations.iter().filter_map(|it| it.id.get_identifier_name());
            names.map(|name| name.to_string()).collect()
        }
        Declaration::FunctionDeclaration(function) => {
            function.id.iter().map(|name| name.name.to_string()).collect()
        }
        _ => Vec::new(),
    }
}

/// Returns the name and the value in `module.exports = ..` and `exports.name = ..`.
fn common_js_export<'a>(expression: &'a Expression<'a>) -> Option<(String, &'a Expression<'a>)> {
    let Expression::AssignmentExpression(assignment) = expression else { return None };
    let member = assignment.left.as_member_expression()?;
    let name = member.static_property_name()?;
    match member.object().get_inner_expression() {
        Expression::Identifier(object) if object.name == "module" && name == "exports" => {
            Some(("default".to_owned(), &assignment.right))
        }
        Expression::Identifier(object) if object.name == "exports" => {
            Some((name.to_owned(), &assignment.right))
        }
        _ => None,
    }
}
