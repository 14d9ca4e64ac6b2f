//! Where a backend names itself in an answer, the browser is led back to livers.
//!
//! A backend that knows its own address only, or its own path, redirects there: the browser would
//! leave livers' origin, or ask for a path that is somebody else's. So `Location`,
//! `Content-Location` and `Refresh` are turned around by the routes (nginx's `proxy_redirect
//! default`), and so are a cookie's `Domain`, if it is one that the browser would refuse from here,
//! and its `Path`, if the browser would not send the cookie back to the route.
//!
//! What does not lead to the backend, or where no route leads back, stays as it is. Pure functions.

use hyper::{
    HeaderMap,
    header::{CONTENT_LOCATION, Entry, HeaderValue, LOCATION, REFRESH, SET_COOKIE},
};

use super::route::Route;

/// Where an answer comes from, and where it goes.
#[derive(Clone, Copy)]
pub(super) struct Way<'w> {
    /// All routes.
    pub(super) routes: &'w [Route],
    /// The one that was taken.
    pub(super) route: &'w Route,
    /// The host and port by which the browser knows livers.
    pub(super) host: &'w str,
}

/// Changes an answer's fields where they speak of the backend.
pub(super) fn response(headers: &mut HeaderMap, way: Way<'_>) {
    let changes: [(_, Change); 4] = [
        (LOCATION, location),
        (CONTENT_LOCATION, location),
        (REFRESH, refresh),
        (SET_COOKIE, cookie),
    ];
    for (name, change) in changes {
        let Entry::Occupied(mut entry) = headers.entry(name) else { continue };
        for value in entry.iter_mut() {
            let text = std::str::from_utf8(value.as_bytes()).ok();
            let changed = text.and_then(|text| change(text.trim(), way));
            if let Some(new) = changed.and_then(|new| HeaderValue::from_bytes(new.as_bytes()).ok())
            {
                *value = new;
            }
        }
    }
}

/// What a value becomes, if it is to be another.
type Change = fn(&str, Way<'_>) -> Option<String>;

fn location(url: &str, way: Way<'_>) -> Option<String> {
    let (place, path) = split(url, way)?;
    let end = path.find(['?', '#']).unwrap_or(path.len());
    let (path, more) = path.split_at(end);
    let path = if path.is_empty() { "/" } else { path };
    let back = match place {
        Place::Backend => way.back(path)?,
        // It knows under which path it is asked for here.
        Place::Here if way.route.prefix() != "/" && way.route.covers(path) => return None,
        Place::Here => way.route.back(path).filter(|back| back != path)?,
    };
    // Two slashes would lead to another host. A browser takes a backslash for one, and leaves out tabs
    // (WHATWG URL, "path start state"; no other control character is in a field).
    let back = back.replace('\t', "");
    let leads_out = back.strip_prefix('/').is_some_and(|rest| rest.starts_with(['/', '\\']));
    let guard = if leads_out { "/." } else { "" };
    Some(format!("{guard}{back}{more}"))
}

/// Whose path a URL names.
enum Place {
    /// The backend's own.
    Backend,
    /// Whoever reads it: the backend wrote its path for us, or for the host that it was asked for.
    Here,
}

/// The path and all after it of a URL that leads to the backend, or here.
fn split<'u>(url: &'u str, way: Way<'_>) -> Option<(Place, &'u str)> {
    let upstream = way.route.upstream();
    let own = if upstream.tls() { "https" } else { "http" };
    let (scheme, rest) = match url.strip_prefix("//") {
        Some(rest) => (own, rest),
        None => match url.split_once("://") {
            Some((scheme, rest)) if !scheme.contains(['/', '?', '#']) => (scheme, rest),
            _ => return url.starts_with('/').then_some((Place::Here, url)),
        },
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    if authority.eq_ignore_ascii_case(way.host) {
        return Some((Place::Here, path));
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port.parse().ok()?)),
        _ => (authority, None),
    };
    upstream.is_at(scheme, host, port).then_some((Place::Backend, path))
}

/// `5; url=/there`
fn refresh(value: &str, way: Way<'_>) -> Option<String> {
    let at = value.to_ascii_lowercase().find("url=")? + "url=".len();
    let (before, url) = value.split_at(at);
    let bare = url.trim_matches(['"', '\'']);
    Some(format!("{before}{}", location(bare, way)?))
}

fn cookie(value: &str, way: Way<'_>) -> Option<String> {
    let mut changed = false;
    let mut parts = Vec::new();
    for (at, part) in value.split(';').enumerate() {
        let (name, content) = part.split_once('=').unwrap_or((part, ""));
        let (name, content) = (name.trim(), content.trim());
        if at > 0 && name.eq_ignore_ascii_case("domain") && is_backends(content, way) {
            changed = true;
            continue;
        }
        let path = (at > 0 && name.eq_ignore_ascii_case("path")).then_some(content);
        match path.filter(|path| !reaches(path, way.route)).and_then(|path| way.route.back(path)) {
            Some(back) => {
                changed = true;
                // A semicolon would end it (RFC 6265, section 5.2): then it is the folder before that.
                let plain = &back[..back.find(';').unwrap_or(back.len())];
                let folder = plain.rfind('/').unwrap_or_default() + 1;
                let path = if plain == back { plain } else { &plain[..folder] };
                parts.push(format!(" Path={path}"));
            }
            None => parts.push(part.to_owned()),
        }
    }
    changed.then(|| parts.join(";"))
}

/// Whether a cookie's domain is the backend's (RFC 6265, section 5.1.3), and not ours.
fn is_backends(domain: &str, way: Way<'_>) -> bool {
    let domain = domain.strip_prefix('.').unwrap_or(domain).to_ascii_lowercase();
    let within = |host: &str| {
        host == domain || host.strip_suffix(&domain).is_some_and(|rest| rest.ends_with('.'))
    };
    let own = way.host.rsplit_once(':').map_or(way.host, |(host, _)| host);
    way.route.upstream().host().is_some_and(within) && !within(own)
}

/// Whether a cookie of this path is sent to the route (RFC 6265, section 5.1.4).
fn reaches(path: &str, route: &Route) -> bool {
    let path = path.strip_suffix('/').unwrap_or(path);
    let rest = route.prefix().strip_prefix(path);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        || (route.prefix() != "/" && route.covers(path))
}

impl Way<'_> {
    /// The path here of a path at the backend: by the route that was taken, or else by that which
    /// says the most.
    fn back(&self, path: &str) -> Option<String> {
        let same = |route: &&Route| route.upstream().place() == self.route.upstream().place();
        self.route.back(path).or_else(|| {
            let routes = self.routes.iter().filter(same);
            let longest = routes
                .filter_map(|route| {
                    Some((route.upstream().base().map_or(0, str::len), route.back(path)?))
                })
                .max_by_key(|(length, _)| *length);
            longest.map(|(_, back)| back)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Route, Way, cookie, location, refresh};

    fn routes(text: &str) -> Vec<Route> {
        text.split(' ').map(|route| route.parse().unwrap()).collect()
    }

    #[test]
    fn redirects_lead_back_through_the_routes() {
        let table = [
            // The path is kept: only the origin is another.
            ("/app=3000", "http://localhost:3000/app/x?y=1#z", Some("/app/x?y=1#z")),
            ("/app=3000", "HTTP://127.0.0.1:3000/app", Some("/app")),
            ("/app=3000", "//localhost:3000/app/x", Some("/app/x")),
            ("/app=3000", "http://localhost:3000/other", None),
            ("/app=3000", "http://localhost:3001/app", None),
            ("/app=3000", "https://localhost:3000/app", None),
            ("/app=3000", "http://localhost:8080/app", None),
            ("/app=3000", "/app/x", None),
            ("/app=3000", "x/y", None),
            ("/app=3000", "?http://localhost:3000/app", None),
            ("/app=3000", "https://login.test/?back=http://localhost:3000/app", None),
            ("/app=3000", "http://localhost:3000@evil.test/app", None),
            ("/=3000", "http://localhost:3000", Some("/")),
            ("/=3000", "http://localhost:3000?x", Some("/?x")),
            ("/=3000", "http://localhost:3000//evil.test/", Some("/.//evil.test/")),
            ("/=3000", "http://localhost:3000/\\evil.test/", Some("/./\\evil.test/")),
            ("/=3000", "http://localhost:3000/\t/evil.test/", Some("/.//evil.test/")),
            ("/=3000", "http://localhost:3000\t//evil.test/", None),
            ("/api=3000/", "//localhost:3000/\\evil.test/", Some("/api/\\evil.test/")),
            // Another path takes its place.
            ("/api=3000/v1", "http://localhost:3000/v1/users", Some("/api/users")),
            ("/api=3000/v1", "http://localhost:3000/v1", Some("/api")),
            ("/api=3000/v1", "http://localhost:3000/v12", None),
            ("/api=3000/v1", "/v1/users?x", Some("/api/users?x")),
            ("/api=3000/v1", "http://localhost:8080/v1/users", Some("/api/users")),
            ("/api=3000/v1", "/login", None),
            ("/api=3000/v1", "users", None),
            ("/api=3000/", "/login", Some("/api/login")),
            ("/api=3000/", "/api/login", None),
            ("/api=3000/", "http://localhost:3000", Some("/api/")),
            ("/=3000/v1", "/v1/x", Some("/x")),
            ("/=3000/v1", "http://localhost:3000/v1/x", Some("/x")),
            // By another route to the same backend.
            ("/api=3000/v1 /auth=3000/login", "http://localhost:3000/login/x", Some("/auth/x")),
            ("/api=3000/v1 /auth=3001/login", "http://localhost:3000/login/x", None),
            ("/a=http://b.test", "http://B.test:80/a", Some("/a")),
        ];
        for (text, url, expected) in table {
            let routes = routes(text);
            let way = Way { routes: &routes, route: &routes[0], host: "localhost:8080" };
            assert_eq!(location(url, way).as_deref(), expected, "{text}: {url}");
            if let Some(back) = location(url, way) {
                assert!(!back.starts_with("//"), "another host: {back}");
            }
        }
    }

    #[test]
    fn a_refresh_is_a_redirect_too() {
        let routes = routes("/app=3000");
        let way = Way { routes: &routes, route: &routes[0], host: "localhost:8080" };
        let table = [
            ("5", None),
            ("0; url=http://localhost:3000/app", Some("0; url=/app")),
            ("0;URL='http://localhost:3000/app'", Some("0;URL=/app")),
            ("0; url=http://other.test/", None),
        ];
        for (value, expected) in table {
            assert_eq!(refresh(value, way).as_deref(), expected, "{value}");
        }
    }

    #[test]
    fn cookies_come_back_to_the_route() {
        let table = [
            (
                "/a=http://app.test",
                "s=1; Domain=app.test; Path=/; HttpOnly",
                Some("s=1; Path=/; HttpOnly"),
            ),
            ("/a=http://app.test", "s=1;domain=.test", Some("s=1")),
            ("/a=http://app.test", "s=1; Domain=other.test", None),
            ("/a=http://app.test", "s=Domain=app.test; Secure", None),
            ("/a=http://app.test", "domain=app.test", None),
            ("/a=3000", "s=1; Domain=localhost", None),
            ("/a=127.0.0.1:3000", "s=1; Domain=127.0.0.1", Some("s=1")),
            ("/a=3000", "s=1; Path=/other", None),
            ("/api=3000/v1", "s=1; Path=/v1", Some("s=1; Path=/api")),
            ("/api=3000/v1", "s=1; path=/v1/x; Secure", Some("s=1; Path=/api/x; Secure")),
            ("/a/b;c=3000/v1", "s=1; Path=/v1/x", Some("s=1; Path=/a/")),
            ("/;c=3000/v1", "s=1; Path=/v1", Some("s=1; Path=/")),
            ("/api=3000/v1", "s=1; Path=/", None),
            ("/api=3000/v1", "s=1; Path=/api", None),
            ("/api=3000/v1", "s=1; Path=/else", None),
            ("/api=3000/", "s=1; Path=/", None),
            ("/api=3000/", "s=1; Path=/x", Some("s=1; Path=/api/x")),
        ];
        for (text, value, expected) in table {
            let routes = routes(text);
            let way = Way { routes: &routes, route: &routes[0], host: "localhost:8080" };
            assert_eq!(cookie(value, way).as_deref(), expected, "{text}: {value}");
        }
    }
}
