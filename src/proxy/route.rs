//! Which backend a path belongs to, and under which path the backend is asked.
//!
//! A [`Route`] is parsed once, from `/PREFIX=TARGET`. It matches on the raw path, percent-encoding
//! untouched, at the boundary of a segment; the longest prefix wins, and of equal ones the first.
//! A target without a path is asked for exactly what the browser asked for; a path in the target,
//! even `/`, takes the place of the prefix (the rule of nginx's `proxy_pass`).
//!
//! Left out on purpose: expressions and wildcards.

use std::{fmt, str::FromStr};

use hyper::http::uri::{InvalidUri, PathAndQuery, Uri};

use super::upstream::{Upstream, encode};
use crate::{error::InvalidValue, http::own_paths};

/// A prefix of paths, and the backend that answers them: `/ws=localhost:3000`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Without a slash at its end, so that `/` is the empty one.
    prefix: String,
    upstream: Upstream,
}

/// How a route is written.
const FORM: &str = "write /PREFIX=TARGET, for example /ws=localhost:3000";

impl FromStr for Route {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let (prefix, target) = text
            .split_once('=')
            .filter(|(_, target)| !target.is_empty())
            .ok_or_else(|| InvalidValue::new(text, "is not a proxy route", FORM))?;
        let upstream = Upstream::parse(prefix, target);
        Ok(Self { prefix: parse_prefix(prefix, target)?, upstream: upstream? })
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let base = self.upstream.base().unwrap_or("");
        write!(f, "{} -> {}{base}", self.prefix(), self.upstream)
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

    /// Whether the route answers a path.
    pub(super) fn covers(&self, path: &str) -> bool {
        self.rest(path).is_some()
    }

    /// The path here of a path at the backend, if there is one.
    pub(super) fn back(&self, path: &str) -> Option<String> {
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

    /// What the backend is asked for, in origin-form (RFC 9112 section 3.2.1): of an absolute-form
    /// target only path and query are used, so that nobody can choose another backend with it.
    ///
    /// It fails when the path has become longer than a URI can be here (64 KiB).
    pub(super) fn target(&self, uri: &Uri) -> Result<Uri, InvalidUri> {
        let (path, query) = (uri.path(), uri.query());
        let asked = match (self.upstream.base(), self.rest(path)) {
            (Some(base), Some("")) => base.to_owned(),
            (Some(base), Some(rest)) => format!("{}{rest}", base.strip_suffix('/').unwrap_or(base)),
            _ => path.to_owned(),
        };
        let asked = match query {
            Some(query) => format!("{asked}?{query}"),
            None => asked,
        };
        PathAndQuery::try_from(asked).map(Uri::from)
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

fn parse_prefix(prefix: &str, target: &str) -> Result<String, InvalidValue> {
    let fail = |problem, remedy: String| {
        Err(InvalidValue::new(format!("{prefix}={target}"), problem, remedy))
    };
    if !prefix.starts_with('/') {
        return if prefix.is_empty() || prefix.contains(':') {
            fail("is not a proxy route", FORM.to_owned())
        } else {
            fail("has a prefix without a slash", format!("write /{prefix}={target}"))
        };
    }
    if let Some((path, _)) = prefix.split_once(['?', '#']) {
        return fail("has more than a path for a prefix", format!("write {path}={target}"));
    }
    let path = encode(prefix.trim_end_matches('/'));
    if own_paths::is_own(&path) {
        let remedy = format!("choose a prefix outside {}", own_paths::PREFIX);
        return fail("would hide livers' own paths", remedy);
    }
    if !path.is_empty() && PathAndQuery::try_from(&path).is_err() {
        return fail(
            "has a prefix that is not a path",
            "write one like /ws=localhost:3000".to_owned(),
        );
    }
    Ok(path)
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
    fn what_is_no_route_is_told_in_a_sentence() {
        const FORM: &str = "is not a proxy route: write /PREFIX=TARGET, for example /ws=localhost:";
        let table = [
            ("foo", FORM),
            ("/ws", FORM),
            ("/ws=", FORM),
            ("=3000", FORM),
            ("http://a/?b=3000", FORM),
            ("ws=3000", "has a prefix without a slash: write /ws=3000"),
            ("/a?b=3000", "has more than a path for a prefix: write /a=3000"),
            ("/__livers=3000", "would hide livers' own paths: choose a prefix outside /__livers"),
            ("/__livers/x=3000", "would hide livers' own paths"),
            ("/a=b", "names no port: write /a=b:3000"),
        ];
        for (text, part) in table {
            let error = text.parse::<Route>().expect_err(text).to_string();
            assert!(error.starts_with(&format!("{text} {part}")), "{error}");
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
