//! Injects the live-reload script element into pages: HTML, XHTML, and SVG that is opened by
//! itself.
//!
//! [`is_page_request`] and [`is_page_response`] decide which responses are pages; a fragment that a
//! script fetches stays the same to the byte, and so does an image. [`injector`] inserts the
//! element into a document as it streams ([`body`]), and [`placement`] into a complete one without
//! copying it. The position is found in HTML by [`html`], [`search`] and [`mod@prologue`], in XML
//! by [`xml`]. [`decode`] decompresses pages on their way, and [`described`] lists the header
//! fields that do not hold for a changed page. [`csp`] computes what a Content Security Policy must
//! allow for the element, and [`meta`] finds the policies in HTML documents. [`sources`] keeps the
//! sources of recent pages.

pub(crate) mod body;
pub(crate) mod csp;
pub(crate) mod decode;
pub(crate) mod described;
pub(crate) mod html;
pub(crate) mod injector;
pub(crate) mod meta;
pub(crate) mod placement;
mod prologue;
mod search;
pub(crate) mod sources;
mod xml;

use hyper::{
    Method, StatusCode,
    header::{ACCEPT, CONTENT_DISPOSITION, CONTENT_TYPE, HeaderMap, REFERER, VARY},
};

use crate::http::media_type::{self, Markup};

/// The request destinations whose response becomes a document (Fetch, "destination").
const DOCUMENTS: [&str; 6] = ["document", "iframe", "frame", "fencedframe", "object", "embed"];

/// The request header that decides whether a response is instrumented, for `Vary`.
///
/// The headers that decide in its absence (see [`is_page_request`]) are not listed. A browser that
/// does not send `Sec-Fetch-Dest` caches pages and fetched fragments under one key, and revalidates
/// with an entity tag that the other variant does not have.
pub(crate) const VARIES: &str = "Sec-Fetch-Dest";

/// Returns whether the response to a request becomes a document in a tab or frame, as far as the
/// request tells.
///
/// `Sec-Fetch-Dest` says so. Browsers send it only to potentially trustworthy origins, which a host
/// on the local network is not, and tools do not send it at all. Without it, a request that comes
/// from a page (`Referer`, `X-Requested-With`, `HX-Request`) and does not accept `text/html`
/// explicitly counts as a script's.
pub(crate) fn is_page_request(method: &Method, request: &HeaderMap) -> bool {
    if method != Method::GET && method != Method::HEAD && method != Method::POST {
        return false;
    }
    let text = |name: &str| request.get(name).and_then(|value| value.to_str().ok());
    if let Some(destination) = text("sec-fetch-dest") {
        // A service worker that forwards a navigation replaces its destination, but not its mode.
        return DOCUMENTS.contains(&destination) || text("sec-fetch-mode") == Some("navigate");
    }
    if request.contains_key("x-requested-with") || request.contains_key("hx-request") {
        return false;
    }
    asks_for_html(request) || !request.contains_key(REFERER)
}

/// Returns whether a request is a navigation of a tab or frame. Without `Sec-Fetch-Mode`, a request
/// that accepts `text/html` explicitly counts as one.
pub(crate) fn is_navigation(request: &HeaderMap) -> bool {
    match request.get("sec-fetch-mode") {
        Some(mode) => mode == "navigate",
        None => asks_for_html(request),
    }
}

/// Returns whether a request accepts `text/html` explicitly.
pub(crate) fn asks_for_html(request: &HeaderMap) -> bool {
    let mut accepted = request.get_all(ACCEPT).iter();
    accepted.any(|value| value.to_str().is_ok_and(|value| value.contains("text/html")))
}

/// Returns whether a response is a page that the element can be inserted into, once it is
/// decompressed.
pub(crate) fn is_page_response(status: StatusCode, response: &HeaderMap) -> bool {
    let text = |name| response.get(name).and_then(|value| value.to_str().ok());
    let bodiless = status.is_informational()
        || [
            StatusCode::NO_CONTENT,
            StatusCode::RESET_CONTENT,
            StatusCode::PARTIAL_CONTENT,
            StatusCode::NOT_MODIFIED,
        ]
        .contains(&status);
    let attachment = text(CONTENT_DISPOSITION)
        .is_some_and(|value| value.trim_start().to_ascii_lowercase().starts_with("attachment"));
    !bodiless && !attachment && text(CONTENT_TYPE).and_then(media_type::markup).is_some()
}

/// Returns the syntax of a page that has a `Content-Type`, or `None` if the element is not
/// inserted.
///
/// XML gets it only in a [navigation](is_navigation): a request that does not tell may be for an
/// image, and XML is data for most tools.
pub(crate) fn markup(content_type: &str, navigation: bool) -> Option<Markup> {
    media_type::markup(content_type).filter(|markup| navigation || *markup == Markup::Html)
}

/// Returns whether a response depends on [`is_page_request`], so that its `Vary` must say so: it is
/// a page, or could be one if it had been requested in another way.
pub(crate) fn depends_on_request(status: StatusCode, response: &HeaderMap) -> bool {
    match status {
        // A part of what may be a page.
        StatusCode::PARTIAL_CONTENT => is_page_response(StatusCode::OK, response),
        // Its fields replace those of the stored response (RFC 9111, section 4.3.4). Whether that
        // is a page is not known if the type is left out.
        StatusCode::NOT_MODIFIED => {
            response.contains_key(VARY)
                && (!response.contains_key(CONTENT_TYPE)
                    || is_page_response(StatusCode::OK, response))
        }
        status => is_page_response(status, response),
    }
}

#[cfg(test)]
mod tests {
    use hyper::{
        Method, StatusCode,
        header::{HeaderMap, HeaderName, HeaderValue},
    };

    use super::{depends_on_request, is_page_request, is_page_response};

    fn headers(list: &[(&'static str, &'static str)]) -> HeaderMap {
        list.iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn page_requests_are_told_apart_from_fetches() {
        let table: &[(&[(&str, &str)], bool)] = &[
            (&[], true),
            (&[("accept", "*/*")], true), // curl
            (&[("sec-fetch-dest", "document")], true),
            (&[("sec-fetch-dest", "iframe")], true),
            (&[("sec-fetch-dest", "empty")], false),
            (&[("sec-fetch-dest", "empty"), ("sec-fetch-mode", "navigate")], true),
            (&[("sec-fetch-dest", "empty"), ("sec-fetch-mode", "cors")], false),
            (&[("sec-fetch-dest", "empty"), ("accept", "text/html")], false),
            (&[("sec-fetch-dest", "script")], false),
            (&[("referer", "http://10.0.0.2/"), ("accept", "*/*")], false),
            (&[("referer", "http://10.0.0.2/"), ("accept", "text/html,*/*")], true),
            (&[("hx-request", "true"), ("accept", "text/html")], false),
            (&[("x-requested-with", "XMLHttpRequest")], false),
        ];
        for (request, page) in table {
            assert_eq!(is_page_request(&Method::GET, &headers(request)), *page, "{request:?}");
        }
        assert!(!is_page_request(&Method::OPTIONS, &HeaderMap::new()));
    }

    #[test]
    fn only_complete_html_responses_are_instrumented() {
        let html = ("content-type", "text/html; charset=utf-8");
        let table: &[(u16, &[(&str, &str)], bool)] = &[
            (200, &[html], true),
            (404, &[html], true),
            (200, &[("content-type", "application/xhtml+xml;charset=utf-8")], true),
            (200, &[("content-type", "image/svg+xml")], true),
            (200, &[("content-type", "application/xml")], false),
            (200, &[], false),
            (200, &[("content-type", "text/plain")], false),
            (204, &[html], false),
            (206, &[html], false),
            (304, &[html], false),
            (200, &[html, ("content-disposition", "Attachment; filename=a")], false),
            (200, &[html, ("content-disposition", "inline")], true),
        ];
        for (status, response, page) in table {
            let status = StatusCode::from_u16(*status).unwrap();
            assert_eq!(
                is_page_response(status, &headers(response)),
                *page,
                "{status} {response:?}"
            );
        }
    }

    #[test]
    fn responses_that_could_be_pages_depend_on_the_request() {
        let html = ("content-type", "text/html");
        let text = ("content-type", "text/plain");
        let vary = ("vary", "accept-encoding");
        let table: &[(u16, &[(&str, &str)], bool)] = &[
            (200, &[html], true),
            (404, &[html], true),
            (206, &[html], true),
            (200, &[text], false),
            (206, &[text], false),
            (204, &[html], false),
            (200, &[html, ("content-disposition", "attachment")], false),
            (304, &[], false),
            (304, &[vary], true),
            (304, &[vary, html], true),
            (304, &[vary, text], false),
        ];
        for (status, response, depends) in table {
            let status = StatusCode::from_u16(*status).unwrap();
            let response = headers(response);
            assert_eq!(depends_on_request(status, &response), *depends, "{status} {response:?}");
        }
    }
}
