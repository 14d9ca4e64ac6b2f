//! Wraps texts between words, so that what does not fit continues below the text rather than below
//! the label.

use unicode_width::UnicodeWidthStr;

use crate::line::{LABEL_WIDTH, Line, Style};

/// The columns that are left free, for the count of equal messages.
const RESERVED: usize = 8;

/// The fewest columns of text. A terminal with fewer wraps by itself.
const MIN_TEXT: usize = 20;

/// Appends texts to a line, each with what separates it from the one before, and returns the lines
/// that a terminal with so many columns needs. `None` is unlimited.
pub(super) fn wrap(
    begin: Line,
    texts: &[(Style, &str, &str)],
    columns: Option<usize>,
) -> Vec<Line> {
    let limit = columns.map(|columns| columns.saturating_sub(RESERVED));
    let limit = limit.filter(|limit| *limit >= LABEL_WIDTH + MIN_TEXT).unwrap_or(usize::MAX);
    let mut width = begin.width();
    let (mut lines, mut line) = (Vec::new(), begin);
    let mut is_empty = true;
    for (style, gap, text) in texts {
        let mut row = String::new();
        for (at, word) in text.split(' ').enumerate() {
            let space = if at == 0 { gap } else { " " };
            let wanted = width.saturating_add(space.width() + word.width());
            if wanted > limit && !is_empty {
                lines.push(line.styled(*style, std::mem::take(&mut row)));
                line = Line::indented(LABEL_WIDTH);
                width = LABEL_WIDTH + word.width();
            } else {
                row.push_str(space);
                width = wanted;
            }
            row.push_str(word);
            is_empty = false;
        }
        line = line.styled(*style, row);
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::wrap;
    use crate::line::{Line, Style};

    fn wrapped(texts: &[&str], columns: Option<usize>) -> String {
        let begin = Line::label(Style::Red, "error").text("a.ts: ");
        let texts: Vec<_> = texts.iter().map(|text| (Style::Plain, "  ", *text)).collect();
        let lines = wrap(begin, &texts, columns);
        let lines: Vec<_> = lines.iter().map(ToString::to_string).collect();
        anstream::adapter::strip_str(&lines.join("\n")).to_string()
    }

    #[test]
    fn texts_continue_below_themselves() {
        let long = "one two three four five six";
        for (texts, columns, expected) in [
            (&[long, "on /"][..], None, "error    a.ts:   one two three four five six  on /"),
            (
                &[long, "on /"],
                Some(40),
                "error    a.ts:   one two three\n         four five six  on /",
            ),
            (
                &["    indented text", "on /a"],
                Some(40),
                "error    a.ts:       indented\n         text  on /a",
            ),
            (&["x".repeat(60).leak()], Some(40), &format!("error    a.ts:   {}", "x".repeat(60))),
            (&[long], Some(20), "error    a.ts:   one two three four five six"),
        ] {
            assert_eq!(wrapped(texts, columns), expected);
        }
    }
}
