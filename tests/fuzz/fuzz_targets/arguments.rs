#![no_main]
//! What is written on the command line: read, or refused with a sentence that helps.
//!
//! The input is the argument, and on a second line a URL that is asked for.

use std::{fmt::Display, str::FromStr};

use hyper::{Request, Uri};
use libfuzzer_sys::fuzz_target;
use livers::{
    AllowedHost, Cors, Header, Mount, Route,
    fuzzing::{added, guarded, routed, target},
};

/// What is refused is named, and what is to be written instead is something else.
fn read<T: FromStr<Err: Display>>(text: &str) -> Option<T> {
    let why = match text.parse() {
        Ok(read) => return Some(read),
        Err(why) => <T::Err as ToString>::to_string(&why),
    };
    assert!(why.starts_with(text) && why.len() > text.len() + 10, "{why}");
    let advice = why.rsplit_once(": write ").map(|(_, advice)| advice);
    // What is said in words may be typed by nobody but a fuzzer.
    assert!(text.is_empty() || text.contains(' ') || advice != Some(text), "{why}");
    None
}

fuzz_target!(|input: &str| {
    let (text, asked) = input.split_once('\n').unwrap_or((input, "/"));
    if let Some(route) = read::<Route>(text) {
        let prefix = route.prefix();
        assert!(
            prefix.starts_with('/') && !(prefix.starts_with("/__livers/") || prefix == "/__livers")
        );
        // It is shown as one can write it. Behind a Unix socket, the colon before a path is left out.
        let shown = route.to_string();
        if !shown.contains("unix:") {
            let again: Route = shown.replacen(" -> ", "=", 1).parse().unwrap();
            assert_eq!(again, route, "{shown}");
        }
        if let Ok(uri) = asked.parse::<Uri>() {
            let routes = [route];
            if routed(&routes, uri.path()).is_some() {
                let target = target(&routes[0], &uri);
                let target = target.expect("a short path has a target");
                assert!(target.host().is_none() && target.path().starts_with('/'), "{target}");
                assert_eq!(target.query(), uri.query(), "{target}");
            } else {
                assert!(!uri.path().starts_with(&format!("{}/", routes[0].prefix())));
            }
        }
    }
    if read::<AllowedHost>(text).is_some() {
        let host = text.trim_start_matches('.');
        let is_bare = host.parse::<std::net::Ipv6Addr>().is_ok();
        let host = if is_bare { format!("[{host}]") } else { host.to_owned() };
        let request = Request::builder().uri("/").header("host", host).body(()).unwrap();
        assert!(guarded(&request, None, &[text]).is_some(), "{text} is not answered to");
    }
    if let Some(mount) = read::<Mount>(text) {
        assert!(mount.to_string().starts_with('/') && !mount.folder().as_os_str().is_empty());
    }
    if let Some(origin) = read::<Cors>(text) {
        assert_eq!(origin.to_string().parse(), Ok(origin));
    }
    if read::<Header>(text).is_some() {
        let (name, value) = added(text).unwrap();
        assert!(text.to_ascii_lowercase().contains(name.as_str()));
        assert!(text.contains(std::str::from_utf8(value.as_bytes()).unwrap()));
    }
});
