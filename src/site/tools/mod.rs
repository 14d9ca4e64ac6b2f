//! The paths for tools: what the tabs run, what is wrong, and reloading.
//!
//! They answer clients on this machine only, and pages of this server. What has an effect needs
//! POST. [`Site::own`](super::Site) has checked the origin before.

mod answers;
mod mcp;
mod open;
pub(crate) mod tokens;

use bytes::Bytes;
use hyper::{
    Method, Request, StatusCode,
    body::Body as HttpBody,
    header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue},
};
use percent_encoding::percent_decode_str;
use serde::Serialize;

use super::{Site, response::plain};
use crate::http::{
    body::{self, BodyError, Response},
    own_paths::PREFIX,
};

/// The paths below `/__livers`, and the method of each.
const TOOLS: [(&str, Method); 7] = [
    ("/wait", Method::GET),
    ("/errors", Method::GET),
    ("/tabs", Method::GET),
    ("/logs", Method::GET),
    ("/reload", Method::POST),
    ("/open", Method::POST),
    ("/mcp", Method::POST),
];

/// Returns whether a path below `/__livers` is one for tools.
pub(super) fn is_tool(name: &str) -> bool {
    TOOLS.iter().any(|(tool, _)| *tool == name)
}

impl Site {
    /// Answers a request for one of these paths. `local`: it was sent on this machine.
    pub(super) async fn tool<B>(&self, request: Request<B>, local: bool) -> Response
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BodyError>,
    {
        let (head, body) = request.into_parts();
        let name = &head.uri.path()[PREFIX.len()..];
        if !local {
            return plain(StatusCode::FORBIDDEN, "Only programs on the same machine may ask.\n");
        }
        let method = TOOLS.iter().find(|(tool, _)| *tool == name).map(|(_, method)| method);
        let is_head = head.method == Method::HEAD && method == Some(&Method::GET);
        if method != Some(&head.method) && !is_head {
            return wrong_method(method.unwrap_or(&Method::GET));
        }
        let query = head.uri.query().unwrap_or_default();
        match name {
            "/errors" => json(&self.live.hub().errors()),
            "/tabs" => json(&self.live.hub().open()),
            "/logs" => {
                let follow = parameters(query).any(|(name, _)| name == "follow");
                self.log.response(follow && !is_head)
            }
            "/reload" => self.reload_tabs(query),
            "/open" => self.open_place(&head.headers, body).await,
            "/mcp" => self.mcp(&head.headers, body).await,
            _ => self.wait_response(query).await,
        }
    }
}

/// Returns a value as JSON.
fn json(value: &impl Serialize) -> Response {
    json_with(StatusCode::OK, value)
}

/// Returns a value as JSON with a status.
fn json_with(status: StatusCode, value: &impl Serialize) -> Response {
    // The values of these paths always have a JSON form.
    let text = serde_json::to_string(value).unwrap_or_default() + "\n";
    let mut response = Response::new(body::full(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Returns the response to a request that makes no sense or is not allowed.
fn refuse(status: StatusCode, why: &str) -> Response {
    json_with(status, &serde_json::json!({ "error": why }))
}

/// Returns the parameters of a query, decoded.
fn parameters(query: &str) -> impl Iterator<Item = (&str, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = value.replace('+', " ");
        (name, percent_decode_str(&value).decode_utf8_lossy().into_owned())
    })
}

/// Returns 405 with the method that is allowed (RFC 9110, section 15.5.6).
fn wrong_method(allowed: &Method) -> Response {
    let mut response =
        plain(StatusCode::METHOD_NOT_ALLOWED, format!("Method not allowed: use {allowed}.\n"));
    if let Ok(allowed) = HeaderValue::from_str(allowed.as_str()) {
        response.headers_mut().insert(ALLOW, allowed);
    }
    response
}
