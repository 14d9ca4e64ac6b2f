//! Styled lines. Their text is escaped where they are written, so no caller can forget it.

mod wrap;

use std::fmt;

use livers::escape;
use unicode_width::UnicodeWidthStr;

use crate::{links::Links, place::Place};

/// The width of the column with the labels.
pub(crate) const LABEL_WIDTH: usize = 9;

/// How a part of a line is displayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    Title,
    Dim,
    Red,
    Green,
    Yellow,
    Cyan,
}

impl Style {
    /// Returns the escape sequence that turns the style on (ECMA-48, section 8.3.117).
    fn sequence(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Title => "\x1b[1;32m",
            Self::Dim => "\x1b[2m",
            Self::Red => "\x1b[31m",
            Self::Green => "\x1b[32m",
            Self::Yellow => "\x1b[33m",
            Self::Cyan => "\x1b[36m",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Span {
    style: Style,
    text: String,
    /// What the text is a link to, where the terminal has links.
    place: Option<Place>,
    /// Whether two lines that differ only here count as equal, such as in a time.
    varies: bool,
}

/// A line of styled text. Its `Display` has escape sequences for the styles, and the text
/// [escaped](escape).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Line {
    spans: Vec<Span>,
    /// The column of the text after the label, below which further rows begin.
    hang: usize,
}

impl Line {
    /// Returns a line that begins with a label, padded to the width of its column.
    pub(crate) fn label(style: Style, label: &str) -> Self {
        Self::default()
            .styled(style, label)
            .text(" ".repeat(LABEL_WIDTH.saturating_sub(label.len())))
            .hanging()
    }

    /// Returns a line that begins with so many spaces.
    pub(crate) fn indented(columns: usize) -> Self {
        Self::default().text(" ".repeat(columns)).hanging()
    }

    /// Begins further rows of this line below what is appended from now on.
    pub(crate) fn hanging(mut self) -> Self {
        self.hang = self.width();
        self
    }

    /// Appends text.
    pub(crate) fn text(self, text: impl Into<String>) -> Self {
        self.styled(Style::Plain, text)
    }

    /// Appends styled text.
    pub(crate) fn styled(self, style: Style, text: impl Into<String>) -> Self {
        self.push(style, text.into(), false)
    }

    /// Appends styled text that does not count when lines are compared.
    pub(crate) fn varying(self, style: Style, text: impl Into<String>) -> Self {
        self.push(style, text.into(), true)
    }

    /// Appends a place, as a link where the terminal has links.
    pub(crate) fn place(mut self, style: Style, place: Place) -> Self {
        self.spans.push(Span { style, text: place.to_string(), place: Some(place), varies: false });
        self
    }

    /// Returns the line after another one.
    pub(crate) fn after(mut self, mut before: Self) -> Self {
        before.hang = before.width() + self.hang;
        before.spans.append(&mut self.spans);
        before
    }

    fn push(mut self, style: Style, text: String, varies: bool) -> Self {
        self.spans.push(Span { style, text, place: None, varies });
        self
    }

    /// Returns the line as its `Display`, with links (OSC 8).
    pub(crate) fn linked(&self, links: &Links) -> String {
        let link = |span: &Span| {
            let url = span.place.as_ref().and_then(|place| links.url(place));
            match url {
                Some(url) => format!("\x1b]8;;{url}\x1b\\{span}\x1b]8;;\x1b\\"),
                None => span.to_string(),
            }
        };
        self.spans.iter().map(link).collect()
    }

    /// Returns the number of columns on a terminal.
    pub(crate) fn width(&self) -> usize {
        self.spans.iter().map(|span| escape(&span.text).width()).sum()
    }

    /// Returns whether this is the same line as another one, but for the parts that vary.
    fn repeats(&self, other: &Self) -> bool {
        let same = |(a, b): (&Span, &Span)| a == b || (a.varies && b.varies);
        self.spans.len() == other.spans.len() && self.spans.iter().zip(&other.spans).all(same)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.style.sequence() {
            "" => f.write_str(&escape(&self.text)),
            sequence => write!(f, "{sequence}{}\x1b[0m", escape(&self.text)),
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.spans.iter().try_for_each(|span| span.fmt(f))
    }
}

/// The lines of one event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Message(pub(crate) Vec<Line>);

impl Message {
    /// Returns whether this is the same message as another one, but for the parts that vary.
    pub(crate) fn repeats(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(|(a, b)| a.repeats(b))
    }

    /// Puts the time of day before the first line, and as much space before the others.
    pub(crate) fn timed(self, time: &str) -> Self {
        let time = format!("{time}  ");
        let space = Line::indented(time.len());
        let time = Line::default().varying(Style::Dim, time);
        let before = std::iter::once(time).chain(std::iter::repeat(space));
        Self(self.0.into_iter().zip(before).map(|(line, before)| line.after(before)).collect())
    }

    /// Appends to the first line how many equal messages this one stands for.
    pub(crate) fn counted(mut self, count: usize) -> Self {
        if count > 1
            && let Some(first) = self.0.first_mut()
        {
            *first = std::mem::take(first).styled(Style::Dim, format!("  (x{count})"));
        }
        self
    }
}

impl From<Line> for Message {
    fn from(line: Line) -> Self {
        Self(vec![line])
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Line, Message, Style};
    use crate::{links::Links, place::Place};

    #[test]
    fn text_is_escaped_and_styles_are_not() {
        let line =
            Line::label(Style::Red, "error").text("a\u{1b}[2J\u{202e}b").styled(Style::Dim, "\n");
        let wanted = "\u{1b}[31merror\u{1b}[0m    a\\u{1b}[2J\\u{202e}b\u{1b}[2m\\n\u{1b}[0m";
        assert_eq!(line.to_string(), wanted);
        assert_eq!(line.width(), "error    a\\u{1b}[2J\\u{202e}b\\n".len());
        assert_eq!(Line::default().text("日本").width(), 4);
    }

    #[test]
    fn a_place_is_a_link_that_adds_no_width() {
        let env = |name: &str| (name == "FORCE_HYPERLINK").then(|| "1".to_owned());
        let links = Links::new(Path::new("/root"), env).unwrap();
        let place = |file: &str| Place { file: file.to_owned(), line: Some(3), column: Some(5) };
        let line = Line::label(Style::Red, "error").place(Style::Plain, place("a\u{1b}.ts"));
        let plain = "\u{1b}[31merror\u{1b}[0m    a\\u{1b}.ts:3:5";
        assert_eq!(line.to_string(), plain);
        assert_eq!(line.width(), "error    a\\u{1b}.ts:3:5".len());
        let linked = line.linked(&links);
        let (before, rest) = linked.split_once("\u{1b}]8;;file://").unwrap();
        assert_eq!(before, "\u{1b}[31merror\u{1b}[0m    ");
        let (_, rest) = rest.split_once("/root/a%1B.ts\u{1b}\\").unwrap();
        assert_eq!(rest, "a\\u{1b}.ts:3:5\u{1b}]8;;\u{1b}\\");
        let outside = Line::default().place(Style::Plain, place("../a.ts"));
        assert_eq!(outside.linked(&links), "../a.ts:3:5");
    }

    #[test]
    fn a_time_is_before_the_first_line_and_does_not_count() {
        let message = |time: &str| Message(vec![Line::default().text("a"); 2]).timed(time);
        let lines: Vec<_> = message("10:00:00").0.iter().map(Line::to_string).collect();
        assert_eq!(lines, ["\u{1b}[2m10:00:00  \u{1b}[0ma", "          a"]);
        assert!(message("10:00:00").repeats(&message("10:00:01")));
    }

    #[test]
    fn messages_repeat_if_only_their_times_differ() {
        let message = |name: &str, time: &str| -> Message {
            Line::label(Style::Green, "updated").text(name).varying(Style::Plain, time).into()
        };
        assert!(message("a", "1 ms").repeats(&message("a", "20 ms")));
        assert!(!message("a", "1 ms").repeats(&message("b", "1 ms")));
        assert!(!message("a", "1 ms").repeats(&Message::default()));
        assert_eq!(message("a", "").counted(1), message("a", ""));
        assert!(message("a", "").counted(3).0[0].to_string().contains("(x3)"));
    }
}
