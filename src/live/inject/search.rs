//! Looks for the place in a document where the script's element belongs; [`html`](super::html) says
//! which that is.
//!
//! lol_html reads the beginning of the document and says where things stand. What is told apart is
//! ASCII, so each byte is read as a character of its own: one that has several is never waited for,
//! and never cut. UTF-16 is read through its ASCII projection.
//!
//! Left out: what lol_html does not tell of before the first element or text, see [`prologue`].

use std::{
    borrow::Cow,
    sync::{Arc, Mutex, PoisonError},
};

use lol_html::{
    AsciiCompatibleEncoding, MemorySettings, doc_text, element,
    html_content::TextChunk,
    send::{Element, HtmlRewriter, Settings},
};

use super::prologue;

/// How many bytes may come before the place. A document with more is passed on as it is.
pub(super) const BEGINNING: usize = 1024 * 1024;

/// The search for the place in one document, whose beginning the caller keeps.
pub(super) struct Search {
    /// How much of the text was read.
    scanned: usize,
    encoding: Option<Encoding>,
    scanner: Scanner,
}

/// Where the element belongs in a document that was read to its end.
enum Place {
    At(usize),
    /// At its end: it has neither a tag nor text.
    End,
    /// Nowhere: it could not be read.
    None,
}

/// How characters are laid out in bytes, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Markup is ASCII bytes; a UTF-8 byte order mark of so many bytes comes first.
    Ascii(usize),
    Utf16Le,
    Utf16Be,
}

impl Search {
    /// The search in one document. The charset is the one that its `Content-Type` names, if any.
    pub(super) fn new(charset: Option<&str>) -> Self {
        let encoding = match charset.map(str::to_ascii_lowercase).as_deref() {
            Some("utf-16" | "utf-16le") => Some(Encoding::Utf16Le),
            Some("utf-16be") => Some(Encoding::Utf16Be),
            _ => None,
        };
        Self { scanned: 0, encoding, scanner: Scanner::new() }
    }

    /// How the document is laid out, as far as that is known.
    pub(super) fn encoding(&self) -> Encoding {
        self.encoding.unwrap_or(Encoding::Ascii(0))
    }

    /// Reads on in what is held; gives the place in it.
    pub(super) fn scan(&mut self, held: &[u8]) -> Option<usize> {
        let encoding = match self.encoding {
            Some(encoding) => encoding,
            // A byte order mark has up to three bytes.
            None if held.len() < 3 => return None,
            None => self.detect(held),
        };
        let text = encoding.text(held, self.scanned);
        self.scanned += text.len();
        let at = self.scanner.scan(&text)?;
        let before = &encoding.text(held, 0)[..at];
        Some(encoding.bytes(prologue::maker(before).unwrap_or(at)))
    }

    /// Reads what is left of a document that is over; gives the place, and what has to come before
    /// the element there.
    pub(super) fn end(&mut self, held: &[u8]) -> Option<(usize, &'static str)> {
        let encoding = self.encoding.unwrap_or_else(|| self.detect(held));
        if let Some(at) = self.scan(held) {
            return Some((at, ""));
        }
        let place = self.scanner.end();
        let text = encoding.text(held, 0);
        let (at, closer) = match place {
            Place::At(at) => (at, ""),
            Place::End => prologue::end(&text),
            Place::None => return None,
        };
        match prologue::maker(&text[..at]) {
            Some(at) => Some((encoding.bytes(at), "")),
            None => Some((encoding.bytes(at), closer)),
        }
    }

    /// Looks for a byte order mark (WHATWG Encoding, "BOM sniff").
    fn detect(&mut self, held: &[u8]) -> Encoding {
        let encoding = match held {
            [0xff, 0xfe, ..] => Encoding::Utf16Le,
            [0xfe, 0xff, ..] => Encoding::Utf16Be,
            [0xef, 0xbb, 0xbf, ..] => Encoding::Ascii(3),
            _ => Encoding::Ascii(0),
        };
        self.encoding = Some(encoding);
        encoding
    }
}

impl Encoding {
    /// Bytes as ASCII, as far as they are markup, from a place in that text on. It is without a byte
    /// order mark of UTF-8.
    fn text(self, bytes: &[u8], from: usize) -> Cow<'_, [u8]> {
        let rest = bytes.get(self.bytes(from)..).unwrap_or_default();
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

    /// Where in the bytes a place in the text is.
    fn bytes(self, at: usize) -> usize {
        match self {
            Self::Ascii(mark) => mark + at,
            Self::Utf16Le | Self::Utf16Be => at * 2,
        }
    }
}

/// UTF-16 as ASCII, one byte for each unit.
fn projection(units: &[u8], encoding: Encoding) -> Vec<u8> {
    units
        .chunks_exact(2)
        .map(|pair| match encoding {
            Encoding::Utf16Be => u16::from_be_bytes([pair[0], pair[1]]),
            _ => u16::from_le_bytes([pair[0], pair[1]]),
        })
        // A byte order mark counts for nothing, like a space; what is not ASCII is some letter.
        .map(|unit| match unit {
            0xfeff => b' ',
            unit => u8::try_from(unit).ok().filter(u8::is_ascii).unwrap_or(b'x'),
        })
        .collect()
}

/// Reads a document with lol_html until the place is known.
struct Scanner {
    /// Gone after the end, or after an error.
    rewriter: Option<HtmlRewriter<'static, Discard>>,
    found: Arc<Mutex<Found>>,
}

type Discard = fn(&[u8]);

#[derive(Default)]
struct Found {
    at: Option<usize>,
}

impl Scanner {
    fn new() -> Self {
        let found = Arc::new(Mutex::new(Found::default()));
        let (tags, texts) = (Arc::clone(&found), Arc::clone(&found));
        let discard: Discard = |_| ();
        let settings = Settings::new_send()
            .with_strict(false)
            .with_memory_settings(
                MemorySettings::new().with_max_allowed_memory_usage(4 * BEGINNING),
            )
            .append_element_content_handler(element!("*", move |element: &mut Element<'_, '_>| {
                let place = element.source_location().bytes();
                let mut found = tags.lock().unwrap_or_else(PoisonError::into_inner);
                match element.tag_name().as_str() {
                    // A second one only adds attributes to the first (13.2.6.4.7).
                    "html" => {}
                    "head" => found.at = found.at.or(Some(place.end)),
                    _ => found.at = found.at.or(Some(place.start)),
                }
                stop_if(found.at.is_some())
            }))
            .append_document_content_handler(doc_text!(move |text: &mut TextChunk<'_>| {
                let start = text.source_location().bytes().start;
                // White space is ASCII, so its characters are bytes, however the others are read.
                let dropped =
                    |byte: u8| matches!(byte, b'\0' | b'\t' | b'\n' | b'\x0c' | b'\r' | b' ');
                let first = text.as_str().bytes().position(|byte| !dropped(byte));
                let mut found = texts.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(first) = first {
                    found.at = found.at.or(Some(start + first));
                }
                stop_if(found.at.is_some())
            }));
        let settings = match AsciiCompatibleEncoding::new(encoding_rs::WINDOWS_1252) {
            Some(bytes) => settings.with_encoding(bytes),
            None => settings,
        };
        Self { rewriter: Some(HtmlRewriter::new(settings, discard)), found }
    }

    fn scan(&mut self, bytes: &[u8]) -> Option<usize> {
        // An error is either the handlers' way to stop, or a limit: then there is no place.
        if self.rewriter.as_mut().is_some_and(|rewriter| rewriter.write(bytes).is_err()) {
            self.rewriter = None;
        }
        self.place()
    }

    fn end(&mut self) -> Place {
        let Some(rewriter) = self.rewriter.take() else { return Place::None };
        let ended = rewriter.end();
        match self.place() {
            Some(at) => Place::At(at),
            None if ended.is_ok() => Place::End,
            None => Place::None,
        }
    }

    fn place(&self) -> Option<usize> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).at
    }
}

/// Ends the reading; the error is seen by nobody.
fn stop_if(found: bool) -> lol_html::HandlerResult {
    if found { Err("the place is found".into()) } else { Ok(()) }
}
