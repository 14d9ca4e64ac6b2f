//! A source's syntax tree, or what is wrong with it.

use oxc::{
    allocator::Allocator,
    ast::ast::Program,
    diagnostics::OxcDiagnostic,
    parser::Parser,
    semantic::{Scoping, SemanticBuilder},
    span::{SourceType, Span},
    transformer_plugins::{ReplaceGlobalDefines, ReplaceGlobalDefinesConfig},
};

use super::{ask::Language, script::Job};
use crate::esm::Fault;

/// A parsed source.
pub(super) struct Parsed<'a> {
    pub(super) program: Program<'a>,
    pub(super) scoping: Scoping,
    /// Whether it can be nothing else than a module.
    pub(super) module: bool,
}

/// Parses a source, with the errors that only its names tell.
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
    let module = record.has_module_syntax || !record.import_metas.is_empty();
    let checked = SemanticBuilder::new_compiler()
        .with_excess_capacity(2.0)
        .with_enum_eval(true)
        .build(&program);
    if let Some(error) = checked.diagnostics.errors().next() {
        return Err(error.clone());
    }
    let scoping = checked.semantic.into_scoping();
    Ok(Parsed { program, scoping, module })
}

/// Whether a text is JavaScript as it was before modules.
pub(super) fn is_script(text: &str) -> bool {
    parse(&Allocator::default(), text, SourceType::script()).is_ok()
}

/// Replaces `process.env.NODE_ENV`, and says whether there was any.
pub(super) fn define<'a>(allocator: &'a Allocator, text: &str, parsed: &mut Parsed<'a>) -> bool {
    if !text.contains("NODE_ENV") {
        return false;
    }
    let Ok(config) =
        ReplaceGlobalDefinesConfig::new(&[("process.env.NODE_ENV", "\"development\"")])
    else {
        return false;
    };
    let scoping = std::mem::take(&mut parsed.scoping);
    let done = ReplaceGlobalDefines::new(allocator, config).build(scoping, &mut parsed.program);
    parsed.scoping = if done.changed {
        let again = SemanticBuilder::new_compiler().with_excess_capacity(2.0).with_enum_eval(true);
        again.build(&parsed.program).semantic.into_scoping()
    } else {
        done.scoping
    };
    done.changed
}

/// What the parser says of a source.
pub(super) fn syntax(job: &Job<'_>, error: &OxcDiagnostic) -> Fault {
    let message = error.message.to_string();
    let help = error.help.as_deref().map(str::to_owned);
    // The last place is where it went wrong; the others say what it was meant to go with.
    let label = error.labels.iter().max_by_key(|label| label.offset());
    let fault = match label {
        Some(label) => fault_at(job, label.span(), message),
        None => Fault::of_file(job.path, message),
    };
    fault.with_help(help)
}

/// A fault, with a better name for the file where its text is another language's.
pub(super) fn other_language(job: &Job<'_>, fault: Fault) -> Fault {
    if job.language == Language::Tsx
        || parse(&Allocator::default(), job.text, SourceType::tsx().with_module(true)).is_err()
    {
        return fault;
    }
    let help = match job.language {
        Language::Ts => "this is TypeScript with JSX: name the file .tsx",
        _ => "this is TypeScript: name the file .ts, or .tsx with JSX",
    };
    fault.with_help(Some(help.to_owned()))
}

pub(super) fn fault_at(job: &Job<'_>, span: Span, message: String) -> Fault {
    Fault::at(job.path, job.text, span.start as usize, span.end as usize, message)
}
