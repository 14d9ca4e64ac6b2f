//! JSX pragmas: `@jsx`, `@jsxFrag`, `@jsxRuntime` and `@jsxImportSource` in the comments at the top
//! of a file.
//!
//! The transformer evaluates them, too. They are read here to know which package the compiled code
//! imports. As in TypeScript, `@jsx` without `@jsxRuntime` selects the classic runtime.

use oxc::{ast::ast::Program, span::GetSpan};

use crate::esm::compiler::tsconfig::Options;

/// Returns the options for a program: its pragmas, or else the options of the project.
pub(super) fn apply(options: &Options, program: &Program<'_>) -> Options {
    let first = program.body.first().map_or(u32::MAX, |statement| statement.span().start);
    let mut options = options.clone();
    let (mut factory, mut fragment, mut runtime, mut source) = (None, None, None, None);
    for comment in program.comments.iter().take_while(|comment| comment.span.start < first) {
        let text = comment.content_span().source_text(program.source_text);
        factory = value(text, "@jsx").or(factory);
        fragment = value(text, "@jsxFrag").or(fragment);
        runtime = value(text, "@jsxRuntime").or(runtime);
        source = value(text, "@jsxImportSource").or(source);
    }
    let is_classic = match runtime {
        Some(runtime) => runtime == "classic",
        None => factory.is_some() || (options.jsx_factory.is_some() && source.is_none()),
    };
    if let Some(source) = source {
        options.jsx_import_source = Some(source.to_owned());
    }
    options.jsx_factory = is_classic.then(|| {
        let (project_factory, project_fragment) = options.jsx_factory.take().unzip();
        let name = |pragma: Option<&str>, project: Option<String>, default: &str| {
            pragma.map(str::to_owned).or(project).unwrap_or_else(|| default.to_owned())
        };
        (
            name(factory, project_factory, "React.createElement"),
            name(fragment, project_fragment, "React.Fragment"),
        )
    });
    options
}

/// Returns the word that follows a pragma in a comment.
fn value<'t>(comment: &'t str, pragma: &str) -> Option<&'t str> {
    let mut words = comment.split_whitespace();
    words.find(|word| word.trim_start_matches('*') == pragma)?;
    words.next()
}

#[cfg(test)]
mod tests {
    use super::value;

    #[test]
    fn value_is_the_word_behind_the_pragma() {
        for (comment, pragma, expected) in [
            ("* @jsx h ", "@jsx", Some("h")),
            ("@jsxRuntime classic @jsx h", "@jsx", Some("h")),
            ("@jsxImportSource preact", "@jsx", None),
            ("*\n * @jsxImportSource preact\n", "@jsxImportSource", Some("preact")),
            ("`@jsx h`", "@jsx", None),
            ("@jsx", "@jsx", None),
        ] {
            assert_eq!(value(comment, pragma), expected, "{comment}");
        }
    }
}
