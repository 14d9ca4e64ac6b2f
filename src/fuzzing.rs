//! Entry points for the fuzz targets in `tests/fuzz`. Compiled only with `--cfg fuzzing`, which
//! cargo-fuzz sets.
//!
//! The code that parses input from outside is private to its modules. Each function here takes
//! plain data, calls that code, and returns plain data. The targets contain the properties to
//! check, and are independent of the code under test.

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
    http::{
        body::{Body, BodyError, stream},
        conditional::LastModified,
        date::Date,
        encoding::{Accepted, Coding},
        field,
        guard::{AllowedHost, Guard, Verdict, same_origin},
        media_type::{self, Markup},
        own_paths,
        representation::Representation,
        url_path::{UrlPath, oracle},
    },
    live::inject::{
        csp::Needs,
        decode::{self, Decoded},
        injector::Injector,
        meta::Amend,
        placement::placement,
    },
    live::{
        referrer,
        reload::{handshake::accept_key, message::ClientMessage},
    },
};

/// The decoded segments of a URL path, and whether it ends with a slash.
pub type Segments = (Vec<Vec<u8>>, bool);

/// Returns the segments and the canonical spelling of a path, and the segments according to an
/// independent implementation.
pub fn parse_path(raw: &str) -> (Option<(Segments, String)>, Option<Segments>) {
    let path = UrlPath::parse(raw).ok().map(|path| {
        let segments = path.names().map(<[u8]>::to_vec).collect();
        ((segments, path.is_directory()), path.to_string())
    });
    (path, oracle(raw))
}

/// Returns the URL path of a file with these names.
pub fn path_of_file(names: &[&[u8]], directory: bool) -> Option<String> {
    UrlPath::from_names(names.iter().copied(), directory).map(|path| path.to_string())
}

/// Returns the path of the page on this host that the `Referer` of a request names.
pub fn referring_page(headers: &HeaderMap, host: &str) -> Option<String> {
    referrer::referrer(headers, host)
}

/// Returns the response to a request for a file with this content: status, headers and body.
pub fn respond(method: &Method, request: &HeaderMap, content: &[u8]) -> (u16, HeaderMap, Vec<u8>) {
    let mut content = Representation::from_bytes(StatusCode::OK, "text/plain", content.to_vec());
    let date = Date::parse("Sun, 06 Nov 1994 08:49:37 GMT");
    content.metadata.validators.modified = date.and_then(LastModified::from_date);
    let (parts, body) = content.into_response(method, request).into_parts();
    let (frames, failed) = read(body, usize::MAX);
    assert!(!failed);
    (parts.status.as_u16(), parts.headers, frames.concat())
}

/// Returns the content codings that a request prefers to none, best first.
pub fn accepted_codings(request: &HeaderMap) -> Vec<&'static str> {
    Accepted::from_headers(request).iter().map(Coding::name).collect()
}

/// Parses a date and returns it in the preferred format.
pub fn reformat_date(text: &str) -> Option<HeaderValue> {
    Date::parse(text)?.value()
}

/// Returns the charset in a content type.
pub fn charset(content_type: &str) -> Option<&str> {
    media_type::charset(content_type)
}

/// Parses a header field from the command line.
pub fn parse_header(text: &str) -> Option<(HeaderName, HeaderValue)> {
    field::parse_header(text).ok()
}

/// Returns the host of a request, if the guard admits it.
pub fn checked_host(
    request: &Request<()>,
    listening: Option<&str>,
    allowed: &[&str],
) -> Option<String> {
    let allowed: Vec<AllowedHost> = allowed.iter().filter_map(|host| host.parse().ok()).collect();
    match Guard::new(listening, allowed).check(request) {
        Verdict::Pass(host) => Some(host),
        Verdict::Malformed(_) | Verdict::Foreign(_) => None,
    }
}

/// Returns whether a request to this host may use livers' own paths.
pub fn is_same_origin(headers: &HeaderMap, host: &str) -> bool {
    same_origin(headers, host)
}

/// Returns the `Sec-WebSocket-Accept` for a WebSocket handshake.
pub fn accept_websocket(method: &Method, headers: &HeaderMap) -> Option<HeaderValue> {
    accept_key(method, headers).ok()
}

/// Returns the debug form of a message from a page, or `None` if it is ignored.
pub fn parse_client_message(text: &str) -> Option<String> {
    let message = ClientMessage::from_json(text);
    (message != ClientMessage::Unknown).then(|| format!("{message:?}"))
}

/// Returns a policy that allows the injected element in the page at a path, or `None` if the policy
/// allows it already. The host is `ours.test:8080`, the nonce `ourNonce`.
pub fn amend_policy(policy: &str, path: &str, inline: bool) -> Option<String> {
    needs(path, inline).amend(policy)
}

/// Amends the policies in the headers of a response, and returns whether one has changed.
pub fn amend_headers(headers: &mut HeaderMap, path: &str, inline: bool) -> bool {
    needs(path, inline).amend_headers(headers)
}

fn needs(path: &str, inline: bool) -> Needs {
    let (host, nonce) = ("ours.test:8080".to_owned(), "ourNonce".to_owned());
    Needs { host, path: path.to_owned(), own: own_paths::FOLDER, nonce, inline }
}

/// Injects an element into a document, HTML or XML, that arrives in chunks. `policies` amends a
/// policy in the document.
pub fn inject_chunks<'c>(
    chunks: impl IntoIterator<Item = &'c [u8]>,
    element: &str,
    xml: bool,
    charset: Option<&str>,
    policies: Option<fn(&str) -> Option<String>>,
) -> Vec<u8> {
    let element = Bytes::copy_from_slice(element.as_bytes());
    let amend: Amend = Box::new(move |policy| policies.and_then(|amend| amend(policy)));
    let mut injector = Injector::new(markup(xml), element, charset, amend);
    let mut out = Vec::new();
    for chunk in chunks {
        out.extend_from_slice(&injector.push(Bytes::copy_from_slice(chunk)));
    }
    out.extend_from_slice(&injector.finish());
    out
}

/// Injects an element into a document in memory.
pub fn inject_whole(
    document: &[u8],
    element: &str,
    xml: bool,
    charset: Option<&str>,
    policies: Option<fn(&str) -> Option<String>>,
) -> Vec<u8> {
    let document = Bytes::copy_from_slice(document);
    let element = Bytes::copy_from_slice(element.as_bytes());
    let amend = |policy: &str| policies.and_then(|amend| amend(policy));
    placement(&document, markup(xml), charset).assemble(&document, element, amend).concat()
}

fn markup(xml: bool) -> Markup {
    if xml { Markup::Xml } else { Markup::Html }
}

/// Returns the content coding of a response, or `None` if it is unknown or there are several.
pub fn content_coding(response: &HeaderMap) -> Option<&'static str> {
    match decode::Coding::of(response) {
        decode::Coding::Identity => Some("identity"),
        decode::Coding::Gzip => Some("gzip"),
        decode::Coding::Deflate => Some("deflate"),
        decode::Coding::Brotli => Some("br"),
        decode::Coding::Unknown => None,
    }
}

/// Decodes a body that arrives in chunks. Returns the frames up to a limit in bytes, and whether
/// the body is corrupt.
pub fn decode(chunks: Vec<Vec<u8>>, coding: &str, limit: usize) -> (Vec<Bytes>, bool) {
    let coding = match coding {
        "gzip" => decode::Coding::Gzip,
        "deflate" => decode::Coding::Deflate,
        _ => decode::Coding::Brotli,
    };
    let frames = chunks.into_iter().map(|chunk| Ok::<_, BodyError>(Frame::data(chunk.into())));
    let body = http_body_util::StreamBody::new(futures_util::stream::iter(frames));
    read(stream(Decoded::new(stream(body), coding)), limit)
}

/// Reads the frames of a body that is always ready, and returns whether it ends with an error.
fn read(body: Body, limit: usize) -> (Vec<Bytes>, bool) {
    let mut body = pin!(body);
    let mut context = Context::from_waker(Waker::noop());
    let (mut frames, mut length) = (Vec::new(), 0);
    while length <= limit {
        match body.as_mut().poll_frame(&mut context) {
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.into_data().unwrap_or_default();
                length += bytes.len();
                frames.push(bytes);
            }
            Poll::Ready(Some(Err(_))) => return (frames, true),
            Poll::Ready(None) => return (frames, false),
            Poll::Pending => unreachable!("all data is in memory"),
        }
    }
    (frames, false)
}
