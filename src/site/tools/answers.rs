//! `wait` and `reload`.

use hyper::StatusCode;
use serde_json::json;

use super::{Site, json, json_with};
use crate::http::{body::Response, url_path::UrlPath};

impl Site {
    /// Answers `POST /__livers/reload`: reloads the tabs of a `page`, or all tabs.
    pub(super) fn reload_tabs(&self, query: &str) -> Response {
        let page = match parameter(query, "page").map(|page| UrlPath::parse(&page)) {
            None => None,
            Some(Ok(page)) => Some(page.to_string()),
            Some(Err(_)) => return usage("page is no URL path"),
        };
        json(&json!({ "reloaded": self.live.hub().reload(page.as_deref()) }))
    }

    /// Answers `GET /__livers/wait`.
    pub(super) async fn wait(&self, _query: &str) -> Response {
        usage("not implemented")
    }
}

/// Returns the response to a question that makes no sense.
fn usage(why: &str) -> Response {
    json_with(StatusCode::BAD_REQUEST, &json!({ "error": why }))
}

/// Returns the value of a parameter of a query.
fn parameter(query: &str, name: &str) -> Option<String> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.into_iter().find(|(key, _)| *key == name)?;
    let value = value.replace('+', " ");
    Some(percent_encoding::percent_decode_str(&value).decode_utf8_lossy().into_owned())
}
