//! The query of a URL below `/__livers/npm/`.

use std::collections::BTreeSet;

use percent_encoding::percent_decode_str;

/// What a URL requests of a package file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Query {
    /// `pack`, or `pack=b.js,c.js`: a pack, with these further entries.
    pub(super) pack: Option<BTreeSet<String>>,
    /// `map`, with `pack`: the source map of the pack.
    pub(super) map: bool,
    /// `define`: a module that loads the packs of the file and runs nothing.
    pub(super) define: bool,
    /// `script`: the definition as a classic script.
    pub(super) script: bool,
    /// `import`: a module, for a file that is not a script.
    pub(super) import: bool,
    /// `part`: a module that exports a style sheet for another one that imports it.
    pub(super) part: bool,
    /// `url`: a module that exports the URL of the file.
    pub(super) url: bool,
    /// `raw`: a module that exports the text of the file.
    pub(super) raw: bool,
    /// `names=a,b`: names to export besides those that the file is known to export.
    pub(super) names: BTreeSet<String>,
}

impl Query {
    /// Parses a query without its `?`. Ignores unknown fields.
    pub(super) fn parse(text: &str) -> Self {
        let mut query = Self::default();
        for field in text.split('&') {
            let (name, value) = field.split_once('=').unwrap_or((field, ""));
            match name {
                "pack" => query.pack = Some(list(value)),
                "map" => query.map = true,
                "define" => query.define = true,
                "script" => query.script = true,
                "import" => query.import = true,
                "part" => query.part = true,
                "url" => query.url = true,
                "raw" => query.raw = true,
                "names" => query.names = list(value),
                _ => {}
            }
        }
        query
    }

    /// Returns whether the response is built from definitions, rather than exporting or being the
    /// file.
    pub(super) fn wants_definitions(&self) -> bool {
        self.pack.is_some() || self.define || self.script
    }
}

/// Parses a comma-separated list of percent-encoded items. Their order has no meaning.
fn list(text: &str) -> BTreeSet<String> {
    let items = text.split(',').filter(|item| !item.is_empty());
    items.map(|item| percent_decode_str(item).decode_utf8_lossy().into_owned()).collect()
}
