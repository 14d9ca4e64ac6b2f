//! Amends the Content Security Policies in the `meta` elements of a document's head.
//!
//! lol_html parses the head and reports where policies are; their text is replaced, and every other
//! byte stays. Parsing stops at the end of the head, since a policy after it has no effect (WHATWG
//! HTML, 4.2.5.3, "If the meta element is not a child of a head element, return"). A streamed
//! document is held back only from an incomplete `<meta` on.
//!
//! Not supported: UTF-16, and policies written with character references other than those for
//! quotes and the ampersand.

use std::{
    fmt,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::{Bytes, BytesMut};
use lol_html::{
    MemorySettings, doc_text, element,
    html_content::{TextChunk, TextType},
    send::{Element, HtmlRewriter, Settings},
};

/// How much of a document is parsed for the end of its head, and at most held back, bytes.
const HEAD: usize = 1024 * 1024;

/// The elements that do not end a head (WHATWG HTML, 13.2.6.4.4).
const IN_HEAD: [&str; 11] = [
    "base", "basefont", "bgsound", "link", "meta", "title", "noscript", "noframes", "style",
    "script", "template",
];

/// Returns what a policy becomes, or `None` if it stays.
pub(crate) type Amend = Box<dyn Fn(&str) -> Option<String> + Send>;

type Discard = fn(&[u8]);

/// A policy in a `meta` element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MetaPolicy {
    /// The byte range of the attribute's value, without quotes.
    pub(super) place: Range<usize>,
    /// The value, with character references decoded.
    pub(super) text: String,
}

/// Returns the policies that take effect in the head of a complete document, read from an offset
/// on.
pub(super) fn policies(document: &[u8], offset: usize) -> Box<[MetaPolicy]> {
    let document = document.get(offset..).unwrap_or_default();
    if !may_have(document) {
        return Box::default();
    }
    let mut reader = Reader::new();
    reader.read(&document[..document.len().min(HEAD)]);
    let found = reader.take().into_iter().filter_map(|(place, text)| {
        let place = offset + place.start..offset + place.end;
        Some(MetaPolicy { place, text: decoded(&text)? })
    });
    found.collect()
}

/// Amends the policies of one head whose bytes are pushed through it.
pub(crate) struct Policies {
    amend: Amend,
    /// `None` after the end of the head.
    reader: Option<Reader>,
    held: BytesMut,
    /// How many bytes were passed on.
    passed: usize,
}

#[derive(Default)]
struct Found {
    /// The policies that were not amended yet, and where they are.
    policies: Vec<(Range<usize>, String)>,
    /// Where the last `meta` ended.
    read: usize,
}

/// Returns whether a document may contain a policy. Much cheaper than parsing the head.
fn may_have(document: &[u8]) -> bool {
    const NAME: &[u8] = b"content-security-policy";
    const BEFORE: usize = "content".len();
    let mut dashes = document.iter().enumerate().filter(|(_, byte)| **byte == b'-');
    dashes.any(|(at, _)| {
        let name = at.checked_sub(BEFORE).and_then(|from| document.get(from..from + NAME.len()));
        name.is_some_and(|name| name.eq_ignore_ascii_case(NAME))
    })
}

/// Parses a head and notes its policies.
struct Reader {
    rewriter: HtmlRewriter<'static, Discard>,
    found: Arc<Mutex<Found>>,
}

impl Reader {
    fn new() -> Self {
        let found = Arc::new(Mutex::new(Found::default()));
        let metas = Arc::clone(&found);
        let discard: Discard = |_| ();
        let settings = Settings::new_send()
            .with_strict(false)
            .with_memory_settings(MemorySettings::new().with_max_allowed_memory_usage(4 * HEAD))
            .append_element_content_handler(element!("*", move |element: &mut Element<'_, '_>| {
                let name = element.tag_name();
                if name == "meta" {
                    let mut found = metas.lock().unwrap_or_else(PoisonError::into_inner);
                    found.policies.extend(policy(element));
                    found.read = element.source_location().bytes().end;
                }
                stop_unless(IN_HEAD.contains(&name.as_str()))
            }))
            .append_document_content_handler(doc_text!(|text: &mut TextChunk<'_>| {
                let blank = text.as_str().bytes().all(|byte| byte.is_ascii_whitespace());
                stop_unless(blank || text.text_type() != TextType::Data)
            }));
        Self { rewriter: HtmlRewriter::new(settings, discard), found }
    }

    /// Parses the next bytes. Returns whether the head goes on.
    fn read(&mut self, bytes: &[u8]) -> bool {
        // An error is either how the handlers stop the parser, or a limit.
        self.rewriter.write(bytes).is_ok()
    }

    /// Returns the policies found since the last call.
    fn take(&self) -> Vec<(Range<usize>, String)> {
        std::mem::take(&mut self.found().policies)
    }

    fn found(&self) -> MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Policies {
    pub(crate) fn new(amend: Amend) -> Self {
        Self { amend, reader: Some(Reader::new()), held: BytesMut::new(), passed: 0 }
    }

    /// Takes the next bytes and returns those that can be sent.
    pub(crate) fn push(&mut self, bytes: Bytes) -> Bytes {
        let Some(reader) = &mut self.reader else { return bytes };
        self.held.extend_from_slice(&bytes);
        let over = !reader.read(&bytes) || self.passed + self.held.len() > HEAD;
        let (policies, read) = (reader.take(), reader.found().read);
        let mut out = self.amended(policies);
        if over {
            self.reader = None;
            out.extend_from_slice(&self.held.split());
        } else {
            let until = open_meta(&self.held, read.saturating_sub(self.passed));
            out.extend_from_slice(&self.pass(until));
        }
        out.freeze()
    }

    /// Ends the document and returns what was held back.
    pub(crate) fn finish(&mut self) -> Bytes {
        self.held.split().freeze()
    }

    /// Returns what is held up to the end of the last of these policies, with the policies amended.
    fn amended(&mut self, policies: Vec<(Range<usize>, String)>) -> BytesMut {
        let mut out = BytesMut::new();
        for (place, text) in policies {
            let Some(amended) = decoded(&text).and_then(|policy| (self.amend)(&policy)) else {
                continue;
            };
            // Never negative: a `meta` is held from its beginning on.
            let Some(before) = place.start.checked_sub(self.passed) else { continue };
            out.extend_from_slice(&self.pass(before));
            let quote = out.last().copied();
            out.extend_from_slice(attribute_value(&amended, quote).as_bytes());
            self.pass(place.len());
        }
        out
    }

    fn pass(&mut self, length: usize) -> BytesMut {
        let length = length.min(self.held.len());
        self.passed += length;
        self.held.split_to(length)
    }
}

impl fmt::Debug for Policies {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Policies").finish_non_exhaustive()
    }
}

/// Returns the policy of a `meta` element as it is written, and where it is.
fn policy(element: &Element<'_, '_>) -> Option<(Range<usize>, String)> {
    if !element.get_attribute("http-equiv")?.eq_ignore_ascii_case("content-security-policy") {
        return None;
    }
    let content = element.attributes().iter().find(|attribute| attribute.name() == "content")?;
    Some((content.value_source_location()?.bytes(), content.value()))
}

/// Returns the offset after `read` from which on the bytes may be an incomplete `meta` element.
fn open_meta(held: &[u8], read: usize) -> usize {
    const META: &[u8] = b"<meta";
    (read..held.len())
        .find(|at| {
            let rest = &held[*at..];
            let length = rest.len().min(META.len());
            rest[..length].eq_ignore_ascii_case(&META[..length])
        })
        .unwrap_or(held.len())
}

fn stop_unless(in_head: bool) -> lol_html::HandlerResult {
    if in_head { Ok(()) } else { Err("the head has ended".into()) }
}

/// The supported character references and what they stand for.
const REFERENCES: [(&str, &str); 7] = [
    ("&#39;", "'"),
    ("&#x27;", "'"),
    ("&#X27;", "'"),
    ("&apos;", "'"),
    ("&#34;", "\""),
    ("&quot;", "\""),
    ("&amp;", "&"),
];

/// Decodes the character references in an attribute's value; returns `None` for unsupported ones.
pub(super) fn decoded(text: &str) -> Option<String> {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        let (before, from) = rest.split_at(at);
        let reference = REFERENCES.iter().find(|(written, _)| from.starts_with(written));
        let (written, means) = reference?;
        decoded.extend([before, means]);
        rest = &from[written.len()..];
    }
    Some(decoded + rest)
}

/// Encodes a value to be written after a byte: inside the quotes that this byte opens, or with
/// quotes of its own.
pub(super) fn attribute_value(value: &str, before: Option<u8>) -> String {
    let value = value.replace('&', "&amp;");
    match before {
        Some(b'\'') => value.replace('\'', "&#39;"),
        Some(b'"') => value.replace('"', "&quot;"),
        _ => format!("\"{}\"", value.replace('"', "&quot;")),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::{Policies, may_have};

    /// Returns a head with `'+'` added to each policy.
    fn amended(head: &[u8], step: usize) -> Vec<u8> {
        let mut policies = Policies::new(Box::new(|policy| Some(format!("{policy} '+'"))));
        let mut out = Vec::new();
        for bytes in head.chunks(step) {
            out.extend_from_slice(&policies.push(Bytes::copy_from_slice(bytes)));
        }
        out.extend_from_slice(&policies.finish());
        out
    }

    #[test]
    fn only_the_policies_of_the_head_are_amended() {
        const META: &str = "<meta http-equiv=Content-Security-Policy content=";
        let table = [
            ("<title>a</title>".to_owned(), None),
            (format!("\n{META}\"a 'b'\">c"), Some(format!("\n{META}\"a 'b' '+'\">c"))),
            (format!("{META}'a' ><p>"), Some(format!("{META}'a &#39;+&#39;' ><p>"))),
            (format!("{META}a>"), Some(format!("{META}\"a '+'\">"))),
            (
                format!("{META}\"a &#39;b&#39; &amp;\">"),
                Some(format!("{META}\"a 'b' &amp; '+'\">")),
            ),
            (format!("{META}\"&nbsp;\">"), None),
            (
                format!("<title>{META}x></title><style>x</style><link>{META}'a'/>{META}\"b\">"),
                Some(format!(
                    "<title>{META}x></title><style>x</style><link>{META}'a &#39;+&#39;'/>{META}\"b '+'\">"
                )),
            ),
            (format!("<script>if (a<b) '{META}x>'</script><p>"), None),
            (format!("<!-- {META}x> --> <body>"), None),
            (format!("<p>{META}x>"), None),
            (format!("x{META}x>"), None),
            ("<meta http-equiv=refresh content=3>".to_owned(), None),
            ("<meta content=x http-equiv=content-security-policy".to_owned(), None),
            (
                "<META content=x\nHTTP-EQUIV='CONTENT-security-policy'>".to_owned(),
                Some("<META content=\"x '+'\"\nHTTP-EQUIV='CONTENT-security-policy'>".to_owned()),
            ),
        ];
        for (head, wanted) in table {
            for step in [1, 2, 7, 50, 1 << 20] {
                let out = String::from_utf8(amended(head.as_bytes(), step)).unwrap();
                assert_eq!(&out, wanted.as_ref().unwrap_or(&head), "in steps of {step}");
            }
            assert!(wanted.is_none() || may_have(head.as_bytes()), "{head}");
        }
        assert!(!may_have(b"-content-security-polic"));
    }

    const PIECES: [&[u8]; 14] = [
        b"<meta ",
        b"http-equiv=Content-Security-Policy ",
        b"content=\"a\"",
        b"content='",
        b">",
        b"<!--",
        b"-->",
        b"<title>",
        b"</title>",
        b"<p>",
        b" ",
        b"\xff",
        b"&",
        b"'",
    ];

    proptest! {
        #[test]
        fn the_result_is_independent_of_chunks_and_no_byte_is_lost(
            head in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..24),
            step in 1_usize..40,
        ) {
            let head = head.concat();
            let whole = amended(&head, 1 << 20);
            prop_assert_eq!(&amended(&head, step), &whole);
            let mut kept = Policies::new(Box::new(|_| None));
            let out = [kept.push(head.clone().into()), kept.finish()].concat();
            prop_assert_eq!(out, head);
        }
    }
}
