//! The door for the fuzz targets in `tests/fuzz`. It is there where `--cfg fuzzing` is set, as
//! cargo-fuzz does, and nowhere else.
//!
//! What reads outside input is private to its room. Each function here takes plain data, has a room
//! read it, and gives plain data back. What must be true of that is said in the targets, apart from
//! the code that they judge.

#![allow(missing_docs)]

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use hyper::{
    Method, Request, StatusCode,
    body::{Body as HttpBody, Frame},
    header::{HeaderMap, HeaderName, HeaderValue},
};

pub use crate::{files::rules::fuzzing::*, proxy::fuzzing::*};
use crate::{
    http::guard::{AllowedHost, Guard, Verdict, same_origin},
    http::url_path::{UrlPath, oracle},
    http::{
        body::{Body, BodyError, stream},
        conditional::LastModified,
        date::Date,
        encoding::{Accepted, Coding},
        field, media_type, own_paths,
        representation::Representation,
    },
    live::inject::{
        csp::Needs,
        decode::{self, Decoded},
        html::Injector,
        meta::Amend,
        placement::placement,
    },
    live::referrer,
    live::reload::{handshake::accept_key, message::ClientMessage},
};

/// The names of a path, and whether it ends in a slash.
pub type Names = (Vec<Vec<u8>>, bool);

/// The names of a path, and how it is spelled; and the names by other means.
pub fn url_path(raw: &str) -> (Option<(Names, String)>, Option<Names>) {
    let path = UrlPath::parse(raw).ok().map(|path| {
        let names = path.names().map(<[u8]>::to_vec).collect();
        ((names, path.is_directory()), path.to_string())
    });
    (path, oracle(raw))
}

/// How a path of names from the disk is spelled.
pub fn spelled(names: &[&[u8]], directory: bool) -> Option<String> {
    UrlPath::from_names(names.iter().copied(), directory).map(|path| path.to_string())
}

/// The path of the page of ours that a request comes from.
pub fn referring(headers: &HeaderMap, host: &str) -> Option<String> {
    referrer::referrer(headers, host)
}

/// The answer with some bytes: status, fields, content.
pub fn answer(method: &Method, request: &HeaderMap, content: &[u8]) -> (u16, HeaderMap, Vec<u8>) {
    let mut content = Representation::from_bytes(StatusCode::OK, "text/plain", content.to_vec());
    let date = Date::parse("Sun, 06 Nov 1994 08:49:37 GMT");
    content.metadata.validators.modified = date.and_then(LastModified::from_date);
    let (parts, body) = content.into_response(method, request).into_parts();
    let (frames, failed) = read(body, usize::MAX);
    assert!(!failed);
    (parts.status.as_u16(), parts.headers, frames.concat())
}

/// The codings that a request would rather have than none, the best first.
pub fn accepted(request: &HeaderMap) -> Vec<&'static str> {
    Accepted::from_headers(request).iter().map(Coding::name).collect()
}

/// A date as we write it.
pub fn date(text: &str) -> Option<HeaderValue> {
    Date::parse(text)?.value()
}

/// The charset that a content type names.
pub fn charset(content_type: &str) -> Option<&str> {
    media_type::charset(content_type)
}

/// The content type of a page.
pub fn type_of_page(beginning: &[u8]) -> &'static str {
    media_type::of_html(beginning)
}

/// A field that is to be added to answers.
pub fn added(text: &str) -> Option<(HeaderName, HeaderValue)> {
    field::parse_header(text).ok()
}

/// What the guard lets pass: the host that a request was sent to.
pub fn guarded(request: &Request<()>, listening: Option<&str>, allowed: &[&str]) -> Option<String> {
    let allowed: Vec<AllowedHost> = allowed.iter().filter_map(|host| host.parse().ok()).collect();
    match Guard::new(listening, allowed).check(request) {
        Verdict::Pass(host) => Some(host),
        Verdict::Malformed(_) | Verdict::Foreign(_) => None,
    }
}

/// Whether the guard lets a request use our own paths.
pub fn is_ours(headers: &HeaderMap, host: &str) -> bool {
    same_origin(headers, host)
}

/// The answer to a WebSocket's handshake.
pub fn handshake(method: &Method, headers: &HeaderMap) -> Option<HeaderValue> {
    accept_key(method, headers).ok()
}

/// What a page says, as its debug form; nothing where it is passed over.
pub fn said(text: &str) -> Option<String> {
    let message = ClientMessage::from_json(text);
    (message != ClientMessage::Unknown).then(|| format!("{message:?}"))
}

/// The host and nonce, and the policy that lets a page at `path` have our element.
pub fn amended(policy: &str, path: &str, inline: bool) -> Option<String> {
    needs(path, inline).amend(policy)
}

/// An answer's policies, amended.
pub fn amend_headers(headers: &mut HeaderMap, path: &str, inline: bool) -> bool {
    needs(path, inline).amend_headers(headers)
}

fn needs(path: &str, inline: bool) -> Needs {
    let (host, nonce) = ("ours.test:8080".to_owned(), "ourNonce".to_owned());
    Needs { host, path: path.to_owned(), own: own_paths::FOLDER, nonce, inline }
}

/// A document with an element, that comes in these chunks. `policies` says what a policy of the
/// document becomes.
pub fn injected<'c>(
    chunks: impl IntoIterator<Item = &'c [u8]>,
    element: &str,
    charset: Option<&str>,
    policies: Option<fn(&str) -> Option<String>>,
) -> Vec<u8> {
    let mut injector = injector(element, charset, policies);
    let mut out = Vec::new();
    for chunk in chunks {
        out.extend_from_slice(&injector.push(Bytes::copy_from_slice(chunk)));
    }
    out.extend_from_slice(&injector.finish());
    out
}

/// A document with an element, that is in memory.
pub fn injected_whole(
    document: &[u8],
    element: &str,
    charset: Option<&str>,
    policies: Option<fn(&str) -> Option<String>>,
) -> Vec<u8> {
    let document = Bytes::copy_from_slice(document);
    let element = Bytes::copy_from_slice(element.as_bytes());
    let amend = |policy: &str| policies.and_then(|amend| amend(policy));
    placement(&document, charset).assemble(&document, element, amend).concat()
}

fn injector(
    element: &str,
    charset: Option<&str>,
    policies: Option<fn(&str) -> Option<String>>,
) -> Injector {
    let injector = Injector::new(Bytes::copy_from_slice(element.as_bytes()), charset);
    match policies {
        Some(amend) => injector.with_policies(Box::new(amend) as Amend),
        None => injector,
    }
}

/// What a `Content-Encoding` is taken for: the name of its only coding.
pub fn coding(answer: &HeaderMap) -> Option<&'static str> {
    match decode::Coding::of(answer) {
        decode::Coding::Identity => Some("identity"),
        decode::Coding::Gzip => Some("gzip"),
        decode::Coding::Deflate => Some("deflate"),
        decode::Coding::Brotli => Some("br"),
        decode::Coding::Unknown => None,
    }
}

/// A page without its coding, that comes in these chunks: what was read of it up to so many bytes,
/// and whether it is broken.
pub fn decoded(chunks: Vec<Vec<u8>>, coding: &str, most: usize) -> (Vec<Bytes>, bool) {
    let coding = match coding {
        "gzip" => decode::Coding::Gzip,
        "deflate" => decode::Coding::Deflate,
        _ => decode::Coding::Brotli,
    };
    let frames = chunks.into_iter().map(|chunk| Ok::<_, BodyError>(Frame::data(chunk.into())));
    let body = http_body_util::StreamBody::new(futures_util::stream::iter(frames));
    read(stream(Decoded::new(stream(body), coding)), most)
}

/// Reads a body that never waits.
fn read(body: Body, most: usize) -> (Vec<Bytes>, bool) {
    let mut body = pin!(body);
    let mut context = Context::from_waker(Waker::noop());
    let (mut frames, mut length) = (Vec::new(), 0);
    while length <= most {
        match body.as_mut().poll_frame(&mut context) {
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.into_data().unwrap_or_default();
                length += bytes.len();
                frames.push(bytes);
            }
            Poll::Ready(Some(Err(_))) => return (frames, true),
            Poll::Ready(None) => return (frames, false),
            Poll::Pending => unreachable!("nothing here waits"),
        }
    }
    (frames, false)
}
