//! Tokenizes what may precede the first element and text of an HTML document: comments, doctypes,
//! and tags that create no element.
//!
//! lol_html reports elements and text, but neither an end tag that matches no element, nor
//! constructs that are open at the end of the document. Both matter for the position of an element:
//! `</body>` at the beginning creates a body (WHATWG HTML, 13.2.6.4.2 to 13.2.6.4.6), and what
//! follows an open comment is part of the comment. This module reads these few constructs as the
//! HTML tokenizer does (13.2.5).
//!
//! Pure functions of ASCII text. Everything from the first element or text on is out of scope.

/// The end tags that imply elements where there are none (13.2.6.4.2, "before html", and following
/// sections). All others are ignored.
const IMPLYING: [&[u8]; 4] = [b"html", b"head", b"body", b"br"];

/// The kind of a construct.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Comment,
    /// What is parsed as a comment: `<!x>`, `<?x>`, `</ x>`.
    BogusComment,
    Doctype,
    Tag,
}

#[derive(Clone, Copy, Debug)]
struct Construct {
    kind: Kind,
    start: usize,
    /// `None` where the document leaves it open.
    end: Option<usize>,
}

/// Returns the offset of the first end tag that implies an element.
pub(super) fn implied_element(prologue: &[u8]) -> Option<usize> {
    constructs(prologue).map(|construct| construct.start).find(|start| {
        let name = prologue[*start..].strip_prefix(b"</").unwrap_or_default();
        let end = name.iter().position(|byte| ends_name(*byte)).unwrap_or(name.len());
        IMPLYING.iter().any(|implying| implying.eq_ignore_ascii_case(&name[..end]))
    })
}

/// Returns the offset at which an element goes in a document that consists of nothing but a
/// prologue, and the text that must precede it so that the rest of the document keeps its meaning:
/// the end of an open comment, for example. An open tag is not part of the document, so the element
/// goes before it.
pub(super) fn end(prologue: &[u8]) -> (usize, &'static str) {
    let Some(Construct { kind, start, end: None }) = constructs(prologue).last() else {
        return (prologue.len(), "");
    };
    let open = &prologue[start..];
    let closer = match kind {
        Kind::Comment => comment_closer(&open[b"<!--".len()..]),
        Kind::BogusComment => ">",
        Kind::Doctype => match doctype_closer(&open[DOCTYPE.len()..]) {
            Some(closer) => closer,
            None => return (start, ""),
        },
        Kind::Tag => return (start, ""),
    };
    (prologue.len(), closer)
}

/// Returns what ends a comment that has this text at the end of the document (13.2.5.46 to
/// 13.2.5.52). Dashes there are not part of the comment's data.
fn comment_closer(text: &[u8]) -> &'static str {
    match text {
        [.., b'-', b'-', b'!'] | [.., b'-', b'-'] => ">",
        [.., b'-'] => "->",
        _ => "-->",
    }
}

/// Returns what ends a doctype with the same effect as the end of the document, quirks mode
/// (13.2.5.53 to 13.2.5.68), or `None` after an identifier, where nothing is certain to.
fn doctype_closer(rest: &[u8]) -> Option<&'static str> {
    let name = rest.trim_ascii_start();
    let end = name.iter().position(u8::is_ascii_whitespace).unwrap_or(name.len());
    if name[end..].iter().any(|byte| matches!(byte, b'"' | b'\'')) {
        return None;
    }
    Some(if name.is_empty() { ">" } else { " x>" })
}

const DOCTYPE: &[u8] = b"<!doctype";

/// Returns the constructs in a prologue.
fn constructs(prologue: &[u8]) -> impl Iterator<Item = Construct> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = find(prologue, at, b"<")? - 1;
        let rest = &prologue[start..];
        let kind = match rest {
            [b'<', b'!', b'-', b'-', ..] => Kind::Comment,
            _ if starts_with(rest, DOCTYPE) => Kind::Doctype,
            [b'<', b'/', name, ..] if name.is_ascii_alphabetic() => Kind::Tag,
            // Ignored by the tokenizer, or text.
            [b'<', b'/', b'>', ..] | [b'<', b'/' | b'?'] => Kind::Tag,
            [b'<', b'!' | b'?' | b'/', ..] => Kind::BogusComment,
            _ => Kind::Tag,
        };
        let end = match kind {
            Kind::Tag => tag_end(rest).map(|end| start + end),
            // `<!-->` is complete.
            Kind::Comment => {
                [find(prologue, start + 2, b"-->"), find(prologue, start + 4, b"--!>")]
                    .into_iter()
                    .flatten()
                    .min()
            }
            Kind::BogusComment | Kind::Doctype => find(prologue, start, b">"),
        };
        at = end.unwrap_or(prologue.len());
        Some(Construct { kind, start, end })
    })
}

fn starts_with(text: &[u8], beginning: &[u8]) -> bool {
    text.get(..beginning.len()).is_some_and(|text| text.eq_ignore_ascii_case(beginning))
}

/// Returns the end of the first occurrence of `part` from an offset on.
fn find(text: &[u8], from: usize, part: &[u8]) -> Option<usize> {
    let mut windows = text.get(from..)?.windows(part.len());
    windows.position(|window| window == part).map(|at| from + at + part.len())
}

fn ends_name(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>')
}

/// Returns the end of a tag, the first `>` outside quotes. Quotes count only at the beginning of a
/// value (13.2.5.8 and 13.2.5.32 to 13.2.5.40).
fn tag_end(tag: &[u8]) -> Option<usize> {
    enum In {
        TagName,
        /// Between attributes, where `=` starts a name.
        Between,
        Name,
        AfterName,
        BeforeValue,
        Value,
        Quotes(u8),
    }
    let mut state = In::TagName;
    let before = if tag.starts_with(b"</") { 2 } else { 1 };
    for (at, byte) in tag.iter().enumerate().skip(before) {
        let blank = byte.is_ascii_whitespace();
        state = match (state, byte) {
            (In::Quotes(quote), byte) if quote == *byte => In::Between,
            (In::Quotes(quote), _) => In::Quotes(quote),
            (_, b'>') => return Some(at + 1),
            (In::BeforeValue, _) if blank => In::BeforeValue,
            (In::BeforeValue, quote @ (b'"' | b'\'')) => In::Quotes(*quote),
            (In::Value, _) if blank => In::Between,
            (In::BeforeValue | In::Value, _) => In::Value,
            (_, b'/') => In::Between,
            (In::Name | In::AfterName, b'=') => In::BeforeValue,
            (In::Between | In::TagName, _) if blank => In::Between,
            (In::TagName, _) => In::TagName,
            (In::Name | In::AfterName, _) if blank => In::AfterName,
            (In::Between | In::Name | In::AfterName, _) => In::Name,
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{constructs, end, implied_element};

    #[test]
    fn end_tags_that_imply_elements_are_found() {
        // `@` marks the expected offset.
        let table = [
            "@</html><frameset>",
            "<!doctype html>\n@</body>",
            "<html>@</HEAD >",
            "@</br/>",
            "@</body",
            "</p></bodyx><!--</body>--><!</body><? </br></ head>@</head>",
            "</p a='</body>' b=\"</body>\" = '>@</br></html>",
            "<html a=b'>@</body>'>",
            "</a=\"x>@</br>\">",
        ];
        for marked in table {
            let text = marked.replace('@', "");
            assert_eq!(implied_element(text.as_bytes()), marked.find('@'), "{marked}");
        }
        for text in ["", "</", "</>", "<html></p>", "<html a='</body>'>", "<!doctype </body"] {
            assert_eq!(implied_element(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn open_constructs_are_ended_or_follow_the_element() {
        // The first `@` marks the offset; the text up to the second one is inserted.
        let table = [
            "@@",
            "<!doctype html><!-- a -->\n@@",
            "<!-- a@-->@",
            "<!-- a --@>@",
            "<!-- a -@->@",
            "<!-- a --!@>@",
            "<!--@-->@",
            "<!---@->@",
            "<!----@>@",
            "<!-- a <!-- @-->@",
            "<!-->@@",
            "<!--->@@",
            "<!--a--!><!@>@",
            "<?xml@>@",
            "@@<?",
            "</#@>@",
            "<!doctyp@>@",
            "<!DOCTYPE@>@",
            "<!doctype @>@",
            "<!doctype html@ x>@",
            "<!doctype html PUBLIC@ x>@",
            "<!doctype html'@ x>@",
            "@@<!doctype html SYSTEM 'a'",
            "<!doctype html>@@<p a='>",
            "</p>@@</b",
            "</>@@",
            "<!-- a -->@@<",
        ];
        for marked in table {
            let [before, closer, after] = marked.split('@').collect::<Vec<_>>()[..] else {
                panic!("{marked}")
            };
            let text = format!("{before}{after}");
            assert_eq!(end(text.as_bytes()), (before.len(), closer), "{marked}");
        }
    }

    #[test]
    fn constructs_are_found_in_order() {
        let text = b" <!doctype a '>' <html a='>' b=>=c'>\0<!-- > --!></x/ y = \">\" ><![CDATA[>";
        let found: Vec<_> =
            constructs(text).map(|found| found.end.map(|end| &text[found.start..end])).collect();
        let expected: [&[u8]; 5] = [
            b"<!doctype a '>",
            b"<html a='>' b=>",
            b"<!-- > --!>",
            b"</x/ y = \">\" >",
            b"<![CDATA[>",
        ];
        assert_eq!(found, expected.map(Some));
    }
}
