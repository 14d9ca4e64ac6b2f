//! JavaScript from TypeScript, for compilers that read only JavaScript.

use std::path::{Path, PathBuf};

use oxc::{
    allocator::Allocator,
    codegen::{Codegen, CodegenOptions},
    diagnostics::OxcDiagnostic,
    span::SourceType,
    transformer::{JsxOptions, TransformOptions, Transformer, TypeScriptOptions},
};

use super::parse;
use crate::esm::{
    compile_error::CompileError,
    nesting::{self, TOO_DEEP},
    stack::{self, run_with_stack_if_deep},
};

/// A script without types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Typeless {
    pub(crate) text: String,
    /// Its source map, as JSON.
    pub(crate) map: String,
}

/// Removes the types of a script, and keeps JSX as it is. With `keep_imports`, only imports of
/// types are removed, as those that the script does not use may be used elsewhere.
///
/// # Errors
/// The script has a syntax error.
pub(crate) fn without_types(
    path: &Path,
    text: &str,
    keep_imports: bool,
) -> Result<Typeless, CompileError> {
    if let Some(at) = nesting::too_deep(text, true) {
        return Err(CompileError::at(path, text, at, at, TOO_DEEP.to_owned()));
    }
    let strip = || strip(path, text, keep_imports);
    let stripped = run_with_stack_if_deep(text, stack::LEFT, strip);
    stripped.unwrap_or_else(|error| Err(CompileError::of_file(path, error.message())))
}

fn strip(path: &Path, text: &str, keep_imports: bool) -> Result<Typeless, CompileError> {
    let describe = |error: &OxcDiagnostic| {
        let span = error
            .labels
            .iter()
            .max_by_key(|label| label.offset())
            .map(oxc::diagnostics::LabeledSpan::span);
        let message = error.message.to_string();
        match span {
            Some(span) => {
                CompileError::at(path, text, span.start as usize, span.end as usize, message)
            }
            None => CompileError::of_file(path, message),
        }
    };
    let allocator = Allocator::default();
    let is_jsx = path.extension().is_some_and(|it| it.eq_ignore_ascii_case("tsx"));
    let source_type = if is_jsx { SourceType::tsx() } else { SourceType::ts() };
    let parsed = parse::parse(&allocator, text, source_type.with_module(true));
    let parse::Parsed { mut program, scoping, .. } = parsed.map_err(|error| describe(&error))?;
    let options = TransformOptions {
        typescript: TypeScriptOptions {
            only_remove_type_imports: keep_imports,
            ..TypeScriptOptions::default()
        },
        jsx: JsxOptions::disable(),
        ..TransformOptions::default()
    };
    let transformed =
        Transformer::new(&allocator, path, &options).build_with_scoping(scoping, &mut program);
    if let Some(error) = transformed.diagnostics.iter().find(|error| !error.labels.is_empty()) {
        return Err(describe(error));
    }
    let options =
        CodegenOptions { source_map_path: Some(PathBuf::new()), ..CodegenOptions::default() };
    let printed = Codegen::new().with_options(options).build(&program);
    let map = printed.map.map(|map| map.to_json_string()).unwrap_or_default();
    Ok(Typeless { text: printed.code, map })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::without_types;

    #[test]
    fn types_are_removed() {
        for (name, keep, text, expected) in [
            (
                "a.ts",
                true,
                "import { A } from 'a'; let a: A = $state(1);",
                "import { A } from \"a\";\nlet a = $state(1);\n",
            ),
            (
                "a.ts",
                false,
                "import { A } from 'a'; let a: A = $state(1);",
                "let a = $state(1);\nexport {};\n",
            ),
            (
                "a.ts",
                true,
                "import type { A } from 'a'; class B { a: A = $state(1) }",
                "class B {\n\ta = $state(1);\n}\nexport {};\n",
            ),
            ("a.tsx", false, "const a = <b c={1 as number}>d</b>;", "const a = <b c={1}>d</b>;\n"),
        ] {
            let typeless = without_types(Path::new(name), text, keep).unwrap();
            assert_eq!(typeless.text, expected, "{text}");
            assert!(typeless.map.contains("\"mappings\""));
        }
        let error = without_types(Path::new("a.ts"), "let a: = 1;", false).unwrap_err();
        assert_eq!(error.position, Some((1, 8)));
    }
}
