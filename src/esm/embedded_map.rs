//! The source map of compiled code, which is embedded in its last line as a `data:` URL.

use oxc_sourcemap::SourceMap;

use crate::source_map::COMMENT;

/// Splits code into what comes before the comment with the URL of its source map, and the URL.
pub(super) fn split(code: &str) -> (&str, Option<&str>) {
    let is_last_line = |at: usize| {
        (at == 0 || code[..at].ends_with('\n')) && !code[at..].trim_end().contains('\n')
    };
    match code.rfind(COMMENT) {
        Some(at) if is_last_line(at) => (&code[..at], Some(code[at + COMMENT.len()..].trim_end())),
        _ => (code, None),
    }
}

/// Decodes a source map from its `data:` URL.
pub(super) fn decode(url: &str) -> Option<SourceMap<'static>> {
    let (_, text) = url.strip_prefix("data:")?.split_once(";base64,")?;
    let bytes = base64_simd::STANDARD.decode_to_vec(text).ok()?;
    parse(str::from_utf8(&bytes).ok()?)
}

/// Parses the JSON of a source map.
pub(super) fn parse(json: &str) -> Option<SourceMap<'static>> {
    Some(SourceMap::from_json_string(json).ok()?.into_owned())
}
