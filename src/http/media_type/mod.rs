//! Media types of files, by their names and contents.
//!
//! `mime_guess` knows the registered types; a [table] corrects it where browsers expect another
//! one. Text is sent with the charset UTF-8 unless its bytes are not UTF-8. HTML can declare its
//! own charset, which one in the header would override (WHATWG HTML, "determining the character
//! encoding"), so the header has a charset only if the page is UTF-8 and declares no other.

mod table;

use std::{ffi::OsStr, path::Path};

use self::table::{NAMES, OVERRIDES};

/// The type of files with an unknown extension.
const UNKNOWN: &str = "application/octet-stream";

/// The extensions of style sheets.
const STYLE_SHEETS: [&str; 6] = ["css", "less", "pcss", "postcss", "sass", "scss"];

/// Returns the `Content-Type` of a file by its name.
pub(crate) fn of(path: &Path) -> String {
    let text = |part: Option<&OsStr>| part.and_then(OsStr::to_str).unwrap_or_default().to_owned();
    let name = text(path.file_name());
    if let Some((_, whole)) = NAMES.iter().find(|(known, _)| *known == name) {
        return (*whole).to_owned();
    }
    let extension = text(path.extension()).to_ascii_lowercase();
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

/// Returns whether a path names a style sheet: CSS, or a language that is compiled to it.
pub(crate) fn is_style_sheet(path: &str) -> bool {
    has_extension(path, &STYLE_SHEETS)
}

/// Returns whether a path names a page.
pub(crate) fn names_page(path: &str) -> bool {
    path.ends_with('/') || has_extension(path, &["html", "htm", "xhtml", "xht"])
}

fn has_extension(path: &str, extensions: &[&str]) -> bool {
    let name = &path[path.rfind('/').map_or(0, |at| at + 1)..];
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    extensions.iter().any(|known| known.eq_ignore_ascii_case(extension))
}

/// The content of a file, or a part of it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sample<'a> {
    /// All bytes.
    Whole(&'a [u8]),
    /// The first bytes. The last one may be in the middle of a character.
    Beginning(&'a [u8]),
}

impl Sample<'_> {
    fn bytes(&self) -> &[u8] {
        let (Self::Whole(bytes) | Self::Beginning(bytes)) = self;
        bytes
    }

    fn is_utf8(&self) -> bool {
        match (self, std::str::from_utf8(self.bytes())) {
            (_, Ok(_)) => true,
            (Self::Whole(_), Err(_)) => false,
            (Self::Beginning(_), Err(error)) => error.error_len().is_none(),
        }
    }
}

/// Returns the `Content-Type` of a file by its name and its content.
pub(crate) fn of_file(path: &Path, content: Sample<'_>) -> String {
    let of_name = of(path);
    if is_html(&of_name) {
        return of_html(content).to_owned();
    }
    if is_transport_stream(path, content.bytes()) {
        return "video/mp2t".to_owned();
    }
    match of_name.strip_suffix("; charset=utf-8") {
        // Without a charset in the header, the browser detects it.
        Some(text) if !content.is_utf8() => text.to_owned(),
        _ => of_name,
    }
}

/// Whether a file is an MPEG transport stream, which shares its extensions with TypeScript: packets
/// of 188 bytes, each of which begins with 0x47 (ISO/IEC 13818-1).
fn is_transport_stream(path: &Path, beginning: &[u8]) -> bool {
    const PACKET: usize = 188;
    let named = path.extension().is_some_and(|extension| extension == "ts" || extension == "mts");
    let mut packets = beginning.iter().step_by(PACKET);
    named && beginning.len() >= PACKET && packets.all(|first| *first == 0x47)
}

/// The syntax of a document that can contain scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Markup {
    Html,
    /// XHTML or SVG.
    Xml,
}

/// Returns the syntax of a document with a `Content-Type`, if browsers run scripts in it.
///
/// They do so in any XML with elements of XHTML or SVG. Other types are left out, because they are
/// mostly data, of which browsers show the source.
pub(crate) fn markup(content_type: &str) -> Option<Markup> {
    let essence = essence(content_type);
    let is = |known: &str| essence.eq_ignore_ascii_case(known);
    if is_html(content_type) {
        Some(Markup::Html)
    } else {
        (is("application/xhtml+xml") || is("image/svg+xml")).then_some(Markup::Xml)
    }
}

/// Whether a `Content-Type` is that of HTML.
pub(crate) fn is_html(content_type: &str) -> bool {
    essence(content_type).eq_ignore_ascii_case("text/html")
}

/// Returns the `Content-Type` of an HTML document by its content.
pub(crate) fn of_html(content: Sample<'_>) -> &'static str {
    if content.is_utf8() && !declares_other_charset(content.bytes()) {
        "text/html; charset=utf-8"
    } else {
        "text/html"
    }
}

/// Whether a `<meta>` declares a charset other than UTF-8.
fn declares_other_charset(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some(at) = next_meta(rest) {
        rest = &rest[at + 5..];
        let tag = &rest[..rest.iter().position(|byte| *byte == b'>').unwrap_or(rest.len())];
        if let Some(at) = find(tag, b"charset") {
            return find(&tag[at..], b"utf-8").is_none() && find(&tag[at..], b"utf8").is_none();
        }
    }
    false
}

/// Returns the position of the next `<meta`. Only tags are looked at, because all of the page is
/// searched.
fn next_meta(bytes: &[u8]) -> Option<usize> {
    let is_meta = |name: &[u8]| name.eq_ignore_ascii_case(b"<meta");
    memchr::memchr_iter(b'<', bytes).find(|at| bytes[*at..].get(..5).is_some_and(is_meta))
}

/// Returns the first position of a lower-case ASCII needle, in any case.
fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window.eq_ignore_ascii_case(needle))
}

/// Returns the charset parameter of a `Content-Type`.
pub(crate) fn charset(content_type: &str) -> Option<&str> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let value = value.trim().trim_matches('"');
        name.trim().eq_ignore_ascii_case("charset").then_some(value)
    })
}

/// Returns a media type without its parameters (RFC 9110, section 8.3.1).
fn essence(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{
        Markup, OVERRIDES,
        Sample::{Beginning, Whole},
        charset, is_html, markup, of, of_file, of_html,
    };

    #[test]
    fn types_are_those_that_browsers_expect() {
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
            ("a.cjs", "text/javascript; charset=utf-8"),
            ("a.webmanifest", "application/manifest+json"),
            ("a.avif", "image/avif"),
            ("a.jxl", "image/jxl"),
            ("a.jsonld", "application/ld+json"),
            ("a.gltf", "model/gltf+json"),
            ("a.glb", "model/gltf-binary"),
            ("a.m3u8", "application/vnd.apple.mpegurl"),
            ("a.vtt", "text/vtt; charset=utf-8"),
            ("a.otf", "font/otf"),
            ("a.webm", "video/webm"),
            ("a.opus", "audio/ogg"),
            ("a.pdf", "application/pdf"),
            ("a.yaml", "application/yaml"),
            ("a.py", "text/plain; charset=utf-8"),
            ("apple-app-site-association", "application/json"),
        ];
        for (name, wanted) in table {
            assert_eq!(of(Path::new(name)), wanted, "{name}");
        }
    }

    #[test]
    fn first_bytes_decide_about_charsets_and_streams() {
        let stream = [&[0x47; 1][..], &[0; 187]].concat().repeat(3);
        let table: &[(&str, &[u8], &str)] = &[
            ("a.css", b"a {}", "text/css; charset=utf-8"),
            ("a.css", b"/* \xfc */", "text/css"),
            ("a.txt", b"\xff\xfea\0", "text/plain"),
            ("a.txt", b"caf\xe9", "text/plain"),
            ("a.txt", b"caf\xc3\xa9", "text/plain; charset=utf-8"),
            ("a.html", b"<p>\xfc", "text/html"),
            ("a.png", b"\x89PNG", "image/png"),
            ("a.ts", b"let a = 1;", "text/plain; charset=utf-8"),
            ("a.ts", b"G", "text/plain; charset=utf-8"),
            ("a.ts", &stream, "video/mp2t"),
            ("a.mts", &stream, "video/mp2t"),
            ("a.tsx", &stream, "text/plain; charset=utf-8"),
        ];
        for (name, bytes, wanted) in table {
            let found = of_file(Path::new(name), Whole(bytes));
            assert_eq!(found, *wanted, "{name} {}", bytes.escape_ascii());
        }
        // The rest of the character may follow, if that was not the end.
        for (bytes, wanted) in [
            (&b"caf\xe9"[..], "text/plain; charset=utf-8"),
            (b"\xf0\x9f\x98", "text/plain; charset=utf-8"),
            (b"caf\xe9.", "text/plain"),
        ] {
            assert_eq!(of_file(Path::new("a.txt"), Beginning(bytes)), wanted);
        }
    }

    #[test]
    fn overrides_are_sorted_for_binary_search() {
        assert!(OVERRIDES.is_sorted_by_key(|(extension, _)| extension));
    }

    #[test]
    fn charset_of_a_page_is_sent_only_if_it_is_certain() {
        let utf8 = "text/html; charset=utf-8";
        let table: &[(&[u8], &str)] = &[
            (b"", utf8),
            ("<p>\u{fc}".as_bytes(), utf8),
            (b"<meta charset=utf-8><p>", utf8),
            (b"<META http-equiv=Content-Type content='text/html; charset=UTF-8'>", utf8),
            (b"<p>charset=latin1", utf8),
            (b"<p>\xc3", "text/html"),
            (b"<p>\xfc.", "text/html"),
            (b"<meta charset=iso-2022-jp>", "text/html"),
            (b"<meta name=a><Meta CHARSET='shift_jis'>", "text/html"),
            (b"\xff\xfe<\0p\0>\0", "text/html"),
        ];
        for (page, wanted) in table {
            assert_eq!(of_html(Whole(page)), *wanted, "{}", page.escape_ascii());
        }
        assert_eq!(of_html(Beginning(b"<p>\xc3")), utf8);
    }

    #[test]
    fn charset_parameter_is_parsed() {
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
    fn documents_with_scripts_are_recognized() {
        for (content_type, wanted) in [
            ("text/html; charset=utf-8", Some(Markup::Html)),
            ("Application/XHTML+xml;charset=utf-16", Some(Markup::Xml)),
            ("image/svg+xml ", Some(Markup::Xml)),
            ("application/xml", None),
            ("image/svg", None),
            ("", None),
        ] {
            assert_eq!(markup(content_type), wanted, "{content_type}");
        }
    }

    #[test]
    fn html_is_recognized() {
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
