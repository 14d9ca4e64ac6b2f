//! What there is to send, before a request's conditions are looked at.

use std::{
    fs::File,
    future::Future,
    io::{self, Read},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use hyper::{
    Method, StatusCode,
    body::{Body as HttpBody, Frame, SizeHint},
    header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, VARY},
};
use tokio::task::JoinHandle;

use super::{
    body::{self, Body, Response},
    conditional::{EntityTag, not_modified},
};

/// How much of a file is in memory at a time for each client that reads it.
const CHUNK: usize = 64 * 1024;

/// A representation (RFC 9110, section 3.2): a media type, a validator, and the content.
#[derive(Debug)]
pub(crate) struct Representation {
    /// The status of the answer where the content is sent.
    pub(crate) status: StatusCode,
    /// The value of `Content-Type`.
    pub(crate) content_type: HeaderValue,
    /// The validator, of the very bytes that are sent. Without one there is no 304.
    pub(crate) tag: Option<EntityTag>,
    /// The bytes.
    pub(crate) content: Content,
    /// Whether what the content is for (a tab, a script) made a difference.
    pub(crate) varies: bool,
}

/// Where the bytes come from.
#[derive(Debug)]
pub(crate) enum Content {
    /// Memory.
    Bytes(Bytes),
    /// A file, streamed, of so many bytes.
    File(File, u64),
    /// Something that is made while it is sent; its length is not known.
    Stream(Body),
}

impl Representation {
    /// Text or markup in memory.
    pub(crate) fn of_bytes(
        status: StatusCode,
        content_type: &'static str,
        bytes: impl Into<Bytes>,
    ) -> Self {
        let bytes = bytes.into();
        Self {
            status,
            content_type: HeaderValue::from_static(content_type),
            tag: (status == StatusCode::OK).then(|| EntityTag::of(&bytes)),
            content: Content::Bytes(bytes),
            varies: false,
        }
    }

    /// The answer to a GET or a HEAD.
    ///
    /// `no-cache` lets a browser keep its copy but not use it without asking (RFC 9111, section
    /// 5.2.2.4), so that no reload ever shows an old file.
    pub(crate) fn answer(self, method: &Method, request: &HeaderMap) -> Response {
        let mut response = Response::new(body::empty());
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        if self.varies {
            headers.insert(VARY, HeaderValue::from_static("Sec-Fetch-Dest"));
        }
        if let Some(tag) = &self.tag {
            headers.insert(ETAG, tag.value());
            if not_modified(request, tag) {
                *response.status_mut() = StatusCode::NOT_MODIFIED;
                return response;
            }
        }
        headers.insert(CONTENT_TYPE, self.content_type);
        if let Some(length) = self.content.length() {
            headers.insert(CONTENT_LENGTH, length.into());
        }
        *response.status_mut() = self.status;
        if method != Method::HEAD {
            *response.body_mut() = self.content.into_body();
        }
        response
    }
}

impl Content {
    fn length(&self) -> Option<u64> {
        match self {
            Self::Bytes(bytes) => Some(bytes.len() as u64),
            Self::File(_, length) => Some(*length),
            Self::Stream(_) => None,
        }
    }

    /// The content as a body.
    pub(crate) fn into_body(self) -> Body {
        match self {
            Self::Bytes(bytes) => body::full(bytes),
            Self::File(file, length) => body::stream(FileBody::new(file, length)),
            Self::Stream(body) => body,
        }
    }
}

/// A file, read on a blocking thread one chunk at a time, when the socket asks for more.
///
/// Exactly the announced length is sent: a file that grows meanwhile is cut there, one that shrinks
/// ends the connection, so that the client knows.
struct FileBody {
    state: State,
    left: u64,
}

enum State {
    Idle(Option<File>),
    Reading(JoinHandle<(File, io::Result<Bytes>)>),
}

impl FileBody {
    fn new(file: File, length: u64) -> Self {
        Self { state: State::Idle(Some(file)), left: length }
    }
}

impl HttpBody for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        loop {
            match &mut self.state {
                State::Idle(file) => {
                    let Some(mut file) = file.take() else { return Poll::Ready(None) };
                    let wanted = usize::try_from(self.left).unwrap_or(CHUNK).min(CHUNK);
                    self.state = State::Reading(tokio::task::spawn_blocking(move || {
                        let mut chunk = vec![0; wanted];
                        let read = file.read(&mut chunk).map(|read| {
                            chunk.truncate(read);
                            Bytes::from(chunk)
                        });
                        (file, read)
                    }));
                }
                State::Reading(reading) => {
                    let (file, read) = match ready!(Pin::new(reading).poll(context)) {
                        Ok((file, read)) => (Some(file), read),
                        Err(stopped) => (None, Err(io::Error::other(stopped))),
                    };
                    self.state = State::Idle(file);
                    return Poll::Ready(Some(match read {
                        Ok(chunk) if chunk.is_empty() => {
                            self.left = 0;
                            Err(io::ErrorKind::UnexpectedEof.into())
                        }
                        Ok(chunk) => {
                            self.left -= chunk.len() as u64;
                            Ok(Frame::data(chunk))
                        }
                        Err(why) => {
                            self.left = 0;
                            Err(why)
                        }
                    }));
                }
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }
}
