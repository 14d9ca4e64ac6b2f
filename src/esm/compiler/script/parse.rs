//! Parsing of scripts, and errors of the parser.

use oxc::{
    allocator::Allocator,
    ast::ast::Program,
    ast_visit::VisitJsMut,
    diagnostics::OxcDiagnostic,
    parser::Parser,
    semantic::{Scoping, SemanticBuilder},
    span::{SourceType, Span},
    transformer_plugins::{ReplaceGlobalDefines, ReplaceGlobalDefinesConfig},
};

use super::job::Job;
use crate::esm::{compile_error::CompileError, compiler::file_type::Language, enums};

/// What is defined for every project.
const NODE_ENV: [&str; 2] = ["process.env.NODE_ENV", "\"development\""];

/// A parsed script.
pub(super) struct Parsed<'a> {
    pub(super) program: Program<'a>,
    pub(super) scoping: Scoping,
    /// Whether the script can only be a module: it has `import`, `export` or `import.meta`.
    pub(super) is_module: bool,
}

/// Parses a script, and checks it for the errors that need scope analysis.
pub(super) fn parse<'a>(
    allocator: &'a Allocator,
    text: &'a str,
    source_type: SourceType,
) -> Result<Parsed<'a>, OxcDiagnostic> {
    let parsed = Parser::new(allocator, text, source_type).parse();
    if let Some(error) = parsed.diagnostics.errors().next() {
        return Err(error.clone());
    }
    let program = parsed.program;
    let record = parsed.module_record;
    let is_module = record.has_module_syntax || !record.import_metas.is_empty();
    if let Some(span) = enums::too_large(&program) {
        return Err(OxcDiagnostic::error(enums::TOO_LARGE).with_label(span));
    }
    let checked = semantic_builder().build(&program);
    if let Some(error) = checked.diagnostics.errors().next() {
        return Err(error.clone());
    }
    let scoping = checked.semantic.into_scoping();
    Ok(Parsed { program, scoping, is_module })
}

/// Returns a builder with the settings that the transformer expects.
fn semantic_builder<'a>() -> SemanticBuilder<'a> {
    SemanticBuilder::new_compiler().with_excess_capacity(2.0).with_enum_eval(true)
}

/// Returns whether a text is a classic script in sloppy mode, with syntax that no module allows.
pub(super) fn is_sloppy_script(text: &str) -> bool {
    parse(&Allocator::default(), text, SourceType::script()).is_ok()
}

/// Replaces global names by the expressions that the project defines, and `process.env.NODE_ENV` by
/// `"development"`. Returns whether there was any.
pub(super) fn replace_defines<'a>(
    allocator: &'a Allocator,
    text: &str,
    parsed: &mut Parsed<'a>,
    defines: &[(String, String)],
) -> bool {
    let node_env = NODE_ENV.map(str::to_owned);
    let node_env = [(&node_env[0], &node_env[1])].into_iter();
    let is_defined = defines.iter().any(|(name, _)| name == NODE_ENV[0]);
    let defines = defines.iter().map(|(name, expression)| (name, expression));
    let defines = node_env.filter(|_| !is_defined).chain(defines);
    let is_used = |name: &str| name.split('.').all(|part| text.contains(part));
    let used: Vec<_> = defines.filter(|(name, _)| is_used(name)).collect();
    // Expressions that are not valid have been left out before.
    let Some(config) = (!used.is_empty()).then(|| ReplaceGlobalDefinesConfig::new(&used)) else {
        return false;
    };
    let Ok(config) = config else { return false };
    let scoping = std::mem::take(&mut parsed.scoping);
    let replaced = ReplaceGlobalDefines::new(allocator, config).build(scoping, &mut parsed.program);
    parsed.scoping = if replaced.changed {
        semantic_builder().build(&parsed.program).semantic.into_scoping()
    } else {
        replaced.scoping
    };
    replaced.changed
}

/// Inserts statements before a script. Their errors would be at no place of it, so statements that do
/// not parse are left out.
pub(super) fn inject<'a>(allocator: &'a Allocator, statements: &str, parsed: &mut Parsed<'a>) {
    struct WithoutPositions;
    impl VisitJsMut<'_> for WithoutPositions {
        fn visit_span(&mut self, span: &mut Span) {
            *span = Span::default();
        }
    }
    let text = allocator.alloc_str(statements);
    let mut injected = Parser::new(allocator, text, SourceType::mjs()).parse();
    if injected.diagnostics.errors().next().is_some() {
        return;
    }
    WithoutPositions.visit_program(&mut injected.program);
    let body = std::mem::replace(&mut parsed.program.body, injected.program.body);
    parsed.program.body.extend(body);
    parsed.scoping = semantic_builder().build(&parsed.program).semantic.into_scoping();
    parsed.is_module = true;
}

/// Converts a diagnostic of the parser or the transformer.
pub(super) fn error_of_diagnostic(job: &Job<'_>, error: &OxcDiagnostic) -> CompileError {
    let message = error.message.to_string();
    let help = error.help.as_deref().map(str::to_owned);
    // The last label marks the error; earlier ones mark what it refers to, such as an opening
    // bracket.
    let label = error.labels.iter().max_by_key(|label| label.offset());
    let compile_error = match label {
        Some(label) => job.error_at(label.span(), message),
        None => CompileError::of_file(job.path, message),
    };
    compile_error.with_help(help)
}

/// Adds a suggestion to rename the file to a syntax error, if its text is valid TypeScript or JSX.
pub(super) fn suggest_language(job: &Job<'_>, error: CompileError) -> CompileError {
    let tsx = Language::Tsx.source_type();
    if job.language == Language::Tsx || parse(&Allocator::default(), job.text, tsx).is_err() {
        return error;
    }
    let help = match job.language {
        Language::Ts => "this is TypeScript with JSX: rename the file to .tsx",
        _ => "this is TypeScript: rename the file to .ts, or to .tsx if it contains JSX",
    };
    error.with_help(Some(help.to_owned()))
}
