//! Header fields of all responses from the disk: CORS, isolation, those of the folder's `_headers`
//! file, and those of the configuration.
//!
//! They apply to files, listings and 404 pages, not to livers' own paths or a backend's responses.
//! The configuration overrides `_headers`, which overrides the rest.

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

/// The methods that files support.
pub(super) const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");

static SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
static SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const EMBEDDER_POLICY: HeaderName = HeaderName::from_static("cross-origin-embedder-policy");
pub(super) const RESOURCE_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-resource-policy");

/// A header field to add to responses, written as `Name: value`.
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

/// An origin whose pages may read files, like `http://localhost:3000`, or `*` for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cors(HeaderValue);

impl FromStr for Cors {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let invalid = || {
            InvalidValue::new(
                text,
                "is not an origin",
                "write one like http://localhost:3000, or * for all",
            )
        };
        let origin = text.to_ascii_lowercase();
        let host = ["http://", "https://"].iter().find_map(|scheme| origin.strip_prefix(scheme));
        let is_authority = |host: &str| {
            host.parse().is_ok_and(|uri: Uri| {
                uri.authority().is_some_and(|authority| authority.as_str() == host)
            }) && !host.contains('@')
        };
        if origin != "*" && !host.is_some_and(is_authority) {
            return Err(invalid());
        }
        HeaderValue::from_str(&origin).map(Self).map_err(|_| invalid())
    }
}

impl fmt::Display for Cors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.to_str().unwrap_or_default())
    }
}

/// The header fields of all responses from the disk.
#[derive(Clone, Debug, Default)]
pub(crate) struct Policy {
    /// Fields of the configuration.
    pub(crate) headers: Vec<Header>,
    /// The origins whose pages may read files.
    pub(crate) cors: Vec<Cors>,
    /// Whether pages are isolated from other origins, so that they may use `SharedArrayBuffer`.
    pub(crate) isolate: bool,
}

impl Policy {
    /// Sets the fields of a response. `rules` are those of the folder's `_headers` file.
    pub(super) fn apply(
        &self,
        request: &HeaderMap,
        rules: &[(HeaderName, HeaderValue)],
        response: &mut Response,
    ) {
        let headers = response.headers_mut();
        if self.isolate {
            headers.insert(OPENER_POLICY, HeaderValue::from_static("same-origin"));
            headers.insert(EMBEDDER_POLICY, HeaderValue::from_static("require-corp"));
        }
        let embedders = if self.may_embed(request) { "cross-origin" } else { "same-origin" };
        headers.insert(RESOURCE_POLICY, HeaderValue::from_static(embedders));
        self.allow_origin(request, headers);
        replace(rules.iter().cloned(), headers);
        let configured = self.headers.iter();
        replace(configured.map(|Header { name, value }| (name.clone(), value.clone())), headers);
    }

    /// Returns whether to refuse a request because a page of another origin embeds the file.
    /// Running a script reveals its content to the page, although CORS forbids reading it. Browsers
    /// without Fetch Metadata enforce Cross-Origin-Resource-Policy themselves (Fetch, section 3.7).
    pub(super) fn refuses(&self, request: &HeaderMap) -> bool {
        let has = |name: &HeaderName, values: &[&str]| {
            request.get(name).is_some_and(|value| values.iter().any(|known| value == known))
        };
        has(&SEC_FETCH_SITE, &["cross-site", "same-site"])
            && has(&SEC_FETCH_MODE, &["no-cors"])
            && !self.may_embed(request)
    }

    /// Returns whether the configuration permits the requesting page to use files, although it is of
    /// another origin.
    pub(super) fn permits(&self, request: &HeaderMap) -> bool {
        self.allowed(request).is_some() || self.may_embed(request)
    }

    /// Returns whether the requesting page may embed files. Such a request has no `Origin`, so the
    /// page is known by its `Referer` only.
    fn may_embed(&self, request: &HeaderMap) -> bool {
        if self.cors.is_empty() {
            return false;
        }
        let from = single_value(request, &REFERER).map(str::to_ascii_lowercase);
        let is_from = |origin: &HeaderValue| {
            let rest = from.as_ref().zip(origin.to_str().ok());
            rest.and_then(|(from, origin)| from.strip_prefix(origin))
                .is_some_and(|path| path.starts_with('/'))
        };
        self.cors.iter().any(|Cors(origin)| origin == "*" || is_from(origin))
    }

    /// Lets a page of an allowed origin read the response.
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
        // `*` covers all fields of requests without credentials, and files need none.
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("*"));
    }

    /// Returns the value of `Access-Control-Allow-Origin` for a request, or `None` if its origin is
    /// not allowed.
    fn allowed(&self, request: &HeaderMap) -> Option<HeaderValue> {
        if self.cors.is_empty() {
            return None;
        }
        let origin = single_value(request, &ORIGIN).map(str::to_ascii_lowercase);
        let mut allowed = self.cors.iter().map(|Cors(allowed)| allowed);
        allowed
            .find(|allowed| *allowed == "*" || origin.as_ref().is_some_and(|it| *allowed == it))
            .cloned()
    }

    /// Returns the response to OPTIONS, which also answers a CORS preflight (Fetch, section 4.8).
    pub(super) fn options(&self, request: &HeaderMap) -> Response {
        let mut response = Response::new(body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        headers.insert(ALLOW, METHODS);
        if self.allowed(request).is_some() {
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
            if let Some(requested) = request.get(ACCESS_CONTROL_REQUEST_HEADERS) {
                headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, requested.clone());
                headers.append(VARY, ACCESS_CONTROL_REQUEST_HEADERS.into());
            }
        }
        response
    }
}

/// Sets fields, replacing earlier values. A name that occurs twice in `fields` gets two values.
fn replace(fields: impl IntoIterator<Item = (HeaderName, HeaderValue)>, headers: &mut HeaderMap) {
    let mut replaced: Vec<HeaderName> = Vec::new();
    for (name, value) in fields {
        if replaced.contains(&name) {
            headers.append(name, value);
        } else {
            headers.insert(name.clone(), value);
            replaced.push(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Cors, Header};

    #[test]
    fn origins_are_parsed() {
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
    fn an_invalid_header_is_explained() {
        let error = "X-A".parse::<Header>().unwrap_err();
        assert_eq!(error.to_string(), "X-A is not a header: write 'Name: value'");
    }
}
