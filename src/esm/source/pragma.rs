//! What the comments at the top of a file say of its JSX: `@jsx`, `@jsxFrag`, `@jsxRuntime`,
//! `@jsxImportSource`.
//!
//! The transformer reads them too; here they are read to know which package is meant. A file with
//! `@jsx` alone means the classic runtime, as before there was another.

use oxc::{ast::ast::Program, span::GetSpan};

use super::options::Options;

/// The options of a program: what its comments say, and else those of its project.
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
    let classic = match runtime {
        Some(runtime) => runtime == "classic",
        None => factory.is_some() || (options.factory.is_some() && source.is_none()),
    };
    if let Some(source) = source {
        options.source = Some(source.to_owned());
    }
    options.factory = classic.then(|| {
        let (known, known_fragment) = options.factory.take().unzip();
        let name = |said: Option<&str>, known: Option<String>, usual: &str| {
            said.map(str::to_owned).or(known).unwrap_or_else(|| usual.to_owned())
        };
        (
            name(factory, known, "React.createElement"),
            name(fragment, known_fragment, "React.Fragment"),
        )
    });
    options
}

/// The word that follows another one.
fn value<'t>(text: &'t str, wanted: &str) -> Option<&'t str> {
    let mut words = text.split_whitespace();
    words.find(|word| word.trim_start_matches('*') == wanted)?;
    words.next()
}

#[cfg(test)]
mod tests {
    use super::value;

    #[test]
    fn a_pragma_has_a_value() {
        for (text, name, wanted) in [
            ("* @jsx h ", "@jsx", Some("h")),
            ("@jsxRuntime classic @jsx h", "@jsx", Some("h")),
            ("@jsxImportSource preact", "@jsx", None),
            ("*\n * @jsxImportSource preact\n", "@jsxImportSource", Some("preact")),
            ("`@jsx h`", "@jsx", None),
            ("@jsx", "@jsx", None),
        ] {
            assert_eq!(value(text, name), wanted, "{text}");
        }
    }
}
