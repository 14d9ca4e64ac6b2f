//! Finds what may be class names of Tailwind in a source file.
//!
//! Knows the characters of a class name and those that may stand before and behind it, as Tailwind's
//! own scanner does, but no language. Within brackets, as in `bg-[url('a.png')]` or `w-(--size)`,
//! everything but white space belongs to the name. Tailwind ignores what is no class.

use std::{borrow::Cow, collections::HashSet};

/// The length of a class name, bytes.
const MAX_LENGTH: usize = 1024;

/// Adds the candidates in the text of a file with this extension to a set. Returns whether any of
/// them is new.
pub(super) fn collect(text: &str, extension: &str, found: &mut HashSet<String>) -> bool {
    let before = found.len();
    let text = &*separate(text, extension);
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let may_start = at == 0 || may_precede(bytes[at - 1]);
        let end = if may_start { name_end(bytes, at) } else { None };
        match end.and_then(|end| text.get(at..end)) {
            Some(name) => {
                if !found.contains(name) {
                    found.insert(name.to_owned());
                }
                at += name.len();
            }
            None => at += 1,
        }
    }
    found.len() > before
}

/// Separates class names that a language joins with something else.
fn separate<'t>(text: &'t str, extension: &str) -> Cow<'t, str> {
    match extension {
        // `class:hidden={...}`
        "svelte" => text.replace("class:", " ").into(),
        "pug" | "jade" => separate_dots(text).into(),
        "vue" if text.contains("lang=\"pug\"") => separate_dots(text).into(),
        _ => text.into(),
    }
}

/// Replaces the dots between class names (`div.flex.p-4`), but not that of a number.
fn separate_dots(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut previous = ' ';
    let mut rest = text.chars().peekable();
    while let Some(char) = rest.next() {
        let is_point = previous.is_ascii_digit() && rest.peek().is_some_and(char::is_ascii_digit);
        out.push(if char == '.' && !is_point { ' ' } else { char });
        previous = char;
    }
    out
}

/// Returns the end of the name that starts at an offset, or `None` if there is none.
fn name_end(bytes: &[u8], start: usize) -> Option<usize> {
    let first = *bytes.get(start)?;
    let starts = first.is_ascii_lowercase()
        || first.is_ascii_digit()
        || matches!(first, b'-' | b'!' | b'[' | b'@' | b'*');
    if !starts {
        return None;
    }
    // A list of strings: `['a','b']`.
    if first == b'[' && bytes.get(start + 1).is_none_or(|byte| is_delimiter(*byte)) {
        return None;
    }
    let mut at = start;
    while let Some(&byte) = bytes.get(at) {
        let is_digit =
            |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
        match byte {
            b'[' | b'(' => match bracket_end(bytes, at) {
                Some(end) => at = end,
                None => break,
            },
            b'.' if is_digit(at.checked_sub(1)) && is_digit(Some(at + 1)) => at += 1,
            b'a'..=b'z'
            | b'A'..=b'Z'
            | b'0'..=b'9'
            | b'-'
            | b'_'
            | b'@'
            | b'*'
            | b'!'
            | b'%'
            | b'/'
            | b':'
            | 0x80.. => at += 1,
            _ => break,
        }
    }
    // The key of an object: `{ flex: true }`.
    if at > start + 1 && bytes[at - 1] == b':' {
        at -= 1;
    }
    let ends = bytes.get(at).is_none_or(|byte| may_follow(*byte) || *byte == b':');
    let has_letter = bytes[start..at].iter().any(u8::is_ascii_alphabetic);
    (ends && has_letter && at - start <= MAX_LENGTH).then_some(at)
}

/// Returns the end of the bracket that opens at an offset, or `None` if there is white space in it,
/// or it does not end.
fn bracket_end(bytes: &[u8], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    let mut quote = None;
    for (at, &byte) in bytes.iter().enumerate().skip(open).take(MAX_LENGTH) {
        match (byte, quote) {
            (b' ' | b'\t' | b'\n' | b'\r', _) => return None,
            (b'"' | b'\'' | b'`', None) => quote = Some(byte),
            (_, Some(open)) if byte == open && bytes[at - 1] != b'\\' => {
                quote = None;
            }
            (b'[' | b'(' | b'{', None) => depth += 1,
            (b']' | b')' | b'}', None) => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// Returns whether a byte may stand before a class name.
fn may_precede(byte: u8) -> bool {
    is_delimiter(byte) || matches!(byte, b'.' | b'}' | b'>' | b']')
}

/// Returns whether a byte may stand behind a class name.
fn may_follow(byte: u8) -> bool {
    is_delimiter(byte) || matches!(byte, b']' | b'[' | b'{' | b'=' | b'\\' | b'<')
}

/// Returns whether a byte is white space or a quote.
fn is_delimiter(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\x0c' | b'\r' | b' ' | b'"' | b'\'' | b'`' | 0)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::collect;

    fn found(extension: &str, text: &str) -> Vec<String> {
        let mut found = HashSet::new();
        collect(text, extension, &mut found);
        let mut found: Vec<_> = found.into_iter().collect();
        found.sort();
        found
    }

    /// The expected names are those that Tailwind 4.3 finds.
    #[test]
    fn class_names_are_found_as_tailwind_finds_them() {
        for (extension, text, expected) in [
            (
                "html",
                "\"flex p-1.5 md:hover:underline -mt-2 !p-1 w-1/2\"",
                "!p-1 -mt-2 flex md:hover:underline p-1.5 w-1/2",
            ),
            ("html", "{flex:true,'p-4':x}", "p-4"),
            ("html", "{ flex: true }", "flex true"),
            ("html", "['p-4','m-4']", "m-4 p-4"),
            ("html", "<flex>grid</flex>", "grid"),
            ("html", "(flex) flex&&grid x?a1:b1 flex; x, .flex", "flex"),
            ("html", "w-(--x) p-2", "p-2 w-(--x)"),
            ("html", "top-1.5 p-1.", "top-1.5"),
            ("html", "2xl:p-1 **:m-1 @md:p-1 @container/x", "**:m-1 2xl:p-1 @container/x @md:p-1"),
            (
                "html",
                "bg-[url('a_b')] [&>p]:mt-1 data-[x=\"y\"]:p-1",
                "[&>p]:mt-1 bg-[url('a_b')] data-[x=\"y\"]:p-1",
            ),
            ("html", "flex\\n grid\\\"", "flex grid"),
            (
                "html",
                "w-[calc(100%-1px)] from-15% bg-red-500/[20%]!",
                "bg-red-500/[20%]! from-15% w-[calc(100%-1px)]",
            ),
            ("html", "{!table} !table.x", "x"),
            ("svelte", "<p class:hidden={x}>", "hidden"),
            ("pug", "div.flex.p-1.5 grid", "div flex grid p-1.5"),
            ("vue", "<template lang=\"pug\">\ndiv.flex", "div flex lang pug"),
        ] {
            assert_eq!(found(extension, text).join(" "), expected, "{text}");
        }
    }

    #[test]
    fn only_new_names_count() {
        let mut names = HashSet::new();
        assert!(collect("a b", "html", &mut names));
        assert!(!collect("b a ; 12 (c)", "html", &mut names));
    }

    proptest! {
        #[test]
        fn any_text_is_searched(text in "[a-z0-9\\[\\]()'\" .:{}\u{e9}\n-]{0,200}") {
            found("pug", &text);
            found("html", &text);
        }
    }
}
