//! Writes messages to standard output, and on a terminal over the previous one.

use std::{
    env,
    fmt::Write as _,
    io::{self, IsTerminal, Write},
};

use terminal_size::{Height, Width, terminal_size_of};

use super::repeats::Output;
use crate::line::Line;

/// The fewest columns that texts are fitted to.
const MIN_COLUMNS: usize = 20;

/// Standard output.
pub(super) struct Screen {
    is_terminal: bool,
    /// The widths of the lines of the last message.
    last: Vec<usize>,
    /// Whether this is progress, which the next message replaces.
    is_progress: bool,
}

impl Screen {
    pub(super) fn stdout() -> Self {
        Self { is_terminal: io::stdout().is_terminal(), last: Vec::new(), is_progress: false }
    }

    /// Returns whether a message can be replaced by the next one: on a terminal that moves its
    /// cursor.
    pub(super) fn can_replace(&self) -> bool {
        // Not on Windows, where an old console does not know the sequences.
        cfg!(unix)
            && self.is_terminal
            && env::var_os("TERM").is_some_and(|name| !name.is_empty() && name != "dumb")
    }

    /// Returns the columns of the terminal, or `None` if the output is none.
    pub(super) fn columns(&self) -> Option<usize> {
        self.size().map(|(columns, _)| columns)
    }

    fn size(&self) -> Option<(usize, usize)> {
        let (Width(columns), Height(rows)) =
            self.is_terminal.then(|| terminal_size_of(io::stdout())).flatten()?;
        Some((usize::from(columns).max(MIN_COLUMNS), usize::from(rows)))
    }

    /// Writes a message.
    pub(super) fn write(&mut self, output: &Output) {
        self.write_lines(&output.message.0, output.replaces);
    }

    /// Writes a line that the next message, or the next progress, replaces.
    pub(super) fn show_progress(&mut self, line: &Line) {
        self.write_lines(std::slice::from_ref(line), false);
        self.is_progress = true;
    }

    fn write_lines(&mut self, lines: &[Line], replaces: bool) {
        let replaces = std::mem::take(&mut self.is_progress) || replaces;
        let rows = replaces.then(|| rows(&self.last, self.size())).flatten();
        self.last = lines.iter().map(Line::width).collect();
        let mut text = String::new();
        for line in lines {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{line}");
        }
        // A closed output is not an error of the server.
        if let Some(rows) = rows {
            // Past anstream, which removes it together with the colours.
            let _ = write!(io::stdout(), "\x1b[{rows}A\x1b[J");
        }
        let _ = anstream::stdout().lock().write_all(text.as_bytes());
    }
}

/// Returns the rows that lines of these widths take, unless they have left the screen.
fn rows(widths: &[usize], size: Option<(usize, usize)>) -> Option<usize> {
    let (columns, height) = size?;
    let rows = widths.iter().map(|width| width.div_ceil(columns).max(1)).sum();
    (rows < height).then_some(rows)
}

#[cfg(test)]
mod tests {
    use super::rows;

    #[test]
    fn long_lines_take_several_rows() {
        let size = Some((40, 10));
        let table: &[(&[usize], _, Option<usize>)] = &[
            (&[0], size, Some(1)),
            (&[40], size, Some(1)),
            (&[41], size, Some(2)),
            (&[41, 3, 80], size, Some(5)),
            (&[400], size, None),
            (&[1], None, None),
        ];
        for (widths, size, wanted) in table {
            assert_eq!(rows(widths, *size), *wanted, "{widths:?}");
        }
    }
}
