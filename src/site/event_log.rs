//! The last events of the server, `/__livers/logs`, one JSON object per line (NDJSON).
//!
//! A task of the server moves each event into a ring of lines. Every reader has a position in the
//! ring and no queue of its own, so a slow one costs nothing: what was overwritten before it was
//! read is replaced by one line with the number of lines that are lost.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http_body_util::StreamBody;
use hyper::{
    body::Frame,
    header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue},
};
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;

use crate::{
    event::{Event, Record},
    http::body::{self, BodyError, Response},
};

/// The most lines that are kept.
const MAX_LINES: usize = 200;

/// The most bytes that are kept. An event that is larger alone is lost.
const MAX_BYTES: usize = 1 << 20;

/// The last events of the server.
#[derive(Debug)]
pub(crate) struct EventLog {
    ring: Mutex<Ring>,
    /// The number of lines so far.
    written: watch::Sender<u64>,
    /// Ends the responses that follow.
    cancel: CancellationToken,
}

impl EventLog {
    /// Returns an empty log.
    pub(crate) fn new(cancel: CancellationToken) -> Arc<Self> {
        Arc::new(Self { ring: Mutex::default(), written: watch::Sender::default(), cancel })
    }

    /// Records events until the server stops or no more can be emitted.
    pub(crate) async fn record(self: Arc<Self>, mut events: broadcast::Receiver<Record>) {
        loop {
            let record = tokio::select! {
                () = self.cancel.cancelled() => return,
                received = events.recv() => match received {
                    Ok(record) => record,
                    Err(broadcast::error::RecvError::Lagged(count)) => {
                        Record::now(Event::Lost { count })
                    }
                    Err(broadcast::error::RecvError::Closed) => return,
                },
            };
            self.push(&record);
        }
    }

    fn push(&self, record: &Record) {
        let written = self.with_ring(|ring| {
            ring.push(line(record));
            ring.end()
        });
        self.written.send_replace(written);
    }

    /// Returns the response with the lines that are kept; with `follow`, also those to come, until
    /// the client leaves or the server stops.
    pub(super) fn response(self: &Arc<Self>, follow: bool) -> Response {
        let reader = Reader { log: Arc::clone(self), at: None, follow };
        let frames = stream::unfold(reader, |mut reader| async {
            let lines = reader.next().await?;
            Some((Ok::<_, BodyError>(Frame::data(lines)), reader))
        });
        let mut response = Response::new(body::stream(StreamBody::new(Box::pin(frames))));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }

    fn with_ring<T>(&self, run: impl FnOnce(&mut Ring) -> T) -> T {
        run(&mut self.ring.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Returns a record as a line of JSON.
fn line(record: &Record) -> Bytes {
    // No event has a value without a JSON form. If one had, it would be lost, not the server.
    let mut line = serde_json::to_vec(record).unwrap_or_default();
    line.push(b'\n');
    line.into()
}

/// A response's position in the log.
struct Reader {
    log: Arc<EventLog>,
    /// The number of the next line; `None` before the first.
    at: Option<u64>,
    follow: bool,
}

impl Reader {
    /// Returns the next lines, or `None` after the last.
    async fn next(&mut self) -> Option<Bytes> {
        let mut written = self.log.written.subscribe();
        loop {
            written.borrow_and_update();
            let (lines, at) = self.log.with_ring(|ring| ring.read(self.at));
            self.at = Some(at);
            if !lines.is_empty() {
                return Some(lines);
            }
            if !self.follow {
                return None;
            }
            tokio::select! {
                () = self.log.cancel.cancelled() => return None,
                changed = written.changed() => changed.ok()?,
            }
        }
    }
}

/// The last lines, numbered from 0 on.
#[derive(Debug, Default)]
struct Ring {
    lines: VecDeque<Bytes>,
    /// The number of the first line.
    begin: u64,
    /// The bytes of all lines.
    size: usize,
}

impl Ring {
    /// Returns the number of the next line.
    fn end(&self) -> u64 {
        self.begin + self.lines.len() as u64
    }

    fn push(&mut self, line: Bytes) {
        self.size += line.len();
        self.lines.push_back(line);
        while self.lines.len() > MAX_LINES || self.size > MAX_BYTES {
            let Some(line) = self.lines.pop_front() else { break };
            self.size -= line.len();
            self.begin += 1;
        }
    }

    /// Returns the lines from a number on, and the number of the next one. Without a number, it
    /// returns all lines; with one, a line that says how many are no longer kept comes first.
    fn read(&self, from: Option<u64>) -> (Bytes, u64) {
        let from = from.unwrap_or(self.begin);
        let mut text = BytesMut::new();
        if let Some(count) = self.begin.checked_sub(from).filter(|count| *count > 0) {
            text.extend_from_slice(&line(&Record::now(Event::Lost { count })));
        }
        let skip = usize::try_from(from.saturating_sub(self.begin)).unwrap_or(usize::MAX);
        self.lines.iter().skip(skip).for_each(|line| text.extend_from_slice(line));
        (text.freeze(), self.end())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http_body_util::BodyExt;
    use serde_json::Value;
    use tokio_util::sync::CancellationToken;

    use super::{EventLog, MAX_BYTES, MAX_LINES, Ring};
    use crate::event::{Event, Events};

    fn numbers(lines: &[u8]) -> Vec<u64> {
        let text = std::str::from_utf8(lines).unwrap();
        let objects = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let number = |object: &Value, name: &str| object[name].as_u64();
        objects
            .map(|object| number(&object, "open").or(number(&object, "count")).unwrap())
            .collect()
    }

    #[test]
    fn a_slow_reader_loses_the_oldest_lines_and_learns_how_many() {
        let mut ring = Ring::default();
        let line = |open: usize| Bytes::from(format!("{{\"open\":{open}}}\n"));
        (0..3).for_each(|open| ring.push(line(open)));
        let (lines, at) = ring.read(None);
        assert_eq!((numbers(&lines), at), (vec![0, 1, 2], 3));
        assert_eq!(ring.read(Some(at)), (Bytes::new(), 3));
        (3..MAX_LINES + 5).for_each(|open| ring.push(line(open)));
        let (lines, end) = ring.read(Some(at));
        assert_eq!(end, MAX_LINES as u64 + 5);
        assert_eq!(numbers(&lines)[..3], [2, 5, 6], "two are lost");
        assert_eq!(numbers(&lines).len(), MAX_LINES + 1);
        assert_eq!(numbers(&ring.read(None).0)[..2], [5, 6], "a new reader has lost nothing");
    }

    #[test]
    fn the_memory_of_the_log_is_bounded() {
        let mut ring = Ring::default();
        let line = |size: usize| Bytes::from(vec![b'x'; size]);
        for size in [MAX_BYTES / 2, MAX_BYTES / 2, 1] {
            ring.push(line(size));
        }
        assert_eq!((ring.begin, ring.lines.len(), ring.size), (1, 2, MAX_BYTES / 2 + 1));
        ring.push(line(MAX_BYTES + 1));
        assert_eq!((ring.begin, ring.lines.len(), ring.size), (4, 0, 0));
        ring.push(line(1));
        assert_eq!((ring.begin, ring.lines.len(), ring.size), (4, 1, 1));
    }

    #[tokio::test]
    async fn a_response_that_follows_ends_with_the_server() {
        let (events, cancel) = (Events::default(), CancellationToken::new());
        let log = EventLog::new(cancel.clone());
        let task = tokio::spawn(log.clone().record(events.subscribe()));
        let mut body = log.response(true).into_body();
        for open in 1..4 {
            events.emit(Event::Tabs { open });
            let lines = body.frame().await.unwrap().unwrap().into_data().unwrap();
            assert_eq!(numbers(&lines), [open as u64]);
        }
        let all = log.response(false).into_body().collect().await.unwrap().to_bytes();
        assert_eq!(numbers(&all), [1, 2, 3]);
        cancel.cancel();
        assert!(body.frame().await.is_none());
        task.await.unwrap();
    }
}
