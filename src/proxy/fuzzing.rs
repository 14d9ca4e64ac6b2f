//! [Entry points](crate::fuzzing) for fuzzing the proxy.

use std::net::IpAddr;

use hyper::{HeaderMap, Request, StatusCode, Uri, http::request};

use super::{
    Client, Route,
    headers::{self, Backend, ForwardKind},
    hop,
    rewrite::{self, RewriteContext},
    route::longest_match,
};

/// Returns the index of the route for a path.
pub fn route_index(routes: &[Route], path: &str) -> Option<usize> {
    let found = longest_match(routes, path)?;
    routes.iter().position(|route| std::ptr::eq(route, found))
}

/// Returns the request target that the backend of a route receives.
pub fn backend_target(route: &Route, target: &Uri) -> Option<Uri> {
    route.target(target).ok()
}

/// Returns the head of a request as the backend receives it, and whether it opens a WebSocket.
pub fn backend_request(
    request: Request<()>,
    own_origin: bool,
    injectable: bool,
) -> (request::Parts, bool) {
    let (mut parts, ()) = request.into_parts();
    let opens = hop::opens_websocket(&parts.method, parts.version, &parts.headers);
    let kind = match (opens, injectable) {
        (true, _) => ForwardKind::Upgrade,
        (false, true) => ForwardKind::Injectable,
        (false, false) => ForwardKind::Plain,
    };
    let origin = own_origin.then_some("https://backend.test:3000");
    let backend = Backend { authority: "backend.test:3000", origin };
    let client = Client { address: IpAddr::from([192, 0, 2, 7]), https: false, local: true };
    let _ = headers::request(&mut parts, backend, &client, kind);
    (parts, opens)
}

/// Rewrites the headers of a response by the first route, as the browser receives them.
pub fn backend_response(routes: &[Route], host: &str, status: StatusCode, headers: &mut HeaderMap) {
    headers::response(status, headers);
    if let Some(route) = routes.first() {
        rewrite::response(headers, RewriteContext { routes, route, host });
    }
}
