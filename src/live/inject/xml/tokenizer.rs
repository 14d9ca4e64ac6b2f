//! Finds the tags in an XML document (XML 1.0, sections 2 and 3).
//!
//! Reads each byte once, so a document may arrive in pieces of any size. Whether the document is
//! well-formed is not checked.

use std::ops::Range;

/// A tag, and where it is in the text.
pub(super) struct Tag {
    pub(super) kind: Kind,
    pub(super) place: Range<usize>,
}

pub(super) enum Kind {
    Start,
    /// `<a/>`
    Empty,
    End,
}

/// The position in a text, and the construct around it.
#[derive(Debug, Default)]
pub(super) struct Tokenizer {
    state: State,
    /// Whether the internal subset of the document type declaration is open.
    in_subset: bool,
    /// The offset of the next byte.
    at: usize,
    /// The offset of the last `<` that began a construct.
    start: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    /// After `<`.
    Open,
    /// After `<!`.
    Declaration,
    /// After `<!-`.
    Dash,
    /// In a comment, after this many dashes.
    Comment(u8),
    /// In a CDATA section, after this many closing brackets.
    Cdata(u8),
    /// In a processing instruction; `true` after `?`.
    Instruction(bool),
    /// In another declaration, in these quotes.
    Quoted(Option<u8>),
    /// In a start tag, in these quotes; `true` after `/`.
    StartTag(Option<u8>, bool),
    EndTag,
}

impl Tokenizer {
    /// Returns the next tag in a text that may go on.
    pub(super) fn next_tag(&mut self, text: &[u8]) -> Option<Tag> {
        while let Some(byte) = text.get(self.at) {
            if self.state == State::Text && *byte == b'<' {
                self.start = self.at;
            }
            self.at += 1;
            let (state, kind) = self.step(*byte);
            self.state = state;
            if let Some(kind) = kind {
                return Some(Tag { kind, place: self.start..self.at });
            }
        }
        None
    }

    /// Returns the state after a byte, and the kind of the tag that the byte ends.
    fn step(&mut self, byte: u8) -> (State, Option<Kind>) {
        let state = match self.state {
            State::Text => self.in_text(byte),
            State::Open => match byte {
                b'!' => State::Declaration,
                b'?' => State::Instruction(false),
                // A subset has no elements: the document is not well-formed.
                _ if self.in_subset => State::Quoted(None),
                b'/' => State::EndTag,
                _ => return in_start_tag(false, byte),
            },
            State::Declaration if byte == b'-' => State::Dash,
            State::Declaration if byte == b'[' => State::Cdata(0),
            State::Dash if byte == b'-' => State::Comment(0),
            State::Comment(2) | State::Cdata(2) | State::Instruction(true) if byte == b'>' => {
                State::Text
            }
            State::Comment(dashes) => State::Comment(count(dashes, byte == b'-')),
            State::Cdata(brackets) => State::Cdata(count(brackets, byte == b']')),
            State::Instruction(_) => State::Instruction(byte == b'?'),
            State::Quoted(Some(quote)) => State::Quoted((byte != quote).then_some(quote)),
            State::Declaration | State::Dash | State::Quoted(None) => self.in_declaration(byte),
            State::EndTag if byte == b'>' => return (State::Text, Some(Kind::End)),
            State::EndTag => State::EndTag,
            State::StartTag(Some(quote), _) => {
                State::StartTag((byte != quote).then_some(quote), false)
            }
            State::StartTag(None, slash) => return in_start_tag(slash, byte),
        };
        (state, None)
    }

    fn in_text(&mut self, byte: u8) -> State {
        match byte {
            b'<' => State::Open,
            b']' if self.in_subset => {
                self.in_subset = false;
                State::Quoted(None)
            }
            _ => State::Text,
        }
    }

    fn in_declaration(&mut self, byte: u8) -> State {
        match byte {
            b'>' => State::Text,
            b'"' | b'\'' => State::Quoted(Some(byte)),
            b'[' if !self.in_subset => {
                self.in_subset = true;
                State::Text
            }
            _ => State::Quoted(None),
        }
    }
}

/// Returns the state after a byte outside quotes in a start tag, and the tag's kind if it ends it.
fn in_start_tag(after_slash: bool, byte: u8) -> (State, Option<Kind>) {
    match byte {
        b'>' if after_slash => (State::Text, Some(Kind::Empty)),
        b'>' => (State::Text, Some(Kind::Start)),
        b'"' | b'\'' => (State::StartTag(Some(byte), false), None),
        _ => (State::StartTag(None, byte == b'/'), None),
    }
}

/// Counts successive bytes, up to two.
fn count(before: u8, is_one: bool) -> u8 {
    if is_one { 2.min(before + 1) } else { 0 }
}
