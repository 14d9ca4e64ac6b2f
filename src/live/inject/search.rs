//! Finds the position in an HTML document where the script element goes; [`html`](super::html) says
//! which position that is.
//!
//! lol_html parses the beginning of the document and reports where elements and text start. Markup
//! is ASCII, so every byte is decoded as a character of its own (windows-1252): no multi-byte
//! character has to be waited for, and none is cut. UTF-16 is parsed through a projection to ASCII.
//!
//! lol_html does not report end tags that belong to no element, nor constructs that the document
//! leaves open: see [`prologue`].

use std::{
    borrow::Cow,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use lol_html::{
    AsciiCompatibleEncoding, MemorySettings, doc_text, element,
    html_content::TextChunk,
    send::{Element, HtmlRewriter, Settings},
};

use super::prologue;

/// The maximum number of bytes before the position. A document with more is passed on unchanged.
pub(super) const BEGINNING: usize = 1024 * 1024;

/// The search in one document. The caller keeps the document's beginning and passes all of it again
/// with each call.
pub(super) struct Search {
    /// How much of the text was parsed.
    scanned: usize,
    encoding: Option<Encoding>,
    scanner: Scanner,
}

/// The position in a document that was parsed to its end.
enum Position {
    At(usize),
    /// The document has neither an element nor text.
    End,
    /// The document could not be parsed.
    None,
}

/// The layout of ASCII characters in a document's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// One byte each, after a UTF-8 byte order mark of this length, or none.
    Ascii(usize),
    Utf16Le,
    Utf16Be,
}

impl Search {
    /// Starts a search. `charset` is the one that the `Content-Type` names, if any.
    pub(super) fn new(charset: Option<&str>) -> Self {
        let encoding = charset.and_then(Encoding::of_charset);
        Self { scanned: 0, encoding, scanner: Scanner::new() }
    }

    /// Returns the document's encoding, as far as it is known.
    pub(super) fn encoding(&self) -> Encoding {
        self.encoding.unwrap_or(Encoding::Ascii(0))
    }

    /// Continues in a document that may go on. Returns the byte offset of the position once it is
    /// known.
    pub(super) fn scan(&mut self, document: &[u8]) -> Option<usize> {
        let encoding = match self.encoding {
            Some(encoding) => encoding,
            // A byte order mark has up to three bytes.
            None if document.len() < 3 => return None,
            None => *self.encoding.insert(Encoding::of_mark(document)),
        };
        let text = encoding.text(document, self.scanned);
        self.scanned += text.len();
        let at = self.scanner.scan(&text)?;
        let before = &encoding.text(document, 0)[..at];
        Some(encoding.bytes(prologue::implied_element(before).unwrap_or(at)))
    }

    /// Finishes in a complete document. Returns the byte offset of the position, and the text that
    /// must be inserted there before the element; or `None` if the document cannot be parsed.
    pub(super) fn end(&mut self, document: &[u8]) -> Option<(usize, &'static str)> {
        let encoding = *self.encoding.get_or_insert_with(|| Encoding::of_mark(document));
        if let Some(at) = self.scan(document) {
            return Some((at, ""));
        }
        let position = self.scanner.end();
        let text = encoding.text(document, 0);
        let (at, closer) = match position {
            Position::At(at) => (at, ""),
            Position::End => prologue::end(&text),
            Position::None => return None,
        };
        match prologue::implied_element(&text[..at]) {
            Some(at) => Some((encoding.bytes(at), "")),
            None => Some((encoding.bytes(at), closer)),
        }
    }
}

impl Encoding {
    /// Returns the encoding that a charset names, if it is UTF-16.
    pub(super) fn of_charset(charset: &str) -> Option<Self> {
        match &*charset.to_ascii_lowercase() {
            "utf-16" | "utf-16le" => Some(Self::Utf16Le),
            "utf-16be" => Some(Self::Utf16Be),
            _ => None,
        }
    }

    /// Detects a byte order mark (WHATWG Encoding, "BOM sniff").
    pub(super) fn of_mark(document: &[u8]) -> Self {
        match document {
            [0xff, 0xfe, ..] => Self::Utf16Le,
            [0xfe, 0xff, ..] => Self::Utf16Be,
            [0xef, 0xbb, 0xbf, ..] => Self::Ascii(3),
            _ => Self::Ascii(0),
        }
    }

    /// Returns the document without a UTF-8 byte order mark as one byte per character or code unit,
    /// from an offset in that text on. Only ASCII characters keep their value.
    pub(super) fn text(self, document: &[u8], from: usize) -> Cow<'_, [u8]> {
        let rest = document.get(self.bytes(from)..).unwrap_or_default();
        match self {
            Self::Ascii(_) => rest.into(),
            wide => projection(rest, wide).into(),
        }
    }

    /// Returns ASCII text in this encoding.
    pub(super) fn encode(self, ascii: &[u8]) -> Vec<u8> {
        match self {
            Self::Ascii(_) => ascii.to_vec(),
            Self::Utf16Le => ascii.iter().flat_map(|byte| [*byte, 0]).collect(),
            Self::Utf16Be => ascii.iter().flat_map(|byte| [0, *byte]).collect(),
        }
    }

    /// Converts an offset in the [text](Self::text) to one in the document's bytes.
    pub(super) fn bytes(self, offset: usize) -> usize {
        match self {
            Self::Ascii(mark) => mark + offset,
            Self::Utf16Le | Self::Utf16Be => offset * 2,
        }
    }
}

/// Projects UTF-16 to ASCII, one byte per code unit.
fn projection(units: &[u8], encoding: Encoding) -> Vec<u8> {
    units
        .chunks_exact(2)
        .map(|pair| match encoding {
            Encoding::Utf16Be => u16::from_be_bytes([pair[0], pair[1]]),
            _ => u16::from_le_bytes([pair[0], pair[1]]),
        })
        // A byte order mark is ignored, like white space. Any letter can stand for what is not
        // ASCII.
        .map(|unit| match unit {
            0xfeff => b' ',
            unit => u8::try_from(unit).ok().filter(u8::is_ascii).unwrap_or(b'x'),
        })
        .collect()
}

/// Parses a document with lol_html until the position is known.
struct Scanner {
    /// `None` after the end and after an error.
    rewriter: Option<HtmlRewriter<'static, Discard>>,
    found: Found,
}

type Discard = fn(&[u8]);

/// The position, once it is known.
#[derive(Clone, Default)]
struct Found(Arc<Mutex<Option<usize>>>);

impl Found {
    fn position(&self) -> MutexGuard<'_, Option<usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the position if there is one and none was set. Returns an error once the position is
    /// known, which ends the parsing and is then dropped.
    fn set(&self, position: Option<usize>) -> lol_html::HandlerResult {
        let mut found = self.position();
        *found = found.or(position);
        if found.is_some() { Err("the position is known".into()) } else { Ok(()) }
    }
}

impl Scanner {
    fn new() -> Self {
        let found = Found::default();
        let (tags, texts) = (found.clone(), found.clone());
        let discard: Discard = |_| ();
        let settings = Settings::new_send()
            .with_strict(false)
            .with_memory_settings(
                MemorySettings::new().with_max_allowed_memory_usage(4 * BEGINNING),
            )
            .append_element_content_handler(element!("*", move |element: &mut Element<'_, '_>| {
                let tag = element.source_location().bytes();
                tags.set(match element.tag_name().as_str() {
                    // A second one only adds attributes to the first (13.2.6.4.7).
                    "html" => None,
                    "head" => Some(tag.end),
                    _ => Some(tag.start),
                })
            }))
            .append_document_content_handler(doc_text!(move |text: &mut TextChunk<'_>| {
                let start = text.source_location().bytes().start;
                // White space is ASCII, so offsets in characters are offsets in bytes.
                let ignored =
                    |byte: u8| matches!(byte, b'\0' | b'\t' | b'\n' | b'\x0c' | b'\r' | b' ');
                let first = text.as_str().bytes().position(|byte| !ignored(byte));
                texts.set(first.map(|first| start + first))
            }));
        let settings = match AsciiCompatibleEncoding::new(encoding_rs::WINDOWS_1252) {
            Some(encoding) => settings.with_encoding(encoding),
            None => settings,
        };
        Self { rewriter: Some(HtmlRewriter::new(settings, discard)), found }
    }

    fn scan(&mut self, bytes: &[u8]) -> Option<usize> {
        // An error is either how the handlers stop the parser, or a limit: then no position is set.
        if self.rewriter.as_mut().is_some_and(|rewriter| rewriter.write(bytes).is_err()) {
            self.rewriter = None;
        }
        *self.found.position()
    }

    fn end(&mut self) -> Position {
        let Some(rewriter) = self.rewriter.take() else { return Position::None };
        let ended = rewriter.end();
        match *self.found.position() {
            Some(at) => Position::At(at),
            None if ended.is_ok() => Position::End,
            None => Position::None,
        }
    }
}
