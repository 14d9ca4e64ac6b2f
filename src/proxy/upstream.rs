//! Parses the target of a route: where the backend is, and under which path.
//!
//! Written as `3000`, `:3000`, `host:3000`, `[::1]:3000`, `http://host` or `https://host`, each
//! with or without a path; or as `unix:/path/of.sock`, optionally followed by a colon and a path
//! (`unix:/path/of.sock:/base`, as in nginx). Host names are not resolved here and sockets not
//! looked for: the backend may start later.
//!
//! Deliberately absent: user names and passwords in a URL.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    path::PathBuf,
};

use hyper::http::uri::PathAndQuery;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::error::InvalidValue;

/// The characters that browsers percent-encode in a path.
const PATH_ENCODE_SET: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'^').add(b'`').add(b'{').add(b'}');

/// Percent-encodes a path as browsers do.
pub(super) fn encode(path: &str) -> String {
    utf8_percent_encode(path, PATH_ENCODE_SET).to_string()
}

/// Where connections to a backend are opened. Routes with equal endpoints share idle connections
/// and health.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Endpoint {
    Tcp {
        /// An IPv6 address has no brackets.
        host: String,
        port: u16,
        tls: bool,
        /// Whether every certificate is accepted.
        insecure: bool,
    },
    /// The path of a Unix socket.
    Unix(PathBuf),
}

impl Endpoint {
    /// Returns whether the name says that it is on this machine.
    pub(super) fn is_local(&self) -> bool {
        match self {
            Self::Tcp { host, .. } => is_loopback(host),
            Self::Unix(_) => true,
        }
    }
}

/// A backend, and the path there that replaces the prefix of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Upstream {
    endpoint: Endpoint,
    base: Option<String>,
    authority: String,
    origin: String,
    name: String,
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Upstream {
    fn new(endpoint: Endpoint, base: Option<String>) -> Self {
        let (scheme, authority) = match &endpoint {
            Endpoint::Tcp { host, port, tls, .. } => {
                let (open, close) = if host.contains(':') { ("[", "]") } else { ("", "") };
                let port = match (port, tls) {
                    (80, false) | (443, true) => String::new(),
                    (port, _) => format!(":{port}"),
                };
                (if *tls { "https" } else { "http" }, format!("{open}{host}{close}{port}"))
            }
            Endpoint::Unix(_) => ("http", "localhost".to_owned()),
        };
        let origin = format!("{scheme}://{authority}");
        let name = match &endpoint {
            Endpoint::Tcp { .. } => origin.clone(),
            Endpoint::Unix(path) => format!("unix:{}", path.display()),
        };
        Self { endpoint, base, authority, origin, name }
    }

    /// Parses the target of a route.
    ///
    /// # Errors
    /// A sentence that repeats the route, says what is wrong with it and how to write it.
    pub(super) fn parse(prefix: &str, target: &str) -> Result<Self, InvalidValue> {
        let fail = |problem: &str, remedy: String| {
            InvalidValue::new(format!("{prefix}={target}"), problem, remedy)
        };
        if let Some(path) = target.strip_prefix("unix:") {
            return parse_unix(path)
                .map_err(|(what, form)| fail(&what, format!("write {prefix}={form}")));
        }
        let (scheme, rest) = match target.split_once("://") {
            Some((scheme, rest)) => (scheme.to_ascii_lowercase(), rest),
            None => (String::new(), target),
        };
        let write = |scheme: &str| format!("write {prefix}={scheme}://{rest}");
        let tls = match scheme.as_str() {
            "" | "http" => false,
            "https" if cfg!(feature = "tls") => true,
            "https" => {
                return Err(fail(
                    "needs TLS, which this build of livers does not support",
                    format!("build it with the feature tls, or {}", write("http")),
                ));
            }
            "ws" | "wss" => {
                let write = write(if scheme == "ws" { "http" } else { "https" });
                return Err(fail(
                    "has a WebSocket scheme, but one route serves HTTP and WebSockets",
                    write,
                ));
            }
            other => {
                let write = write("http");
                return Err(fail(&format!("has the unsupported scheme {other}"), write));
            }
        };
        if let Some((before, _)) = target.split_once(['?', '#']) {
            return Err(fail("has a query or a fragment", format!("write {prefix}={before}")));
        }
        let (authority, base) = match rest.find('/') {
            Some(at) => (&rest[..at], Some(encode(&rest[at..]))),
            None => (rest, None),
        };
        if base.as_ref().is_some_and(|base| PathAndQuery::try_from(base).is_err()) {
            return Err(fail("has an invalid path", format!("write {prefix}={authority}/PATH")));
        }
        let default_port = (!scheme.is_empty()).then_some(if tls { 443 } else { 80 });
        let (host, port) = parse_authority(authority, default_port)
            .map_err(|(what, form)| fail(&what, format!("write {prefix}={form}")))?;
        Ok(Self::new(Endpoint::Tcp { host, port, tls, insecure: false }, base))
    }

    /// Returns the backend with every certificate accepted.
    pub(super) fn into_insecure(mut self) -> Self {
        if let Endpoint::Tcp { insecure, .. } = &mut self.endpoint {
            *insecure = true;
        }
        self
    }

    /// Returns the path that replaces the prefix, if there is one.
    pub(super) fn base(&self) -> Option<&str> {
        self.base.as_deref()
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(super) fn tls(&self) -> bool {
        matches!(self.endpoint, Endpoint::Tcp { tls: true, .. })
    }

    /// Returns host and port as in a URL; `localhost` for a Unix socket.
    pub(super) fn authority(&self) -> &str {
        &self.authority
    }

    /// Returns scheme, host and port, as browsers write an origin.
    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    /// Returns whether a URL with this scheme, host and port leads to the backend. All names of the
    /// loopback are equal.
    pub(super) fn is_at(&self, scheme: &str, host: &str, port: Option<u16>) -> bool {
        let Endpoint::Tcp { host: own_host, port: own_port, tls, .. } = &self.endpoint else {
            return false;
        };
        let (own_scheme, default_port) = if *tls { ("https", 443) } else { ("http", 80) };
        let same_host =
            host.eq_ignore_ascii_case(own_host) || (is_loopback(host) && is_loopback(own_host));
        scheme.eq_ignore_ascii_case(own_scheme)
            && port.unwrap_or(default_port) == *own_port
            && same_host
    }

    /// Returns the name of the backend for people: its origin, or the path of its socket.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Returns the host, as in the domain of a cookie.
    pub(super) fn host(&self) -> Option<&str> {
        match &self.endpoint {
            Endpoint::Tcp { host, .. } => Some(host),
            Endpoint::Unix(_) => None,
        }
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || address.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// Parses `PATH` or `PATH:/BASE`, what follows `unix:`.
///
/// # Errors
/// What is wrong, and the right form.
fn parse_unix(text: &str) -> Result<Upstream, (String, String)> {
    const FORM: &str = "unix:/run/app.sock";
    if !cfg!(unix) {
        let what = "names a Unix socket, which this system does not support";
        return Err((what.to_owned(), "localhost:3000".to_owned()));
    }
    let text = text.strip_prefix("//").unwrap_or(text);
    let (path, base) = match text.split_once(":/") {
        Some((path, base)) => (path, Some(encode(&format!("/{base}")))),
        None => (text, None),
    };
    if path.is_empty() || path.contains('\0') {
        return Err(("has no socket path".to_owned(), FORM.to_owned()));
    }
    if base.as_ref().is_some_and(|base| base.contains(['?', '#'])) {
        return Err(("has a query or a fragment".to_owned(), format!("unix:{path}:/PATH")));
    }
    Ok(Upstream::new(Endpoint::Unix(PathBuf::from(path)), base))
}

/// Parses host and port. The port may be left out if there is a default.
///
/// # Errors
/// What is wrong, and the right form.
fn parse_authority(text: &str, default: Option<u16>) -> Result<(String, u16), (String, String)> {
    const FORM: &str = "localhost:3000";
    let parse_port = |port: &str| {
        let digits = port.bytes().all(|byte| byte.is_ascii_digit());
        digits
            .then(|| port.parse().ok())
            .flatten()
            .filter(|port| *port > 0)
            .ok_or_else(|| (format!("has no port from 1 to 65535 in {text}"), FORM.to_owned()))
    };
    if default.is_none() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(("localhost".to_owned(), parse_port(text)?));
    }
    if let Some((address, rest)) = text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        let address: Ipv6Addr = address.parse().map_err(|_| {
            (format!("has no valid IPv6 address in [{address}]"), "[::1]:3000".to_owned())
        })?;
        let port = match (rest.strip_prefix(':'), default) {
            (Some(port), _) => parse_port(port)?,
            (None, Some(default)) if rest.is_empty() => default,
            _ => return Err((format!("has no port after [{address}]"), "[::1]:3000".into())),
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
    let is_host_char = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let numeric = !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_digit());
    if !host.bytes().all(is_host_char) || numeric || (host.is_empty() && port.is_none()) {
        return Err((format!("has no valid host name in {text:?}"), FORM.to_owned()));
    }
    let port = match (port, default) {
        (Some(port), _) => parse_port(port)?,
        (None, Some(default)) => default,
        (None, None) => return Err(("has no port".to_owned(), format!("{host}:3000"))),
    };
    let host = if host.is_empty() { "localhost".to_owned() } else { host.to_ascii_lowercase() };
    Ok((host, port))
}

#[cfg(test)]
mod tests {
    use super::Upstream;

    #[test]
    fn targets_are_parsed_and_displayed() {
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
    fn urls_of_the_backend_are_recognized() {
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
    fn invalid_targets_are_described() {
        let table = [
            #[cfg(not(feature = "tls"))]
            (
                "https://b:3000/c",
                "needs TLS, which this build of livers does not support: build it with the feature \
                 tls, or write /a=http://b:3000/c",
            ),
            (
                "wss://b:3000",
                "has a WebSocket scheme, but one route serves HTTP and WebSockets: \
                 write /a=https://b:3000",
            ),
            #[cfg(unix)]
            ("unix:", "has no socket path: write /a=unix:/run/app.sock"),
            #[cfg(unix)]
            ("unix:/s:/x?y", "has a query or a fragment: write /a=unix:/s:/PATH"),
            (
                "ws://b:3000",
                "has a WebSocket scheme, but one route serves HTTP and WebSockets: \
                 write /a=http://b:3000",
            ),
            ("ftp://b:3000", "has the unsupported scheme ftp: write /a=http://b:3000"),
            ("3000?x=1", "has a query or a fragment: write /a=3000"),
            ("b:3000/c#d", "has a query or a fragment: write /a=b:3000/c"),
            ("99999", "has no port from 1 to 65535 in 99999: write /a=localhost:3000"),
            ("b:0", "has no port from 1 to 65535 in b:0: write /a=localhost:3000"),
            ("b:+80", "has no port from 1 to 65535 in b:+80: write /a=localhost:3000"),
            ("b:", "has no port from 1 to 65535 in b:: write /a=localhost:3000"),
            ("localhost", "has no port: write /a=localhost:3000"),
            ("[::1]", "has no port after [::1]: write /a=[::1]:3000"),
            ("[::x]:3000", "has no valid IPv6 address in [::x]: write /a=[::1]:3000"),
            ("::1:3000", "has an IPv6 address without brackets: write /a=[::1]:3000"),
            ("me:pw@b:3000", "has no valid host name in \"me:pw@b:3000\": write /a=localhost:3000"),
            ("b c:3000", "has no valid host name in \"b c:3000\": write /a=localhost:3000"),
            ("http://3000", "has no valid host name in \"3000\": write /a=localhost:3000"),
            ("http://", "has no valid host name in \"\": write /a=localhost:3000"),
        ];
        for (text, expected) in table {
            let error = Upstream::parse("/a", text).expect_err(text);
            assert_eq!(error.to_string(), format!("/a={text} {expected}"));
        }
    }
}
