//! Rewrites redirects and cookies that name the backend, so that they lead back to livers.
//!
//! A backend that knows only its own address, or its own path, redirects there: the browser would
//! leave livers' origin, or request a path that another route serves. `Location`,
//! `Content-Location` and `Refresh` are mapped back through the routes (nginx's `proxy_redirect
//! default`). So are a cookie's `Domain`, if the browser would reject it from here, and its `Path`,
//! if the browser would not send the cookie to the route.
//!
//! URLs that do not lead to the backend, or that no route maps back, stay unchanged. All functions
//! are pure.

use hyper::{
    HeaderMap,
    header::{CONTENT_LOCATION, Entry, HeaderValue, LOCATION, REFRESH, SET_COOKIE},
};

use super::route::Route;

/// What a rewrite depends on.
#[derive(Clone, Copy)]
pub(super) struct RewriteContext<'c> {
    /// All routes.
    pub(super) routes: &'c [Route],
    /// The route of the request.
    pub(super) route: &'c Route,
    /// Host and port that the browser requested.
    pub(super) host: &'c str,
}

/// Rewrites the fields of a response.
pub(super) fn response(headers: &mut HeaderMap, context: RewriteContext<'_>) {
    let rewrites: [(_, Rewrite); 4] = [
        (LOCATION, location),
        (CONTENT_LOCATION, location),
        (REFRESH, refresh),
        (SET_COOKIE, cookie),
    ];
    for (name, rewrite) in rewrites {
        if !headers.contains_key(&name) {
            continue;
        }
        let Entry::Occupied(mut entry) = headers.entry(name) else { continue };
        for value in entry.iter_mut() {
            let text = std::str::from_utf8(value.as_bytes()).ok();
            let new = text.and_then(|text| rewrite(text.trim(), context));
            if let Some(new) = new.and_then(|new| HeaderValue::from_bytes(new.as_bytes()).ok()) {
                *value = new;
            }
        }
    }
}

/// Returns the new value of a field, or `None` to keep it.
type Rewrite = fn(&str, RewriteContext<'_>) -> Option<String>;

fn location(url: &str, context: RewriteContext<'_>) -> Option<String> {
    let (owner, path) = split(url, context)?;
    let end = path.find(['?', '#']).unwrap_or(path.len());
    let (path, suffix) = path.split_at(end);
    let path = if path.is_empty() { "/" } else { path };
    let path = match owner {
        Owner::Backend => context.reverse(path)?,
        // The backend already uses the path that it has at livers.
        Owner::Livers if context.route.prefix() != "/" && context.route.covers(path) => {
            return None;
        }
        Owner::Livers => context.route.reverse(path).filter(|reversed| reversed != path)?,
    };
    // Two leading slashes would name another host. Browsers read a backslash as a slash and skip
    // tabs (WHATWG URL, "path start state"); a field has no other control characters.
    let path = path.replace('\t', "");
    let names_a_host = path.strip_prefix('/').is_some_and(|rest| rest.starts_with(['/', '\\']));
    let guard = if names_a_host { "/." } else { "" };
    Some(format!("{guard}{path}{suffix}"))
}

/// Which server the path of a URL belongs to.
enum Owner {
    Backend,
    /// The URL is relative or has the host that the browser requested.
    Livers,
}

/// Returns path, query and fragment of a URL that leads to the backend or to livers.
fn split<'u>(url: &'u str, context: RewriteContext<'_>) -> Option<(Owner, &'u str)> {
    let upstream = context.route.upstream();
    let own = if upstream.tls() { "https" } else { "http" };
    let (scheme, rest) = match url.strip_prefix("//") {
        Some(rest) => (own, rest),
        None => match url.split_once("://") {
            Some((scheme, rest)) if !scheme.contains(['/', '?', '#']) => (scheme, rest),
            _ => return url.starts_with('/').then_some((Owner::Livers, url)),
        },
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    if authority.eq_ignore_ascii_case(context.host) {
        return Some((Owner::Livers, path));
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port.parse().ok()?)),
        _ => (authority, None),
    };
    upstream.is_at(scheme, host, port).then_some((Owner::Backend, path))
}

/// Rewrites the URL in `5; url=/there`.
fn refresh(value: &str, context: RewriteContext<'_>) -> Option<String> {
    let at = value.to_ascii_lowercase().find("url=")? + "url=".len();
    let (before, url) = value.split_at(at);
    let bare = url.trim_matches(['"', '\'']);
    Some(format!("{before}{}", location(bare, context)?))
}

/// Rewrites `Domain` and `Path` of a `Set-Cookie`.
fn cookie(value: &str, context: RewriteContext<'_>) -> Option<String> {
    let mut changed = false;
    let mut parts = Vec::new();
    for (at, part) in value.split(';').enumerate() {
        let (name, content) = part.split_once('=').unwrap_or((part, ""));
        let (name, content) = (name.trim(), content.trim());
        if at > 0 && name.eq_ignore_ascii_case("domain") && is_foreign_domain(content, context) {
            changed = true;
            continue;
        }
        let path = (at > 0 && name.eq_ignore_ascii_case("path")).then_some(content);
        match path
            .filter(|path| !reaches(path, context.route))
            .and_then(|path| context.route.reverse(path))
        {
            Some(path) => {
                changed = true;
                // A semicolon would end the attribute (RFC 6265, section 5.2): use the folder
                // before.
                let plain = &path[..path.find(';').unwrap_or(path.len())];
                let folder = plain.rfind('/').unwrap_or_default() + 1;
                let path = if plain == path { plain } else { &plain[..folder] };
                parts.push(format!(" Path={path}"));
            }
            None => parts.push(part.to_owned()),
        }
    }
    changed.then(|| parts.join(";"))
}

/// Returns whether a cookie's domain matches the backend (RFC 6265, section 5.1.3) and not livers.
fn is_foreign_domain(domain: &str, context: RewriteContext<'_>) -> bool {
    let domain = domain.strip_prefix('.').unwrap_or(domain).to_ascii_lowercase();
    let within = |host: &str| {
        host == domain || host.strip_suffix(&domain).is_some_and(|rest| rest.ends_with('.'))
    };
    let own = context.host.rsplit_once(':').map_or(context.host, |(host, _)| host);
    context.route.upstream().host().is_some_and(within) && !within(own)
}

/// Returns whether a browser sends a cookie with this path to the route (RFC 6265, section 5.1.4).
fn reaches(path: &str, route: &Route) -> bool {
    let path = path.strip_suffix('/').unwrap_or(path);
    let rest = route.prefix().strip_prefix(path);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        || (route.prefix() != "/" && route.covers(path))
}

impl RewriteContext<'_> {
    /// Returns the path at livers of a path at the backend: through the route of the request, or
    /// else through the most specific route to the same backend.
    fn reverse(&self, path: &str) -> Option<String> {
        let endpoint = self.route.upstream().endpoint();
        self.route.reverse(path).or_else(|| {
            let same = self.routes.iter().filter(|route| route.upstream().endpoint() == endpoint);
            let base = |route: &Route| route.upstream().base().map_or(0, str::len);
            let reversed = same.filter_map(|route| Some((base(route), route.reverse(path)?)));
            reversed.max_by_key(|(length, _)| *length).map(|(_, path)| path)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{RewriteContext, Route, cookie, location, refresh};

    fn routes(text: &str) -> Vec<Route> {
        text.split(' ').map(|route| route.parse().unwrap()).collect()
    }

    #[test]
    fn redirects_are_mapped_back_through_the_routes() {
        let table = [
            // The path is kept: only the origin changes.
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
            // The path is replaced.
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
            // Through another route to the same backend.
            ("/api=3000/v1 /auth=3000/login", "http://localhost:3000/login/x", Some("/auth/x")),
            ("/api=3000/v1 /auth=3001/login", "http://localhost:3000/login/x", None),
            ("/a=http://b.test", "http://B.test:80/a", Some("/a")),
        ];
        for (text, url, expected) in table {
            let routes = routes(text);
            let context =
                RewriteContext { routes: &routes, route: &routes[0], host: "localhost:8080" };
            assert_eq!(location(url, context).as_deref(), expected, "{text}: {url}");
            if let Some(path) = location(url, context) {
                assert!(!path.starts_with("//"), "another host: {path}");
            }
        }
    }

    #[test]
    fn refresh_is_rewritten_like_a_redirect() {
        let routes = routes("/app=3000");
        let context = RewriteContext { routes: &routes, route: &routes[0], host: "localhost:8080" };
        let table = [
            ("5", None),
            ("0; url=http://localhost:3000/app", Some("0; url=/app")),
            ("0;URL='http://localhost:3000/app'", Some("0;URL=/app")),
            ("0; url=http://other.test/", None),
        ];
        for (value, expected) in table {
            assert_eq!(refresh(value, context).as_deref(), expected, "{value}");
        }
    }

    #[test]
    fn cookie_is_sent_back_to_the_route() {
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
            let context =
                RewriteContext { routes: &routes, route: &routes[0], host: "localhost:8080" };
            assert_eq!(cookie(value, context).as_deref(), expected, "{text}: {value}");
        }
    }
}
