//! Where the element goes in a complete document, computed once and applied to many responses.
//!
//! A [`Placement`] is what an [`Injector`](super::injector::Injector) finds out while a document
//! streams through it, kept as offsets: a cache stores it beside the document's bytes, and
//! [`assemble`](Placement::assemble) turns both into a response body without searching, and without
//! copying the document unless one of its own policies has to be amended.

use bytes::Bytes;

use super::{
    meta::{self, MetaPolicy},
    search::{BEGINNING, Encoding, Search},
    xml::XmlSearch,
};
use crate::http::media_type::Markup;

/// The position of the element in one document, and the policies that the document contains.
#[derive(Clone, Debug, Default)]
pub(crate) struct Placement {
    /// `None` where the document cannot be parsed: it is served unchanged.
    element: Option<Position>,
    /// Content Security Policies in `meta` elements, in document order, all after the element.
    policies: Box<[MetaPolicy]>,
}

#[derive(Clone, Copy, Debug)]
struct Position {
    offset: usize,
    /// Ends a comment, bogus comment or doctype that the document leaves open.
    closer: &'static str,
    encoding: Encoding,
}

/// Returns where the element goes in a complete document, and which policies the document contains.
///
/// `charset` is the one that the response's `Content-Type` names, if any. The result is a pure
/// function of the arguments. Reads at most the first MiB up to the element, and one MiB after it
/// if the document contains the text `content-security-policy`.
pub(crate) fn placement(document: &[u8], markup: Markup, charset: Option<&str>) -> Placement {
    match markup {
        Markup::Html => in_html(document, charset),
        Markup::Xml => {
            let mut search = XmlSearch::new(charset);
            search.scan(document);
            in_xml(search)
        }
    }
}

/// Returns what a search in an XML document has found.
pub(super) fn in_xml(search: XmlSearch) -> Placement {
    let Some((offset, encoding, policies)) = search.found() else { return Placement::default() };
    Placement { element: Some(Position { offset, closer: "", encoding }), policies }
}

fn in_html(document: &[u8], charset: Option<&str>) -> Placement {
    let mut search = Search::new(charset);
    let (offset, closer) = match search.scan(document) {
        Some(offset) => (offset, ""),
        None if document.len() > BEGINNING => return Placement::default(),
        None => match search.end(document) {
            Some(end) => end,
            None => return Placement::default(),
        },
    };
    let encoding = search.encoding();
    let policies = match encoding {
        Encoding::Ascii(_) => meta::policies(document, offset),
        Encoding::Utf16Le | Encoding::Utf16Be => Box::default(),
    };
    Placement { element: Some(Position { offset, closer, encoding }), policies }
}

impl Placement {
    /// Returns whether the document gets the element.
    pub(crate) fn has_element(&self) -> bool {
        self.element.is_some()
    }

    /// Returns whether the document contains Content Security Policies, which
    /// [`assemble`](Self::assemble) may have to amend.
    #[allow(dead_code)]
    pub(crate) fn has_policies(&self) -> bool {
        !self.policies.is_empty()
    }

    /// Returns the document with the element in place, as the segments of a response body: what
    /// comes before the element, the element, and what comes after it.
    ///
    /// `document` must be the one that the placement was computed for. `amend` returns what a
    /// policy of the document becomes, or `None` where it stays; it is called only where
    /// [`has_policies`](Self::has_policies). The first and last segment share the document's
    /// memory, except that the last is a copy where a policy was amended. The element is copied
    /// only where the document is UTF-16 or leaves a comment open.
    pub(crate) fn assemble(
        &self,
        document: &Bytes,
        element: Bytes,
        amend: impl Fn(&str) -> Option<String>,
    ) -> [Bytes; 3] {
        let Some(Position { offset, closer, encoding }) = self.element else {
            return [document.clone(), Bytes::new(), Bytes::new()];
        };
        let element = if closer.is_empty() && matches!(encoding, Encoding::Ascii(_)) {
            element
        } else {
            [encoding.encode(closer.as_bytes()), encoding.encode(&element)].concat().into()
        };
        let after = match self.amended(document, offset, amend) {
            Some(amended) => amended.into(),
            None => document.slice(offset..),
        };
        [document.slice(..offset), element, after]
    }

    /// Returns the document from an offset on with its policies amended, or `None` if all stay.
    fn amended(
        &self,
        document: &[u8],
        offset: usize,
        amend: impl Fn(&str) -> Option<String>,
    ) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        let mut copied = offset;
        for policy in &self.policies {
            let Some(amended) = amend(&policy.text) else { continue };
            let before = document.get(copied..policy.place.start)?;
            out.extend_from_slice(before);
            let quote = document[..policy.place.start].last().copied();
            out.extend_from_slice(meta::attribute_value(&amended, quote).as_bytes());
            copied = policy.place.end;
        }
        if copied == offset {
            return None;
        }
        out.extend_from_slice(document.get(copied..)?);
        Some(out)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::placement;
    use crate::{
        http::media_type::Markup::{self, Html, Xml},
        live::inject::injector::Injector,
    };

    const ELEMENT: &str = "<!>";

    fn assembled(document: &[u8], markup: Markup, charset: Option<&str>) -> Vec<u8> {
        let document = Bytes::copy_from_slice(document);
        let placement = placement(&document, markup, charset);
        placement.assemble(&document, Bytes::from_static(ELEMENT.as_bytes()), amend).concat()
    }

    fn streamed(document: &[u8], step: usize, markup: Markup, charset: Option<&str>) -> Vec<u8> {
        let mut injector = Injector::new(markup, ELEMENT.into(), charset, Box::new(amend));
        let mut out = Vec::new();
        for bytes in document.chunks(step) {
            out.extend_from_slice(&injector.push(Bytes::copy_from_slice(bytes)));
        }
        out.extend_from_slice(&injector.finish());
        out
    }

    #[expect(clippy::unnecessary_wraps)]
    fn amend(policy: &str) -> Option<String> {
        Some(format!("{policy} '+'"))
    }

    #[test]
    fn a_document_is_not_copied() {
        let document = Bytes::from_static(b"<!doctype html><title>a</title><p>b");
        let element = Bytes::from_static(b"<script></script>");
        let placement = placement(&document, Html, None);
        let [before, middle, after] = placement.assemble(&document, element.clone(), amend);
        assert_eq!(before, "<!doctype html>");
        assert_eq!(middle.as_ptr(), element.as_ptr());
        assert_eq!(after.as_ptr(), document[15..].as_ptr());
        assert!(!placement.has_policies());
    }

    #[test]
    fn policies_are_amended_per_request() {
        let document = Bytes::from_static(
            b"<meta http-equiv=content-security-policy content=\"a\"><title></title>\
              <meta http-equiv=content-security-policy content=b><p>c",
        );
        let placement = placement(&document, Html, None);
        assert!(placement.has_policies());
        let whole = |amend: fn(&str) -> Option<String>| {
            placement.assemble(&document, Bytes::new(), amend).concat()
        };
        assert_eq!(whole(|_| None), document);
        let only_b = whole(|policy| (policy == "b").then(|| "d".to_owned()));
        assert!(only_b.ends_with(b"content=\"d\"><p>c"), "{}", only_b.escape_ascii());
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
        b"=",
        b"\xff",
        b"\xfe",
        b"<title>",
        b"<meta http-equiv=Content-Security-Policy ",
        b"content='a'>",
        b"content=b>",
        b"\xef\xbb\xbf",
    ];

    const ROOTS: [&[u8]; 4] = [
        b"<html xmlns='http://www.w3.org/1999/xhtml'><head>",
        b"<svg xmlns='http://www.w3.org/2000/svg' width=\"1\">",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<html>",
    ];

    const XML: [&[u8]; 18] = [
        b"<?xml version='1.0'?>",
        b"<!DOCTYPE svg [ <!ENTITY a '<svg>]>'> ",
        b"]>",
        b"<!-- ",
        b" -->",
        b"<![CDATA[",
        b"]]>",
        b" ",
        b"<head>",
        b"</head>",
        b"<meta http-equiv='Content-Security-Policy' content=\"a\"/>",
        b"<body>",
        b"<",
        b">",
        b"'",
        b"\xef\xbb\xbf",
        b"<a b='>'/>",
        b"\xff",
    ];

    proptest! {
        #[test]
        fn assembling_equals_streaming(
            document in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..24),
            charset in prop::sample::select(&[None, Some("utf-8"), Some("utf-16le")][..]),
        ) {
            let document = document.concat();
            let whole = assembled(&document, Html, charset);
            prop_assert_eq!(whole, streamed(&document, 1 << 20, Html, charset));
        }

        #[test]
        fn assembling_xml_equals_streaming(
            root in prop::sample::select(&ROOTS[..]),
            before in prop::collection::vec(prop::sample::select(&XML[..]), 0..6),
            after in prop::collection::vec(prop::sample::select(&XML[..]), 0..12),
            step in 1_usize..40,
            wide in any::<bool>(),
        ) {
            let document = [before.concat(), root.to_vec(), after.concat()].concat();
            let (document, charset) = if wide {
                (document.iter().flat_map(|byte| [0, *byte]).collect(), Some("utf-16be"))
            } else {
                (document, None)
            };
            let whole = assembled(&document, Xml, charset);
            prop_assert_eq!(&whole, &streamed(&document, step, Xml, charset));
            prop_assert!(whole.len() >= document.len());
        }
    }
}
