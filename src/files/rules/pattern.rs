//! Paths with places left open, as `_headers` and `_redirects` have them.
//!
//! `*` stands for anything, slashes included, once in a pattern; `:name`, as a whole segment, for one
//! segment. A slash at the end makes no difference, and `/a/*` is `/a`, too. What was found in the open
//! places can be put into a [`Template`]. Everything is compared decoded.

use percent_encoding::percent_decode_str;

use crate::http::url_path::{UrlPath, encode_name};

/// A path with places left open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    head: Vec<Piece>,
    /// What comes after the `*`, if there is one.
    tail: Option<Vec<u8>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(Vec<u8>),
    /// One segment, under a name.
    Segment(String),
}

/// What was found in the open places.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Captured(Vec<(String, Vec<u8>)>);

impl Pattern {
    /// Reads a pattern; says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.contains("://") {
            return Err("a pattern with a host is not supported: begin it with a slash".into());
        }
        if !text.starts_with('/') {
            return Err(format!("{text} is not a path: begin it with a slash"));
        }
        let (head, tail) = match text.split_once('*') {
            None => (without_slash(text), None),
            Some((head, tail)) => (head, Some(tail)),
        };
        if tail.is_some_and(|tail| tail.contains(['*', ':'])) {
            return Err(format!("{text} has more than one *, or a :name behind it"));
        }
        let decode = |text: &str| percent_decode_str(text).collect();
        let mut pieces: Vec<Piece> = Vec::new();
        let mut rest = head;
        while let Some(at) = rest.find("/:") {
            let (before, after) = rest.split_at(at + 1);
            let after = &after[1..];
            let (name, after) = after.split_at(after.find('/').unwrap_or(after.len()));
            if name.is_empty() || !name.bytes().all(is_name) {
                return Err(format!("{text} has a : without a name: write /:name/"));
            }
            pieces.push(Piece::Text(decode(before)));
            pieces.push(Piece::Segment(name.to_owned()));
            rest = after;
        }
        pieces.push(Piece::Text(decode(rest)));
        Ok(Self { head: pieces, tail: tail.map(decode) })
    }

    /// What stands in the open places, if a path is one of these.
    pub(super) fn matches(&self, path: &UrlPath) -> Option<Captured> {
        let path: Vec<u8> = path.names().flat_map(|name| [b"/", name].concat()).collect();
        // `/a/*` is for the folder itself, too, and so is `/*`.
        let with_slash = [&path, &b"/"[..]].concat();
        self.matches_text(&path).or_else(|| self.matches_text(&with_slash))
    }

    fn matches_text(&self, path: &[u8]) -> Option<Captured> {
        let mut rest = path;
        let mut captured = Captured::default();
        for piece in &self.head {
            match piece {
                Piece::Text(text) => rest = rest.strip_prefix(&text[..])?,
                Piece::Segment(name) => {
                    let end = rest.iter().position(|byte| *byte == b'/').unwrap_or(rest.len());
                    let (segment, after) = rest.split_at(end);
                    if segment.is_empty() {
                        return None;
                    }
                    captured.0.push((name.clone(), segment.to_vec()));
                    rest = after;
                }
            }
        }
        match &self.tail {
            None => rest.is_empty().then_some(captured),
            Some(tail) => {
                let splat = rest.strip_suffix(&tail[..])?;
                captured.0.push(("splat".to_owned(), splat.to_vec()));
                Some(captured)
            }
        }
    }

    /// The names of the open places.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let named = self.head.iter().filter_map(|piece| match piece {
            Piece::Segment(name) => Some(name.as_str()),
            Piece::Text(_) => None,
        });
        named.chain(self.tail.as_ref().map(|_| "splat"))
    }
}

/// A text with places for what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template(Vec<Slot>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Slot {
    Text(String),
    Place(String),
}

impl Template {
    /// Reads a text whose `:name` are places, as far as there are such names.
    pub(super) fn parse<'n>(text: &str, names: impl Iterator<Item = &'n str>) -> Self {
        let names: Vec<_> = names.collect();
        let mut slots = Vec::new();
        let (mut from, mut at) = (0, 0);
        while let Some(colon) = text[at..].find(':').map(|found| at + found) {
            let after = &text[colon + 1..];
            let length = after.bytes().take_while(|byte| is_name(*byte)).count();
            let name = &after[..length];
            at = colon + 1 + length;
            if names.contains(&name) {
                slots.push(Slot::Text(text[from..colon].to_owned()));
                slots.push(Slot::Place(name.to_owned()));
                from = at;
            }
        }
        slots.push(Slot::Text(text[from..].to_owned()));
        Self(slots)
    }

    /// What the text begins with, before its first place.
    pub(super) fn beginning(&self) -> &str {
        match self.0.first() {
            Some(Slot::Text(text)) => text,
            _ => "",
        }
    }

    /// Whether it has places.
    pub(super) fn is_open(&self) -> bool {
        self.0.len() > 1
    }

    /// The text with what was found, percent-encoded.
    pub(super) fn fill(&self, captured: &Captured) -> String {
        let slots = self.0.iter().map(|slot| match slot {
            Slot::Text(text) => text.clone(),
            Slot::Place(name) => {
                let found = captured.0.iter().find(|(known, _)| known == name);
                let found = found.map(|(_, found)| found.split(|byte| *byte == b'/'));
                let names: Vec<_> = found.into_iter().flatten().map(encode_name).collect();
                names.join("/")
            }
        });
        slots.collect()
    }
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// A path without the slash at its end; the root is nothing at all.
fn without_slash(text: &str) -> &str {
    text.strip_suffix('/').unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::{Pattern, Template};
    use crate::http::url_path::UrlPath;

    #[test]
    fn a_pattern_matches_as_static_hosts_do() {
        let table = [
            ("/", "/", Some("")),
            ("/", "/a", None),
            ("/a", "/a", Some("")),
            ("/a", "/a/", Some("")),
            ("/a/", "/a", Some("")),
            ("/a", "/ab", None),
            ("/a", "/a/b", None),
            ("/*", "/", Some("splat=")),
            ("/*", "/a/b", Some("splat=a/b")),
            ("/a/*", "/a", Some("splat=")),
            ("/a/*", "/a/b/c", Some("splat=b/c")),
            ("/a/*", "/ab", None),
            ("/*.css", "/x/a.css", Some("splat=x/a")),
            ("/*.css", "/a.js", None),
            ("/a*", "/abc", Some("splat=bc")),
            ("/:id", "/7", Some("id=7")),
            ("/:id", "/", None),
            ("/:id", "/7/8", None),
            ("/a/:x/b/:y", "/a/1/b/2", Some("x=1 y=2")),
            ("/a/:x/b", "/a//b", None),
            ("/:x/*", "/a/b/c", Some("x=a splat=b/c")),
            ("/a%20b", "/a%20b", Some("")),
            ("/a b", "/a%20b", Some("")),
            ("/\u{fc}/*", "/%C3%BC/a%2520", Some("splat=a%2520")),
        ];
        for (pattern, path, wanted) in table {
            let Ok(url) = UrlPath::parse(path) else {
                assert_eq!(wanted, None, "{path}");
                continue;
            };
            let read = Pattern::parse(pattern).unwrap();
            let all: Vec<_> = read.names().map(|name| format!("{name}=:{name}")).collect();
            let template = Template::parse(&all.join(" "), read.names());
            let found = read.matches(&url).map(|captured| template.fill(&captured));
            assert_eq!(found.as_deref(), wanted, "{pattern} {path}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_said() {
        for pattern in ["a", "", "https://example.com/*", "/*/*", "/*/:a", "/a/:", "/:a-b"] {
            assert!(Pattern::parse(pattern).is_err(), "{pattern}");
        }
    }

    #[test]
    fn only_known_names_are_places() {
        let pattern = Pattern::parse("/:year/*").unwrap();
        let url = UrlPath::parse("/2026/a%20b/c%3F").unwrap();
        let captured = pattern.matches(&url).unwrap();
        for (text, wanted) in [
            ("/blog/:year/:splat", "/blog/2026/a%20b/c%3F"),
            ("https://example.com:80/:other", "https://example.com:80/:other"),
            (":year", "2026"),
            (":yearly :", ":yearly :"),
        ] {
            assert_eq!(Template::parse(text, pattern.names()).fill(&captured), wanted, "{text}");
        }
    }
}
