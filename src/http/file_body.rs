//! Response bodies that are streamed from an open file.
//!
//! A body is a list of [`Part`]s: ranges of the file, and bytes in memory between them. The file is
//! read on a blocking thread, one chunk at a time, when the socket is ready for more. Buffers are
//! reused within a body: a fresh one would cost page faults for each chunk.
//!
//! Exactly the announced length is sent: a file that grows meanwhile is cut there. When the file
//! has shrunk or was overwritten, the body fails before the last chunk of a range, so that the
//! client knows that the range is not intact.

use std::{
    collections::VecDeque,
    fs::{File, Metadata},
    future::Future,
    io::{self, Read, Seek, SeekFrom},
    ops::{Range, RangeInclusive},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::task::JoinHandle;

/// The smallest and the largest size of a chunk, bytes. A large one costs few hops to a blocking
/// thread.
const CHUNK: RangeInclusive<u64> = 64 * 1024..=1024 * 1024;

/// A chunk is this part of what was sent before, so that a client which stops reading early costs
/// little memory.
const GROWTH: u64 = 16;

/// One part of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Bytes(Bytes),
    /// A range of the file.
    Content(Range<u64>),
}

impl Part {
    /// Returns the length in bytes.
    pub(super) fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Content(range) => range.end.saturating_sub(range.start),
        }
    }
}

/// An open file, and its metadata when it was opened.
pub(super) struct OpenFile {
    file: File,
    metadata: Box<Metadata>,
    buffers: Arc<Buffers>,
}

impl OpenFile {
    pub(super) fn new(file: File, metadata: Box<Metadata>) -> Self {
        Self { file, metadata, buffers: Arc::default() }
    }

    /// Whether the file still has the content that it was opened with. Appending to it, as to a
    /// log, is no change.
    fn is_unchanged(&self) -> bool {
        let modified = |metadata: &Metadata| metadata.modified().ok();
        self.file.metadata().is_ok_and(|now| {
            now.len() > self.metadata.len()
                || (now.len() == self.metadata.len() && modified(&now) == modified(&self.metadata))
        })
    }

    /// Reads the first chunk of a range, of at most `most` bytes. Blocking.
    fn read(&self, range: &Range<u64>, most: u64) -> io::Result<Bytes> {
        let left = range.end - range.start;
        let wanted = usize::try_from(left.min(most)).unwrap_or(0);
        let mut chunk = Buffers::take(&self.buffers, wanted);
        let mut file = &self.file;
        file.seek(SeekFrom::Start(range.start))?;
        chunk.length = file.read(&mut chunk.buffer[..wanted])?;
        let last = chunk.length as u64 == left;
        if chunk.length == 0 || (last && !self.is_unchanged()) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(Bytes::from_owner(chunk))
    }
}

/// The buffers of a body that are not in use.
#[derive(Default)]
struct Buffers(Mutex<Vec<Vec<u8>>>);

/// A part of a file, in a buffer that is reused when the chunk was sent.
struct Chunk {
    buffer: Vec<u8>,
    length: usize,
    buffers: Arc<Buffers>,
}

impl Buffers {
    /// Takes a buffer of at least `length` bytes.
    fn take(buffers: &Arc<Self>, length: usize) -> Chunk {
        let buffer = buffers.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let buffer =
            buffer.filter(|buffer| buffer.len() >= length).unwrap_or_else(|| vec![0; length]);
        Chunk { buffer, length, buffers: Arc::clone(buffers) }
    }
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        &self.buffer[..self.length]
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.buffer);
        self.buffers.0.lock().unwrap_or_else(PoisonError::into_inner).push(buffer);
    }
}

/// A body of parts.
pub(super) struct FileBody {
    parts: VecDeque<Part>,
    left: u64,
    sent: u64,
    state: State,
}

enum State {
    /// The file, unless a read has failed.
    Idle(Option<OpenFile>),
    Reading(JoinHandle<(OpenFile, io::Result<Bytes>)>),
}

impl FileBody {
    pub(super) fn new(file: OpenFile, parts: impl IntoIterator<Item = Part>) -> Self {
        Self::of(Some(file), parts)
    }

    /// Returns a body of bytes in memory.
    pub(super) fn in_memory(parts: impl IntoIterator<Item = Bytes>) -> Self {
        Self::of(None, parts.into_iter().map(Part::Bytes))
    }

    fn of(file: Option<OpenFile>, parts: impl IntoIterator<Item = Part>) -> Self {
        let parts: VecDeque<_> = parts.into_iter().filter(|part| part.length() > 0).collect();
        let left = parts.iter().map(Part::length).sum();
        Self { parts, left, sent: 0, state: State::Idle(file) }
    }

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
                    let most = (self.sent / GROWTH).clamp(*CHUNK.start(), *CHUNK.end());
                    self.state = State::Reading(tokio::task::spawn_blocking(move || {
                        let read = file.read(&range, most);
                        (file, read)
                    }));
                }
                State::Reading(reading) => {
                    let (file, read) = match ready!(Pin::new(reading).poll(context)) {
                        Ok((file, read)) => (Some(file), read),
                        Err(panicked) => (None, Err(io::Error::other(panicked))),
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

impl HttpBody for FileBody {
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
                self.sent += bytes.len() as u64;
                Some(Ok(Frame::data(bytes)))
            }
            Some(Err(error)) => {
                self.parts.clear();
                self.left = 0;
                Some(Err(error))
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
