#![no_main]
//! The head of an answer on its way to the browser: whatever is changed in it leads back to livers,
//! and to no other host.
//!
//! The input begins with a line of routes, one with the host that the browser asked, and one with the
//! status; then come fields.

use hyper::{HeaderMap, StatusCode, header::HeaderName};
use libfuzzer_sys::fuzz_target;
use livers::{Route, fuzzing::relayed};
use livers_fuzz::{HOP, authority, fields, stays, word};

/// A cookie without what says where it is sent.
fn elsewhere(cookie: &str) -> (String, Vec<String>) {
    let mut parts = cookie.split(';').map(|part| part.trim_matches([' ', '\t']).to_owned());
    let pair = parts.next().unwrap_or_default();
    let placed = |part: &String| {
        let name = part
            .split('=')
            .next()
            .unwrap_or_default()
            .trim_matches([' ', '\t'])
            .to_ascii_lowercase();
        name == "domain" || name == "path"
    };
    (pair, parts.filter(|part| !placed(part)).collect())
}

fuzz_target!(|input: &[u8]| {
    let Some((words, rest)) = word(input) else { return };
    let Some((host, rest)) = word(rest) else { return };
    let Some((status, rest)) = word(rest) else { return };
    let Ok(status) = StatusCode::from_bytes(status.as_bytes()) else { return };
    let routes: Vec<Route> = words.split(' ').filter_map(|route| route.parse().ok()).collect();
    // The guard lets no other through.
    if authority(host).is_none() {
        return;
    }
    let before = fields(rest);
    let mut after = before.clone();
    relayed(&routes, host, status, &mut after);

    let all = |headers: &HeaderMap, name: &HeaderName| -> Vec<_> {
        headers.get_all(name).iter().map(|value| value.as_bytes().to_vec()).collect()
    };
    for name in HOP {
        let websocket =
            ["connection", "upgrade"].contains(&name) && [101, 426].contains(&status.as_u16());
        assert!(websocket || !after.contains_key(name), "{name}");
    }
    for name in after.keys() {
        let (was, is) = (all(&before, name), all(&after, name));
        if HOP.contains(&name.as_str()) {
            continue;
        }
        assert_eq!(was.len(), is.len(), "{name}");
        for (was, is) in was.iter().zip(&is).filter(|(was, is)| was != is) {
            let (was, is) = (std::str::from_utf8(was).unwrap(), std::str::from_utf8(is).unwrap());
            match name.as_str() {
                "location" | "content-location" => assert!(stays(is), "{was:?} -> {is:?}"),
                "refresh" => {
                    let at = is.to_ascii_lowercase().find("url=").unwrap() + 4;
                    assert!(was.trim_start().starts_with(&is[..at]), "{was:?} -> {is:?}");
                    // Quotes may be around it (WHATWG HTML, "shared declarative refresh steps").
                    let url = is[at..].trim_start().trim_start_matches(['"', '\'']);
                    assert!(stays(url), "{was:?} -> {is:?}");
                }
                "set-cookie" => assert_eq!(elsewhere(was), elsewhere(is), "{was:?} -> {is:?}"),
                _ => panic!("{name}: {was:?} -> {is:?}"),
            }
        }
    }
});
