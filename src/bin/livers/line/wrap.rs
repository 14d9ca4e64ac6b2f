//! Wraps lines between words, so that what follows is below the text and not below the label.
//!
//! A word that is longer than a row, such as a path or a URL, is left to the terminal, which breaks
//! it without a line feed: it can be copied as one.

use livers::escape;
use unicode_width::UnicodeWidthStr;

use super::{Line, Span};

/// With fewer columns for the text, the rows after the first one are not indented.
const MIN_TEXT: usize = 30;

/// Text between spaces, and the spaces before it. It may have parts of several styles.
#[derive(Default)]
struct Word {
    space: Vec<Span>,
    parts: Vec<Span>,
}

impl Line {
    /// Returns the line in rows of so many columns.
    pub(crate) fn wrapped(&self, columns: usize) -> Vec<Line> {
        if self.width() <= columns {
            return vec![self.clone()];
        }
        let indent = if self.hang + MIN_TEXT <= columns { self.hang } else { 0 };
        let mut rows = vec![Line::default()];
        let mut column = 0;
        for Word { space, parts } in self.words() {
            let (space_width, width) = (width(&space), width(&parts));
            let row_is_empty = rows.len() > 1 && column == indent;
            let fits_below = indent + width <= columns;
            if column + space_width + width > columns && fits_below && !row_is_empty {
                rows.push(Line::indented(indent));
                column = indent;
            } else if !row_is_empty {
                column += space_width;
                push(&mut rows, space);
            }
            column += width;
            if column > columns {
                column %= columns;
            }
            push(&mut rows, parts);
        }
        rows
    }

    /// Splits the line at its spaces.
    fn words(&self) -> Vec<Word> {
        let mut words: Vec<Word> = Vec::new();
        for span in &self.spans {
            for text in escape(&span.text).split_inclusive(' ') {
                let (text, space) = match text.strip_suffix(' ') {
                    Some(text) => (text, true),
                    None => (text, false),
                };
                let part = |text: &str| Span { text: text.to_owned(), ..span.clone() };
                if !text.is_empty() {
                    match words.last_mut() {
                        Some(word) => word.parts.push(part(text)),
                        None => words.push(Word { space: vec![], parts: vec![part(text)] }),
                    }
                }
                if space {
                    match words.last_mut().filter(|word| word.parts.is_empty()) {
                        Some(word) => word.space.push(part(" ")),
                        None => words.push(Word { space: vec![part(" ")], ..Word::default() }),
                    }
                }
            }
        }
        words
    }
}

fn width(spans: &[Span]) -> usize {
    spans.iter().map(|span| span.text.width()).sum()
}

/// Appends spans to the last row. Parts of one span become one again.
fn push(rows: &mut [Line], spans: Vec<Span>) {
    let Some(row) = rows.last_mut() else { return };
    for span in spans {
        let is_part = |last: &&mut Span| {
            (last.style, &last.place, last.varies) == (span.style, &span.place, span.varies)
        };
        match row.spans.last_mut().filter(is_part) {
            Some(last) => last.text += &span.text,
            None => row.spans.push(span),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Line, Style};
    use crate::place::Place;

    fn rows(line: &Line, columns: usize) -> Vec<String> {
        let rows = line.wrapped(columns);
        rows.iter().map(|row| anstream::adapter::strip_str(&row.to_string()).to_string()).collect()
    }

    #[test]
    fn rows_end_between_words_and_are_below_the_text() {
        let label = || Line::label(Style::Red, "error");
        let place = Place { file: "src/a.ts".to_owned(), line: Some(1), column: Some(76) };
        let error = label().place(Style::Plain, place).text(": TypeError: x is not a function");
        let long = "x".repeat(50);
        let table: &[(Line, usize, &[&str])] = &[
            (error.clone(), 80, &["error    src/a.ts:1:76: TypeError: x is not a function"]),
            (
                error.clone(),
                42,
                &["error    src/a.ts:1:76: TypeError: x is", "         not a function"],
            ),
            // Narrow.
            (error, 30, &["error    src/a.ts:1:76:", "TypeError: x is not a function"]),
            // The terminal breaks a long word.
            (
                label().text(format!("{long}  -> 1 tab")),
                40,
                &[&format!("error    {long}  -> 1 tab")],
            ),
            (
                label().text(format!("a {long} b c d e f g h i j k l m")),
                40,
                &[&format!("error    a {long} b c d e f g h i j"), "         k l m"],
            ),
            (
                label().text("a ".repeat(16)).text("日本 b"),
                40,
                &["error    a a a a a a a a a a a a a a a a", "         日本 b"],
            ),
        ];
        for (line, columns, wanted) in table {
            assert_eq!(rows(line, *columns), *wanted, "{columns}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_lost(texts in prop::collection::vec("[a-c日\u{1b} ]{0,40}", 0..6), columns in 20..90_usize) {
            let line = texts.iter().fold(Line::label(Style::Dim, "label"), |line, text| line.styled(Style::Dim, text));
            let whole = line.to_string();
            let dense = |text: &str| anstream::adapter::strip_str(text).to_string().replace(' ', "");
            let rows = line.wrapped(columns);
            let all: String = rows.iter().map(Line::to_string).collect();
            prop_assert_eq!(dense(&all), dense(&whole));
        }
    }
}
