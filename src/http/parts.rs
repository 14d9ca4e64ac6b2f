//! A body made of parts: bytes in memory, and ranges of a file.
//!
//! The file is read on a blocking thread one chunk at a time, when the socket asks for more. Exactly
//! the announced length is sent: a file that grows meanwhile is cut there. One that shrinks or is
//! written over ends the connection before a part's last chunk, so that the client knows that it has no
//! whole part.

use std::{
    collections::VecDeque,
    fs::{File, Metadata},
    future::Future,
    io::{self, Read, Seek, SeekFrom},
    ops::Range,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::task::JoinHandle;

/// How much of a file is in memory at a time for each client that reads it.
const CHUNK: usize = 64 * 1024;

/// One part of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// These bytes.
    Bytes(Bytes),
    /// These of the content.
    Content(Range<u64>),
}

impl Part {
    /// How many bytes it has.
    pub(super) fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Content(range) => range.end.saturating_sub(range.start),
        }
    }
}

/// A file, and what it was when it was opened.
pub(super) struct Opened {
    pub(super) file: File,
    pub(super) metadata: Box<Metadata>,
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

    /// Reads the first chunk of a range. Blocking.
    fn read(&self, range: &Range<u64>) -> io::Result<Bytes> {
        let left = range.end - range.start;
        let wanted = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
        let mut chunk = vec![0; wanted];
        let mut file = &self.file;
        file.seek(SeekFrom::Start(range.start))?;
        let read = file.read(&mut chunk)?;
        let last = read as u64 == left;
        if read == 0 || (last && !self.is_unchanged()) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        chunk.truncate(read);
        Ok(Bytes::from(chunk))
    }
}

/// The body.
pub(super) struct PartsBody {
    parts: VecDeque<Part>,
    left: u64,
    state: State,
}

enum State {
    /// The file, where there is one and it could be read.
    Idle(Option<Opened>),
    Reading(JoinHandle<(Opened, io::Result<Bytes>)>),
}

impl PartsBody {
    /// Parts of a file, with what stands between them; without a file, none is of one.
    pub(super) fn new(file: Option<Opened>, parts: impl IntoIterator<Item = Part>) -> Self {
        let parts: VecDeque<_> = parts.into_iter().filter(|part| part.length() > 0).collect();
        Self { left: parts.iter().map(Part::length).sum(), parts, state: State::Idle(file) }
    }

    /// The next bytes, once they are read.
    fn poll_bytes(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        loop {
            match &mut self.state {
                State::Idle(file) => {
                    let range = match self.parts.pop_front() {
                        None => return Poll::Ready(None),
                        Some(Part::Bytes(bytes)) => return Poll::Ready(Some(Ok(bytes))),
                        Some(Part::Content(range)) => range,
                    };
                    let Some(file) = file.take() else {
                        return Poll::Ready(Some(Err(io::ErrorKind::NotFound.into())));
                    };
                    self.parts.push_front(Part::Content(range.clone()));
                    self.state = State::Reading(tokio::task::spawn_blocking(move || {
                        let read = file.read(&range);
                        (file, read)
                    }));
                }
                State::Reading(reading) => {
                    let (file, read) = match ready!(Pin::new(reading).poll(context)) {
                        Ok((file, read)) => (Some(file), read),
                        Err(stopped) => (None, Err(io::Error::other(stopped))),
                    };
                    self.state = State::Idle(file);
                    if let (Ok(chunk), Some(Part::Content(range))) = (&read, self.parts.front_mut())
                    {
                        range.start += chunk.len() as u64;
                        if range.is_empty() {
                            self.parts.pop_front();
                        }
                    }
                    return Poll::Ready(Some(read));
                }
            }
        }
    }
}

impl HttpBody for PartsBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Poll::Ready(match ready!(self.poll_bytes(context)) {
            None => None,
            Some(Ok(bytes)) => {
                self.left -= bytes.len() as u64;
                Some(Ok(Frame::data(bytes)))
            }
            Some(Err(why)) => {
                // After it, nothing.
                self.parts.clear();
                self.left = 0;
                Some(Err(why))
            }
        })
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }
}
