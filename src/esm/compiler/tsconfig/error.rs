//! Errors in `tsconfig.json` and `jsconfig.json`, with their positions.

use std::path::Path;

use oxc_resolver::{JSONError, ResolveError};

use crate::esm::{
    compile_error::{CompileError, relative},
    compiler::config_files::read_bounded,
};

/// Describes why the options for a file could not be determined.
/// `root` is the served folder.
pub(super) fn compile_error(root: &Path, path: &Path, error: ResolveError) -> CompileError {
    let of_file = |message| CompileError::of_file(path, message);
    match error {
        ResolveError::Json(error) => {
            let bytes = read_bounded(&error.path).ok().flatten().unwrap_or_default();
            let text = String::from_utf8_lossy(&bytes);
            let message = message(&error, &text);
            CompileError::at_position(&error.path, &text, error.line, error.column, message)
        }
        ResolveError::TsconfigNotFound(missing) => {
            let missing = relative(root, &missing);
            of_file(format!(
                "the tsconfig.json of this file extends {missing}, which does not exist"
            ))
        }
        ResolveError::TsconfigCircularExtend(_) => {
            of_file("the tsconfig.json of this file extends itself".to_owned())
        }
        error => of_file(format!("cannot read the tsconfig.json of this file: {error}")),
    }
}

/// Returns the message for a JSON error: `expected a string for "target"` if the value of an option
/// has the wrong type, and the parser's message if the syntax is invalid.
fn message(error: &JSONError, text: &str) -> String {
    // The error carries the position separately.
    let message = error.message.split(" at line ").next().unwrap_or_default();
    let expected = message
        .strip_prefix("invalid type: ")
        .and_then(|message| message.split_once("expected "))
        .map(|(_, expected)| expected);
    match (expected, option_before(text, error.line, error.column)) {
        (Some(expected), Some(name)) => format!("expected {expected} for {name:?}"),
        (Some(expected), None) => format!("expected {expected}"),
        (None, _) => format!("invalid JSON: {message}"),
    }
}

/// Returns the name of the option whose value ends at a position, which counts from 1, in bytes.
fn option_before(text: &str, line: usize, column: usize) -> Option<&str> {
    let above = text.split_inclusive('\n').take(line.saturating_sub(1));
    let offset = above.map(str::len).sum::<usize>() + column;
    let before = text.get(..offset.min(text.len()))?;
    let (name, _) = before.rsplit_once(':')?;
    let (_, name) = name.trim_end().strip_suffix('"')?.rsplit_once('"')?;
    Some(name)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use oxc_resolver::CompilerOptions;

    use super::{JSONError, message};

    #[test]
    fn messages_name_the_option_or_the_syntax_error() {
        for (text, expected) in [
            ("{\n  \"jsx\": \"react\",\n  \"target\": 5\n}", "expected a string for \"target\""),
            ("{ \"jsx\": true, \"target\": \"es2022\" }", "expected a string for \"jsx\""),
            (
                "{ \"experimentalDecorators\": 1 }",
                "expected a boolean for \"experimentalDecorators\"",
            ),
            ("{ \"jsx\": }", "invalid JSON: expected value"),
            ("{ \"jsx\"", "invalid JSON: EOF while parsing an object"),
        ] {
            let error = serde_json::from_str::<CompilerOptions>(text).unwrap_err();
            let error = JSONError {
                path: PathBuf::new(),
                message: error.to_string(),
                line: error.line(),
                column: error.column(),
            };
            assert_eq!(message(&error, text), expected, "{text}");
        }
    }
}
