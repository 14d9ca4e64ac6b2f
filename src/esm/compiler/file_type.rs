//! File types that the compiler tells apart by name.

use std::path::Path;

use oxc::span::SourceType;

/// The language of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Language {
    /// JavaScript; JSX is accepted.
    Js,
    /// JavaScript with JSX.
    Jsx,
    /// TypeScript.
    Ts,
    /// TypeScript with JSX.
    Tsx,
}

impl Language {
    /// Returns the language of a file by its extension, or `None` if it is not a module script
    /// (`.cjs` and `.cts` are CommonJS).
    pub(super) fn of(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        Some(match extension.as_str() {
            "js" | "mjs" => Self::Js,
            "jsx" => Self::Jsx,
            "ts" | "mts" => Self::Ts,
            "tsx" => Self::Tsx,
            _ => return None,
        })
    }

    /// Returns what the parser has to accept.
    pub(super) fn source_type(self) -> SourceType {
        match self {
            Self::Js | Self::Jsx => SourceType::jsx(),
            Self::Ts => SourceType::ts().with_module(true),
            Self::Tsx => SourceType::tsx().with_module(true),
        }
    }

    /// Returns whether the language has type annotations.
    pub(super) fn is_typed(self) -> bool {
        matches!(self, Self::Ts | Self::Tsx)
    }
}
