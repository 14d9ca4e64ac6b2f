//! Time limit for the head of a response.
//!
//! A backend that never responds looks like a long poll. Only scripts poll, though, and browsers
//! say what a request is for (`Sec-Fetch-Dest`): a page, an image or a style sheet that takes
//! minutes is an error, and gets a 504. Requests of scripts, WebSockets, event streams and requests
//! of other tools have no limit: they wait as long as their client does.

use std::time::Duration;

use hyper::{
    HeaderMap,
    header::{HeaderName, UPGRADE_INSECURE_REQUESTS},
};

const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// Returns the time limit for a request, or `None` if it has none. A `configured` limit of zero
/// disables limits.
pub(super) fn response_limit(request: &HeaderMap, configured: Duration) -> Option<Duration> {
    let limited = match request.get(SEC_FETCH_DEST) {
        Some(destination) => destination != "empty" && destination != "websocket",
        // Browsers send this with each navigation, also to hosts that get no `Sec-Fetch-*`.
        None => request.contains_key(UPGRADE_INSECURE_REQUESTS),
    };
    (limited && !configured.is_zero()).then_some(configured)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hyper::{HeaderMap, header::HeaderName};

    use super::response_limit;

    #[test]
    fn only_requests_that_cannot_be_long_polls_are_limited() {
        let table: [(&[(&str, &str)], bool); 7] = [
            (&[], false),
            (&[("sec-fetch-dest", "empty")], false),
            (&[("sec-fetch-dest", "websocket")], false),
            (&[("sec-fetch-dest", "empty"), ("upgrade-insecure-requests", "1")], false),
            (&[("sec-fetch-dest", "document")], true),
            (&[("sec-fetch-dest", "image")], true),
            (&[("upgrade-insecure-requests", "1")], true),
        ];
        for (fields, limited) in table {
            let request: HeaderMap = fields
                .iter()
                .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
                .collect();
            let limit = Duration::from_secs(1);
            assert_eq!(response_limit(&request, limit), limited.then_some(limit), "{fields:?}");
            assert_eq!(response_limit(&request, Duration::ZERO), None, "{fields:?}");
        }
    }
}
