//! Finds the position of the script element in an XML document in which browsers run scripts:
//! XHTML, and SVG that is opened by itself.
//!
//! The element follows the start tag of the root, or that of the head if it comes next. It needs no
//! form of its own: it declares its namespace, and its attributes have quoted values.
//!
//! A document that is not well-formed stays so. The parser stops at the first error, nothing is
//! inserted before the root's start tag has ended, and nothing is ended or repaired. Only the
//! column in the browser's message moves if the error is on the line of the element.
//!
//! Unchanged are documents whose root is empty (`<svg/>`) or of another namespace, which browsers
//! show as source, and those that a style sheet transforms (XSLT).
//!
//! Markup is ASCII in every encoding that browsers support for XML; UTF-16 is read through a
//! projection.

mod tokenizer;

use std::{mem, ops::Range};

use self::tokenizer::{Kind, Tag, Tokenizer};
use super::{
    meta::{self, MetaPolicy},
    search::{BEGINNING, Encoding},
};

/// The namespaces of elements that run scripts.
const NAMESPACES: [&[u8]; 2] = [b"http://www.w3.org/1999/xhtml", b"http://www.w3.org/2000/svg"];

/// The search in one document. The caller passes all of the document again with each call.
#[derive(Debug, Default)]
pub(super) struct XmlSearch {
    encoding: Option<Encoding>,
    tokenizer: Tokenizer,
    /// The text so far, if the document is UTF-16.
    wide: Vec<u8>,
    next: Next,
    /// Where the element goes, as an offset in the text.
    position: Option<usize>,
    policies: Vec<MetaPolicy>,
}

/// What is searched for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Next {
    #[default]
    Root,
    Head,
    /// The policies in the head.
    Policies,
    Nothing,
}

impl XmlSearch {
    /// Starts a search. `charset` is the one that the `Content-Type` names, if any.
    pub(super) fn new(charset: Option<&str>) -> Self {
        Self { encoding: charset.and_then(Encoding::of_charset), ..Self::default() }
    }

    /// Continues in a document that may go on. Returns whether the search is complete.
    pub(super) fn scan(&mut self, document: &[u8]) -> bool {
        // The longest byte order mark, and less than any root.
        if document.len() < 3 {
            return false;
        }
        let encoding = *self.encoding.get_or_insert_with(|| match document {
            // Without a byte order mark (XML 1.0, appendix F.1).
            [b'<', 0, ..] => Encoding::Utf16Le,
            [0, b'<', ..] => Encoding::Utf16Be,
            _ => Encoding::of_mark(document),
        });
        let document = &document[..document.len().min(BEGINNING)];
        let mut wide = mem::take(&mut self.wide);
        let text = if let Encoding::Ascii(mark) = encoding {
            document.get(mark..).unwrap_or_default()
        } else {
            wide.extend_from_slice(&encoding.text(document, wide.len()));
            &wide
        };
        while self.next != Next::Nothing
            && let Some(tag) = self.tokenizer.next_tag(text)
        {
            self.take(tag, text);
        }
        self.wide = wide;
        self.next == Next::Nothing || document.len() == BEGINNING
    }

    /// Returns the byte offset of the position, the encoding, and the policies after the position;
    /// `None` if the document stays unchanged.
    pub(super) fn found(self) -> Option<(usize, Encoding, Box<[MetaPolicy]>)> {
        let encoding = self.encoding?;
        let policies = match encoding {
            Encoding::Ascii(mark) => {
                let shifted = |mut policy: MetaPolicy| {
                    policy.place = policy.place.start + mark..policy.place.end + mark;
                    policy
                };
                self.policies.into_iter().map(shifted).collect()
            }
            Encoding::Utf16Le | Encoding::Utf16Be => Box::default(),
        };
        Some((encoding.bytes(self.position?), encoding, policies))
    }

    fn take(&mut self, Tag { kind, place }: Tag, text: &[u8]) {
        let tag = &text[place.clone()];
        let name = local_name(tag);
        match (self.next, kind) {
            (Next::Root, Kind::Start) if runs_scripts(tag) && !has_xslt(&text[..place.start]) => {
                self.position = Some(place.end);
                self.next = if name == b"html" { Next::Head } else { Next::Nothing };
            }
            (Next::Head, Kind::Start) if name == b"head" => {
                self.position = Some(place.end);
                self.next = Next::Policies;
            }
            (Next::Policies, Kind::Start | Kind::Empty) if name == b"meta" => {
                self.policies.extend(policy(tag, place.start));
            }
            (Next::Policies, Kind::Start | Kind::Empty) if name != b"body" => {}
            (Next::Policies, Kind::End) if name != b"head" => {}
            _ => self.next = Next::Nothing,
        }
    }
}

/// Returns whether the document element with this start tag runs scripts in it.
fn runs_scripts(tag: &[u8]) -> bool {
    let name = qualified_name(tag);
    let declaration = match name.iter().position(|byte| *byte == b':') {
        Some(colon) => [b"xmlns:", &name[..colon]].concat(),
        None => b"xmlns".to_vec(),
    };
    // The value may be an entity of the document, as from Adobe Illustrator.
    let is_known = |value: &[u8]| NAMESPACES.contains(&value) || value.first() == Some(&b'&');
    matches!(local_name(tag), b"html" | b"svg")
        && attributes(tag).any(|(name, value)| name == declaration && is_known(&tag[value]))
}

/// Returns whether a style sheet in XSLT transforms the document with this prologue.
fn has_xslt(prologue: &[u8]) -> bool {
    let mut instructions = prologue.split(|byte| *byte == b'<');
    instructions.any(|instruction| {
        instruction.starts_with(b"?xml-stylesheet")
            && instruction.windows(3).any(|part| part.eq_ignore_ascii_case(b"xsl"))
    })
}

/// Returns the policy in a `meta` element that begins at an offset.
fn policy(tag: &[u8], at: usize) -> Option<MetaPolicy> {
    let value = |wanted: &[u8]| attributes(tag).find(|(name, _)| *name == wanted);
    let (_, kind) = value(b"http-equiv")?;
    let (_, place) = value(b"content")?;
    if !tag[kind].eq_ignore_ascii_case(b"content-security-policy") {
        return None;
    }
    let text = meta::decoded(std::str::from_utf8(&tag[place.clone()]).ok()?)?;
    Some(MetaPolicy { place: at + place.start..at + place.end, text })
}

/// Returns the name in a tag, with its prefix.
fn qualified_name(tag: &[u8]) -> &[u8] {
    let name = tag.strip_prefix(b"</").or_else(|| tag.strip_prefix(b"<")).unwrap_or_default();
    let ends = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>');
    &name[..name.iter().position(ends).unwrap_or(name.len())]
}

fn local_name(tag: &[u8]) -> &[u8] {
    qualified_name(tag).rsplit(|byte| *byte == b':').next().unwrap_or_default()
}

/// Returns the attributes of a start tag up to the first malformed one: their names, and where
/// their values are.
fn attributes(tag: &[u8]) -> impl Iterator<Item = (&[u8], Range<usize>)> {
    let mut at = 1 + qualified_name(tag).len();
    std::iter::from_fn(move || {
        let rest = &tag[at..];
        let equals = rest.iter().position(|byte| *byte == b'=')?;
        let name = rest[..equals].trim_ascii();
        let value = rest[equals + 1..].trim_ascii_start();
        let quote = *value.first().filter(|byte| matches!(byte, b'"' | b'\''))?;
        let start = tag.len() - value.len() + 1;
        let end = start + tag[start..].iter().position(|byte| *byte == quote)?;
        at = end + 1;
        Some((name, start..end))
    })
}

#[cfg(test)]
mod tests {
    use super::XmlSearch;
    use crate::live::inject::search::{BEGINNING, Encoding};

    const XHTML: &str = "<html xmlns=\"http://www.w3.org/1999/xhtml\">";
    const SVG: &str = "<svg xmlns='http://www.w3.org/2000/svg'>";

    fn position(document: &[u8], charset: Option<&str>) -> Option<(usize, Encoding)> {
        let mut search = XmlSearch::new(charset);
        search.scan(document);
        search.found().map(|(at, encoding, _)| (at, encoding))
    }

    #[test]
    fn the_element_follows_the_root_or_the_head() {
        // `@` marks the position.
        let table = [
            format!("{XHTML}<head>@<title>a</title></head><body/></html>"),
            format!("<?xml version='1.0' encoding='x'?>\n<!DOCTYPE html>\n{XHTML}\n<head id='>'>@"),
            format!("{XHTML} <!-- <head> --> <?a <head> ?> text <head>@"),
            format!("{XHTML}@<body>a<head></head></body></html>"),
            format!("{XHTML}@<head/><body/></html>"),
            format!("{XHTML}@<p>cut"),
            format!("{XHTML}@"),
            "<h:html xmlns:h='http://www.w3.org/1999/xhtml'><h:head >@<h:title>".to_owned(),
            format!("{SVG}@<head></head></svg>"),
            "<svg\n  a='\"/>' xmlns = \"http://www.w3.org/2000/svg\"\n>@\n<rect/></svg>".to_owned(),
            "<s:svg xmlns='x' xmlns:s='http://www.w3.org/2000/svg'>@</s:svg>".to_owned(),
            "<!DOCTYPE svg PUBLIC '-//W3C//DTD SVG 1.1//EN' \"a'>[\" [\n\
             <!ENTITY ns \"http://www.w3.org/2000/svg]>\"> <!-- ]> ' --> <?pi ]> \" ?>\n\
             <!ATTLIST svg a CDATA '<svg>'> ]\n><svg xmlns='&ns;'>@</svg>"
                .to_owned(),
            format!("<!----><!-- - -- > --><![CDATA[ ]] > <a> ]]>{SVG}@"),
            format!("<?xml-stylesheet href='a.css' type='text/css'?>{SVG}@"),
        ];
        for marked in table {
            let (before, after) = marked.split_once('@').unwrap();
            let text = format!("{before}{after}");
            let wanted = Some((before.len(), Encoding::Ascii(0)));
            assert_eq!(position(text.as_bytes(), None), wanted, "{marked}");
            let mark = format!("\u{feff}{text}");
            let wanted = Some((before.len() + 3, Encoding::Ascii(3)));
            assert_eq!(position(mark.as_bytes(), None), wanted, "{marked}");
            let wide: Vec<_> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            let wanted = Some((before.len() * 2, Encoding::Utf16Le));
            assert_eq!(position(&wide, None), wanted, "{marked}");
            let wide: Vec<_> = mark.encode_utf16().flat_map(u16::to_be_bytes).collect();
            let wanted = Some((before.len() * 2 + 2, Encoding::Utf16Be));
            assert_eq!(position(&wide, None), wanted, "{marked}");
            assert_eq!(position(&wide, Some("UTF-16BE")), wanted, "{marked}");
        }
    }

    #[test]
    fn other_documents_are_unchanged() {
        for document in [
            String::new(),
            "<svg".to_owned(),
            "<svg xmlns='http://www.w3.org/2000/svg'".to_owned(),
            "<svg xmlns='http://www.w3.org/2000/svg'/>".to_owned(),
            "<svg xmlns='http://www.w3.org/2000/svg' a='>".to_owned(),
            "<svg xmlns=http://www.w3.org/2000/svg>".to_owned(),
            "<svg><p xmlns='http://www.w3.org/2000/svg'>".to_owned(),
            "<html><head>".to_owned(),
            "<s:svg xmlns='http://www.w3.org/2000/svg'>".to_owned(),
            "<rss xmlns='http://www.w3.org/1999/xhtml'>".to_owned(),
            format!("<!-- {SVG}"),
            format!("<!DOCTYPE svg [ {SVG}"),
            format!("<p>{SVG}"),
            format!("</p>{SVG}"),
            format!("<?xml-stylesheet type='text/xsl' href='a.xsl'?>{SVG}"),
            format!("<!--{}-->{SVG}", "a".repeat(BEGINNING)),
        ] {
            assert_eq!(position(document.as_bytes(), None), None, "{document:.99}");
        }
    }

    #[test]
    fn the_policies_of_the_head_are_found() {
        const NAME: &str = "http-equiv='CONTENT-Security-Policy'";
        let document = format!(
            "{XHTML}<head><meta {NAME} content='a &apos;b&apos;'/><title>&lt;</title>\
             <script>//<![CDATA[\n<meta {NAME} content='x'/>//]]></script><meta content='x'/>\
             <!-- <meta {NAME} content='x'/> --><h:meta\ncontent = \"c\" {NAME}></h:meta>\
             <meta {NAME} content='&x;'/></head><meta {NAME} content='x'/></html>"
        );
        for mark in ["", "\u{feff}"] {
            let document = format!("{mark}{document}");
            let mut search = XmlSearch::new(None);
            assert!(search.scan(document.as_bytes()));
            let (_, _, policies) = search.found().unwrap();
            let found: Vec<_> = policies
                .iter()
                .map(|policy| (&document[policy.place.clone()], &*policy.text))
                .collect();
            assert_eq!(found, [("a &apos;b&apos;", "a 'b'"), ("c", "c")]);
        }
    }
}
