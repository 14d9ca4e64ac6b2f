//! Text edits of a source by the spans of its syntax tree. Everything else stays as it is, so that
//! line numbers and formatting are kept.

use oxc::span::Span;

/// A list of replacements: start, end, text. Offsets are in bytes.
#[derive(Default)]
pub(super) struct Edits(Vec<(u32, u32, String)>);

impl Edits {
    /// Replaces a span with a text.
    pub(super) fn replace(&mut self, span: Span, text: impl Into<String>) {
        self.0.push((span.start, span.end, text.into()));
    }

    /// Inserts a text at an offset.
    pub(super) fn insert(&mut self, at: u32, text: impl Into<String>) {
        self.0.push((at, at, text.into()));
    }

    /// Replaces a span with a text, and keeps the number of lines.
    pub(super) fn blank(&mut self, source: &str, span: Span, text: &str) {
        let lines = span.source_text(source).matches('\n').count();
        self.replace(span, format!("{text}{}", "\n".repeat(lines)));
    }

    /// Applies the edits to the source. Ignores an edit that begins within a replaced span.
    pub(super) fn apply(self, source: &str) -> String {
        self.write(source, |_, _| {})
    }

    /// Applies edits that keep the number of lines. Also returns how they move what is to the right
    /// of them, in the order of the source.
    pub(super) fn apply_with_shifts(self, source: &str) -> (String, Vec<Shift>) {
        let mut shifts = Vec::with_capacity(self.0.len());
        let (mut before, mut after) = (Position::default(), Position::default());
        let out = self.write(source, |end, out| {
            before.advance(source, end);
            after.advance(out, out.len());
            let by = i64::from(after.column) - i64::from(before.column);
            let by = i32::try_from(by).unwrap_or_default();
            shifts.push(Shift { line: before.line, column: before.column, by });
        });
        (out, shifts)
    }

    /// Applies the edits. Calls `at` after each with the end of its span, and what is written.
    fn write(mut self, source: &str, mut at: impl FnMut(usize, &str)) -> String {
        self.0.sort_by_key(|(start, end, _)| (*start, *end));
        let added: usize = self.0.iter().map(|(_, _, text)| text.len()).sum();
        let mut out = String::with_capacity(source.len() + added);
        let mut copied = 0;
        for (start, end, text) in self.0 {
            let (start, end) = (start as usize, end as usize);
            let Some(before) = source.get(copied..start) else { continue };
            out.push_str(before);
            out.push_str(&text);
            copied = end;
            at(end, &out);
        }
        out.push_str(source.get(copied..).unwrap_or_default());
        out
    }
}

/// A place in a source from which on the rest of the line has moved. Columns are in UTF-16 code
/// units, like those of source maps.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shift {
    line: u32,
    column: u32,
    by: i32,
}

/// Returns where a column of a line is after the edits.
pub(super) fn shifted(shifts: &[Shift], line: u32, column: u32) -> u32 {
    let after = shifts.partition_point(|shift| (shift.line, shift.column) <= (line, column));
    match shifts[..after].last() {
        Some(shift) if shift.line == line => column.saturating_add_signed(shift.by),
        _ => column,
    }
}

/// Returns where a position after the edits was before them: the opposite of [`shifted`]. In an
/// inserted text it is the end of what the text has replaced.
pub(super) fn unshifted(shifts: &[Shift], (line, column): (u32, u32)) -> (u32, u32) {
    let after = |shift: &Shift| (shift.line, shift.column.saturating_add_signed(shift.by));
    let next = shifts.partition_point(|shift| after(shift) <= (line, column));
    let by = match shifts[..next].last() {
        Some(shift) if shift.line == line => shift.by,
        _ => 0,
    };
    let column = column.saturating_add_signed(by.saturating_neg());
    let end = shifts.get(next).filter(|shift| shift.line == line);
    (line, end.map_or(column, |end| column.min(end.column.saturating_sub(1))))
}

/// A position in a text that is read from its start.
#[derive(Default)]
struct Position {
    offset: usize,
    line: u32,
    column: u32,
}

impl Position {
    fn advance(&mut self, text: &str, to: usize) {
        for character in text.get(self.offset..to).unwrap_or_default().chars() {
            if character == '\n' {
                (self.line, self.column) = (self.line + 1, 0);
            } else {
                self.column += if character > '\u{ffff}' { 2 } else { 1 };
            }
        }
        self.offset = to;
    }
}

#[cfg(test)]
mod tests {
    use oxc::span::Span;

    use super::{Edits, shifted, unshifted};

    #[test]
    fn edits_are_applied_in_source_order() {
        let source = "import a from 'a'\nfoo(a)";
        let mut edits = Edits::default();
        edits.replace(Span::new(22, 23), "b.a");
        edits.blank(source, Span::new(0, 18), ";");
        edits.insert(24, "!");
        edits.replace(Span::new(7, 8), "ignored");
        assert_eq!(edits.apply(source), ";\nfoo(b.a)!");
    }

    #[test]
    fn shifts_are_those_of_the_rest_of_each_line() {
        let source = "import {\n a } from 'a';\n'\u{1f600}' + a(a) + b\nc";
        let mut edits = Edits::default();
        edits.blank(source, Span::new(0, 22), "");
        let at = |text: &str| u32::try_from(source.find(text).expect(text)).expect("short");
        edits.replace(Span::new(at("a(a)"), at("(a)")), "(0,x.a)");
        edits.insert(at(") + b"), "!");
        let (out, shifts) = edits.apply_with_shifts(source);
        assert_eq!(out, "\n;\n'\u{1f600}' + (0,x.a)(a!) + b\nc");
        for ((line, column), expected) in [
            ((1, 13), 0), // ;
            ((2, 0), 0),
            ((2, 7), 7),   // a
            ((2, 8), 14),  // (
            ((2, 10), 17), // )
            ((2, 14), 21), // b
            ((3, 0), 0),
        ] {
            assert_eq!(shifted(&shifts, line, column), expected, "{line}:{column}");
            assert_eq!(unshifted(&shifts, (line, expected)), (line, column), "{line}:{column}");
        }
        // Within the inserted text: `(0,x.a)` is where `a` was.
        for column in 7..14 {
            assert_eq!(unshifted(&shifts, (2, column)).1, 7, "{column}");
        }
    }
}
