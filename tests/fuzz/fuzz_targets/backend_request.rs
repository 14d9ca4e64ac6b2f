#![no_main]
//! Request heads on their way to a backend: hop-by-hop fields and forwarding fields of the client
//! are removed, and everything else passes (RFC 9110, section 7.6).
//!
//! The input is a line of flags, `o` for a backend that receives its own origin and `i` for a page
//! that is going to be injected into, and a request.

use hyper::{HeaderMap, Version, header::HeaderName};
use libfuzzer_sys::fuzz_target;
use livers::fuzzing::backend_request;
use livers_fuzz::{HOP_BY_HOP, authority, field_text, first_line_text, request};

/// Fields that the proxy sets itself.
const SET_BY_PROXY: [&str; 5] =
    ["forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "host"];

/// Returns whether a field is not forwarded as it is.
fn is_replaced(name: &str) -> bool {
    HOP_BY_HOP.contains(&name) || SET_BY_PROXY.contains(&name)
}

/// Returns whether some backends confuse a field with one that the proxy sets, because they treat
/// underscores as dashes.
fn is_lookalike(name: &str) -> bool {
    let dashed = name.replace('_', "-");
    name.contains('_') && dashed.starts_with("x-forwarded-") && is_replaced(&dashed)
}

fuzz_target!(|input: &[u8]| {
    let Some((flags, rest)) = first_line_text(input) else { return };
    let Some(request) = request(rest) else { return };
    let (own_origin, injectable) = (flags.contains('o'), flags.contains('i'));
    let (before, version) = (request.headers().clone(), request.version());
    let uri = request.uri().clone();
    let (parts, opens) = backend_request(request, own_origin, injectable);
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
    // A valid requested host is forwarded.
    let requested =
        uri.authority().map(|authority| authority.as_str()).or(field_text(&before, "host"));
    if let Some(host) = requested.filter(|host| authority(host).is_some()) {
        assert_eq!(one("x-forwarded-host"), host);
        assert!(own_origin || one("host") == host);
    }
    if own_origin {
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
        if is_lookalike(known) {
            assert!(!after.contains_key(known), "{name}");
            continue;
        }
        if named.contains(&known) {
            assert!(
                is_replaced(known)
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
            "origin" | "referer" => own_origin,
            _ => is_replaced(known),
        };
        if !changed {
            assert_eq!(all(&before, name), all(&after, name), "{name}");
        }
    }
    // No other field is added.
    for name in after.keys().filter(|name| !before.contains_key(*name)) {
        let is_known = is_replaced(name.as_str())
            || name == "via"
            || (injectable && name == "accept-encoding");
        assert!(is_known, "{name}");
    }
    // The origin of a page on another host never changes.
    for name in ["origin", "referer"] {
        let (Some(was), Some(is)) = (field_text(&before, name), field_text(&after, name)) else {
            continue;
        };
        if was != is {
            let place = |url: &str| url.split('/').nth(2).map(str::to_ascii_lowercase);
            assert_eq!(place(was), requested.map(str::to_ascii_lowercase), "{was} -> {is}");
            assert_eq!(place(is).as_deref(), Some("backend.test:3000"), "{was} -> {is}");
        }
    }
});
