//! Instruments a page that is passed through: decompresses it, and adds the element as it streams.

use http_body_util::BodyExt;
use hyper::{
    StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue, VARY},
};

use super::{
    element::{PageSource, ScriptElement},
    inject::{
        self,
        body::InjectedBody,
        decode::{Coding, Decoded, Undecodable},
        described,
        injector::Injector,
    },
    policies::PolicyAmender,
    request::{PageRequest, Ticket},
};
use crate::{
    event::{Event, Events},
    http::{
        body::{self, Body, BodyError, Response},
        field::has_token,
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
    /// Adds the element to a response that becomes a page, and waits for its first bytes; returns
    /// any other response unchanged, except for `Vary`.
    ///
    /// # Errors
    /// The body failed before the first bytes that could be sent. An event has reported it.
    pub(super) async fn instrument(
        &self,
        ticket: &Ticket,
        mut response: Response,
        origin: &str,
    ) -> Result<Response, BodyError> {
        if inject::depends_on_request(response.status(), response.headers()) {
            vary(response.headers_mut());
        }
        let possible = inject::is_page_response(response.status(), response.headers());
        let Some(PageRequest { host, path, navigation, has_body }) =
            ticket.page.as_ref().filter(|_| possible)
        else {
            return Ok(response);
        };
        let content_type = content_type(&response).unwrap_or_default();
        let Some(markup) = inject::markup(&content_type, *navigation) else {
            return Ok(response);
        };
        let coding = Coding::of(response.headers());
        if coding == Coding::Unknown {
            report(&self.events, origin, path, UNKNOWN_CODING.to_owned());
            return Ok(response);
        }
        let needs = self.policies.needs(host, path, false);
        self.policies.amend_head(&needs, response.headers_mut());
        let down =
            [StatusCode::BAD_GATEWAY, StatusCode::GATEWAY_TIMEOUT].contains(&response.status());
        let source = if down { PageSource::Failed } else { PageSource::None };
        amend_head(response.headers_mut());
        if !has_body {
            return Ok(response);
        }
        let element = self.element.render(ticket.stamp, source);
        let amend = self.policies.amender(needs);
        let charset = media_type::charset(&content_type);
        let injector = Injector::new(markup, element, charset, amend);
        let (parts, body) = response.into_parts();
        let body = match coding {
            Coding::Identity => body,
            coding => decoded(body, coding, self.events.clone(), origin, path),
        };
        // In a box, because every request of a connection would reserve the space for it.
        let mut body = Box::new(InjectedBody::new(body, injector));
        body.begin().await?;
        Ok(hyper::Response::from_parts(parts, body::stream(body)))
    }
}

/// Names what the response depends on in `Vary`.
fn vary(headers: &mut HeaderMap) {
    if !has_token(headers, &VARY, "*") && !has_token(headers, &VARY, inject::VARIES) {
        headers.append(VARY, HeaderValue::from_static(inject::VARIES));
    }
}

/// Removes or replaces the fields that described the page before. It must be revalidated for each
/// use, or its stamp would be an old one.
fn amend_head(headers: &mut HeaderMap) {
    described::remove(headers);
    if !has_token(headers, &CACHE_CONTROL, "no-store") {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    }
}

/// Decompresses a page. An error of the coding is reported.
fn decoded(body: Body, coding: Coding, events: Events, origin: &str, path: &str) -> Body {
    let (origin, path) = (origin.to_owned(), path.to_owned());
    body::stream(Decoded::new(body, coding).map_err(move |error| {
        if error.is::<Undecodable>() {
            report(&events, &origin, &path, error.to_string());
        }
        error
    }))
}

fn content_type(response: &Response) -> Option<String> {
    Some(response.headers().get(CONTENT_TYPE)?.to_str().ok()?.to_owned())
}

fn report(events: &Events, origin: &str, path: &str, why: String) {
    events.emit(Event::BackendFault { backend: origin.to_owned(), path: path.to_owned(), why });
}
