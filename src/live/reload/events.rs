//! The reload messages as Server-Sent Events, `/__livers/events` (WHATWG HTML, section 9.2).
//!
//! For networks that block WebSockets, and for scripts (`curl -N`). A page cannot send its hello
//! over the stream, so it puts it into the query; without one, the client is notified of every
//! change.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::stream;
use http_body_util::StreamBody;
use hyper::{
    Request,
    body::Frame,
    header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue},
};
use percent_encoding::percent_decode_str;
use tokio::time::{Instant, sleep_until};

use super::{
    message::{ClientMessage, Hello},
    session::{Context, TabCount, connected, greet},
    tab_handle::TabHandle,
    tab_record::ClientInfo,
};
use crate::http::body::{self, BodyError, Response};

/// How often a comment is sent, so that no proxy takes an idle stream for a dead one.
const COMMENT: Duration = Duration::from_secs(15);

/// Answers a request for the stream.
pub(crate) fn accept<B>(
    context: Arc<Context>,
    request: &Request<B>,
    client: ClientInfo,
) -> Response {
    let hello = request.uri().query().and_then(hello_in);
    let tab = TabHandle::join(Arc::clone(&context.hub), client);
    let count = TabCount::new(Arc::clone(&context));
    let events = Events { tab, _count: count, context, connected: false, hello };
    let frames = stream::unfold(events, |mut events| async {
        let event = events.next().await?;
        Some((Ok::<_, BodyError>(Frame::data(event)), events))
    });
    // Pinned on the heap: a body is moved.
    let mut response = Response::new(body::stream(StreamBody::new(Box::pin(frames))));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Returns the hello in a query: `hello=` and percent-encoded JSON.
fn hello_in(query: &str) -> Option<Hello> {
    let value = query.split('&').find_map(|pair| pair.strip_prefix("hello="))?;
    match ClientMessage::from_json(&percent_decode_str(value).decode_utf8().ok()?) {
        ClientMessage::Hello(hello) => Some(hello),
        _ => None,
    }
}

/// An open stream. Messages that the client has not read yet are merged in the mailbox.
struct Events {
    tab: TabHandle,
    /// Dropped after the tab has left.
    _count: TabCount,
    context: Arc<Context>,
    /// Whether the first event was sent.
    connected: bool,
    /// The hello, until it was taken in.
    hello: Option<Hello>,
}

impl Events {
    /// Returns the next event, or `None` when livers stops.
    async fn next(&mut self) -> Option<Bytes> {
        if !std::mem::replace(&mut self.connected, true) {
            return Some(event(&connected(&self.context.hub)).into());
        }
        if let Some(hello) = self.hello.take() {
            greet(&self.tab, &self.context.changes, &hello).await;
        }
        let comment = Instant::now() + COMMENT;
        loop {
            let events: String = self.tab.take().frames().map(|message| event(&message)).collect();
            if !events.is_empty() {
                return Some(events.into());
            }
            tokio::select! {
                () = self.context.cancel.cancelled() => return None,
                () = self.tab.changed() => {}
                () = sleep_until(comment) => return Some(Bytes::from_static(b":\n\n")),
            }
        }
    }
}

/// Returns a message as one event. JSON has no line breaks.
fn event(message: &str) -> String {
    format!("data: {message}\n\n")
}

#[cfg(test)]
mod tests {
    use super::hello_in;

    #[test]
    fn the_hello_is_read_from_the_query() {
        let page = |query: &str| hello_in(query).map(|hello| hello.page);
        let json = "%7B%22type%22%3A%22hello%22%2C%22page%22%3A%22%2Fa%2520b%22%7D";
        assert_eq!(page(&format!("hello={json}")).as_deref(), Some("/a%20b"));
        assert_eq!(page(&format!("x=1&hello={json}&y")).as_deref(), Some("/a%20b"));
        for query in ["", "hello", "hello=", "hello=%7B", "hello=%ff", "x=1"] {
            assert_eq!(page(query), None, "{query}");
        }
    }
}
