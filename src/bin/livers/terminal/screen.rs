//! Writes messages to standard output. On a terminal, a message can take the place of the previous
//! one, and temporary lines are kept below the last one: progress and a status.

use std::{
    env,
    fmt::Write as _,
    io::{self, IsTerminal, Write},
    path::Path,
};

use terminal_size::{Height, Width, terminal_size_of};

use super::repeats::Output;
use crate::{foreground::is_foreground, line::Line, links::Links};

/// The fewest columns that texts are fitted to.
const MIN_COLUMNS: usize = 20;

/// Standard output.
pub(super) struct Screen {
    is_terminal: bool,
    links: Option<Links>,
    /// The widths of the lines of the last message.
    last: Vec<usize>,
    /// The widths of the temporary lines below it.
    below: Vec<usize>,
    status: Option<Line>,
    /// Whether a write has failed.
    is_closed: bool,
}

impl Screen {
    pub(super) fn stdout() -> Self {
        Self {
            is_terminal: io::stdout().is_terminal(),
            links: None,
            last: Vec::new(),
            below: Vec::new(),
            status: None,
            is_closed: false,
        }
    }

    /// Sets the folder whose files are linked to, if the terminal has links.
    pub(super) fn set_root(&mut self, root: &Path) {
        self.links =
            self.is_terminal.then(|| Links::new(root, |name| env::var(name).ok())).flatten();
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

    /// Returns whether the reader has closed the output.
    pub(super) fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Writes a message. It replaces progress.
    pub(super) fn write(&mut self, output: &Output) {
        self.erase(output.replaces);
        self.last = self.print(&output.message.0);
        self.show_below(None);
    }

    /// Writes a line that the next message, or the next progress, replaces.
    pub(super) fn show_progress(&mut self, line: &Line) {
        self.set_progress(Some(line));
    }

    /// Replaces progress, or removes it.
    pub(super) fn set_progress(&mut self, line: Option<&Line>) {
        self.erase(false);
        self.show_below(line);
    }

    /// Keeps a line below all messages. Where no line can be replaced, it is written once.
    pub(super) fn set_status(&mut self, status: Option<Line>) {
        if self.can_replace() {
            self.status = status;
            self.set_progress(None);
        } else if let Some(line) = status {
            self.print(&[line]);
        }
    }

    /// Clears the terminal, and what has left its screen.
    pub(super) fn clear(&mut self) {
        if self.can_replace() {
            control("\x1b[H\x1b[2J\x1b[3J");
            self.forget();
        }
    }

    /// Replaces none of the lines so far: other programs have written below them.
    pub(super) fn forget(&mut self) {
        self.last.clear();
        self.below.clear();
        self.show_below(None);
    }

    /// Returns whether another program uses the terminal now, such as a shell.
    fn is_in_background() -> bool {
        is_foreground(io::stdout()) == Some(false)
    }

    /// Erases the temporary lines, and the last message as well if it is to be replaced.
    fn erase(&mut self, last: bool) {
        let below = std::mem::take(&mut self.below);
        if Self::is_in_background() {
            return;
        }
        let all = if last { [&self.last[..], &below].concat() } else { Vec::new() };
        let size = self.size();
        let rows = rows(&all, size).filter(|_| last).or_else(|| rows(&below, size));
        if let Some(rows) = rows.filter(|rows| *rows > 0) {
            control(&format!("\x1b[{rows}A\x1b[J"));
        }
    }

    /// Writes the temporary lines, unless they would stay there.
    fn show_below(&mut self, progress: Option<&Line>) {
        if Self::is_in_background() {
            return;
        }
        let lines: Vec<Line> = progress.into_iter().chain(&self.status).cloned().collect();
        self.below = self.print(&lines);
    }

    /// Writes lines, wrapped to the width of a terminal. Returns the widths of what was written.
    fn print(&mut self, lines: &[Line]) -> Vec<usize> {
        let lines: Vec<Line> = match self.columns() {
            Some(columns) => lines.iter().flat_map(|line| line.wrapped(columns)).collect(),
            None => lines.to_vec(),
        };
        let mut text = String::new();
        for line in &lines {
            // Writing to a string cannot fail.
            let _ = match &self.links {
                Some(links) => writeln!(text, "{}", line.linked(links)),
                None => writeln!(text, "{line}"),
            };
        }
        // A closed output is not an error of the server.
        self.is_closed |= anstream::stdout().lock().write_all(text.as_bytes()).is_err();
        lines.iter().map(Line::width).collect()
    }
}

/// Writes a control sequence past anstream, which removes it together with the colours.
fn control(sequence: &str) {
    let mut stdout = io::stdout();
    let _ = stdout.write_all(sequence.as_bytes()).and_then(|()| stdout.flush());
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
            (&[], size, Some(0)),
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
