//! What a request tells about the code that made it (Fetch Metadata, `Origin`, `Referer`).
//!
//! A service worker that answers with `fetch(event.request)` replaces the destination by `empty`,
//! which `fetch()` in a page has as well. Chromium distinguishes the two elsewhere: the request for
//! a module keeps its `Origin`, which a page's own `GET` for its origin does not have. If the
//! worker changes the request, as MSW does, `Referer` names the script of the worker, while it
//! names the page for `fetch()` in any of its scripts.

use std::path::Path;

use hyper::header::{HeaderMap, ORIGIN, REFERER};

use super::file_type::Language;

/// The headers that tell which kind of code a request is for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FetchMetadata<'r> {
    /// `Sec-Fetch-Dest`.
    pub(super) dest: Option<&'r str>,
    /// `Sec-Fetch-Mode`.
    pub(super) mode: Option<&'r str>,
    /// Whether a script other than a page's made the request, or a page imports a module.
    pub(super) from_script: bool,
}

impl<'r> FetchMetadata<'r> {
    /// The request for a module that a page imports.
    pub(crate) const MODULE: Self =
        Self { dest: Some("script"), mode: Some("cors"), from_script: false };

    /// Reads the headers of a request.
    pub(crate) fn of(headers: &'r HeaderMap) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let is_own = text("sec-fetch-site") == Some("same-origin");
        let is_of_script = || text(REFERER.as_str()).is_some_and(is_script);
        Self {
            dest: text("sec-fetch-dest"),
            mode: text("sec-fetch-mode"),
            from_script: is_own && (headers.contains_key(ORIGIN) || is_of_script()),
        }
    }
}

/// Returns whether a URL has the extension of a script.
fn is_script(url: &str) -> bool {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let path = url[..end].split_once("://").and_then(|(_, rest)| rest.split_once('/'));
    path.is_some_and(|(_, path)| Language::of(Path::new(path)).is_some())
}

#[cfg(test)]
mod tests {
    use hyper::header::{HeaderMap, HeaderName, HeaderValue};

    use super::FetchMetadata;

    #[test]
    fn requests_of_service_workers_and_imports_are_told_from_those_of_pages() {
        let ours = ("sec-fetch-site", "same-origin");
        let table: &[(&[(&str, &str)], bool)] = &[
            (&[], false),
            (&[ours], false),
            (&[ours, ("origin", "http://localhost")], true),
            (&[("sec-fetch-site", "cross-site"), ("origin", "http://a.example")], false),
            (&[ours, ("referer", "http://localhost/a.html?x=/b.js")], false),
            (&[ours, ("referer", "http://localhost/")], false),
            (&[ours, ("referer", "http://site.js")], false),
            (&[ours, ("referer", "http://localhost/sw.js?v=1.2")], true),
            (&[ours, ("referer", "http://localhost/src/App.tsx#a")], true),
            (&[("referer", "http://localhost/sw.js")], false),
        ];
        for (request, expected) in table {
            let fields = request.iter().map(|(name, value)| {
                (HeaderName::from_static(name), HeaderValue::from_static(value))
            });
            let headers = fields.collect::<HeaderMap>();
            assert_eq!(FetchMetadata::of(&headers).from_script, *expected, "{request:?}");
        }
    }
}
