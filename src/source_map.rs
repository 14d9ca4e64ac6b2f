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

/// A position in a script: line and column in UTF-16 code units, both counted from 0, as in a
/// source map.
#[cfg(feature = "esm")]
pub(crate) type Position = (u32, u32);

/// The parts of a script, and where each begins.
#[cfg(feature = "esm")]
#[derive(Debug)]
pub(crate) struct Sections<T> {
    parts: Vec<(Position, T)>,
    /// The number of lines of the script so far, and its length, bytes.
    lines: usize,
    counted: usize,
}

#[cfg(feature = "esm")]
impl<T> Default for Sections<T> {
    fn default() -> Self {
        Self { parts: Vec::new(), lines: 0, counted: 0 }
    }
}

#[cfg(feature = "esm")]
impl<T> Sections<T> {
    /// Adds the part that is written next. `script` is what was written so far.
    pub(crate) fn add(&mut self, script: &str, part: T) {
        let new = &script[self.counted..];
        self.lines += memchr::memchr_iter(b'\n', new.as_bytes()).count();
        self.counted = script.len();
        let line = script.rfind('\n').map_or(0, |at| at + 1);
        let column = script[line..].encode_utf16().count();
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        self.parts.push(((number(self.lines), number(column)), part));
    }

    /// Returns the part that a position of the script is in, and the position within it.
    pub(crate) fn find(&self, position: Position) -> Option<(&T, Position)> {
        let after = self.parts.partition_point(|(start, _)| *start <= position);
        let ((line, column), part) = self.parts.get(after.checked_sub(1)?)?;
        let within = match position.0 - line {
            0 => (0, position.1 - column),
            lines => (lines, position.1),
        };
        Some((part, within))
    }
}

#[cfg(feature = "esm")]
impl Sections<Value> {
    /// Returns the JSON of an index map (section 6.3), for parts that are source maps.
    pub(crate) fn into_json(self) -> String {
        let sections = self.parts.into_iter().map(|((line, column), map)| {
            json!({ "offset": { "line": line, "column": column }, "map": map })
        });
        json!({ "version": 3, "sections": sections.collect::<Vec<_>>() }).to_string()
    }
}

#[cfg(all(test, feature = "esm"))]
mod tests {
    use super::Sections;

    #[test]
    fn positions_are_found_in_their_section() {
        let mut script = String::from("a\n\u{1f600}(");
        let mut sections = Sections::default();
        sections.add(&script, "first");
        script.push_str("1\n2\n3)(");
        sections.add(&script, "second");
        for (position, expected) in [
            ((0, 0), None),
            ((1, 2), None),
            ((1, 3), Some((&"first", (0, 0)))),
            ((1, 4), Some((&"first", (0, 1)))),
            ((2, 0), Some((&"first", (1, 0)))),
            ((3, 2), Some((&"first", (2, 2)))),
            ((3, 3), Some((&"second", (0, 0)))),
            ((9, 1), Some((&"second", (6, 1)))),
        ] {
            assert_eq!(sections.find(position), expected, "{position:?}");
        }
    }
}
