//! A backend's page on its way to the browser: read, and with the element added.

use http_body_util::BodyExt;
use hyper::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG,
    HeaderValue, LAST_MODIFIED,
};

use crate::{
    event::{Event, Events},
    http::{
        body::{self, Response},
        media_type,
    },
    live::inject::{
        decode::{Coding, Decoded, Undecodable},
        html::{InjectedBody, Injector},
    },
};

/// A page without its coding. What turns out later not to be in it breaks off, and is told of the
/// backend and the path.
pub(super) async fn readable(
    response: Response,
    coding: Coding,
    events: Events,
    (backend, path): (String, String),
) -> Result<Response, Undecodable> {
    if coding == Coding::Identity {
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let decoded = Decoded::new(body, coding).begin().await?;
    let body = decoded.map_err(move |error| {
        if error.is::<Undecodable>() {
            let (backend, path, why) = (backend.clone(), path.clone(), error.to_string());
            events.emit(Event::BackendFault { backend, path, why });
        }
        error
    });
    Ok(Response::from_parts(parts, body::stream(body)))
}

/// A page with the element added. What was true of its bytes no longer is; and it must be asked for
/// each time, or the stamp in it would be an old one.
pub(super) fn injected(
    response: Response,
    injector: impl FnOnce(Option<&str>) -> Injector,
    head: bool,
) -> Response {
    let (mut parts, body) = response.into_parts();
    let content_type = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let charset = content_type.and_then(media_type::charset).map(str::to_owned);
    for stale in [CONTENT_ENCODING, CONTENT_LENGTH, ETAG, LAST_MODIFIED, ACCEPT_RANGES] {
        parts.headers.remove(stale);
    }
    let stored = parts.headers.get(CACHE_CONTROL).and_then(|value| value.to_str().ok());
    if !stored.is_some_and(|stored| stored.contains("no-store")) {
        parts.headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    }
    let body = if head {
        body
    } else {
        body::stream(InjectedBody::new(body, injector(charset.as_deref())))
    };
    Response::from_parts(parts, body)
}
