//! The source map at the end of a module (ECMA-426), as a data URL.

use serde::Serialize;

/// The alphabet of base64 (RFC 4648, section 4).
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Map<'m> {
    version: u8,
    sources: [&'m str; 1],
    sources_content: [&'m str; 1],
    names: &'m [String],
    mappings: String,
}

/// The comment that leads from the lines of a module to those of its source. The mappings are those
/// of the code without the lines that stand before it.
pub(super) fn comment(
    source: &str,
    text: &str,
    names: &[String],
    mappings: &str,
    before: usize,
) -> String {
    let map = Map {
        version: 3,
        sources: [source],
        sources_content: [text],
        names,
        mappings: ";".repeat(before) + mappings,
    };
    match serde_json::to_vec(&map) {
        Ok(json) => {
            let mut comment =
                String::from("//# sourceMappingURL=data:application/json;charset=utf-8;base64,");
            base64(&json, &mut comment);
            comment.push('\n');
            comment
        }
        Err(_) => String::new(),
    }
}

fn base64(bytes: &[u8], out: &mut String) {
    out.reserve(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |at: usize| usize::from(group.get(at).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            if at <= group.len() {
                out.push(char::from(ALPHABET[bits >> (18 - 6 * at) & 63]));
            } else {
                out.push('=');
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn bytes_are_written_as_text() {
        for (bytes, wanted) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("\u{ff}?>", "w78/Pg=="),
        ] {
            let mut text = String::new();
            base64(bytes.as_bytes(), &mut text);
            assert_eq!(text, wanted, "{bytes}");
        }
    }
}
