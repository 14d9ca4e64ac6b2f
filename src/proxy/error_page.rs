//! The response that replaces one that a backend did not send.
//!
//! A navigation gets a page that names the backend, the error and the remedy; any other request
//! gets the same in one line of text. The client script is injected into the page like into any
//! other, and reloads it once the backend is up.

use std::fmt;

use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};

use super::{error::ProxyError, route::Route, upstream::Upstream};
use crate::http::{
    body::{Response, full},
    page::{Escaped, document},
};

/// What a response calls the backend.
#[derive(Clone, Copy)]
pub(super) enum Backend<'b> {
    /// Its address, for people at this machine.
    Address(&'b Upstream),
    /// The prefix of its route, for all others.
    Prefix(&'b str),
}

impl<'b> Backend<'b> {
    /// `local`: the request was sent on this machine.
    pub(super) fn new(route: &'b Route, local: bool) -> Self {
        if local { Self::Address(route.upstream()) } else { Self::Prefix(route.prefix()) }
    }
}

impl fmt::Display for Backend<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(upstream) => upstream.fmt(f),
            Self::Prefix(prefix) => write!(f, "The backend of {prefix}"),
        }
    }
}

/// Returns a page for a navigation, and text for any other request.
pub(super) fn response(backend: Backend<'_>, error: &ProxyError, navigation: bool) -> Response {
    let summary = summary(backend, error);
    let (media_type, content) = if navigation {
        ("text/html; charset=utf-8", page(backend, &summary, error))
    } else {
        ("text/plain; charset=utf-8", format!("{summary}\n"))
    };
    let mut response = Response::new(full(content));
    *response.status_mut() = error.status();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn summary(backend: Backend<'_>, error: &ProxyError) -> String {
    match (error, backend) {
        // The reason can name addresses, too.
        (ProxyError::Unreachable(_), Backend::Prefix(_)) => format!("{backend} is unreachable"),
        (ProxyError::Unreachable(_), Backend::Address(_)) => {
            format!("{backend} is unreachable: {error}")
        }
        (ProxyError::Timeout(_) | ProxyError::BadResponse(_), _) => {
            format!("{backend} failed to respond: {error}")
        }
        (ProxyError::BadRequest(..), _) => format!("This request cannot be forwarded: {error}"),
        (ProxyError::ShuttingDown, _) => error.to_string(),
    }
}

fn advice(error: &ProxyError) -> &'static str {
    match error {
        ProxyError::Unreachable(_) => {
            "Start the backend, or correct the proxy route. This page reloads as soon as the backend \
             is up."
        }
        ProxyError::Timeout(_) => {
            "The backend accepted the request, but it is busy or waiting for something. If it needs \
             more time, raise proxy-timeout."
        }
        ProxyError::BadResponse(_) => {
            "The backend accepted the request, but did not complete it. Look at the log of the \
             backend, then reload this page."
        }
        ProxyError::BadRequest(..) => "The backend did not receive the request.",
        ProxyError::ShuttingDown => "Start livers again, then reload this page.",
    }
}

fn page(backend: Backend<'_>, summary: &str, error: &ProxyError) -> String {
    let (status, advice) = (error.status(), advice(error));
    let body = format!("<p>{status}</p>\n<h1>{}</h1>\n<p>{advice}</p>\n", Escaped(summary));
    document(&format!("{backend}: no response"), &body)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http_body_util::BodyExt;

    use super::{Backend, response};
    use crate::proxy::{
        error::{ConnectError, ProxyError},
        upstream::Upstream,
    };

    /// Returns status, media type and body.
    async fn parts(error: &ProxyError, navigation: bool) -> (u16, String, String) {
        let upstream = Upstream::parse("/", "localhost:3000").unwrap();
        let response = response(Backend::Address(&upstream), error, navigation);
        assert_eq!(response.headers()["cache-control"], "no-store");
        let media_type = response.headers()["content-type"].to_str().unwrap().to_owned();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, media_type, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn navigation_gets_a_page_and_other_requests_get_text() {
        let refused = ProxyError::Unreachable("connection refused".to_owned().into());
        let (status, media_type, body) = parts(&refused, true).await;
        assert_eq!((status, media_type.as_str()), (502, "text/html; charset=utf-8"));
        assert!(body.contains("<h1>http://localhost:3000 is unreachable: connection refused<"));
        assert!(body.contains("reloads as soon as") && !body.contains("<script"));
        let (status, media_type, body) = parts(&refused, false).await;
        assert_eq!((status, media_type.as_str()), (502, "text/plain; charset=utf-8"));
        assert_eq!(body, "http://localhost:3000 is unreachable: connection refused\n");
    }

    #[tokio::test]
    async fn other_machines_learn_no_address() {
        let reason = "the certificate is not valid for 10.0.0.7".to_owned();
        let unreachable = ProxyError::Unreachable(reason.into());
        let response = response(Backend::Prefix("/api"), &unreachable, false);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, "The backend of /api is unreachable\n");
    }

    #[tokio::test]
    async fn timeouts_are_504() {
        let silent = ConnectError { reason: "no answer within 5 seconds".into(), timed_out: true };
        let (status, _, body) = parts(&ProxyError::Unreachable(silent), false).await;
        assert_eq!((status, body.contains("no answer within 5 seconds")), (504, true));
        let (status, _, body) = parts(&ProxyError::Timeout(Duration::from_secs(9)), true).await;
        assert_eq!((status, body.contains("no response within 9 seconds")), (504, true));
    }

    #[tokio::test]
    async fn error_text_is_escaped() {
        let hostile = ProxyError::BadResponse("<script>alert('&\"')</script>".into());
        let (status, _, body) = parts(&hostile, true).await;
        assert_eq!(status, 502);
        assert!(body.contains("&lt;script&gt;alert(&#39;&amp;&quot;&#39;)&lt;/script&gt;"));
        assert!(!body.contains("<script>"));
    }
}
