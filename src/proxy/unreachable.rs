//! What the browser gets instead of a backend's answer.
//!
//! A navigation gets a page that names the backend, what failed and what to do; anything else gets
//! the same in one sentence of text. The page has no script of its own: the live client comes into
//! it as into every page, and reloads it when the backend is up.

use std::time::Duration;

use hyper::{
    StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue},
};

use super::dial::Unreachable;
use crate::http::{
    body::{Response, full},
    page::{Escaped, document},
};

/// What failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// No connection could be opened.
    Unreachable(Unreachable),
    /// It took the request, and nothing came back for so long.
    Slow(Duration),
    /// It took the request, and what came back is no answer.
    Broken(String),
    /// The request cannot be passed on as it is.
    Request(StatusCode, &'static str),
    /// livers itself is about to end.
    Stopping,
}

impl Trouble {
    fn status(&self) -> StatusCode {
        match self {
            Self::Slow(_) | Self::Unreachable(Unreachable { timed_out: true, .. }) => {
                StatusCode::GATEWAY_TIMEOUT
            }
            Self::Unreachable(_) | Self::Broken(_) => StatusCode::BAD_GATEWAY,
            Self::Request(status, _) => *status,
            Self::Stopping => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// What the backend did, in words.
    pub(super) fn why(&self) -> String {
        match self {
            Self::Unreachable(Unreachable { why, .. }) | Self::Broken(why) => why.clone(),
            Self::Slow(limit) => format!("none within {} seconds", limit.as_secs_f64()),
            Self::Request(_, why) => (*why).to_owned(),
            Self::Stopping => String::new(),
        }
    }

    fn sentence(&self, backend: &str) -> String {
        match self {
            Self::Unreachable(why) => format!("{backend} cannot be reached: {why}"),
            Self::Slow(_) | Self::Broken(_) => format!("{backend} gave no answer: {}", self.why()),
            Self::Request(_, why) => format!("This request cannot be passed on: {why}"),
            Self::Stopping => "livers is stopping".to_owned(),
        }
    }

    fn advice(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => {
                "Start it, or correct the route in --proxy. This page comes alive by itself as \
                 soon as the backend is up."
            }
            Self::Slow(_) => {
                "The backend is running but busy, or it waits for something. If it only needs more \
                 time, start livers with a longer --proxy-timeout."
            }
            Self::Broken(_) => {
                "The backend is running but did not finish this request. Its own log says more; \
                 then reload this page."
            }
            Self::Request(..) => "Nothing is wrong with the backend.",
            Self::Stopping => "Start it again, then reload this page.",
        }
    }
}

/// The answer, as a page for a navigation and as text for anything else.
pub(super) fn answer(backend: &str, trouble: &Trouble, navigation: bool) -> Response {
    let sentence = trouble.sentence(backend);
    let (media_type, content) = if navigation {
        ("text/html; charset=utf-8", page(backend, &sentence, trouble))
    } else {
        ("text/plain; charset=utf-8", format!("{sentence}\n"))
    };
    let mut response = Response::new(full(content));
    *response.status_mut() = trouble.status();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn page(backend: &str, sentence: &str, trouble: &Trouble) -> String {
    let (status, advice) = (trouble.status(), trouble.advice());
    let body = format!("<p>{status}</p>\n<h1>{}</h1>\n<p>{advice}</p>\n", Escaped(sentence));
    document(&format!("{backend}: no answer"), &body)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http_body_util::BodyExt;

    use super::{Trouble, Unreachable, answer};

    const BACKEND: &str = "http://localhost:3000";

    async fn text(trouble: &Trouble, navigation: bool) -> (u16, String, String) {
        let response = answer(BACKEND, trouble, navigation);
        assert_eq!(response.headers()["cache-control"], "no-store");
        let media_type = response.headers()["content-type"].to_str().unwrap().to_owned();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, media_type, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_navigation_gets_a_page_and_a_fetch_a_sentence() {
        let refused = Trouble::Unreachable("connection refused".to_owned().into());
        let (status, media_type, body) = text(&refused, true).await;
        assert_eq!((status, media_type.as_str()), (502, "text/html; charset=utf-8"));
        assert!(body.contains("<h1>http://localhost:3000 cannot be reached: connection refused<"));
        assert!(body.contains("alive by itself") && !body.contains("<script"));
        let (status, media_type, body) = text(&refused, false).await;
        assert_eq!((status, media_type.as_str()), (502, "text/plain; charset=utf-8"));
        assert_eq!(body, "http://localhost:3000 cannot be reached: connection refused\n");
    }

    #[tokio::test]
    async fn who_is_silent_is_told_from_who_refuses() {
        let silent = Unreachable { why: "no answer within 5 seconds".into(), timed_out: true };
        let (status, _, body) = text(&Trouble::Unreachable(silent), false).await;
        assert_eq!((status, body.contains("no answer within 5 seconds")), (504, true));
        let (status, _, body) = text(&Trouble::Slow(Duration::from_secs(9)), true).await;
        assert_eq!((status, body.contains("no answer: none within 9 seconds")), (504, true));
    }

    #[tokio::test]
    async fn what_failed_is_only_ever_text() {
        let hostile = Trouble::Broken("<script>alert('&\"')</script>".into());
        let (status, _, body) = text(&hostile, true).await;
        assert_eq!(status, 502);
        assert!(body.contains("&lt;script&gt;alert(&#39;&amp;&quot;&#39;)&lt;/script&gt;"));
        assert!(!body.contains("<script>"));
    }
}
