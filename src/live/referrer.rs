//! Identifies the page, style sheet, module or worker that a request comes from, by `Referer` and
//! Fetch Metadata.

use std::hash::Hash;

use hyper::header::{HeaderMap, HeaderValue, REFERER};

use super::{reload::hub::User, request::RequestHead};
use crate::http::url_path::UrlPath;

/// The request headers that [`user`] reads besides `Referer`.
const METADATA: [&str; 3] = ["sec-fetch-dest", "sec-fetch-site", "sec-purpose"];

/// Returns the URL path that a request's `Referer` names, if that is a URL of this server.
pub(crate) fn referrer(headers: &HeaderMap, host: &str) -> Option<String> {
    headers.get(REFERER).and_then(|url| url.to_str().ok()).and_then(|url| own_path(url, host))
}

/// Returns everything that decides what [`user`] returns for a request.
pub(super) fn fingerprint<'r>(head: &RequestHead<'r>) -> impl Hash + use<'r> {
    let value = |name| head.headers.get(name).map(|value: &HeaderValue| value.as_bytes());
    (head.host, head.path, value("referer"), METADATA.map(value))
}

/// Returns the user of the requested path, and the path as the server spells it.
///
/// Returns `None` where the request does not tell, for navigations, and for prefetches, which are
/// no use yet.
pub(super) fn user(head: &RequestHead<'_>) -> Option<(User, String)> {
    let path = UrlPath::parse(head.path).ok()?.to_string();
    Some((requester(head.headers, head.host)?, path))
}

fn requester(headers: &HeaderMap, host: &str) -> Option<User> {
    let [destination, site, purpose] =
        METADATA.map(|name| headers.get(name).and_then(|value| value.to_str().ok()));
    if purpose.is_some_and(|purpose| purpose.contains("prefetch"))
        || destination == Some("document")
    {
        return None;
    }
    if let Some("sharedworker" | "serviceworker") = destination {
        return Some(User::SharedWorker);
    }
    match headers.get(REFERER) {
        Some(_) => referrer(headers, host).map(User::Path),
        None => (site == Some("same-origin")).then_some(User::Unknown),
    }
}

/// Returns the path of a URL as the server spells it, if the URL is one of this server.
fn own_path(url: &str, host: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let (authority, rest) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let path = rest.split(['?', '#']).next().unwrap_or_default();
    let own = authority.eq_ignore_ascii_case(host);
    let path = UrlPath::parse(if path.is_empty() { "/" } else { path });
    path.ok().filter(|_| own).map(|path| path.to_string())
}

#[cfg(test)]
mod tests {
    use hyper::header::{HeaderMap, HeaderName, HeaderValue};

    use super::{User, own_path, requester};

    #[test]
    fn request_headers_tell_who_uses_the_requested_path() {
        let path = |path: &str| Some(User::Path(path.to_owned()));
        let page = ("referer", "http://localhost:8080/a.html");
        let ours = ("sec-fetch-site", "same-origin");
        let table: &[(&[(&str, &str)], Option<User>)] = &[
            (&[], None),
            (&[page], path("/a.html")),
            (&[page, ours, ("sec-fetch-dest", "style")], path("/a.html")),
            (&[page, ("sec-fetch-dest", "iframe")], path("/a.html")),
            (&[page, ("sec-fetch-dest", "document")], None),
            (&[page, ours, ("sec-purpose", "prefetch")], None),
            (&[page, ours, ("sec-purpose", "prefetch;prerender")], None),
            (&[("referer", "http://evil.example/")], None),
            (&[page, ours, ("sec-fetch-dest", "sharedworker")], Some(User::SharedWorker)),
            (&[page, ours, ("sec-fetch-dest", "serviceworker")], Some(User::SharedWorker)),
            (&[ours, ("sec-fetch-dest", "script")], Some(User::Unknown)),
            (&[("sec-fetch-site", "none")], None),
            (&[("sec-fetch-site", "cross-site")], None),
        ];
        for (request, wanted) in table {
            let fields = request.iter().map(|(name, value)| {
                (HeaderName::from_static(name), HeaderValue::from_static(value))
            });
            assert_eq!(
                requester(&fields.collect::<HeaderMap>(), "localhost:8080"),
                *wanted,
                "{request:?}"
            );
        }
    }

    #[test]
    fn a_referrer_of_another_origin_is_ignored() {
        let table = [
            ("http://localhost:8080/a/b.html?x=1#y", Some("/a/b.html")),
            ("http://LOCALHOST:8080", Some("/")),
            ("http://localhost:8080/a%20b", Some("/a%20b")),
            ("http://localhost:3000/a", None),
            ("http://evil.example/http://localhost:8080/", None),
            ("http://localhost:8080@evil.example/", None),
            ("/a", None),
            ("", None),
        ];
        for (url, wanted) in table {
            assert_eq!(own_path(url, "localhost:8080").as_deref(), wanted, "{url}");
        }
    }
}
