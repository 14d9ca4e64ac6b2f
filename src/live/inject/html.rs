//! Inserts one script element into an HTML document as it streams.
//!
//! The element goes where it changes least: after the byte order mark, comments and doctype (before
//! the doctype it would cause quirks mode), after explicit `<html>` and `<head>` tags, and
//! otherwise right before the first tag or text that makes the parser imply them. There the parser
//! puts a script into the head, whatever comes next (WHATWG HTML, 13.2.6.4, "before head"), so the
//! body does not start early. White space is skipped, because the parser drops it there and would
//! not after a script; so is NUL, which browsers drop before parsing. An end tag that implies a
//! body, such as `</body>` without a start tag, counts like a start tag.
//!
//! The document's bytes are never re-encoded, only cut at that position
//! ([`search`](super::search)), so every encoding and malformation survives. Once the position is
//! found, the rest passes through unparsed. In a UTF-16 document the element is inserted as UTF-16.
//!
//! A document that ends inside a comment or a tag, such as one that is just being saved, gets the
//! element too, so that its tab is notified of the rest: after the comment, which is ended for it,
//! and before the tag, which is not part of the document ([`prologue`](super::prologue)).
//!
//! From the position on, [`meta`](super::meta) amends the policies that the document contains.

use bytes::{Bytes, BytesMut};

use super::{
    meta::{Amend, Policies},
    search::{BEGINNING, Encoding, Search},
};

/// Inserts the element into a document whose bytes are pushed through it.
pub(crate) struct HtmlInjector {
    element: Bytes,
    /// `None` once the position was found or the search was given up.
    search: Option<Search>,
    /// The bytes so far, held back until then.
    held: BytesMut,
    /// Amends the document's policies, from the position on.
    policies: Option<Policies>,
}

impl HtmlInjector {
    /// An injector for one document. `charset` is the one that the document's `Content-Type` names,
    /// if any.
    pub(crate) fn new(element: Bytes, charset: Option<&str>) -> Self {
        Self { element, search: Some(Search::new(charset)), held: BytesMut::new(), policies: None }
    }

    /// Also amends the Content Security Policies that the document contains.
    #[must_use]
    pub(crate) fn with_policies(mut self, amend: Amend) -> Self {
        self.policies = Some(Policies::new(amend));
        self
    }

    /// Takes the next bytes and returns those that can be sent.
    pub(crate) fn push(&mut self, bytes: Bytes) -> Bytes {
        let Some(search) = &mut self.search else { return self.after(bytes) };
        self.held.extend_from_slice(&bytes);
        match search.scan(&self.held) {
            Some(at) => self.insert(at, ""),
            None if self.held.len() > BEGINNING => self.release(),
            None => Bytes::new(),
        }
    }

    /// Ends the document and returns what was held back.
    pub(crate) fn finish(&mut self) -> Bytes {
        let last = match self.search.as_mut().map(|search| search.end(&self.held)) {
            Some(Some((at, closer))) => self.insert(at, closer),
            Some(None) => self.release(),
            None => Bytes::new(),
        };
        let held = self.policies.as_mut().map(Policies::finish).unwrap_or_default();
        if held.is_empty() { last } else { [last, held].concat().into() }
    }

    /// Passes on bytes after the position.
    fn after(&mut self, bytes: Bytes) -> Bytes {
        match &mut self.policies {
            Some(policies) => policies.push(bytes),
            None => bytes,
        }
    }

    /// Inserts the element at its position, after the text that ends an open comment there.
    fn insert(&mut self, at: usize, closer: &str) -> Bytes {
        let Some(search) = self.search.take() else { return Bytes::new() };
        let encoding = search.encoding();
        let mut out = self.held.split_to(at);
        out.extend_from_slice(&encoding.encode(closer.as_bytes()));
        out.extend_from_slice(&encoding.encode(&self.element));
        if !matches!(encoding, Encoding::Ascii(_)) {
            self.policies = None;
        }
        let held = self.held.split().freeze();
        out.extend_from_slice(&self.after(held));
        out.freeze()
    }

    /// Gives up, and returns what was held back.
    pub(super) fn release(&mut self) -> Bytes {
        self.policies = None;
        self.search = None;
        self.held.split().freeze()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::HtmlInjector;

    const ELEMENT: &str = "<!>";

    fn inject(document: &[u8], step: usize) -> Vec<u8> {
        let mut injector = HtmlInjector::new(ELEMENT.into(), None);
        let mut out = Vec::new();
        for chunk in document.chunks(step) {
            out.extend_from_slice(&injector.push(Bytes::copy_from_slice(chunk)));
        }
        out.extend_from_slice(&injector.finish());
        out
    }

    /// `@` marks the position.
    const DOCUMENTS: &[&str] = &[
        "<!doctype html><html><head>@<title>a</title></head><body>b</body></html>",
        "<!DOCTYPE html>\n<html lang=en>\n<head data-a='>'>@\n<meta charset=utf-8>",
        "<!doctype html>\n@<title>a</title><p>b",
        "<!doctype html>\n <!-- <head> -->\n@<p>a",
        "<!-- a --><!doctype html><html>@<body>a",
        "<html>@<body>",
        "<HTML><HEAD>@",
        "@<header>a</header>",
        "@<p>a",
        "@hello",
        "\u{feff}<!doctype html>@<p>a",
        "\u{feff}  @hello",
        " \r\n\t@hello <b>a",
        "@\u{fc}ber",
        "<!doctype html>@",
        "<!doctype html><html>\n@",
        "<!-- only this -->@",
        "<?xml version=\"1.0\"?><!doctype html><html><head>@</head>",
        "<html><html lang=en>@<p>a",
        "</p>@<p>a",
        "@<svg><head></head></svg>",
        "@<script>'<head>'</script>",
        "@<frameset><frame></frameset>",
        "@<plaintext><head>",
        "@",
        "   @",
        "<!doctype html></p>@</b",
        "<?xml?>@<di",
        "@</body><frameset>",
        "<html> <!-- a -->@</head> text",
        "<html>\0 @<frameset>",
        "<!doctype html>\0@text",
    ];

    #[test]
    fn the_element_goes_where_it_changes_least() {
        for document in DOCUMENTS {
            let (before, after) = document.split_once('@').unwrap();
            let wanted = format!("{before}{ELEMENT}{after}");
            for step in [1, 2, 3, 7, 1 << 20] {
                let out = inject(format!("{before}{after}").as_bytes(), step);
                assert_eq!(String::from_utf8_lossy(&out), wanted, "in steps of {step}");
            }
        }
    }

    #[test]
    fn an_open_comment_is_ended_before_the_element() {
        for (document, closer) in
            [("<!doctype html><!-- cut", "-->"), ("<!--> <!-- --!><!--x--", ">"), ("\n<!", ">")]
        {
            let wanted = format!("{document}{closer}{ELEMENT}");
            for step in [1, 7, 1 << 20] {
                let out = inject(document.as_bytes(), step);
                assert_eq!(String::from_utf8_lossy(&out), wanted, "in steps of {step}");
            }
        }
        let wide =
            |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
        let wanted = wide("\u{feff}<!-- cut--><!>");
        assert_eq!(inject(&wide("\u{feff}<!-- cut"), 3), wanted);
    }

    #[test]
    fn the_element_is_utf_16_in_a_utf_16_document() {
        for document in DOCUMENTS.iter().filter(|document| !document.starts_with('\u{feff}')) {
            let (before, after) = document.split_once('@').unwrap();
            let encode = |text: String, big: bool| -> Vec<u8> {
                text.encode_utf16()
                    .flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() })
                    .collect()
            };
            for (big, step) in [(false, 1), (false, 1 << 20), (true, 3), (true, 1 << 20)] {
                let original = encode(format!("\u{feff}{before}{after}"), big);
                let wanted = encode(format!("\u{feff}{before}{ELEMENT}{after}"), big);
                assert_eq!(inject(&original, step), wanted, "{document} {big} {step}");
            }
        }
    }

    #[test]
    fn the_charset_parameter_decides_without_a_byte_order_mark() {
        let units =
            |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_be_bytes).collect() };
        let mut injector = HtmlInjector::new(ELEMENT.into(), Some("UTF-16BE"));
        let out = injector.push(Bytes::from(units("<html><head><p>")));
        assert_eq!(out, units("<html><head><!><p>"));
    }

    #[test]
    fn bytes_of_any_encoding_survive() {
        let page = b"<!doctype html><head><meta charset=shift_jis><p>\x83\x5c\xff\x00\xc3";
        let out = inject(page, 5);
        let mut wanted = page.to_vec();
        wanted.splice(21..21, ELEMENT.bytes());
        assert_eq!(out, wanted);
    }

    #[test]
    fn the_element_goes_before_a_multibyte_character_split_across_chunks() {
        // A complete and two incomplete UTF-8 sequences, and a Shift_JIS character.
        for text in [b"\xe7\xa6\x9d".as_slice(), b"\xe7\xa6", b"\xef", b"\x83\x5c"] {
            for after in [b"".as_slice(), b"\n", b"<p>", b"\xef"] {
                let document = [b"<!doctype html>\n", text, after].concat();
                let wanted = [b"<!doctype html>\n", ELEMENT.as_bytes(), text, after].concat();
                for step in [1, 2, 3, 17, 1 << 20] {
                    let out = inject(&document, step);
                    assert_eq!(out, wanted, "{} {step}", document.escape_ascii());
                }
            }
        }
    }

    #[test]
    fn a_document_whose_position_is_too_far_in_is_unchanged() {
        let mut page = b"<!--".to_vec();
        page.resize(super::BEGINNING * 2, b'a');
        assert_eq!(inject(&page, 1 << 16), page);
    }

    const PIECES: [&[u8]; 20] = [
        b"<!doctype html>",
        b"<html>",
        b"<head",
        b">",
        b"<!--",
        b"-->",
        b" ",
        b"a",
        b"</",
        b"\0",
        b"<p ",
        b"\"",
        b"'",
        b"=",
        b"\xff",
        b"\xfe",
        b"<svg>",
        b"<![CDATA[",
        b"<title>",
        b"&amp;",
    ];

    proptest! {
        #[test]
        fn any_bytes_survive_and_get_one_element(
            document in prop::collection::vec(
                prop::sample::select(&PIECES[..]),
                0..24,
            ),
            step in 1_usize..40,
        ) {
            let document = document.concat();
            let wide = document.starts_with(b"\xff\xfe") || document.starts_with(b"\xfe\xff");
            let out = inject(&document, step);
            prop_assert_eq!(&out, &inject(&document, 1 << 20), "split into chunks");
            if !wide {
                let at = document.iter().zip(&out).take_while(|(a, b)| a == b).count();
                let found = |at: usize, closer: &str| {
                    let rest = out.strip_prefix(&document[..at]);
                    let rest = rest.and_then(|rest| rest.strip_prefix(closer.as_bytes()));
                    rest.and_then(|rest| rest.strip_prefix(ELEMENT.as_bytes()))
                        .is_some_and(|rest| rest == &document[at..])
                };
                let ended = [">", "->", "-->", " x>"];
                let found = (0..=at).any(|at| found(at, ""))
                    || ended.iter().any(|closer| found(document.len(), closer));
                prop_assert!(found, "{:?}", String::from_utf8_lossy(&out));
            }
        }
    }
}
