//! What may stand in a document before its first element and text: comments, doctypes, and tags
//! that make no element.
//!
//! lol_html tells of elements and text, but not of an end tag that belongs to nothing, nor of what
//! a document leaves open at its end. Both matter for the place of an element: `</body>` at the
//! beginning makes a body (WHATWG HTML, 13.2.6.4.2 to 13.2.6.4.6), and what comes after an open
//! comment is a part of it. So this reads those few kinds of markup, as the tokenizer does (13.2.5).
//!
//! Pure functions of ASCII, or of what is laid out like it. Left out on purpose: everything that
//! comes after the first element or text.

/// The end tags that make elements where none are (13.2.6.4.2, "before html", and on). All others
/// are passed over.
const MAKERS: [&[u8]; 4] = [b"html", b"head", b"body", b"br"];

/// A piece of markup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Comment,
    /// What is read as a comment: `<!x>`, `<?x>`, `</ x>`.
    Bogus,
    Doctype,
    Tag,
}

#[derive(Clone, Copy, Debug)]
struct Piece {
    kind: Kind,
    start: usize,
    /// Nothing where it is left open.
    end: Option<usize>,
}

/// Where the first end tag begins that makes an element.
pub(super) fn maker(prologue: &[u8]) -> Option<usize> {
    pieces(prologue).map(|piece| piece.start).find(|start| {
        let name = prologue[*start..].strip_prefix(b"</").unwrap_or_default();
        let end = name.iter().position(|byte| ends_name(*byte)).unwrap_or(name.len());
        MAKERS.iter().any(|maker| maker.eq_ignore_ascii_case(&name[..end]))
    })
}

/// Where an element belongs in a document that is nothing but this, and what has to come before it
/// so that nothing else is different: what ends a comment that is left open, for one. An open tag is
/// no part of the document; the element comes before it.
pub(super) fn end(prologue: &[u8]) -> (usize, &'static str) {
    let Some(Piece { kind, start, end: None }) = pieces(prologue).last() else {
        return (prologue.len(), "");
    };
    let open = &prologue[start..];
    let closer = match kind {
        Kind::Comment => comment_closer(&open[b"<!--".len()..]),
        Kind::Bogus => ">",
        Kind::Doctype => match doctype_closer(&open[DOCTYPE.len()..]) {
            Some(closer) => closer,
            None => return (start, ""),
        },
        Kind::Tag => return (start, ""),
    };
    (prologue.len(), closer)
}

/// What ends a comment with the text that it has at the end of the document (13.2.5.46 to 13.2.5.52):
/// dashes there do not belong to it.
fn comment_closer(text: &[u8]) -> &'static str {
    match text {
        [.., b'-', b'-', b'!'] | [.., b'-', b'-'] => ">",
        [.., b'-'] => "->",
        _ => "-->",
    }
}

/// What ends a doctype as the end of the document does, which means quirks mode (13.2.5.53 to
/// 13.2.5.68). After an identifier nothing does so for sure.
fn doctype_closer(rest: &[u8]) -> Option<&'static str> {
    let name = rest.trim_ascii_start();
    let end = name.iter().position(u8::is_ascii_whitespace).unwrap_or(name.len());
    if name[end..].iter().any(|byte| matches!(byte, b'"' | b'\'')) {
        return None;
    }
    Some(if name.is_empty() { ">" } else { " x>" })
}

const DOCTYPE: &[u8] = b"<!doctype";

fn pieces(prologue: &[u8]) -> impl Iterator<Item = Piece> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = find(prologue, at, b"<")? - 1;
        let rest = &prologue[start..];
        let kind = match rest {
            [b'<', b'!', b'-', b'-', ..] => Kind::Comment,
            _ if starts_with(rest, DOCTYPE) => Kind::Doctype,
            [b'<', b'/', name, ..] if name.is_ascii_alphabetic() => Kind::Tag,
            // It is passed over, or is text.
            [b'<', b'/', b'>', ..] | [b'<', b'/' | b'?'] => Kind::Tag,
            [b'<', b'!' | b'?' | b'/', ..] => Kind::Bogus,
            _ => Kind::Tag,
        };
        let end = match kind {
            Kind::Tag => tag_end(rest).map(|end| start + end),
            // `<!-->` is a whole one.
            Kind::Comment => {
                [find(prologue, start + 2, b"-->"), find(prologue, start + 4, b"--!>")]
                    .into_iter()
                    .flatten()
                    .min()
            }
            Kind::Bogus | Kind::Doctype => find(prologue, start, b">"),
        };
        at = end.unwrap_or(prologue.len());
        Some(Piece { kind, start, end })
    })
}

fn starts_with(text: &[u8], beginning: &[u8]) -> bool {
    text.get(..beginning.len()).is_some_and(|text| text.eq_ignore_ascii_case(beginning))
}

/// The end of the first such part from a place on.
fn find(text: &[u8], from: usize, part: &[u8]) -> Option<usize> {
    let mut windows = text.get(from..)?.windows(part.len());
    windows.position(|window| window == part).map(|at| from + at + part.len())
}

fn ends_name(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>')
}

/// Where a tag ends: at the first `>` that no quotes surround. Quotes count at the beginning of a
/// value only (13.2.5.8 and 13.2.5.32 to 13.2.5.40).
fn tag_end(tag: &[u8]) -> Option<usize> {
    enum In {
        TagName,
        /// Between attributes, where `=` is the beginning of a name.
        Between,
        Name,
        AfterName,
        BeforeValue,
        Value,
        Quotes(u8),
    }
    let mut place = In::TagName;
    let before = if tag.starts_with(b"</") { 2 } else { 1 };
    for (at, byte) in tag.iter().enumerate().skip(before) {
        let blank = byte.is_ascii_whitespace();
        place = match (place, byte) {
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
    use super::{end, maker, pieces};

    #[test]
    fn end_tags_that_make_elements_are_found() {
        // `@` marks the place.
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
            assert_eq!(maker(text.as_bytes()), marked.find('@'), "{marked}");
        }
        for text in ["", "</", "</>", "<html></p>", "<html a='</body>'>", "<!doctype </body"] {
            assert_eq!(maker(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn what_is_left_open_is_ended_or_comes_after() {
        // `@` marks the place, and what stands between two of them is added.
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
            let [before, added, after] = marked.split('@').collect::<Vec<_>>()[..] else {
                panic!("{marked}")
            };
            let text = format!("{before}{after}");
            assert_eq!(end(text.as_bytes()), (before.len(), added), "{marked}");
        }
    }

    #[test]
    fn pieces_follow_one_another() {
        let text = b" <!doctype a '>' <html a='>' b=>=c'>\0<!-- > --!></x/ y = \">\" ><![CDATA[>";
        let found: Vec<_> =
            pieces(text).map(|piece| piece.end.map(|end| &text[piece.start..end])).collect();
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
