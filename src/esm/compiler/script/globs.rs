//! Expansion of `import.meta.glob` into an object of imports.

use std::path::{MAIN_SEPARATOR, Path};

use oxc::{
    allocator::{Allocator, TakeIn},
    ast::ast::{CallExpression, Expression, Program, Statement},
    ast_visit::{VisitJsMut, walk_js_mut},
    parser::Parser,
    span::{SourceType, Span},
};

use super::{
    frame::unused_name,
    glob_call::{GlobCall, is_glob},
    job::Job,
};
use crate::esm::{
    compile_error::CompileError,
    compiler::{
        asset::string_literal,
        glob::{Glob, join},
    },
};

/// The number of calls in a file.
const MAX_CALLS: usize = 100;

/// The number of bytes of all patterns in a file.
const MAX_PATTERNS: usize = 16 * 1024;

/// The number of files and folders that the expansions of all calls in a file visit.
pub(in crate::esm::compiler) const MAX_VISITED: usize = 100_000;

/// Expands all calls in a program, and returns their patterns.
///
/// # Errors
/// Fails for the first call with invalid arguments.
pub(super) fn expand<'a>(
    job: &Job<'_>,
    allocator: &'a Allocator,
    program: &mut Program<'a>,
) -> Result<Vec<Glob>, CompileError> {
    let mut expander = Expander {
        job,
        allocator,
        prefix: unused_name(job.text, "$glob"),
        imports: Vec::new(),
        globs: Vec::new(),
        patterns: 0,
        entries: MAX_VISITED,
        error: None,
    };
    expander.visit_program(program);
    if let Some(error) = expander.error {
        return Err(error);
    }
    let Expander { imports, globs, .. } = expander;
    let rest = program.body.take_in(&allocator);
    program.body.extend(parse_without_spans(allocator, &imports.concat()));
    program.body.extend(rest);
    Ok(globs)
}

struct Expander<'a, 'j> {
    job: &'j Job<'j>,
    allocator: &'a Allocator,
    /// The start of the local names of static imports.
    prefix: String,
    /// The static imports, as source text.
    imports: Vec<String>,
    globs: Vec<Glob>,
    /// The number of bytes of the patterns so far.
    patterns: usize,
    /// The number of files and folders that may still be visited.
    entries: usize,
    /// The first error.
    error: Option<CompileError>,
}

impl<'a> Expander<'a, '_> {
    /// Returns the source text of the object that replaces a call.
    fn expansion(&mut self, call: &CallExpression<'a>) -> Result<String, CompileError> {
        let job = self.job;
        let root = &*job.project.root_of(job.path);
        let invalid = |(span, message): (Span, &str)| job.error_at(span, message.to_owned());
        let arguments = GlobCall::parse(call).map_err(invalid)?;
        self.patterns += arguments.patterns.iter().map(String::len).sum::<usize>();
        if self.globs.len() == MAX_CALLS || self.patterns > MAX_PATTERNS {
            let message = format!(
                "this file has more than {MAX_CALLS} calls of import.meta.glob, \
                or patterns of more than {} KiB",
                MAX_PATTERNS >> 10
            );
            return Err(job.error_at(call.span, message));
        }
        let folder = job.path.parent().unwrap_or(root);
        let base = arguments
            .base
            .as_deref()
            .map(|base| join(if base.starts_with('/') { root } else { folder }.to_owned(), base));
        if base.as_ref().is_some_and(|base| !base.starts_with(root)) {
            let message = "the option base leads out of the served folder".to_owned();
            return Err(job.error_at(call.span, message));
        }
        let alias = |pattern: &str| {
            let target = job.options.aliases.target(pattern)?;
            job.project.below_root(Path::new(&target))
        };
        let glob = Glob::new(
            &arguments.patterns,
            base.as_deref().unwrap_or(folder),
            root,
            alias,
            arguments.exhaustive,
        );
        let glob = glob.map_err(|message| job.error_at(call.span, message))?;
        let is_relative = arguments.patterns.iter().all(|pattern| pattern.starts_with(['.', '!']));
        let mut properties = Vec::new();
        let files = glob.files(&mut self.entries, &job.project.served());
        if self.entries == 0 {
            let message = format!("the patterns of this file cover more than {MAX_VISITED} files");
            return Err(job.error_at(call.span, message));
        }
        for file in files {
            let Some(path) = relative_specifier(folder, &file) else { continue };
            if file == job.path {
                continue;
            }
            let key = match (&base, file.strip_prefix(root)) {
                (Some(base), _) => relative_specifier(base, &file).unwrap_or_default(),
                (None, Ok(below)) if !is_relative => format!("/{}", below.to_string_lossy()),
                _ => path.clone(),
            };
            let specifier = string_literal(&format!("{path}{}", arguments.query));
            let value = self.value(&arguments, &specifier);
            properties.push(format!("{}: {value}", string_literal(&key)));
        }
        self.globs.push(glob);
        Ok(format!("({{{}}});", properties.join(", ")))
    }

    /// Returns the source text for one file. Adds a static import if the call is eager.
    fn value(&mut self, arguments: &GlobCall, specifier: &str) -> String {
        let import = arguments.import.as_deref().map(string_literal);
        if arguments.eager {
            let local = format!("{}{}", self.prefix, self.imports.len());
            let clause = match import {
                Some(name) => format!("{{ {name} as {local} }}"),
                None => format!("* as {local}"),
            };
            self.imports.push(format!("import {clause} from {specifier};\n"));
            local
        } else {
            match import {
                Some(name) => format!("() => import({specifier}).then((m) => m[{name}])"),
                None => format!("() => import({specifier})"),
            }
        }
    }
}

impl<'a> VisitJsMut<'a> for Expander<'a, '_> {
    fn visit_expression(&mut self, expression: &mut Expression<'a>) {
        let Expression::CallExpression(call) = expression else {
            return walk_js_mut::walk_expression(self, expression);
        };
        if !is_glob(&call.callee) {
            return walk_js_mut::walk_expression(self, expression);
        }
        if self.error.is_some() {
            return;
        }
        match self.expansion(call) {
            Ok(text) => {
                if let Some(Statement::ExpressionStatement(statement)) =
                    parse_without_spans(self.allocator, &text).first_mut()
                {
                    *expression = statement.expression.take_in(&self.allocator);
                }
            }
            Err(error) => {
                self.error.get_or_insert(error);
            }
        }
    }
}

/// Parses generated statements, and removes their positions, which mean nothing in the source.
fn parse_without_spans<'a>(allocator: &'a Allocator, text: &str) -> Vec<Statement<'a>> {
    let text = allocator.alloc_str(text);
    let mut program = Parser::new(allocator, text, SourceType::mjs()).parse().program;
    RemoveSpans.visit_program(&mut program);
    program.body.into_iter().collect()
}

struct RemoveSpans;

impl VisitJsMut<'_> for RemoveSpans {
    fn visit_span(&mut self, span: &mut Span) {
        *span = Span::default();
    }
}

/// Returns the relative specifier of a file in the files of a folder.
fn relative_specifier(folder: &Path, to: &Path) -> Option<String> {
    let mut folder = folder;
    let mut up = String::new();
    loop {
        if let Ok(rest) = to.strip_prefix(folder) {
            let rest = rest.to_str()?.replace(MAIN_SEPARATOR, "/");
            return Some(if up.is_empty() { format!("./{rest}") } else { up + &rest });
        }
        folder = folder.parent()?;
        up.push_str("../");
    }
}
