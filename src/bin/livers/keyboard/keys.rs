//! The keys, and how the bytes of a terminal become keys.
//!
//! Arrow keys, function keys and Alt arrive as several bytes that begin with ESC, and a pasted text
//! as many: none of these is a key press of livers, although the bytes may contain a `q`. Both can
//! arrive in several pieces.

#![cfg_attr(not(unix), allow(dead_code))]

use std::time::{Duration, Instant};

/// The most bytes that are key presses if they arrive at once. A busy machine reads those of a fast
/// typist together.
const MAX_AT_ONCE: usize = 3;

/// How long after an escape sequence or a pasted text the input is a part of it.
const REST_OF_TEXT: Duration = Duration::from_millis(100);

/// What a key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    /// Reloads all tabs.
    Reload,
    /// Opens the browser.
    Open,
    /// Prints the URLs again.
    Urls,
    /// Prints the current errors again.
    Errors,
    /// Clears the screen.
    Clear,
    /// Holds changes back, or delivers them.
    Pause,
    /// Prints requests and times, or stops to.
    Verbose,
    /// Ends livers.
    Quit,
    /// Lists the keys.
    Help,
    /// Prints an empty line, which separates the output.
    Blank,
    /// Is no key: livers is back in the foreground, and other programs have written meanwhile.
    Back,
}

/// The keys as the help lists them.
pub(crate) const KEYS: [(char, Key, &str); 9] = [
    ('r', Key::Reload, "reload all tabs"),
    ('o', Key::Open, "open the browser"),
    ('u', Key::Urls, "show the URLs"),
    ('e', Key::Errors, "show the current errors again"),
    ('c', Key::Clear, "clear the screen"),
    ('p', Key::Pause, "pause: hold changes back, and resume"),
    ('v', Key::Verbose, "verbose on or off"),
    ('q', Key::Quit, "quit"),
    ('h', Key::Help, "show this help"),
];

/// Returns the key of a byte.
fn key(byte: u8) -> Option<Key> {
    match byte.to_ascii_lowercase() {
        b'?' => Some(Key::Help),
        b'\r' | b'\n' => Some(Key::Blank),
        byte => KEYS.iter().find(|(name, ..)| *name == char::from(byte)).map(|(_, key, _)| *key),
    }
}

/// Finds the key presses in the input.
#[derive(Debug, Default)]
pub(super) struct Parser {
    /// Until when the input is a part of an escape sequence or a pasted text.
    text_until: Option<Instant>,
}

impl Parser {
    /// Returns the keys of bytes that arrived at once.
    pub(super) fn keys(&mut self, bytes: &[u8], now: Instant) -> Vec<Key> {
        let is_rest = self.text_until.is_some_and(|until| now < until);
        let is_text = |byte: &u8| *byte == b'\x1b' || !byte.is_ascii();
        if is_rest || bytes.len() > MAX_AT_ONCE || bytes.iter().any(is_text) {
            self.text_until = Some(now + REST_OF_TEXT);
            return Vec::new();
        }
        bytes.iter().filter_map(|byte| key(*byte)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{KEYS, Key, Parser};

    #[test]
    fn only_single_key_presses_are_keys() {
        use Key::{Blank, Help, Open, Quit, Reload};
        let table: &[(&[(u64, &[u8])], &[Key])] = &[
            (&[(0, b"r"), (1, b"q")], &[Reload, Quit]),
            (&[(0, b"R"), (1, b"?")], &[Reload, Help]),
            (&[(0, b"\r"), (1, b"\n")], &[Blank, Blank]),
            // Fast typing on a busy machine.
            (&[(0, b"roq")], &[Reload, Open, Quit]),
            (&[(0, b"xr"), (0, b"\x01\x04 ")], &[Reload]),
            // A pasted text, in one piece and in several.
            (&[(0, b"quit")], &[]),
            (&[(0, b"npm run qa"), (90, b"rq"), (180, b"q"), (281, b"q")], &[Quit]),
            (&[(0, b"npm run qa"), (100, b"o")], &[Open]),
            // Arrow up, Alt-q, F5, and an arrow key of which the bytes arrive one by one.
            (&[(0, b"\x1b[A"), (200, b"\x1bq"), (400, b"\x1b[15~")], &[]),
            (&[(0, b"\x1b"), (3, b"["), (6, b"C"), (107, b"o")], &[Open]),
            (&[(0, b"\x1bOr"), (200, b"r")], &[Reload]),
            // Characters outside of ASCII, whole and torn.
            (&[(0, "é".as_bytes()), (1, "日q".as_bytes())], &[]),
            (&[(0, b"\xc3"), (1, b"\xa9q")], &[]),
            (&[(0, b"")], &[]),
        ];
        for (input, wanted) in table {
            let (start, mut parser) = (Instant::now(), Parser::default());
            let keys: Vec<Key> = input
                .iter()
                .flat_map(|(ms, bytes)| parser.keys(bytes, start + Duration::from_millis(*ms)))
                .collect();
            assert_eq!(keys, *wanted, "{input:?}");
        }
    }

    #[test]
    fn every_key_of_the_help_works_and_no_two_are_equal() {
        for (name, key, _) in KEYS {
            let bytes = [u8::try_from(name).unwrap()];
            assert_eq!(Parser::default().keys(&bytes, Instant::now()), [key], "{name}");
        }
    }
}
