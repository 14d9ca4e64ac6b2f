//! Decompresses pages on their way to the injector.
//!
//! Backends are asked for uncompressed pages; some compress them nevertheless. The page is passed
//! on without a `Content-Encoding`, since compression gains nothing on the way to a local browser.
//! It is decompressed as it arrives, so a streamed page stays streamed, and in small steps, so a
//! compression bomb takes no memory.
//!
//! Not supported: zstd, whose decoder is larger than everything else here, and several codings on
//! top of each other. Such a page is passed on unchanged.

use std::{
    fmt,
    io::{self, Read},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use hyper::{
    HeaderMap,
    body::{Body as HttpBody, Frame},
    header::CONTENT_ENCODING,
};

use crate::http::{
    body::{Body, BodyError},
    field::list_members,
};

/// The maximum size of a decompressed chunk, bytes.
const STEP: usize = 32 * 1024;

/// The content coding of a response (RFC 9110, section 8.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    Identity,
    Gzip,
    Deflate,
    Brotli,
    /// Not supported.
    Unknown,
}

impl Coding {
    pub(crate) fn of(answer: &HeaderMap) -> Self {
        let mut found = Self::Identity;
        for coding in list_members(answer, &CONTENT_ENCODING) {
            let known = match coding.to_ascii_lowercase().as_str() {
                "" | "identity" => continue,
                "gzip" | "x-gzip" => Self::Gzip,
                "deflate" => Self::Deflate,
                "br" => Self::Brotli,
                _ => Self::Unknown,
            };
            found = if found == Self::Identity { known } else { Self::Unknown };
        }
        found
    }
}

/// A decompressed body.
pub(crate) struct Decoded {
    body: Body,
    pipe: Pipe,
    decoder: Decoder,
    buffer: Box<[u8]>,
    /// Trailers, sent after all data.
    trailers: Option<Frame<Bytes>>,
    finished: bool,
}

/// The error of a body that is not encoded as its `Content-Encoding` says.
#[derive(Debug)]
pub(crate) struct Undecodable(io::Error);

impl fmt::Display for Undecodable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "its page is not encoded as its Content-Encoding says: {}", self.0)
    }
}

impl std::error::Error for Undecodable {}

enum Decoder {
    /// No byte has arrived. The first one decides between the forms of a coding.
    Undecided(Coding),
    Gzip(MultiGzDecoder<Pipe>),
    Zlib(ZlibDecoder<Pipe>),
    /// `deflate` without the zlib wrapper, as some servers send it.
    Raw(DeflateDecoder<Pipe>),
    Brotli(Box<brotli_decompressor::Decompressor<Pipe>>),
}

impl Decoded {
    /// Wraps a body in a supported coding.
    pub(crate) fn new(body: Body, coding: Coding) -> Self {
        let (pipe, decoder) = (Pipe::default(), Decoder::Undecided(coding));
        let buffer = vec![0; STEP].into_boxed_slice();
        Self { body, pipe, decoder, buffer, trailers: None, finished: false }
    }

    /// Decompresses a chunk into the buffer. Returns its length, 0 at the end.
    ///
    /// # Errors
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if more input is needed.
    fn decode(&mut self) -> io::Result<usize> {
        if let Decoder::Undecided(coding) = self.decoder {
            // An empty body is valid in any coding: some servers label redirects like pages.
            let Some(first) = self.pipe.peek()? else { return Ok(0) };
            self.decoder = Decoder::of(coding, first, &self.pipe)?;
        }
        match &mut self.decoder {
            Decoder::Gzip(decoder) => decoder.read(&mut self.buffer),
            Decoder::Zlib(decoder) => decoder.read(&mut self.buffer),
            Decoder::Raw(decoder) => decoder.read(&mut self.buffer),
            Decoder::Brotli(decoder) => decoder.read(&mut self.buffer),
            Decoder::Undecided(_) => Ok(0),
        }
    }
}

impl Decoder {
    /// Returns the decoder for a body that begins with this byte.
    fn of(coding: Coding, first: u8, pipe: &Pipe) -> io::Result<Self> {
        let pipe = pipe.clone();
        Ok(match coding {
            Coding::Gzip => Self::Gzip(MultiGzDecoder::new(pipe)),
            // A window of up to 1 GiB, which is not in RFC 7932 but which the decoder would
            // allocate.
            Coding::Brotli if first & 0x7f == 0x11 => {
                return Err(io::ErrorKind::InvalidData.into());
            }
            Coding::Brotli => {
                Self::Brotli(Box::new(brotli_decompressor::Decompressor::new(pipe, 4096)))
            }
            // A zlib header: method 8, and a window of at most 32 KiB (RFC 1950).
            _ if first & 0x0f == 8 && first >> 4 < 8 => Self::Zlib(ZlibDecoder::new(pipe)),
            _ => Self::Raw(DeflateDecoder::new(pipe)),
        })
    }
}

impl HttpBody for Decoded {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        loop {
            if !self.finished {
                match self.decode() {
                    Ok(0) => self.finished = true,
                    Ok(count) => {
                        let bytes = Bytes::copy_from_slice(&self.buffer[..count]);
                        return Poll::Ready(Some(Ok(Frame::data(bytes))));
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => {
                        self.finished = true;
                        return Poll::Ready(Some(Err(Undecodable(error).into())));
                    }
                }
            }
            if self.pipe.state().ended {
                return Poll::Ready(self.trailers.take().map(Ok));
            }
            match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    // Data after the end of the compressed stream is ignored.
                    Ok(bytes) if !self.finished => self.pipe.state().bytes = bytes,
                    Ok(_) => {}
                    Err(trailers) => self.trailers = Some(trailers),
                },
                Some(Err(error)) => {
                    self.finished = true;
                    return Poll::Ready(Some(Err(error)));
                }
                None => self.pipe.state().ended = true,
            }
        }
    }
}

/// Input that is not decompressed yet. Clones share it.
#[derive(Clone, Default)]
struct Pipe(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    bytes: Bytes,
    ended: bool,
}

impl Pipe {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pipe {
    /// Returns the next byte, or `None` at the end.
    fn peek(&self) -> io::Result<Option<u8>> {
        let state = self.state();
        match state.bytes.first() {
            Some(first) => Ok(Some(*first)),
            None if state.ended => Ok(None),
            None => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut state = self.state();
        if state.bytes.is_empty() && !state.ended {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = buffer.len().min(state.bytes.len());
        state.bytes.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use bytes::Bytes;
    use flate2::{Compression, write};
    use http_body_util::{BodyExt, StreamBody};
    use hyper::{HeaderMap, body::Frame, header::CONTENT_ENCODING};

    use super::{Coding, Decoded};
    use crate::http::body::{BodyError, stream};

    /// A page compressed by another program.
    const BROTLI: &[u8] = b"\x1b\x44\x02\xf8\x8d\xc3\x38\x46\xbc\x7a\xf8\x8a\xaa\x79\xe8\xca\x7c\
        \xe6\x0b\x1c\x5e\x17\xc2\x89\x30\x04\x6a\x01\x18\xc0\x40\x05\x15\x1b\x8e\xb5\xd6\x8f\x00";

    fn page() -> Vec<u8> {
        ["<!doctype html><title>t</title>", &"<p>text</p>".repeat(50)].concat().into()
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = write::GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(text: &[u8]) -> Vec<u8> {
        let mut encoder = write::ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn raw(text: &[u8]) -> Vec<u8> {
        let mut encoder = write::DeflateEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    async fn decoded(bytes: &[u8], coding: Coding, step: usize) -> Result<Vec<u8>, BodyError> {
        let frames: Vec<_> = bytes
            .chunks(step)
            .map(|chunk| Ok::<_, BodyError>(Frame::data(Bytes::copy_from_slice(chunk))))
            .collect();
        let frames = futures_util::stream::iter(frames);
        let body = stream(StreamBody::new(frames));
        Ok(Decoded::new(body, coding).collect().await?.to_bytes().to_vec())
    }

    #[tokio::test]
    async fn each_coding_is_decompressed_from_chunks_of_any_size() {
        let text: Vec<u8> = (0..100_000_u32).flat_map(|n| (n / 7).to_le_bytes()).collect();
        let page = page();
        let two = [gzip(b"one "), gzip(b"two")].concat();
        let table = [
            (Coding::Gzip, gzip(&text), text.as_slice()),
            (Coding::Gzip, two, b"one two".as_slice()),
            (Coding::Gzip, gzip(b""), b"".as_slice()),
            (Coding::Deflate, zlib(&text), &text),
            (Coding::Deflate, raw(&text), &text),
            (Coding::Gzip, Vec::new(), b"".as_slice()),
            (Coding::Deflate, Vec::new(), b"".as_slice()),
            (Coding::Brotli, Vec::new(), b"".as_slice()),
            (Coding::Brotli, BROTLI.to_vec(), &page),
        ];
        for (coding, bytes, expected) in &table {
            for step in [1, 7, 100_000] {
                let got = decoded(bytes, *coding, step).await.unwrap();
                assert!(got == *expected, "{coding:?} by {step}: {} bytes", got.len());
            }
        }
        for coding in [Coding::Gzip, Coding::Deflate, Coding::Brotli] {
            assert!(decoded(&[0xff; 100], coding, 10).await.is_err(), "{coding:?}");
        }
    }

    #[tokio::test]
    async fn a_body_that_ends_too_early_is_an_error_wherever_it_ends() {
        let page = page();
        for (coding, bytes) in [
            (Coding::Gzip, gzip(&page)),
            (Coding::Deflate, zlib(&page)),
            (Coding::Deflate, raw(&page)),
            (Coding::Brotli, BROTLI.to_vec()),
        ] {
            for end in 1..bytes.len() {
                for step in [1, 1000] {
                    let cut = decoded(&bytes[..end], coding, step).await;
                    assert!(cut.is_err(), "{coding:?}: {end} of {} bytes", bytes.len());
                }
            }
        }
    }

    #[tokio::test]
    async fn a_compression_bomb_is_decompressed_in_small_chunks() {
        let bomb = gzip(&vec![b' '; 64 << 20]);
        let body = stream(http_body_util::Full::new(Bytes::from(bomb)));
        let mut decoded = Decoded::new(body, Coding::Gzip);
        let mut total = 0;
        while let Some(frame) = decoded.frame().await {
            let bytes = frame.unwrap().into_data().unwrap();
            assert!(bytes.len() <= super::STEP);
            total += bytes.len();
        }
        assert_eq!(total, 64 << 20);
    }

    #[tokio::test]
    async fn a_large_window_brotli_body_is_rejected() {
        // A window of 1 GiB for a page of one letter.
        for step in [1, 100] {
            let page = decoded(b"\x11\x1e\x00\x00\x02a\x03", Coding::Brotli, step).await;
            assert!(page.is_err(), "{page:?}");
        }
    }

    #[test]
    fn the_coding_is_parsed_from_the_header() {
        let table: [(&[&str], Coding); 8] = [
            (&[], Coding::Identity),
            (&["identity"], Coding::Identity),
            (&["GZip"], Coding::Gzip),
            (&["x-gzip"], Coding::Gzip),
            (&["br, identity"], Coding::Brotli),
            (&["deflate"], Coding::Deflate),
            (&["zstd"], Coding::Unknown),
            (&["gzip", "br"], Coding::Unknown),
        ];
        for (values, expected) in table {
            let mut answer = HeaderMap::new();
            for value in values {
                answer.append(CONTENT_ENCODING, value.parse().unwrap());
            }
            assert_eq!(Coding::of(&answer), expected, "{values:?}");
        }
    }
}
