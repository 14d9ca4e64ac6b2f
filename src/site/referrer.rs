//! Whom a request comes from: what a browser says of it (`Referer`, Fetch Metadata), as a user of what
//! is asked for.

use hyper::header::{HeaderMap, REFERER};

use crate::{http::url_path::UrlPath, live::reload::hub::User};

/// The path of the page, sheet or module that a request comes from, if it is one of ours.
pub(crate) fn referrer(headers: &HeaderMap, host: &str) -> Option<String> {
    headers.get(REFERER).and_then(|url| url.to_str().ok()).and_then(|url| own_path(url, host))
}

/// Who uses what a request asks for: the page, sheet, module or worker that its `Referer` names.
/// Nobody, where it tells nothing, and where it is only asked for in case somebody goes there.
pub(super) fn user(headers: &HeaderMap, host: &str) -> Option<User> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let destination = text("sec-fetch-dest");
    if text("sec-purpose").is_some_and(|purpose| purpose.contains("prefetch"))
        || destination == Some("document")
    {
        return None;
    }
    if let Some("sharedworker" | "serviceworker") = destination {
        return Some(User::Shared);
    }
    match headers.get(REFERER) {
        Some(_) => referrer(headers, host).map(User::Path),
        None => (text("sec-fetch-site") == Some("same-origin")).then_some(User::Unsigned),
    }
}

/// The path of a URL, as the server spells it, if the URL is one of ours.
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

    use super::{User, own_path, user};

    #[test]
    fn a_request_tells_who_uses_what_it_asks_for() {
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
            (&[page, ours, ("sec-fetch-dest", "sharedworker")], Some(User::Shared)),
            (&[page, ours, ("sec-fetch-dest", "serviceworker")], Some(User::Shared)),
            (&[ours, ("sec-fetch-dest", "script")], Some(User::Unsigned)),
            (&[("sec-fetch-site", "none")], None),
            (&[("sec-fetch-site", "cross-site")], None),
        ];
        for (request, wanted) in table {
            let fields = request.iter().map(|(name, value)| {
                (HeaderName::from_static(name), HeaderValue::from_static(value))
            });
            assert_eq!(
                user(&fields.collect::<HeaderMap>(), "localhost:8080"),
                *wanted,
                "{request:?}"
            );
        }
    }

    #[test]
    fn a_referrer_counts_if_it_is_ours() {
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
