//! A backend: where it is, and what its part of a route means.
//!
//! Written as `3000`, `:3000`, `host:3000`, `[::1]:3000`, `http://host` or `https://host`, each with
//! a path or without; or as `unix:/path/of.sock`, where a path for the backend follows after a colon
//! (`unix:/path/of.sock:/base`, as nginx has it). Names are not looked up here, nor sockets: a
//! backend may appear later than its route.
//!
//! Left out on purpose: names and passwords in a URL.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    path::PathBuf,
};

use hyper::http::uri::PathAndQuery;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::error::InvalidValue;

/// What a browser percent-encodes in a path.
const RAW: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'^').add(b'`').add(b'{').add(b'}');

/// A path as a browser sends it, of one that is written as people read it.
pub(super) fn encode(path: &str) -> String {
    utf8_percent_encode(path, RAW).to_string()
}

/// Where connections to a backend are opened. Routes with the same place share its connections, and
/// what is known of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Place {
    /// A port of a host.
    Tcp {
        /// As it is looked up: an IPv6 address has no brackets.
        host: String,
        port: u16,
        /// Whether TLS is spoken there.
        tls: bool,
    },
    /// A socket in the file system.
    Unix(PathBuf),
}

impl Place {
    /// Whether it is on this machine, as its name says.
    pub(super) fn is_here(&self) -> bool {
        match self {
            Self::Tcp { host, .. } => is_loopback(host),
            Self::Unix(_) => true,
        }
    }
}

/// A backend, and the path there that takes the prefix's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Upstream {
    place: Place,
    base: Option<String>,
}

/// The backend's origin, under which people know it.
impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Tcp { .. } => f.write_str(&self.origin()),
            Place::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl Upstream {
    /// The target of a route, or a sentence about what is wrong with it; the prefix is for that.
    pub(super) fn parse(prefix: &str, target: &str) -> Result<Self, InvalidValue> {
        let fail = |problem: &str, remedy: String| {
            InvalidValue::new(format!("{prefix}={target}"), problem, remedy)
        };
        if let Some(path) = target.strip_prefix("unix:") {
            return parse_unix(path)
                .map_err(|(what, form)| fail(&what, format!("write {prefix}={form}")));
        }
        let (scheme, place) = match target.split_once("://") {
            Some((scheme, place)) => (scheme.to_ascii_lowercase(), place),
            None => (String::new(), target),
        };
        let write = |scheme: &str| format!("write {prefix}={scheme}://{place}");
        let tls = match scheme.as_str() {
            "" | "http" => false,
            "https" if cfg!(feature = "tls") => true,
            "https" => {
                return Err(fail(
                    "asks for TLS, which this build of livers leaves out",
                    format!("build it with the feature tls, or {}", write("http")),
                ));
            }
            "ws" | "wss" => {
                let write = write(if scheme == "ws" { "http" } else { "https" });
                return Err(fail(
                    "needs no scheme of its own, WebSockets and HTTP go the same way",
                    write,
                ));
            }
            other => {
                let write = write("http");
                return Err(fail(&format!("asks for {other}, which is not HTTP"), write));
            }
        };
        if let Some((before, _)) = target.split_once(['?', '#']) {
            return Err(fail("has a query or a fragment", format!("write {prefix}={before}")));
        }
        let (authority, base) = match place.find('/') {
            Some(at) => (&place[..at], Some(encode(&place[at..]))),
            None => (place, None),
        };
        if base.as_ref().is_some_and(|base| PathAndQuery::try_from(base).is_err()) {
            return Err(fail(
                "has a path that is none",
                format!("write {prefix}={authority}/PATH"),
            ));
        }
        let own_port = (!scheme.is_empty()).then_some(if tls { 443 } else { 80 });
        let (host, port) = parse_authority(authority, own_port)
            .map_err(|(what, form)| fail(&what, format!("write {prefix}={form}")))?;
        Ok(Self { place: Place::Tcp { host, port, tls }, base })
    }

    /// The path that takes the place of the prefix, if there is one.
    pub(super) fn base(&self) -> Option<&str> {
        self.base.as_deref()
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    pub(super) fn tls(&self) -> bool {
        matches!(self.place, Place::Tcp { tls: true, .. })
    }

    /// Host and port as they stand in a URL. Behind a Unix socket is what this machine calls itself.
    pub(crate) fn authority(&self) -> String {
        let Place::Tcp { host, port, tls } = &self.place else { return "localhost".to_owned() };
        let (open, close) = if host.contains(':') { ("[", "]") } else { ("", "") };
        if *port == if *tls { 443 } else { 80 } {
            format!("{open}{host}{close}")
        } else {
            format!("{open}{host}{close}:{port}")
        }
    }

    /// Scheme, host and port, as browsers write an origin.
    pub(super) fn origin(&self) -> String {
        format!("{}://{}", if self.tls() { "https" } else { "http" }, self.authority())
    }

    /// Whether a URL of this scheme, host and port means this backend. All names of the loopback
    /// are one.
    pub(super) fn is_at(&self, scheme: &str, asked: &str, asked_port: Option<u16>) -> bool {
        let Place::Tcp { host, port, tls } = &self.place else { return false };
        let own = if *tls { "https" } else { "http" };
        let asked_port = asked_port.unwrap_or(if *tls { 443 } else { 80 });
        let same = asked.eq_ignore_ascii_case(host) || (is_loopback(asked) && is_loopback(host));
        scheme.eq_ignore_ascii_case(own) && asked_port == *port && same
    }

    /// The host, as it stands in a cookie's domain.
    pub(super) fn host(&self) -> Option<&str> {
        match &self.place {
            Place::Tcp { host, .. } => Some(host),
            Place::Unix(_) => None,
        }
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || address.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// A Unix socket and the path that is asked for there, or what is wrong and how to write it.
fn parse_unix(text: &str) -> Result<Upstream, (String, String)> {
    const FORM: &str = "unix:/run/app.sock";
    if !cfg!(unix) {
        let what = "asks for a Unix socket, which livers cannot open on this system";
        return Err((what.to_owned(), "localhost:3000".to_owned()));
    }
    let text = text.strip_prefix("//").unwrap_or(text);
    let (path, base) = match text.split_once(":/") {
        Some((path, base)) => (path, Some(encode(&format!("/{base}")))),
        None => (text, None),
    };
    if path.is_empty() || path.contains('\0') {
        return Err(("names no Unix socket".to_owned(), FORM.to_owned()));
    }
    if base.as_ref().is_some_and(|base| base.contains(['?', '#'])) {
        return Err(("has a query or a fragment".to_owned(), format!("unix:{path}:/PATH")));
    }
    Ok(Upstream { place: Place::Unix(PathBuf::from(path)), base })
}

/// Host and port, or what is wrong with them and how to write it. A URL's scheme has a port of its
/// own.
fn parse_authority(text: &str, own: Option<u16>) -> Result<(String, u16), (String, String)> {
    const FORM: &str = "localhost:3000";
    let number = |port: &str| {
        let digits = port.bytes().all(|byte| byte.is_ascii_digit());
        digits
            .then(|| port.parse().ok())
            .flatten()
            .filter(|port| *port > 0)
            .ok_or_else(|| (format!("has no port from 1 to 65535 in {text}"), FORM.to_owned()))
    };
    if own.is_none() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(("localhost".to_owned(), number(text)?));
    }
    if let Some((address, rest)) = text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        let address: Ipv6Addr = address.parse().map_err(|_| {
            (format!("has no IPv6 address in [{address}]"), "[::1]:3000".to_owned())
        })?;
        let port = match (rest.strip_prefix(':'), own) {
            (Some(port), _) => number(port)?,
            (None, Some(own)) if rest.is_empty() => own,
            _ => return Err((format!("names no port after [{address}]"), "[::1]:3000".into())),
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
    let port = match (port, own) {
        (Some(port), _) => number(port)?,
        (None, Some(own)) => own,
        (None, None) => return Err(("names no port".to_owned(), format!("{host}:3000"))),
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
            #[cfg(feature = "tls")]
            ("https://example.com/v1", "https://example.com", Some("/v1")),
            #[cfg(feature = "tls")]
            ("HTTPS://[::1]:8443", "https://[::1]:8443", None),
            #[cfg(unix)]
            ("unix:/run/app.sock", "unix:/run/app.sock", None),
            #[cfg(unix)]
            ("unix:app.sock:/v1/é", "unix:app.sock", Some("/v1/%C3%A9")),
            #[cfg(unix)]
            ("unix:///run/app.sock", "unix:/run/app.sock", None),
        ];
        for (text, shown, base) in table {
            let upstream = Upstream::parse("/a", text).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!((upstream.to_string().as_str(), upstream.base()), (shown, base), "{text}");
        }
    }

    #[test]
    fn a_backend_knows_its_own_urls() {
        let table = [
            ("localhost:3000", "http", "127.0.0.1", Some(3000), true),
            ("127.0.0.1:3000", "HTTP", "LocalHost", Some(3000), true),
            ("localhost:3000", "http", "[::1]", Some(3000), true),
            ("localhost:3000", "http", "localhost", Some(3001), false),
            ("localhost:3000", "https", "localhost", Some(3000), false),
            ("localhost:3000", "http", "other.test", Some(3000), false),
            ("http://a.test", "http", "A.test", None, true),
            ("http://a.test", "http", "a.test", Some(80), true),
            #[cfg(unix)]
            ("unix:/x", "http", "localhost", None, false),
        ];
        for (text, scheme, host, port, expected) in table {
            let upstream = Upstream::parse("/a", text).unwrap();
            assert_eq!(upstream.is_at(scheme, host, port), expected, "{text} {scheme} {host}");
        }
    }

    #[test]
    fn what_is_no_target_is_told_in_a_sentence() {
        let table = [
            #[cfg(not(feature = "tls"))]
            (
                "https://b:3000/c",
                "asks for TLS, which this build of livers leaves out: build it with the feature tls, \
                 or write /a=http://b:3000/c",
            ),
            (
                "wss://b:3000",
                "needs no scheme of its own, WebSockets and HTTP go the same way: \
                 write /a=https://b:3000",
            ),
            #[cfg(unix)]
            ("unix:", "names no Unix socket: write /a=unix:/run/app.sock"),
            #[cfg(unix)]
            ("unix:/s:/x?y", "has a query or a fragment: write /a=unix:/s:/PATH"),
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
            assert_eq!(error.to_string(), format!("/a={text} {expected}"));
        }
    }
}
