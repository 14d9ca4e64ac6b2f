//! What is wrong with a source, and how to mend it.
//!
//! A fault names the place as editors do and shows the lines around it, so that it can be read in
//! the page and in the terminal alike. The mark stands below the right character also after tabs and
//! wide characters; what could act on a terminal is not shown as it is.

use std::path::{Path, PathBuf};

/// How many lines are shown before the place, and after it.
const AROUND: usize = 2;

/// How many characters of a line are shown.
const WIDTH: usize = 100;

/// How much of a cut line is shown before the place.
const BEFORE: usize = 60;

/// A source that cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The file.
    pub(crate) file: PathBuf,
    /// The place, counted from 1, in characters; nothing where it is the whole file.
    pub(crate) place: Option<(u32, u32)>,
    /// What is wrong.
    pub(crate) message: String,
    /// The lines around the place, numbered, with a mark below it.
    pub(crate) frame: String,
    /// What to do about it.
    pub(crate) help: Option<String>,
}

impl Fault {
    /// A fault of a whole file.
    pub(crate) fn of_file(file: &Path, message: String) -> Self {
        Self { file: file.to_owned(), place: None, message, frame: String::new(), help: None }
    }

    /// A fault of a part of a file: of the bytes from one to another.
    pub(crate) fn at(file: &Path, source: &str, start: usize, end: usize, message: String) -> Self {
        let (place, frame) = frame(source, start, end);
        Self { file: file.to_owned(), place: Some(place), message, frame, help: None }
    }

    /// A fault at a place that is counted from 1, in bytes.
    pub(crate) fn at_place(
        file: &Path,
        source: &str,
        line: usize,
        column: usize,
        message: String,
    ) -> Self {
        let above = source.split_inclusive('\n').take(line.saturating_sub(1));
        let at = above.map(str::len).sum::<usize>() + column.saturating_sub(1);
        Self::at(file, source, at, at, message)
    }

    /// The same fault, with what to do about it.
    pub(crate) fn with_help(mut self, help: Option<String>) -> Self {
        self.help = help;
        self
    }
}

/// The place of a part of a source, and the lines around it.
fn frame(source: &str, start: usize, end: usize) -> ((u32, u32), String) {
    let start = floor(source, start);
    let end = floor(source, end).max(start);
    let line_start = source[..start].rfind('\n').map_or(0, |at| at + 1);
    let line = source[..line_start].bytes().filter(|byte| *byte == b'\n').count();
    let column = source[line_start..start].chars().count();
    let marked = source[start..end].split('\n').next().unwrap_or_default().chars().count();

    let first = line.saturating_sub(AROUND);
    let digits = (line + AROUND + 1).to_string().len();
    let mut frame = String::new();
    for (at, text) in source.split('\n').enumerate().skip(first).take(line - first + AROUND + 1) {
        let text = text.strip_suffix('\r').unwrap_or(text);
        let here = at == line;
        let (shown, cut) = cut(text, if here { column } else { 0 });
        let sign = if here { '>' } else { ' ' };
        let row = format!("{sign} {:>digits$} | {shown}", at + 1);
        frame.push_str(row.trim_end());
        frame.push('\n');
        if here {
            // What stands before the mark is as wide as what stands above it.
            let lead = if cut > 0 { " " } else { "" };
            let blank: String = text.chars().skip(cut).take(column - cut).map(blank).collect();
            let marks = "^".repeat(marked.clamp(1, WIDTH));
            let row = format!("  {:digits$} | {lead}{blank}{marks}", "");
            frame.push_str(&row);
            frame.push('\n');
        }
    }
    let number = |count: usize| u32::try_from(count + 1).unwrap_or(u32::MAX);
    ((number(line), number(column)), frame)
}

/// The part of a line that is shown so that a column can be seen, and how many characters were left
/// out before it.
fn cut(line: &str, column: usize) -> (String, usize) {
    let skipped =
        if column > BEFORE && line.chars().nth(WIDTH).is_some() { column - BEFORE } else { 0 };
    let mut shown = String::new();
    if skipped > 0 {
        shown.push('…');
    }
    let mut rest = line.chars().skip(skipped);
    shown.extend(rest.by_ref().take(WIDTH).map(harmless));
    if rest.next().is_some() {
        shown.push('…');
    }
    (shown, skipped)
}

/// A character as it may be shown: none that moves the cursor or turns the writing round.
fn harmless(char: char) -> char {
    match char {
        '\t' => '\t',
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        char if char.is_control() => '\u{fffd}',
        char => char,
    }
}

/// A blank as wide as a character.
fn blank(char: char) -> &'static str {
    match u32::from(char) {
        0x09 => "\t",
        // Combining marks, joiners, selectors.
        0x300..=0x36f | 0x200b..=0x200d | 0x20d0..=0x20ff | 0xfe00..=0xfe0f | 0x1f3fb..=0x1f3ff => {
            ""
        }
        // East Asian wide ones and emoji (Unicode, UAX #11).
        0x1100..=0x115f
        | 0x2e80..=0x303e
        | 0x3041..=0x33ff
        | 0x3400..=0x4dbf
        | 0x4e00..=0x9fff
        | 0xa000..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1f64f
        | 0x1f680..=0x1f6ff
        | 0x1f900..=0x1f9ff
        | 0x1fa70..=0x1faff
        | 0x20000..=0x3fffd => "  ",
        _ => " ",
    }
}

/// The last boundary of a character at or before an offset.
fn floor(source: &str, at: usize) -> usize {
    let at = at.min(source.len());
    (0..=at).rev().find(|at| source.is_char_boundary(*at)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::frame;

    /// The frame of a source whose marked part stands between two `|`.
    fn framed(source: &str) -> ((u32, u32), String) {
        let start = source.find('|').unwrap();
        let end = source.rfind('|').unwrap() - 1;
        frame(&source.replace('|', ""), start, end)
    }

    #[test]
    fn the_mark_stands_below_the_place() {
        let table = [
            ("|a|", (1, 1), "> 1 | a\n    | ^\n"),
            ("||", (1, 1), "> 1 |\n    | ^\n"),
            (
                "1\n2\n3\nlet |x =|\n5\r\n6\n7",
                (4, 5),
                "  2 | 2\n  3 | 3\n> 4 | let x =\n    |     ^^^\n  5 | 5\n  6 | 6\n",
            ),
            ("\ta|b|", (1, 3), "> 1 | \tab\n    | \t ^\n"),
            ("'日本'|+|", (1, 5), "> 1 | '日本'+\n    |       ^\n"),
            ("'e\u{301}'|+|", (1, 5), "> 1 | 'e\u{301}'+\n    |    ^\n"),
            ("'\u{1b}[2J'|+|", (1, 7), "> 1 | '\u{fffd}[2J'+\n    |       ^\n"),
            ("|a\nb|", (1, 1), "> 1 | a\n    | ^\n  2 | b\n"),
        ];
        for (source, place, wanted) in table {
            assert_eq!(framed(source), (place, wanted.to_owned()), "{source}");
        }
    }

    #[test]
    fn a_very_long_line_is_cut_around_the_place() {
        let source = format!("{}|here|{}", "a".repeat(5000), "b".repeat(5000));
        let (place, frame) = framed(&source);
        assert_eq!(place, (1, 5001));
        let lines: Vec<_> = frame.lines().collect();
        assert!(lines[0].chars().count() < 120, "{frame}");
        let at = lines[1].chars().position(|char| char == '^').unwrap();
        let shown: String = lines[0].chars().skip(at).take(4).collect();
        assert_eq!(shown, "here");
        assert!(lines[1].ends_with(" ^^^^"));
    }

    proptest! {
        #[test]
        fn any_part_of_any_source_has_a_frame(source in "(?s).{0,300}", start: u16, end: u16) {
            let (place, text) = frame(&source, start.into(), end.into());
            prop_assert!(place.0 > 0 && place.1 > 0 && text.contains('^'));
        }
    }
}
