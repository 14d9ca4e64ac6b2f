//! Links in the terminal (OSC 8) from a place in a source to the file.
//!
//! An editor with a terminal of its own gets its URL scheme, with the line and the column. Other
//! terminals get `file:` URLs, with the line in the fragment where that is known to be understood.

use std::{
    fmt::Write as _,
    path::{Component, Path, PathBuf},
};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::place::Place;

/// Everything but what a path may contain literally (RFC 3986, section 3.3). Control characters are
/// encoded, so none can end the sequence.
const ENCODED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// How a place becomes a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    File,
    /// A `file:` URL with the line as its fragment.
    FileWithLine,
    /// The scheme of an editor of the VS Code family.
    Editor(&'static str),
}

/// The links of a terminal that has them.
#[derive(Debug)]
pub(crate) struct Links {
    target: Target,
    host: String,
    root: PathBuf,
}

impl Links {
    /// Returns the links to files of a folder, if the environment is that of a terminal which is
    /// known to display them.
    pub(crate) fn new(root: &Path, env: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let root = root.to_path_buf();
        target(env).map(|target| Self { target, host: host(), root })
    }

    /// Returns the URL of a place. `None` if the file is not in the folder by its name, as that of
    /// a package's source map may be.
    pub(crate) fn url(&self, place: &Place) -> Option<String> {
        let file = Path::new(&place.file);
        let is_normal = |part| matches!(part, Component::Normal(_));
        let is_url = place.file.contains("://");
        if place.file.is_empty() || is_url || !file.components().all(is_normal) {
            return None;
        }
        let path = self.root.join(file);
        let path = path.to_str()?.replace(std::path::MAIN_SEPARATOR, "/");
        let path = utf8_percent_encode(path.trim_start_matches('/'), ENCODED);
        let mut url = match self.target {
            Target::Editor(scheme) => format!("{scheme}://file/{path}"),
            Target::File | Target::FileWithLine => format!("file://{}/{path}", self.host),
        };
        // Writing to a string cannot fail.
        let _ = match (self.target, place.line, place.column) {
            (Target::Editor(_), Some(line), Some(column)) => write!(url, ":{line}:{column}"),
            (Target::Editor(_), Some(line), None) => write!(url, ":{line}"),
            (Target::FileWithLine, Some(line), _) => write!(url, "#{line}"),
            _ => Ok(()),
        };
        Some(url)
    }
}

/// Returns the target of links on a terminal that is known to display them, by the variables that
/// it sets.
fn target(env: impl Fn(&str) -> Option<String>) -> Option<Target> {
    let has = |name: &str| env(name).is_some_and(|value| !value.is_empty());
    let is = |name: &str, values: &[&str]| env(name).is_some_and(|v| values.contains(&&*v));
    let forced = env("FORCE_HYPERLINK");
    if forced.as_deref() == Some("0") {
        return None;
    }
    if is("TERM_PROGRAM", &["vscode"]) {
        let is_insiders = env("TERM_PROGRAM_VERSION").is_some_and(|v| v.contains("insider"));
        return Some(Target::Editor(match () {
            () if has("CURSOR_TRACE_ID") => "cursor",
            () if is_insiders => "vscode-insiders",
            () => "vscode",
        }));
    }
    let is_kitty = has("KITTY_WINDOW_ID") || is("TERM", &["xterm-kitty"]);
    if is_kitty || is("TERM_PROGRAM", &["iTerm.app"]) {
        return Some(Target::FileWithLine);
    }
    // Earlier versions of VTE display the sequence or crash.
    let vte = env("VTE_VERSION").and_then(|version| version.parse::<u32>().ok());
    let known = vte.is_some_and(|version| version >= 5000)
        || has("WT_SESSION")
        || has("KONSOLE_VERSION")
        || has("DOMTERM")
        || is("TERM_PROGRAM", &["WezTerm", "ghostty", "Hyper", "rio", "Tabby"])
        || is("TERM", &["alacritty", "foot", "foot-extra", "contour", "xterm-ghostty"])
        || is("COLORTERM", &["xfce4-terminal"]);
    (known || forced.is_some_and(|value| !value.is_empty())).then_some(Target::File)
}

/// Returns the name of this machine, which tells a terminal that a file is not on its own.
#[cfg(unix)]
fn host() -> String {
    let name = rustix::system::uname();
    utf8_percent_encode(&name.nodename().to_string_lossy(), ENCODED).to_string()
}

#[cfg(not(unix))]
fn host() -> String {
    String::new()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Links, Target, target};
    use crate::place::Place;

    #[test]
    fn links_are_for_terminals_that_are_known_to_display_them() {
        use Target::{Editor, File, FileWithLine};
        let table: &[(&[(&str, &str)], Option<Target>)] = &[
            (&[], None),
            (&[("TERM", "xterm-256color")], None),
            (&[("TERM", "dumb")], None),
            (&[("TERM", "linux"), ("TERM_PROGRAM", "Apple_Terminal")], None),
            (&[("VTE_VERSION", "4999")], None),
            (&[("VTE_VERSION", "7600")], Some(File)),
            (&[("VTE_VERSION", "7600"), ("FORCE_HYPERLINK", "0")], None),
            (&[("FORCE_HYPERLINK", "1")], Some(File)),
            (&[("FORCE_HYPERLINK", "")], None),
            (&[("WT_SESSION", "a-b")], Some(File)),
            (&[("KONSOLE_VERSION", "230800")], Some(File)),
            (&[("TERM_PROGRAM", "WezTerm")], Some(File)),
            (&[("TERM", "alacritty")], Some(File)),
            (&[("TERM", "xterm-kitty")], Some(FileWithLine)),
            (&[("KITTY_WINDOW_ID", "1")], Some(FileWithLine)),
            (&[("TERM_PROGRAM", "iTerm.app")], Some(FileWithLine)),
            (&[("TERM_PROGRAM", "vscode")], Some(Editor("vscode"))),
            (
                &[("TERM_PROGRAM", "vscode"), ("TERM_PROGRAM_VERSION", "1.99.0-insider")],
                Some(Editor("vscode-insiders")),
            ),
            (&[("TERM_PROGRAM", "vscode"), ("CURSOR_TRACE_ID", "1")], Some(Editor("cursor"))),
        ];
        for (env, wanted) in table {
            let get = |name: &str| {
                env.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(target(get), *wanted, "{env:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_place_becomes_a_url_without_control_characters() {
        let url = |target, file: &str, line, column| {
            let links = Links { target, host: "host".to_owned(), root: Path::new("/a b").into() };
            links.url(&Place { file: file.to_owned(), line, column })
        };
        let table = [
            (Target::File, "src/a.ts", Some(3), Some(5), Some("file://host/a%20b/src/a.ts")),
            (Target::FileWithLine, "a.ts", Some(3), Some(5), Some("file://host/a%20b/a.ts#3")),
            (Target::FileWithLine, "a.ts", None, None, Some("file://host/a%20b/a.ts")),
            (
                Target::Editor("vscode"),
                "a.ts",
                Some(3),
                Some(5),
                Some("vscode://file/a%20b/a.ts:3:5"),
            ),
            (Target::Editor("vscode"), "a.ts", None, None, Some("vscode://file/a%20b/a.ts")),
            (
                Target::File,
                "\u{1b}\\\u{7}\u{9c}#?é",
                None,
                None,
                Some("file://host/a%20b/%1B%5C%07%C2%9C%23%3F%C3%A9"),
            ),
            (Target::File, "../secret", None, None, None),
            (Target::File, "a/../../secret", None, None, None),
            (Target::File, "/etc/passwd", None, None, None),
            (Target::File, "http://a.example/b.ts", Some(1), None, None),
            (Target::File, "", None, None, None),
        ];
        for (target, file, line, column, wanted) in table {
            assert_eq!(url(target, file, line, column).as_deref(), wanted, "{file:?}");
        }
    }
}
