#![no_main]
//! `Range`: exactly the requested bytes are sent, checked for every byte (RFC 9110, section 14).
//!
//! The input is the length of the file and a field value: `10 bytes=0-4`.

use std::collections::BTreeSet;

use hyper::{HeaderMap, Method, header::RANGE};
use libfuzzer_sys::fuzz_target;
use livers::fuzzing::respond;
use livers_fuzz::field_text;

type Spec = (Option<u64>, Option<u64>);

/// Parses a range set (section 14.1.2). Returns `None` if it is invalid, or has more than 64
/// ranges.
fn specs(value: &str) -> Option<Vec<Spec>> {
    let (unit, set) = value.trim_matches([' ', '\t']).split_once('=')?;
    let number = |digits: &str| (!digits.is_empty()).then(|| digits.parse().unwrap_or(u64::MAX));
    let mut specs = Vec::new();
    for spec in set.split(',').map(|spec| spec.trim_matches([' ', '\t'])) {
        if spec.is_empty() {
            continue;
        }
        let dash = spec.find('-')?;
        let (first, last) = (&spec[..dash], &spec[dash + 1..]);
        if [first, last].concat().is_empty()
            || [first, last].concat().contains(|c: char| !c.is_ascii_digit())
        {
            return None;
        }
        let spec = (number(first), number(last));
        if matches!(spec, (Some(first), Some(last)) if first > last) {
            return None;
        }
        specs.push(spec);
    }
    (unit.to_ascii_lowercase() == "bytes" && (1..=64).contains(&specs.len())).then_some(specs)
}

/// Returns the parts of a response: the offset and the bytes of each.
fn parts(fields: &HeaderMap, body: &[u8], length: usize) -> Vec<(usize, Vec<u8>)> {
    let bounds = |range: &str| -> (usize, usize) {
        let range =
            range.strip_prefix("bytes ").unwrap().strip_suffix(&format!("/{length}")).unwrap();
        let (first, last) = range.split_once('-').unwrap();
        (first.parse().unwrap(), last.parse::<usize>().unwrap() + 1)
    };
    if let Some(range) = field_text(fields, "content-range") {
        let (start, end) = bounds(range);
        assert_eq!(end - start, body.len());
        return vec![(start, body.to_vec())];
    }
    let boundary = field_text(fields, "content-type").unwrap();
    let boundary = boundary.strip_prefix("multipart/byteranges; boundary=").unwrap();
    let (mut parts, mut rest) = (Vec::new(), body);
    let begin = format!("--{boundary}\r\nContent-Type: text/plain\r\nContent-Range: ");
    while let Some(part) = rest.strip_prefix(begin.as_bytes()) {
        let end = part.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
        let (start, past) = bounds(std::str::from_utf8(&part[..end]).unwrap());
        let part = &part[end + 4..];
        parts.push((start, part[..past - start].to_vec()));
        rest = part[past - start..].strip_prefix(b"\r\n").unwrap();
    }
    assert_eq!(rest, format!("--{boundary}--\r\n").as_bytes());
    parts
}

fuzz_target!(|input: &str| {
    let Some((length, value)) = input.split_once(' ') else { return };
    let (Ok(length), Ok(field)) = (length.parse::<u8>(), value.parse()) else { return };
    let content: Vec<u8> = (0..length).collect();
    let length = usize::from(length);

    let request = HeaderMap::from_iter([(RANGE, field)]);
    let (status, fields, body) = respond(&Method::GET, &request, &content);
    let specs = specs(value);
    let is_requested = |byte: &usize| {
        let byte = *byte as u64;
        specs.iter().flatten().any(|spec| match *spec {
            (Some(first), last) => first <= byte && last.is_none_or(|last| byte <= last),
            (None, suffix) => length as u64 - byte <= suffix.unwrap_or_default(),
        })
    };
    let requested: BTreeSet<usize> = (0..length).filter(is_requested).collect();
    match status {
        200 => {
            // A 206 cannot describe an empty range of an empty file.
            let is_empty_suffix =
                length == 0 && specs.iter().flatten().any(|spec| spec.0.is_none());
            assert!(specs.is_none() || is_empty_suffix, "{input}");
            assert_eq!(body, content, "{input}");
        }
        416 => {
            assert!(specs.is_some() && requested.is_empty() && body.is_empty(), "{input}");
            assert_eq!(fields["content-range"], format!("bytes */{length}"), "{input}");
        }
        206 => {
            let parts = parts(&fields, &body, length);
            let mut sent = BTreeSet::new();
            for (start, bytes) in &parts {
                let range = *start..start + bytes.len();
                assert!(!bytes.is_empty() && content[range.clone()] == bytes[..], "{input}");
                // Parts do not touch: adjacent ranges are merged.
                assert!(
                    start.checked_sub(1).is_none_or(|before| !sent.contains(&before)),
                    "{input}"
                );
                assert!(!sent.contains(&range.end), "{input}");
                assert!(range.into_iter().all(|byte| sent.insert(byte)), "{input}");
            }
            assert_eq!(sent, requested, "{input}");
        }
        _ => panic!("{status}: {input}"),
    }
});
