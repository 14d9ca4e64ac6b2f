//! The component that a script was made from: leads source maps and errors back to it.

use oxc_sourcemap::{SourceMap, SourceMapBuilder};
use xxhash_rust::xxh3::xxh3_128;

use crate::esm::compile_error::CompileError;

/// A component, and the source map of the script that was made from it.
pub(crate) struct Original<'o> {
    text: &'o str,
    map: SourceMap<'o>,
    /// The hash of both.
    pub(crate) hash: u128,
}

impl<'o> Original<'o> {
    /// Parses a source map. Returns `None` if there is none.
    pub(crate) fn parse(text: &'o str, map: Option<&'o str>) -> Option<Self> {
        let json = map?;
        let hash = xxh3_128(json.as_bytes()) ^ xxh3_128(text.as_bytes()).rotate_left(1);
        Some(Self { text, map: SourceMap::from_json_string(json).ok()?, hash })
    }

    /// Returns the map from code to the component, from the map of the code to the script.
    pub(super) fn compose(&self, map: &SourceMap<'_>) -> SourceMap<'static> {
        let table = self.map.generate_lookup_table();
        let mut builder = SourceMapBuilder::default();
        let id = builder.add_source_and_content("", self.text);
        for token in map.get_tokens() {
            let (line, column) = (token.get_src_line(), token.get_src_col());
            let found = self.map.lookup_token(&table, line, column);
            // A token of another line says nothing about this one.
            let found = found.filter(|found| found.get_dst_line() == line);
            let Some(found) = found.filter(|found| found.get_source_id().is_some()) else {
                continue;
            };
            let (to_line, to_column) = (token.get_dst_line(), token.get_dst_col());
            let (line, column) = (found.get_src_line(), found.get_src_col());
            builder.add_token(to_line, to_column, line, column, Some(id), None);
        }
        builder.into_sourcemap().into_owned()
    }

    /// Returns the map from code to the component as JSON, from that of the code to the script.
    pub(crate) fn compose_json(&self, map: &str) -> Option<String> {
        let map = SourceMap::from_json_string(map).ok()?;
        Some(self.compose(&map).to_json_string())
    }

    /// Returns an error in the script as one in the component.
    pub(crate) fn locate(&self, error: CompileError) -> CompileError {
        let Some((line, column)) = error.position else { return error };
        let (line, column) = (line.saturating_sub(1), column.saturating_sub(1));
        let table = self.map.generate_lookup_table();
        let found = self.map.lookup_token(&table, line, column);
        let Some(found) = found.filter(|found| found.get_dst_line() == line) else {
            // The position is in generated code.
            return CompileError { position: None, frame: Box::default(), ..error };
        };
        // Within a part of the script that was taken over, columns run in parallel.
        let further = column - found.get_dst_col();
        let (line, column) = (found.get_src_line() + 1, found.get_src_col() + further + 1);
        let CompileError { file, message, help, related, .. } = error;
        let located =
            CompileError::at_position(&file, self.text, line as usize, column as usize, message);
        CompileError { help, related, ..located }
    }
}
