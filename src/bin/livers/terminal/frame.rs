//! Fits a code frame to the columns of a terminal.
//!
//! The rows of a frame are `> 12 | text`, and below the marked one a row with `^` under the text.
//! Where they are too long, these two show the same window of columns, which has the marks in it.
//! The rows around them show their beginning.

use unicode_width::UnicodeWidthChar;

/// The width of a tab. Replaced by spaces, since tab stops count from the edge of the terminal.
const TAB: usize = 4;

/// The columns that are kept after the marks.
const AFTER_MARKS: usize = 8;

const BAR: &str = " |";

/// Returns the rows of a frame with at most so many columns each. `None` is unlimited.
pub(super) fn fit(frame: &str, columns: Option<usize>) -> Vec<String> {
    let rows: Vec<Row<'_>> = frame.lines().map(Row::parse).collect();
    let gutter = rows.iter().map(|row| row.gutter.len() + 1).max().unwrap_or_default();
    let columns = columns.map_or(usize::MAX, |columns| columns.saturating_sub(gutter).max(1));
    let Some((at, marks)) = rows.iter().enumerate().find_map(|(at, row)| Some((at, row.marks()?)))
    else {
        return rows.iter().map(|row| row.window(0, columns)).collect();
    };
    let marked = at.saturating_sub(1);
    let start = window_start(marks, rows[marked].cells.len(), columns);
    let start_of = |row: usize| if (marked..=at).contains(&row) { start } else { 0 };
    rows.iter().enumerate().map(|(at, row)| row.window(start_of(at), columns)).collect()
}

/// Returns the first column of a window on a text of so many columns that has the marks in it, and
/// as much before them as fits.
fn window_start((first, last): (usize, usize), length: usize, columns: usize) -> usize {
    if length.max(last + 1) <= columns {
        return 0;
    }
    let end = (last + 1 + AFTER_MARKS).min(length.max(last + 1));
    // With the ellipsis before the first mark.
    end.saturating_sub(columns).min(first.saturating_sub(1))
}

/// A row of a frame.
struct Row<'f> {
    /// The pointer and the number of the line, with the bar.
    gutter: &'f str,
    /// The text by columns: a wide character is followed by an empty cell.
    cells: Vec<Cell>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Cell(String);

impl<'f> Row<'f> {
    fn parse(row: &'f str) -> Self {
        let (gutter, text) = match row.find(BAR) {
            Some(at) => row.split_at(at + BAR.len()),
            None => ("", row),
        };
        let mut cells: Vec<Cell> = Vec::new();
        for char in text.strip_prefix(' ').unwrap_or(text).chars() {
            match (char, char.width()) {
                ('\t', _) => cells.extend(vec![Cell(" ".to_owned()); TAB]),
                // A combining mark belongs to the character before.
                (_, Some(0)) if !cells.is_empty() => {
                    let base = cells.iter_mut().rev().find(|cell| !cell.0.is_empty());
                    if let Some(cell) = base {
                        cell.0.push(char);
                    }
                }
                (_, width) => {
                    cells.push(Cell(char.to_string()));
                    cells.extend((1..width.unwrap_or(1)).map(|_| Cell(String::new())));
                }
            }
        }
        Self { gutter, cells }
    }

    /// Returns the first and the last column with a mark, if this is the row of the marks.
    fn marks(&self) -> Option<(usize, usize)> {
        let is_number = self.gutter.chars().any(|char| char.is_ascii_digit());
        let is_mark = |cell: &Cell| cell.0 == "^";
        let only_marks = self.cells.iter().all(|cell| is_mark(cell) || cell.0 == " ");
        let first = self.cells.iter().position(is_mark)?;
        (!is_number && only_marks).then(|| (first, self.cells.len() - 1))
    }

    /// Returns the row with the text of so many columns, and an ellipsis where text is left out.
    fn window(&self, start: usize, columns: usize) -> String {
        let end = start.saturating_add(columns).min(self.cells.len());
        // A mark at the edge stays; that there are more of them does not matter.
        let has_text = self.marks().is_none();
        let is_ellipsis = |at: usize| {
            has_text && ((at == start && start > 0) || (at + 1 == end && end < self.cells.len()))
        };
        let is_half = |at: usize| self.cells.get(at).is_some_and(|cell| cell.0.is_empty());
        let text: String = (start..end)
            .map(|at| match &*self.cells[at].0 {
                _ if is_ellipsis(at) => "…",
                // Half of a wide character.
                "" if at == start || is_ellipsis(at - 1) => " ",
                _ if is_half(at + 1) && (at + 1 == end || is_ellipsis(at + 1)) => " ",
                text => text,
            })
            .collect();
        let space = if self.gutter.is_empty() { "" } else { " " };
        format!("{}{space}{text}", self.gutter).trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_width::UnicodeWidthStr;

    use super::fit;

    fn frame(text: &str, before: usize, marks: usize) -> String {
        let padding: String =
            text.chars()
                .take(before)
                .map(|char| {
                    if char == '\t' {
                        "\t".to_owned()
                    } else {
                        " ".repeat(char.to_string().width())
                    }
                })
                .collect();
        format!("  9 | above\n> 10 | {text}\n     | {padding}{}\n  11 | below\n", "^".repeat(marks))
    }

    #[test]
    fn a_frame_that_fits_is_kept() {
        let rows = ["  9 | above", "> 10 | let a = 1", "     |     ^", "  11 | below"];
        assert_eq!(fit(&frame("let a = 1", 4, 1), None), rows);
        assert_eq!(fit(&frame("let a = 1", 4, 1), Some(16)), rows);
        let rows = fit(&frame("\t\ta", 2, 1), Some(80));
        assert_eq!(rows[1..3], ["> 10 |         a", "     |         ^"]);
        assert_eq!(fit("", Some(10)), Vec::<String>::new());
        // The rows around the marked one show their beginning.
        let rows = fit(&frame(&"x".repeat(50), 40, 1), Some(20));
        assert_eq!(rows[0], "  9 | above");
        assert_eq!(rows[1..3], ["> 10 | …xxxxxxxxxxx…", "     |     ^"]);
        assert_eq!(fit("no frame at all", Some(200)), ["no frame at all"]);
    }

    /// In each width, the first mark is below the character that it marks.
    #[test]
    fn the_marks_are_in_view_and_below_their_text() {
        let long = "x".repeat(90);
        let wide = "日本語".repeat(12);
        let texts = [
            format!("{long}@{long}"),
            format!("@{long}{long}"),
            format!("{long}@"),
            format!("\t\t\t{long}@x"),
            format!("{wide}@{wide}"),
            format!("x{wide}@{wide}"),
            format!("{}@{long}", "e\u{301}".repeat(60)),
            "@".to_owned(),
        ];
        for text in &texts {
            let at = text.chars().position(|char| char == '@').unwrap();
            for marks in [1, 5, 90] {
                for columns in [12, 20, 31, 40, 80, 120, 250] {
                    let rows = fit(&frame(text, at, marks), Some(columns));
                    let shown = format!("{columns} {marks}: {rows:#?}");
                    assert!(rows.iter().all(|row| row.width() <= columns), "{shown}");
                    let mark = rows[2].find('^').expect(&shown);
                    let column = rows[2][..mark].width();
                    let below = |at: &str| rows[1][..rows[1].find(at).expect(&shown)].width();
                    assert_eq!(below("@"), column, "{shown}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_is_fitted(frame in "(?s)(> [0-9]{1,3} [|] .{0,90}\n {4}[|] [ \t]{0,99}\\^{0,9}\n)?.{0,200}", columns in 1..130_usize) {
            let gutter = frame.lines().filter_map(|row| row.find(" |")).max().map_or(0, |at| at + 3);
            for row in fit(&frame, Some(columns)) {
                let shown: String = row.chars().filter(|char| !char.is_control()).collect();
                prop_assert!(shown.width() <= columns.max(gutter + 1), "{row:?}");
            }
        }
    }
}
