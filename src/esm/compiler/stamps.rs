//! Version stamps in the import URLs of compiled code (`/src/a.js?t=18`).
//!
//! A browser evaluates a module URL once per document, so an import of a changed module needs a new
//! URL. Modules are compiled once for all versions, with a slot for a stamp at each import of a
//! project file. A stamp must not move the rest of its line, or the source map would be wrong.
//! Therefore each URL is printed with a [`placeholder`] as long as the longest stamp, which
//! [`take_slots`] turns into blanks behind the closing quote; [`insert`] replaces these blanks.

use std::collections::HashSet;

/// The length of the longest stamp that moves nothing, bytes: `?t=` and nine digits.
const STAMP_LEN: usize = 12;

/// A position in the code that takes a stamp.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    /// The byte offset of the URL's closing quote.
    pub(super) offset: usize,
    /// The URL path of the imported file.
    pub(super) path: String,
    /// The separator before the stamp: `?`, or `&` if the URL has a query.
    pub(super) separator: char,
}

/// Returns a placeholder for a stamp that does not occur in a text.
pub(super) fn placeholder(text: &str) -> String {
    let number = |at: usize| text.get(at + 1..at + STAMP_LEN - 1)?.parse::<usize>().ok();
    let used: HashSet<_> = text.match_indices('~').filter_map(|(at, _)| number(at)).collect();
    let free = (0..=used.len()).find(|number| !used.contains(number)).unwrap_or_default();
    format!("~{free:0>width$}~", width = STAMP_LEN - 2)
}

/// Replaces the placeholders in printed code with blanks behind the closing quotes, and returns the
/// slots. The length of the code does not change.
pub(super) fn take_slots(code: &mut String, placeholder: &str) -> Vec<Slot> {
    let mut slots = Vec::new();
    let mut out = String::with_capacity(code.len());
    let mut rest = code.as_str();
    while let Some(at) = rest.find(placeholder) {
        let (before, after) = (&rest[..at], &rest[at + placeholder.len()..]);
        out.push_str(before);
        // URLs are ASCII without quotes and backslashes, so the printer escapes nothing in them.
        let url = before.rsplit('"').next().unwrap_or_default();
        let path = url.split('?').next().unwrap_or_default().to_owned();
        let separator = if url.contains('?') { '&' } else { '?' };
        slots.push(Slot { offset: out.len(), path, separator });
        let (quote, after) = after.split_at(after.len().min(1));
        out.push_str(quote);
        out.push_str(&" ".repeat(placeholder.len()));
        rest = after;
    }
    out.push_str(rest);
    *code = out;
    slots
}

/// Returns the code with a stamp in each slot for whose URL path `version` returns a version.
pub(super) fn insert(code: &str, slots: &[Slot], version: impl Fn(&str) -> Option<u64>) -> String {
    let mut stamped = String::with_capacity(code.len() + 64);
    let mut from = 0;
    for slot in slots {
        let Some(version) = version(&slot.path) else { continue };
        let stamp = format!("{}t={version}", slot.separator);
        let end = slot.offset + 1 + stamp.len().min(STAMP_LEN);
        let parts =
            (code.get(from..slot.offset), code.get(slot.offset..=slot.offset), code.get(end..));
        let (Some(before), Some(quote), Some(_)) = parts else { continue };
        stamped.push_str(before);
        stamped.push_str(&stamp);
        stamped.push_str(quote);
        from = end;
    }
    stamped.push_str(code.get(from..).unwrap_or_default());
    stamped
}

#[cfg(test)]
mod tests {
    use super::{STAMP_LEN, Slot, placeholder, take_slots};

    #[test]
    fn placeholders_become_blanks_behind_the_closing_quote() {
        let placeholder = placeholder("~0000000000~");
        assert_eq!((placeholder.len(), placeholder.as_str()), (STAMP_LEN, "~0000000001~"));
        let mut code =
            format!("import(\"/a.js{placeholder}\");import \"/b.css?import{placeholder}\"; \"~\"");
        let length = code.len();
        let slots = take_slots(&mut code, &placeholder);
        let blanks = " ".repeat(STAMP_LEN);
        assert_eq!(
            code,
            format!("import(\"/a.js\"{blanks});import \"/b.css?import\"{blanks}; \"~\"")
        );
        assert_eq!(code.len(), length);
        let slot =
            |offset, path: &str, separator| Slot { offset, path: path.to_owned(), separator };
        assert_eq!(slots, [slot(13, "/a.js", '?'), slot(49, "/b.css", '&')]);
    }
}
