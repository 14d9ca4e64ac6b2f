#![no_main]
//! `Host` and `Origin`: who may speak to us.
//!
//! The input begins with a line of words, the host that is listened on (or `-`) and those that are
//! allowed; then comes a request.

use std::net::IpAddr;

use hyper::Version;
use libfuzzer_sys::fuzz_target;
use livers::fuzzing::{guarded, is_ours};
use livers_fuzz::{authority, request, text, word};

/// Whether a host that was told to us, as somebody wrote it, can mean this one.
fn means(told: &str, name: &str) -> bool {
    let told = told.to_ascii_lowercase();
    let bare = authority(told.trim_start_matches('.')).map(|(name, _)| name);
    let bare = bare.as_deref().unwrap_or(&told);
    let below =
        told.starts_with('.') && name.strip_suffix(bare).is_some_and(|rest| rest.ends_with('.'));
    let address = |text: &str| text.parse::<IpAddr>().ok();
    below || bare == name || (address(name).is_some() && address(bare) == address(name))
}

fuzz_target!(|input: &[u8]| {
    let Some((hosts, rest)) = word(input) else { return };
    let Some(request) = request(rest) else { return };
    let mut words = hosts.split(' ');
    let listening = words.next().filter(|host| *host != "-" && !host.is_empty());
    let allowed: Vec<_> = words.collect();
    let passed = guarded(&request, listening, &allowed);

    let fields: Vec<_> = request.headers().get_all("host").iter().collect();
    let field = match fields[..] {
        [] => None,
        [field] => Some(field.to_str().unwrap_or("\0")),
        _ => return assert_eq!(passed, None, "several hosts"),
    };
    if field.is_none() && request.version() == Version::HTTP_11 {
        return assert_eq!(passed, None, "no host");
    }
    let asked = request.uri().authority().map(|authority| authority.as_str()).or(field);
    let host = asked.and_then(authority);
    let ours = host.as_ref().is_some_and(|(name, _)| {
        let address = name.parse::<IpAddr>().ok().map(|address| address.to_canonical());
        let all = listening
            .and_then(|host| host.parse().ok())
            .is_some_and(|host: IpAddr| host.is_unspecified());
        name == "localhost"
            || name.ends_with(".localhost")
            || address.is_some_and(|address| address.is_loopback() || all)
            || listening.iter().chain(&allowed).any(|told| means(told, name))
    });
    let local = host.as_ref().is_some_and(|(name, _)| {
        name.split('.').next_back() == Some("localhost") || name == "::1" || name == "127.0.0.1"
    });
    assert!(ours || passed.is_none(), "{asked:?} is not ours");
    // A target of another scheme is for somebody else (RFC 9110, section 7.4).
    let for_us =
        request.uri().scheme_str().is_none_or(|scheme| ["http", "https"].contains(&scheme));
    assert!(for_us || passed.is_none(), "{:?} is not for us", request.uri());
    assert!(!(local && for_us) || passed.is_some(), "{asked:?} is ours");

    // Whoever passed may be written into URLs and policies.
    let Some(passed) = passed else { return };
    let plain =
        |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || "-_.:[]".contains(char);
    assert!(passed.chars().all(plain), "{passed:?}");

    let headers = request.headers();
    let ours = is_ours(headers, &passed);
    let site = headers.get("sec-fetch-site");
    let origins: Vec<_> = headers.get_all("origin").iter().collect();
    if origins.is_empty() && site.is_none() {
        assert!(ours, "tools are let in");
    }
    if ours {
        assert!(site.is_none_or(|site| site == "same-origin" || site == "none"), "{site:?}");
        assert!(origins.len() <= 1);
        if !origins.is_empty() {
            let origin = text(headers, "origin").unwrap().to_ascii_lowercase();
            let (scheme, rest) = origin.split_once("://").unwrap();
            let own = match scheme {
                "http" => 80,
                "https" => 443,
                _ => panic!("{origin}"),
            };
            let place =
                |text: &str| authority(text).map(|(name, port)| (name, port.unwrap_or(own)));
            assert_eq!(place(rest), place(&passed), "{origin} at {passed}");
        }
    }
});
