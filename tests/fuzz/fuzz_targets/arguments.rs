#![no_main]
//! Command-line arguments: each parses, or is rejected with a helpful message.
//!
//! The input is an argument, and on a second line a requested URL.

use std::{fmt::Display, str::FromStr};

use hyper::{Request, Uri};
use libfuzzer_sys::fuzz_target;
use livers::{
    AllowedHost, Cors, Header, Mount, Route,
    fuzzing::{backend_target, checked_host, parse_header, route_index},
};

/// Parses an argument, or checks the message: it names the argument, and its advice differs from
/// it.
fn parse<T: FromStr<Err: Display>>(text: &str) -> Option<T> {
    let message = match text.parse() {
        Ok(parsed) => return Some(parsed),
        Err(error) => <T::Err as ToString>::to_string(&error),
    };
    assert!(message.starts_with(text) && message.len() > text.len() + 10, "{message}");
    let advice = message.rsplit_once(": write ").map(|(_, advice)| advice);
    // Advice in words can equal the argument only by the work of a fuzzer.
    assert!(text.is_empty() || text.contains(' ') || advice != Some(text), "{message}");
    None
}

fuzz_target!(|input: &str| {
    let (text, requested) = input.split_once('\n').unwrap_or((input, "/"));
    if let Some(route) = parse::<Route>(text) {
        let prefix = route.prefix();
        assert!(
            prefix.starts_with('/') && !(prefix.starts_with("/__livers/") || prefix == "/__livers")
        );
        // The displayed form parses again, except that it lacks the colon between a Unix socket and
        // a path.
        let shown = route.to_string();
        if !shown.contains("unix:") {
            let again: Route = shown.replacen(" -> ", "=", 1).parse().unwrap();
            assert_eq!(again, route, "{shown}");
        }
        if let Ok(uri) = requested.parse::<Uri>() {
            let routes = [route];
            if route_index(&routes, uri.path()).is_some() {
                let target = backend_target(&routes[0], &uri);
                let target = target.expect("a short path has a target");
                assert!(target.host().is_none() && target.path().starts_with('/'), "{target}");
                assert_eq!(target.query(), uri.query(), "{target}");
            } else {
                assert!(!uri.path().starts_with(&format!("{}/", routes[0].prefix())));
            }
        }
    }
    if parse::<AllowedHost>(text).is_some() {
        let host = text.trim_start_matches('.');
        let is_bare = host.parse::<std::net::Ipv6Addr>().is_ok();
        let host = if is_bare { format!("[{host}]") } else { host.to_owned() };
        let request = Request::builder().uri("/").header("host", host).body(()).unwrap();
        assert!(checked_host(&request, None, &[text]).is_some(), "{text} is rejected");
    }
    if let Some(mount) = parse::<Mount>(text) {
        assert!(mount.to_string().starts_with('/') && !mount.folder().as_os_str().is_empty());
    }
    if let Some(origin) = parse::<Cors>(text) {
        assert_eq!(origin.to_string().parse(), Ok(origin));
    }
    if parse::<Header>(text).is_some() {
        let (name, value) = parse_header(text).unwrap();
        assert!(text.to_ascii_lowercase().contains(name.as_str()));
        assert!(text.contains(std::str::from_utf8(value.as_bytes()).unwrap()));
    }
});
