//! Instruments a page that is passed through: decompresses it, and adds the element as it streams.

use http_body_util::BodyExt;
use hyper::{
    StatusCode,
    header::{
        ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG,
        HeaderValue, LAST_MODIFIED,
    },
};

use super::{
    element::{PageSource, ScriptElement},
    inject::{
        self,
        decode::{Coding, Decoded, Undecodable},
        html::{InjectedBody, Injector},
    },
    policies::PolicyAmender,
    request::{PageRequest, Ticket},
};
use crate::{
    event::{Event, Events},
    http::{
        body::{self, Response},
        media_type,
    },
};

/// The error for pages that pass unchanged because their coding is unknown.
const UNKNOWN_CODING: &str = "its page has a Content-Encoding that livers cannot read, although it \
                              was asked for none: nothing will reload it";

/// What goes into pages.
pub(super) struct Instrumenter {
    pub(super) element: ScriptElement,
    pub(super) policies: PolicyAmender,
    pub(super) events: Events,
}

impl Instrumenter {
    /// Adds the element to a response that becomes a page; returns any other response unchanged.
    ///
    /// # Errors
    /// The response's body does not start as its `Content-Encoding` says.
    pub(super) async fn instrument(
        &self,
        ticket: &Ticket,
        mut response: Response,
        origin: &str,
    ) -> Result<Response, Undecodable> {
        let possible = inject::is_page_response(response.status(), response.headers());
        let Some(PageRequest { host, path, has_body }) = ticket.page.as_ref().filter(|_| possible)
        else {
            return Ok(response);
        };
        let coding = Coding::of(response.headers());
        if coding == Coding::Unknown {
            report(&self.events, origin, path, UNKNOWN_CODING.to_owned());
            return Ok(response);
        }
        if *has_body && coding != Coding::Identity {
            response = decoded(response, coding, self.events.clone(), origin, path).await?;
        }
        let needs = self.policies.needs(host, path, false);
        self.policies.amend_head(&needs, response.headers_mut());
        let down =
            [StatusCode::BAD_GATEWAY, StatusCode::GATEWAY_TIMEOUT].contains(&response.status());
        let source = if down { PageSource::Failed } else { PageSource::None };
        let charset = charset(&response);
        let element = self.element.render(ticket.version, source);
        let injector =
            Injector::new(element, charset.as_deref()).with_policies(self.policies.amender(needs));
        Ok(injected(response, injector, *has_body))
    }
}

/// Decompresses a page. A coding error found after the first bytes breaks the response off, and is
/// reported.
async fn decoded(
    response: Response,
    coding: Coding,
    events: Events,
    origin: &str,
    path: &str,
) -> Result<Response, Undecodable> {
    let (parts, body) = response.into_parts();
    let decoded = Decoded::new(body, coding).begin().await?;
    let (origin, path) = (origin.to_owned(), path.to_owned());
    let body = decoded.map_err(move |error| {
        if error.is::<Undecodable>() {
            report(&events, &origin, &path, error.to_string());
        }
        error
    });
    Ok(Response::from_parts(parts, body::stream(body)))
}

/// Adds the element to the body, and removes or replaces the headers that described the body
/// before. The page must be revalidated for each use, or its stamp would be an old one.
fn injected(response: Response, injector: Injector, has_body: bool) -> Response {
    let (mut parts, body) = response.into_parts();
    for stale in [CONTENT_ENCODING, CONTENT_LENGTH, ETAG, LAST_MODIFIED, ACCEPT_RANGES] {
        parts.headers.remove(stale);
    }
    let stored = parts.headers.get(CACHE_CONTROL).and_then(|value| value.to_str().ok());
    if !stored.is_some_and(|stored| stored.contains("no-store")) {
        parts.headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    }
    let body = if has_body { body::stream(InjectedBody::new(body, injector)) } else { body };
    Response::from_parts(parts, body)
}

fn charset(response: &Response) -> Option<String> {
    let content_type = response.headers().get(CONTENT_TYPE)?.to_str().ok()?;
    media_type::charset(content_type).map(str::to_owned)
}

fn report(events: &Events, origin: &str, path: &str, why: String) {
    events.emit(Event::BackendFault { backend: origin.to_owned(), path: path.to_owned(), why });
}
