//! How long the head of an answer may take.
//!
//! A backend that never answers looks like a long poll. But only a script polls: a browser says for
//! what it asks (`Sec-Fetch-Dest`), and a page, a picture or a style sheet does not take minutes
//! unless something is wrong. Those are given up, with a 504. What a script fetches, a WebSocket, a
//! stream of events, and whatever a tool asks for, are waited for as long as their client waits.

use std::time::Duration;

use hyper::{
    HeaderMap,
    header::{HeaderName, UPGRADE_INSECURE_REQUESTS},
};

const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// Longer than any page of a backend that is well; enough to look around at most breakpoints.
const LONG: Duration = Duration::from_mins(2);

/// How long to wait for the answer to a request, if not for ever.
pub(super) fn of(request: &HeaderMap, long: Option<Duration>) -> Option<Duration> {
    let bounded = match request.get(SEC_FETCH_DEST) {
        Some(destination) => destination != "empty" && destination != "websocket",
        // Sent with each navigation, also to hosts that are told nothing more.
        None => request.contains_key(UPGRADE_INSECURE_REQUESTS),
    };
    bounded.then_some(long.unwrap_or(LONG)).filter(|long| !long.is_zero())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hyper::{HeaderMap, header::HeaderName};

    use super::{LONG, of};

    #[test]
    fn only_what_cannot_be_a_long_poll_is_bounded() {
        let table: [(&[(&str, &str)], bool); 7] = [
            (&[], false),
            (&[("sec-fetch-dest", "empty")], false),
            (&[("sec-fetch-dest", "websocket")], false),
            (&[("sec-fetch-dest", "empty"), ("upgrade-insecure-requests", "1")], false),
            (&[("sec-fetch-dest", "document")], true),
            (&[("sec-fetch-dest", "image")], true),
            (&[("upgrade-insecure-requests", "1")], true),
        ];
        for (fields, bounded) in table {
            let request: HeaderMap = fields
                .iter()
                .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
                .collect();
            assert_eq!(of(&request, None), bounded.then_some(LONG), "{fields:?}");
            let short = Duration::from_secs(1);
            assert_eq!(of(&request, Some(short)), bounded.then_some(short), "{fields:?}");
            assert_eq!(of(&request, Some(Duration::ZERO)), None, "for ever");
        }
    }
}
