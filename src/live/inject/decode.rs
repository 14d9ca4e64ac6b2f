//! Compressed pages, made readable on their way to the injector.
//!
//! A backend is asked for a page uncompressed; some compress it all the same. What comes out has no
//! `Content-Encoding`: from here to the browser is no distance. It is decoded as it comes, so that a
//! page that is streamed stays one, and a little at a time, so that a few bytes that stand for
//! gigabytes cost no memory.
//!
//! Left out on purpose: zstd, whose decoder is larger than all of this, and several codings one over
//! the other. Such a page passes as it is.

use std::{
    fmt,
    io::{self, Read},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http_body_util::BodyExt;
use hyper::{
    HeaderMap,
    body::{Body as HttpBody, Frame},
    header::CONTENT_ENCODING,
};

use crate::http::{
    body::{Body, BodyError},
    field::list_members,
};

/// How much is decoded at a time.
const STEP: usize = 32 * 1024;

/// How the bytes of an answer are to be read (RFC 9110, section 8.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    Identity,
    Gzip,
    Deflate,
    Brotli,
    /// Nobody here can read it.
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

/// A body without its coding.
pub(crate) struct Decoded {
    body: Body,
    pipe: Pipe,
    decoder: Decoder,
    buffer: Box<[u8]>,
    /// What was read ahead.
    first: Option<Result<Frame<Bytes>, BodyError>>,
    /// What follows all data.
    trailers: Option<Frame<Bytes>>,
    over: bool,
}

/// A body that is not what its `Content-Encoding` says.
#[derive(Debug)]
pub(crate) struct Undecodable(io::Error);

impl fmt::Display for Undecodable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "its page is not what its Content-Encoding says: {}", self.0)
    }
}

impl std::error::Error for Undecodable {}

enum Decoder {
    /// Nothing has come yet. The first byte says whether this is what is there, and in which form.
    Undecided(Coding),
    Gzip(MultiGzDecoder<Pipe>),
    Zlib(ZlibDecoder<Pipe>),
    /// What some send as `deflate`, without the frame that belongs to it.
    Raw(DeflateDecoder<Pipe>),
    Brotli(Box<brotli_decompressor::Decompressor<Pipe>>),
}

impl Decoded {
    /// The body of an answer in a coding that is known.
    pub(crate) fn new(body: Body, coding: Coding) -> Self {
        let (pipe, decoder) = (Pipe::default(), Decoder::Undecided(coding));
        let buffer = vec![0; STEP].into_boxed_slice();
        Self { body, pipe, decoder, buffer, first: None, trailers: None, over: false }
    }

    /// Waits until something of it is decoded: by then it is known whether it can be.
    pub(crate) async fn begin(mut self) -> Result<Self, Undecodable> {
        self.first = match self.frame().await {
            Some(Err(error)) => match error.downcast() {
                Ok(undecodable) => return Err(*undecodable),
                // That it broke off is told by what comes out.
                Err(error) => Some(Err(error)),
            },
            first => first,
        };
        Ok(self)
    }

    /// Decodes a little of what is there. Nothing is the end.
    fn decode(&mut self) -> io::Result<usize> {
        if let Decoder::Undecided(coding) = self.decoder {
            // A redirect may be labelled like the page that it is not: nothing at all is no coding.
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
    /// What reads a coding that begins with this byte.
    fn of(coding: Coding, first: u8, pipe: &Pipe) -> io::Result<Self> {
        let pipe = pipe.clone();
        Ok(match coding {
            Coding::Gzip => Self::Gzip(MultiGzDecoder::new(pipe)),
            // A window of up to 1 GiB, which RFC 7932 does not know; the decoder does.
            Coding::Brotli if first & 0x7f == 0x11 => {
                return Err(io::ErrorKind::InvalidData.into());
            }
            Coding::Brotli => {
                Self::Brotli(Box::new(brotli_decompressor::Decompressor::new(pipe, 4096)))
            }
            // The method is 8, and the window at most 32 KiB (RFC 1950).
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
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(first));
        }
        loop {
            if !self.over {
                match self.decode() {
                    Ok(0) => self.over = true,
                    Ok(count) => {
                        let bytes = Bytes::copy_from_slice(&self.buffer[..count]);
                        return Poll::Ready(Some(Ok(Frame::data(bytes))));
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => {
                        self.over = true;
                        return Poll::Ready(Some(Err(Undecodable(error).into())));
                    }
                }
            }
            if self.pipe.state().ended {
                return Poll::Ready(self.trailers.take().map(Ok));
            }
            match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    // What comes after the end of the coding is nothing.
                    Ok(bytes) if !self.over => self.pipe.state().bytes = bytes,
                    Ok(_) => {}
                    Err(trailers) => self.trailers = Some(trailers),
                },
                Some(Err(error)) => {
                    self.over = true;
                    return Poll::Ready(Some(Err(error)));
                }
                None => self.pipe.state().ended = true,
            }
        }
    }
}

/// What has come, and is not decoded yet. Clones share it.
#[derive(Clone, Default)]
struct Pipe(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    bytes: Bytes,
    ended: bool,
}

impl Pipe {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here can panic half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pipe {
    /// The next byte, if there will be one.
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

    /// A page, compressed by another program.
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
        // A pause before each frame, as on a socket.
        let frames = futures_util::stream::iter(frames);
        let body = stream(StreamBody::new(frames));
        Ok(Decoded::new(body, coding).collect().await?.to_bytes().to_vec())
    }

    #[tokio::test]
    async fn each_coding_is_read_however_it_comes() {
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
        // What is cut off is no page, and what is garbage is none.
        for (coding, bytes, _) in table.iter().filter(|(_, bytes, _)| bytes.len() > 30) {
            let cut = decoded(&bytes[..bytes.len() / 2], *coding, 1000).await;
            assert!(cut.is_err(), "{coding:?}");
        }
        for coding in [Coding::Gzip, Coding::Deflate, Coding::Brotli] {
            assert!(decoded(&[0xff; 100], coding, 10).await.is_err(), "{coding:?}");
        }
    }

    #[tokio::test]
    async fn a_bomb_comes_in_small_pieces() {
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
    async fn a_window_that_http_does_not_know_is_not_opened() {
        // 2 to the 30th bytes, for a page of one letter.
        for step in [1, 100] {
            let page = decoded(b"\x11\x1e\x00\x00\x02a\x03", Coding::Brotli, step).await;
            assert!(page.is_err(), "{page:?}");
        }
    }

    #[test]
    fn what_a_field_says() {
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
