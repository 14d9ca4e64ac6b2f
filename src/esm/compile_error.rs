//! Compile errors, with a code frame.
//!
//! An error names its position as editors do, and shows the lines around it, for the overlay in the
//! page and for the terminal. The frame accounts for tabs, wide and combining characters, and
//! replaces control characters, which could act on a terminal.

use std::path::{Component, Path, PathBuf};

use crate::escape::is_visible;

/// Number of lines that the frame shows before the position, and after it.
const CONTEXT_LINES: usize = 2;

/// Number of characters of a line that the frame shows.
const MAX_WIDTH: usize = 100;

/// Number of characters that a truncated line shows before the position.
const BEFORE_COLUMN: usize = 60;

/// An error in a source file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CompileError {
    /// The file on the disk.
    pub(crate) file: PathBuf,
    /// Line and column, counted from 1, in characters. `None` if the error concerns the whole file.
    pub(crate) position: Option<(u32, u32)>,
    /// A sentence that says what is wrong.
    pub(crate) message: String,
    /// The lines around the position, numbered, with markers below it.
    pub(crate) frame: Box<str>,
    /// How to fix it, if that is known.
    pub(crate) help: Option<String>,
    /// Other files of the project that a change may fix it in.
    pub(crate) related: Box<[PathBuf]>,
}

impl CompileError {
    /// Creates an error that concerns a whole file.
    pub(crate) fn of_file(file: &Path, message: String) -> Self {
        let (file, related) = (file.to_owned(), Box::default());
        Self { file, position: None, message, frame: Box::default(), help: None, related }
    }

    /// Creates an error for a byte range of a file.
    pub(crate) fn at(file: &Path, source: &str, start: usize, end: usize, message: String) -> Self {
        let (position, frame) = frame(source, start, end);
        let (file, position, related) = (file.to_owned(), Some(position), Box::default());
        Self { file, position, message, frame: frame.into(), help: None, related }
    }

    /// Creates an error at a line and column, counted from 1, in characters.
    pub(crate) fn at_characters(
        file: &Path,
        source: &str,
        line: u32,
        column: u32,
        message: String,
    ) -> Self {
        let at = offset(source, line, column);
        Self::at(file, source, at, at, message)
    }

    /// Creates an error at a line and column, counted from 1, in bytes.
    pub(crate) fn at_position(
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

    /// Adds files that a change may fix it in.
    pub(crate) fn related_to(mut self, files: &[PathBuf]) -> Self {
        self.related = self.related.iter().chain(files).cloned().collect();
        self
    }

    /// Adds how to fix it.
    pub(crate) fn with_help(mut self, help: Option<String>) -> Self {
        self.help = help;
        self
    }
}

/// Returns the frame around a line and column, counted from 1, in characters.
pub(crate) fn frame_at(source: &str, line: u32, column: u32) -> String {
    let at = offset(source, line, column);
    frame(source, at, at).1
}

/// Returns the byte offset of a line and column, counted from 1, in characters.
fn offset(source: &str, line: u32, column: u32) -> usize {
    let above = (line as usize).saturating_sub(1);
    let start: usize = source.split_inclusive('\n').take(above).map(str::len).sum();
    let before = source[start..].chars().take((column as usize).saturating_sub(1));
    start + before.take_while(|char| *char != '\n').map(char::len_utf8).sum::<usize>()
}

/// Returns the number of characters before a column in UTF-16 code units, counted from 0, of a
/// line, counted from 0.
pub(crate) fn characters_before(source: &str, line: u32, column: u32) -> u32 {
    let text = source.split('\n').nth(line as usize).unwrap_or_default();
    let mut units = 0;
    let before = text.chars().take_while(|char| {
        units += char.len_utf16();
        units <= column as usize
    });
    u32::try_from(before.count()).unwrap_or(u32::MAX)
}

/// Returns the relative path of a file in a folder.
pub(crate) fn relative(folder: &Path, file: &Path) -> String {
    let is_common = |(one, other): &(Component<'_>, Component<'_>)| one == other;
    let common = folder.components().zip(file.components()).take_while(is_common).count();
    if file.is_relative() || common == 0 {
        return file.to_string_lossy().into_owned();
    }
    let up = folder.components().skip(common).map(|_| Component::ParentDir);
    let path: PathBuf = up.chain(file.components().skip(common)).collect();
    path.to_string_lossy().into_owned()
}

/// Returns the position of a byte range, and the frame around it.
fn frame(source: &str, start: usize, end: usize) -> ((u32, u32), String) {
    let start = source.floor_char_boundary(start);
    let end = source.floor_char_boundary(end).max(start);
    let line_start = source[..start].rfind('\n').map_or(0, |at| at + 1);
    let line = source[..line_start].bytes().filter(|byte| *byte == b'\n').count();
    let column = source[line_start..start].chars().count();
    let marked = source[start..end].split('\n').next().unwrap_or_default().chars().count();

    let first = line.saturating_sub(CONTEXT_LINES);
    let digits = (line + CONTEXT_LINES + 1).to_string().len();
    let mut frame = String::new();
    for (at, text) in
        source.split('\n').enumerate().skip(first).take(line - first + CONTEXT_LINES + 1)
    {
        let text = text.strip_suffix('\r').unwrap_or(text);
        let is_marked = at == line;
        let (shown, skipped) = truncate(text, if is_marked { column } else { 0 });
        let pointer = if is_marked { '>' } else { ' ' };
        let row = format!("{pointer} {:>digits$} | {shown}", at + 1);
        frame.push_str(row.trim_end());
        frame.push('\n');
        if is_marked {
            // The padding is as wide as the text above it.
            let ellipsis = if skipped > 0 { " " } else { "" };
            let before = text.chars().skip(skipped).take(column - skipped);
            let padding: String = before.map(printable).map(padding).collect();
            let marks = "^".repeat(marked.clamp(1, MAX_WIDTH));
            let row = format!("  {:digits$} | {ellipsis}{padding}{marks}", "");
            frame.push_str(&row);
            frame.push('\n');
        }
    }
    let number = |count: usize| u32::try_from(count + 1).unwrap_or(u32::MAX);
    ((number(line), number(column)), frame)
}

/// Truncates a line around a column. Returns the text, and the number of characters left out before
/// it.
fn truncate(line: &str, column: usize) -> (String, usize) {
    let skipped = if column > BEFORE_COLUMN && line.chars().nth(MAX_WIDTH).is_some() {
        column - BEFORE_COLUMN
    } else {
        0
    };
    let mut shown = String::new();
    if skipped > 0 {
        shown.push('…');
    }
    let mut rest = line.chars().skip(skipped);
    shown.extend(rest.by_ref().take(MAX_WIDTH).map(printable));
    if rest.next().is_some() {
        shown.push('…');
    }
    (shown, skipped)
}

/// Replaces a character that would move the cursor, change the text direction or be invisible. Not
/// by an escape, because the marker is placed below.
fn printable(char: char) -> char {
    match char {
        '\t' => '\t',
        char if is_visible(char) => char,
        _ => '\u{fffd}',
    }
}

/// Returns blanks as wide as a character.
fn padding(char: char) -> &'static str {
    match u32::from(char) {
        0x09 => "\t",
        // Combining marks, joiners, variation selectors, emoji modifiers.
        0x300..=0x36f | 0x200b..=0x200d | 0x20d0..=0x20ff | 0xfe00..=0xfe0f | 0x1f3fb..=0x1f3ff => {
            ""
        }
        // East Asian wide characters and emoji (Unicode Standard Annex #11).
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use std::path::Path;

    use super::{characters_before, frame, frame_at, relative};

    #[test]
    fn paths_are_relative_to_the_folder() {
        for (file, expected) in [
            ("/p/web/a/b.ts", "a/b.ts"),
            ("/p/tsconfig.json", "../tsconfig.json"),
            ("/etc/hosts", "../../etc/hosts"),
            ("pkg@1/a.js", "pkg@1/a.js"),
        ] {
            assert_eq!(relative(Path::new("/p/web"), Path::new(file)).replace('\\', "/"), expected);
        }
    }

    #[test]
    fn columns_of_browsers_are_converted_to_characters() {
        let source = "a\n'\u{1f600}\u{e9}' + x\n";
        for (line, column, expected) in [
            (0, 0, 0),
            (1, 0, 0),
            (1, 1, 1),
            (1, 3, 2),
            (1, 4, 3),
            (1, 8, 7),
            (1, 99, 8),
            (9, 9, 0),
        ] {
            assert_eq!(characters_before(source, line, column), expected, "{line}:{column}");
        }
        let expected = "  1 | a\n> 2 | '\u{1f600}\u{e9}' + x\n    |         ^\n  3 |\n";
        assert_eq!(frame_at(source, 2, 8), expected);
        assert!(frame_at(source, 2, 99).contains("        ^\n"));
        assert!(frame_at(source, 99, 1).contains('^'));
    }

    /// Returns the frame of a source for the range between two `|`.
    fn framed(source: &str) -> ((u32, u32), String) {
        let start = source.find('|').unwrap();
        let end = source.rfind('|').unwrap() - 1;
        frame(&source.replace('|', ""), start, end)
    }

    #[test]
    fn markers_are_below_the_range() {
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
            ("'\u{200b}\u{202e}'|+|", (1, 5), "> 1 | '\u{fffd}\u{fffd}'+\n    |     ^\n"),
            ("|a\nb|", (1, 1), "> 1 | a\n    | ^\n  2 | b\n"),
        ];
        for (source, position, expected) in table {
            assert_eq!(framed(source), (position, expected.to_owned()), "{source}");
        }
    }

    #[test]
    fn a_long_line_is_truncated_around_the_position() {
        let source = format!("{}|here|{}", "a".repeat(5000), "b".repeat(5000));
        let (position, frame) = framed(&source);
        assert_eq!(position, (1, 5001));
        let lines: Vec<_> = frame.lines().collect();
        assert!(lines[0].chars().count() < 120, "{frame}");
        let at = lines[1].chars().position(|char| char == '^').unwrap();
        let shown: String = lines[0].chars().skip(at).take(4).collect();
        assert_eq!(shown, "here");
        assert!(lines[1].ends_with(" ^^^^"));
    }

    proptest! {
        #[test]
        fn every_range_of_every_source_has_a_frame(source in "(?s).{0,300}", start: u16, end: u16) {
            let (position, text) = frame(&source, start.into(), end.into());
            prop_assert!(position.0 > 0 && position.1 > 0 && text.contains('^'));
        }
    }
}
