#![no_main]
//! Response heads on their way from a backend to the browser: every URL that is rewritten leads to
//! livers, and to no other host.
//!
//! The input is a line of routes, a line with the requested host, a line with the status, and
//! header fields.

use hyper::{HeaderMap, StatusCode, header::HeaderName};
use libfuzzer_sys::fuzz_target;
use livers::{Route, fuzzing::backend_response};
use livers_fuzz::{HOP_BY_HOP, authority, first_line_text, header_fields, is_same_host};

/// Splits a cookie into its pair and its attributes, except `Domain` and `Path`.
fn without_scope(cookie: &str) -> (String, Vec<String>) {
    let mut parts = cookie.split(';').map(|part| part.trim_matches([' ', '\t']).to_owned());
    let pair = parts.next().unwrap_or_default();
    let is_scope = |part: &String| {
        let name = part
            .split('=')
            .next()
            .unwrap_or_default()
            .trim_matches([' ', '\t'])
            .to_ascii_lowercase();
        name == "domain" || name == "path"
    };
    (pair, parts.filter(|part| !is_scope(part)).collect())
}

fuzz_target!(|input: &[u8]| {
    let Some((words, rest)) = first_line_text(input) else { return };
    let Some((host, rest)) = first_line_text(rest) else { return };
    let Some((status, rest)) = first_line_text(rest) else { return };
    let Ok(status) = StatusCode::from_bytes(status.as_bytes()) else { return };
    let routes: Vec<Route> = words.split(' ').filter_map(|route| route.parse().ok()).collect();
    // The guard rejects requests for any other host.
    if authority(host).is_none() {
        return;
    }
    let before = header_fields(rest);
    let mut after = before.clone();
    backend_response(&routes, host, status, &mut after);

    let all = |headers: &HeaderMap, name: &HeaderName| -> Vec<_> {
        headers.get_all(name).iter().map(|value| value.as_bytes().to_vec()).collect()
    };
    for name in HOP_BY_HOP {
        let websocket =
            ["connection", "upgrade"].contains(&name) && [101, 426].contains(&status.as_u16());
        assert!(websocket || !after.contains_key(name), "{name}");
    }
    for name in after.keys() {
        let (was, is) = (all(&before, name), all(&after, name));
        if HOP_BY_HOP.contains(&name.as_str()) {
            continue;
        }
        assert_eq!(was.len(), is.len(), "{name}");
        for (was, is) in was.iter().zip(&is).filter(|(was, is)| was != is) {
            let (was, is) = (std::str::from_utf8(was).unwrap(), std::str::from_utf8(is).unwrap());
            match name.as_str() {
                "location" | "content-location" => assert!(is_same_host(is), "{was:?} -> {is:?}"),
                "refresh" => {
                    let at = is.to_ascii_lowercase().find("url=").unwrap() + 4;
                    assert!(was.trim_start().starts_with(&is[..at]), "{was:?} -> {is:?}");
                    // The URL may be quoted (WHATWG HTML, "shared declarative refresh steps").
                    let url = is[at..].trim_start().trim_start_matches(['"', '\'']);
                    assert!(is_same_host(url), "{was:?} -> {is:?}");
                }
                "set-cookie" => {
                    assert_eq!(without_scope(was), without_scope(is), "{was:?} -> {is:?}")
                }
                _ => panic!("{name}: {was:?} -> {is:?}"),
            }
        }
    }
});
