//! What a script does, as a hash: comments, types and formatting do not count.

use std::path::Path;

use oxc::{
    allocator::Allocator,
    codegen::{Codegen, CodegenOptions, CommentOptions},
    transformer::{TransformOptions, Transformer},
};
use xxhash_rust::xxh3::xxh3_128;

use super::parse;
use crate::esm::{
    compiler::file_type::Language,
    nesting,
    stack::{self, run_with_stack_if_deep},
};

/// Returns the hash of what a script does, or of its text if it has an error.
pub(crate) fn fingerprint(text: &str, language: Language) -> u128 {
    let of_text = xxh3_128(text.as_bytes());
    if nesting::too_deep(text, language.is_typed()).is_some() {
        return of_text;
    }
    let printed = run_with_stack_if_deep(text, stack::LEFT, || print(text, language));
    printed.ok().flatten().map_or(of_text, |code| xxh3_128(code.as_bytes()))
}

/// Prints a script without comments and types.
fn print(text: &str, language: Language) -> Option<String> {
    let allocator = Allocator::default();
    let parsed = parse::parse(&allocator, text, language.source_type()).ok()?;
    let mut program = parsed.program;
    if language.is_typed() {
        let mut options = TransformOptions::default();
        options.jsx.jsx_plugin = false;
        Transformer::new(&allocator, Path::new("x"), &options)
            .build_with_scoping(parsed.scoping, &mut program);
    }
    let options = CodegenOptions {
        comments: CommentOptions::disabled(),
        indent_width: 0,
        ..CodegenOptions::default()
    };
    Some(Codegen::new().with_options(options).build(&program).code)
}

#[cfg(test)]
mod tests {
    use super::fingerprint;
    use crate::esm::compiler::file_type::Language;

    #[test]
    fn comments_types_and_blanks_do_not_count() {
        let script = "import A, { type B } from 'a'; const a: B = 1; export default <A>{a}</A>";
        let hash = |text: &str| fingerprint(text, Language::Tsx);
        for (from, to, same) in [
            ("a: B", "a: string", true),
            ("const", "\n// more\nconst ", true),
            (", { type B }", "", true),
            ("= 1", "= 2", false),
            ("= 1", "= ", false),
            ("{a}", "{a} a", false),
        ] {
            let other = script.replace(from, to);
            assert_eq!(hash(script) == hash(&other), same, "{other}");
        }
        let deep = format!("const a = {};", "[".repeat(100_000));
        assert_ne!(hash(&deep), hash(script));
    }
}
