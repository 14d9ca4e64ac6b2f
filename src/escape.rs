//! Escapes characters of outside text that a terminal obeys or that mislead a reader.
//!
//! File names, messages of pages and backends, and source lines can contain anything. A control
//! character moves the cursor, a bidirectional one reorders the text around it (CVE-2021-42574),
//! and an invisible one makes two names look alike. [`Event`](crate::Event)s carry such text
//! unchanged; a program that displays it calls [`escape`].

use std::borrow::Cow;

/// Returns text with each control, format and invisible character replaced by its escape, such as
/// `\n` or `\u{202e}`.
///
/// These are the general categories Cc, Cf, Zl and Zp, code points that are private or not
/// assigned, and what else Unicode calls default-ignorable. Spaces and combining marks are kept.
pub fn escape(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_visible) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for char in text.chars() {
        if is_visible(char) {
            escaped.push(char);
        } else {
            escaped.extend(char.escape_default());
        }
    }
    Cow::Owned(escaped)
}

/// Returns whether a character may be displayed as it is.
pub(crate) fn is_visible(char: char) -> bool {
    match char {
        ' '..='~' => true,
        // The separators of lines and paragraphs; and what is in Default_Ignorable_Code_Point by
        // other categories: fillers and variation selectors.
        '\u{2028}'
        | '\u{2029}'
        | '\u{34f}'
        | '\u{115f}'..='\u{1160}'
        | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{ffa0}'
        | '\u{e0100}'..='\u{e01ef}' => false,
        _ if char.is_control() => false,
        _ => char.is_whitespace() || is_printable(char),
    }
}

/// Returns whether the standard library prints a character with `{:?}`. It has the tables of the
/// general categories; of a combining mark it escapes only one at the start of a string.
fn is_printable(char: char) -> bool {
    let mut buffer = [b' '; 5];
    let length = char.encode_utf8(&mut buffer[1..]).len();
    let text = str::from_utf8(&buffer[..=length]).unwrap_or_default();
    text.escape_debug().nth(1) == Some(char)
}

#[cfg(test)]
mod tests {
    use super::{escape, is_visible};

    #[test]
    fn misleading_characters_are_escaped_and_others_kept() {
        let kept = [
            "",
            "a b.css",
            "Größe 日本\u{3000}語",
            "e\u{301}.css",
            "café",
            "\u{a0}",
            "→ '\"\\ 👍",
            "שלום",
            "हिन्दी",
            "\u{fffd}",
        ];
        for text in kept {
            assert_eq!(escape(text), text);
        }
        let table = [
            ("\u{1b}[31m\n\t\r\0\u{7f}", "\\u{1b}[31m\\n\\t\\r\\u{0}\\u{7f}"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("a\u{202e}gpj.exe", "a\\u{202e}gpj.exe"),
            ("\u{2066}\u{2069}\u{200f}\u{61c}", "\\u{2066}\\u{2069}\\u{200f}\\u{61c}"),
            ("a\u{200b}\u{200d}\u{feff}\u{ad}", "a\\u{200b}\\u{200d}\\u{feff}\\u{ad}"),
            ("\u{2028}\u{2029}", "\\u{2028}\\u{2029}"),
            ("\u{3164}\u{115f}\u{fe0f}", "\\u{3164}\\u{115f}\\u{fe0f}"),
            ("\u{e0041}\u{e000}\u{378}", "\\u{e0041}\\u{e000}\\u{378}"),
        ];
        for (text, wanted) in table {
            assert_eq!(escape(text), wanted);
        }
    }

    /// The general categories Cc, Cf, Zl and Zp of Unicode 17, and Default_Ignorable_Code_Point.
    const MISLEADING: &[(u32, u32)] = &[
        (0x0, 0x1f),
        (0x7f, 0x9f),
        (0xad, 0xad),
        (0x34f, 0x34f),
        (0x600, 0x605),
        (0x61c, 0x61c),
        (0x6dd, 0x6dd),
        (0x70f, 0x70f),
        (0x890, 0x891),
        (0x8e2, 0x8e2),
        (0x115f, 0x1160),
        (0x17b4, 0x17b5),
        (0x180b, 0x180f),
        (0x200b, 0x200f),
        (0x2028, 0x202e),
        (0x2060, 0x206f),
        (0x3164, 0x3164),
        (0xfe00, 0xfe0f),
        (0xfeff, 0xfeff),
        (0xffa0, 0xffa0),
        (0xfff0, 0xfffb),
        (0x110bd, 0x110bd),
        (0x110cd, 0x110cd),
        (0x13430, 0x1343f),
        (0x1bca0, 0x1bca3),
        (0x1d173, 0x1d17a),
        (0xe0000, 0xe0fff),
    ];

    #[test]
    fn every_character_of_the_misleading_categories_is_escaped() {
        let misleads = |char: char| {
            MISLEADING.iter().any(|(first, last)| (*first..=*last).contains(&u32::from(char)))
        };
        for char in '\0'..=char::MAX {
            if misleads(char) {
                assert!(!is_visible(char), "{:x} is not escaped", u32::from(char));
            } else if char.is_alphanumeric() || (char.is_whitespace() && !char.is_control()) {
                assert!(is_visible(char), "{:x} is escaped", u32::from(char));
            }
            let text = String::from(char);
            assert!(escape(&text).chars().all(is_visible), "the escape itself is visible");
        }
    }
}
