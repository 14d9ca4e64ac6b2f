//! Finds the place for one script element in an HTML document, and puts it there.
//!
//! The place is where the element changes least: after the byte order mark, comments and doctype
//! (before the doctype it would mean quirks mode), after `<html>` and `<head>` where they are
//! written, and otherwise right before the first tag or text that would make the parser imply them.
//! There the parser puts a script into the head, whatever comes next (WHATWG HTML, 13.2.6.4, "before
//! head"), so no body begins early. White space is passed over, since the parser drops it there, and
//! after the script it would not.
//!
//! lol_html reads the beginning of the document and says where things stand; the bytes themselves
//! are never rewritten, only cut at that place, so that every encoding and every oddity survives. As
//! soon as the place is found, the rest passes untouched and unread. What is told apart is ASCII, so
//! each byte is read as a character of its own: one that has several is never waited for, and never
//! cut. UTF-16 is read through its ASCII projection, and the element is added as UTF-16.
//!
//! A document that breaks off in a comment or a tag, such as one that is just being saved, gets the
//! element before what it leaves open, so that its tab is told of the rest.
//!
//! The policies that the document brings are amended by [`meta`](super::meta), from the place on.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use hyper::body::{Body as HttpBody, Frame};
use lol_html::{
    AsciiCompatibleEncoding, MemorySettings, doc_text, element,
    html_content::TextChunk,
    send::{Element, HtmlRewriter, Settings},
};

use super::meta::{Amend, Policies, may_have};

/// How many bytes may come before the place. A document with more is passed on as it is.
const BEGINNING: usize = 1024 * 1024;

/// Adds the element to a document whose bytes are pushed through it.
pub(crate) struct Injector {
    element: String,
    /// Gone once the place was found, or given up.
    search: Option<Search>,
    /// What amends the document's policies, from the place on.
    policies: Option<Policies>,
}

/// The search for the place, and the bytes held back until it is over.
struct Search {
    held: BytesMut,
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
enum Encoding {
    /// Markup is ASCII bytes; a UTF-8 byte order mark of so many bytes comes first.
    Ascii(usize),
    Utf16Le,
    Utf16Be,
}

impl Injector {
    /// An injector of this element, for one document. The charset is the one that the document's
    /// `Content-Type` names, if it names one.
    pub(crate) fn new(element: String, charset: Option<&str>) -> Self {
        let encoding = match charset.map(str::to_ascii_lowercase).as_deref() {
            Some("utf-16" | "utf-16le") => Some(Encoding::Utf16Le),
            Some("utf-16be") => Some(Encoding::Utf16Be),
            _ => None,
        };
        let search =
            Search { held: BytesMut::new(), scanned: 0, encoding, scanner: Scanner::new() };
        Self { element, search: Some(search), policies: None }
    }

    /// Amends the document's own Content Security Policies, too.
    #[must_use]
    pub(crate) fn with_policies(mut self, amend: Amend) -> Self {
        self.policies = Some(Policies::new(amend));
        self
    }

    /// The whole of a document that is in memory.
    pub(crate) fn whole(mut self, document: &Bytes) -> Bytes {
        self.policies.take_if(|_| !may_have(document));
        let mut out = BytesMut::with_capacity(document.len() + self.element.len());
        out.extend_from_slice(&self.push(document.clone()));
        out.extend_from_slice(&self.finish());
        out.freeze()
    }

    /// Takes the next bytes, gives those that can go out.
    pub(crate) fn push(&mut self, bytes: Bytes) -> Bytes {
        let Some(search) = &mut self.search else { return self.after(bytes) };
        search.held.extend_from_slice(&bytes);
        match search.scan() {
            Some(at) => self.insert(at),
            None if search.held.len() > BEGINNING => self.release(),
            None => Bytes::new(),
        }
    }

    /// The document is over: gives what was held back.
    pub(crate) fn finish(&mut self) -> Bytes {
        let last = match self.search.as_mut().map(Search::end) {
            Some(Some(at)) => self.insert(at),
            Some(None) => self.release(),
            None => Bytes::new(),
        };
        let held = self.policies.as_mut().map(Policies::finish).unwrap_or_default();
        if held.is_empty() { last } else { [last, held].concat().into() }
    }

    /// What comes after the place.
    fn after(&mut self, bytes: Bytes) -> Bytes {
        match &mut self.policies {
            Some(policies) => policies.push(bytes),
            None => bytes,
        }
    }

    fn insert(&mut self, at: usize) -> Bytes {
        let Some(mut search) = self.search.take() else { return Bytes::new() };
        let mut out = search.held.split_to(at);
        match search.encoding {
            Some(Encoding::Utf16Le) => {
                self.element.encode_utf16().for_each(|unit| out.extend(unit.to_le_bytes()));
            }
            Some(Encoding::Utf16Be) => {
                self.element.encode_utf16().for_each(|unit| out.extend(unit.to_be_bytes()));
            }
            Some(Encoding::Ascii(_)) | None => out.extend_from_slice(self.element.as_bytes()),
        }
        if !matches!(search.encoding, Some(Encoding::Ascii(_))) {
            self.policies = None;
        }
        out.extend_from_slice(&self.after(search.held.freeze()));
        out.freeze()
    }

    fn release(&mut self) -> Bytes {
        self.policies = None;
        self.search.take().map(|search| search.held.freeze()).unwrap_or_default()
    }
}

impl Search {
    /// Reads on in what is held; gives the place in it.
    fn scan(&mut self) -> Option<usize> {
        let encoding = match self.encoding {
            Some(encoding) => encoding,
            // A byte order mark has up to three bytes.
            None if self.held.len() < 3 => return None,
            None => self.detect(),
        };
        if let Encoding::Ascii(mark) = encoding {
            let from = self.scanned.max(mark);
            self.scanned = self.held.len();
            return self.scanner.scan(&self.held[from..]).map(|at| at + mark);
        }
        let whole = self.held.len() / 2 * 2;
        let projection = projection(&self.held[self.scanned..whole], encoding);
        self.scanned = whole;
        self.scanner.scan(&projection).map(|at| at * 2)
    }

    /// Reads what is left of a document that is over.
    fn end(&mut self) -> Option<usize> {
        let encoding = self.encoding.unwrap_or_else(|| self.detect());
        if let Some(at) = self.scan() {
            return Some(at);
        }
        match (self.scanner.end(), encoding) {
            (Place::At(at), Encoding::Ascii(mark)) => Some(at + mark),
            (Place::At(at), _) => Some(at * 2),
            (Place::End, Encoding::Ascii(_)) => Some(before_open_end(&self.held)),
            (Place::End, wide) => Some(before_open_end(&projection(&self.held, wide)) * 2),
            (Place::None, _) => None,
        }
    }

    /// Looks for a byte order mark (WHATWG Encoding, "BOM sniff").
    fn detect(&mut self) -> Encoding {
        let encoding = match self.held.as_ref() {
            [0xff, 0xfe, ..] => Encoding::Utf16Le,
            [0xfe, 0xff, ..] => Encoding::Utf16Be,
            [0xef, 0xbb, 0xbf, ..] => Encoding::Ascii(3),
            _ => Encoding::Ascii(0),
        };
        self.encoding = Some(encoding);
        encoding
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

/// The end of a document that is nothing but comments, doctypes and the like, or where the last of
/// them begins, if it is left open.
fn before_open_end(document: &[u8]) -> usize {
    let find = |from: usize, part: &[u8]| {
        let mut windows = document.get(from..)?.windows(part.len());
        windows.position(|window| window == part).map(|at| from + at + part.len())
    };
    let mut at = 0;
    while let Some(after) = find(at, b"<") {
        let open = after - 1;
        let end = if document[open..].starts_with(b"<!--") {
            // `<!-->` is a whole one.
            [find(open + 2, b"-->"), find(open + 4, b"--!>")].into_iter().flatten().min()
        } else {
            find(open, b">")
        };
        match end {
            Some(end) => at = end,
            None => return open,
        }
    }
    document.len()
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
    html: bool,
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
                    "html" if !found.html => found.html = true,
                    "head" => found.at = found.at.or(Some(place.end)),
                    _ => found.at = found.at.or(Some(place.start)),
                }
                stop_if(found.at.is_some())
            }))
            .append_document_content_handler(doc_text!(move |text: &mut TextChunk<'_>| {
                let start = text.source_location().bytes().start;
                // White space is ASCII, so its characters are bytes, however the others are read.
                let dropped = |byte: u8| matches!(byte, b'\t' | b'\n' | b'\x0c' | b'\r' | b' ');
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

/// A body that is a document, with the element added as it streams.
pub(crate) struct InjectedBody<B> {
    inner: B,
    injector: Injector,
    /// Set while the inner body has more to give.
    more: bool,
}

impl<B> InjectedBody<B> {
    /// Adds the injector's element to a document.
    pub(crate) fn new(inner: B, injector: Injector) -> Self {
        Self { inner, injector, more: true }
    }
}

impl<B: HttpBody<Data = Bytes> + Unpin> HttpBody for InjectedBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = &mut *self;
        while this.more {
            let frame = match ready!(Pin::new(&mut this.inner).poll_frame(context)) {
                Some(Ok(frame)) => frame,
                Some(Err(why)) => {
                    this.more = false;
                    this.injector.release();
                    return Poll::Ready(Some(Err(why)));
                }
                None => {
                    this.more = false;
                    break;
                }
            };
            match frame.into_data() {
                Ok(data) => {
                    let out = this.injector.push(data);
                    if !out.is_empty() {
                        return Poll::Ready(Some(Ok(Frame::data(out))));
                    }
                }
                Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
            }
        }
        let rest = this.injector.finish();
        Poll::Ready((!rest.is_empty()).then(|| Ok(Frame::data(rest))))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::Injector;

    const ELEMENT: &str = "<!>";

    fn inject(document: &[u8], step: usize) -> Vec<u8> {
        let mut injector = Injector::new(ELEMENT.to_owned(), None);
        let mut out = Vec::new();
        for chunk in document.chunks(step) {
            out.extend_from_slice(&injector.push(Bytes::copy_from_slice(chunk)));
        }
        out.extend_from_slice(&injector.finish());
        out
    }

    /// `@` marks the place.
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
        "<html>@<html lang=en><p>a",
        "</p>@<p>a",
        "@<svg><head></head></svg>",
        "@<script>'<head>'</script>",
        "@<frameset><frame></frameset>",
        "@<plaintext><head>",
        "@",
        "   @",
        "<!doctype html>@<!-- cut",
        "<!--> <!---> <!-- --!>@<!--x--",
        "<!doctype html>\n@<!",
        "<!doctype html></p>@</b",
        "<?xml?>@<di",
        "@<!doctype ht",
    ];

    #[test]
    fn the_place_is_the_one_that_changes_least() {
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
    fn utf_16_stays_utf_16() {
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
    fn a_charset_without_a_byte_order_mark_counts() {
        let units =
            |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_be_bytes).collect() };
        let injector = Injector::new(ELEMENT.to_owned(), Some("UTF-16BE"));
        let out = injector.whole(&Bytes::from(units("<html><head><p>")));
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
    fn the_place_is_before_a_character_however_it_is_cut() {
        // Of UTF-8, a whole one, half of one; and one of Shift_JIS.
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
    fn a_document_without_a_place_in_sight_is_passed_on() {
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
            prop_assert_eq!(&out, &inject(&document, 1 << 20), "however it is cut");
            if !wide {
                prop_assert_eq!(out.len(), document.len() + ELEMENT.len());
                let at = document.iter().zip(&out).take_while(|(a, b)| a == b).count();
                let found = (0..=at).any(|at| {
                    out[..at] == document[..at]
                        && out[at..].starts_with(ELEMENT.as_bytes())
                        && out[at + ELEMENT.len()..] == document[at..]
                });
                prop_assert!(found, "{:?}", String::from_utf8_lossy(&out));
            }
        }
    }
}
