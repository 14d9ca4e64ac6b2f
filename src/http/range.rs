//! Range requests: selects the bytes that `Range` asks for (RFC 9110, section 14).
//!
//! [`select`] is a pure function of the field and the length. An invalid range set is ignored, and
//! so is one with very many ranges, which would cost more than the whole. Overlapping and adjacent
//! ranges are merged, so that no byte is sent twice. Units other than bytes are not supported.

use std::ops::Range;

use hyper::header::{HeaderMap, RANGE};

use super::field::single_value;

/// The maximum number of ranges in a request.
const RANGES: usize = 64;

/// The bytes that a request selects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Selection {
    Whole,
    /// Ranges in the requested order. None is empty, and no two overlap or are adjacent.
    Parts(Vec<Range<u64>>),
    /// None of the ranges is within the representation: 416.
    Unsatisfiable,
}

/// A range as it is written (section 14.1.2). A number that is too large for `u64` becomes the
/// largest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spec {
    /// `first-last`, or `first-`.
    From(u64, u64),
    /// `-length`: the last bytes.
    Suffix(u64),
}

/// Selects the bytes of a representation with this length, in bytes.
pub(crate) fn select(request: &HeaderMap, length: u64) -> Selection {
    let Some(specs) = single_value(request, &RANGE).and_then(parse) else {
        return Selection::Whole;
    };
    let mut parts: Vec<Range<u64>> = Vec::new();
    for spec in &specs {
        match spec.within(length) {
            Some(part) => merge(&mut parts, part),
            // A `Content-Range` cannot express the last bytes of an empty representation.
            None if length == 0 && matches!(spec, Spec::Suffix(1..)) => return Selection::Whole,
            None => {}
        }
    }
    if parts.is_empty() { Selection::Unsatisfiable } else { Selection::Parts(parts) }
}

/// Parses a range set. Returns `None` if it is invalid or has too many ranges.
fn parse(value: &str) -> Option<Vec<Spec>> {
    let (unit, set) = value.split_once('=')?;
    if !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    // A list may have empty members (section 5.6.1.2).
    let members = set.split(',').map(|member| member.trim_matches([' ', '\t']));
    let members = members.filter(|member| !member.is_empty()).take(RANGES + 1);
    let specs = members.map(Spec::parse).collect::<Option<Vec<_>>>()?;
    (!specs.is_empty() && specs.len() <= RANGES).then_some(specs)
}

impl Spec {
    fn parse(text: &str) -> Option<Self> {
        let (first, last) = text.split_once('-')?;
        match (first.is_empty(), last.is_empty()) {
            (true, true) => None,
            (true, false) => number(last).map(Self::Suffix),
            (false, true) => number(first).map(|first| Self::From(first, u64::MAX)),
            (false, false) => {
                let (first, last) = (number(first)?, number(last)?);
                (first <= last).then_some(Self::From(first, last))
            }
        }
    }

    /// Returns the range within a representation of this length, or `None` if it is empty.
    fn within(self, length: u64) -> Option<Range<u64>> {
        let part = match self {
            Self::From(first, last) => first..length.min(last.saturating_add(1)),
            Self::Suffix(suffix) => length.saturating_sub(suffix)..length,
        };
        (!part.is_empty()).then_some(part)
    }
}

fn number(digits: &str) -> Option<u64> {
    let digits = Some(digits).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    Some(digits.parse().unwrap_or(u64::MAX))
}

/// Adds a range, merged with those that it overlaps or is adjacent to. The result is in the place
/// of the first of them.
fn merge(parts: &mut Vec<Range<u64>>, part: Range<u64>) {
    let mut whole = part;
    let mut place = parts.len();
    // The merged range may reach further ranges.
    while let Some(at) =
        parts.iter().position(|known| known.start <= whole.end && whole.start <= known.end)
    {
        let known = parts.remove(at);
        whole = known.start.min(whole.start)..known.end.max(whole.end);
        place = place.min(at);
    }
    parts.insert(place.min(parts.len()), whole);
}

#[cfg(test)]
mod tests {
    use hyper::header::{HeaderMap, HeaderValue, RANGE};
    use proptest::prelude::*;

    use super::{RANGES, Selection, select};

    fn of(value: &str, length: u64) -> Selection {
        let value = HeaderValue::from_str(value).unwrap();
        select(&HeaderMap::from_iter([(RANGE, value)]), length)
    }

    #[test]
    fn ranges_are_parsed_as_the_standard_says() {
        use Selection::{Unsatisfiable, Whole};
        let parts = |parts: &[(u64, u64)]| {
            Selection::Parts(parts.iter().map(|&(start, end)| start..end).collect())
        };
        let huge = "9".repeat(40);
        let many = |ranges| format!("bytes={}", "0-0,".repeat(ranges));
        let table = [
            ("bytes=0-0".to_owned(), 10, parts(&[(0, 1)])),
            ("bytes=0-9".into(), 10, parts(&[(0, 10)])),
            ("bytes=2-5".into(), 10, parts(&[(2, 6)])),
            ("bytes=8-100".into(), 10, parts(&[(8, 10)])),
            ("bytes=9-".into(), 10, parts(&[(9, 10)])),
            ("bytes=-3".into(), 10, parts(&[(7, 10)])),
            ("bytes=-100".into(), 10, parts(&[(0, 10)])),
            ("BYTES=0-0".into(), 10, parts(&[(0, 1)])),
            (format!("bytes=5-{huge}"), 10, parts(&[(5, 10)])),
            (format!("bytes=-{huge}"), 10, parts(&[(0, 10)])),
            ("bytes=0-1, 4-5".into(), 10, parts(&[(0, 2), (4, 6)])),
            ("bytes=4-5,0-1".into(), 10, parts(&[(4, 6), (0, 2)])),
            ("bytes=,0-1,, 4-5 ,".into(), 10, parts(&[(0, 2), (4, 6)])),
            ("bytes=0-3,4-5".into(), 10, parts(&[(0, 6)])),
            ("bytes=0-1,8-9,0-5,4-8".into(), 10, parts(&[(0, 10)])),
            ("bytes=6-7,0-1,1-2,50-60".into(), 10, parts(&[(6, 8), (0, 3)])),
            ("bytes=10-".into(), 10, Unsatisfiable),
            ("bytes=10-11".into(), 10, Unsatisfiable),
            (format!("bytes={huge}-"), 10, Unsatisfiable),
            ("bytes=-0".into(), 10, Unsatisfiable),
            ("bytes=0-".into(), 0, Unsatisfiable),
            ("bytes=-1".into(), 0, Whole),
            ("bytes=".into(), 10, Whole),
            ("bytes=,".into(), 10, Whole),
            ("bytes=-".into(), 10, Whole),
            ("bytes=a-b".into(), 10, Whole),
            ("bytes=5-2".into(), 10, Whole),
            ("bytes=0-1,5-2".into(), 10, Whole),
            ("bytes=0-1-2".into(), 10, Whole),
            ("bytes=--1".into(), 10, Whole),
            ("bytes=+0-1".into(), 10, Whole),
            ("bytes=0x0-1".into(), 10, Whole),
            ("bytes 0-1".into(), 10, Whole),
            ("bytes = 0-1".into(), 10, Whole),
            ("bytes=0 - 1".into(), 10, Whole),
            ("items=0-1".into(), 10, Whole),
            (String::new(), 10, Whole),
            (many(RANGES), 10, parts(&[(0, 1)])),
            (many(RANGES + 1), 10, Whole),
        ];
        for (value, length, wanted) in table {
            assert_eq!(of(&value, length), wanted, "{value} of {length}");
        }
        assert_eq!(select(&HeaderMap::new(), 10), Whole);
        let mut twice = HeaderMap::new();
        for _ in 0..2 {
            twice.append(RANGE, HeaderValue::from_static("bytes=0-0"));
        }
        assert_eq!(select(&twice, 10), Whole);
    }

    /// Ranges of a small file: `first-last`, `first-` or `-length`; some are invalid.
    fn specs() -> impl Strategy<Value = Vec<(Option<u64>, Option<u64>)>> {
        let spec = prop_oneof![
            12 => (0..24_u64, 0..5_u64).prop_map(|(first, more)| (Some(first), Some(first + more))),
            3 => (0..8_u64).prop_map(|suffix| (None, Some(suffix))),
            1 => (0..24_u64).prop_map(|first| (Some(first), None)),
            1 => (prop::option::of(0..24_u64), prop::option::of(0..24_u64)),
        ];
        prop::collection::vec(spec, 1..8)
    }

    proptest! {
        /// The oracle decides for each byte whether some range contains it.
        #[test]
        fn selected_bytes_are_the_requested_ones(specs in specs(), length in 0..20_u64) {
            let text = |number: Option<u64>| number.map(|n| n.to_string()).unwrap_or_default();
            let set = specs.iter().map(|&(first, last)| format!("{}-{}", text(first), text(last)));
            let value = format!("bytes={}", set.collect::<Vec<_>>().join(","));
            let valid = specs.iter().all(|spec| match spec {
                (None, None) => false,
                (Some(first), Some(last)) => first <= last,
                _ => true,
            });
            let contains = |byte: u64| specs.iter().any(|spec| match *spec {
                (Some(first), last) => first <= byte && last.is_none_or(|last| byte <= last),
                (None, Some(suffix)) => byte + suffix >= length,
                (None, None) => false,
            });
            let requested: Vec<_> = (0..length).filter(|byte| contains(*byte)).collect();
            match of(&value, length) {
                Selection::Whole => prop_assert!(!valid || length == 0, "{value} of {length}"),
                Selection::Unsatisfiable => prop_assert!(valid && requested.is_empty(), "{value}"),
                Selection::Parts(parts) => {
                    prop_assert!(valid);
                    let mut sent: Vec<_> = parts.iter().cloned().flatten().collect();
                    // The first requested byte is in the first part.
                    let first = specs.iter().find_map(|spec| match *spec {
                        (Some(first), _) => (first < length).then_some(first),
                        (None, suffix) => (suffix > Some(0))
                            .then(|| length.saturating_sub(suffix.unwrap_or_default())),
                    });
                    prop_assert!(parts[0].contains(&first.unwrap()), "{value}: {parts:?}");
                    sent.sort_unstable();
                    prop_assert_eq!(sent, requested, "{} of {}", value, length);
                    for (at, part) in parts.iter().enumerate() {
                        for other in &parts[at + 1..] {
                            prop_assert!(part.end < other.start || other.end < part.start);
                        }
                    }
                }
            }
        }

        #[test]
        fn any_value_is_parsed_or_ignored(value in "(bytes=)?[ -~]{0,40}", length: u64) {
            if let Selection::Parts(parts) = of(&value, length) {
                for part in parts {
                    prop_assert!(part.start < part.end && part.end <= length);
                }
            }
        }
    }
}
