//! Source maps (ECMA-426) that are made here, rather than by a compiler.

use serde_json::{Value, json};

/// The beginning of the comment that names the source map of a script.
#[cfg(feature = "esm")]
pub(crate) const COMMENT: &str = "//# sourceMappingURL=";

/// Returns the source map of code that has the lines of its source. Developer tools leave it out of
/// stack traces, and step over it.
pub(crate) fn ignored(url: &str, source: &str) -> Value {
    json!({
        "version": 3,
        "sources": [url],
        "sourcesContent": [source],
        "names": [],
        "mappings": format!("AAAA{}", ";AACA".repeat(source.matches('\n').count())),
        "ignoreList": [0],
    })
}

/// An index map (section 6.3): the maps of parts of a script.
#[cfg(feature = "esm")]
#[derive(Default)]
pub(crate) struct IndexMap {
    sections: Vec<Value>,
    /// The number of lines of the script so far, and its length, bytes.
    lines: usize,
    counted: usize,
}

#[cfg(feature = "esm")]
impl IndexMap {
    /// Adds the map of what is written next. `script` is what was written so far.
    pub(crate) fn add(&mut self, script: &str, map: &Value) {
        self.lines += script[self.counted..].matches('\n').count();
        self.counted = script.len();
        let line = script.rfind('\n').map_or(0, |at| at + 1);
        let column = script[line..].encode_utf16().count();
        self.sections.push(json!({
            "offset": { "line": self.lines, "column": column },
            "map": map,
        }));
    }

    /// Returns the JSON.
    pub(crate) fn into_json(self) -> String {
        json!({ "version": 3, "sections": self.sections }).to_string()
    }
}
