#![no_main]
//! The files `_headers` and `_redirects`: no path chooses a host, and what is said is a value.
//!
//! The input begins with a path, which may have a query; then comes the file, which is read as both.

use libfuzzer_sys::fuzz_target;
use livers::fuzzing::{fields, instead, url_path};
use livers_fuzz::{stays, word};

/// The host that a browser is sent to by a URL (WHATWG URL).
fn host(url: &str) -> String {
    let url = url.replace(['\t', '\n', '\r'], "").replace('\\', "/");
    let (_, rest) = url.split_once(':').unwrap();
    let rest = rest.trim_start_matches('/');
    rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())].to_owned()
}

/// A text with all but ASCII's letters percent-encoded.
fn encoded(text: &str) -> String {
    let plain = |byte: u8| (0x20..0x7f).contains(&byte);
    let write =
        |byte: u8| if plain(byte) { char::from(byte).into() } else { format!("%{byte:02X}") };
    text.bytes().map(write).collect()
}

fuzz_target!(|input: &[u8]| {
    let Some((asked, rest)) = word(input) else { return };
    let Ok(file) = std::str::from_utf8(rest) else { return };
    // Only such a path comes so far.
    let Ok(uri) = asked.parse::<hyper::Uri>() else { return };
    let (path, query) = (uri.path(), uri.query());
    let lines = file.lines().count();
    let numbered = |faults: &[usize]| {
        faults.iter().all(|line| (1..=lines).contains(line)) && faults.is_sorted_by(|a, b| a < b)
    };

    let (fields, faults) = fields(file, path);
    assert!(numbered(&faults));
    for (name, value) in &fields {
        let known = file.to_ascii_lowercase();
        assert!(known.contains(name.as_str()), "{name}");
        let caches = ["cache-control", "expires", "pragma", "content-length", "transfer-encoding"];
        assert!(!caches.contains(&name.as_str()), "{name}");
        let of_file = |part: &str| file.contains(part.trim());
        let value = std::str::from_utf8(value.as_bytes());
        assert!(value.is_ok_and(|value| value.split(", ").all(of_file)), "{value:?}");
    }

    let (said, faults) = instead(file, path, query);
    assert!(numbered(&faults));
    for (status, place, redirects) in said.into_iter().flatten() {
        assert_eq!(redirects, (300..400).contains(&status), "{status} {place}");
        if !redirects {
            let read = url_path(&place).0;
            assert!(read.is_some_and(|(_, spelled)| spelled == place && place != path), "{place}");
        } else {
            assert!(place.parse::<hyper::header::HeaderValue>().is_ok(), "{place:?} is no value");
            if !stays(&place) {
                let scheme = ["http://", "https://"].iter().any(|scheme| place.starts_with(scheme));
                let host = host(&place);
                assert!(scheme && !host.is_empty(), "{place}");
                // In the file it may stand as people write it.
                let known = |text: &str| text.contains(&format!("://{host}"));
                assert!(known(file) || known(&encoded(file)), "{place} leads to {host}");
            }
        }
    }
});
