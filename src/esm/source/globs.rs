//! Puts the files that `import.meta.glob` means in its place: an object of `import()`s, or of what was
//! imported.

use std::path::Path;

use oxc::{
    allocator::{Allocator, TakeIn},
    ast::ast::{
        Argument, ArrayExpressionElement, CallExpression, Expression, ObjectExpression, Program,
        Statement,
    },
    ast_visit::{VisitJsMut, walk_js_mut},
    parser::Parser,
    span::{GetSpan, SourceType, Span},
};

use super::{
    assets::string, glob::Glob, parse::fault_at, prologue::free, scan::literal, script::Job,
};
use crate::esm::Fault;

/// What is wanted of each file.
#[derive(Default)]
struct Wanted {
    patterns: Vec<String>,
    eager: bool,
    exhaustive: bool,
    /// One export, rather than all.
    import: Option<String>,
    query: String,
}

/// Expands all of a program, and says which files were meant.
pub(super) fn expand<'a>(
    job: &Job<'_>,
    allocator: &'a Allocator,
    program: &mut Program<'a>,
) -> Result<Vec<Glob>, Fault> {
    let mut expander = Expander {
        job,
        allocator,
        name: free(job.text, "$glob"),
        imports: Vec::new(),
        globs: Vec::new(),
        fault: None,
    };
    expander.visit_program(program);
    if let Some(fault) = expander.fault {
        return Err(fault);
    }
    let Expander { imports, globs, .. } = expander;
    for statement in statements(allocator, &imports.concat()).into_iter().rev() {
        program.body.insert(0, statement);
    }
    Ok(globs)
}

struct Expander<'a, 'j> {
    job: &'j Job<'j>,
    allocator: &'a Allocator,
    name: String,
    imports: Vec<String>,
    globs: Vec<Glob>,
    fault: Option<Fault>,
}

impl<'a> Expander<'a, '_> {
    /// What stands for a call, as a text.
    fn expanded(&mut self, call: &CallExpression<'a>) -> Result<String, Fault> {
        let wanted = wanted(self.job, call)?;
        let root = self.job.project.root();
        let glob = Glob::new(&wanted.patterns, self.job.path, root, wanted.exhaustive);
        let glob = glob.map_err(|message| fault_at(self.job, call.span, message))?;
        let relative = wanted.patterns.iter().all(|pattern| !pattern.starts_with('/'));
        let mut fields = Vec::new();
        for file in glob.files() {
            let Some(path) = between(self.job.path, &file) else { continue };
            if file == self.job.path {
                continue;
            }
            let key = match file.strip_prefix(root) {
                Ok(below) if !relative => format!("/{}", below.to_string_lossy()),
                _ => path.clone(),
            };
            let specifier = string(&format!("{path}{}", wanted.query));
            let value = if wanted.eager {
                let local = format!("{}{}", self.name, self.imports.len());
                let what = match &wanted.import {
                    Some(name) => format!("{{ {} as {local} }}", string(name)),
                    None => format!("* as {local}"),
                };
                self.imports.push(format!("import {what} from {specifier};\n"));
                local
            } else {
                match &wanted.import {
                    Some(name) => {
                        format!("() => import({specifier}).then((m) => m[{}])", string(name))
                    }
                    None => format!("() => import({specifier})"),
                }
            };
            fields.push(format!("{}: {value}", string(&key)));
        }
        self.globs.push(glob);
        Ok(format!("({{{}}});", fields.join(", ")))
    }
}

impl<'a> VisitJsMut<'a> for Expander<'a, '_> {
    fn visit_expression(&mut self, expression: &mut Expression<'a>) {
        if let Expression::CallExpression(call) = expression
            && is_glob(&call.callee)
        {
            match self.expanded(call) {
                Ok(text) => {
                    if let Some(Statement::ExpressionStatement(made)) =
                        statements(self.allocator, &text).first_mut()
                    {
                        *expression = made.expression.take_in(&self.allocator);
                    }
                }
                Err(fault) => {
                    self.fault.get_or_insert(fault);
                }
            }
            return;
        }
        walk_js_mut::walk_expression(self, expression);
    }
}

/// Statements that stand nowhere in the source.
fn statements<'a>(allocator: &'a Allocator, text: &str) -> Vec<Statement<'a>> {
    let text = allocator.alloc_str(text);
    let mut program = Parser::new(allocator, text, SourceType::mjs()).parse().program;
    Nowhere.visit_program(&mut program);
    program.body.into_iter().collect()
}

struct Nowhere;

impl VisitJsMut<'_> for Nowhere {
    fn visit_span(&mut self, span: &mut Span) {
        *span = Span::default();
    }
}

/// Whether this is `import.meta.glob`.
fn is_glob(callee: &Expression<'_>) -> bool {
    let Expression::StaticMemberExpression(glob) = callee else { return false };
    glob.property.name == "glob" && matches!(glob.object, Expression::ImportMeta(_))
}

/// What the arguments of a call say. They have to be written out: nothing runs here.
fn wanted(job: &Job<'_>, call: &CallExpression<'_>) -> Result<Wanted, Fault> {
    let fault = |span: Span, message: &str| fault_at(job, span, message.to_owned());
    let mut wanted = Wanted::default();
    let mut arguments = call.arguments.iter();
    let Some(first) = arguments.next() else {
        return Err(fault(call.span, "import.meta.glob needs a pattern"));
    };
    let written = "the patterns have to be written here, as strings";
    match first {
        Argument::ArrayExpression(all) => {
            for element in &all.elements {
                let pattern = match element {
                    ArrayExpressionElement::StringLiteral(one) => Some(one.value.to_string()),
                    other => other.as_expression().and_then(literal),
                };
                wanted.patterns.push(pattern.ok_or_else(|| fault(element.span(), written))?);
            }
        }
        one => {
            let pattern = one.as_expression().and_then(literal);
            wanted.patterns.push(pattern.ok_or_else(|| fault(one.span(), written))?);
        }
    }
    match arguments.next() {
        None => Ok(wanted),
        Some(Argument::ObjectExpression(object)) => match options(object, &mut wanted) {
            Ok(()) => Ok(wanted),
            Err((span, message)) => Err(fault(span, message)),
        },
        Some(other) => Err(fault(other.span(), "the options have to be written here")),
    }
}

fn options(object: &ObjectExpression<'_>, wanted: &mut Wanted) -> Result<(), (Span, &'static str)> {
    for property in &object.properties {
        let unknown = (property.span(), "the options are eager, exhaustive, import and query");
        let property = property.as_property().ok_or(unknown)?;
        let name = property.key.static_name().ok_or(unknown)?;
        let flag = || match &property.value {
            Expression::BooleanLiteral(flag) => Ok(flag.value),
            _ => Err((property.span, "this is true or false, written here")),
        };
        let text =
            || literal(&property.value).ok_or((property.span, "this is a string, written here"));
        match &*name {
            "eager" => wanted.eager = flag()?,
            "exhaustive" => wanted.exhaustive = flag()?,
            "import" => wanted.import = Some(text()?).filter(|name| name != "*"),
            "query" => wanted.query = format!("?{}", text()?.trim_start_matches('?')),
            // As Vite had it before `query`.
            "as" => {
                wanted.query = format!("?{}", text()?);
                wanted.import = Some("default".to_owned());
            }
            _ => return Err(unknown),
        }
    }
    Ok(())
}

/// The relative specifier of one file in another.
fn between(from: &Path, to: &Path) -> Option<String> {
    let mut folder = from.parent()?;
    let mut up = String::new();
    loop {
        if let Ok(rest) = to.strip_prefix(folder) {
            let rest = rest.to_str()?.replace(std::path::MAIN_SEPARATOR, "/");
            return Some(if up.is_empty() { format!("./{rest}") } else { up + &rest });
        }
        folder = folder.parent()?;
        up.push_str("../");
    }
}
