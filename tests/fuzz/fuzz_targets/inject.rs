#![no_main]
//! The injector: whatever a document is and however it comes, it gets one element, at one place, and
//! every other byte is as it was.
//!
//! The input is a byte that says which charset is declared and how policies are amended, one that
//! says how the document is cut, and the document.

use libfuzzer_sys::fuzz_target;
use livers::fuzzing::{injected, injected_whole};
use livers_fuzz::pieces;

const ELEMENT: &str = "<script src=/x nonce=\"n\" async></script>";

/// What ends a comment or a doctype that a document leaves open, so that the element is none of it.
const CLOSERS: [&str; 4] = ["-->", "->", ">", " x>"];

/// Whether a document is another one with bytes put into it.
fn is_with(out: &[u8], document: &[u8], element: &[u8]) -> bool {
    out.len() == document.len() + element.len()
        && (0..=document.len()).any(|at| {
            out[at..].starts_with(element)
                && out[..at] == document[..at]
                && out[at + element.len()..] == document[at..]
        })
}

/// Whether a document is another one that was ended, with bytes after it. Half a character of UTF-16
/// that it breaks off in stays the last of all.
fn is_ended_with(out: &[u8], document: &[u8], element: &[u8], spell: fn(&str) -> Vec<u8>) -> bool {
    let (whole, half) = document.split_at(document.len() - document.len() % spell(" ").len());
    CLOSERS.iter().any(|closer| out == [whole, &spell(closer), element, half].concat())
}

fn little(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn big(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

fn ascii(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}

fuzz_target!(|input: &[u8]| {
    let [how, cut, document @ ..] = input else { return };
    let charset = [None, Some("utf-8"), Some("utf-16"), Some("UTF-16BE")][usize::from(how % 4)];
    let whole = injected_whole(document, ELEMENT, charset, None);
    let cut = pieces(document, *cut);
    assert_eq!(injected(cut.iter().copied(), ELEMENT, charset, None), whole, "however it is cut");

    let marked = |mark: &[u8]| document.starts_with(mark);
    let spell: fn(&str) -> Vec<u8> = match charset {
        Some("utf-16") => little,
        Some("UTF-16BE") => big,
        _ if marked(b"\xff\xfe") => little,
        _ if marked(b"\xfe\xff") => big,
        _ => ascii,
    };
    let element = spell(ELEMENT);
    let right =
        is_with(&whole, document, &element) || is_ended_with(&whole, document, &element, spell);
    assert!(right, "{}", whole.escape_ascii());

    // Policies that may stay, stay.
    let kept = injected(cut.iter().copied(), ELEMENT, charset, Some(|_| None));
    assert_eq!(kept, whole, "no policy is amended");
    // Those that are amended are the same ones, however the document comes.
    let amend: fn(&str) -> Option<String> = match how / 4 % 3 {
        0 => |policy| Some(format!("{policy} '+\"&")),
        1 => |_| Some(String::new()),
        _ => |policy| (policy.len() > 4).then(|| policy[..0].to_owned()),
    };
    let whole = injected_whole(document, ELEMENT, charset, Some(amend));
    let one = injected([document], ELEMENT, charset, Some(amend));
    assert_eq!(one, whole, "a look ahead shows whether there is a policy");
    let out = injected(cut.iter().copied(), ELEMENT, charset, Some(amend));
    assert_eq!(out, whole, "however it is cut");
});
