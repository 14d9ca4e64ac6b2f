//! Parser for `.env` files, with the syntax of the npm package dotenv.

use std::collections::BTreeMap;

/// Variables by name.
pub(super) type Variables = BTreeMap<String, String>;

/// Parses a file into its variables. The last assignment of a name counts, and lines without an
/// assignment are ignored.
pub(super) fn parse(text: &str) -> Variables {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
    let mut variables = Variables::new();
    let mut at = 0;
    while at < text.len() {
        let end = line_end(&text, at);
        let assignment = assignment(&text[at..end]);
        let value_at = assignment.map_or(end, |(_, offset)| at + offset);
        at = end + 1;
        let Some((name, _)) = assignment else { continue };
        let quote = text[value_at..end].chars().next().filter(|char| "\"'`".contains(*char));
        let value = match quote.and_then(|quote| quoted(&text[value_at + 1..], quote)) {
            Some(value) => {
                // A quoted value may continue on the lines below.
                at = line_end(&text, value_at + 1 + value.len()) + 1;
                if quote == Some('"') {
                    value.replace("\\n", "\n").replace("\\r", "\r")
                } else {
                    value.to_owned()
                }
            }
            None => text[value_at..end].split('#').next().unwrap_or_default().trim().to_owned(),
        };
        variables.insert(name.to_owned(), value);
    }
    variables
}

/// Returns the name that a line assigns, and the offset of the value.
fn assignment(line: &str) -> Option<(&str, usize)> {
    let (left, right) = line.split_once('=')?;
    let name = left.trim();
    let name = match name.strip_prefix("export") {
        Some(exported) if exported.starts_with([' ', '\t']) => exported.trim_start(),
        _ => name,
    };
    let is_valid = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | '.' | '-');
    let is_name = !name.is_empty() && name.chars().all(is_valid);
    is_name.then(|| (name, line.len() - right.trim_start().len()))
}

/// Returns the text before the closing quote, or `None` if there is none.
fn quoted(text: &str, quote: char) -> Option<&str> {
    let mut is_escaped = false;
    for (at, char) in text.char_indices() {
        if char == quote && !is_escaped {
            return Some(&text[..at]);
        }
        is_escaped = char == '\\' && !is_escaped;
    }
    None
}

/// Returns the end of the line that contains an offset.
fn line_end(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |length| at + length)
}

#[cfg(test)]
mod tests {
    use super::{Variables, parse};

    fn variables(pairs: &[(&str, &str)]) -> Variables {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn syntax_is_that_of_dotenv() {
        let table: &[(&str, &[(&str, &str)])] = &[
            ("A=1", &[("A", "1")]),
            ("A = 1 \r\nB=2", &[("A", "1"), ("B", "2")]),
            ("\u{feff}A=1", &[("A", "1")]),
            ("A=", &[("A", "")]),
            ("A=\nB=2", &[("A", ""), ("B", "2")]),
            ("# A=1\n\n  B=2", &[("B", "2")]),
            ("A=1 # one\nB='1 # one'", &[("A", "1"), ("B", "1 # one")]),
            ("export A=1\nexporter=2", &[("A", "1"), ("exporter", "2")]),
            ("A=\"a\\nb\"\nB='a\\nb'\nC=a\\nb", &[("A", "a\nb"), ("B", "a\\nb"), ("C", "a\\nb")]),
            ("A=\"a\nb\" # two\nB=`c`", &[("A", "a\nb"), ("B", "c")]),
            ("A=\"a=b\"\nB=a=b", &[("A", "a=b"), ("B", "a=b")]),
            ("A=\"it's\"\nB='say \"x\"'", &[("A", "it's"), ("B", "say \"x\"")]),
            ("A=\"open\nB=2", &[("A", "\"open"), ("B", "2")]),
            ("A=1\nA=2", &[("A", "2")]),
            ("no\na b=1\n=2", &[]),
        ];
        for (text, expected) in table {
            assert_eq!(parse(text), variables(expected), "{text}");
        }
    }
}
