#![no_main]
//! The files `_headers` and `_redirects`: a request cannot choose the host of a redirect, and all
//! results are valid header values.
//!
//! The input is a line with a request target, and a file that is parsed as both.

use libfuzzer_sys::fuzz_target;
use livers::fuzzing::{header_rules, parse_path, redirect_rules};
use livers_fuzz::{first_line_text, is_same_host};

/// Returns the host of an absolute URL, as a browser parses it (WHATWG URL).
fn host(url: &str) -> String {
    let url = url.replace(['\t', '\n', '\r'], "").replace('\\', "/");
    let (_, rest) = url.split_once(':').unwrap();
    let rest = rest.trim_start_matches('/');
    rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())].to_owned()
}

/// Percent-encodes everything but printable ASCII characters.
fn percent_encode(text: &str) -> String {
    let is_plain = |byte: u8| (0x20..0x7f).contains(&byte);
    let write =
        |byte: u8| if is_plain(byte) { char::from(byte).into() } else { format!("%{byte:02X}") };
    text.bytes().map(write).collect()
}

fuzz_target!(|input: &[u8]| {
    let Some((target, rest)) = first_line_text(input) else { return };
    let Ok(file) = std::str::from_utf8(rest) else { return };
    // hyper rejects any other target.
    let Ok(uri) = target.parse::<hyper::Uri>() else { return };
    let (path, query) = (uri.path(), uri.query());
    let lines = file.lines().count();
    let are_line_numbers = |faults: &[usize]| {
        faults.iter().all(|line| (1..=lines).contains(line)) && faults.is_sorted_by(|a, b| a < b)
    };

    let (fields, faults) = header_rules(file, path);
    assert!(are_line_numbers(&faults));
    for (name, value) in &fields {
        let known = file.to_ascii_lowercase();
        assert!(known.contains(name.as_str()), "{name}");
        let caches = ["cache-control", "expires", "pragma", "content-length", "transfer-encoding"];
        assert!(!caches.contains(&name.as_str()), "{name}");
        let of_file = |part: &str| file.contains(part.trim());
        let value = std::str::from_utf8(value.as_bytes());
        assert!(value.is_ok_and(|value| value.split(", ").all(of_file)), "{value:?}");
    }

    let (effects, faults) = redirect_rules(file, path, query);
    assert!(are_line_numbers(&faults));
    for (status, url, redirects) in effects.into_iter().flatten() {
        assert_eq!(redirects, (300..400).contains(&status), "{status} {url}");
        if !redirects {
            let parsed = parse_path(&url).0;
            assert!(parsed.is_some_and(|(_, spelled)| spelled == url && url != path), "{url}");
        } else {
            assert!(
                url.parse::<hyper::header::HeaderValue>().is_ok(),
                "{url:?} is not a valid value"
            );
            if !is_same_host(&url) {
                let scheme = ["http://", "https://"].iter().any(|scheme| url.starts_with(scheme));
                let host = host(&url);
                assert!(scheme && !host.is_empty(), "{url}");
                // The file may contain the host unencoded.
                let known = |text: &str| text.contains(&format!("://{host}"));
                assert!(known(file) || known(&percent_encode(file)), "{url} leads to {host}");
            }
        }
    }
});
