//! The path of a URL, decoded once.
//!
//! A request's path is percent-decoded here and nowhere else; what comes out is a list of names that
//! can be walked down from a folder and never leads up or sideways: no `..`, no `.`, no separator
//! inside a name, no NUL. The same type is encoded again, by the rules of browsers (WHATWG URL, the
//! path percent-encode set, and the backslash, which browsers take for a slash), so that each file
//! has one spelling in messages and redirects.
//!
//! It knows nothing of the disk: see [`root`](crate::root).

use std::fmt;

use percent_encoding::{AsciiSet, CONTROLS, percent_encode};

/// What a browser leaves encoded in a path, and `%` itself, since what is encoded here was decoded.
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

/// An absolute path: names from the root down, and whether it ends in a slash.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct UrlPath {
    names: Vec<Vec<u8>>,
    directory: bool,
}

/// Why a path is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PathError {
    /// It is no path at all: a `%` without two hexadecimal digits, a NUL, no leading slash.
    Malformed,
    /// It holds a name that could lead elsewhere: `..`, `.`, an empty one, one with a separator.
    Unsafe,
}

impl UrlPath {
    /// The root: `/`.
    pub(crate) fn root() -> Self {
        Self { names: Vec::new(), directory: true }
    }

    /// Reads the path of a request's target (without the query), or of a page's report.
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

    /// A path of names that come from the disk. Names that no URL can have give nothing.
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

    /// The names, from the root down.
    pub(crate) fn names(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.names.iter().map(Vec::as_slice)
    }

    /// Whether the path ends in a slash.
    pub(crate) fn is_directory(&self) -> bool {
        self.directory
    }

    /// The same path with a slash at its end.
    pub(crate) fn as_directory(&self) -> Self {
        Self { names: self.names.clone(), directory: true }
    }

    /// The same path with more at the end of its last name; nothing where there is no name.
    pub(crate) fn with_suffix(&self, suffix: &str) -> Option<Self> {
        let mut names = self.names.clone();
        names.last_mut().filter(|_| !self.directory)?.extend(suffix.bytes());
        Some(Self { names, directory: false })
    }

    /// The folders on the way, from the root down.
    pub(crate) fn folders(&self) -> impl Iterator<Item = Self> {
        let depth = self.names.len() - usize::from(!self.directory && !self.names.is_empty());
        (0..=depth).map(|depth| Self { names: self.names[..depth].to_vec(), directory: true })
    }

    /// A file in this folder.
    pub(crate) fn child(&self, name: &str) -> Self {
        let mut names = self.names.clone();
        names.push(name.as_bytes().to_vec());
        Self { names, directory: false }
    }
}

/// The path as a browser would put it into a request.
impl fmt::Display for UrlPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for name in &self.names {
            write!(f, "/{}", percent_encode(name, PATH))?;
        }
        if self.directory { f.write_str("/") } else { Ok(()) }
    }
}

/// One name of a path as a browser would write it.
pub(crate) fn encode_name(name: &[u8]) -> String {
    percent_encode(name, PATH).to_string()
}

/// Decodes a name, strictly: a `%` that begins nothing is an error, not itself.
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

/// Whether a decoded name is one name, here and on every system that livers runs on.
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

/// Whether Windows takes a name for that of one file, and for nothing else: no separator, drive or
/// stream, no wildcard, no device, and no dot or space at the end, which it would drop.
fn is_plain_on_windows(name: &[u8]) -> bool {
    let special = |byte: &u8| *byte < b' ' || b"<>:\"|?*\\/".contains(byte);
    let stem = name.split(|byte| *byte == b'.').next().unwrap_or_default();
    let stem = stem.trim_ascii_end().to_ascii_lowercase();
    let (device, number) = stem.split_at(stem.len().min(3));
    let numbered = matches!(device, b"com" | b"lpt")
        // The superscripts count as digits.
        && (matches!(number, [b'0'..=b'9']) || matches!(number, [0xc2, 0xb9 | 0xb2 | 0xb3]));
    let device = matches!(&stem[..], b"con" | b"prn" | b"aux" | b"nul" | b"conin$" | b"conout$");
    !(name.iter().any(special) || numbered || device || matches!(name.last(), Some(b'.' | b' ')))
}

/// What a path says, found by other means: the whole of it is looked at for its letters, then
/// decoded, and then asked what it could lead to. For the property tests, and for the fuzz targets.
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
    fn paths_are_decoded_once_and_spelled_one_way() {
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
    fn windows_has_names_of_its_own() {
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
        fn any_path_is_refused_or_stays_below_the_root(raw in ".*") {
            if let Ok(path) = UrlPath::parse(&raw) {
                for name in path.names() {
                    prop_assert!(!name.is_empty() && name != b"." && name != b"..");
                    prop_assert!(!name.contains(&b'/') && !name.contains(&0));
                }
            }
        }

        #[test]
        fn a_path_is_read_as_its_letters_say(raw in "/?([/a.%2eEfF5cC0-9\\\\\u{e4}]|%2[eEfF]|%[0-9a-f]{2}|\\.\\.){0,12}") {
            let path = UrlPath::parse(&raw).ok();
            let path = path.map(|path| (path.names().map(<[u8]>::to_vec).collect(), path.directory));
            prop_assert_eq!(path, oracle(&raw), "{}", raw);
        }

        #[test]
        fn a_path_of_any_names_is_read_back_as_it_was(
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
