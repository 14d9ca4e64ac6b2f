//! What there is to send, before a request's conditions are looked at.

use std::{
    fs::{File, Metadata},
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
    body::{self, Body, Response},
    conditional::{EntityTag, Validators, Verdict, evaluate, range_holds},
    date::Date,
    encoding::Coding,
    multipart,
    parts::{Opened, Part, PartsBody},
    range::{Selection, select},
};

/// A representation (RFC 9110, section 3.2): a media type, validators, and the content.
#[derive(Debug)]
pub(crate) struct Representation {
    /// The status of the answer where the content is sent.
    pub(crate) status: StatusCode,
    /// The value of `Content-Type`.
    pub(crate) content_type: HeaderValue,
    /// Of the very bytes that are sent. Without any there is no 304, and no part.
    pub(crate) validators: Validators,
    /// The coding that the bytes have.
    pub(crate) coding: Option<Coding>,
    /// The bytes.
    pub(crate) content: Content,
    /// Fields of the request that made a difference, or could have.
    pub(crate) varies: Vec<&'static str>,
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
    pub(crate) fn from_bytes(
        status: StatusCode,
        content_type: &'static str,
        bytes: impl Into<Bytes>,
    ) -> Self {
        let bytes = bytes.into();
        let tag = (status == StatusCode::OK).then(|| EntityTag::of(&bytes));
        Self {
            status,
            content_type: HeaderValue::from_static(content_type),
            validators: Validators { tag, modified: None },
            coding: None,
            content: Content::Bytes(bytes),
            varies: Vec::new(),
        }
    }

    /// The answer to a GET or a HEAD: preconditions first, then the part that is asked for.
    ///
    /// `no-cache` lets a browser keep its copy but not use it without asking (RFC 9111, section
    /// 5.2.2.4), so that no reload ever shows an old file.
    pub(crate) fn into_response(self, method: &Method, request: &HeaderMap) -> Response {
        let mut response = Response::new(body::empty());
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        insert(headers, VARY, self.varies.join(", "));
        if let Some(tag) = &self.validators.tag {
            headers.insert(ETAG, tag.value());
        }
        let status = match self.verdict(method, request) {
            Verdict::NotModified => StatusCode::NOT_MODIFIED,
            Verdict::Failed => {
                // So that a HEAD says it, too.
                headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
                StatusCode::PRECONDITION_FAILED
            }
            Verdict::Proceed => return self.content(response, method, request),
        };
        *response.status_mut() = status;
        response
    }

    /// What the preconditions come to. They are on what is there (RFC 9110, section 13.2.1).
    fn verdict(&self, method: &Method, request: &HeaderMap) -> Verdict {
        if self.status == StatusCode::OK {
            evaluate(method, request, &self.validators)
        } else {
            Verdict::Proceed
        }
    }

    /// The answer with the content, or with a part of it.
    fn content(self, mut response: Response, method: &Method, request: &HeaderMap) -> Response {
        let Self { status, content_type, validators, coding, content, .. } = self;
        let length = content.length();
        let ranged = length.filter(|_| validators.tag.is_some());
        let headers = response.headers_mut();
        if ranged.is_some() {
            headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        }
        let selection = match ranged {
            // A range is defined for GET alone (section 14.2).
            Some(length)
                if method == Method::GET
                    && range_holds(request, &validators, SystemTime::now()) =>
            {
                select(request, length)
            }
            _ => Selection::Whole,
        };
        let total = length.unwrap_or_default();
        let (status, content_type, parts) = match selection {
            Selection::Unsatisfiable => {
                insert(headers, CONTENT_RANGE, format!("bytes */{total}"));
                *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
                return response;
            }
            Selection::Whole => (status, content_type, vec![Part::Content(0..total)]),
            Selection::Parts(parts) => {
                if let [part] = &parts[..] {
                    insert(headers, CONTENT_RANGE, multipart::content_range(part, total));
                    let parts = vec![Part::Content(part.clone())];
                    (StatusCode::PARTIAL_CONTENT, content_type, parts)
                } else {
                    // No content holds its own hash.
                    let boundary = validators.tag.as_ref().map(EntityTag::text).unwrap_or_default();
                    let parts = multipart::parts(&parts, total, boundary, &content_type);
                    (StatusCode::PARTIAL_CONTENT, multipart::content_type(boundary), parts)
                }
            }
        };
        headers.insert(CONTENT_TYPE, content_type);
        if length.is_some() {
            headers.insert(CONTENT_LENGTH, parts.iter().map(Part::length).sum::<u64>().into());
        }
        if let Some(coding) = coding {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
        }
        if let Some(modified) = validators.modified.and_then(Date::value) {
            headers.insert(LAST_MODIFIED, modified);
        }
        *response.status_mut() = status;
        if method != Method::HEAD {
            *response.body_mut() = content.into_parts(parts);
        }
        response
    }
}

/// Sets a field, unless its value is empty.
fn insert(headers: &mut HeaderMap, name: HeaderName, value: String) {
    // What is made here of names and numbers is a value.
    if let Ok(value) = HeaderValue::try_from(value)
        && !value.is_empty()
    {
        headers.insert(name, value);
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
        let length = self.length().unwrap_or_default();
        self.into_parts(vec![Part::Content(0..length)])
    }

    /// Parts of the content as a body. What is made while it is sent has none.
    fn into_parts(self, parts: Vec<Part>) -> Body {
        match (self, &parts[..]) {
            (Self::Stream(body), _) => body,
            (Self::Bytes(bytes), [Part::Content(range)]) => body::full(slice(&bytes, range)),
            (Self::Bytes(bytes), _) => {
                let memory = |part| match part {
                    Part::Content(range) => Part::Bytes(slice(&bytes, &range)),
                    part @ Part::Bytes(_) => part,
                };
                body::stream(PartsBody::new(None, parts.into_iter().map(memory)))
            }
            (Self::File(file, metadata), _) => {
                body::stream(PartsBody::new(Some(Opened { file, metadata }), parts))
            }
        }
    }
}

/// A range of bytes in memory, which it lies in.
fn slice(bytes: &Bytes, range: &Range<u64>) -> Bytes {
    let at = |place: u64| usize::try_from(place).unwrap_or(usize::MAX).min(bytes.len());
    bytes.slice(at(range.start)..at(range.end))
}
