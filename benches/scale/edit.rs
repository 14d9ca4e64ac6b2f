//! Edits of a project: what is written, and when the page shows it.

use crate::servers::Result;

/// An edit that is made several times, each time with a number of its own.
pub(crate) struct Edit {
    /// The file, relative to the folder of the project.
    pub(crate) file: String,
    pub(crate) change: Change,
}

pub(crate) enum Change {
    /// The first class of a component is replaced. With the name of the component.
    Component(&'static str),
    /// This text gets the number behind it.
    Text(String),
    /// An element with this class attribute gets a further class, which Tailwind compiles.
    Class(String),
    /// A style sheet, or a part of one, gets a further rule.
    Sheet,
}

impl Edit {
    /// Reads an edit from the arguments `KIND FILE [TEXT]`.
    pub(crate) fn from_arguments(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut next = || arguments.next().ok_or("--edit needs a kind, a file and a text");
        let (kind, file) = (next()?, next()?);
        let change = match kind.as_str() {
            "text" => Change::Text(next()?),
            "class" => Change::Class(next()?),
            "sheet" => Change::Sheet,
            _ => return Err(format!("{kind:?} is none of text, class, sheet").into()),
        };
        Ok(Self { file, change })
    }

    /// Returns what is edited.
    pub(crate) fn name(&self) -> String {
        match &self.change {
            Change::Component(name) => format!("the {name}"),
            Change::Text(_) => format!("a text in `{}`", self.file),
            Change::Class(_) => format!("a class in `{}`", self.file),
            Change::Sheet => format!("the style sheet `{}`", self.file),
        }
    }

    /// Returns the file's content after an edit of the original one.
    ///
    /// # Errors
    /// The file does not contain what is edited.
    pub(crate) fn content(&self, original: &str, number: usize) -> Result<String> {
        let behind = |text: &str, what: String| {
            let Some(at) = original.find(text) else {
                return Err(format!("{} does not contain {text:?}", self.file).into());
            };
            let (begin, end) = original.split_at(at + text.len());
            Ok(format!("{begin}{what}{end}"))
        };
        match &self.change {
            Change::Component(_) => behind("className=\"", format!("edit-{number}")),
            Change::Text(text) => behind(text, format!(" {number}")),
            Change::Class(text) => behind(text, format!(" [--edit-{number}:1]")),
            Change::Sheet => Ok(format!("{original}\n:root {{ --edit-{number}: 1 }}\n")),
        }
    }

    /// Returns a JavaScript expression that is true once the page shows the edit.
    pub(crate) fn shown(&self, number: usize) -> String {
        let has_value = |element: &str| {
            format!(
                "getComputedStyle({element}).getPropertyValue('--edit-{number}').trim() === '1'"
            )
        };
        match &self.change {
            Change::Component(_) => {
                format!("document.getElementsByClassName('edit-{number}').length")
            }
            Change::Text(text) => shows(&format!("{text} {number}")),
            Change::Class(_) => format!(
                "[...document.querySelectorAll('[class~=\"[--edit-{number}:1]\"]')]
                    .some((it) => {})",
                has_value("it")
            ),
            Change::Sheet => has_value("document.documentElement"),
        }
    }

    /// Returns the text that the page shows before the edit.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.change {
            Change::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// Returns a JavaScript expression that is true when the document shows a text, be it in a shadow
/// tree.
pub(crate) fn shows(text: &str) -> String {
    format!(
        "(function has(root) {{ return root.textContent.includes({text:?})
            || [...root.querySelectorAll('*')].some((it) => it.shadowRoot && has(it.shadowRoot));
        }})(document.documentElement)"
    )
}
