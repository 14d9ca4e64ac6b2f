#![no_main]
//! Host guard: which `Host` and `Origin` a request may have.
//!
//! The input is a line with the listening host (or `-`) and the allowed hosts, and a request.

use std::net::IpAddr;

use hyper::Version;
use libfuzzer_sys::fuzz_target;
use livers::fuzzing::{checked_host, is_same_origin};
use livers_fuzz::{authority, field_text, first_line_text, request};

/// Returns whether a configured host covers the host of a request.
fn covers(configured: &str, name: &str) -> bool {
    let configured = configured.to_ascii_lowercase();
    let bare = authority(configured.trim_start_matches('.')).map(|(name, _)| name);
    let bare = bare.as_deref().unwrap_or(&configured);
    let below = configured.starts_with('.')
        && name.strip_suffix(bare).is_some_and(|rest| rest.ends_with('.'));
    let address = |text: &str| text.parse::<IpAddr>().ok();
    below || bare == name || (address(name).is_some() && address(bare) == address(name))
}

fuzz_target!(|input: &[u8]| {
    let Some((hosts, rest)) = first_line_text(input) else { return };
    let Some(request) = request(rest) else { return };
    let mut words = hosts.split(' ');
    let listening = words.next().filter(|host| *host != "-" && !host.is_empty());
    let allowed: Vec<_> = words.collect();
    let passed = checked_host(&request, listening, &allowed);

    let fields: Vec<_> = request.headers().get_all("host").iter().collect();
    let field = match fields[..] {
        // HTTP/1.0 may omit it.
        [] if request.version() < Version::HTTP_11 => Some("localhost"),
        [] => None,
        [field] => Some(field.to_str().unwrap_or("\0")),
        _ => return assert_eq!(passed, None, "several hosts"),
    };
    if field.is_none() && request.version() == Version::HTTP_11 {
        return assert_eq!(passed, None, "no host");
    }
    let requested = request.uri().authority().map(|authority| authority.as_str()).or(field);
    let host = requested.and_then(authority);
    let ours = host.as_ref().is_some_and(|(name, _)| {
        let address = name.parse::<IpAddr>().ok().map(|address| address.to_canonical());
        let on_all_addresses = listening
            .and_then(|host| host.parse().ok())
            .is_some_and(|host: IpAddr| host.is_unspecified());
        name == "localhost"
            || name.ends_with(".localhost")
            || address.is_some_and(|address| address.is_loopback() || on_all_addresses)
            || listening.iter().chain(&allowed).any(|configured| covers(configured, name))
    });
    let local = host.as_ref().is_some_and(|(name, _)| {
        name.split('.').next_back() == Some("localhost") || name == "::1" || name == "127.0.0.1"
    });
    assert!(ours || passed.is_none(), "{requested:?} is not one of our hosts");
    // A target with another scheme is misdirected (RFC 9110, section 7.4).
    let for_us =
        request.uri().scheme_str().is_none_or(|scheme| ["http", "https"].contains(&scheme));
    assert!(for_us || passed.is_none(), "{:?} is not for us", request.uri());
    assert!(!(local && for_us) || passed.is_some(), "{requested:?} is one of our hosts");

    // The host is inserted into URLs and policies, so it must have no special characters.
    let Some(passed) = passed else { return };
    let is_plain =
        |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || "-_.:[]".contains(char);
    assert!(passed.chars().all(is_plain), "{passed:?}");

    let headers = request.headers();
    let same_origin = is_same_origin(headers, &passed);
    let site = headers.get("sec-fetch-site");
    let origins: Vec<_> = headers.get_all("origin").iter().collect();
    if origins.is_empty() && site.is_none() {
        assert!(same_origin, "a tool without an origin is rejected");
    }
    if same_origin {
        assert!(site.is_none_or(|site| site == "same-origin" || site == "none"), "{site:?}");
        assert!(origins.len() <= 1);
        if !origins.is_empty() {
            let origin = field_text(headers, "origin").unwrap().to_ascii_lowercase();
            let (scheme, rest) = origin.split_once("://").unwrap();
            let default_port = match scheme {
                "http" => 80,
                "https" => 443,
                _ => panic!("{origin}"),
            };
            let place = |text: &str| {
                authority(text).map(|(name, port)| (name, port.unwrap_or(default_port)))
            };
            assert_eq!(place(rest), place(&passed), "{origin} at {passed}");
        }
    }
});
