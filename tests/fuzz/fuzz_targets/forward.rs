#![no_main]
//! The head of a request on its way to a backend: what speaks of one connection, and what a client
//! claims to be, ends here; everything else passes (RFC 9110, section 7.6).
//!
//! The input begins with a line of flags, `o` for a backend that is to see its own origin and `i` for
//! a page that is to be changed; then comes a request.

use hyper::{HeaderMap, Version, header::HeaderName};
use libfuzzer_sys::fuzz_target;
use livers::fuzzing::forwarded;
use livers_fuzz::{HOP, authority, request, text, word};

/// What is ours to say.
const OURS: [&str; 5] =
    ["forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "host"];

/// Whether it ends here, or is ours to say.
fn is_ours(name: &str) -> bool {
    HOP.contains(&name) || OURS.contains(&name)
}

/// What some backends cannot tell from what is ours to say.
fn is_twin(name: &str) -> bool {
    let dashed = name.replace('_', "-");
    name.contains('_') && dashed.starts_with("x-forwarded-") && is_ours(&dashed)
}

fuzz_target!(|input: &[u8]| {
    let Some((flags, rest)) = word(input) else { return };
    let Some(request) = request(rest) else { return };
    let (own, injectable) = (flags.contains('o'), flags.contains('i'));
    let (before, version) = (request.headers().clone(), request.version());
    let uri = request.uri().clone();
    let (parts, opens) = forwarded(request, own, injectable);
    let after = parts.headers;
    let one = |name: &str| {
        assert_eq!(after.get_all(name).iter().count(), 1, "{name}");
        after[name].clone()
    };
    let all = |headers: &HeaderMap, name: &HeaderName| -> Vec<_> {
        headers.get_all(name).iter().cloned().collect()
    };

    assert_eq!(one("x-forwarded-for"), "192.0.2.7");
    assert_eq!(one("x-forwarded-proto"), "http");
    // Whoever asked for a host that is one is heard.
    let asked = uri.authority().map(|authority| authority.as_str()).or(text(&before, "host"));
    if let Some(asked) = asked.filter(|asked| authority(asked).is_some()) {
        assert_eq!(one("x-forwarded-host"), asked);
        assert!(own || one("host") == asked);
    }
    if own {
        assert_eq!(one("host"), "backend.test:3000");
    }
    let connection = after.get("connection").map(|value| value.to_str().unwrap());
    match connection {
        Some("Upgrade") => {
            assert!(opens && one("upgrade") == "websocket" && !after.contains_key("te"))
        }
        Some("TE") => assert!(!opens && one("te") == "trailers"),
        other => assert!(other.is_none() && !after.contains_key("te")),
    }
    assert_eq!(after.contains_key("upgrade"), opens);
    for name in [
        "keep-alive",
        "proxy-connection",
        "proxy-authorization",
        "http2-settings",
        "transfer-encoding",
        "forwarded",
    ] {
        assert!(!after.contains_key(name), "{name}");
    }
    let via = all(&after, &"via".parse().unwrap());
    let last = if version == Version::HTTP_10 { "1.0 livers" } else { "1.1 livers" };
    assert_eq!(via.last().unwrap(), last);

    let mut named = String::new();
    for value in before.get_all("connection").iter().filter_map(|value| value.to_str().ok()) {
        named = format!("{named},{}", value.to_ascii_lowercase());
    }
    let named: Vec<_> = named.split(',').map(str::trim).collect();
    for name in before.keys() {
        let known = name.as_str();
        if is_twin(known) {
            assert!(!after.contains_key(known), "{name}");
            continue;
        }
        if named.contains(&known) {
            assert!(
                is_ours(known)
                    || known == "via"
                    || !after.contains_key(known)
                    || (injectable && known == "accept-encoding"),
                "{name}"
            );
            continue;
        }
        let changed = match known {
            "via" | "expect" => true,
            "content-length" => before.contains_key("transfer-encoding"),
            "accept-encoding" | "if-none-match" | "if-modified-since" => injectable,
            "origin" | "referer" => own,
            _ => is_ours(known),
        };
        if !changed {
            assert_eq!(all(&before, name), all(&after, name), "{name}");
        }
    }
    // Nothing comes from nowhere.
    for name in after.keys().filter(|name| !before.contains_key(*name)) {
        let ours =
            is_ours(name.as_str()) || name == "via" || (injectable && name == "accept-encoding");
        assert!(ours, "{name}");
    }
    // The origin of a foreign page is never changed.
    for name in ["origin", "referer"] {
        let (Some(was), Some(is)) = (text(&before, name), text(&after, name)) else { continue };
        if was != is {
            let place = |url: &str| url.split('/').nth(2).map(str::to_ascii_lowercase);
            assert_eq!(place(was), asked.map(str::to_ascii_lowercase), "{was} -> {is}");
            assert_eq!(place(is).as_deref(), Some("backend.test:3000"), "{was} -> {is}");
        }
    }
});
