#![no_main]
//! Injection: any document gets exactly one element, at a position that does not depend on how the
//! document is cut, and all other bytes stay as they are.
//!
//! The input is a byte for the declared charset and for how policies are amended, a byte for the
//! cuts, and the document. The document is injected into as XML, too, where it gets one element or
//! stays as it is.

use libfuzzer_sys::fuzz_target;
use livers::fuzzing::{inject_chunks, inject_whole};
use livers_fuzz::pieces;

const ELEMENT: &str = "<script src=/x nonce=\"n\" async></script>";

/// The endings of a comment or doctype that a document leaves open, which precede the element.
const CLOSERS: [&str; 4] = ["-->", "->", ">", " x>"];

/// Returns whether the output is the document with the element inserted.
fn is_inserted(out: &[u8], document: &[u8], element: &[u8]) -> bool {
    out.len() == document.len() + element.len()
        && (0..=document.len()).any(|at| {
            out[at..].starts_with(element)
                && out[..at] == document[..at]
                && out[at + element.len()..] == document[at..]
        })
}

/// Returns whether the output is the document with an open comment or doctype closed, and the
/// element appended. Half a UTF-16 code unit at the end of the document stays last.
fn is_appended(out: &[u8], document: &[u8], element: &[u8], encode: fn(&str) -> Vec<u8>) -> bool {
    let (whole, half) = document.split_at(document.len() - document.len() % encode(" ").len());
    CLOSERS.iter().any(|closer| out == [whole, &encode(closer), element, half].concat())
}

fn utf16_le(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn utf16_be(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

fn ascii(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}

fuzz_target!(|input: &[u8]| {
    let [mode, cuts, document @ ..] = input else { return };
    let charset = [None, Some("utf-8"), Some("utf-16"), Some("UTF-16BE")][usize::from(mode % 4)];
    let whole = inject_whole(document, ELEMENT, false, charset, None);
    let chunks = pieces(document, *cuts);
    assert_eq!(
        inject_chunks(chunks.iter().copied(), ELEMENT, false, charset, None),
        whole,
        "the result depends on the cuts"
    );

    let has_mark = |mark: &[u8]| document.starts_with(mark);
    let encode: fn(&str) -> Vec<u8> = match charset {
        Some("utf-16") => utf16_le,
        Some("UTF-16BE") => utf16_be,
        _ if has_mark(b"\xff\xfe") => utf16_le,
        _ if has_mark(b"\xfe\xff") => utf16_be,
        _ => ascii,
    };
    let element = encode(ELEMENT);
    let xml = inject_whole(document, ELEMENT, true, charset, None);
    let pieces = inject_chunks(chunks.iter().copied(), ELEMENT, true, charset, None);
    assert_eq!(pieces, xml, "the result depends on the cuts");
    let wide = [utf16_le(ELEMENT), utf16_be(ELEMENT), ascii(ELEMENT)];
    let is_correct =
        xml == document || wide.iter().any(|element| is_inserted(&xml, document, element));
    assert!(is_correct, "{}", xml.escape_ascii());

    let is_correct =
        is_inserted(&whole, document, &element) || is_appended(&whole, document, &element, encode);
    assert!(is_correct, "{}", whole.escape_ascii());

    // Policies that need no amendment stay as they are.
    let kept = inject_chunks(chunks.iter().copied(), ELEMENT, false, charset, Some(|_| None));
    assert_eq!(kept, whole, "a policy has changed");
    // Amended policies do not depend on the cuts either.
    let amend: fn(&str) -> Option<String> = match mode / 4 % 3 {
        0 => |policy| Some(format!("{policy} '+\"&")),
        1 => |_| Some(String::new()),
        _ => |policy| (policy.len() > 4).then(|| policy[..0].to_owned()),
    };
    let whole = inject_whole(document, ELEMENT, false, charset, Some(amend));
    let one = inject_chunks([document], ELEMENT, false, charset, Some(amend));
    assert_eq!(one, whole, "the search in memory differs from the stream");
    let out = inject_chunks(chunks.iter().copied(), ELEMENT, false, charset, Some(amend));
    assert_eq!(out, whole, "the result depends on the cuts");
});
