//! Puts livers' one script element into HTML pages, as they pass.
//!
//! [`html`] finds the place in a document and adds the element there, streaming, and [`mod@prologue`]
//! knows what may stand before it; [`wanted`] says which requests are for a page in a tab at all. A
//! fragment that a script fetches stays as it is, byte for byte. [`decode`] makes pages readable that
//! come compressed, [`csp`] decides what a Content Security Policy must allow for the element, and
//! [`meta`] finds the policies that documents bring themselves. [`sources`] remembers what pages were
//! made from.

pub(crate) mod csp;
pub(crate) mod decode;
pub(crate) mod html;
pub(crate) mod meta;
pub(crate) mod placement;
mod prologue;
mod search;
pub(crate) mod sources;

use hyper::{
    Method, StatusCode,
    header::{ACCEPT, CONTENT_DISPOSITION, CONTENT_TYPE, HeaderMap, REFERER},
};

use crate::http::media_type;

/// Destinations (Fetch standard, "request destination") that become a document of their own.
const DOCUMENTS: [&str; 6] = ["document", "iframe", "frame", "fencedframe", "object", "embed"];

/// The field of a request by which browsers say what becomes of the answer, for `Vary`. What tells it
/// without this one ([`wanted`]) is not listed: a browser that does not send it keeps pages and what
/// scripts fetch under one name, and asks with the tag of what it has, which no other answer has.
pub(crate) const VARIES: &str = "Sec-Fetch-Dest";

/// Whether the answer to a request becomes a page in a tab or frame, as far as the request tells.
///
/// `Sec-Fetch-Dest` says it. Browsers send it only to trustworthy origins, which a host on the local
/// network is not, and tools do not send it at all. Without it, a request that comes from a page
/// (`Referer`, `X-Requested-With`, `HX-Request`) and does not ask for HTML by name is taken for a
/// script's.
pub(crate) fn wanted(method: &Method, request: &HeaderMap) -> bool {
    if method != Method::GET && method != Method::HEAD && method != Method::POST {
        return false;
    }
    let text = |name: &str| request.get(name).and_then(|value| value.to_str().ok());
    if let Some(destination) = text("sec-fetch-dest") {
        return DOCUMENTS.contains(&destination);
    }
    if request.contains_key("x-requested-with") || request.contains_key("hx-request") {
        return false;
    }
    asks_for_html(request) || !request.contains_key(REFERER)
}

/// Whether a request is somebody's going somewhere, in a tab or frame. Those who do not say so (see
/// [`wanted`]) ask for HTML by name.
pub(crate) fn navigates(request: &HeaderMap) -> bool {
    match request.get("sec-fetch-mode") {
        Some(mode) => mode == "navigate",
        None => asks_for_html(request),
    }
}

fn asks_for_html(request: &HeaderMap) -> bool {
    let mut accepted = request.get_all(ACCEPT).iter();
    accepted.any(|value| value.to_str().is_ok_and(|value| value.contains("text/html")))
}

/// Whether an answer is a page that the element can be added to, once it can be read.
pub(crate) fn possible(status: StatusCode, answer: &HeaderMap) -> bool {
    let text = |name| answer.get(name).and_then(|value| value.to_str().ok());
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
    !bodiless && !attachment && text(CONTENT_TYPE).is_some_and(media_type::is_html)
}

#[cfg(test)]
mod tests {
    use hyper::{
        Method, StatusCode,
        header::{HeaderMap, HeaderName, HeaderValue},
    };

    use super::{possible, wanted};

    fn headers(list: &[(&'static str, &'static str)]) -> HeaderMap {
        list.iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn pages_are_told_from_what_scripts_fetch() {
        let table: &[(&[(&str, &str)], bool)] = &[
            (&[], true),
            (&[("accept", "*/*")], true), // curl
            (&[("sec-fetch-dest", "document")], true),
            (&[("sec-fetch-dest", "iframe")], true),
            (&[("sec-fetch-dest", "empty")], false),
            (&[("sec-fetch-dest", "empty"), ("accept", "text/html")], false),
            (&[("sec-fetch-dest", "script")], false),
            (&[("referer", "http://10.0.0.2/"), ("accept", "*/*")], false),
            (&[("referer", "http://10.0.0.2/"), ("accept", "text/html,*/*")], true),
            (&[("hx-request", "true"), ("accept", "text/html")], false),
            (&[("x-requested-with", "XMLHttpRequest")], false),
        ];
        for (request, page) in table {
            assert_eq!(wanted(&Method::GET, &headers(request)), *page, "{request:?}");
        }
        assert!(!wanted(&Method::OPTIONS, &HeaderMap::new()));
    }

    #[test]
    fn only_whole_pages_are_changed() {
        let html = ("content-type", "text/html; charset=utf-8");
        let table: &[(u16, &[(&str, &str)], bool)] = &[
            (200, &[html], true),
            (404, &[html], true),
            (200, &[], false),
            (200, &[("content-type", "text/plain")], false),
            (204, &[html], false),
            (206, &[html], false),
            (304, &[html], false),
            (200, &[html, ("content-disposition", "Attachment; filename=a")], false),
            (200, &[html, ("content-disposition", "inline")], true),
        ];
        for (status, answer, page) in table {
            let status = StatusCode::from_u16(*status).unwrap();
            assert_eq!(possible(status, &headers(answer)), *page, "{status} {answer:?}");
        }
    }
}
