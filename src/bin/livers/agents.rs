//! Instructions for coding agents, which `livers init agents` writes to `AGENTS.md`.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::Path,
};

/// The file that agents read.
pub(crate) const FILE: &str = "AGENTS.md";

/// The port in the instructions if no server runs.
pub(crate) const DEFAULT_PORT: u16 = 8080;

/// The heading by which the section is found again.
const HEADING: &str = "## livers";

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// There was no file.
    Created,
    /// The file had no such section.
    Appended,
    /// The file has the section, and was not changed.
    Present,
}

/// Writes the section into the file of a folder, unless it is there.
///
/// # Errors
/// The file cannot be read or written.
pub(crate) fn write(folder: &Path, port: u16) -> io::Result<Written> {
    let path = folder.join(FILE);
    let existing = match fs::read(&path) {
        Ok(text) => Some(String::from_utf8_lossy(&text).into_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let text = existing.as_deref().unwrap_or_default();
    if text.lines().any(|line| line.trim_end() == HEADING) {
        return Ok(Written::Present);
    }
    let separator = match text {
        "" => "",
        text if text.ends_with('\n') => "\n",
        _ => "\n\n",
    };
    let mut file = OpenOptions::new().append(true).create(true).open(&path)?;
    file.write_all(format!("{separator}{}", section(port)).as_bytes())?;
    Ok(if existing.is_some() { Written::Appended } else { Written::Created })
}

fn section(port: u16) -> String {
    format!(
        "{HEADING}

- `livers` serves this folder and shows each saved change in the open browser tabs; keep it running.
- After saving, run `livers wait [FILE...]`. Exit codes: 0 every tab runs the files, 1 errors (printed), \
3 no open tab uses them, 4 timeout, 5 no server runs.
- `livers errors` prints all compile errors and errors of pages, with their places in the sources; \
`livers tabs` and `livers logs` print the open tabs and what happened.
- Add `--json` to any of these for one JSON object instead of text.
- The same as MCP tools: http://localhost:{port}/__livers/mcp
"
    )
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{FILE, HEADING, Written, section, write};

    #[test]
    fn the_section_is_written_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        assert_eq!(write(folder.path(), 8080).unwrap(), Written::Created);
        assert_eq!(fs::read_to_string(&path).unwrap(), section(8080));
        assert_eq!(write(folder.path(), 9090).unwrap(), Written::Present);
        assert_eq!(fs::read_to_string(&path).unwrap(), section(8080));
        for (before, separator) in [("", ""), ("# A", "\n\n"), ("# A\n", "\n"), ("# A\r\n", "\n")] {
            fs::write(&path, before).unwrap();
            assert_eq!(write(folder.path(), 8080).unwrap(), Written::Appended, "{before:?}");
            let wanted = format!("{before}{separator}{}", section(8080));
            assert_eq!(fs::read_to_string(&path).unwrap(), wanted);
        }
        // With a heading of Windows, or edited below.
        for present in [format!("# A\n\n{HEADING}\r\n\nmine\n"), format!("{HEADING} \nx")] {
            fs::write(&path, &present).unwrap();
            assert_eq!(write(folder.path(), 8080).unwrap(), Written::Present);
            assert_eq!(fs::read_to_string(&path).unwrap(), present);
        }
    }

    #[test]
    fn there_are_five_lines_of_instructions() {
        assert_eq!(section(8080).lines().filter(|line| line.starts_with("- ")).count(), 5);
    }
}
