//! Parsers of values, whose errors say what to write instead.

use std::{net::IpAddr, time::Duration};

/// Parses a port number.
pub(super) fn port(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| match address(text) {
        Some(Address { port: Some(port), .. }) if text.contains(':') => {
            format!("{text} is an address: write --port {port}, and the host with --host")
        }
        _ => format!("{text} is not a port: write a number from 0 to 65535, like 8080"),
    })
}

/// Parses a number of seconds, up to a day.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.strip_suffix('s').unwrap_or(text).parse().ok();
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|time| *time <= Duration::from_hours(24))
        .ok_or_else(|| {
            format!("{text} is not a number of seconds up to a day: write a number like 10")
        })
}

/// Parses a number of milliseconds, up to a day.
pub(super) fn milliseconds(text: &str) -> Result<Duration, String> {
    let ms = text.strip_suffix("ms").unwrap_or(text).parse().ok();
    ms.map(Duration::from_millis).filter(|time| *time <= Duration::from_hours(24)).ok_or_else(
        || format!("{text} is not a number of milliseconds up to a day: write a number like 300"),
    )
}

/// Parses the version of a set of changes.
pub(super) fn version(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| {
        format!("{text} is not a version: write the number from an earlier answer, like 18")
    })
}

/// Parses the URL path of a page.
pub(super) fn page_path(text: &str) -> Result<String, String> {
    match text.strip_prefix('/') {
        Some(_) => Ok(text.to_owned()),
        None => Err(format!("{text} is not the path of a page: write one like /{text}")),
    }
}

/// Parses a host name or an address. Whether it exists is found out later.
pub(super) fn host(text: &str) -> Result<String, String> {
    let is_address = text.parse::<IpAddr>().is_ok();
    if matches!(text, "*" | "+" | "all" | "true") {
        return Err(format!("{text} is not a host: write --host 0.0.0.0 for all addresses"));
    }
    match address(text) {
        _ if is_address => Ok(text.to_owned()),
        Some(Address { host, port: Some(port), .. }) => {
            Err(format!("{text} has a port: write --host {host} --port {port}"))
        }
        Some(Address { host, is_url: true, .. }) => {
            Err(format!("{text} is a URL: write --host {host}, and the port with --port"))
        }
        Some(Address { host, .. }) if host != text => {
            Err(format!("{text} is not a host alone: write --host {host}"))
        }
        Some(_) => Ok(text.to_owned()),
        None => Err(format!("{text} is not a host: write a name or an address, like 0.0.0.0")),
    }
}

/// Parses the path of a URL.
pub(super) fn url_path(text: &str) -> Result<String, String> {
    let path = text.split_once("://").map(|(_, rest)| rest.find('/').map_or("/", |at| &rest[at..]));
    match (path, text) {
        (Some("/"), _) | (_, "true" | "yes") => {
            Err(format!("{text} is not a path: write --open alone"))
        }
        (Some(path), _) => Err(format!("{text} is a URL: write --open={path}, the path alone")),
        (_, "false" | "no") => {
            Err(format!("{text} is not a path: leave out --open, which is off by default"))
        }
        _ if text.starts_with('/') => Ok(text.to_owned()),
        _ => Err(format!("{text} is not a path: write --open=/{text}")),
    }
}

/// The parts of `host:port`, or of a URL.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Address<'t> {
    /// `localhost` if there is none. Without brackets.
    pub(super) host: &'t str,
    pub(super) port: Option<u16>,
    pub(super) is_url: bool,
}

/// Parses `host`, `host:port`, `:port`, an address in brackets or a URL. `None` if it is none of
/// these.
pub(super) fn address(text: &str) -> Option<Address<'_>> {
    let (is_url, rest) = match text.split_once("://") {
        Some((_, rest)) => (true, rest),
        None => (false, text),
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !host.ends_with(':') && !port.ends_with(']') => {
            (host, Some(port.parse().ok()?))
        }
        _ => (authority, None),
    };
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let host = if host.is_empty() && port.is_some() { "localhost" } else { host };
    let is_host = |host: &str| {
        !host.is_empty() && !host.contains(|char: char| char.is_whitespace() || char.is_control())
    };
    is_host(host).then_some(Address { host, port, is_url })
}

#[cfg(test)]
mod tests {
    use super::{Address, address, host, url_path};

    #[test]
    fn addresses_are_parsed() {
        let table = [
            ("localhost", Some(("localhost", None, false))),
            ("localhost:9000", Some(("localhost", Some(9000), false))),
            (":3000", Some(("localhost", Some(3000), false))),
            ("http://a.test", Some(("a.test", None, true))),
            ("http://a.test:80/b?c", Some(("a.test", Some(80), true))),
            ("[::1]:8080", Some(("::1", Some(8080), false))),
            ("[::1]", Some(("::1", None, false))),
            ("a/b", Some(("a", None, false))),
            ("a:b", None),
            ("a:99999", None),
            ("", None),
            ("a b", None),
            ("http://", None),
        ];
        for (text, wanted) in table {
            let wanted = wanted.map(|(host, port, is_url)| Address { host, port, is_url });
            assert_eq!(address(text), wanted, "{text}");
        }
    }

    #[test]
    fn hosts_and_paths_are_accepted() {
        for text in ["localhost", "0.0.0.0", "::", "::1", "fe80::1", "my-box.local"] {
            assert_eq!(host(text).as_deref(), Ok(text));
        }
        for text in ["/", "/guide/", "/a?b#c", "//a", "/a b"] {
            assert_eq!(url_path(text).as_deref(), Ok(text));
        }
    }
}
