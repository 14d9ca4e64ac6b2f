//! Representations (RFC 9110, section 3.2) and the responses made from them.

use std::{
    fs::{self, File},
    ops::Range,
    time::SystemTime,
};

use bytes::Bytes;
use hyper::{
    Method, StatusCode,
    header::{
        ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE,
        CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, LAST_MODIFIED, VARY,
        X_CONTENT_TYPE_OPTIONS,
    },
};

use super::{
    body::{self, Body, Response, SEGMENTS},
    conditional::{EntityTag, Precondition, Validators, evaluate, if_range_matches},
    encoding::Coding,
    file_body::{FileBody, OpenFile, Part},
    multipart,
    range::{Selection, select},
};

/// How many header fields a response has room for without growing its map: those set here, and
/// those that the site adds.
const FIELDS: usize = 12;

/// The metadata and the content of a response to GET.
#[derive(Debug)]
pub(crate) struct Representation {
    pub(crate) metadata: Metadata,
    pub(crate) content: Content,
}

/// Representation metadata (RFC 9110, section 8). The header values are ready to be sent, so
/// cloning and sending them allocates nothing.
#[derive(Clone, Debug)]
pub(crate) struct Metadata {
    /// The status of a response with the content.
    pub(crate) status: StatusCode,
    pub(crate) content_type: HeaderValue,
    /// The validators of exactly these bytes. Without an entity tag, there are no 304 and no
    /// ranges.
    pub(crate) validators: Validators,
    /// The content coding of the bytes.
    pub(crate) coding: Option<Coding>,
    /// The value of `Vary`.
    pub(crate) vary: Option<HeaderValue>,
}

/// The content of a representation.
#[derive(Debug)]
pub(crate) enum Content {
    /// Segments in memory, sent one after the other.
    Memory([Bytes; SEGMENTS]),
    /// A file to be streamed, and its metadata when it was opened.
    File(File, Box<fs::Metadata>),
    /// A stream of unknown length.
    Stream(Body),
}

impl Representation {
    /// Returns a representation of bytes in memory, tagged with their hash if the status is 200.
    pub(crate) fn from_bytes(
        status: StatusCode,
        content_type: &'static str,
        bytes: impl Into<Bytes>,
    ) -> Self {
        let bytes = bytes.into();
        let tag = (status == StatusCode::OK).then(|| EntityTag::of(&bytes));
        let metadata = Metadata {
            status,
            content_type: HeaderValue::from_static(content_type),
            validators: Validators { tag, modified: None },
            coding: None,
            vary: None,
        };
        Self { metadata, content: Content::from(bytes) }
    }

    /// Returns the response to a GET or HEAD. Preconditions are evaluated before ranges.
    ///
    /// `no-cache` lets browsers store the response but makes them validate it before each use
    /// (RFC 9111, section 5.2.2.4), so that no reload shows an outdated file.
    pub(crate) fn into_response(self, method: &Method, request: &HeaderMap) -> Response {
        let Self { metadata, content } = self;
        let mut headers = HeaderMap::with_capacity(FIELDS);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if let Some(vary) = &metadata.vary {
            headers.insert(VARY, vary.clone());
        }
        if let Some(tag) = &metadata.validators.tag {
            headers.insert(ETAG, tag.value());
        }
        let (status, body) = match metadata.evaluate(method, request) {
            Precondition::NotModified => (StatusCode::NOT_MODIFIED, body::empty()),
            Precondition::Failed => {
                // Explicit, so that the response to HEAD has it, too.
                headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
                (StatusCode::PRECONDITION_FAILED, body::empty())
            }
            Precondition::Proceed => {
                select_content(metadata, content, method, request, &mut headers)
            }
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response
    }
}

impl Metadata {
    /// Evaluates the preconditions of a request. They apply to existing resources only (RFC 9110,
    /// section 13.2.1).
    fn evaluate(&self, method: &Method, request: &HeaderMap) -> Precondition {
        if self.status == StatusCode::OK {
            evaluate(method, request, &self.validators)
        } else {
            Precondition::Proceed
        }
    }

    /// Adds a field name to `Vary`.
    pub(crate) fn add_vary(&mut self, name: &'static str) {
        self.vary = Some(match &self.vary {
            None => HeaderValue::from_static(name),
            Some(names) => {
                let names = [names.as_bytes(), b", ", name.as_bytes()].concat();
                // Two lists of field names with a comma between them are a valid value.
                HeaderValue::from_bytes(&names).unwrap_or(HeaderValue::from_static("*"))
            }
        });
    }
}

/// Sets the fields of a response with the content, or with a part of it. Returns its status and
/// body.
fn select_content(
    metadata: Metadata,
    content: Content,
    method: &Method,
    request: &HeaderMap,
    headers: &mut HeaderMap,
) -> (StatusCode, Body) {
    let Metadata { mut status, mut content_type, validators, coding, .. } = metadata;
    let length = content.length();
    let ranged = length.filter(|_| validators.tag.is_some());
    if ranged.is_some() {
        headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    }
    let selection = match ranged {
        // Ranges are defined for GET only (section 14.2).
        Some(length)
            if method == Method::GET
                && if_range_matches(request, &validators, SystemTime::now()) =>
        {
            select(request, length)
        }
        _ => Selection::Whole,
    };
    let total = length.unwrap_or_default();
    let parts = match selection {
        Selection::Unsatisfiable => {
            insert(headers, CONTENT_RANGE, format!("bytes */{total}"));
            return (StatusCode::RANGE_NOT_SATISFIABLE, body::empty());
        }
        Selection::Whole => None,
        Selection::Parts(ranges) => {
            status = StatusCode::PARTIAL_CONTENT;
            if let [range] = &ranges[..] {
                insert(headers, CONTENT_RANGE, multipart::content_range(range, total));
                Some(vec![Part::Content(range.clone())])
            } else {
                // No content contains its own hash.
                let boundary = validators.tag.as_ref().map(EntityTag::opaque).unwrap_or_default();
                let parts = multipart::parts(&ranges, total, boundary, &content_type);
                content_type = multipart::content_type(boundary);
                Some(parts)
            }
        }
    };
    headers.insert(CONTENT_TYPE, content_type);
    if length.is_some() {
        let parts = parts.as_ref().map(|parts| parts.iter().map(Part::length).sum());
        headers.insert(CONTENT_LENGTH, HeaderValue::from(parts.unwrap_or(total)));
    }
    if let Some(coding) = coding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
    }
    if let Some(modified) = validators.modified {
        headers.insert(LAST_MODIFIED, modified.into_value());
    }
    let body = match parts {
        _ if method == Method::HEAD => body::empty(),
        None => content.into_body(),
        Some(parts) => content.into_parts(parts),
    };
    (status, body)
}

/// Sets a field to a value that consists of field names and numbers.
fn insert(headers: &mut HeaderMap, name: HeaderName, value: String) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}

impl From<Bytes> for Content {
    fn from(bytes: Bytes) -> Self {
        Self::Memory([bytes, Bytes::new(), Bytes::new()])
    }
}

impl Content {
    fn length(&self) -> Option<u64> {
        match self {
            Self::Memory(segments) => Some(segments.iter().map(|bytes| bytes.len() as u64).sum()),
            Self::File(_, metadata) => Some(metadata.len()),
            Self::Stream(_) => None,
        }
    }

    /// Returns the whole content as a body.
    pub(crate) fn into_body(self) -> Body {
        match self {
            Self::Memory(segments) => body::segments(segments),
            Self::File(file, metadata) => {
                let whole = Part::Content(0..metadata.len());
                body::stream(FileBody::new(OpenFile::new(file, metadata), [whole]))
            }
            Self::Stream(body) => body,
        }
    }

    /// Returns parts of the content as a body. A stream has no parts.
    fn into_parts(self, parts: Vec<Part>) -> Body {
        match (self, &parts[..]) {
            (Self::Memory(segments), [Part::Content(range)]) => {
                body::segments(slice(&segments, range))
            }
            (Self::Memory(segments), _) => {
                let bytes = parts.into_iter().flat_map(|part| match part {
                    Part::Content(range) => slice(&segments, &range),
                    Part::Bytes(bytes) => [bytes, Bytes::new(), Bytes::new()],
                });
                body::stream(FileBody::in_memory(bytes))
            }
            (Self::File(file, metadata), _) => {
                body::stream(FileBody::new(OpenFile::new(file, metadata), parts))
            }
            (Self::Stream(body), _) => body,
        }
    }
}

/// Returns a range of bytes that are in several segments.
fn slice(segments: &[Bytes; SEGMENTS], range: &Range<u64>) -> [Bytes; SEGMENTS] {
    let mut before = 0;
    segments.each_ref().map(|segment| {
        let within = |position: u64| {
            let position = position.saturating_sub(before);
            usize::try_from(position).unwrap_or(usize::MAX).min(segment.len())
        };
        let part = segment.slice(within(range.start)..within(range.end));
        before += segment.len() as u64;
        part
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::slice;

    #[test]
    fn range_may_begin_and_end_in_any_segment() {
        let segments = ["abc", "", "de"].map(Bytes::from);
        for start in 0..5_u64 {
            for end in start..=5 {
                let sliced = slice(&segments, &(start..end)).concat();
                let range = usize::try_from(start).unwrap()..usize::try_from(end).unwrap();
                assert_eq!(sliced, b"abcde"[range], "{start}..{end}");
            }
        }
    }
}
