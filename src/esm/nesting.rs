//! Limits of nested code, checked before it is parsed.
//!
//! Some steps of the compilation take the square of the nesting, in time or memory, and the parser
//! tries some constructs of TypeScript in several ways, each of which doubles the work: `(infer A
//! extends (infer B extends ...` took 9 s at 20 levels. So code that is nested more deeply than any
//! that people write is an error.
//!
//! The scanner skips comments, strings and templates, but does not know regular expressions. It
//! need not be exact: the [stack](crate::esm::stack) does not depend on it, and a compilation that
//! takes too long nevertheless ends at its deadline.

/// The message for code that is nested too deeply.
pub(super) const TOO_DEEP: &str = "this code is nested too deeply";

/// The number of nested brackets.
const MAX_BRACKETS: usize = 1_000;

/// The same in TypeScript, where brackets may begin the parameters of an arrow function.
const MAX_TYPED_BRACKETS: usize = 500;

/// The number of `<` that are not closed, in the statements around a place. Each may begin type
/// arguments.
const MAX_ANGLES: usize = 500;

/// The number of arrow functions within each other, without brackets.
const MAX_ARROWS: usize = 200;

/// The number of nested brackets with an `infer`, or with type parameters of an `async` function.
const MAX_SPECULATIVE: usize = 8;

/// What is open in a bracket.
#[derive(Clone, Copy, Default)]
struct Level {
    /// Whether the bracket is the `${` of a template.
    is_template: bool,
    angles: usize,
    arrows: usize,
    is_speculative: bool,
}

/// The sums of all open brackets.
#[derive(Default)]
struct Sums {
    angles: usize,
    arrows: usize,
    speculative: usize,
}

/// Returns the byte offset at which a script is nested too deeply, if it is. `is_typed` is whether
/// it is TypeScript.
pub(super) fn too_deep(text: &str, is_typed: bool) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut levels = vec![Level::default()];
    let mut sums = Sums::default();
    let max_brackets = if is_typed { MAX_TYPED_BRACKETS } else { MAX_BRACKETS };
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let rest = &bytes[at..];
        let is_inside = levels.len() > 1;
        let Some(top) = levels.last_mut() else { break };
        match byte {
            b'/' if rest.starts_with(b"//") => at += find(rest, b"\n"),
            b'/' if rest.starts_with(b"/*") => at += 1 + find(&rest[1..], b"*/"),
            b'"' | b'\'' => at += string(rest),
            b'`' => at += template(rest, &mut levels),
            b'(' | b'[' | b'{' => levels.push(Level::default()),
            b')' | b']' | b'}' if is_inside => {
                let is_template = levels.pop().is_some_and(|level| {
                    sums.angles -= level.angles;
                    sums.arrows -= level.arrows;
                    sums.speculative -= usize::from(level.is_speculative);
                    level.is_template
                });
                if is_template && byte == b'}' {
                    at += template(rest, &mut levels);
                }
            }
            b';' => {
                sums.angles -= std::mem::take(&mut top.angles);
                sums.arrows -= std::mem::take(&mut top.arrows);
            }
            b',' => sums.arrows -= std::mem::take(&mut top.arrows),
            b'=' if rest.starts_with(b"=>") => {
                (top.arrows, sums.arrows) = (top.arrows + 1, sums.arrows + 1);
                at += 1;
            }
            b'<' => {
                (top.angles, sums.angles) = (top.angles + 1, sums.angles + 1);
                if text[..at].ends_with("async") && !top.is_speculative {
                    top.is_speculative = true;
                    sums.speculative += 1;
                }
            }
            b'>' if top.angles > 0 => (top.angles, sums.angles) = (top.angles - 1, sums.angles - 1),
            b'i' if rest.starts_with(b"infer") && !top.is_speculative => {
                top.is_speculative = true;
                sums.speculative += 1;
            }
            _ => {}
        }
        let is_too_deep = levels.len() > max_brackets
            || is_typed
                && (sums.angles > MAX_ANGLES
                    || sums.arrows > MAX_ARROWS
                    || sums.speculative > MAX_SPECULATIVE);
        if is_too_deep {
            return Some(at.min(text.len()));
        }
        at += 1;
    }
    None
}

/// Returns the offset of the last byte of a pattern, or of the text if there is none.
fn find(text: &[u8], pattern: &[u8]) -> usize {
    memchr::memmem::find(text, pattern).map_or(text.len(), |at| at + pattern.len() - 1)
}

/// Returns the offset of the last byte of a string at the start of a text. A string ends with its
/// line.
fn string(text: &[u8]) -> usize {
    let mut at = 1;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'\\' => at += 1,
            b'\n' => return at,
            byte if byte == text[0] => return at,
            _ => {}
        }
        at += 1;
    }
    at
}

/// Returns the offset of the last byte of a part of a template: its end, or the `{` of an
/// expression, which is added to the open brackets.
fn template(text: &[u8], levels: &mut Vec<Level>) -> usize {
    let mut at = 1;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'\\' => at += 1,
            b'`' => return at,
            b'$' if text.get(at + 1) == Some(&b'{') => {
                levels.push(Level { is_template: true, ..Level::default() });
                return at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::too_deep;

    #[test]
    fn code_that_is_nested_too_deeply_is_found() {
        let nested =
            |before: &str, open: &str, depth: usize| format!("{before}{}", open.repeat(depth));
        for (text, is_typed, expected) in [
            (nested("", "[", 900), false, false),
            (nested("", "[", 1_100), false, true),
            (nested("", "[/*]*/", 1_100), false, true),
            (nested("", "[']'+", 1_100), false, true),
            (nested("", "[`]${a[0]}]`+", 1_100), false, true),
            (nested("", "`${", 1_100), false, true),
            (nested("", "[", 600), true, true),
            (nested("", "f(a)[0];", 9_000), false, false),
            (nested("", "// (\n", 9_000), false, false),
            (nested("", "'('+\"[\"+`{`+", 9_000), false, false),
            (nested("", "`${a}`+", 9_000), false, false),
            (nested("x=a", "<a", 600), true, true),
            (nested("x=a", "<a", 600), false, false),
            (nested("", "a<b;", 9_000), true, false),
            (nested("", "let a: A<B<C>>, b = <p>c</p>;", 9_000), true, false),
            (nested("x=", "a?(b):c=>", 300), true, true),
            (nested("", "a => b => c, ", 9_000), true, false),
            (nested("type X=A extends ", "(infer B extends ", 9), true, true),
            (nested("type X=", "[infer A, infer B], ", 9_000), true, false),
            (nested("x=", "async<T>(a=", 9), true, true),
            (nested("", "}", 9), true, false),
        ] {
            assert_eq!(too_deep(&text, is_typed).is_some(), expected, "{text:.40}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_scanned(text in "(?s)([{}()\\[\\]<>=,;`$'\"/*\\\\\n]|\\$\\{|infer|é|.){0,60}") {
            let at = too_deep(&text, true);
            prop_assert!(at.is_none_or(|at| text.is_char_boundary(at)), "{at:?}");
        }
    }
}
