#![no_main]
//! `Range`: what is sent is what is asked for, asked of every single byte (RFC 9110, section 14).
//!
//! The input is a length and a value: `10 bytes=0-4`.

use std::collections::BTreeSet;

use hyper::{HeaderMap, Method, header::RANGE};
use libfuzzer_sys::fuzz_target;
use livers::fuzzing::answer;
use livers_fuzz::text;

type Spec = (Option<u64>, Option<u64>);

/// A range set (section 14.1.2), nothing if it is none, or one of very many.
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

/// The parts of an answer, by its fields: where each begins, and its bytes.
fn parts(fields: &HeaderMap, body: &[u8], length: usize) -> Vec<(usize, Vec<u8>)> {
    let placed = |range: &str| -> (usize, usize) {
        let range =
            range.strip_prefix("bytes ").unwrap().strip_suffix(&format!("/{length}")).unwrap();
        let (first, last) = range.split_once('-').unwrap();
        (first.parse().unwrap(), last.parse::<usize>().unwrap() + 1)
    };
    if let Some(range) = text(fields, "content-range") {
        let (start, end) = placed(range);
        assert_eq!(end - start, body.len());
        return vec![(start, body.to_vec())];
    }
    let boundary = text(fields, "content-type").unwrap();
    let boundary = boundary.strip_prefix("multipart/byteranges; boundary=").unwrap();
    let (mut parts, mut rest) = (Vec::new(), body);
    let begin = format!("--{boundary}\r\nContent-Type: text/plain\r\nContent-Range: ");
    while let Some(part) = rest.strip_prefix(begin.as_bytes()) {
        let end = part.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
        let (start, past) = placed(std::str::from_utf8(&part[..end]).unwrap());
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
    let (status, fields, body) = answer(&Method::GET, &request, &content);
    let specs = specs(value);
    let asked = |byte: &usize| {
        let byte = *byte as u64;
        specs.iter().flatten().any(|spec| match *spec {
            (Some(first), last) => first <= byte && last.is_none_or(|last| byte <= last),
            (None, suffix) => length as u64 - byte <= suffix.unwrap_or_default(),
        })
    };
    let asked: BTreeSet<usize> = (0..length).filter(asked).collect();
    match status {
        200 => {
            // There is no way to say that nothing is all there is.
            let of_nothing = length == 0 && specs.iter().flatten().any(|spec| spec.0.is_none());
            assert!(specs.is_none() || of_nothing, "{input}");
            assert_eq!(body, content, "{input}");
        }
        416 => {
            assert!(specs.is_some() && asked.is_empty() && body.is_empty(), "{input}");
            assert_eq!(fields["content-range"], format!("bytes */{length}"), "{input}");
        }
        206 => {
            let parts = parts(&fields, &body, length);
            let mut sent = BTreeSet::new();
            for (start, bytes) in &parts {
                let range = *start..start + bytes.len();
                assert!(!bytes.is_empty() && content[range.clone()] == bytes[..], "{input}");
                // No part touches another: no byte beside it is sent.
                assert!(
                    start.checked_sub(1).is_none_or(|before| !sent.contains(&before)),
                    "{input}"
                );
                assert!(!sent.contains(&range.end), "{input}");
                assert!(range.into_iter().all(|byte| sent.insert(byte)), "{input}");
            }
            assert_eq!(sent, asked, "{input}");
        }
        _ => panic!("{status}: {input}"),
    }
});
