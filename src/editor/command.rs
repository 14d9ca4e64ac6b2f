//! Commands of editors: splits them into words, and fills in the place to open.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use super::known::{Known, is_terminal, known};
use crate::editor_error::EditorError;

/// A program and its arguments. No shell sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) program: OsString,
    pub(super) arguments: Vec<OsString>,
}

/// A place in a file. The path is absolute, so it never begins with a dash.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'p> {
    pub(crate) file: &'p Path,
    /// Counted from 1.
    pub(crate) line: u32,
    /// Counted from 1.
    pub(crate) column: u32,
}

/// Returns the command that the user configured, for a place.
///
/// The text is split into words as a shell does it, and not interpreted in any other way. Words can
/// contain `{file}`, `{line}` and `{column}`. Without `{file}`, the arguments of a known editor are
/// added, or the file alone.
///
/// # Errors
/// The text is no command, or the editor needs a terminal.
pub(super) fn configured(text: &str, place: Place<'_>) -> Result<Command, EditorError> {
    let mut words = split(text).ok_or_else(|| EditorError::InvalidCommand(text.to_owned()))?;
    if words.iter().any(|word| word.contains("{file}")) {
        let program = words.remove(0).into();
        return fill(program, &words, &[], place);
    }
    let name = program_name(Path::new(&words[0]));
    if is_terminal(&name) {
        return Err(EditorError::NeedsTerminal(name));
    }
    let template = known(&name).map_or(&["{file}"][..], |known| known.arguments);
    let program = words.remove(0).into();
    // These make the command wait until the file is closed again.
    words.retain(|word| word != "--wait" && word != "-w");
    fill(program, &words, template, place)
}

/// Returns the command in a variable such as `VISUAL`, for a place, or `None` if it is not certain
/// that the editor opens a window.
pub(super) fn conventional(text: &str, place: Place<'_>) -> Option<Result<Command, EditorError>> {
    let words = split(text)?;
    known(&program_name(Path::new(&words[0])))?;
    Some(configured(text, place))
}

/// Returns the command of a known editor, for a place.
///
/// # Errors
/// The editor would take the file's name for a place.
pub(super) fn of_known(
    known: &Known,
    program: OsString,
    place: Place<'_>,
) -> Result<Command, EditorError> {
    fill(program, &[], known.arguments, place)
}

/// Returns the name of a program without its folder and its extension.
pub(super) fn program_name(program: &Path) -> String {
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    let mut extensions = [".exe", ".cmd", ".bat", ".sh"].into_iter();
    extensions.find_map(|extension| name.strip_suffix(extension)).unwrap_or(&name).to_owned()
}

/// Returns a command with the place in its arguments, which are words of the user and a template.
fn fill(
    program: OsString,
    words: &[String],
    template: &[&str],
    place: Place<'_>,
) -> Result<Command, EditorError> {
    let words: Vec<_> = words.iter().map(String::as_str).chain(template.iter().copied()).collect();
    // Such an editor splits its argument at colons.
    if words.iter().any(|word| word.contains("{file}:")) && looks_like_a_place(place.file) {
        return Err(EditorError::AmbiguousName);
    }
    let arguments = words.iter().map(|word| fill_word(word, place)).collect();
    Ok(Command { program, arguments })
}

/// Replaces the placeholders of a word. What is filled in is not searched again.
fn fill_word(word: &str, place: Place<'_>) -> OsString {
    let Place { file, line, column } = place;
    let mut filled = OsString::new();
    let mut rest = word;
    while let Some(at) = rest.find('{') {
        let (before, from) = rest.split_at(at);
        filled.push(before);
        let value: Option<(&str, OsString)> = [
            ("{file}", file.as_os_str().to_owned()),
            ("{line}", line.to_string().into()),
            ("{column}", column.to_string().into()),
        ]
        .into_iter()
        .find(|(name, _)| from.starts_with(name));
        let (name, value) = value.unwrap_or(("{", "{".into()));
        filled.push(value);
        rest = &from[name.len()..];
    }
    filled.push(rest);
    filled
}

/// Returns whether a part of a path is a colon with a number after it. In `C:\1`, it is not.
fn looks_like_a_place(file: &Path) -> bool {
    let bytes = file.as_os_str().as_encoded_bytes();
    bytes.windows(2).any(|pair| pair[0] == b':' && pair[1].is_ascii_digit())
}

/// Splits a command into words, with the quotes and backslashes of a POSIX shell (XCU, section
/// 2.2), or returns `None` if a quote is not closed or there are no words. Nothing is expanded. On
/// Windows, a backslash separates folders.
fn split(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match char {
            ' ' | '\t' | '\n' | '\r' => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '\'' => break,
                        char => word.push(char),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '"' => break,
                        '\\' if !cfg!(windows) => match chars.next()? {
                            escaped @ ('"' | '\\' | '$' | '`') => word.push(escaped),
                            other => word.extend(['\\', other]),
                        },
                        char => word.push(char),
                    }
                }
            }
            '\\' if !cfg!(windows) => word.get_or_insert_default().push(chars.next()?),
            char => word.get_or_insert_default().push(char),
        }
    }
    words.extend(word);
    // An empty program is no program.
    words.first().is_some_and(|word| !word.is_empty()).then_some(words)
}

/// Returns where a program is that a running process was started from: another path, if the file
/// was replaced meanwhile.
pub(super) fn without_deletion(path: PathBuf) -> PathBuf {
    match path.to_str().and_then(|path| path.strip_suffix(" (deleted)")) {
        Some(path) => path.into(),
        None => path,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Command, Place, configured, conventional, split};
    use crate::editor_error::EditorError;

    fn place(file: &str) -> Place<'_> {
        Place { file: Path::new(file), line: 3, column: 5 }
    }

    fn text(command: &Command) -> String {
        let words = [&command.program].into_iter().chain(&command.arguments);
        words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join("|")
    }

    #[test]
    #[cfg(not(windows))]
    fn commands_are_split_as_a_shell_does_it_and_nothing_is_expanded() {
        for (command, wanted) in [
            ("code", Some("code")),
            (" code  --wait\t", Some("code|--wait")),
            ("'/Applications/My Editor' -n", Some("/Applications/My Editor|-n")),
            ("/opt/My\\ Editor \"a b\"'c'd \"\"", Some("/opt/My Editor|a bcd|")),
            (r#"a "\"\\\n" '\"'"#, Some(r#"a|"\\n|\""#)),
            ("a $HOME `b` $(c) ~ * ; d & e | f > g", Some("a|$HOME|`b`|$(c)|~|*|;|d|&|e|||f|>|g")),
            ("", None),
            ("  ", None),
            ("'a", None),
            ("\"a", None),
            ("a\\", None),
            ("'' a", None),
        ] {
            let words = split(command).map(|words| words.join("|"));
            assert_eq!(words.as_deref(), wanted, "{command}");
        }
    }

    #[test]
    fn a_configured_command_opens_the_place() {
        for (command, wanted) in [
            ("code", "code|-r|-g|/p/a.ts:3:5"),
            ("/usr/bin/code -n --wait", "/usr/bin/code|-n|-r|-g|/p/a.ts:3:5"),
            ("cursor.cmd", "cursor.cmd|-r|-g|/p/a.ts:3:5"),
            ("subl -w", "subl|/p/a.ts:3:5"),
            ("webstorm", "webstorm|--line|3|--column|5|/p/a.ts"),
            ("own-editor --new", "own-editor|--new|/p/a.ts"),
            (
                "kitty nvim '+call cursor({line}, {column})' {file}",
                "kitty|nvim|+call cursor(3, 5)|/p/a.ts",
            ),
            ("e --at={line}:{column} -- {file}", "e|--at=3:5|--|/p/a.ts"),
            ("e {file} {file} {files} {", "e|/p/a.ts|/p/a.ts|{files}|{"),
        ] {
            let made = configured(command, place("/p/a.ts")).unwrap();
            assert_eq!(text(&made), wanted, "{command}");
        }
    }

    #[test]
    fn the_name_of_a_file_is_one_argument_and_never_more() {
        for name in [
            "/p/a b.ts",
            "/p/$(touch x).ts",
            "/p/`id`;&|<>.ts",
            "/p/{line}{column}{file}",
            "/p/-rf",
            "/p/\"'\\.ts",
            "/p/%PATH%^&calc.ts",
            "/p/a\nb.ts",
        ] {
            let made = configured("e {file} {line}", place(name)).unwrap();
            assert_eq!(made.arguments, [name, "3"]);
            let made = configured("code", place(name)).unwrap();
            assert_eq!(made.arguments, ["-r", "-g", &format!("{name}:3:5")]);
        }
    }

    #[test]
    fn a_name_that_an_editor_would_take_for_a_place_is_not_passed() {
        for name in ["/p/a.ts:5", "/p/a:5:1", "/p/x:1/a.ts"] {
            for command in ["code", "subl", "zed", "e {file}:{line}"] {
                let made = configured(command, place(name));
                assert_eq!(made, Err(EditorError::AmbiguousName), "{command} {name}");
            }
            for command in ["webstorm", "e {file}", "e"] {
                assert!(configured(command, place(name)).is_ok(), "{command} {name}");
            }
        }
        assert!(configured("code", place("/p/a:b.ts")).is_ok());
    }

    #[test]
    fn editors_without_a_window_are_not_started() {
        for command in ["vim", "/usr/bin/nvim -u NONE", "nano", "hx"] {
            let made = configured(command, place("/p/a"));
            assert!(matches!(made, Err(EditorError::NeedsTerminal(_))), "{command}");
            assert!(conventional(command, place("/p/a")).is_none(), "{command}");
        }
        // It may need a terminal.
        assert!(conventional("own-editor", place("/p/a")).is_none());
        let made = conventional("code --wait", place("/p/a")).unwrap().unwrap();
        assert_eq!(text(&made), "code|-r|-g|/p/a:3:5");
        assert!(matches!(
            configured("'open", place("/p/a")),
            Err(EditorError::InvalidCommand(text)) if text == "'open"
        ));
    }
}
