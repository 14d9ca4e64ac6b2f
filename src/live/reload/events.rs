//! The reload messages as Server-Sent Events, `/__livers/events` (WHATWG HTML, 9.2).
//!
//! For networks where WebSockets do not pass, and for scripts (`curl -N`). A page puts its hello,
//! which it cannot send here, into the query; without one, everything is told.

use std::{
    pin::Pin,
    task::{Context as TaskContext, Poll},
    time::Duration,
};

use bytes::Bytes;
use hyper::{
    Request,
    body::{Body as HttpBody, Frame},
    header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue},
};
use percent_encoding::percent_decode_str;
use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval},
};

use super::{
    message::Said,
    socket::{Context, connected, greet},
};
use crate::{
    event::Event,
    http::body::{self, BodyError, Response},
};

/// How often a comment is sent, so that a stream without news is not taken for dead.
const COMMENT: Duration = Duration::from_secs(15);

/// Answers a request for the stream.
pub(crate) fn accept<B>(context: Context, request: &Request<B>) -> Response {
    let hello = request.uri().query().and_then(hello_in);
    // One event waits for the socket at a time; what comes meanwhile merges in the mailbox.
    let (sender, receiver) = mpsc::channel(1);
    context.tasks.clone().spawn(speak(context, hello, sender));
    let mut response = Response::new(body::stream(EventsBody(receiver)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The hello in a query, `hello=` and percent-encoded JSON.
fn hello_in(query: &str) -> Option<Said> {
    let value = query.split('&').find_map(|pair| pair.strip_prefix("hello="))?;
    Some(Said::from_json(&percent_decode_str(value).decode_utf8().ok()?))
}

async fn speak(context: Context, hello: Option<Said>, sender: mpsc::Sender<Bytes>) {
    let handle = context.hub.join();
    context.events.emit(Event::Tabs { open: context.hub.tabs() });
    let mut comments = interval(COMMENT);
    comments.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut next = Bytes::from(event(&connected(&context.hub)));
    if let Some(Said::Hello(hello)) = hello {
        greet(&handle, &context.recall, &hello).await;
    }
    comments.reset();
    loop {
        let sent = tokio::select! {
            () = context.cancel.cancelled() => break,
            sent = sender.send(next) => sent,
        };
        if sent.is_err() {
            break;
        }
        next = tokio::select! {
            () = context.cancel.cancelled() => break,
            () = sender.closed() => break,
            events = async {
                loop {
                    handle.changed().await;
                    let events: String =
                        handle.messages().map(|message| event(&message.to_json())).collect();
                    if !events.is_empty() {
                        break events;
                    }
                }
            } => events.into(),
            _ = comments.tick() => Bytes::from_static(b":\n\n"),
        };
    }
    drop(handle);
    context.events.emit(Event::Tabs { open: context.hub.tabs() });
}

/// A message as one event. JSON has no line breaks of its own.
fn event(message: &str) -> String {
    format!("data: {message}\n\n")
}

/// The events as they come.
struct EventsBody(mpsc::Receiver<Bytes>);

impl HttpBody for EventsBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut TaskContext<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.0.poll_recv(context).map(|event| event.map(|event| Ok(Frame::data(event))))
    }
}

#[cfg(test)]
mod tests {
    use super::{Said, hello_in};

    #[test]
    fn a_hello_is_found_in_the_query() {
        let hello = |query: &str| match hello_in(query) {
            Some(Said::Hello(hello)) => Some(hello.page),
            _ => None,
        };
        let json = "%7B%22type%22%3A%22hello%22%2C%22page%22%3A%22%2Fa%2520b%22%7D";
        assert_eq!(hello(&format!("hello={json}")).as_deref(), Some("/a%20b"));
        assert_eq!(hello(&format!("x=1&hello={json}&y")).as_deref(), Some("/a%20b"));
        for query in ["", "hello", "hello=", "hello=%7B", "hello=%ff", "x=1"] {
            assert_eq!(hello(query), None, "{query}");
        }
    }
}
