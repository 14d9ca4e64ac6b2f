//! CSS modules: style sheets whose names are local to the file.
//!
//! Classes, ids and keyframes get a suffix derived from the URL of the file. `:global` and `:local`
//! switch that off and on. `composes` adds classes of the same file, of another file, or global
//! ones (`from global`). The rest of the sheet stays as it is, line by line. The suffix does not
//! depend on the content, so a saved sheet is replaced in place; importers run again only if a name
//! was added or removed.
//!
//! The sheet is not parsed into rules and properties, but scanned as a list of tokens, with the
//! tokenizer that lol_html already brings. A full CSS compiler would be as large as the rest of
//! livers.
//!
//! Not supported on purpose: `@value`, and local names for grids, containers and custom properties.

mod composes;
mod names;
mod scope;
mod selector;
#[cfg(test)]
mod tests;
pub(super) mod tokens;

use std::path::Path;

use crate::http::media_type::is_style_sheet;

pub(super) use self::{
    composes::Part,
    scope::{Sheet, scope},
};

/// Returns whether a file is a CSS module (`*.module.css`).
pub(super) fn is_css_module(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let Some((stem, _)) = name.rsplit_once('.') else { return false };
    is_style_sheet(name) && stem.to_ascii_lowercase().ends_with(".module")
}
