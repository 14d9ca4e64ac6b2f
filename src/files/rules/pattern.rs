//! Path patterns with placeholders, as in `_headers` and `_redirects`.
//!
//! `*` matches any text, slashes included, and may occur once; `:name` matches one whole segment. A
//! trailing slash makes no difference, and `/a/*` matches `/a`, too. The matched texts can be
//! inserted into a [`Template`]. Paths are compared decoded.

use percent_encoding::percent_decode_str;

use crate::http::url_path::{UrlPath, encode_name};

/// The length up to which a pattern is used, bytes.
const LENGTH: usize = 2_000;

/// How many placeholders a pattern may have.
const PLACEHOLDERS: usize = 32;

/// A path with placeholders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    head: Vec<Piece>,
    /// The text after the `*`, if there is one.
    tail: Option<Vec<u8>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(Vec<u8>),
    /// A placeholder for one segment, with its name.
    Segment(String),
}

/// The texts that the placeholders matched, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Captured(Vec<(String, Vec<u8>)>);

impl Pattern {
    /// Parses a pattern.
    ///
    /// # Errors
    /// Describes what is wrong with the text.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.len() > LENGTH {
            return Err(format!("the pattern has more than {LENGTH} bytes"));
        }
        if text.contains("://") {
            return Err("patterns with a host are not supported: begin with a slash".into());
        }
        if !text.starts_with('/') {
            return Err(format!("{text} is not a path: begin it with a slash"));
        }
        let (head, tail) = match text.split_once('*') {
            None => (without_slash(text), None),
            Some((head, tail)) => (head, Some(tail)),
        };
        if tail.is_some_and(|tail| tail.contains(['*', ':'])) {
            return Err(format!("{text} has a second * or a :name after the *"));
        }
        let decode = |text: &str| percent_decode_str(text).collect();
        let mut pieces: Vec<Piece> = Vec::new();
        let mut rest = head;
        while let Some(at) = rest.find("/:") {
            let (before, after) = rest.split_at(at + 1);
            let after = &after[1..];
            let (name, after) = after.split_at(after.find('/').unwrap_or(after.len()));
            if name.is_empty() || !name.bytes().all(is_name) {
                return Err(format!("{text} has a colon without a name: write /:name/"));
            }
            pieces.push(Piece::Text(decode(before)));
            pieces.push(Piece::Segment(name.to_owned()));
            rest = after;
        }
        pieces.push(Piece::Text(decode(rest)));
        if pieces.len() > 2 * PLACEHOLDERS + 1 {
            return Err(format!("the pattern has more than {PLACEHOLDERS} placeholders"));
        }
        Ok(Self { head: pieces, tail: tail.map(decode) })
    }

    /// Returns the matched texts if a path matches.
    pub(super) fn matches(&self, path: &UrlPath) -> Option<Captured> {
        let path: Vec<u8> = path.names().flat_map(|name| [b"/", name].concat()).collect();
        // `/a/*` matches the folder itself, too, and so does `/*`.
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

    /// Returns the names of the placeholders.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let named = self.head.iter().filter_map(|piece| match piece {
            Piece::Segment(name) => Some(name.as_str()),
            Piece::Text(_) => None,
        });
        named.chain(self.tail.as_ref().map(|_| "splat"))
    }
}

/// A text with placeholders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template(Vec<Slot>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Slot {
    Text(String),
    Placeholder(String),
}

impl Template {
    /// Parses a text in which `:name` is a placeholder if it is one of these names.
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
                slots.push(Slot::Placeholder(name.to_owned()));
                from = at;
            }
        }
        slots.push(Slot::Text(text[from..].to_owned()));
        Self(slots)
    }

    /// Returns the text before the first placeholder.
    pub(super) fn beginning(&self) -> &str {
        match self.0.first() {
            Some(Slot::Text(text)) => text,
            _ => "",
        }
    }

    /// Whether the text has placeholders.
    pub(super) fn is_open(&self) -> bool {
        self.0.len() > 1
    }

    /// Returns the text with the matched texts inserted, percent-encoded.
    pub(super) fn fill(&self, captured: &Captured) -> String {
        let slots = self.0.iter().map(|slot| match slot {
            Slot::Text(text) => text.clone(),
            Slot::Placeholder(name) => {
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

/// Returns a path without its trailing slash. The root becomes empty.
fn without_slash(text: &str) -> &str {
    text.strip_suffix('/').unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::{LENGTH, PLACEHOLDERS, Pattern, Template};
    use crate::http::url_path::UrlPath;

    #[test]
    fn patterns_match_as_on_static_hosts() {
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
    fn invalid_patterns_are_rejected() {
        for pattern in ["a", "", "https://example.com/*", "/*/*", "/*/:a", "/a/:", "/:a-b"] {
            assert!(Pattern::parse(pattern).is_err(), "{pattern}");
        }
        assert!(Pattern::parse(&"/:a".repeat(PLACEHOLDERS)).is_ok());
        for pattern in ["/:a".repeat(PLACEHOLDERS + 1), "/".repeat(LENGTH + 1)] {
            assert!(Pattern::parse(&pattern).is_err(), "{pattern}");
        }
    }

    #[test]
    fn only_known_names_are_placeholders() {
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
