//! Fields that answers get whatever they are: what the person asked for (`--header`, `--cors`,
//! `--isolate`), and what the folder's own `_headers` say.
//!
//! They are for files, listings and what says that there is none. livers' own paths have their own,
//! and a backend's answers are the backend's. Where two say the same field, `--header` wins.

use std::{fmt, str::FromStr};

use hyper::{
    StatusCode, Uri,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
        ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_REQUEST_HEADERS, ALLOW, HeaderMap,
        HeaderName, HeaderValue, ORIGIN, REFERER, VARY,
    },
};

use crate::{
    error::InvalidValue,
    http::{
        body::{self, Response},
        field::{parse_header, single_value},
    },
};

/// The methods that files know.
pub(super) const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");

/// A field that answers get: `Name: value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    name: HeaderName,
    value: HeaderValue,
}

impl FromStr for Header {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let (name, value) = parse_header(text)?;
        Ok(Self { name, value })
    }
}

/// Whose pages may read files: `*` for everybody's, or an origin like `http://localhost:3000`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cors(HeaderValue);

impl FromStr for Cors {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let wrong = || {
            InvalidValue::new(
                text,
                "is not an origin",
                "write one like http://localhost:3000, or * for all",
            )
        };
        let origin = text.to_ascii_lowercase();
        let host = ["http://", "https://"].iter().find_map(|scheme| origin.strip_prefix(scheme));
        let whole = |host: &str| {
            host.parse().is_ok_and(|uri: Uri| {
                uri.authority().is_some_and(|authority| authority.as_str() == host)
            }) && !host.contains('@')
        };
        if origin != "*" && !host.is_some_and(whole) {
            return Err(wrong());
        }
        HeaderValue::from_str(&origin).map(Self).map_err(|_| wrong())
    }
}

impl fmt::Display for Cors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.to_str().unwrap_or_default())
    }
}

/// What all answers get.
#[derive(Clone, Debug, Default)]
pub(crate) struct Policy {
    /// Added last.
    pub(crate) headers: Vec<Header>,
    /// Whose pages may read files; nobody's if empty.
    pub(crate) cors: Vec<Cors>,
    /// Whether pages are kept apart from those of other origins, so that they may share memory.
    pub(crate) isolate: bool,
}

impl Policy {
    /// Adds the fields to an answer; `rules` are those of the folder's own.
    pub(super) fn apply(
        &self,
        request: &HeaderMap,
        rules: Vec<(HeaderName, HeaderValue)>,
        response: &mut Response,
    ) {
        let headers = response.headers_mut();
        let shared = if self.shares(request) { "cross-origin" } else { "same-origin" };
        let isolating = [
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-embedder-policy", "require-corp"),
        ];
        let isolating = isolating.into_iter().filter(|_| self.isolate);
        for (name, value) in isolating.chain([("cross-origin-resource-policy", shared)]) {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        self.allow_origin(request, headers);
        give(rules, headers);
        give(
            self.headers.iter().map(|Header { name, value }| (name.clone(), value.clone())),
            headers,
        );
    }

    /// Whether a request is a foreign page's that would have the file as a part of itself: a script that
    /// it runs tells it what is in there, without any leave to read. Browsers that do not say who asks
    /// keep it back themselves (Fetch, "Cross-Origin-Resource-Policy").
    pub(super) fn refuses(&self, request: &HeaderMap) -> bool {
        let is = |name: &str, values: &[&str]| {
            request.get(name).is_some_and(|value| values.iter().any(|known| value == known))
        };
        is("sec-fetch-mode", &["no-cors"])
            && is("sec-fetch-site", &["cross-site", "same-site"])
            && !self.shares(request)
    }

    /// Whether the page that asks may have the file as a part of itself. Of its origin, such a request
    /// says nothing, but for where it comes from.
    fn shares(&self, request: &HeaderMap) -> bool {
        let from = single_value(request, &REFERER).map(str::to_ascii_lowercase);
        let is_from = |origin: &HeaderValue| {
            let rest = from.as_ref().zip(origin.to_str().ok());
            rest.and_then(|(from, origin)| from.strip_prefix(origin))
                .is_some_and(|path| path.starts_with('/'))
        };
        self.cors.iter().any(|Cors(origin)| origin == "*" || is_from(origin))
    }

    /// Lets pages of another origin read the answer, if it is one of those that may.
    fn allow_origin(&self, request: &HeaderMap, headers: &mut HeaderMap) {
        let Some(allowed) = self.allowed(request) else {
            if !self.cors.is_empty() {
                headers.append(VARY, HeaderValue::from_static("origin"));
            }
            return;
        };
        if allowed != "*" {
            headers.append(VARY, HeaderValue::from_static("origin"));
        }
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        // `*` stands for all but where credentials are sent, which nobody asks of files.
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("*"));
    }

    /// What is said of a request's origin.
    fn allowed(&self, request: &HeaderMap) -> Option<HeaderValue> {
        let origin = single_value(request, &ORIGIN).map(str::to_ascii_lowercase);
        let mut known = self.cors.iter().map(|Cors(origin)| origin);
        known.find(|known| *known == "*" || origin.as_ref().is_some_and(|it| *known == it)).cloned()
    }

    /// The answer to OPTIONS: what there is to ask for, and, before a request that a page of another
    /// origin may not make unasked (Fetch, "CORS-preflight fetch"), whether it may.
    pub(super) fn options(&self, request: &HeaderMap) -> Response {
        let mut response = Response::new(body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        headers.insert(ALLOW, METHODS);
        if self.allowed(request).is_some() {
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
            if let Some(asked) = request.get(ACCESS_CONTROL_REQUEST_HEADERS) {
                headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
                headers.append(VARY, ACCESS_CONTROL_REQUEST_HEADERS.into());
            }
        }
        response
    }
}

/// Sets fields, each in place of what was there. A name that is given twice has two values.
fn give(fields: impl IntoIterator<Item = (HeaderName, HeaderValue)>, headers: &mut HeaderMap) {
    let mut given: Vec<HeaderName> = Vec::new();
    for (name, value) in fields {
        if given.contains(&name) {
            headers.append(name, value);
        } else {
            headers.insert(name.clone(), value);
            given.push(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Cors, Header};

    #[test]
    fn an_origin_is_a_scheme_and_a_host() {
        for (text, wanted) in [
            ("*", Some("*")),
            ("http://localhost:3000", Some("http://localhost:3000")),
            ("HTTPS://App.Example", Some("https://app.example")),
            ("http://[::1]:3000", Some("http://[::1]:3000")),
            ("http://localhost:3000/", None),
            ("localhost:3000", None),
            ("http://", None),
            ("http://a b", None),
            ("http://a@b", None),
            ("null", None),
            ("", None),
            ("http://a,http://b", None),
        ] {
            let read = text.parse::<Cors>().ok().map(|origin| origin.to_string());
            assert_eq!(read.as_deref(), wanted, "{text}");
        }
    }

    #[test]
    fn what_is_no_header_is_said() {
        let error = "X-A".parse::<Header>().unwrap_err();
        assert_eq!(error.to_string(), "X-A is not a header: write 'Name: value'");
    }
}
