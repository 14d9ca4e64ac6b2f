//! Wraps texts between words, so that what does not fit continues below the text rather than below
//! the label.

use unicode_width::UnicodeWidthStr;

use crate::line::{LABEL_WIDTH, Line, Style};

/// The columns that are left free, for the count of equal messages.
const RESERVED: usize = 8;

/// The fewest columns of text. A terminal with fewer wraps by itself.
const MIN_TEXT: usize = 20;

/// Appends a text to a line, and then an end that is not broken, with a space of two columns before.
/// Returns the lines that a terminal with so many columns needs. `None` is unlimited.
pub(super) fn wrap(
    begin: Line,
    (style, text): (Style, &str),
    end: Option<(Style, &str)>,
    columns: Option<usize>,
) -> Vec<Line> {
    let limit = columns.map(|columns| columns.saturating_sub(RESERVED));
    let limit = limit.filter(|limit| *limit >= LABEL_WIDTH + MIN_TEXT).unwrap_or(usize::MAX);
    let mut width = begin.width();
    let (mut lines, mut line, mut row) = (Vec::new(), begin, String::new());
    for (at, word) in text.split(' ').enumerate() {
        let space = if at == 0 { "" } else { " " };
        width += space.len() + word.width();
        if width > limit && at > 0 {
            lines.push(line.styled(style, std::mem::take(&mut row)));
            line = Line::indented(LABEL_WIDTH);
            width = LABEL_WIDTH + word.width();
        } else {
            row.push_str(space);
        }
        row.push_str(word);
    }
    line = line.styled(style, row);
    if let Some((style, end)) = end {
        if width + 2 + end.width() > limit {
            lines.push(line);
            line = Line::indented(LABEL_WIDTH).styled(style, end);
        } else {
            line = line.styled(style, format!("  {end}"));
        }
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::wrap;
    use crate::line::{Line, Style};

    fn wrapped(text: &str, end: Option<&str>, columns: Option<usize>) -> String {
        let begin = Line::label(Style::Red, "error").text("a.ts: ");
        let end = end.map(|end| (Style::Dim, end));
        let lines = wrap(begin, (Style::Plain, text), end, columns);
        let lines: Vec<_> = lines.iter().map(ToString::to_string).collect();
        anstream::adapter::strip_str(&lines.join("\n")).to_string()
    }

    #[test]
    fn texts_continue_below_themselves() {
        let long = "one two three four five six";
        let word = "x".repeat(60);
        for (text, end, columns, expected) in [
            (long, Some("on /"), None, "error    a.ts: one two three four five six  on /"),
            (
                long,
                Some("on /"),
                Some(40),
                "error    a.ts: one two three\n         four five six  on /",
            ),
            ("one two", Some("on /a b"), Some(40), "error    a.ts: one two  on /a b"),
            (
                "one two three",
                Some("on /a b"),
                Some(40),
                "error    a.ts: one two three\n         on /a b",
            ),
            ("    indented texts", None, Some(40), "error    a.ts:     indented\n         texts"),
            (&word, None, Some(40), &format!("error    a.ts: {word}")),
            (long, None, Some(20), "error    a.ts: one two three four five six"),
        ] {
            assert_eq!(wrapped(text, end, columns), expected);
        }
    }
}
