//! Which media type a file has, by its name.
//!
//! `mime_guess` knows the registered types; the table here corrects it where the web of today
//! disagrees. Text is sent with a charset, UTF-8. HTML may name its own, which a charset in the
//! header would overrule (WHATWG HTML, "determining the character encoding"); so it is sent with
//! one only where the page is UTF-8 and does not claim to be something else.

use std::path::Path;

/// Types that `mime_guess` lacks or has otherwise.
const OVERRIDES: &[(&str, &str)] = &[
    ("avif", "image/avif"),
    ("br", "application/octet-stream"),
    ("cjs", "text/javascript; charset=utf-8"),
    ("cts", "text/plain; charset=utf-8"),
    ("glb", "model/gltf-binary"),
    ("gltf", "model/gltf+json"),
    ("js", "text/javascript; charset=utf-8"),
    ("jsonld", "application/ld+json"),
    ("jsx", "text/plain; charset=utf-8"),
    ("jxl", "image/jxl"),
    ("map", "application/json"),
    ("mjs", "text/javascript; charset=utf-8"),
    ("mts", "text/plain; charset=utf-8"),
    ("svelte", "text/plain; charset=utf-8"),
    ("ts", "text/plain; charset=utf-8"),
    ("tsx", "text/plain; charset=utf-8"),
    ("vue", "text/plain; charset=utf-8"),
    ("wasm", "application/wasm"),
    ("webmanifest", "application/manifest+json"),
    ("woff", "font/woff"),
    ("woff2", "font/woff2"),
    ("zst", "application/octet-stream"),
];

/// What is sent for a name that says nothing.
const UNKNOWN: &str = "application/octet-stream";

/// The media type of a file of this name, as the value of `Content-Type`.
pub(crate) fn of(path: &Path) -> String {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let extension = extension.to_ascii_lowercase();
    if let Ok(found) = OVERRIDES.binary_search_by_key(&extension.as_str(), |(known, _)| known) {
        return OVERRIDES[found].1.to_owned();
    }
    let guess = mime_guess::from_ext(&extension).first_raw().unwrap_or(UNKNOWN);
    let own_charset = guess == "text/html" || guess == "text/xml";
    if guess.starts_with("text/") && !own_charset {
        format!("{guess}; charset=utf-8")
    } else {
        guess.to_owned()
    }
}

/// Whether a `Content-Type` is that of an HTML document.
pub(crate) fn is_html(content_type: &str) -> bool {
    essence(content_type).eq_ignore_ascii_case("text/html")
}

/// The `Content-Type` of an HTML document that begins with these bytes.
pub(crate) fn of_html(beginning: &[u8]) -> &'static str {
    if is_utf8(beginning) && !names_other_charset(beginning) {
        "text/html; charset=utf-8"
    } else {
        "text/html"
    }
}

/// Whether the bytes are UTF-8, but for a character that is cut at their end.
fn is_utf8(bytes: &[u8]) -> bool {
    match std::str::from_utf8(bytes) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    }
}

/// Whether a `<meta>` names a charset other than UTF-8.
fn names_other_charset(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some(at) = find(rest, b"<meta") {
        rest = &rest[at + 5..];
        let tag = &rest[..rest.iter().position(|byte| *byte == b'>').unwrap_or(rest.len())];
        if let Some(at) = find(tag, b"charset") {
            return find(&tag[at..], b"utf-8").is_none() && find(&tag[at..], b"utf8").is_none();
        }
    }
    false
}

/// Where a lower-case ASCII needle first stands, in any case.
fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window.eq_ignore_ascii_case(needle))
}

/// The charset that a `Content-Type` names.
pub(crate) fn charset(content_type: &str) -> Option<&str> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let value = value.trim().trim_matches('"');
        name.trim().eq_ignore_ascii_case("charset").then_some(value)
    })
}

/// The type without its parameters (RFC 9110, section 8.3.1).
fn essence(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{OVERRIDES, charset, is_html, of, of_html};

    #[test]
    fn names_have_the_types_of_today() {
        let table = [
            ("index.html", "text/html"),
            ("INDEX.HTM", "text/html"),
            ("a.css", "text/css; charset=utf-8"),
            ("a.js", "text/javascript; charset=utf-8"),
            ("a.mjs", "text/javascript; charset=utf-8"),
            ("a.json", "application/json"),
            ("a.svg", "image/svg+xml"),
            ("a.png", "image/png"),
            ("a.txt", "text/plain; charset=utf-8"),
            ("a.md", "text/markdown; charset=utf-8"),
            ("a.csv", "text/csv; charset=utf-8"),
            ("a.ts", "text/plain; charset=utf-8"),
            ("a.mp4", "video/mp4"),
            ("a.wasm", "application/wasm"),
            ("a.woff2", "font/woff2"),
            ("a.ico", "image/x-icon"),
            ("a.xhtml", "application/xhtml+xml"),
            ("a", "application/octet-stream"),
            ("a.unknown", "application/octet-stream"),
        ];
        for (name, wanted) in table {
            assert_eq!(of(Path::new(name)), wanted, "{name}");
        }
    }

    #[test]
    fn the_overrides_can_be_searched() {
        assert!(OVERRIDES.is_sorted_by_key(|(extension, _)| extension));
    }

    #[test]
    fn a_page_is_never_given_a_charset_that_is_not_its_own() {
        let utf8 = "text/html; charset=utf-8";
        let table: &[(&[u8], &str)] = &[
            (b"", utf8),
            ("<p>\u{fc}".as_bytes(), utf8),
            (b"<meta charset=utf-8><p>", utf8),
            (b"<META http-equiv=Content-Type content='text/html; charset=UTF-8'>", utf8),
            (b"<p>charset=latin1", utf8),
            (b"<p>\xc3", utf8), // cut in the middle of a character
            (b"<p>\xfc.", "text/html"),
            (b"<meta charset=iso-2022-jp>", "text/html"),
            (b"<meta name=a><Meta CHARSET='shift_jis'>", "text/html"),
            (b"\xff\xfe<\0p\0>\0", "text/html"),
        ];
        for (page, wanted) in table {
            assert_eq!(of_html(page), *wanted, "{}", page.escape_ascii());
        }
    }

    #[test]
    fn a_charset_is_read() {
        for (content_type, wanted) in [
            ("text/html", None),
            ("text/html; charset=utf-8", Some("utf-8")),
            ("text/html;a=b; Charset=\"UTF-16LE\" ", Some("UTF-16LE")),
            ("text/html; charset", None),
        ] {
            assert_eq!(charset(content_type), wanted, "{content_type}");
        }
    }

    #[test]
    fn html_is_told_from_the_rest() {
        for (content_type, wanted) in [
            ("text/html", true),
            ("Text/HTML ; charset=utf-8", true),
            ("text/html;charset=utf-16", true),
            ("text/htmlx", false),
            ("application/xhtml+xml", false),
            ("", false),
        ] {
            assert_eq!(is_html(content_type), wanted, "{content_type}");
        }
    }
}
