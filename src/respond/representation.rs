//! What there is to send, before a request's conditions are looked at.

use std::{
    fs::{File, Metadata},
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
    /// A file, streamed, as it was when it was opened.
    File(File, Box<Metadata>),
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
            Self::File(_, metadata) => Some(metadata.len()),
            Self::Stream(_) => None,
        }
    }

    /// The content as a body.
    pub(crate) fn into_body(self) -> Body {
        match self {
            Self::Bytes(bytes) => body::full(bytes),
            Self::File(file, metadata) => body::stream(FileBody::new(Opened { file, metadata })),
            Self::Stream(body) => body,
        }
    }
}

/// A file, read on a blocking thread one chunk at a time, when the socket asks for more.
///
/// Exactly the announced length is sent: a file that grows meanwhile is cut there. One that shrinks or
/// is written over ends the connection before its last chunk, so that the client knows that it has no
/// whole file.
struct FileBody {
    state: State,
    left: u64,
}

/// A file, and what it was when it was opened.
struct Opened {
    file: File,
    metadata: Box<Metadata>,
}

impl Opened {
    /// Whether what was opened is still there; more may have been added to it, as to a log. Blocking.
    fn is_unchanged(&self) -> bool {
        let modified = |metadata: &Metadata| metadata.modified().ok();
        self.file.metadata().is_ok_and(|now| {
            now.len() > self.metadata.len()
                || (now.len() == self.metadata.len() && modified(&now) == modified(&self.metadata))
        })
    }
}

enum State {
    Idle(Option<Opened>),
    Reading(JoinHandle<(Opened, io::Result<Bytes>)>),
}

impl FileBody {
    fn new(opened: Opened) -> Self {
        Self { left: opened.metadata.len(), state: State::Idle(Some(opened)) }
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
                State::Idle(opened) => {
                    let Some(opened) = opened.take() else { return Poll::Ready(None) };
                    let left = self.left;
                    self.state = State::Reading(tokio::task::spawn_blocking(move || {
                        let read = read(&opened, left);
                        (opened, read)
                    }));
                }
                State::Reading(reading) => {
                    let (opened, read) = match ready!(Pin::new(reading).poll(context)) {
                        Ok((opened, read)) => (Some(opened), read),
                        Err(stopped) => (None, Err(io::Error::other(stopped))),
                    };
                    self.state = State::Idle(opened);
                    return Poll::Ready(Some(match read {
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

/// Reads the next chunk of what is left. Blocking.
fn read(opened: &Opened, left: u64) -> io::Result<Bytes> {
    let wanted = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
    let mut chunk = vec![0; wanted];
    let read = (&opened.file).read(&mut chunk)?;
    let last = read as u64 == left;
    if read == 0 || (last && !opened.is_unchanged()) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    chunk.truncate(read);
    Ok(Bytes::from(chunk))
}
