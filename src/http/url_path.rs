//! Decoded URL paths.
//!
//! The path of a request is percent-decoded here and nowhere else. The result is a list of names
//! that can only lead downwards: no `..`, no `.`, no separator inside a name, no NUL. It is encoded
//! again as browsers do (WHATWG URL, the path percent-encode set, and the backslash, which browsers
//! treat as a slash), so that each file has one spelling in messages and redirects.
//!
//! Disk paths are the business of [`docroot`](crate::docroot).

use std::fmt;

use percent_encoding::{AsciiSet, CONTROLS, percent_encode};

/// The characters that browsers keep encoded in a path, and `%`, because the names here are
/// decoded.
const PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'}');

/// An absolute path: its names, from the root down, and whether it ends in a slash.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct UrlPath {
    names: Vec<Vec<u8>>,
    directory: bool,
}

/// Why a path is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PathError {
    /// A `%` without two hexadecimal digits, a NUL, or no leading slash.
    Malformed,
    /// A name that could lead elsewhere: `..`, `.`, an empty one, one with a separator.
    Unsafe,
}

impl UrlPath {
    /// Returns `/`.
    pub(crate) fn root() -> Self {
        Self { names: Vec::new(), directory: true }
    }

    /// Parses the path of a request's target, without the query, or one that a page reports.
    ///
    /// # Errors
    /// Fails if the path is malformed, or has a name that could lead out of the root.
    pub(crate) fn parse(raw: &str) -> Result<Self, PathError> {
        let rest = raw.strip_prefix('/').ok_or(PathError::Malformed)?;
        if rest.is_empty() {
            return Ok(Self::root());
        }
        let (rest, directory) = match rest.strip_suffix('/') {
            Some(names) => (names, true),
            None => (rest, false),
        };
        let names = rest.split('/').map(decode).collect::<Result<_, _>>()?;
        Ok(Self { names, directory })
    }

    /// Returns a path of names from the disk, or `None` if a name cannot be in a URL.
    pub(crate) fn from_names<'a>(
        names: impl IntoIterator<Item = &'a [u8]>,
        directory: bool,
    ) -> Option<Self> {
        let names: Vec<_> = names.into_iter().map(<[u8]>::to_vec).collect();
        if names.iter().any(|name| check(name).is_err()) {
            return None;
        }
        let directory = directory || names.is_empty();
        Some(Self { names, directory })
    }

    /// Returns the decoded names, from the root down.
    pub(crate) fn names(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.names.iter().map(Vec::as_slice)
    }

    /// Whether the path ends in a slash.
    pub(crate) fn is_directory(&self) -> bool {
        self.directory
    }

    /// Returns the path with a trailing slash.
    pub(crate) fn as_directory(&self) -> Self {
        Self { names: self.names.clone(), directory: true }
    }

    /// Returns the path with a suffix on its last name, or `None` if it ends in a slash.
    pub(crate) fn with_suffix(&self, suffix: &str) -> Option<Self> {
        let mut names = self.names.clone();
        names.last_mut().filter(|_| !self.directory)?.extend(suffix.bytes());
        Some(Self { names, directory: false })
    }

    /// Returns the folders above, from the root down; for a folder, itself included.
    pub(crate) fn folders(&self) -> impl Iterator<Item = Self> {
        let depth = self.names.len() - usize::from(!self.directory && !self.names.is_empty());
        (0..=depth).map(|depth| Self { names: self.names[..depth].to_vec(), directory: true })
    }

    /// Returns the path of a file in this folder.
    pub(crate) fn child(&self, name: &str) -> Self {
        let mut names = self.names.clone();
        names.push(name.as_bytes().to_vec());
        Self { names, directory: false }
    }
}

/// Writes the path as a browser sends it.
impl fmt::Display for UrlPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for name in &self.names {
            write!(f, "/{}", percent_encode(name, PATH))?;
        }
        if self.directory { f.write_str("/") } else { Ok(()) }
    }
}

/// Percent-encodes one name as browsers do.
pub(crate) fn encode_name(name: &[u8]) -> String {
    percent_encode(name, PATH).to_string()
}

/// Percent-decodes a name. A `%` without two hexadecimal digits is an error.
fn decode(name: &str) -> Result<Vec<u8>, PathError> {
    let mut decoded = Vec::with_capacity(name.len());
    let mut bytes = name.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let mut digit = || bytes.next().and_then(|byte| char::from(byte).to_digit(16));
            let (Some(high), Some(low)) = (digit(), digit()) else {
                return Err(PathError::Malformed);
            };
            // Two hexadecimal digits are at most 255.
            decoded.push(u8::try_from(high * 16 + low).unwrap_or(u8::MAX));
        } else {
            decoded.push(byte);
        }
    }
    check(&decoded)?;
    Ok(decoded)
}

/// Checks that a decoded name is a single name, on every system that livers runs on.
fn check(name: &[u8]) -> Result<(), PathError> {
    if name.contains(&0) {
        return Err(PathError::Malformed);
    }
    let leads_elsewhere = name.is_empty() || name == b"." || name == b".." || name.contains(&b'/');
    if leads_elsewhere || (cfg!(windows) && !is_plain_on_windows(name)) {
        return Err(PathError::Unsafe);
    }
    Ok(())
}

/// Whether a name denotes a plain file on Windows: it has no separator, drive, stream or wildcard,
/// is not a device, and does not end in a dot or space, which Windows drops.
fn is_plain_on_windows(name: &[u8]) -> bool {
    let special = |byte: &u8| *byte < b' ' || b"<>:\"|?*\\/".contains(byte);
    let stem = name.split(|byte| *byte == b'.').next().unwrap_or_default();
    let stem = stem.trim_ascii_end().to_ascii_lowercase();
    let (device, number) = stem.split_at(stem.len().min(3));
    let numbered = matches!(device, b"com" | b"lpt")
        // Superscript digits count, too.
        && (matches!(number, [b'0'..=b'9']) || matches!(number, [0xc2, 0xb9 | 0xb2 | 0xb3]));
    let device = matches!(&stem[..], b"con" | b"prn" | b"aux" | b"nul" | b"conin$" | b"conout$");
    !(name.iter().any(special) || numbered || device || matches!(name.last(), Some(b'.' | b' ')))
}

/// Parses a path in another way, as an oracle for property tests and fuzz targets.
#[cfg(any(test, fuzzing))]
pub(crate) fn oracle(raw: &str) -> Option<(Vec<Vec<u8>>, bool)> {
    let bytes = raw.as_bytes();
    let hex = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_hexdigit);
    let mut at = 0;
    let mut whole = bytes.first() == Some(&b'/');
    while at < bytes.len() {
        whole &= bytes[at] != b'%' || (hex(at + 1) && hex(at + 2));
        at += if bytes[at] == b'%' { 3 } else { 1 };
    }
    let inner = raw.get(1..).filter(|_| whole)?;
    if inner.is_empty() {
        return Some((Vec::new(), true));
    }
    let inner = inner.strip_suffix('/').unwrap_or(inner);
    let decode = |name: &str| percent_encoding::percent_decode_str(name).collect::<Vec<u8>>();
    let names: Vec<_> = inner.split('/').map(decode).collect();
    let plain = |name: &Vec<u8>| {
        !name.is_empty()
            && *name != b"."
            && *name != b".."
            && !name.iter().any(|b| b"/\0".contains(b))
    };
    names.iter().all(plain).then(|| (names, raw.ends_with('/')))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{PathError, UrlPath, is_plain_on_windows, oracle};

    #[test]
    fn paths_are_decoded_once_and_encoded_in_one_way() {
        let table = [
            ("/", Ok("/")),
            ("/a", Ok("/a")),
            ("/a/", Ok("/a/")),
            ("/a/b.html", Ok("/a/b.html")),
            ("/%61%2Ehtml", Ok("/a.html")),
            ("/a%20b", Ok("/a%20b")),
            ("/a b", Ok("/a%20b")),
            ("/%2525", Ok("/%2525")),
            ("/%e2%9c%93", Ok("/%E2%9C%93")),
            ("/%ff", Ok("/%FF")),
            ("/[id].css", Ok("/[id].css")),
            ("/a%3Fb%23c", Ok("/a%3Fb%23c")),
            ("/...", Ok("/...")),
            ("/%5cevil.example/", Ok("/%5Cevil.example/")),
            ("", Err(PathError::Malformed)),
            ("a", Err(PathError::Malformed)),
            ("/%", Err(PathError::Malformed)),
            ("/%4", Err(PathError::Malformed)),
            ("/%zz", Err(PathError::Malformed)),
            ("/a%00.html", Err(PathError::Malformed)),
            ("/..", Err(PathError::Unsafe)),
            ("/a/../b", Err(PathError::Unsafe)),
            ("/%2e%2e/b", Err(PathError::Unsafe)),
            ("/.%2E/", Err(PathError::Unsafe)),
            ("/./a", Err(PathError::Unsafe)),
            ("/a/.", Err(PathError::Unsafe)),
            ("/a%2fb", Err(PathError::Unsafe)),
            ("/..%2f..%2fetc/passwd", Err(PathError::Unsafe)),
            ("//evil.example/", Err(PathError::Unsafe)),
            ("/a//b", Err(PathError::Unsafe)),
            ("/a//", Err(PathError::Unsafe)),
        ];
        for (raw, wanted) in table {
            let path = UrlPath::parse(raw).map(|path| path.to_string());
            assert_eq!(path.as_deref(), wanted.as_ref().copied(), "{raw}");
        }
    }

    #[test]
    fn special_names_of_windows_are_recognized() {
        for (name, plain) in [
            ("a.html", true),
            ("console.js", true),
            ("com", true),
            ("com10.txt", true),
            ("lpt", true),
            (" a", true),
            ("a..b", true),
            ("...", false),
            ("a.", false),
            ("a ", false),
            ("a:b", false),
            ("a.txt::$DATA", false),
            ("c:", false),
            ("a\\b", false),
            ("a?", false),
            ("a*", false),
            ("a\"", false),
            ("a\n", false),
            ("nul", false),
            ("NUL.txt", false),
            ("Con .js", false),
            ("aux.tar.gz", false),
            ("COM1", false),
            ("lpt9.txt", false),
            ("COM\u{b9}", false),
            ("CONIN$", false),
        ] {
            assert_eq!(is_plain_on_windows(name.as_bytes()), plain, "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_path_is_rejected_or_stays_below_the_root(raw in ".*") {
            if let Ok(path) = UrlPath::parse(&raw) {
                for name in path.names() {
                    prop_assert!(!name.is_empty() && name != b"." && name != b"..");
                    prop_assert!(!name.contains(&b'/') && !name.contains(&0));
                }
            }
        }

        #[test]
        fn parsing_agrees_with_the_oracle(raw in "/?([/a.%2eEfF5cC0-9\\\\\u{e4}]|%2[eEfF]|%[0-9a-f]{2}|\\.\\.){0,12}") {
            let path = UrlPath::parse(&raw).ok();
            let path = path.map(|path| (path.names().map(<[u8]>::to_vec).collect(), path.directory));
            prop_assert_eq!(path, oracle(&raw), "{}", raw);
        }

        #[test]
        fn encoded_path_is_parsed_back(
            names in prop::collection::vec(prop::collection::vec(1_u8.., 1..9), 0..5),
            directory: bool,
        ) {
            let path = UrlPath::from_names(names.iter().map(Vec::as_slice), directory);
            if let Some(path) = path {
                prop_assert_eq!(UrlPath::parse(&path.to_string()), Ok(path));
            }
        }
    }
}
