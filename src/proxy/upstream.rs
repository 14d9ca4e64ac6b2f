//! A backend: where it is, and what its part of a route means.
//!
//! Written as `3000`, `:3000`, `host:3000`, `[::1]:3000` or `http://host`, each with a path or
//! without. Names are not looked up here: a backend may appear later than its route.
//!
//! Left out on purpose: TLS (nothing here can speak it yet), and names and passwords in a URL.

use std::{fmt, net::Ipv6Addr};

use hyper::http::uri::PathAndQuery;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// What a browser percent-encodes in a path.
const RAW: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'^').add(b'`').add(b'{').add(b'}');

/// A path as a browser sends it, of one that is written as people read it.
pub(super) fn encode(path: &str) -> String {
    utf8_percent_encode(path, RAW).to_string()
}

/// A backend, and the path there that takes the prefix's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Upstream {
    /// As it is looked up: an IPv6 address has no brackets.
    host: String,
    port: u16,
    base: Option<String>,
}

/// The backend's origin, under which people know it.
impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.authority())
    }
}

impl Upstream {
    /// The target of a route, or a sentence about what is wrong with it; the prefix is for that.
    pub(super) fn parse(prefix: &str, target: &str) -> Result<Self, String> {
        let fail = |what: &str| format!("{prefix}={target} {what}");
        let (scheme, place) = match target.split_once("://") {
            Some((scheme, place)) => (scheme.to_ascii_lowercase(), place),
            None => (String::new(), target),
        };
        let write = format!("write {prefix}=http://{place}");
        match scheme.as_str() {
            "" | "http" => {}
            "ws" => {
                return Err(fail(&format!(
                    "needs no scheme of its own, WebSockets and HTTP go the same way: {write}"
                )));
            }
            "https" | "wss" => {
                return Err(fail(&format!(
                    "asks for TLS to the backend, which is not supported yet: {write}"
                )));
            }
            other => return Err(fail(&format!("asks for {other}, which is not HTTP: {write}"))),
        }
        if let Some((before, _)) = target.split_once(['?', '#']) {
            return Err(fail(&format!("has a query or a fragment: write {prefix}={before}")));
        }
        let (authority, base) = match place.find('/') {
            Some(at) => (&place[..at], Some(encode(&place[at..]))),
            None => (place, None),
        };
        if base.as_ref().is_some_and(|base| PathAndQuery::try_from(base).is_err()) {
            return Err(fail(&format!("has a path that is none: write {prefix}={authority}/PATH")));
        }
        let (host, port) = parse_authority(authority, !scheme.is_empty())
            .map_err(|(what, form)| fail(&format!("{what}: write {prefix}={form}")))?;
        Ok(Self { host, port, base })
    }

    /// The path that takes the place of the prefix, if there is one.
    pub(super) fn base(&self) -> Option<&str> {
        self.base.as_deref()
    }

    /// Host and port as they stand in a URL.
    pub(crate) fn authority(&self) -> String {
        let (open, close) = if self.host.contains(':') { ("[", "]") } else { ("", "") };
        match self.port {
            80 => format!("{open}{}{close}", self.host),
            port => format!("{open}{}{close}:{port}", self.host),
        }
    }

    /// Host and port as they are looked up.
    pub(super) fn address(&self) -> (&str, u16) {
        (&self.host, self.port)
    }
}

/// Host and port, or what is wrong with them and how to write it.
fn parse_authority(text: &str, url: bool) -> Result<(String, u16), (String, String)> {
    const FORM: &str = "localhost:3000";
    let number = |port: &str| {
        let digits = port.bytes().all(|byte| byte.is_ascii_digit());
        digits
            .then(|| port.parse().ok())
            .flatten()
            .filter(|port| *port > 0)
            .ok_or_else(|| (format!("has no port from 1 to 65535 in {text}"), FORM.to_owned()))
    };
    if !url && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(("localhost".to_owned(), number(text)?));
    }
    if let Some((address, rest)) = text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        let address: Ipv6Addr = address.parse().map_err(|_| {
            (format!("has no IPv6 address in [{address}]"), "[::1]:3000".to_owned())
        })?;
        let port = match rest.strip_prefix(':') {
            Some(port) => number(port)?,
            None if rest.is_empty() && url => 80,
            None => return Err((format!("names no port after [{address}]"), "[::1]:3000".into())),
        };
        return Ok((address.to_string(), port));
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    };
    if host.contains(':') && !host.contains('@') {
        return Err(("has an IPv6 address without brackets".into(), "[::1]:3000".into()));
    }
    let named = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let numeric = !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_digit());
    if !host.bytes().all(named) || numeric || (host.is_empty() && port.is_none()) {
        return Err((format!("has no host name in {text:?}"), FORM.to_owned()));
    }
    let port = match port {
        Some(port) => number(port)?,
        None if url => 80,
        None => return Err(("names no port".to_owned(), format!("{host}:3000"))),
    };
    let host = if host.is_empty() { "localhost".to_owned() } else { host.to_ascii_lowercase() };
    Ok((host, port))
}

#[cfg(test)]
mod tests {
    use super::Upstream;

    #[test]
    fn targets_are_parsed_and_shown() {
        let table = [
            ("3000", "http://localhost:3000", None),
            (":3000", "http://localhost:3000", None),
            ("LocalHost:3000", "http://localhost:3000", None),
            ("127.0.0.1:3000", "http://127.0.0.1:3000", None),
            ("[::1]:3000", "http://[::1]:3000", None),
            ("[0:0::1]:3000", "http://[::1]:3000", None),
            ("my_host-1.test:1", "http://my_host-1.test:1", None),
            ("http://[::1]", "http://[::1]", None),
            ("http://example.com", "http://example.com", None),
            ("HTTP://example.com:80/", "http://example.com", Some("/")),
            ("http://:3000/v1/", "http://localhost:3000", Some("/v1/")),
            ("localhost:3000/a b/é%20", "http://localhost:3000", Some("/a%20b/%C3%A9%20")),
            ("3000/v1", "http://localhost:3000", Some("/v1")),
        ];
        for (text, shown, base) in table {
            let upstream = Upstream::parse("/a", text).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!((upstream.to_string().as_str(), upstream.base()), (shown, base), "{text}");
        }
    }

    #[test]
    fn what_is_no_target_is_told_in_a_sentence() {
        let table = [
            (
                "https://b:3000/c",
                "asks for TLS to the backend, which is not supported yet: write /a=http://b:3000/c",
            ),
            (
                "wss://b:3000",
                "asks for TLS to the backend, which is not supported yet: write /a=http://b:3000",
            ),
            (
                "ws://b:3000",
                "needs no scheme of its own, WebSockets and HTTP go the same way: \
                 write /a=http://b:3000",
            ),
            ("ftp://b:3000", "asks for ftp, which is not HTTP: write /a=http://b:3000"),
            ("3000?x=1", "has a query or a fragment: write /a=3000"),
            ("b:3000/c#d", "has a query or a fragment: write /a=b:3000/c"),
            ("99999", "has no port from 1 to 65535 in 99999: write /a=localhost:3000"),
            ("b:0", "has no port from 1 to 65535 in b:0: write /a=localhost:3000"),
            ("b:+80", "has no port from 1 to 65535 in b:+80: write /a=localhost:3000"),
            ("b:", "has no port from 1 to 65535 in b:: write /a=localhost:3000"),
            ("localhost", "names no port: write /a=localhost:3000"),
            ("[::1]", "names no port after [::1]: write /a=[::1]:3000"),
            ("[::x]:3000", "has no IPv6 address in [::x]: write /a=[::1]:3000"),
            ("::1:3000", "has an IPv6 address without brackets: write /a=[::1]:3000"),
            ("me:pw@b:3000", "has no host name in \"me:pw@b:3000\": write /a=localhost:3000"),
            ("b c:3000", "has no host name in \"b c:3000\": write /a=localhost:3000"),
            ("http://3000", "has no host name in \"3000\": write /a=localhost:3000"),
            ("http://", "has no host name in \"\": write /a=localhost:3000"),
        ];
        for (text, expected) in table {
            let error = Upstream::parse("/a", text).expect_err(text);
            assert_eq!(error, format!("/a={text} {expected}"));
        }
    }
}
