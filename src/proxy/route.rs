//! Routes: which backend serves a path, and under which path it is requested there.
//!
//! A [`Route`] is parsed from `/PREFIX=TARGET`. It matches the raw path, with its percent-encoding,
//! at segment boundaries; the longest prefix wins, and of equal ones the first. A backend without a
//! path in its target gets the path of the request unchanged; a path in the target, even `/`,
//! replaces the prefix (the rule of nginx's `proxy_pass`).
//!
//! Deliberately absent: regular expressions and wildcards.

use std::{fmt, str::FromStr, sync::Arc};

use hyper::http::uri::{InvalidUri, PathAndQuery, Uri};

use super::upstream::{Upstream, encode};
use crate::{error::InvalidValue, http::own_paths};

/// A path prefix and the backend that serves it: `/ws=localhost:3000`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Without a trailing slash: `/` is empty.
    prefix: String,
    upstream: Arc<Upstream>,
    change_origin: bool,
}

/// The remedy for a text that is not a route.
const FORM: &str = "write /PREFIX=TARGET, for example /ws=localhost:3000";

impl FromStr for Route {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let (prefix, target) = text
            .split_once('=')
            .filter(|(_, target)| !target.is_empty())
            .ok_or_else(|| InvalidValue::new(text, "is not a proxy route", form_for(text)))?;
        let upstream = Upstream::parse(prefix, target);
        let prefix = parse_prefix(prefix, target)?;
        Ok(Self { prefix, upstream: Arc::new(upstream?), change_origin: false })
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let base = self.upstream.base().unwrap_or("");
        write!(f, "{} -> {}{base}", self.prefix(), self.upstream)
    }
}

impl Route {
    /// Returns the prefix. The route serves this path and all paths below it.
    pub fn prefix(&self) -> &str {
        if self.prefix.is_empty() { "/" } else { &self.prefix }
    }

    /// Sets whether the backend gets its own host and origin, and whether each of its certificates
    /// is accepted, even if other routes differ.
    pub(crate) fn with_options(mut self, change_origin: bool, insecure: bool) -> Self {
        self.change_origin = change_origin;
        if insecure {
            self.upstream = Arc::new(Upstream::clone(&self.upstream).into_insecure());
        }
        self
    }

    /// Returns whether the backend gets its own host and origin.
    pub(super) fn changes_origin(&self) -> bool {
        self.change_origin || self.is_tls()
    }

    pub(crate) fn upstream(&self) -> &Arc<Upstream> {
        &self.upstream
    }

    /// Returns whether the backend is reached over TLS.
    pub(crate) fn is_tls(&self) -> bool {
        self.upstream.tls()
    }

    /// Returns what follows the prefix in a path: nothing, or a slash and more.
    fn rest<'p>(&self, path: &'p str) -> Option<&'p str> {
        // The targets of `OPTIONS *` and CONNECT are not paths.
        path.strip_prefix(&self.prefix)
            .filter(|rest| path.starts_with('/') && (rest.is_empty() || rest.starts_with('/')))
    }

    /// Returns whether the route serves a path.
    pub(super) fn covers(&self, path: &str) -> bool {
        self.rest(path).is_some()
    }

    /// Returns the path at livers of a path at the backend, if the route leads there.
    pub(super) fn reverse(&self, path: &str) -> Option<String> {
        let Some(base) = self.upstream.base() else {
            return self.covers(path).then(|| path.to_owned());
        };
        let rest = path.strip_prefix(base.strip_suffix('/').unwrap_or(base))?;
        match rest {
            "" => Some(self.prefix().to_owned()),
            rest if rest.starts_with('/') => Some(format!("{}{rest}", self.prefix)),
            _ => None,
        }
    }

    /// Returns the request target for the backend, in origin-form (RFC 9112, section 3.2.1). Of an
    /// absolute-form target only path and query are used, so that a client cannot choose the host.
    ///
    /// # Errors
    /// The path has become longer than a URI can be (64 KiB).
    pub(super) fn target(&self, uri: &Uri) -> Result<Uri, InvalidUri> {
        let (path, query) = (uri.path(), uri.query());
        let path = match (self.upstream.base(), self.rest(path)) {
            (Some(base), Some("")) => base.to_owned(),
            (Some(base), Some(rest)) => format!("{}{rest}", base.strip_suffix('/').unwrap_or(base)),
            _ => match uri.path_and_query() {
                // The usual case shares the bytes of the request.
                Some(path) if path.as_str().starts_with('/') => return Ok(path.clone().into()),
                _ => path.to_owned(),
            },
        };
        let target = match query {
            Some(query) => format!("{path}?{query}"),
            None => path,
        };
        PathAndQuery::try_from(target).map(Uri::from)
    }
}

/// Returns how to write a route that has no target, or only a target.
fn form_for(text: &str) -> String {
    let text = text.trim_end_matches('=');
    if text.starts_with('/') {
        return match text.split_once(':') {
            Some((prefix, target)) => format!("write {prefix}={target}"),
            None => format!("write {text}=localhost:3000"),
        };
    }
    match Upstream::parse("/", text) {
        Ok(_) => format!("write /={text} for all paths, or /api={text} for some"),
        Err(_) => FORM.to_owned(),
    }
}

/// Returns the route of a path: the one with the longest matching prefix.
pub(crate) fn longest_match<'a>(routes: &'a [Route], path: &str) -> Option<&'a Route> {
    // `max_by_key` returns the last of equal elements; reversed, the first.
    routes
        .iter()
        .rev()
        .filter(|route| route.rest(path).is_some())
        .max_by_key(|route| route.prefix.len())
}

fn parse_prefix(prefix: &str, target: &str) -> Result<String, InvalidValue> {
    let fail = |problem, remedy: String| {
        Err(InvalidValue::new(format!("{prefix}={target}"), problem, remedy))
    };
    if !prefix.starts_with('/') {
        return if prefix.is_empty() || prefix.contains(':') {
            fail("is not a proxy route", FORM.to_owned())
        } else {
            let path = prefix.trim_start_matches(['^', '/']);
            fail("has a prefix without a slash", format!("write /{path}={target}"))
        };
    }
    if let Some((path, _)) = prefix.split_once('*') {
        let path = path.trim_end_matches('/');
        let path = if path.is_empty() { "/" } else { path };
        let remedy = format!("write {path}={target}, which includes everything below");
        return fail("has a * in its prefix", remedy);
    }
    if let Some((path, _)) = prefix.split_once(['?', '#']) {
        return fail("has a query or a fragment in its prefix", format!("write {path}={target}"));
    }
    let path = encode(prefix.trim_end_matches('/'));
    if own_paths::is_own(&path) {
        let remedy = format!("choose a prefix outside {}", own_paths::PREFIX);
        return fail("would hide the paths of livers itself", remedy);
    }
    if !path.is_empty() && PathAndQuery::try_from(&path).is_err() {
        return fail("has an invalid prefix", "write one like /ws=localhost:3000".to_owned());
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::{Route, longest_match};

    fn route(text: &str) -> Route {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn routes_are_parsed_and_displayed() {
        let table = [
            ("/ws=3000", "/ws -> http://localhost:3000"),
            ("/api=http://localhost:3000/v1", "/api -> http://localhost:3000/v1"),
            ("/=3000", "/ -> http://localhost:3000"),
            ("/a/b/=host:1/", "/a/b -> http://host:1/"),
            ("/café=3000", "/caf%C3%A9 -> http://localhost:3000"),
            ("/__liversX=3000", "/__liversX -> http://localhost:3000"),
            ("/x=localhost:3000/a=b", "/x -> http://localhost:3000/a=b"),
        ];
        for (text, shown) in table {
            assert_eq!(route(text).to_string(), shown, "{text}");
        }
    }

    #[test]
    fn invalid_routes_are_described() {
        const FORM: &str = "is not a proxy route: write /PREFIX=TARGET, for example /ws=localhost:";
        let table = [
            ("foo", FORM),
            ("/ws", "is not a proxy route: write /ws=localhost:3000"),
            ("/ws=", "is not a proxy route: write /ws=localhost:3000"),
            ("/api:http://a.test/b", "is not a proxy route: write /api=http://a.test/b"),
            ("http://a.test", "is not a proxy route: write /=http://a.test for all paths, or"),
            ("localhost:3000", "is not a proxy route: write /=localhost:3000 for all paths, or"),
            ("3000", "is not a proxy route: write /=3000 for all paths, or /api=3000 for some"),
            ("/api/*=3000", "has a * in its prefix: write /api=3000, which includes everything"),
            ("/**=3000", "has a * in its prefix: write /=3000"),
            ("=3000", FORM),
            ("http://a/?b=3000", FORM),
            ("^/ws=3000", "has a prefix without a slash: write /ws=3000"),
            ("ws=3000", "has a prefix without a slash: write /ws=3000"),
            ("/a?b=3000", "has a query or a fragment in its prefix: write /a=3000"),
            (
                "/__livers=3000",
                "would hide the paths of livers itself: choose a prefix outside /__livers",
            ),
            ("/__livers/x=3000", "would hide the paths of livers itself"),
            ("/a=b", "has no port: write /a=b:3000"),
        ];
        for (text, part) in table {
            let error = text.parse::<Route>().expect_err(text).to_string();
            assert!(error.starts_with(&format!("{text} {part}")), "{error}");
        }
    }

    #[test]
    fn longest_prefix_wins_at_segment_boundaries() {
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
            let found = longest_match(&routes, path).map(ToString::to_string);
            assert_eq!(found.as_deref(), expected, "{path}");
            let found = longest_match(&all, path).map(ToString::to_string);
            let expected = expected.unwrap_or("/ -> http://localhost:9");
            assert_eq!(found.as_deref(), Some(expected), "{path} with a route of /");
        }
        for path in ["*", ""] {
            assert_eq!(longest_match(&all, path), None, "{path:?} is not a path");
        }
    }

    #[test]
    fn target_keeps_the_path_or_replaces_the_prefix() {
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
        for (text, requested, expected) in table {
            let uri = requested.parse().unwrap();
            assert_eq!(
                route(text).target(&uri).unwrap().to_string(),
                expected,
                "{text}: {requested}"
            );
        }
        let long = format!("/a{}", "x".repeat(65_000)).parse().unwrap();
        assert!(route(&format!("/=3000/{}", "y".repeat(1000))).target(&long).is_err());
    }
}
