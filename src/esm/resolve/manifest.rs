//! Reads `package.json` files, and checks them before the resolver parses them.
//!
//! The resolver and its JSON parser recurse once per nesting level of a file and once per segment
//! of a path in it, and a stack overflow ends the process. So a file with more of either than any
//! package has is refused.

use std::{io, path::Path};

use crate::docroot;

/// Size in bytes above which a file is refused.
const MAX_SIZE: u64 = 8 * 1024 * 1024;

/// Nesting levels, as in `serde_json`.
const MAX_NESTING: usize = 128;

/// Path separators in one string.
const MAX_SEPARATORS: usize = 1000;

/// Asterisks in one string. Each is replaced by a part of the specifier.
const MAX_WILDCARDS: usize = 32;

/// Reads a `package.json`. Returns `None` if there is none, or if it is not valid.
pub(crate) fn read(path: &Path) -> Option<serde_json::Value> {
    serde_json::from_slice(&read_bounded(path).ok()?).ok()
}

/// Returns why a JSON file is refused, if it is.
pub(super) fn refusal(path: &Path) -> Option<String> {
    match read_bounded(path) {
        Ok(text) => check(&text).err().map(str::to_owned),
        Err(error) => is_refused(&error).then(|| error.to_string()),
    }
}

/// Returns whether a file is there that is too large, or not a regular one.
pub(super) fn is_refused(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::FileTooLarge | io::ErrorKind::InvalidInput)
}

/// Reads a regular file of a bounded size.
///
/// # Errors
/// Like [`docroot::read_bounded`].
pub(super) fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    docroot::read_bounded(path, MAX_SIZE)
}

/// Checks that a JSON text can be parsed and its paths be resolved on the stack of any thread. The
/// `readme` that some registries add is no path.
///
/// # Errors
/// The reason why not.
pub(super) fn check(text: &[u8]) -> Result<(), &'static str> {
    let (mut nesting, mut separators, mut wildcards) = (0_usize, 0, 0);
    let (mut in_string, mut is_escaped) = (false, false);
    let (mut start, mut is_readme) = (0, false);
    for (at, &byte) in text.iter().enumerate() {
        match byte {
            _ if is_escaped => {
                is_escaped = false;
                separators += usize::from(byte == b'/' || byte == b'\\');
            }
            b'\\' if in_string => is_escaped = true,
            b'"' => {
                if in_string {
                    is_readme = nesting == 1 && text[start..at] == *b"\"readme";
                }
                (in_string, start) = (!in_string, at);
                (separators, wildcards) = (0, 0);
            }
            b'/' if in_string => separators += 1,
            b'*' if in_string => wildcards += 1,
            b'{' | b'[' if !in_string => nesting += 1,
            b'}' | b']' if !in_string => nesting = nesting.saturating_sub(1),
            _ => {}
        }
        if nesting > MAX_NESTING {
            return Err("it is nested too deeply");
        }
        if !is_readme && (separators > MAX_SEPARATORS || wildcards > MAX_WILDCARDS) {
            return Err("a path in it is too long");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn deep_nesting_and_long_paths_are_refused() {
        let nested = |levels: usize| "{\"a\":[".repeat(levels / 2);
        let path = |segments: usize| format!("[\"{}\"]", "a/".repeat(segments));
        for (text, wanted) in [
            ("{}".to_owned(), true),
            (nested(128), true),
            (nested(130), false),
            (format!("\"{}\"", "[".repeat(1000)), true),
            (format!("\"\\\"{}\"", "[".repeat(1000)), true),
            ("[]".repeat(1000), true),
            (path(1000), true),
            (path(1001), false),
            (format!("\"{}\"", r"a\/".repeat(1001)), false),
            (format!("\"{}\"", r"a\\".repeat(1001)), false),
            (format!("\"{}\"", "*/".repeat(33)), false),
            ("\"*\",".repeat(1000), true),
            (format!("{{\"readme\":\"{}\"}}", "*/".repeat(2000)), true),
            (format!("{{\"readme\":\"\",\"a\":\"{}\"}}", "*/".repeat(33)), false),
            (format!("{{\"exports\":{{\"readme\":\"{}\"}}}}", "*/".repeat(33)), false),
        ] {
            assert_eq!(check(text.as_bytes()).is_ok(), wanted, "{}", &text[..text.len().min(20)]);
        }
    }
}
