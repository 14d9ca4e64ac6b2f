//! Short responses: plain text, redirects, and the fields that they have in common.

use bytes::Bytes;
use hyper::{
    StatusCode,
    header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, LOCATION, X_CONTENT_TYPE_OPTIONS},
};
use percent_encoding::{CONTROLS, utf8_percent_encode};

use super::policy;
use crate::http::{
    body::{self, Response},
    url_path::UrlPath,
};

/// Returns a response in plain text.
pub(super) fn plain(status: StatusCode, text: impl Into<Bytes>) -> Response {
    let mut response = Response::new(body::full(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    guard(&mut response);
    response
}

/// Returns 405 with the methods that files allow (RFC 9110, section 15.5.6).
pub(super) fn method_not_allowed() -> Response {
    let text = "Method not allowed: files are read with GET and HEAD.\n";
    let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, text);
    response.headers_mut().insert(ALLOW, policy::METHODS);
    response
}

/// Prevents MIME sniffing, and embedding by pages of other origins.
pub(super) fn guard(response: &mut Response) {
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(policy::RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
}

/// Redirects a folder's URL to the same with a slash. The location is a path, so it cannot lead to
/// another host. The status is 302 because a folder may become a file.
pub(super) fn add_slash(to: &UrlPath, query: Option<&str>) -> Response {
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    redirect(StatusCode::FOUND, &format!("{to}{query}"))
}

/// Redirects to a location.
pub(super) fn redirect(status: StatusCode, location: &str) -> Response {
    let mut response = plain(status, format!("See {location}\n"));
    // `Location` is ASCII. Other characters are percent-encoded as UTF-8, as browsers do.
    let encoded = utf8_percent_encode(location, CONTROLS).to_string();
    if let Ok(location) = HeaderValue::try_from(encoded) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}
