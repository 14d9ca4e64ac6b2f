//! Which backend a path belongs to, and under which path the backend is asked.
//!
//! A [`Route`] is parsed once, from `/PREFIX=TARGET`. It matches on the raw path, percent-encoding
//! untouched, at the boundary of a segment; the longest prefix wins, and of equal ones the first.
//! A target without a path is asked for exactly what the browser asked for; a path in the target,
//! even `/`, takes the place of the prefix (the rule of nginx's `proxy_pass`).
//!
//! Left out on purpose: `https` targets (nothing here can speak TLS yet) and names that are looked
//! up while parsing (a backend may appear later than its route).

use std::{fmt, net::Ipv6Addr, str::FromStr};

use hyper::http::uri::{InvalidUri, PathAndQuery, Uri};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// The folder of livers' own paths, which no route may hide.
const OWN: &str = "/__livers";

/// What a browser percent-encodes in a path, so that a prefix may be written as people read it.
const RAW: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'^').add(b'`').add(b'{').add(b'}');

/// A prefix of paths, and the backend that answers them: `/ws=localhost:3000`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Without a slash at its end, so that `/` is the empty one.
    prefix: String,
    upstream: Upstream,
}

/// A backend, and the path there that takes the prefix's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Upstream {
    /// As it is looked up: an IPv6 address has no brackets.
    host: String,
    port: u16,
    base: Option<String>,
}

/// Why a text is not a route: a sentence that names it and the right form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteError(String);

impl fmt::Display for RouteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for RouteError {}

impl FromStr for Route {
    type Err = RouteError;

    fn from_str(text: &str) -> Result<Self, RouteError> {
        let (prefix, target) =
            text.split_once('=').filter(|(_, target)| !target.is_empty()).ok_or_else(|| {
                RouteError(format!(
                    "{text} is not a proxy route: write /PREFIX=TARGET, \
                     for example /ws=localhost:3000"
                ))
            })?;
        Ok(Self { prefix: parse_prefix(prefix, target)?, upstream: parse_target(prefix, target)? })
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Upstream { base, .. } = &self.upstream;
        write!(f, "{} -> {}{}", self.prefix(), self.upstream, base.as_deref().unwrap_or(""))
    }
}

/// The backend's origin, under which people know it.
impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.authority())
    }
}

impl Route {
    /// The paths that are proxied: this one and all below it.
    pub fn prefix(&self) -> &str {
        if self.prefix.is_empty() { "/" } else { &self.prefix }
    }

    pub(crate) fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    /// What is left of a path after the prefix: nothing, or something that begins with a slash.
    fn rest<'p>(&self, path: &'p str) -> Option<&'p str> {
        // The targets of `OPTIONS *` and CONNECT are no paths.
        path.strip_prefix(&self.prefix)
            .filter(|rest| path.starts_with('/') && (rest.is_empty() || rest.starts_with('/')))
    }

    /// What the backend is asked for, in origin-form (RFC 9112 section 3.2.1): of an absolute-form
    /// target only path and query are used, so that nobody can choose another backend with it.
    ///
    /// It fails when the path has become longer than a URI can be here (64 KiB).
    pub(super) fn target(&self, uri: &Uri) -> Result<Uri, InvalidUri> {
        let (path, query) = (uri.path(), uri.query());
        let asked = match (&self.upstream.base, self.rest(path)) {
            (Some(base), Some("")) => base.clone(),
            (Some(base), Some(rest)) => format!("{}{rest}", base.strip_suffix('/').unwrap_or(base)),
            _ => path.to_owned(),
        };
        let asked = match query {
            Some(query) => format!("{asked}?{query}"),
            None => asked,
        };
        PathAndQuery::from_maybe_shared(asked).map(Uri::from)
    }
}

impl Upstream {
    /// Host and port as they stand in a URL.
    pub(crate) fn authority(&self) -> String {
        let brackets = if self.host.contains(':') { ["[", "]"] } else { ["", ""] };
        match self.port {
            80 => format!("{}{}{}", brackets[0], self.host, brackets[1]),
            port => format!("{}{}{}:{port}", brackets[0], self.host, brackets[1]),
        }
    }

    /// Host and port as they are looked up.
    pub(super) fn address(&self) -> (&str, u16) {
        (&self.host, self.port)
    }
}

/// The route of a path: the longest prefix that matches it.
pub(crate) fn best<'a>(routes: &'a [Route], path: &str) -> Option<&'a Route> {
    // Of equals the last one is the greatest: reversed, the first.
    routes
        .iter()
        .rev()
        .filter(|route| route.rest(path).is_some())
        .max_by_key(|route| route.prefix.len())
}

fn parse_prefix(prefix: &str, target: &str) -> Result<String, RouteError> {
    let fail = |what: &str| Err(RouteError(format!("{prefix}={target} {what}")));
    if !prefix.starts_with('/') {
        return if prefix.is_empty() || prefix.contains(':') {
            fail("is not a proxy route: write /PREFIX=TARGET, for example /ws=localhost:3000")
        } else {
            fail(&format!("has a prefix without a slash: write /{prefix}={target}"))
        };
    }
    if let Some((path, _)) = prefix.split_once(['?', '#']) {
        return fail(&format!("has more than a path for a prefix: write {path}={target}"));
    }
    let path = utf8_percent_encode(prefix.trim_end_matches('/'), RAW).to_string();
    if path.strip_prefix(OWN).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
        return fail(&format!("would hide livers' own paths: choose a prefix outside {OWN}"));
    }
    if !path.is_empty() && PathAndQuery::try_from(&path).is_err() {
        return fail("has a prefix that is not a path: write one like /ws=localhost:3000");
    }
    Ok(path)
}

fn parse_target(prefix: &str, target: &str) -> Result<Upstream, RouteError> {
    let fail = |what: &str| RouteError(format!("{prefix}={target} {what}"));
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
        Some(at) => (&place[..at], Some(utf8_percent_encode(&place[at..], RAW).to_string())),
        None => (place, None),
    };
    if base.as_ref().is_some_and(|base| PathAndQuery::try_from(base).is_err()) {
        return Err(fail(&format!("has a path that is none: write {prefix}={authority}/PATH")));
    }
    let (host, port) = parse_authority(authority, !scheme.is_empty())
        .map_err(|(what, form)| fail(&format!("{what}: write {prefix}={form}")))?;
    Ok(Upstream { host, port, base })
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
    use super::{Route, best};

    fn route(text: &str) -> Route {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn routes_are_parsed_and_shown() {
        let table = [
            ("/ws=3000", "/ws -> http://localhost:3000"),
            ("/ws=:3000", "/ws -> http://localhost:3000"),
            ("/ws=localhost:3000", "/ws -> http://localhost:3000"),
            ("/ws=LocalHost:3000", "/ws -> http://localhost:3000"),
            ("/ws=127.0.0.1:3000", "/ws -> http://127.0.0.1:3000"),
            ("/ws=[::1]:3000", "/ws -> http://[::1]:3000"),
            ("/ws=http://[::1]", "/ws -> http://[::1]"),
            ("/ws=http://example.com", "/ws -> http://example.com"),
            ("/ws=HTTP://example.com:80/", "/ws -> http://example.com/"),
            ("/ws=http://:3000/v1", "/ws -> http://localhost:3000/v1"),
            ("/ws=localhost:3000/v1", "/ws -> http://localhost:3000/v1"),
            ("/ws=3000", "/ws -> http://localhost:3000"),
            ("/=3000", "/ -> http://localhost:3000"),
            ("/a/b/=my_host-1.test:1", "/a/b -> http://my_host-1.test:1"),
            ("/café=3000/a b", "/caf%C3%A9 -> http://localhost:3000/a%20b"),
            ("/__liversX=3000", "/__liversX -> http://localhost:3000"),
            ("/x=localhost:3000/a=b", "/x -> http://localhost:3000/a=b"),
        ];
        for (text, shown) in table {
            assert_eq!(route(text).to_string(), shown, "{text}");
        }
    }

    #[test]
    fn what_is_no_route_is_told_in_a_sentence() {
        let table = [
            ("foo", "foo is not a proxy route: write /PREFIX=TARGET, for example /ws=local"),
            ("/ws", "/ws is not a proxy route: write /PREFIX=TARGET"),
            ("/ws=", "/ws= is not a proxy route: write /PREFIX=TARGET"),
            ("=3000", "=3000 is not a proxy route: write /PREFIX=TARGET"),
            ("http://a/?b=3000", "http://a/?b=3000 is not a proxy route: write"),
            ("ws=3000", "ws=3000 has a prefix without a slash: write /ws=3000"),
            ("/a?b=3000", "/a?b=3000 has more than a path for a prefix: write /a=3000"),
            ("/__livers=3000", "would hide livers' own paths: choose a prefix outside /__livers"),
            ("/__livers/x=3000", "would hide livers' own paths"),
            (
                "/a=https://b:3000/c",
                "TLS to the backend, which is not supported yet: write /a=http://b:3000/c",
            ),
            ("/a=wss://b:3000", "which is not supported yet: write /a=http://b:3000"),
            (
                "/a=ws://b:3000",
                "needs no scheme of its own, WebSockets and HTTP go the same way: write /a=http://b:3000",
            ),
            ("/a=ftp://b:3000", "asks for ftp, which is not HTTP: write /a=http://b:3000"),
            ("/a=3000?x=1", "has a query or a fragment: write /a=3000"),
            ("/a=b:3000/c#d", "has a query or a fragment: write /a=b:3000/c"),
            ("/a=99999", "has no port from 1 to 65535 in 99999: write /a=localhost:3000"),
            ("/a=b:0", "has no port from 1 to 65535 in b:0"),
            ("/a=b:+80", "has no port from 1 to 65535 in b:+80"),
            ("/a=b:", "has no port from 1 to 65535 in b:"),
            ("/a=localhost", "/a=localhost names no port: write /a=localhost:3000"),
            ("/a=[::1]", "names no port after [::1]: write /a=[::1]:3000"),
            ("/a=[::x]:3000", "has no IPv6 address in [::x]: write /a=[::1]:3000"),
            ("/a=::1:3000", "has an IPv6 address without brackets: write /a=[::1]:3000"),
            ("/a=me:pw@b:3000", "has no host name in \"me:pw@b:3000\""),
            ("/a=b c:3000", "has no host name in \"b c:3000\": write /a=localhost:3000"),
            ("/a=http://3000", "has no host name in \"3000\""),
            ("/a=http://", "has no host name in \"\""),
        ];
        for (text, part) in table {
            let error = text.parse::<Route>().expect_err(text).to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn the_longest_prefix_wins_at_a_segment_boundary() {
        let routes =
            ["/ws=1", "/ws/deep=2", "/api/=3", "/ws=4"].map(|text| text.parse().unwrap()).to_vec();
        let all = [routes.clone(), vec![route("/=9")]].concat();
        let table = [
            ("/ws", Some("/ws -> http://localhost:1")),
            ("/ws/", Some("/ws -> http://localhost:1")),
            ("/ws/x", Some("/ws -> http://localhost:1")),
            ("/ws/deeper", Some("/ws -> http://localhost:1")),
            ("/ws/deep/x", Some("/ws/deep -> http://localhost:2")),
            ("/api", Some("/api -> http://localhost:3")),
            ("/wsx", None),
            ("/w", None),
            ("/WS", None),
            ("/%77s", None),
            ("/", None),
        ];
        for (path, expected) in table {
            let found = best(&routes, path).map(ToString::to_string);
            assert_eq!(found.as_deref(), expected, "{path}");
            let found = best(&all, path).map(ToString::to_string);
            let expected = expected.unwrap_or("/ -> http://localhost:9");
            assert_eq!(found.as_deref(), Some(expected), "{path} with a route of /");
        }
        for path in ["*", ""] {
            assert_eq!(best(&all, path), None, "{path:?} is no path");
        }
    }

    #[test]
    fn the_path_passes_as_it_came_or_with_another_prefix() {
        let table = [
            ("/api=3000", "/api/a%2Fb%41/../c//d?x=%20&y=?", "/api/a%2Fb%41/../c//d?x=%20&y=?"),
            ("/api=3000", "/api", "/api"),
            ("/api=3000", "/api?", "/api?"),
            ("/api=3000", "http://evil.test/api/x?y", "/api/x?y"),
            ("/=3000", "http://evil.test?y", "/?y"),
            ("/api=3000/v1", "/api/users?x=1", "/v1/users?x=1"),
            ("/api=3000/v1", "/api", "/v1"),
            ("/api=3000/v1", "/api?x", "/v1?x"),
            ("/api=3000/v1", "/api/", "/v1/"),
            ("/api=3000/v1/", "/api/users", "/v1/users"),
            ("/api=3000/v1/", "/api", "/v1/"),
            ("/api=3000/", "/api/a%20b", "/a%20b"),
            ("/api=3000/", "/api", "/"),
            ("/api=3000/", "/api/", "/"),
            ("/api=3000/", "/api//x", "//x"),
            ("/=3000/v1", "/", "/v1/"),
            ("/=3000/v1", "/x", "/v1/x"),
        ];
        for (text, asked, expected) in table {
            let uri = asked.parse().unwrap();
            assert_eq!(route(text).target(&uri).unwrap().to_string(), expected, "{text}: {asked}");
        }
        let long = format!("/a{}", "x".repeat(65_000)).parse().unwrap();
        assert!(route(&format!("/=3000/{}", "y".repeat(1000))).target(&long).is_err());
    }
}
